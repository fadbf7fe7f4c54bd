"""The keyed chain over journal, receipt, audit, shift and deposit rows: what was altered behind the program's back shows.

mark(n) = HMAC-SHA256(key, mark(n-1) | source | row key | canonical row n). The key lies outside the database, so that who
can write the file cannot make a chain that fits. Source: reliability.md sections 0.8 and 5.5.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

GENESIS = "0" * 64
FORMAT = "1"
"""Version of the canonical form; part of every mark."""

CHAINED: Mapping[str, tuple[str, ...]] = {
    "shift": ("shift_id",),
    "shift_count": ("count_id",),
    "shift_close": ("shift_id",),
    "shift_count_foreign": ("count_id", "currency"),
    "shift_count_declared": ("count_id", "kind"),
    "shift_close_foreign": ("shift_id", "currency"),
    "large_cash": ("payment_event_id",),
    "journal_entry": ("entry_id",),
    "journal_line": ("entry_id", "line_no"),
    "moved_entry": ("entry_id",),
    "receipt": ("receipt_number",),
    "receipt_copy": ("receipt_number", "number"),
    "audit": ("audit_id",),
    "deposit_slip_event": ("step_id",),
    "deposit_credit": ("slip_id", "cheque_id"),
}
"""The chained tables and the columns that name a row."""

_LAST = "SELECT chain_no, mark FROM chain_link ORDER BY chain_no DESC LIMIT 1"
_INSERT = "INSERT INTO chain_link (chain_no, source, row_key, mark) VALUES (?, ?, ?, ?)"


def canonical(row: Mapping[str, object]) -> bytes:
    """One form for one row: sorted keys, no blanks, integers and text only (rows hold nothing else)."""
    return json.dumps(dict(row), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def next_mark(key: bytes, previous: str, source: str, row_key: str, row: Mapping[str, object]) -> str:
    """The mark of one row after ``previous``."""
    head = "\x1f".join((FORMAT, previous, source, row_key)).encode()
    return hmac.new(key, head + b"\x1f" + canonical(row), hashlib.sha256).hexdigest()


def row_key(source: str, row: Mapping[str, object]) -> str:
    """How a row is named in the chain and in findings."""
    return "/".join(str(row[column]) for column in CHAINED[source])


class ChainWriter:
    """Puts the rows of one transaction on the chain."""

    def __init__(self, connection: Connection, key: bytes) -> None:
        self._connection = connection
        self._key = key
        self._end: tuple[int, str] | None = None
        self._links: list[tuple[int, str, str, str]] = []

    @property
    def head(self) -> str:
        """The last mark so far."""
        return self._at_end()[1]

    def _at_end(self) -> tuple[int, str]:
        """Asked of the store once, and only by a transaction that chains something: the wire's do not."""
        if self._end is None:
            self._end = head(self._connection)
        return self._end

    def add(self, source: str, row: Mapping[str, object]) -> None:
        """Chain one row that this transaction has written."""
        name = row_key(source, row)
        number, previous = self._at_end()
        mark = next_mark(self._key, previous, source, name, row)
        self._end = (number + 1, mark)
        self._links.append((number + 1, source, name, mark))

    def flush(self) -> None:
        """Write the links, as the last thing before the commit."""
        if self._links:
            self._connection.exec_driver_sql(_INSERT, self._links)
            self._links = []


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding:
    """What is wrong with the chain, by table and row."""

    kind: str
    source: str
    row_key: str


def verify_chain(connection: Connection, key: bytes) -> Iterator[ChainFinding]:
    """Walk the whole chain: every altered, missing, added or moved row is named.

    After the first broken mark the walk goes on from the stored mark, so that each further fault is named on its own.
    """
    previous, expected_no = GENESIS, 1
    seen: dict[str, set[str]] = {source: set() for source in CHAINED}
    links = connection.exec_driver_sql(
        "SELECT chain_no, source, row_key, mark FROM chain_link ORDER BY chain_no"
    )
    for number, source, name, mark in links.yield_per(1000):
        if number != expected_no:
            yield ChainFinding(kind="link_missing", source="chain_link", row_key=str(expected_no))
        expected_no = number + 1
        row = _fetch(connection, source, name) if source in CHAINED else None
        if row is None:
            yield ChainFinding(kind="row_missing", source=source, row_key=name)
        elif next_mark(key, previous, source, name, row) != mark:
            yield ChainFinding(kind="row_altered", source=source, row_key=name)
        if source in seen:
            seen[source].add(name)
        previous = mark
    for source, names in seen.items():
        columns = ", ".join(CHAINED[source])
        for key_columns in connection.exec_driver_sql(f"SELECT {columns} FROM {source}").yield_per(1000):
            name = "/".join(str(part) for part in key_columns)
            if name not in names:
                yield ChainFinding(kind="row_added", source=source, row_key=name)


def head(connection: Connection) -> tuple[int, str]:
    """How long the chain is, and its last mark."""
    last = connection.exec_driver_sql(_LAST).first()
    return (0, GENESIS) if last is None else (int(last[0]), str(last[1]))


def _fetch(connection: Connection, source: str, name: str) -> Mapping[str, object] | None:
    columns = CHAINED[source]
    values = tuple(name.split("/")) if len(columns) > 1 else (name,)
    if len(values) != len(columns):
        return None
    # Integer columns compare a text by its number, so the key's text finds the row by its index.
    where = " AND ".join(f"{column} = ?" for column in columns)
    row = connection.exec_driver_sql(f"SELECT * FROM {source} WHERE {where}", values).mappings().first()
    return None if row is None else dict(row)
