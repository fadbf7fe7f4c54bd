"""One deed, one transaction: every row of it, its audit row and its chain links are committed together or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pos.store.chain import ChainWriter
from pos.store.database import Database, store_damaged, store_unreadable
from pos.store.high_water import HighWater
from pos.store.row_watch import RowWatch
from pos.store.shape import quoted, row_name
from pos.store.till_keys import TillKeys

Row = Mapping[str, object]


class WriteFailed(Exception):
    """The disk refused before the commit: nothing was booked. ``reason`` is SQLite's own name for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CommitFailed(Exception):
    """The commit itself failed: whether it holds is unknown until the store is opened again and asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@cache
def _insert_statement(table: str, columns: tuple[str, ...]) -> str:
    names, places = ", ".join(columns), ", ".join(f":{column}" for column in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({places})"


class UnitOfWork:
    """What a deed writes with. Every row that it writes goes on the chain."""

    def __init__(self, connection: Connection, chain_key: bytes, watch: RowWatch) -> None:
        self.connection = connection
        self.chain = ChainWriter(connection, chain_key, watch.shape)
        self._watch = watch
        watch.touched.clear()

    def insert(self, table: str, row: Row) -> None:
        """Write one row, given with every column of its table."""
        self.connection.exec_driver_sql(_insert_statement(table, tuple(row)), dict(row))
        if table not in self._watch.watched:
            self.chain.add(table, row)

    def insert_all(self, table: str, rows: Sequence[Row]) -> None:
        """Write several rows of one shape."""
        if not rows:
            return
        self.connection.exec_driver_sql(_insert_statement(table, tuple(rows[0])), [dict(row) for row in rows])
        if table not in self._watch.watched:
            for row in rows:
                self.chain.add(table, row)

    def close_chain(self) -> None:
        """Put what was written on the chain, as the last thing before the commit."""
        for table, key in self._watch.touched:
            row = self._as_it_stands(table, key)
            if row is None:
                self.chain.add_gone(table, row_name(key))
            else:
                self.chain.add(table, row)
        self.chain.flush()

    def _as_it_stands(self, table: str, key: tuple[object, ...]) -> Row | None:
        condition = " AND ".join(f"{quoted(column)} = ?" for column in self._watch.shape.keys[table])
        # By the driver itself: this is part of every deed.
        found = self._watch.raw.execute(f"SELECT * FROM {quoted(table)} WHERE {condition}", key)
        row = found.fetchone()
        names = [column[0] for column in found.description]
        return None if row is None else dict(zip(names, row, strict=True))

    def next_number(self, counter: str) -> int:
        """The next number of ``counter``, from 1; a rolled-back deed uses none."""
        row = self.connection.exec_driver_sql(
            "INSERT INTO counter (name, value) VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (counter,),
        ).scalar_one()
        return int(row)


class TillStore:
    """The books, ``till.db``: opened by one process, written by one connection."""

    def __init__(self, database: Database, keys: TillKeys, *, water: HighWater | None = None) -> None:
        self.database = database
        self.keys = keys
        self._water = water
        self._watch: RowWatch | None = None

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """A unit of work. Raises WriteFailed (nothing was booked) or CommitFailed (unknown) on a disk's error."""
        complete = False
        watched_before = self._watch
        try:
            with self.database.write() as connection:
                unit = UnitOfWork(connection, self.keys.chain, self._watching(connection))
                yield unit
                unit.close_chain()
                complete = True
        except BaseException as error:
            if self._watch is not watched_before:
                # Its triggers were made in the transaction that is rolled back now, and went with it.
                self._watch = None
            failure = _disk_failure(error, complete=complete)
            if failure is None:
                raise
            raise failure from error
        if self._water is not None and unit.chain.grown:
            self._water.rise(*unit.chain.end, unit.chain.receipt)

    def go_on_under(self, keys: TillKeys, water: HighWater | None) -> None:
        """The store names these keys from its next link on."""
        self.keys = keys
        if self._water is not None:
            self._water.close()
        self._water = water

    def close(self) -> None:
        """Let the files go."""
        self.database.close()
        if self._water is not None:
            self._water.close()

    def _watching(self, connection: Connection) -> RowWatch:
        """The watch of this writer connection; another one after the file was opened anew."""
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        if self._watch is None or self._watch.raw is not raw:
            self._watch = RowWatch(raw)
        return self._watch

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look at what is committed. Raises StoreError where the disk or the file fails."""
        try:
            with self.database.read() as connection:
                yield connection
        except (DBAPIError, sqlite3.DatabaseError) as error:
            # Where so many rows are read that the driver gives them itself, its fault comes as it is.
            fault = error.orig if isinstance(error, DBAPIError) else error
            reason = getattr(fault, "sqlite_errorname", "")
            if reason.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise store_damaged(str(fault)) from error
            if reason.startswith("SQLITE_IOERR"):
                raise store_unreadable(reason) from error
            raise


def _disk_failure(error: BaseException, *, complete: bool) -> Exception | None:
    """What an error in a transaction says of the disk, if anything; ``complete``: it came with the commit."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    reason = getattr(cause, "sqlite_errorname", type(cause).__name__)
    rule = reason.startswith(("SQLITE_CONSTRAINT", "SQLITE_ERROR", "SQLITE_MISUSE", "SQLITE_MISMATCH"))
    if rule or not isinstance(error, DBAPIError | sqlite3.Error):
        return None
    if reason.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return store_damaged(str(cause))
    return CommitFailed(reason) if complete else WriteFailed(reason)
