"""Moved money as a server without moves is told it, and how far any server has what corrections did to a bill or account."""

from pos.store.migrations.run_sql import run_sql

revision = "0036"
down_revision = "0035"

SCHEMA = """
-- Beside each refund row of a leg: what it undoes of money that was moved before, and where it moves money to. Rows of our
-- own central end unsent. What was told already is as it was told.
INSERT INTO outbox (payment_event_id, leg, correlator_id, kind, source_id, account, queue, state, body, server_id, reason,
    changed_at_utc)
SELECT payment_event_id, leg, key, kind, source_id, account, queue, iif(told IS NULL, 'waiting', 'acknowledged'),
       iif(told IS NULL, NULL, x'7b7d'), iif(told IS NULL, NULL, 'not-told'), NULL, changed_at_utc
FROM (
    SELECT told.outbox_id AS at, 2 AS place, told.payment_event_id, told.leg, told.correlator_id || '-to' AS key,
           'moved' AS kind, told.source_id || '-to' AS source_id, placed.account, told.queue, told.server_id AS told,
           told.changed_at_utc
    FROM outbox AS told JOIN (SELECT DISTINCT correction_id, leg, account FROM placed_part) AS placed
        ON placed.correction_id = told.source_id AND placed.leg = told.leg
    WHERE told.kind = 'refund'
    UNION ALL
    SELECT DISTINCT told.outbox_id, 1, told.payment_event_id, told.leg, told.correlator_id || '-' || part.correction_id,
           'moved_refund', told.source_id || '-' || part.correction_id, part.account, told.queue, told.server_id,
           told.changed_at_utc
    FROM outbox AS told JOIN correction_part AS corrected ON corrected.correction_id = told.source_id
    JOIN placed_part AS part ON part.part_id = corrected.part_id AND part.payment_event_id = told.payment_event_id
        AND part.leg = told.leg
    JOIN outbox AS before ON before.source_id = part.correction_id AND before.kind = 'refund'
        AND before.payment_event_id = part.payment_event_id AND before.leg = part.leg AND before.server_id IS NULL
    WHERE told.kind = 'refund' AND told.server_id IS NULL)
ORDER BY at, place, source_id;
CREATE TRIGGER moved_money_goes_to_one_account BEFORE INSERT ON placed_part
WHEN EXISTS (SELECT 1 FROM placed_part WHERE correction_id = NEW.correction_id AND account <> NEW.account)
BEGIN SELECT RAISE(ABORT, 'moved money goes to one account'); END;

-- Each part that a correction undid (negative) or placed, with the message by which a server has it. At our central that
-- is the refund, by its change number. A server of another kind lists payments on its bills, and no refunds: what was
-- undone is known there where the payment is that it was undone of.
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
LEFT JOIN outbox AS apart ON apart.source_id = corrected.correction_id || '-' || part.correction_id
    AND apart.payment_event_id = part.payment_event_id AND apart.leg = part.leg
LEFT JOIN outbox AS has ON has.server_id <> 'not-told'
    AND has.outbox_id = iif(apart.outbox_id IS NULL OR apart.server_id = 'not-told', told.outbox_id, apart.outbox_id)
JOIN outbox AS paid ON paid.payment_event_id = part.payment_event_id AND paid.leg = part.leg
    AND paid.source_id = iif(apart.server_id IS NULL OR apart.server_id = 'not-told', '', part.correction_id || '-to')
UNION ALL
SELECT part.correction_id, part.account, part.bill_no, part.kept_as, 0, part.amount_minor, part.currency,
       iif(told.applied_change IS NULL AND moved.server_id IS NOT 'not-told', moved.correlator_id, told.correlator_id),
       iif(told.applied_change IS NULL, nullif(moved.server_id, 'not-told'), told.server_id),
       told.applied_change
FROM placed_part AS part
JOIN outbox AS told ON told.source_id = part.correction_id AND told.kind = 'refund'
    AND told.payment_event_id = part.payment_event_id AND told.leg = part.leg
JOIN outbox AS moved ON moved.source_id = part.correction_id || '-to'
    AND moved.payment_event_id = part.payment_event_id AND moved.leg = part.leg;

-- One transfer, one refund, however many messages it takes.
DROP VIEW v_refund;
CREATE VIEW v_refund AS
SELECT refund_id, payment_event_id, amount_minor, currency, CASE
    WHEN refund_settled.correction_id IS NOT NULL THEN 'confirmed'
    WHEN cash_minor = amount THEN 'paid'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id <> ''
        AND source_id BETWEEN refund_id AND refund_id || '-~' AND outbox.state = 'parked') THEN 'refused'
    WHEN EXISTS (SELECT 1 FROM outbox WHERE source_id <> ''
        AND source_id BETWEEN refund_id AND refund_id || '-~' AND outbox.state IN ('sent', 'unknown')) THEN 'unknown'
    WHEN NOT EXISTS (SELECT 1 FROM outbox WHERE source_id <> ''
        AND source_id BETWEEN refund_id AND refund_id || '-~' AND outbox.state <> 'acknowledged') THEN 'sent'
    ELSE 'approved' END AS state, receipt_number, cash_minor, reference, of_terminal
FROM (SELECT refund_made.*, refund_made.amount_minor AS amount,
      (SELECT of_terminal FROM refund_across WHERE refund_across.refund_id = refund_made.refund_id) AS of_terminal
      FROM refund_made) LEFT JOIN
     (SELECT correction_id, reference FROM refund_settled) AS refund_settled ON refund_settled.correction_id = refund_id;

DROP VIEW v_transfer;
CREATE VIEW v_transfer AS
SELECT transfer_id, suspense.payment_event_id, suspense_transfer.amount_minor, suspense_transfer.currency,
       'done' AS state, allocation.account AS from_account, suspense_transfer.account AS to_account, outbox.state AS told
FROM suspense_transfer JOIN suspense USING (suspense_id)
JOIN allocation ON allocation.allocation_id = suspense.suspense_id
LEFT JOIN outbox ON outbox.source_id = suspense_transfer.transfer_id AND outbox.kind = 'transfer'
UNION ALL
SELECT correction_id, payment_event_id, amount_minor, currency, 'done',
       (SELECT coalesce((SELECT account FROM allocation WHERE allocation_id = part.part_id),
                        (SELECT account FROM placed_part WHERE placed_part.part_id = part.part_id))
        FROM correction_part AS part WHERE part.correction_id = correction.correction_id ORDER BY number LIMIT 1),
       (SELECT account FROM placed_part WHERE placed_part.correction_id = correction.correction_id ORDER BY number LIMIT 1),
       (SELECT state FROM outbox WHERE source_id <> '' AND source_id BETWEEN correction_id AND correction_id || '-~'
        ORDER BY CASE state WHEN 'parked' THEN 1 WHEN 'unknown' THEN 2 WHEN 'sent' THEN 3 WHEN 'waiting' THEN 4 ELSE 5 END
        LIMIT 1)
FROM correction WHERE kind IN ('transfer', 'reallocation');
"""


def upgrade() -> None:
    run_sql(SCHEMA)
