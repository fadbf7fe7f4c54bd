"""The keyed chain over every row of the books: what was altered behind the program's back shows.

Each transaction puts one link on the chain. The link lists the rows that the transaction wrote, each with a mark of its
content under the key; the link's own mark covers the list and the link before:

    row mark  = first 8 bytes of HMAC-SHA256(key, "row" | table | row key | canonical row)
    mark(n)   = HMAC-SHA256(key, "2" | mark(n-1) | n | source | list n)

The key lies outside the database, so that who can write the file cannot make a chain that fits. A store that is older than
this form begins with links of the first form, one for each row of some tables:

    mark(n)   = HMAC-SHA256(key, "1" | mark(n-1) | source | row key | canonical row n)

They stay and are verified as they were made; a sealing link covers what they did not. Source: reliability.md 0.8 and 5.5.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

from sqlalchemy import Connection

from pos.store.shape import StoreShape

GENESIS = "0" * 64
FORMAT = "2"
"""Version of the form of a link; part of every mark."""

DEED = "deed"
SEAL = "seal"
"""Sources of a link: what a transaction wrote; what was found in place when the schema came to this form."""

GONE = ""
"""Instead of the mark of a row that was removed."""

SEALED_AT_ONCE = 500
"""Rows in one sealing link."""

_LAST = "SELECT chain_no, mark FROM chain_link ORDER BY chain_no DESC LIMIT 1"
_INSERT = "INSERT INTO chain_link (chain_no, source, row_key, mark, rows) VALUES (?, ?, ?, ?, ?)"


def _bytes(value: object) -> dict[str, str]:
    """What JSON has no form for: a row holds numbers, text and bytes alone."""
    assert isinstance(value, bytes)
    return {"bytes": value.hex()}


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_bytes)


def canonical(row: Mapping[str, object]) -> bytes:
    """One form for one row: sorted keys, no blanks, what is empty left out, so that a new column alters no old row."""
    filled = {name: _as_kept(value) for name, value in row.items() if value is not None}
    return _ENCODER.encode(filled).encode("utf-8", "surrogateescape")


def _as_kept(value: object) -> object:
    """SQLite keeps no truth values."""
    return int(value) if isinstance(value, bool) else value


def row_mark(key: bytes, table: str, name: str, row: Mapping[str, object]) -> str:
    """The mark of one row under ``key``."""
    head = "\x1f".join(("row", table, name)).encode("utf-8", "surrogateescape")
    return hmac.digest(key, head + b"\x1f" + canonical(row), hashlib.sha256)[:8].hex()


def link_mark(key: bytes, previous: str, number: int, source: str, rows: str) -> str:
    """The mark of link ``number``, which follows ``previous`` and lists ``rows``."""
    text = "\x1f".join((FORMAT, previous, str(number), source, rows))
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hex()


def printed_mark(mark: str) -> str:
    """A mark as a receipt carries it: its beginning, for a person to read out."""
    return "-".join((mark[:4], mark[4:8], mark[8:12]))


class ChainWriter:
    """Gathers the rows of one transaction, and puts its link on the chain.

    ``grown`` once it has; ``receipt`` is the last one among the rows.
    """

    def __init__(self, connection: Connection, key: bytes, shape: StoreShape) -> None:
        self._connection = connection
        self._key = key
        self._shape = shape
        self._end: tuple[int, str] | None = None
        self._rows: dict[str, dict[str, str]] = {}
        self.grown = False
        self.receipt: str | None = None

    @property
    def end(self) -> tuple[int, str]:
        """Number and mark of the last link; this transaction's own comes after it."""
        if self._end is None:
            self._end = head(self._connection)
        return self._end

    @property
    def head(self) -> str:
        """The mark of the last link."""
        return self.end[1]

    def add(self, table: str, row: Mapping[str, object]) -> None:
        """List a row that this transaction has written, given with every column that is not empty."""
        name = self._shape.name_of(table, row)
        self._rows.setdefault(table, {})[name] = row_mark(self._key, table, name, row)
        if table == "receipt":
            self.receipt = name

    def add_gone(self, table: str, name: str) -> None:
        """List a row that this transaction has removed."""
        self._rows.setdefault(table, {})[name] = GONE

    def flush(self, source: str = DEED) -> None:
        """Write the link, as the last thing before the commit; none where nothing was written."""
        if not self._rows:
            return
        number, previous = self.end
        rows = json.dumps(self._rows, separators=(",", ":"), ensure_ascii=False)
        mark = link_mark(self._key, previous, number + 1, source, rows)
        self._connection.exec_driver_sql(_INSERT, (number + 1, source, str(number + 1), mark, rows))
        self._end, self._rows, self.grown = (number + 1, mark), {}, True


def head(connection: Connection) -> tuple[int, str]:
    """How long the chain is, and its last mark."""
    last = connection.exec_driver_sql(_LAST).first()
    return (0, GENESIS) if last is None else (int(last[0]), str(last[1]))
