"""What left suspense is told to central: a message for each transfer that was booked before, and how far it came."""

from pos.store.migrations.run_sql import run_sql

revision = "0017"
down_revision = "0016"

SCHEMA = """
-- Behind everything that was booked before, so behind the legs that brought the money too.
INSERT INTO outbox (payment_event_id, leg, correlator_id, kind, source_id, account, queue, state, changed_at_utc)
SELECT suspense.payment_event_id, suspense.leg, moved.transfer_id, 'transfer', moved.transfer_id, moved.account,
       coalesce(paid.queue, paid.account), 'waiting', moved.resolved_at_utc
FROM suspense_transfer AS moved JOIN suspense USING (suspense_id)
JOIN outbox AS paid ON paid.payment_event_id = suspense.payment_event_id AND paid.leg = suspense.leg
    AND paid.kind = 'payment'
ORDER BY moved.rowid;

DROP VIEW v_transfer;
CREATE VIEW v_transfer AS
SELECT transfer_id, suspense.payment_event_id, suspense_transfer.amount_minor, suspense_transfer.currency,
       'done' AS state, allocation.account AS from_account, suspense_transfer.account AS to_account, outbox.state AS told
FROM suspense_transfer JOIN suspense USING (suspense_id)
JOIN allocation ON allocation.allocation_id = suspense.suspense_id
LEFT JOIN outbox ON outbox.source_id = suspense_transfer.transfer_id AND outbox.kind = 'transfer';
"""


def upgrade() -> None:
    run_sql(SCHEMA)
