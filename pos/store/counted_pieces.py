"""What a count or a move of cash was made of, as stored: its notes and coins, and a count's slips by way to pay."""

from __future__ import annotations

from sqlalchemy import Connection

from pos.domain.denominations import Pieces
from pos.domain.money import Currency, Money


def pieces_of_count(connection: Connection, count_id: str, in_currency: Currency) -> list[Pieces]:
    """The notes and coins, the largest first; none where only the sum was told."""
    rows = connection.exec_driver_sql(
        "SELECT value_minor, pieces FROM shift_count_piece WHERE count_id = ? ORDER BY value_minor DESC",
        (count_id,),
    )
    return [Pieces(value=Money(int(minor), in_currency), pieces=int(pieces)) for minor, pieces in rows]


def pieces_of_move(connection: Connection, move_id: str, in_currency: Currency) -> list[Pieces]:
    """The notes and coins that were moved, the largest first; none where only the sum was told."""
    rows = connection.exec_driver_sql(
        "SELECT value_minor, pieces FROM cash_move_piece WHERE move_id = ? ORDER BY value_minor DESC",
        (move_id,),
    )
    return [Pieces(value=Money(int(minor), in_currency), pieces=int(pieces)) for minor, pieces in rows]


def slips_of_count(
    connection: Connection, count_id: str, in_currency: Currency
) -> dict[str, tuple[int, Money]]:
    """How many slips and how much, by way to pay; empty where nobody looked at them."""
    rows = connection.exec_driver_sql(
        "SELECT mode, slips, amount_minor FROM shift_count_slip WHERE count_id = ? ORDER BY mode", (count_id,)
    )
    return {str(mode): (int(slips), Money(int(minor), in_currency)) for mode, slips, minor in rows}
