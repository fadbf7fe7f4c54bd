"""What can still be read of a damaged store: table by table, row by row, past what cannot.

No secret is among it (hashes of PINs, PINs that wait for their paper), and no card number, though none should be there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pos.domain.pan_guard import mask_card_number
from pos.store.shape import quoted

SECRETS: Mapping[str, frozenset[str]] = {
    "person": frozenset({"pin_hash"}),
    "pin_to_print": frozenset({"pin"}),
}
"""Columns that are left out, by table."""

GAPS_MAX = 10_000
FURTHEST = 2**40
"""So far beyond the last row that was read another one is looked for."""


@dataclass(slots=True, kw_only=True)
class SalvagedTable:
    """One table's rows that were read. ``gaps``: (first, last) row number that could not be; last None: to the end."""

    name: str
    rows: int = 0
    gaps: list[tuple[int, int | None]] = field(default_factory=list)
    unread: str | None = None
    """Why nothing more could be read, where the rows have no numbers to go on by."""

    @property
    def is_whole(self) -> bool:
        """Nothing was skipped."""
        return not self.gaps and self.unread is None


Row = Mapping[str, object]


def tables_of(raw: sqlite3.Connection) -> list[SalvagedTable]:
    """The store's list of its tables, as far as it can be read, and each table in it; none where nothing can."""
    listed = SalvagedTable(name="sqlite_schema")
    names = [row["name"] for row in _by_number(raw, listed) if row["type"] == "table"]
    listed.rows = len(names)
    own = sorted(str(name) for name in names if not str(name).startswith("sqlite_"))
    return [listed, *(SalvagedTable(name=name) for name in own)] if own else []


def salvage(raw: sqlite3.Connection, table: SalvagedTable) -> Iterator[Row]:
    """Every row of a table that can be read; ``table`` tells afterwards how many, and what was skipped."""
    if table.name == "sqlite_schema":
        # It was read to know the tables; what it holds is the program's.
        return
    try:
        has_numbers = _has_row_numbers(raw, table.name)
    except sqlite3.DatabaseError as error:
        table.unread = _kind(error)
        return
    rows = _by_number(raw, table) if has_numbers else _by_key(raw, table)
    for row in rows:
        table.rows += 1
        yield row


def _has_row_numbers(raw: sqlite3.Connection, name: str) -> bool:
    found = raw.execute("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,))
    row = found.fetchone()
    if row is None:
        raise sqlite3.DatabaseError(f"{name} was not found in its list")
    return not row[0]


def _by_number(raw: sqlite3.Connection, table: SalvagedTable) -> Iterator[Row]:
    """In the order of the rows' own numbers: what lies behind a page that cannot be read is found by a later number."""
    last = -1
    while True:
        try:
            found = raw.execute(
                f"SELECT rowid, * FROM {quoted(table.name)} WHERE rowid > ? ORDER BY rowid", (last,)
            )
            for number, *values in found:
                last = number
                yield _row(table.name, [column[0] for column in found.description[1:]], values)
            return
        except sqlite3.DatabaseError as error:
            following = _next_readable(raw, table.name, last)
            table.gaps.append((last + 1, None if following is None else following - 1))
            if following is None or len(table.gaps) == GAPS_MAX:
                table.unread = _kind(error) if following is not None else None
                return
            last = following - 1


def _next_readable(raw: sqlite3.Connection, name: str, last: int) -> int | None:
    """The first row number from which on something can be read again, or nothing is left; None where there is none."""
    bad, step = last + 1, 1
    while not _can_be_read(raw, name, last + 1 + step):
        bad, step = last + 1 + step, step * 2
        if step > FURTHEST:
            return None
    good = last + 1 + step
    while good - bad > 1:
        middle = (good + bad) // 2
        bad, good = (bad, middle) if _can_be_read(raw, name, middle) else (middle, good)
    return good


def _can_be_read(raw: sqlite3.Connection, name: str, number: int) -> bool:
    try:
        raw.execute(
            f"SELECT * FROM {quoted(name)} WHERE rowid >= ? ORDER BY rowid LIMIT 1", (number,)
        ).fetchall()
    except sqlite3.DatabaseError:
        return False
    return True


def _by_key(raw: sqlite3.Connection, table: SalvagedTable) -> Iterator[Row]:
    """From the front to what cannot be read, then from the back to it."""
    keys = [
        quoted(str(name))
        for (name,) in raw.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table.name,)
        )
    ]
    last: Row = {}
    for way in ("ASC", "DESC"):
        try:
            order = ", ".join(f"{key} {way}" for key in keys)
            found = raw.execute(f"SELECT * FROM {quoted(table.name)} ORDER BY {order}")
            for values in found:
                row = _row(table.name, [column[0] for column in found.description], values)
                if way == "DESC" and row == last:
                    return
                yield row
                last = row if way == "ASC" else last
            return
        except sqlite3.DatabaseError as error:
            table.unread = _kind(error)


def _row(table: str, names: list[str], values: Any) -> Row:
    secrets = SECRETS.get(table, frozenset())
    return {name: _harmless(value) for name, value in zip(names, values, strict=True) if name not in secrets}


def _harmless(value: object) -> object:
    """A value as JSON has it. A text that is JSON itself is looked through part by part: its figures are the books'."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if not isinstance(value, str):
        return value
    if value[:1] in ("{", "["):
        try:
            return json.dumps(_masked(json.loads(value)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return mask_card_number(value)


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {mask_card_number(str(name)): _masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_masked(part) for part in value]
    return mask_card_number(value) if isinstance(value, str) else value


def _kind(error: sqlite3.DatabaseError) -> str:
    return str(getattr(error, "sqlite_errorname", type(error).__name__))
