"""Shifts as stored: the open one, its counts, and what the books expect in the drawer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.money import Currency, Money, currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An operator's accountable period on this terminal."""

    shift_id: str
    number: int
    operator: str
    business_date: date
    currency: Currency
    float_: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What an operator counted, before anyone said what was expected."""

    count_id: str
    number: int
    cash: Money
    cheque_count: int
    cheques: Money
    payments_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTender:
    """What the books hold of one mode in a shift: how many tenders and their net sum."""

    mode: str
    count: int
    amount: Money


def open_shift(connection: Connection) -> Shift | None:
    """The shift that is open on this terminal."""
    row = connection.exec_driver_sql(
        "SELECT shift_id, number, operator, business_date, currency, float_minor FROM shift "
        "WHERE NOT EXISTS (SELECT 1 FROM shift_close WHERE shift_close.shift_id = shift.shift_id)"
    ).first()
    if row is None:
        return None
    in_currency = currency(row[4])
    return Shift(
        shift_id=row[0],
        number=row[1],
        operator=row[2],
        business_date=date.fromisoformat(row[3]),
        currency=in_currency,
        float_=Money(row[5], in_currency),
    )


def last_count(connection: Connection, shift: Shift) -> Count | None:
    """The last count committed in the shift."""
    row = connection.exec_driver_sql(
        "SELECT count_id, number, cash_minor, cheque_count, cheque_minor, payments_before FROM shift_count "
        "WHERE shift_id = ? ORDER BY number DESC LIMIT 1",
        (shift.shift_id,),
    ).first()
    if row is None:
        return None
    return Count(
        count_id=row[0],
        number=row[1],
        cash=Money(row[2], shift.currency),
        cheque_count=row[3],
        cheques=Money(row[4], shift.currency),
        payments_before=row[5],
    )


def taken_in(connection: Connection, shift: Shift) -> list[ExpectedTender]:
    """Each mode's tenders in the shift, net of change."""
    rows = connection.exec_driver_sql(
        "SELECT mode, count(*), sum(tender.amount_minor - tender.change_minor) "
        "FROM payment_event JOIN tender USING (payment_event_id) WHERE shift_id = ? GROUP BY mode ORDER BY mode",
        (shift.shift_id,),
    )
    return [ExpectedTender(mode=row[0], count=row[1], amount=Money(row[2], shift.currency)) for row in rows]


def payments_in(connection: Connection, shift: Shift) -> int:
    """How many payment events the shift has."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(*) FROM payment_event WHERE shift_id = ?", (shift.shift_id,)
        ).scalar_one()
    )
