"""Opening a store file: WAL, FULL, one writer, checked at every open.

Every write transaction starts with BEGIN IMMEDIATE: the driver's default gave two processes the same receipt number.
``synchronous=FULL`` is a rule, because WAL with NORMAL loses acknowledged payments at a power cut.
Source: reliability.md section 0; measured there.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

BUSY_TIMEOUT_S = 5
READERS_MAX = 4
STATEMENTS_KEPT = 512
"""More than a day at the counter and a check of the books have: the driver's 128 prepares most of them anew each time."""


class StoreError(Exception):
    """The store itself, not a rule, stands in the way. ``code`` and ``exit_code`` are stable."""

    def __init__(self, code: str, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code


class StoreOpener(Protocol):
    """The port through which a store file is opened; the real one is ``Database`` itself."""

    def __call__(self, path: Path | None, *, read_only: bool = False) -> Database:
        """Open the file, or a store in memory for None."""
        ...


def store_locked() -> StoreError:
    """Another process owns this home."""
    return StoreError(
        "store_locked", "This till is open in another window or program. Close it first.", exit_code=5
    )


def store_damaged(what: str) -> StoreError:
    """The file failed a check: nothing is sold on it."""
    return StoreError(
        "store_damaged",
        f"The store is damaged: {what}. Nothing can be sold on it. pos export support writes what can be read of it.",
        exit_code=6,
    )


def store_altered(where: str) -> StoreError:
    """Somebody changed the file behind the program's back, where the program itself needs it."""
    return StoreError(
        "store_altered",
        f"The store was altered from outside ({where}). Nothing can be sold on it. Run pos verify.",
        exit_code=6,
    )


def store_unreadable(reason: str) -> StoreError:
    """The disk failed while the store was read."""
    return StoreError(
        "store_unreadable", f"The disk fails: the store cannot be read ({reason}).", exit_code=1
    )


class StoreLock:
    """The lock file that makes one process the owner of one home; held until closed or the process ends."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise store_locked() from None

    def close(self) -> None:
        """Let the next process in."""
        os.close(self._file)


class Database:
    """One SQLite file with one writer connection and, beside it, read-only connections.

    ``path`` None is a store in memory with one connection for both: the fake of the tests and the simulation.
    ``read_only`` opens no writer at all, for commands that work beside an open till.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._writer: Connection | None = None
        self._write_engine: Engine | None = None
        if not read_only:
            self._open_writer()
        self._read_engine: Engine | None = None if path is None else _engine(path, read_only=True)

    def _open_writer(self) -> None:
        if self._path is not None:
            _refuse_wide_mode(self._path)
        self._write_engine = _engine(self._path, read_only=False)
        try:
            self._writer = self._write_engine.connect()
            _check_pragmas(self._writer, in_memory=self._path is None)
        except DBAPIError as error:
            raise _open_error(error) from error

    @property
    def path(self) -> Path | None:
        return self._path

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back whole on any error."""
        assert not self._read_only, "this store was opened to be read"
        if self._writer is None:
            # It was thrown away after a failed commit, and the disk let no other be opened then.
            self._open_writer()
        assert self._writer is not None
        with self._writer.begin():
            yield self._writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view: what is committed when it begins."""
        if self._read_engine is None:
            assert self._writer is not None, "a store in memory has one connection"
            if self._writer.in_transaction():
                yield self._writer
            else:
                with self._writer.begin():
                    yield self._writer
            return
        with self._read_engine.connect() as connection, connection.begin():
            yield connection

    def quick_check(self) -> None:
        """Raises StoreError ``store_damaged`` where SQLite finds the file unsound."""
        try:
            with self.read() as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        except DBAPIError as error:
            raise _open_error(error) from error
        if found != "ok":
            raise store_damaged(str(found))

    def full_check(self) -> None:
        """As ``quick_check``, but every index against its table too: nightly and for a backup."""
        try:
            with self.read() as connection:
                found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        except DBAPIError as error:
            raise _open_error(error) from error
        if found != "ok":
            raise store_damaged(str(found))

    def reopen(self) -> None:
        """Throw the writer away and open it anew: the only honest question after a failed commit."""
        self._close_writer()
        self._open_writer()

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file where that holds up nobody; only the writer does this."""
        assert self._writer is not None
        raw = self._writer.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._writer.rollback()

    def backup_into(self, target: Path) -> None:
        """A consistent copy of the store as a new file of mode 0600, with no log beside it, on the disk when this returns.

        Raises StoreError ``store_damaged``.
        """
        assert self._path is not None
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        source = sqlite3.connect(self._path)
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.DatabaseError as error:
            raise store_damaged(str(error)) from error
        finally:
            copy.close()
            source.close()
        handle = os.open(target, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    def close(self) -> None:
        """Close every connection."""
        if self._read_engine is not None:
            self._read_engine.dispose()
        self._close_writer()

    def _close_writer(self) -> None:
        if self._writer is not None:
            try:
                self._writer.close()
            finally:
                self._writer = None
        if self._write_engine is not None:
            self._write_engine.dispose()
            self._write_engine = None


def open_damaged(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for a file that nothing else is done with: each of its answers may be an error."""
    name = quote(str(path))
    raw = _connect(f"file:{name}?mode=ro", uri=True)
    # So that SQLite goes on with as much of the schema as it can read; the first question may fail all the same.
    raw.execute("PRAGMA writable_schema=ON")
    try:
        raw.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            # On a disk that nothing can be written to the log has no index: then the file alone is read.
            raw.close()
            raw = _connect(f"file:{name}?mode=ro&immutable=1", uri=True)
            raw.execute("PRAGMA writable_schema=ON")
    raw.execute("PRAGMA trusted_schema=OFF")
    raw.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    return raw


def _engine(path: Path | None, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        if path is None:
            return _connect(":memory:", uri=False)
        mode = "ro" if read_only else "rwc"
        return _connect(f"file:{quote(str(path))}?mode={mode}", uri=True)

    pool: dict[str, Any]
    if read_only:
        pool = {"poolclass": QueuePool, "pool_size": READERS_MAX}
    else:
        pool = {"poolclass": StaticPool}
    # An error that nobody expected is printed with its statement, and a parameter may be a name.
    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, **pool)

    @event.listens_for(engine, "connect")
    def set_up(raw: Any, _record: object) -> None:
        if not read_only and path is not None:
            raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA recursive_triggers=ON")
        raw.execute("PRAGMA trusted_schema=OFF")
        # What is wiped (names, PINs) must not be read from the file's free pages afterwards.
        raw.execute("PRAGMA secure_delete=ON")
        raw.execute("PRAGMA wal_autocheckpoint=4000")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def open_scratch() -> sqlite3.Connection:
    """A database of SQLite's own for what no book keeps: on disk where it grows, nobody else's, gone once it is closed."""
    return sqlite3.connect("", isolation_level=None)


def _connect(database: str, *, uri: bool) -> sqlite3.Connection:
    return sqlite3.connect(
        database,
        uri=uri,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS_KEPT,
    )


def _check_pragmas(connection: Connection, *, in_memory: bool) -> None:
    """Asserted at every open: a store without these promises is not opened."""
    with connection.begin():
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        foreign_keys = connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one()
    if (journal != "wal" and not in_memory) or synchronous != 2 or foreign_keys != 1:
        raise StoreError(
            "store_unsafe",
            "This disk does not keep what is written (no write-ahead log). Use a local disk.",
            exit_code=1,
        )


def _refuse_wide_mode(path: Path) -> None:
    if path.exists():
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StoreError(
                "store_mode_too_wide", f"Other users can read {path.name}. Set its mode to 0600.", exit_code=1
            )
    else:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))


def _open_error(error: DBAPIError) -> StoreError:
    cause = error.orig
    name = getattr(cause, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return store_damaged(str(cause))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return store_locked()
    return StoreError("store_cannot_be_opened", f"The store cannot be opened: {cause}.", exit_code=1)
