"""Pickups, loans, paid in and out, and drawers that were only opened, as stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from pos.domain.cash_move import CashMove, MoveKind
from pos.domain.money import Money, currency
from pos.store.shifts import Shift

_MOVE = (
    "SELECT move_id, receipt_number, kind, amount_minor, currency, reason, text, ledger_account, operator, undoes, "
    "EXISTS (SELECT 1 FROM cash_move AS back WHERE back.undoes = cash_move.move_id), shift_id FROM cash_move "
)


def moved_in(connection: Connection, shift: Shift) -> Money:
    """What the drawer of the shift has more by such moves, or (negative) less."""
    minor = connection.exec_driver_sql(
        "SELECT coalesce(sum(drawer_minor), 0) FROM v_cash_move WHERE shift_id = ?", (shift.shift_id,)
    ).scalar_one()
    return Money(int(minor), shift.currency)


def moves_of_shift(connection: Connection, shift_id: str) -> list[CashMove]:
    """Every move of the shift, in order."""
    rows = connection.exec_driver_sql(_MOVE + "WHERE shift_id = ? ORDER BY rowid", (shift_id,))
    return [_move(tuple(row)) for row in rows]


def move_by_number(connection: Connection, number: str) -> tuple[CashMove, str] | None:
    """The move of this paper and the shift that it is of."""
    row = connection.exec_driver_sql(_MOVE + "WHERE receipt_number = ?", (number,)).first()
    return None if row is None else (_move(tuple(row)), str(row[11]))


def _move(row: Sequence[Any]) -> CashMove:
    return CashMove(
        move_id=row[0],
        number=row[1],
        kind=MoveKind(row[2]),
        amount=Money(row[3], currency(row[4])),
        reason=row[5],
        text=row[6],
        ledger_account=row[7],
        operator=row[8],
        undoes=row[9],
        undone=bool(row[10]),
    )
