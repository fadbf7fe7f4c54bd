"""Which rows of the living tables a transaction touched, by whatever statement.

Posted rows are written by ``UnitOfWork.insert`` alone and never change. The others (an outbox row's state, a person, a
counter) are changed by statements of many forms; triggers that live with the connection, not in the file, see them all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from pos.store.shape import StoreShape, quoted, shape_of

_EVENTS = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
"""The rows that each kind of statement touches: an update may give a row another key."""


class RowWatch:
    """Watches one writer connection. ``touched`` holds (table, key) in the order of the first touch."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.shape: StoreShape = shape_of(raw)
        self.watched = frozenset(self.shape.living)
        self.touched: dict[tuple[str, tuple[object, ...]], None] = {}
        raw.create_function("counterfoil_touched", -1, _noting_in(self.touched))
        for trigger in _triggers(self.shape):
            raw.execute(trigger)


@cache
def _triggers(shape: StoreShape) -> tuple[str, ...]:
    """The statements that put a watch on every living table."""
    return tuple(trigger for table in shape.living for trigger in _triggers_of(table, shape.keys[table]))


def _triggers_of(table: str, key: Sequence[str]) -> Iterator[str]:
    literal = "'" + table.replace("'", "''") + "'"
    for event, rows in _EVENTS.items():
        calls = "".join(
            f"SELECT counterfoil_touched({literal}, {', '.join(f'{row}.{quoted(column)}' for column in key)}); "
            for row in rows
        )
        yield (
            f"CREATE TEMP TRIGGER IF NOT EXISTS {quoted(f'watch_{table}_{event}')} "
            f"AFTER {event} ON main.{quoted(table)} BEGIN {calls}END"
        )


def _noting_in(touched: dict[tuple[str, tuple[object, ...]], None]) -> Callable[..., None]:
    """What the triggers call. It must not know the watch: the driver hides it from the collector, and a connection that
    leads back to itself by it would never be freed.
    """

    def touch(table: str, *key: object) -> None:
        touched[(table, key)] = None

    return touch
