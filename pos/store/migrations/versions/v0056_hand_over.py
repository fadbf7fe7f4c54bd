"""A shift that is handed over to another person, who accepts it: until then it stands still."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0056"
down_revision = "0055"

SCHEMA = """
-- The open shift, as it was counted last, is offered to another person.
CREATE TABLE hand_over (
    hand_over_id TEXT PRIMARY KEY,
    shift_id TEXT NOT NULL REFERENCES shift,
    count_id TEXT NOT NULL REFERENCES shift_count,
    to_operator TEXT NOT NULL,
    reason TEXT,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    CHECK (to_operator <> operator)
) STRICT;
CREATE INDEX hand_over_by_shift ON hand_over (shift_id);
-- Taken back, or not accepted: the shift goes on as it was.
CREATE TABLE hand_over_undone (
    hand_over_id TEXT PRIMARY KEY REFERENCES hand_over,
    reason TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;
-- Accepted: in the same transaction the shift is closed with that count and ``next_shift_id`` begins with its cash.
CREATE TABLE hand_over_accepted (
    hand_over_id TEXT PRIMARY KEY REFERENCES hand_over,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    next_shift_id TEXT NOT NULL UNIQUE REFERENCES shift DEFERRABLE INITIALLY DEFERRED,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;

CREATE VIEW v_hand_over AS
SELECT hand_over.hand_over_id, hand_over.shift_id, shift.number AS shift_number, hand_over.operator, to_operator,
       CASE WHEN accepted.hand_over_id IS NOT NULL THEN 'accepted' WHEN undone.hand_over_id IS NOT NULL THEN 'undone'
       ELSE 'offered' END AS state,
       shift_count.cash_minor, shift.currency, shift_count.cheque_count, shift_count.cheque_minor, hand_over.count_id,
       hand_over.reason, hand_over.at_utc AS offered_at_utc, accepted.receipt_number, accepted.next_shift_id,
       coalesce(accepted.operator, undone.operator) AS ended_by, coalesce(accepted.at_utc, undone.at_utc) AS ended_at_utc,
       undone.reason AS undone_because
FROM hand_over JOIN shift USING (shift_id) JOIN shift_count USING (count_id)
LEFT JOIN hand_over_accepted AS accepted USING (hand_over_id) LEFT JOIN hand_over_undone AS undone USING (hand_over_id);

CREATE TRIGGER hand_over_of_an_open_shift BEFORE INSERT ON hand_over
BEGIN
    SELECT RAISE(ABORT, 'the shift is closed') WHERE EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
    SELECT RAISE(ABORT, 'the shift is offered already') WHERE EXISTS (
        SELECT 1 FROM v_hand_over WHERE shift_id = NEW.shift_id AND state = 'offered');
    SELECT RAISE(ABORT, 'a shift is handed over by its operator, with its last count') WHERE NOT EXISTS (
        SELECT 1 FROM shift JOIN shift_count USING (shift_id) WHERE shift.shift_id = NEW.shift_id
        AND shift.operator = NEW.operator AND count_id = NEW.count_id
        AND shift_count.number = (SELECT max(number) FROM shift_count WHERE shift_id = NEW.shift_id));
END;
CREATE TRIGGER hand_over_is_undone_once BEFORE INSERT ON hand_over_undone
WHEN EXISTS (SELECT 1 FROM hand_over_accepted WHERE hand_over_id = NEW.hand_over_id)
BEGIN SELECT RAISE(ABORT, 'the hand-over was accepted'); END;
CREATE TRIGGER hand_over_is_accepted_by_another BEFORE INSERT ON hand_over_accepted
BEGIN
    SELECT RAISE(ABORT, 'the hand-over was undone') WHERE EXISTS (
        SELECT 1 FROM hand_over_undone WHERE hand_over_id = NEW.hand_over_id);
    SELECT RAISE(ABORT, 'a hand-over is accepted by another person') WHERE EXISTS (
        SELECT 1 FROM hand_over WHERE hand_over_id = NEW.hand_over_id AND operator = NEW.operator);
END;
CREATE TRIGGER accepted_cash_is_the_float BEFORE INSERT ON shift
WHEN EXISTS (SELECT 1 FROM hand_over_accepted AS accepted JOIN v_hand_over USING (hand_over_id)
    WHERE accepted.next_shift_id = NEW.shift_id
    AND (cash_minor, currency, accepted.operator) IS NOT (NEW.float_minor, NEW.currency, NEW.operator))
BEGIN SELECT RAISE(ABORT, 'what was accepted is the float'); END;
"""

STANDS_STILL = """
CREATE TRIGGER offered_shift_has_no_{table} BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM v_hand_over WHERE shift_id = NEW.shift_id AND state = 'offered')
BEGIN SELECT RAISE(ABORT, 'the shift is handed over and waits to be accepted'); END;
"""
AT_REST = ("payment_event", "correction", "refund_across", "cash_move", "shift_count", "shift_close")

APPEND_ONLY = ("hand_over", "hand_over_undone", "hand_over_accepted")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in AT_REST:
        run_sql(STANDS_STILL.format(table=table))
    for table in APPEND_ONLY:
        make_append_only(table)
