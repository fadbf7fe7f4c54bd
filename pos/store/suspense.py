"""The register of suspense: what came in, and what was taken out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    "FROM suspense_transfer AS moved WHERE moved.suspense_id = suspense.suspense_id) AS left_minor "
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
    "SELECT part.bill_no, moved.account, part.amount_minor, part.currency, transfer_id "
    "FROM suspense_transfer_part AS part JOIN suspense_transfer AS moved USING (transfer_id) "
)


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
    """Central is not told of it yet, so no figure of central's holds it."""
    return OwnAllocation(
        bill_no=row[0] or "",
        amount=Money(row[2], currency(row[3])),
        correlator_id=row[4],
        server_id=None,
        applied_change=None,
    )
