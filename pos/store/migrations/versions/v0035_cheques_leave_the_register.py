"""Post-dated cheques leave the register: by a payment of their own once their date has come, or with a slip before."""

from pos.store.migrations.run_sql import run_sql

revision = "0035"
down_revision = "0034"

SCHEMA = """
-- 1 where nobody chose it: then the oldest due is paid on the day, whatever that is by then.
ALTER TABLE post_dated_wish ADD COLUMN by_default INTEGER NOT NULL DEFAULT 0 CHECK (by_default IN (0, 1));

-- The slip with which a withdrawn cheque was given back.
ALTER TABLE post_dated_event ADD COLUMN receipt_number TEXT REFERENCES receipt DEFERRABLE INITIALLY DEFERRED
    CHECK ((receipt_number IS NOT NULL) = (state = 'withdrawn'));

-- The payment goes by the id that the cheque has in the register: so there is one, whoever asks for it and how often.
CREATE TRIGGER a_registered_cheque_pays_once BEFORE INSERT ON post_dated_event
WHEN NEW.state = 'credited' AND NEW.payment_event_id IS NOT NEW.post_dated_id
BEGIN SELECT RAISE(ABORT, 'a cheque of the register becomes its own payment'); END;
CREATE TRIGGER a_registered_cheque_pays_on_its_date BEFORE INSERT ON payment_event
WHEN EXISTS (
    SELECT 1 FROM post_dated_cheque AS held WHERE held.post_dated_id = NEW.payment_event_id AND (
        NOT EXISTS (SELECT 1 FROM post_dated_event AS step
                    WHERE step.post_dated_id = held.post_dated_id AND step.state = 'credited')
        OR (NEW.amount_minor, NEW.currency, NEW.payer_account)
            IS NOT (held.amount_minor, held.currency, held.payer_account)
        OR held.cheque_date > max(NEW.business_date, date(NEW.taken_at_utc, NEW.utc_offset_min || ' minutes'))))
BEGIN SELECT RAISE(ABORT, 'this cheque of the register can not be paid in so'); END;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
