"""Money of one leg that counts again on several accounts: each is a payment of its own at a server of the standard."""

from pos.store.migrations.run_sql import run_sql

revision = "0040"
down_revision = "0039"

SCHEMA = """
-- As before, but that what was placed on an account is known by the message of that account: the first is '-to', the others
-- are '-t2', '-t3' and so on, and what is undone of them names the place behind the correction.
DROP VIEW corrected_part;
CREATE VIEW corrected_part AS
SELECT corrected.correction_id, part.account, part.bill_no, part.kept_as, part.sale_line IS NOT NULL AS is_item,
       -corrected.amount_minor AS amount_minor, corrected.currency,
       iif(told.applied_change IS NULL AND told.server_id <> 'not-told', paid.correlator_id, told.correlator_id)
           AS correlator_id,
       CASE WHEN told.applied_change IS NOT NULL THEN told.server_id
           WHEN told.server_id <> 'not-told' THEN paid.server_id END AS server_id,
       told.applied_change
FROM correction_part AS corrected
JOIN allocation AS part ON part.allocation_id = corrected.part_id
JOIN outbox AS told ON told.source_id = corrected.correction_id AND told.kind = 'refund'
    AND told.payment_event_id = part.payment_event_id AND told.leg = part.leg
JOIN outbox AS paid ON paid.payment_event_id = part.payment_event_id AND paid.leg = part.leg AND paid.source_id = ''
UNION ALL
SELECT corrected.correction_id, part.account, part.bill_no, part.kept_as, 0, -corrected.amount_minor, corrected.currency,
       iif(told.applied_change IS NULL AND has.server_id IS NOT NULL, paid.correlator_id, told.correlator_id),
       CASE WHEN told.applied_change IS NOT NULL THEN told.server_id
           WHEN has.server_id IS NOT NULL THEN paid.server_id END,
       told.applied_change
FROM correction_part AS corrected
JOIN placed_part AS part USING (part_id)
JOIN outbox AS told ON told.source_id = corrected.correction_id AND told.kind = 'refund'
    AND told.payment_event_id = part.payment_event_id AND told.leg = part.leg
LEFT JOIN outbox AS apart ON apart.source_id BETWEEN corrected.correction_id || '-' || part.correction_id
        AND corrected.correction_id || '-' || part.correction_id || '~'
    AND apart.payment_event_id = part.payment_event_id AND apart.leg = part.leg AND apart.account = part.account
LEFT JOIN outbox AS has ON has.server_id <> 'not-told'
    AND has.outbox_id = iif(apart.outbox_id IS NULL OR apart.server_id = 'not-told', told.outbox_id, apart.outbox_id)
JOIN outbox AS paid ON paid.payment_event_id = part.payment_event_id AND paid.leg = part.leg
    AND CASE WHEN apart.server_id IS NULL OR apart.server_id = 'not-told' THEN paid.source_id = ''
        ELSE paid.source_id BETWEEN part.correction_id || '-t' AND part.correction_id || '-t~'
            AND paid.account = part.account AND paid.kind = 'moved' END
UNION ALL
SELECT part.correction_id, part.account, part.bill_no, part.kept_as, 0, part.amount_minor, part.currency,
       iif(told.applied_change IS NULL AND moved.server_id IS NOT 'not-told', moved.correlator_id, told.correlator_id),
       iif(told.applied_change IS NULL, nullif(moved.server_id, 'not-told'), told.server_id),
       told.applied_change
FROM placed_part AS part
JOIN outbox AS told ON told.source_id = part.correction_id AND told.kind = 'refund'
    AND told.payment_event_id = part.payment_event_id AND told.leg = part.leg
JOIN outbox AS moved ON moved.source_id BETWEEN part.correction_id || '-t' AND part.correction_id || '-t~'
    AND moved.payment_event_id = part.payment_event_id AND moved.leg = part.leg AND moved.account = part.account
    AND moved.kind = 'moved';
"""


def upgrade() -> None:
    run_sql(SCHEMA)
