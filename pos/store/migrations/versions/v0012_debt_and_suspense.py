"""Who chose an allocation, as what money is kept; residues cleared, written-off debt recovered; suspense."""

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

DROP VIEW v_allocation;
CREATE VIEW v_allocation AS
SELECT allocation_id, payment_event_id, tender_id, account, bill_no, amount_minor, currency, sale_line,
       (SELECT item FROM sale_line AS line
        WHERE line.payment_event_id = allocation.payment_event_id AND line.number = allocation.sale_line) AS item,
       chosen_by, kept_as
FROM allocation;
"""

APPEND_ONLY = ("bill_write_off", "recovery", "suspense")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
