"""Cash rounding: what the smallest coin adds to a cash tender, or takes from it."""

from pos.store.migrations.run_sql import run_sql

revision = "0004"
down_revision = "0003"

SCHEMA = """
ALTER TABLE tender ADD COLUMN rounding_minor INTEGER NOT NULL DEFAULT 0
    CHECK (rounding_minor = 0 OR mode = 'cash')
    CHECK (amount_minor - change_minor + rounding_minor > 0);

DROP TRIGGER event_balances;
CREATE TRIGGER event_balances BEFORE INSERT ON payment_event
BEGIN
    SELECT RAISE(ABORT, 'the tenders do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor - change_minor + rounding_minor) FROM tender
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the allocations do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM allocation
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the payments do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM payment
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the legs do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM leg
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the shift is closed') WHERE EXISTS (
        SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
END;

DROP VIEW v_tender;
CREATE VIEW v_tender AS
SELECT tender_id, payment_event_id, mode, amount_minor, change_minor, currency, 'taken' AS state, rounding_minor FROM tender;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
