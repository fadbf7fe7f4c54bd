"""The register of suspense: what came in, what was taken out of it, and what central is told of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from pos.domain.bill import OwnAllocation
from pos.domain.money import Money, currency
from pos.domain.suspense import SuspenseItem
from pos.store.times import local

_ITEMS = (
    "SELECT suspense_id, payment_event_id, suspense.leg, receipt_number, row_number() OVER ("
    "PARTITION BY payment_event_id ORDER BY suspense.rowid) AS number, taken_at_utc, utc_offset_min, "
    "suspense.amount_minor, suspense.currency, reference, suspense.amount_minor - (SELECT coalesce(sum(amount_minor), 0) "
    "FROM suspense_transfer AS moved WHERE moved.suspense_id = suspense.suspense_id) "
    "- (SELECT coalesce(sum(amount_minor), 0) FROM correction_part WHERE part_id = suspense.suspense_id) AS left_minor "
    "FROM suspense JOIN payment_event USING (payment_event_id) "
)


def items_of(connection: Connection, receipt_number: str) -> list[SuspenseItem]:
    """What a receipt of ours left in suspense."""
    rows = connection.exec_driver_sql(_ITEMS + "WHERE receipt_number = ?", (receipt_number,))
    return list(_items(rows.all()))


def waiting_items(connection: Connection, limit: int) -> list[SuspenseItem]:
    """What nobody has claimed, the oldest first."""
    rows = connection.exec_driver_sql(
        f"SELECT * FROM ({_ITEMS}) WHERE left_minor > 0 ORDER BY taken_at_utc, number LIMIT ?", (limit,)
    )
    return list(_items(rows.all()))


def _items(rows: Sequence[Row[Any]]) -> Iterator[SuspenseItem]:
    for row in rows:
        in_currency = currency(row.currency)
        yield SuspenseItem(
            suspense_id=row.suspense_id,
            payment_event_id=row.payment_event_id,
            leg=row.leg,
            receipt_number=row.receipt_number,
            number=row.number,
            taken_at=local(row.taken_at_utc, row.utc_offset_min),
            amount=Money(row.amount_minor, in_currency),
            left=Money(row.left_minor, in_currency),
            reference=row.reference,
        )


_MOVED = (
    "SELECT part.bill_no, moved.account, part.amount_minor, part.currency, told.correlator_id, told.server_id, "
    "told.applied_change FROM suspense_transfer_part AS part JOIN suspense_transfer AS moved USING (transfer_id) "
    "JOIN outbox AS told ON told.source_id = moved.transfer_id AND told.kind = 'transfer' "
)
"""Each part with the message that tells it to central, so that a figure of central's that holds it is not counted twice."""


def moved_to_bills(connection: Connection, bill_no: str | None = None) -> Iterator[tuple[str, OwnAllocation]]:
    """What was moved out of suspense to a bill, or to any; each with the bill's number."""
    where = "WHERE part.bill_no IS NOT NULL" if bill_no is None else "WHERE part.bill_no = ?"
    for row in connection.exec_driver_sql(_MOVED + where, () if bill_no is None else (bill_no,)):
        yield str(row[0]), _own(tuple(row))


def moved_to_credit(
    connection: Connection, account: str | None = None
) -> Iterator[tuple[str, OwnAllocation]]:
    """What was moved out of suspense to the credit of an account, or of any; each with the account."""
    where = "WHERE part.bill_no IS NULL" + ("" if account is None else " AND moved.account = ?")
    for row in connection.exec_driver_sql(_MOVED + where, () if account is None else (account,)):
        yield str(row[1]), _own(tuple(row))


def _own(row: Sequence[Any]) -> OwnAllocation:
    return OwnAllocation(
        bill_no=row[0] or "",
        amount=Money(row[2], currency(row[3])),
        correlator_id=row[4],
        server_id=row[5],
        applied_change=row[6],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFacts:
    """All that central is told of money that left suspense. ``server_id`` is the id there of the payment that brought it.

    ``bills`` are the parts that pay bills, by the bill's id; what they leave is the account's credit.
    """

    correlator_id: str
    leg_correlator_id: str
    server_id: str
    account: str
    amount: Money
    bills: Mapping[str, Money]
    reason: str | None
    resolved_at: datetime
    receipt_number: str
    terminal: str


def transfer_facts(connection: Connection, outbox_id: int) -> TransferFacts | None:
    """What the row ``outbox_id`` tells; None while central has not acknowledged the leg that brought the money."""
    row = connection.exec_driver_sql(
        "SELECT told.correlator_id, paid.correlator_id, paid.server_id, moved.account, moved.amount_minor, moved.currency, "
        "moved.reason, moved.resolved_at_utc, moved.utc_offset_min, receipt_number, terminal, moved.transfer_id "
        "FROM outbox AS told JOIN suspense_transfer AS moved ON moved.transfer_id = told.source_id "
        "JOIN payment_event USING (payment_event_id) "
        "JOIN outbox AS paid ON paid.payment_event_id = told.payment_event_id AND paid.leg = told.leg "
        "AND paid.kind = 'payment' WHERE told.outbox_id = ? AND paid.state = 'acknowledged'",
        (outbox_id,),
    ).first()
    if row is None:
        return None
    in_currency = currency(row[5])
    bills = connection.exec_driver_sql(
        "SELECT bill_id, sum(amount_minor) FROM suspense_transfer_part WHERE transfer_id = ? AND bill_id IS NOT NULL "
        "GROUP BY bill_id ORDER BY min(number)",
        (row[11],),
    )
    return TransferFacts(
        correlator_id=row[0],
        leg_correlator_id=row[1],
        server_id=row[2],
        account=row[3],
        amount=Money(row[4], in_currency),
        bills={bill_id: Money(minor, in_currency) for bill_id, minor in bills},
        reason=row[6],
        resolved_at=local(row[7], row[8]),
        receipt_number=row[9],
        terminal=row[10],
    )
