"""The buckets of several processes of one central, in one file: a client has one, whichever process it comes to.

Times are those of the machine's monotonic clock, which its processes share. The file need not outlive them.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sync.central.http.limits import CLIENTS_MAX, Bucket

LOCKED_S = 0.2
"""Another process holds the file for some microseconds; one that stands still in them keeps nobody waiting longer."""

_log = logging.getLogger("uvicorn.error")


class SharedShelf:
    """One process's way to the file. One that cannot be used lets everybody pass: a rate is no reason to take no money."""

    def __init__(self, path: Path) -> None:
        self._file = _opened(path)

    def change(self, client: str, changed: Callable[[Bucket | None], Bucket]) -> None:
        # An address is kept nowhere as it is.
        digest = hashlib.blake2b(client.encode(), digest_size=16).digest()
        try:
            self._file.execute("BEGIN IMMEDIATE")
            found = self._file.execute(FIND, (digest,)).fetchone()
            self._file.execute(PUT, (digest, *changed(found)))
            if found is None and len(self) > CLIENTS_MAX:
                self._file.execute(FORGET)
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            _log.warning("The buckets cannot be shared now.", exc_info=error)
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            changed(None)

    def __len__(self) -> int:
        return int(self._file.execute(COUNT).fetchone()[0])

    def close(self) -> None:
        self._file.close()


def make_shelf(path: Path) -> None:
    """An empty one, before the processes start that share it."""
    with closing(_opened(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute(MAKE)


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=LOCKED_S, isolation_level=None)
    # A power cut ends the processes too; a killed one leaves a whole file.
    file.execute("PRAGMA synchronous = OFF")
    return file


MAKE = "CREATE TABLE bucket (client BLOB PRIMARY KEY, left REAL NOT NULL, at REAL NOT NULL) WITHOUT ROWID"
FIND = "SELECT left, at FROM bucket WHERE client = ?"
PUT = "INSERT OR REPLACE INTO bucket (client, left, at) VALUES (?, ?, ?)"
COUNT = "SELECT count(*) FROM bucket"
FORGET = "DELETE FROM bucket WHERE client = (SELECT client FROM bucket ORDER BY at LIMIT 1)"
