"""What each closed shift took, as central is told beside the payments themselves. Source: reliability.md section 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.money import Money, currency

TOLD_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTotal:
    """The payments of one closed shift in one enrolment: how many legs, and how much, by currency.

    ``first`` and ``last`` are the sequence numbers between which all of them lie, and nothing of another shift; what
    came by a bank's file meanwhile is among them.
    ``closed_at`` is UTC, as the store has it.
    """

    epoch: int
    shift_id: str
    closed_at: str
    first: int
    last: int
    payments: tuple[tuple[int, Money], ...]


def closes(connection: Connection) -> int:
    """How many shifts were closed; while it stays the same there is nothing new to tell."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM shift_close").scalar_one())


def totals_after(connection: Connection, epoch: int, sequence: int) -> Iterator[ShiftTotal]:
    """Of the shifts that were closed with payments after this one, in their order; so many at once."""
    rows = connection.exec_driver_sql(
        "SELECT epoch, shift_id, closed_at_utc, min(sequence) AS first, max(sequence) AS last "
        "FROM shift_close JOIN payment_event USING (shift_id) GROUP BY epoch, shift_id "
        "HAVING (epoch, max(sequence)) > (?, ?) ORDER BY epoch, last LIMIT ?",
        (epoch, sequence, TOLD_AT_ONCE),
    )
    for row in rows.all():
        paid = connection.exec_driver_sql(
            "SELECT leg.currency, count(*), sum(leg.amount_minor) FROM payment_event AS event "
            "JOIN outbox ON outbox.payment_event_id = event.payment_event_id AND outbox.kind = 'payment' "
            "JOIN leg ON leg.payment_event_id = event.payment_event_id AND leg.leg = outbox.leg "
            "WHERE event.epoch = ? AND sequence BETWEEN ? AND ? GROUP BY leg.currency ORDER BY leg.currency",
            (row.epoch, row.first, row.last),
        )
        payments = tuple((int(legs), Money(int(minor), currency(code))) for code, legs, minor in paid)
        yield ShiftTotal(
            epoch=row.epoch,
            shift_id=row.shift_id,
            closed_at=row.closed_at_utc,
            first=row.first,
            last=row.last,
            payments=payments,
        )
