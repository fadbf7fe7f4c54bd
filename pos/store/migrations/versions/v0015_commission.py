"""Commission of dealers, frozen with each line of a sale, and what of it was settled later."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0015"
down_revision = "0014"

SCHEMA = """
CREATE TABLE commission_line (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    line INTEGER NOT NULL CHECK (line > 0),
    gross_minor INTEGER NOT NULL CHECK (gross_minor > 0),
    percent TEXT NOT NULL,
    commission_minor INTEGER NOT NULL CHECK (commission_minor BETWEEN 0 AND gross_minor),
    withholding_percent TEXT NOT NULL,
    withheld_minor INTEGER NOT NULL CHECK (withheld_minor BETWEEN 0 AND commission_minor),
    deducted_minor INTEGER NOT NULL CHECK (deducted_minor IN (0, commission_minor - withheld_minor)),
    at TEXT NOT NULL CHECK (at IN ('sale', 'settlement')),
    settlement TEXT NOT NULL CHECK (settlement IN ('net', 'gross')),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (payment_event_id, line),
    CHECK (deducted_minor = iif(at = 'sale' AND settlement = 'net', commission_minor - withheld_minor, 0))
) STRICT, WITHOUT ROWID;

CREATE TABLE commission_settlement (
    settlement_id TEXT PRIMARY KEY,
    dealer TEXT NOT NULL,
    commission_minor INTEGER NOT NULL CHECK (commission_minor > 0),
    withheld_minor INTEGER NOT NULL CHECK (withheld_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    operator TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;

-- A line is settled once.
CREATE TABLE commission_settled (
    payment_event_id TEXT NOT NULL,
    line INTEGER NOT NULL,
    settlement_id TEXT NOT NULL REFERENCES commission_settlement DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (payment_event_id, line),
    FOREIGN KEY (payment_event_id, line) REFERENCES commission_line
) STRICT, WITHOUT ROWID;
CREATE INDEX commission_settled_by_settlement ON commission_settled (settlement_id);

CREATE TRIGGER commission_line_before_event BEFORE INSERT ON commission_line
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;

DROP TRIGGER sale_balances;
CREATE TRIGGER sale_balances BEFORE INSERT ON payment_event
BEGIN
    SELECT RAISE(ABORT, 'a line of the sale is not paid whole') WHERE EXISTS (
        SELECT 1 FROM sale_line WHERE payment_event_id = NEW.payment_event_id AND (
            currency <> NEW.currency OR amount_minor IS NOT (
                SELECT coalesce(sum(amount_minor), 0) FROM allocation
                WHERE payment_event_id = NEW.payment_event_id AND allocation.sale_line = sale_line.number)
            + coalesce((SELECT deducted_minor FROM commission_line AS earned
                WHERE earned.payment_event_id = NEW.payment_event_id AND earned.line = sale_line.number), 0)));
    SELECT RAISE(ABORT, 'an allocation names no line of the sale') WHERE EXISTS (
        SELECT 1 FROM allocation WHERE payment_event_id = NEW.payment_event_id AND sale_line IS NOT NULL AND (
            bill_no IS NOT NULL OR sale_line NOT IN (
                SELECT number FROM sale_line WHERE payment_event_id = NEW.payment_event_id)));
    SELECT RAISE(ABORT, 'a commission is of no line of the sale') WHERE EXISTS (
        SELECT 1 FROM commission_line AS earned WHERE payment_event_id = NEW.payment_event_id AND NOT EXISTS (
            SELECT 1 FROM sale_line WHERE sale_line.payment_event_id = earned.payment_event_id
            AND sale_line.number = earned.line AND sale_line.amount_minor = earned.gross_minor));
END;

CREATE VIEW v_commission AS
SELECT payment_event_id, line, payer_account AS dealer, gross_minor, percent, commission_minor, withholding_percent,
       withheld_minor, deducted_minor, commission_line.currency, at, settlement,
       CASE WHEN at = 'sale' THEN 'settled' WHEN settlement_id IS NULL THEN 'owed' ELSE 'settled' END AS state
FROM commission_line JOIN payment_event USING (payment_event_id) LEFT JOIN commission_settled USING (payment_event_id, line);
"""

APPEND_ONLY = ("commission_line", "commission_settlement", "commission_settled")


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
