"""What became of the people of this till, in the order in which it was done: what central is told of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

TOLD_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChange:
    """A person as a deed left it. ``place``: where it stands in the order; ``decided_at``: UTC, as the store has it."""

    place: int
    deed_id: str
    user: str
    act: str
    roles: Sequence[str]
    active: bool
    operator: str
    decided_at: str


def last_place(connection: Connection) -> int:
    """Of the last change, 0 where there was none."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM person_change").scalar_one())


def place_of(connection: Connection, deed_id: str) -> int | None:
    """Of the change that this deed was; None where this store has none such."""
    found = connection.exec_driver_sql("SELECT rowid FROM person_change WHERE deed_id = ?", (deed_id,))
    place = found.scalar_one_or_none()
    return None if place is None else int(place)


def changes_after(connection: Connection, place: int) -> list[PersonChange]:
    """What was done after it, the oldest first; so many at once."""
    rows = connection.exec_driver_sql(
        "SELECT rowid AS place, deed_id, user, act, roles, active, operator, at_utc FROM person_change "
        "WHERE rowid > ? ORDER BY rowid LIMIT ?",
        (place, TOLD_AT_ONCE),
    )
    return [
        PersonChange(
            place=row.place,
            deed_id=row.deed_id,
            user=row.user,
            act=row.act,
            roles=row.roles.split(",") if row.roles else [],
            active=bool(row.active),
            operator=row.operator,
            decided_at=row.at_utc,
        )
        for row in rows
    ]
