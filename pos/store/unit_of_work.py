"""One deed, one transaction: every row of it, its audit row and its chain links are committed together or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pos.store.chain import CHAINED, ChainWriter
from pos.store.database import Database, store_damaged, store_unreadable

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
    """What a deed writes with. Rows of chained tables go on the chain as they are written."""

    def __init__(self, connection: Connection, chain_key: bytes) -> None:
        self.connection = connection
        self.chain = ChainWriter(connection, chain_key)

    def insert(self, table: str, row: Row) -> None:
        """Write one row, given with every column of its table."""
        self.connection.exec_driver_sql(_insert_statement(table, tuple(row)), dict(row))
        if table in CHAINED:
            self.chain.add(table, row)

    def insert_all(self, table: str, rows: Sequence[Row]) -> None:
        """Write several rows of one shape."""
        if not rows:
            return
        self.connection.exec_driver_sql(_insert_statement(table, tuple(rows[0])), [dict(row) for row in rows])
        if table in CHAINED:
            for row in rows:
                self.chain.add(table, row)

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

    def __init__(self, database: Database, chain_key: bytes) -> None:
        self.database = database
        self.chain_key = chain_key

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """A unit of work. Raises WriteFailed (nothing was booked) or CommitFailed (unknown) on a disk's error."""
        complete = False
        try:
            with self.database.write() as connection:
                unit = UnitOfWork(connection, self.chain_key)
                yield unit
                unit.chain.flush()
                complete = True
        except DBAPIError as error:
            reason = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
            if reason.startswith(("SQLITE_CONSTRAINT", "SQLITE_ERROR", "SQLITE_MISUSE", "SQLITE_MISMATCH")):
                raise
            if reason.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise store_damaged(str(error.orig)) from error
            if complete:
                raise CommitFailed(reason) from error
            raise WriteFailed(reason) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look at what is committed. Raises StoreError where the disk or the file fails."""
        try:
            with self.database.read() as connection:
                yield connection
        except DBAPIError as error:
            reason = getattr(error.orig, "sqlite_errorname", "")
            if reason.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise store_damaged(str(error.orig)) from error
            if reason.startswith("SQLITE_IOERR"):
                raise store_unreadable(reason) from error
            raise
