"""Central's store in one SQLite file: every promise of durability checked at each connection.

A write begins with BEGIN IMMEDIATE (the driver's default let two writers double numbers) and synchronous is FULL (NORMAL
lost acknowledged payments in a power cut). Source: reliability.md sections 0.1 to 0.3.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool, StaticPool

from sync.central.store.promises import READING, StoreUnavailable

BUSY_TIMEOUT_MS = 5_000
FILE_MODE = 0o600


def sqlite_engine(url: URL) -> Engine:
    """The engine of the store in the file of ``url``, or in memory where it names none.

    Connecting raises StoreUnavailable where the file system does not keep write-ahead logging.
    """
    in_memory = _in_memory(url)
    if not in_memory:
        _make_private(Path(str(url.database)))
    engine = create_engine(
        url,
        # An error that nobody expected is printed with its statement, and a parameter may be a name or a key.
        hide_parameters=True,
        poolclass=StaticPool if in_memory else QueuePool,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
    )

    def prepare(dbapi_connection: Any, _record: object) -> None:
        # The driver must not begin transactions on its own; `begin` below does.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        try:
            journal = cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")
            kept = (
                journal,
                cursor.execute("PRAGMA synchronous").fetchone()[0],
                cursor.execute("PRAGMA foreign_keys").fetchone()[0],
            )
        finally:
            cursor.close()
        if kept != ("memory" if in_memory else "wal", 2, 1):
            raise StoreUnavailable("The central store does not keep write-ahead logging with full syncing.")

    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(READING, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _make_private(path: Path) -> None:
    """Nobody but the owner reads central: it holds the keys that make vouchers. SQLite gives its log the file's own mode."""
    try:
        store = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            if stat.S_IMODE(os.fstat(store).st_mode) & ~FILE_MODE:
                os.fchmod(store, FILE_MODE)
        finally:
            os.close(store)
    except OSError as error:
        raise StoreUnavailable(f"The central store cannot be opened: {error.strerror}.") from error
