"""Central's store: one SQL database, opened with every promise checked, and its two kinds of transaction.

Statements are portable SQL with named parameters. On SQLite a write begins with BEGIN IMMEDIATE (the driver's default
let two writers double numbers) and synchronous is FULL (NORMAL lost acknowledged payments in a power cut).
Source: reliability.md sections 0.1 to 0.3.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from pos.domain.errors import DomainError
from sync.central.migrate import ensure_schema

BUSY_TIMEOUT_MS = 5_000
FILE_MODE = 0o600

BeforeCommit = Callable[[Connection], None]


class StoreUnavailable(DomainError):
    """The store cannot be opened, or is not one that this version may write to."""

    exit_code: ClassVar[int] = 6

    def __init__(self, message: str) -> None:
        super().__init__("central_store_unavailable", message)


class CentralStore:
    """Transactions on central's database. Synchronous, and used by one thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.before_commit: BeforeCommit | None = None
        """Runs last in every write transaction: what it raises undoes the transaction."""
        self._reading = engine.execution_options(counterfoil_reading=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One durable transaction: committed when the block ends, undone when it raises."""
        with self.engine.begin() as connection:
            yield connection
            if self.before_commit is not None:
                self.before_commit(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the store; writes nothing."""
        with self._reading.begin() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def open_central(db_url: str) -> CentralStore:
    """Open the store at ``db_url`` (``sqlite:///path``), making it if it is not there.

    Raises StoreUnavailable: a URL of another kind, a file that is no database, a newer schema, a promise of durability
    that the file system does not keep.
    """
    try:
        url = make_url(db_url)
    except ArgumentError:
        raise StoreUnavailable(
            "The database is not a URL. Write it as sqlite:///central.db or sqlite:////var/lib/central.db."
        ) from None
    if url.get_backend_name() != "sqlite":
        raise StoreUnavailable(f"This version keeps central in SQLite only, not in {url.get_backend_name()}.")
    if not _in_memory(url):
        _make_private(Path(str(url.database)))
    engine = _sqlite_engine(url)
    try:
        with engine.begin() as connection:
            ensure_schema(connection, refuse=StoreUnavailable)
    except DBAPIError as error:
        engine.dispose()
        raise StoreUnavailable(f"The central store cannot be opened: {error.orig}.") from error
    except (StoreUnavailable, SQLAlchemyError):
        engine.dispose()
        raise
    return CentralStore(engine)


def next_change(connection: Connection) -> int:
    """Raise the global change number; one commit takes one. Everything the commit changes is stamped with it."""
    return int(connection.execute(RAISE_CHANGE).scalar_one())


def current_change(connection: Connection) -> int:
    """The change number that this transaction's view of the store is at."""
    return int(connection.execute(READ_CHANGE).scalar_one())


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


def _sqlite_engine(url: URL) -> Engine:
    in_memory = _in_memory(url)
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
        reading = connection.get_execution_options().get("counterfoil_reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


RAISE_CHANGE = text("UPDATE change_counter SET value = value + 1 WHERE one = 1 RETURNING value")
READ_CHANGE = text("SELECT value FROM change_counter WHERE one = 1")
