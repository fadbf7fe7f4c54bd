"""Cheques on their way to the bank: slips, the cheques on them, and what the bank credited."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0023"
down_revision = "0022"

SCHEMA = """
-- A slip is written after its cheques, so that a trigger can sum them.
CREATE TABLE deposit_slip (
    slip_id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    bank_account TEXT NOT NULL,
    ledger_account TEXT NOT NULL,
    business_date TEXT NOT NULL,
    made_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    cheques INTEGER NOT NULL CHECK (cheques > 0),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3)
) STRICT;

CREATE TABLE deposit_cheque (
    slip_id TEXT NOT NULL REFERENCES deposit_slip DEFERRABLE INITIALLY DEFERRED,
    place INTEGER NOT NULL CHECK (place > 0),
    cheque_id TEXT NOT NULL REFERENCES cheque,
    PRIMARY KEY (slip_id, place),
    UNIQUE (slip_id, cheque_id)
) STRICT;
CREATE INDEX deposit_cheque_by_cheque ON deposit_cheque (cheque_id);

-- What became of a slip. ``bank_date`` is the bank's day; ``amount_minor`` is the slip's, or what the bank credited with
-- this step, in one sum for the slip or cheque by cheque.
CREATE TABLE deposit_slip_event (
    step_id TEXT PRIMARY KEY,
    slip_id TEXT NOT NULL REFERENCES deposit_slip DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('made', 'lodged', 'part_confirmed', 'confirmed', 'cancelled')),
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    bank_date TEXT,
    reference TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    credited_by TEXT CHECK (credited_by IN ('slip', 'cheque')),
    reason TEXT,
    UNIQUE (slip_id, number),
    CHECK ((number = 1) = (state = 'made')),
    CHECK ((bank_date IS NOT NULL) = (state IN ('lodged', 'part_confirmed', 'confirmed'))),
    CHECK ((reference IS NOT NULL) = (state = 'lodged')),
    CHECK ((credited_by IS NOT NULL) = (state IN ('part_confirmed', 'confirmed'))),
    CHECK (credited_by IS NOT 'slip' OR state = 'confirmed'),
    CHECK ((reason IS NOT NULL) = (state = 'cancelled'))
) STRICT;

-- Which cheques a step credited, each once and whole: its amount is the cheque's.
CREATE TABLE deposit_credit (
    slip_id TEXT NOT NULL,
    cheque_id TEXT NOT NULL,
    step_id TEXT NOT NULL REFERENCES deposit_slip_event DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (slip_id, cheque_id),
    FOREIGN KEY (slip_id, cheque_id) REFERENCES deposit_cheque (slip_id, cheque_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deposit_credit_by_step ON deposit_credit (step_id);

CREATE TRIGGER cheque_is_on_one_slip BEFORE INSERT ON deposit_cheque
BEGIN
    SELECT RAISE(ABORT, 'the slip is complete') WHERE EXISTS (
        SELECT 1 FROM deposit_slip WHERE slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'this cheque is on a slip') WHERE EXISTS (
        SELECT 1 FROM deposit_cheque AS other WHERE other.cheque_id = NEW.cheque_id AND other.slip_id NOT IN (
            SELECT slip_id FROM deposit_slip_event WHERE state IN ('confirmed', 'cancelled')));
    SELECT RAISE(ABORT, 'this cheque is not in hand') WHERE 'received' IS NOT (
        SELECT state FROM cheque_event WHERE cheque_id = NEW.cheque_id ORDER BY number DESC LIMIT 1);
END;

CREATE TRIGGER slip_is_the_sum_of_its_cheques BEFORE INSERT ON deposit_slip
BEGIN
    SELECT RAISE(ABORT, 'the cheques do not make the slip') WHERE (NEW.cheques, NEW.amount_minor) IS NOT (
        SELECT count(*), sum(iif(cheque.currency = NEW.currency, cheque.amount_minor, NULL))
        FROM deposit_cheque JOIN cheque USING (cheque_id) WHERE slip_id = NEW.slip_id)
    OR EXISTS (SELECT 1 FROM deposit_cheque JOIN cheque USING (cheque_id)
        WHERE slip_id = NEW.slip_id AND cheque.currency <> NEW.currency);
END;

CREATE TRIGGER deposit_step BEFORE INSERT ON deposit_slip_event
BEGIN
    SELECT RAISE(ABORT, 'a deposit slip does not go from its state to this one')
    WHERE NEW.number > 1 AND NOT EXISTS (
        SELECT 1 FROM deposit_slip_event AS last WHERE last.slip_id = NEW.slip_id AND last.number = NEW.number - 1
        AND last.state || ' ' || NEW.state IN ('made lodged', 'made cancelled', 'lodged part_confirmed', 'lodged confirmed',
            'part_confirmed part_confirmed', 'part_confirmed confirmed'));
    SELECT RAISE(ABORT, 'a deposit slip keeps its amount') WHERE NEW.credited_by IS NULL
    AND NEW.amount_minor IS NOT (SELECT amount_minor FROM deposit_slip WHERE slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'what was credited is not the cheques') WHERE NEW.credited_by IS NOT NULL
    AND NEW.amount_minor IS NOT (
        SELECT sum(cheque.amount_minor) FROM deposit_credit JOIN cheque USING (cheque_id)
        WHERE deposit_credit.step_id = NEW.step_id AND deposit_credit.slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'a slip is confirmed once all of it is credited') WHERE NEW.credited_by IS NOT NULL
    AND (NEW.state = 'confirmed') <> (
        (SELECT count(*) FROM deposit_credit WHERE slip_id = NEW.slip_id)
        = (SELECT count(*) FROM deposit_cheque WHERE slip_id = NEW.slip_id));
END;

CREATE TRIGGER credit_before_its_step BEFORE INSERT ON deposit_credit
WHEN EXISTS (SELECT 1 FROM deposit_slip_event WHERE step_id = NEW.step_id)
BEGIN SELECT RAISE(ABORT, 'the step is complete'); END;

CREATE TRIGGER cheque_step BEFORE INSERT ON cheque_event
WHEN NOT (NEW.number = 1 AND NEW.state = 'received') AND NOT EXISTS (
    SELECT 1 FROM cheque_event AS last WHERE last.cheque_id = NEW.cheque_id AND last.number = NEW.number - 1
    AND last.state || ' ' || NEW.state IN ('received batched', 'batched received', 'batched lodged', 'lodged credited'))
BEGIN SELECT RAISE(ABORT, 'a cheque does not go from its state to this one'); END;

CREATE VIEW v_deposit_slip AS
SELECT deposit_slip.slip_id, receipt_number, bank_account, business_date, deposit_slip.operator, cheques,
       deposit_slip.amount_minor, currency, latest.state,
       (SELECT coalesce(sum(amount_minor), 0) FROM deposit_slip_event AS credited
        WHERE credited.slip_id = deposit_slip.slip_id AND credited_by IS NOT NULL) AS credited_minor,
       lodged.reference, lodged.bank_date AS lodged_on, latest.bank_date, latest.reason
FROM deposit_slip
JOIN (SELECT slip_id, max(number), state, bank_date, reason FROM deposit_slip_event GROUP BY slip_id) AS latest
    ON latest.slip_id = deposit_slip.slip_id
LEFT JOIN deposit_slip_event AS lodged ON lodged.slip_id = deposit_slip.slip_id AND lodged.state = 'lodged';

CREATE VIEW v_deposit_cheque AS
SELECT receipt_number, place, cheque_id, serial, bank, cheque_date, cheque.amount_minor, cheque.currency,
       (SELECT bank_date FROM deposit_credit AS paid JOIN deposit_slip_event USING (step_id)
        WHERE paid.slip_id = deposit_cheque.slip_id AND paid.cheque_id = cheque.cheque_id) AS credited_on
FROM deposit_cheque JOIN deposit_slip USING (slip_id) JOIN cheque USING (cheque_id);
"""

APPEND_ONLY = ("deposit_slip", "deposit_cheque", "deposit_slip_event", "deposit_credit")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
