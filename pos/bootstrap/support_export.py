"""``pos export support``: a file of everything that can still be read of a store, for whoever brings its money back.

One JSON object a line: a head that tells the file from a backup, each row with its table, for each table how many rows and
what was skipped, and an end with the sums. A file without its end is not whole.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pos.bootstrap.homes import HomePaths, Machine
from pos.domain.encode import file_name
from pos.domain.errors import Refused
from pos.store.database import open_damaged
from pos.store.salvage import SalvagedTable, salvage, tables_of
from pos.store.times import utc_text

HEAD = '{"counterfoil": "support", '
"""How such a file begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportFile:
    """What was written. ``skipped``: the tables of which something could not be read."""

    file: Path
    tables: int
    rows: int
    skipped: tuple[str, ...]


def export_support(home: Path, out: Path, machine: Machine) -> SupportFile:
    """Write to the new file ``out``, or, where that is a folder, to one in it that is named by the terminal and the day.

    Raises Refused ``no_home``, ``file_exists`` or ``nothing_readable``; OSError for the disk.
    """
    paths, now = HomePaths(home=home), machine.clock_of("UTC").now()
    if not paths.till_db.is_file():
        raise Refused("no_home", f"{home} is no home of a till.")
    raw = open_damaged(paths.till_db)
    try:
        target = out / _name(raw, now) if out.is_dir() else out
        if target.exists() or not target.parent.is_dir():
            raise Refused("file_exists", f"{target.name} exists already, or its folder does not.")
        tables = tables_of(raw)
        if not tables:
            raise Refused("nothing_readable", "Nothing can be read of this store. Use a backup.")
        _write(target, _lines(raw, tables, now))
    finally:
        raw.close()
    return SupportFile(
        file=target,
        tables=len(tables) - 1,
        rows=sum(table.rows for table in tables),
        skipped=tuple(table.name for table in tables if not table.is_whole),
    )


def is_support_file(path: Path) -> bool:
    """Whether ``path`` is such a file, and no backup."""
    with path.open("rb") as file:
        return file.read(len(HEAD)) == HEAD.encode()


def _name(raw: sqlite3.Connection, now: datetime) -> str:
    told: dict[str, str] = {}
    with suppress(sqlite3.DatabaseError):
        told = dict(raw.execute("SELECT name, value FROM home WHERE name = 'terminal'").fetchall())
    return file_name(["support", str(told.get("terminal", "")), f"{now:%Y-%m-%d-%H%M}"], suffix=".jsonl")


def _lines(
    raw: sqlite3.Connection, tables: list[SalvagedTable], now: datetime
) -> Iterator[Mapping[str, object]]:
    yield {"counterfoil": "support", "form": 1, "made_at_utc": utc_text(now), "tables": len(tables)}
    for table in tables:
        for row in salvage(raw, table):
            yield {"table": table.name, "row": row}
        yield {"table": table.name, "rows": table.rows, "skipped": table.gaps, "unread": table.unread}
    yield {
        "end": True,
        "rows": sum(table.rows for table in tables),
        "not_whole": [table.name for table in tables if not table.is_whole],
    }


def _write(target: Path, lines: Iterator[Mapping[str, object]]) -> None:
    """To the disk, under its name only when it is whole."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            # A store may hold half a character: what JSON escapes is ASCII whatever it was.
            file.writelines(json.dumps(line, ensure_ascii=True) + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, target)
    finally:
        part.unlink(missing_ok=True)
