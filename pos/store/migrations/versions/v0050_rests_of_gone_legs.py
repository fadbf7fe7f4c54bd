"""A bounce undoes what stood beside the legs that it takes money off, not beside one that was paid back wholly before."""

from pos.store.migrations.run_sql import run_sql

revision = "0050"
down_revision = "0049"

_UNDONE = """(SELECT correction_id FROM correction AS undone WHERE undone.payment_event_id = part.payment_event_id
        AND {whole} (undone.tender_id = leg.tender_id AND kind <> 'reinstatement' AND (kind <> 'dishonour' OR EXISTS (
            SELECT 1 FROM correction_part JOIN (
                SELECT allocation_id AS part_id, payment_event_id, leg FROM allocation
                UNION ALL SELECT part_id, payment_event_id, leg FROM placed_part) AS gone USING (part_id)
            WHERE correction_part.correction_id = undone.correction_id
            AND gone.payment_event_id = part.payment_event_id AND gone.leg = part.leg))){end}
        ORDER BY undone.rowid LIMIT 1)"""
_FIRST = _UNDONE.format(whole="(kind IN ('void', 'reversal') OR", end=")")
_LATER = _UNDONE.format(whole="undone.rowid > done.rowid AND", end="")

SCHEMA = f"""
-- Each with the correction that undid it; empty: it stands. ``again`` is the correction it came with, empty: the payment.
-- Of a leg that was paid back wholly before its cheque bounced nothing stands that the bounce could undo, and what
-- it wrote off or brought back stays.
DROP VIEW write_off_made;
CREATE VIEW write_off_made AS
SELECT part.payment_event_id, part.leg, tender_id, part.account, bill_no, bill_id, part.amount_minor, part.currency,
       NULL AS again, {_FIRST} AS undone_by
FROM bill_write_off AS part JOIN leg USING (payment_event_id, leg)
UNION ALL
SELECT part.payment_event_id, part.leg, leg.tender_id, part.account, bill_no, bill_id, part.amount_minor, part.currency,
       part.correction_id, {_LATER}
FROM write_off_again AS part JOIN leg USING (payment_event_id, leg)
JOIN correction AS done ON done.correction_id = part.correction_id;
DROP VIEW recovery_made;
CREATE VIEW recovery_made AS
SELECT part.payment_event_id, part.leg, tender_id, part.account, part.amount_minor, part.currency, NULL AS again,
       {_FIRST} AS undone_by
FROM recovery AS part JOIN leg USING (payment_event_id, leg)
UNION ALL
SELECT part.payment_event_id, part.leg, leg.tender_id, part.account, part.amount_minor, part.currency, part.correction_id,
       {_LATER}
FROM recovery_again AS part JOIN leg USING (payment_event_id, leg)
JOIN correction AS done ON done.correction_id = part.correction_id;
"""


def upgrade() -> None:
    run_sql(SCHEMA)
