"""A payment of the open shift that was keyed as paid another way, and the same one as it was really paid."""

from pos.store.migrations.append_only import make_append_only
from pos.store.migrations.run_sql import run_sql

revision = "0030"
down_revision = "0029"

SCHEMA = """
CREATE TABLE tender_swap (
    correction_id TEXT PRIMARY KEY REFERENCES correction,
    payment_event_id TEXT NOT NULL UNIQUE REFERENCES payment_event
) STRICT, WITHOUT ROWID;
CREATE TRIGGER a_swap_is_the_same_payment BEFORE INSERT ON tender_swap
WHEN NOT EXISTS (
    SELECT 1 FROM correction JOIN payment_event AS undone USING (payment_event_id)
    JOIN payment_event AS anew ON anew.payment_event_id = NEW.payment_event_id
    WHERE correction.correction_id = NEW.correction_id AND correction.kind = 'void'
    AND anew.payment_event_id <> undone.payment_event_id
    AND anew.shift_id = undone.shift_id AND anew.payer_account = undone.payer_account
    AND NOT EXISTS (
        SELECT 1 FROM (
            SELECT account, coalesce(bill_no, ''), sale_line IS NOT NULL, coalesce(kept_as, ''), currency,
                sum(CASE payment_event_id WHEN anew.payment_event_id THEN amount_minor ELSE -amount_minor END) AS differs
            FROM allocation WHERE payment_event_id IN (anew.payment_event_id, undone.payment_event_id)
            GROUP BY 1, 2, 3, 4, 5)
        WHERE differs <> 0))
BEGIN SELECT RAISE(ABORT, 'a swap leaves what was paid as it was'); END;

DROP VIEW v_correction;
CREATE VIEW v_correction AS
SELECT correction_id, kind, correction.payment_event_id, receipt_number, shift_id, business_date, at_utc, operator,
       reason_code, reason, amount_minor, currency,
       (SELECT coalesce(sum(amount_minor), 0) FROM correction_cash
        WHERE correction_cash.correction_id = correction.correction_id) AS cash_minor,
       tender_swap.payment_event_id AS paid_anew
FROM correction LEFT JOIN tender_swap USING (correction_id);
"""

APPEND_ONLY = ("tender_swap",)


def upgrade() -> None:
    run_sql(SCHEMA)
    for table in APPEND_ONLY:
        make_append_only(table)
