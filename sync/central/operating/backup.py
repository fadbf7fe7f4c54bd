"""A copy of central's store in one file, which either kind of store is made from again.

The file is gzipped JSON lines: a head, then of each table its name and columns and its rows, then how many rows there were
and a checksum of all before it. It is read in one view of the store while central serves, and read back before it gets its
name. It holds what the store holds, private keys too: nobody but its owner may read it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlalchemy import Connection, column, inspect, table, text

from pos.domain.errors import Refused
from pos.domain.ports import Clock
from sync.central.schema.migrate import READ_VERSION, VERSION_TABLE
from sync.central.store.database import CentralStore, current_change

KIND, FORMAT = "counterfoil central backup", 1
ROWS_AT_ONCE = 500
LINE_MAX = 64_000_000
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What a whole backup says of itself; ``rows`` by table."""

    version: str
    change: int
    made_at: str
    rows: dict[str, int]


def back_up(store: CentralStore, to: Path, *, clock: Clock) -> BackedUp:
    """Write the store to the new file ``to``: durable, and read back whole, once this returns.

    Raises Refused ``backup_exists``, ``backup_unwritable``, ``store_damaged`` and ``backup_damaged``; no file is left then.
    """
    if to.exists():
        raise Refused("backup_exists", f"There is a file {to.name} already. Name a new one.")
    part = to.with_name(f".{to.name}.part")
    try:
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            with os.fdopen(opened, "wb") as file, store.read() as connection:
                _require_sound(connection)
                _write(connection, file, made_at=clock.now().isoformat())
                file.flush()
                os.fsync(file.fileno())
            found = read_backup(part)
            os.link(part, to)
        finally:
            part.unlink(missing_ok=True)
        folder = os.open(to.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise Refused("backup_exists", f"There is a file {to.name} already. Name a new one.") from None
    except OSError as error:
        raise Refused("backup_unwritable", f"The backup cannot be written: {error.strerror}.") from error
    return found


def read_backup(path: Path) -> BackedUp:
    """Read the file to its end. Raises Refused ``backup_damaged``: cut, changed, or no backup of central's at all."""
    lines = Lines(path)
    head, rows = lines.head(), dict[str, int]()
    for name, _, part in lines.tables():
        rows[name] = sum(len(some) for some in part)
    if rows != lines.rows:
        raise _damaged("not every row is there")
    return BackedUp(version=head["version"], change=head["change"], made_at=head["made_at"], rows=rows)


class Lines:
    """A backup, line by line. The checksum is checked with the last one: act on nothing before ``tables`` has ended."""

    def __init__(self, path: Path) -> None:
        self._lines = _checked_lines(path)
        self.rows: dict[str, int] = {}
        """By table, as the last line has them; known once ``tables`` has ended."""

    def head(self) -> dict[str, Any]:
        head = next(self._lines, None)
        if not isinstance(head, dict) or head.get("kind") != KIND:
            raise _damaged("it is no backup of central's")
        if head.get("format") != FORMAT:
            raise _damaged("it is of a form that this program does not know")
        return cast(dict[str, Any], head)

    def tables_after_head(self) -> Iterator[tuple[str, list[str], Iterator[list[list[Any]]]]]:
        """As ``tables``, from the file's beginning."""
        self.head()
        return self.tables()

    def tables(self) -> Iterator[tuple[str, list[str], Iterator[list[list[Any]]]]]:
        """Each table's name, its columns, and its rows some at a time, which are to be taken before the next table."""
        line = next(self._lines, None)
        while isinstance(line, dict) and isinstance(line.get("table"), str):
            following: list[Any] = []
            yield line["table"], line["columns"], self._rows(following)
            line = following[0] if following else None
        if not isinstance(line, dict) or "rows" not in line or next(self._lines, None) is not None:
            raise _damaged("its end is missing")
        self.rows = cast(dict[str, int], line["rows"])

    def _rows(self, following: list[Any]) -> Iterator[list[list[Any]]]:
        some: list[list[Any]] = []
        for line in self._lines:
            if not isinstance(line, list):
                following.append(line)
                break
            some.append(line)
            if len(some) == ROWS_AT_ONCE:
                yield some
                some = []
        if some:
            yield some


def _checked_lines(path: Path) -> Iterator[Any]:
    """The lines as JSON. Raises Refused ``backup_damaged`` at what is none, and at the end where the checksum differs."""
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(LINE_MAX):
                value = json.loads(line)
                if isinstance(value, dict) and "sha256" in value:
                    if value["sha256"] != digest.hexdigest():
                        raise _damaged("its checksum differs")
                else:
                    digest.update(line)
                yield value
    except (OSError, EOFError, ValueError, gzip.BadGzipFile) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise Refused("backup_unreadable", f"The backup cannot be read: {error.strerror}.") from error
        raise _damaged("it is cut or changed") from None


def _damaged(why: str) -> Refused:
    return Refused("backup_damaged", f"The backup cannot be used: {why}.")


def _require_sound(connection: Connection) -> None:
    """A damaged store is not to take the place of a good copy. Raises Refused ``store_damaged``."""
    if connection.dialect.name == "postgresql":
        # A long read is none that somebody forgot.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        return
    if connection.execute(text("PRAGMA integrity_check")).scalars().all() != ["ok"]:
        raise Refused("store_damaged", "The store is damaged, so no backup was made of it.")


def _write(connection: Connection, file: BinaryIO, *, made_at: str) -> None:
    digest, rows = hashlib.sha256(), dict[str, int]()
    # The time in gzip's own head would make two copies of the same differ.
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0, filename="") as packed:

        def put(value: object) -> None:
            line = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            packed.write(line)

        version = str(connection.execute(READ_VERSION).scalar_one())
        change = current_change(connection)
        put({"kind": KIND, "format": FORMAT, "version": version, "change": change, "made_at": made_at})
        for name in tables_in_order(connection):
            columns = [found["name"] for found in inspect(connection).get_columns(name)]
            put({"table": name, "columns": columns})
            rows[name] = 0
            statement = table(name, *map(column, columns)).select()
            # A server sends some rows at a time, not a whole table.
            result = connection.execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE).execute(
                statement
            )
            for row in result:
                put(list(row))
                rows[name] += 1
        last = {"rows": rows, "sha256": digest.hexdigest()}
        packed.write(json.dumps(last, separators=(",", ":")).encode() + b"\n")


def tables_in_order(connection: Connection) -> Sequence[str]:
    """Every table but the note of the version, each behind those that it refers to.

    Listeners come last, with what refers to them: while there is none, what is written makes no event.
    """
    found = inspect(connection)
    names = [name for name, _ in found.get_sorted_table_and_fkc_names() if name not in (None, VERSION_TABLE)]
    late = {"hub"}
    for name in names:
        if any(key["referred_table"] in late for key in found.get_foreign_keys(str(name))):
            late.add(str(name))
    return [str(name) for name in sorted(names, key=lambda name: name in late)]
