"""Bags of cash on deposit slips, beside the cheques."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.relax import relax
from pos.store.migrations.run_sql import run_sql

revision = "0037"
down_revision = "0036"

SCHEMA = """
-- Cash of the safe that was counted, put in a bag and sealed. ``number`` is the one printed on the bag.
CREATE TABLE cash_bag (
    bag_id TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    business_date TEXT NOT NULL,
    sealed_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;
CREATE INDEX cash_bag_by_number ON cash_bag (number);
CREATE TABLE cash_bag_event (
    bag_id TEXT NOT NULL REFERENCES cash_bag,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL CHECK (state IN ('sealed', 'batched', 'lodged', 'credited', 'opened')),
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (bag_id, number)
) STRICT;
CREATE TRIGGER bag_is_there_once BEFORE INSERT ON cash_bag
WHEN EXISTS (SELECT 1 FROM cash_bag AS other WHERE other.number = NEW.number AND (
    SELECT state FROM cash_bag_event AS last WHERE last.bag_id = other.bag_id ORDER BY last.number DESC LIMIT 1)
    NOT IN ('credited', 'opened'))
BEGIN SELECT RAISE(ABORT, 'this bag is there already'); END;
CREATE TRIGGER bag_step BEFORE INSERT ON cash_bag_event
WHEN NOT (NEW.number = 1 AND NEW.state = 'sealed') AND NOT EXISTS (
    SELECT 1 FROM cash_bag_event AS last WHERE last.bag_id = NEW.bag_id AND last.number = NEW.number - 1
    AND last.state || ' ' || NEW.state IN ('sealed batched', 'batched sealed', 'batched lodged', 'lodged credited',
        'sealed opened'))
BEGIN SELECT RAISE(ABORT, 'a bag does not go from its state to this one'); END;
CREATE TRIGGER bag_goes_with_its_slip BEFORE INSERT ON cash_bag_event
WHEN CASE NEW.state
    WHEN 'batched' THEN NOT EXISTS (SELECT 1 FROM deposit_bag JOIN deposit_slip_event USING (slip_id)
        WHERE bag_id = NEW.bag_id AND deposit_slip_event.state = 'made')
    WHEN 'lodged' THEN NOT EXISTS (SELECT 1 FROM deposit_bag JOIN deposit_slip_event USING (slip_id)
        WHERE bag_id = NEW.bag_id AND deposit_slip_event.state = 'lodged')
    WHEN 'credited' THEN NOT EXISTS (SELECT 1 FROM deposit_bag_credit WHERE bag_id = NEW.bag_id)
    WHEN 'sealed' THEN NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM deposit_bag JOIN deposit_slip_event USING (slip_id)
        WHERE bag_id = NEW.bag_id AND deposit_slip_event.state = 'cancelled')
    ELSE 0 END
BEGIN SELECT RAISE(ABORT, 'a bag goes with its slip'); END;

CREATE TABLE deposit_bag (
    slip_id TEXT NOT NULL REFERENCES deposit_slip DEFERRABLE INITIALLY DEFERRED,
    place INTEGER NOT NULL CHECK (place > 0),
    bag_id TEXT NOT NULL REFERENCES cash_bag,
    PRIMARY KEY (slip_id, place),
    UNIQUE (slip_id, bag_id)
) STRICT;
CREATE INDEX deposit_bag_by_bag ON deposit_bag (bag_id);

-- What the bank counted in a bag; ``reason`` is what it said where that is not what was put in.
CREATE TABLE deposit_bag_credit (
    slip_id TEXT NOT NULL,
    bag_id TEXT NOT NULL,
    step_id TEXT NOT NULL REFERENCES deposit_slip_event DEFERRABLE INITIALLY DEFERRED,
    credited_minor INTEGER NOT NULL CHECK (credited_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    reason TEXT,
    PRIMARY KEY (slip_id, bag_id),
    FOREIGN KEY (slip_id, bag_id) REFERENCES deposit_bag (slip_id, bag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deposit_bag_credit_by_step ON deposit_bag_credit (step_id);

ALTER TABLE deposit_slip ADD COLUMN bags INTEGER CHECK (bags > 0);

CREATE TRIGGER bag_is_on_one_slip BEFORE INSERT ON deposit_bag
BEGIN
    SELECT RAISE(ABORT, 'the slip is complete') WHERE EXISTS (
        SELECT 1 FROM deposit_slip WHERE slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'this bag is not in the safe') WHERE 'sealed' IS NOT (
        SELECT state FROM cash_bag_event WHERE bag_id = NEW.bag_id ORDER BY number DESC LIMIT 1);
END;
CREATE TRIGGER bag_credit_before_its_step BEFORE INSERT ON deposit_bag_credit
BEGIN
    SELECT RAISE(ABORT, 'the step is complete') WHERE EXISTS (
        SELECT 1 FROM deposit_slip_event WHERE step_id = NEW.step_id);
    SELECT RAISE(ABORT, 'what differs has a reason') WHERE NEW.reason IS NULL AND NEW.credited_minor IS NOT (
        SELECT amount_minor FROM cash_bag WHERE bag_id = NEW.bag_id AND currency = NEW.currency);
END;

DROP TRIGGER slip_is_the_sum_of_its_cheques;
CREATE TRIGGER slip_is_the_sum_of_what_is_on_it BEFORE INSERT ON deposit_slip
BEGIN
    SELECT RAISE(ABORT, 'there is nothing on the slip') WHERE NEW.cheques = 0 AND NEW.bags IS NULL;
    SELECT RAISE(ABORT, 'the cheques and bags do not make the slip')
    WHERE NEW.cheques <> (SELECT count(*) FROM deposit_cheque WHERE slip_id = NEW.slip_id)
    OR coalesce(NEW.bags, 0) <> (SELECT count(*) FROM deposit_bag WHERE slip_id = NEW.slip_id)
    OR NEW.amount_minor <> (SELECT coalesce(sum(cheque.amount_minor), 0) FROM deposit_cheque JOIN cheque USING (cheque_id)
        WHERE slip_id = NEW.slip_id) + (SELECT coalesce(sum(cash_bag.amount_minor), 0) FROM deposit_bag
        JOIN cash_bag USING (bag_id) WHERE slip_id = NEW.slip_id)
    OR EXISTS (SELECT 1 FROM deposit_cheque JOIN cheque USING (cheque_id)
        WHERE slip_id = NEW.slip_id AND cheque.currency <> NEW.currency)
    OR EXISTS (SELECT 1 FROM deposit_bag JOIN cash_bag USING (bag_id)
        WHERE slip_id = NEW.slip_id AND cash_bag.currency <> NEW.currency);
END;

-- A step is worth what stands on the slip for what it credited; what the bank counted in a bag stands beside it.
DROP TRIGGER deposit_step;
CREATE TRIGGER deposit_step BEFORE INSERT ON deposit_slip_event
BEGIN
    SELECT RAISE(ABORT, 'a deposit slip does not go from its state to this one')
    WHERE NEW.number > 1 AND NOT EXISTS (
        SELECT 1 FROM deposit_slip_event AS last WHERE last.slip_id = NEW.slip_id AND last.number = NEW.number - 1
        AND last.state || ' ' || NEW.state IN ('made lodged', 'made cancelled', 'lodged part_confirmed', 'lodged confirmed',
            'part_confirmed part_confirmed', 'part_confirmed confirmed'));
    SELECT RAISE(ABORT, 'a deposit slip keeps its amount') WHERE NEW.credited_by IS NULL
    AND NEW.amount_minor IS NOT (SELECT amount_minor FROM deposit_slip WHERE slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'what was credited is not what was on the slip') WHERE NEW.credited_by IS NOT NULL
    AND NEW.amount_minor <> (
        SELECT coalesce(sum(cheque.amount_minor), 0) FROM deposit_credit JOIN cheque USING (cheque_id)
        WHERE deposit_credit.step_id = NEW.step_id AND deposit_credit.slip_id = NEW.slip_id) + (
        SELECT coalesce(sum(cash_bag.amount_minor), 0) FROM deposit_bag_credit AS counted JOIN cash_bag USING (bag_id)
        WHERE counted.step_id = NEW.step_id AND counted.slip_id = NEW.slip_id);
    SELECT RAISE(ABORT, 'a slip is confirmed once all of it is credited') WHERE NEW.credited_by IS NOT NULL
    AND (NEW.state = 'confirmed') <> (
        (SELECT count(*) FROM deposit_credit WHERE slip_id = NEW.slip_id)
        = (SELECT count(*) FROM deposit_cheque WHERE slip_id = NEW.slip_id)
        AND (SELECT count(*) FROM deposit_bag_credit WHERE slip_id = NEW.slip_id)
        = (SELECT count(*) FROM deposit_bag WHERE slip_id = NEW.slip_id));
END;

CREATE VIEW v_cash_bag AS
SELECT cash_bag.bag_id, cash_bag.number, cash_bag.amount_minor, cash_bag.currency, cash_bag.business_date,
       cash_bag.operator, (SELECT state FROM cash_bag_event AS last WHERE last.bag_id = cash_bag.bag_id
                           ORDER BY last.number DESC LIMIT 1) AS state,
       (SELECT receipt_number FROM deposit_bag JOIN deposit_slip USING (slip_id) WHERE deposit_bag.bag_id = cash_bag.bag_id
        AND slip_id NOT IN (SELECT slip_id FROM deposit_slip_event WHERE state = 'cancelled')
        ORDER BY deposit_slip.rowid DESC LIMIT 1) AS slip,
       counted.credited_minor, counted.reason, cash_bag.rowid AS sealed
FROM cash_bag LEFT JOIN deposit_bag_credit AS counted USING (bag_id);
"""

APPEND_ONLY = ("cash_bag", "cash_bag_event", "deposit_bag", "deposit_bag_credit")


def upgrade() -> None:
    relax(
        "deposit_slip",
        "cheques INTEGER NOT NULL CHECK (cheques > 0)",
        "cheques INTEGER NOT NULL CHECK (cheques >= 0)",
    )
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
