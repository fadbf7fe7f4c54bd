"""Bags of cash as stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from pos.domain.cash_bag import BagState, CashBag
from pos.domain.money import Currency, Money, currency
from pos.domain.posting import Ledger
from pos.store.days import safe_base, safe_by_the_books

_BAG = "SELECT bag_id, number, amount_minor, currency, business_date, operator, state, slip FROM v_cash_bag "


def bags_in_safe(connection: Connection, in_currency: Currency, *, limit: int) -> list[CashBag]:
    """Sealed and on no slip, the oldest first."""
    rows = connection.exec_driver_sql(
        _BAG + "WHERE currency = ? AND state = 'sealed' ORDER BY business_date, number LIMIT ?",
        (in_currency.code, limit),
    )
    return [_bag(tuple(row)) for row in rows]


def loose_in_safe(connection: Connection, in_currency: Currency) -> Money:
    """What the safe took in of counted drawers, less their floats, what went to the bank and what lies in its bags.

    Once it was counted, what it had before the books began is known too. Until then the floats of open shifts are out of
    that: they lessen nothing until they are counted.
    """
    base = safe_base(connection, in_currency)
    if base is not None:
        return base + safe_by_the_books(connection, in_currency)
    booked, bagged = connection.exec_driver_sql(
        "SELECT (SELECT coalesce(sum(debit_minor - credit_minor), 0) FROM journal_line WHERE ledger_account = ?1 "
        "AND currency = ?2) + (SELECT coalesce(sum(float_minor), 0) FROM shift WHERE currency = ?2 "
        "AND shift_id NOT IN (SELECT shift_id FROM shift_close)), "
        "(SELECT coalesce(sum(amount_minor), 0) FROM v_cash_bag WHERE currency = ?2 AND state IN ('sealed', 'batched'))",
        (Ledger.SAFE, in_currency.code),
    ).one()
    return Money(booked - bagged, in_currency)


def bag_by_number(connection: Connection, number: str) -> CashBag | None:
    """The bag of this number; of several, for a number may come again, the one that is still there, else the last."""
    row = connection.exec_driver_sql(
        _BAG + "WHERE number = ? ORDER BY state IN ('credited', 'opened', 'sent'), sealed DESC LIMIT 1",
        (number,),
    ).first()
    return None if row is None else _bag(tuple(row))


def bag_by_id(connection: Connection, bag_id: str) -> CashBag:
    """The bag of this id, which must be there."""
    return _bag(tuple(connection.exec_driver_sql(_BAG + "WHERE bag_id = ?", (bag_id,)).one()))


def bags_of_slip(connection: Connection, slip_id: str) -> tuple[CashBag, ...]:
    """The bags on a slip, in their places."""
    rows = connection.exec_driver_sql(
        _BAG + "JOIN deposit_bag USING (bag_id) WHERE slip_id = ? ORDER BY place", (slip_id,)
    )
    return tuple(_bag(tuple(row)) for row in rows)


def bag_steps_gone(connection: Connection, bag_id: str) -> int:
    """How many steps a bag has gone."""
    return int(
        connection.exec_driver_sql(
            "SELECT coalesce(max(number), 0) FROM cash_bag_event WHERE bag_id = ?", (bag_id,)
        ).scalar_one()
    )


def _bag(row: Sequence[Any]) -> CashBag:
    return CashBag(
        bag_id=row[0],
        number=row[1],
        amount=Money(row[2], currency(row[3])),
        sealed_on=date.fromisoformat(row[4]),
        sealed_by=row[5],
        state=BagState(row[6]),
        slip=row[7],
    )
