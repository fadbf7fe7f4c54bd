"""Who chose an allocation, as what money is kept; residues cleared, written-off debt recovered; suspense and its way out."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0012"
down_revision = "0011"

SCHEMA = """
ALTER TABLE allocation ADD COLUMN chosen_by TEXT NOT NULL DEFAULT 'default' CHECK (chosen_by IN ('payer', 'default'));
ALTER TABLE allocation ADD COLUMN kept_as TEXT CHECK (kept_as IN ('advance', 'deposit', 'suspense'))
    CHECK (kept_as IS NULL OR (bill_no IS NULL AND sale_line IS NULL));

CREATE TABLE bill_write_off (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    account TEXT NOT NULL,
    bill_no TEXT NOT NULL,
    bill_id TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (payment_event_id, bill_no)
) STRICT;
CREATE INDEX bill_write_off_by_bill ON bill_write_off (bill_no);
CREATE TRIGGER bill_write_off_goes_with_its_payment BEFORE INSERT ON bill_write_off
WHEN NOT EXISTS (SELECT 1 FROM allocation WHERE payment_event_id = NEW.payment_event_id AND leg = NEW.leg
                 AND bill_no = NEW.bill_no AND account = NEW.account AND currency = NEW.currency)
    OR EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the rest of a bill is written off by the payment that pays the bill'); END;

CREATE TABLE recovery (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (payment_event_id, leg)
) STRICT;
CREATE INDEX recovery_by_account ON recovery (account);
CREATE TRIGGER recovery_is_within_its_payment BEFORE INSERT ON recovery
WHEN NEW.amount_minor > (SELECT coalesce(sum(amount_minor), 0) FROM allocation WHERE bill_no IS NOT NULL
    AND payment_event_id = NEW.payment_event_id AND leg = NEW.leg AND account = NEW.account AND currency = NEW.currency)
    OR EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'no more debt comes back than is paid'); END;

-- Money whose owner nobody knows, each sum by the allocation that brought it.

CREATE TABLE suspense (
    suspense_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    reference TEXT NOT NULL
) STRICT;
CREATE INDEX suspense_by_event ON suspense (payment_event_id, leg);
CREATE TRIGGER suspense_before_event BEFORE INSERT ON suspense
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER suspense_is_registered BEFORE INSERT ON payment_event
BEGIN
    SELECT RAISE(ABORT, 'the register of suspense differs') WHERE
        (SELECT coalesce(sum(amount_minor), 0) FROM suspense WHERE payment_event_id = NEW.payment_event_id)
        <> (SELECT coalesce(sum(amount_minor), 0) FROM allocation
            WHERE payment_event_id = NEW.payment_event_id AND kept_as = 'suspense');
END;

-- What was taken out of suspense for an account, once its owner was found; the parts are written first.

CREATE TABLE suspense_transfer (
    transfer_id TEXT PRIMARY KEY,
    suspense_id TEXT NOT NULL REFERENCES suspense,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    resolved_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT
) STRICT;
CREATE TABLE suspense_transfer_part (
    transfer_id TEXT NOT NULL REFERENCES suspense_transfer DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number > 0),
    bill_no TEXT,
    bill_id TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (transfer_id, number)
) STRICT;
CREATE INDEX suspense_transfer_part_by_bill ON suspense_transfer_part (bill_no) WHERE bill_no IS NOT NULL;
CREATE INDEX suspense_transfer_by_suspense ON suspense_transfer (suspense_id);
CREATE INDEX suspense_transfer_by_account ON suspense_transfer (account);
CREATE TRIGGER suspense_part_before_transfer BEFORE INSERT ON suspense_transfer_part
WHEN EXISTS (SELECT 1 FROM suspense_transfer WHERE transfer_id = NEW.transfer_id)
BEGIN SELECT RAISE(ABORT, 'the transfer is complete'); END;
CREATE TRIGGER suspense_transfer_balances BEFORE INSERT ON suspense_transfer
BEGIN
    SELECT RAISE(ABORT, 'the parts do not make the transfer') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM suspense_transfer_part
        WHERE transfer_id = NEW.transfer_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'more is taken out of suspense than is there') WHERE NEW.amount_minor > coalesce((
        SELECT amount_minor - (SELECT coalesce(sum(amount_minor), 0) FROM suspense_transfer
                               WHERE suspense_id = NEW.suspense_id)
        FROM suspense WHERE suspense_id = NEW.suspense_id AND currency = NEW.currency), 0);
END;

DROP VIEW v_allocation;
CREATE VIEW v_allocation AS
SELECT allocation_id, payment_event_id, tender_id, account, bill_no, amount_minor, currency, sale_line,
       (SELECT item FROM sale_line AS line
        WHERE line.payment_event_id = allocation.payment_event_id AND line.number = allocation.sale_line) AS item,
       chosen_by, kept_as
FROM allocation;

DROP VIEW v_transfer;
CREATE VIEW v_transfer AS
SELECT transfer_id, suspense.payment_event_id, suspense_transfer.amount_minor, suspense_transfer.currency,
       'done' AS state, allocation.account AS from_account, suspense_transfer.account AS to_account
FROM suspense_transfer JOIN suspense USING (suspense_id)
JOIN allocation ON allocation.allocation_id = suspense.suspense_id;
"""

APPEND_ONLY = ("bill_write_off", "recovery", "suspense", "suspense_transfer", "suspense_transfer_part")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
