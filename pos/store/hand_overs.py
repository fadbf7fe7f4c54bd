"""Hand-overs of shifts as stored: the one that waits, and what was counted for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.denominations import Pieces
from pos.domain.money import Money
from pos.store.counted_pieces import pieces_of_count, slips_of_count
from pos.store.shifts import Count, Shift, last_count
from pos.store.times import from_utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A shift that is offered to another person, with the contents of its drawer as the operator counted them.

    ``slips`` are how many and how much, by way to pay; ``reason`` is for the cash office, which sees what differs.
    """

    hand_over_id: str
    shift: Shift
    to_operator: str
    count: Count
    pieces: tuple[Pieces, ...]
    slips: dict[str, tuple[int, Money]]
    reason: str | None
    offered_at: datetime


def waiting_hand_over(connection: Connection, shift: Shift) -> HandOver | None:
    """The hand-over of this open shift that waits to be accepted. Nothing is counted while it waits."""
    row = connection.exec_driver_sql(
        "SELECT hand_over_id, to_operator, reason, offered_at_utc FROM v_hand_over "
        "WHERE shift_id = ? AND state = 'offered'",
        (shift.shift_id,),
    ).first()
    if row is None:
        return None
    count = last_count(connection, shift)
    assert count is not None, "a shift is handed over with its count"
    return HandOver(
        hand_over_id=row[0],
        shift=shift,
        to_operator=row[1],
        count=count,
        pieces=tuple(pieces_of_count(connection, count.count_id, shift.currency)),
        slips=slips_of_count(connection, count.count_id, shift.currency),
        reason=row[2],
        offered_at=from_utc_text(row[3]),
    )
