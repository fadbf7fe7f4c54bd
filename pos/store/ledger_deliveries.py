"""What became of batches at the accounting system, as stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.store.times import utc_text
from pos.store.unit_of_work import UnitOfWork


def last_delivery(connection: Connection, number: str) -> Delivery | None:
    """The last that is known of the batch of this number; None: nothing yet."""
    row = connection.exec_driver_sql(
        "SELECT state, way, file_digest, reference, reason FROM ledger_delivery JOIN ledger_batch USING (batch_id) "
        "WHERE batch_number = ? ORDER BY ledger_delivery.number DESC LIMIT 1",
        (number,),
    ).first()
    if row is None:
        return None
    return Delivery(
        state=DeliveryState(row[0]),
        way=DeliveryWay(row[1]),
        file_digest=row[2],
        reference=row[3],
        reason=row[4],
    )


def undelivered(connection: Connection, *, limit: int) -> list[str]:
    """The numbers of the batches that the till delivers and nobody has acknowledged or refused yet, the oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT batch_number FROM v_ledger_batch WHERE delivered_by = 'till' AND state IN ('waiting', 'delivered') "
        "ORDER BY sequence LIMIT ?",
        (limit,),
    )
    return list(rows.scalars())


def write_delivery(unit: UnitOfWork, number: str, step: Delivery, *, operator: str, at: datetime) -> None:
    """One more step of the batch of this number."""
    batch_id, steps = unit.connection.exec_driver_sql(
        "SELECT batch_id, (SELECT count(*) FROM ledger_delivery AS gone WHERE gone.batch_id = ledger_batch.batch_id) "
        "FROM ledger_batch WHERE batch_number = ?",
        (number,),
    ).one()
    unit.insert(
        "ledger_delivery",
        {
            "batch_id": batch_id,
            "number": steps + 1,
            "state": str(step.state),
            "at_utc": utc_text(at),
            "operator": operator,
            "way": str(step.way),
            "file_digest": step.file_digest,
            "reference": step.reference,
            "reason": step.reason,
        },
    )


def set_aside(connection: Connection) -> dict[str, str]:
    """The batches that central did not take, by number, each with its reason; the oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT batch_number, central_refusal FROM v_ledger_batch WHERE central_refusal IS NOT NULL ORDER BY sequence"
    )
    return {str(number): str(reason) for number, reason in rows}


def note_told(unit: UnitOfWork, number: str, refusal: str | None, *, at: datetime) -> None:
    """Central did not take the batch of this number, for this reason; None: it has taken it now."""
    batch_id, steps = unit.connection.exec_driver_sql(
        "SELECT batch_id, (SELECT count(*) FROM ledger_set_aside AS gone WHERE gone.batch_id = ledger_batch.batch_id) "
        "FROM ledger_batch WHERE batch_number = ?",
        (number,),
    ).one()
    unit.insert(
        "ledger_set_aside",
        {
            "batch_id": batch_id,
            "number": steps + 1,
            "state": "taken" if refusal is None else "refused",
            "at_utc": utc_text(at),
            "reason": refusal,
        },
    )


def delivery_counts(connection: Connection) -> tuple[int, dict[DeliveryState | None, int]]:
    """How many batches were made; and of those that this till delivers, how many are in each state (None: in none yet)."""
    made = connection.exec_driver_sql("SELECT count(*) FROM ledger_batch").scalar_one()
    rows = connection.exec_driver_sql(
        "SELECT state, count(*) FROM v_ledger_batch WHERE delivered_by = 'till' GROUP BY state"
    )
    return int(made), {
        None if state == "waiting" else DeliveryState(state): int(many) for state, many in rows
    }
