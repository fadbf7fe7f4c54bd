"""What the store's tables are: the columns that name a row of each, and which of them may change.

Read from the store itself, so that no list is kept by hand and no table is forgotten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHAIN = "chain_link"
"""The one table that the chain does not cover: it is the chain."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoreShape:
    """``keys``: the columns that name a row, by table. ``living``: the tables whose rows may change or go.

    There is one for each schema, so one is equal to itself alone.
    """

    keys: Mapping[str, tuple[str, ...]]
    living: tuple[str, ...]

    def name_of(self, table: str, row: Mapping[str, object]) -> str:
        """How a row is named in the chain and in findings."""
        return row_name([row[column] for column in self.keys[table]])


_SHAPES: dict[int, StoreShape] = {}


def shape_of(raw: sqlite3.Connection) -> StoreShape:
    """The shape of the open store; asked of its catalogue once for each schema that this process meets."""
    catalogue = raw.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'trigger') AND name NOT LIKE 'sqlite_%' "
        "ORDER BY type, name"
    ).fetchall()
    known = hash(tuple(catalogue))
    if known not in _SHAPES:
        _SHAPES[known] = _read_shape(raw, catalogue)
    return _SHAPES[known]


def _read_shape(raw: sqlite3.Connection, catalogue: Sequence[tuple[str, str, str]]) -> StoreShape:
    triggers = {name for kind, name, _ in catalogue if kind == "trigger"}
    keys: dict[str, tuple[str, ...]] = {}
    for kind, table, _ in catalogue:
        if kind == "table" and table != CHAIN:
            columns = raw.execute(
                "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,)
            ).fetchall()
            keys[table] = tuple(name for (name,) in columns) or ("rowid",)
    return StoreShape(
        keys=keys,
        living=tuple(
            table for table in keys if not {f"{table}_never_changes", f"{table}_never_goes"} <= triggers
        ),
    )


def quoted(name: str) -> str:
    """A table's or column's name as SQL takes it: somebody with the file may have made a table of any name."""
    return '"' + name.replace('"', '""') + '"'


def row_name(parts: Sequence[object]) -> str:
    """The parts of a row's key as one name; a slash within a part stays apart from those between them."""
    if len(parts) == 1:
        return str(parts[0])
    return "/".join(str(part).replace("%", "%25").replace("/", "%2F") for part in parts)


def name_parts(name: str, count: int) -> tuple[str, ...] | None:
    """The parts of ``row_name``; None for a name of another number of parts."""
    if count == 1:
        return (name,)
    parts = tuple(part.replace("%2F", "/").replace("%25", "%") for part in name.split("/"))
    return parts if len(parts) == count else None
