"""What became of the batches that central delivers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay, steps_after
from pos.domain.ledger_feed import LedgerBatch
from sync.central.ledger.batches import batch_of


def batches_to_deliver(connection: Connection, number: str | None = None) -> list[LedgerBatch]:
    """Those that central delivers and nobody acknowledged or refused yet; or the one of ``number``, refused as well."""
    if number is None:
        rows = connection.execute(WAITING).all()
    else:
        rows = connection.execute(ONE, {"number": number}).all()
    return [batch_of(row.body) for row in rows]


def last_delivery(connection: Connection, number: str) -> Delivery | None:
    """The last that is known of a batch; None: nothing yet."""
    row = connection.execute(LAST, {"number": number}).one_or_none()
    if row is None:
        return None
    return Delivery(
        state=DeliveryState(row.state),
        way=DeliveryWay(row.way),
        file_digest=row.file_digest,
        reference=row.reference,
        reason=row.reason,
    )


def note_delivery(connection: Connection, number: str, step: Delivery, *, at: datetime) -> bool:
    """Keep what became of a batch; what is known is not written again. False where what is known is the end."""
    steps = steps_after(last_delivery(connection, number), step)
    for one in steps or ():
        connection.execute(
            INSERT,
            {
                "number": number,
                "state": str(one.state),
                "at": at.isoformat(timespec="microseconds"),
                "way": str(one.way),
                "file_digest": one.file_digest,
                "reference": one.reference,
                "reason": one.reason,
            },
        )
    return steps is not None


WAITING = text(
    "SELECT body FROM ledger_batch WHERE delivered_by = 'central' AND NOT EXISTS (SELECT 1 FROM ledger_delivery AS gone"
    " WHERE gone.batch_number = ledger_batch.batch_number AND gone.state <> 'delivered'"
    " AND gone.number = (SELECT max(number) FROM ledger_delivery AS last"
    " WHERE last.batch_number = ledger_batch.batch_number)) ORDER BY shop, terminal, change_number"
)
ONE = text("SELECT body FROM ledger_batch WHERE delivered_by = 'central' AND batch_number = :number")
LAST = text(
    "SELECT state, way, file_digest, reference, reason FROM ledger_delivery WHERE batch_number = :number"
    " ORDER BY number DESC LIMIT 1"
)
INSERT = text(
    "INSERT INTO ledger_delivery (batch_number, number, state, at_utc, way, file_digest, reference, reason)"
    " SELECT :number, 1 + count(*), :state, :at, :way, :file_digest, :reference, :reason FROM ledger_delivery"
    " WHERE batch_number = :number"
)
