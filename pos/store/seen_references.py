"""What stood in a file before, kept outside of memory: a file of any length is looked at in the same room."""

from __future__ import annotations

import sqlite3
from types import TracebackType


class SeenReferences:
    """A set of references that lives in a temporary database of SQLite's own, which goes when it is closed."""

    def __init__(self) -> None:
        # An empty name: on disk where it grows, and nobody else's.
        self._raw = sqlite3.connect("", isolation_level=None)
        self._raw.execute("PRAGMA journal_mode = OFF")
        self._raw.execute("CREATE TABLE seen (reference TEXT PRIMARY KEY) WITHOUT ROWID")
        self._raw.execute("BEGIN")

    def __enter__(self) -> SeenReferences:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._raw.close()

    def add(self, reference: str) -> bool:
        """Remember ``reference``; True where it is new."""
        found = self._raw.execute("INSERT OR IGNORE INTO seen VALUES (?)", (reference,))
        return found.rowcount == 1
