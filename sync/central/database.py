"""Central's store: one SQL database, in SQLite or PostgreSQL, and its two kinds of transaction.

Statements are portable SQL with named parameters: what they mean on one kind of store they mean on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from sync.central.callers import caller
from sync.central.migrate import ensure_schema
from sync.central.on_postgresql import postgresql_engine
from sync.central.on_sqlite import sqlite_engine
from sync.central.stores import READING, StoreUnavailable

BeforeCommit = Callable[[Connection], None]


class CentralStore:
    """Transactions on central's database. Synchronous, and used by one thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.before_commit: BeforeCommit | None = None
        """Runs last in every write transaction: what it raises undoes the transaction."""
        self._reading = engine.execution_options(**{READING: True})

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One durable transaction: committed when the block ends, undone when it raises. No other writes meanwhile."""
        with self.engine.begin() as connection:
            yield connection
            if self.before_commit is not None:
                self.before_commit(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the store; writes nothing. Asked by a dealer's client, PostgreSQL hears whose it is."""
        asking = caller()
        with self._reading.begin() as connection:
            if asking is not None and asking.dealer is not None and connection.dialect.name == "postgresql":
                connection.execute(FOR_DEALER, {"dealer": asking.dealer})
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def open_central(db_url: str) -> CentralStore:
    """Open the store at ``db_url``, ``sqlite:///path`` or ``postgresql://...``, making its tables if there are none.

    Raises StoreUnavailable: a URL of another kind, a file that is no database, a server that does not answer, a newer
    schema, a promise of durability that is not kept.
    """
    engine = open_engine(db_url)
    try:
        with engine.begin() as connection:
            ensure_schema(connection, refuse=StoreUnavailable)
    except DBAPIError as error:
        engine.dispose()
        raise StoreUnavailable(f"The central store cannot be opened: {_first_line(error)}.") from error
    except BaseException:
        engine.dispose()
        raise
    return CentralStore(engine)


def open_engine(db_url: str) -> Engine:
    """The engine of a database that may have no tables yet. Raises StoreUnavailable for a URL of no kind of ours."""
    try:
        url = make_url(db_url)
    except ArgumentError:
        raise StoreUnavailable(
            "The database is not a URL. Write it as sqlite:///central.db, sqlite:////var/lib/central.db or"
            " postgresql://user@host/central."
        ) from None
    match url.get_backend_name():
        case "sqlite":
            return sqlite_engine(url)
        case "postgresql":
            return postgresql_engine(url)
        case other:
            raise StoreUnavailable(f"Central's store is in SQLite or PostgreSQL, not in {other}.")


def _first_line(error: DBAPIError) -> str:
    """A server's message goes on with hints for its administrator."""
    return str(error.orig).partition("\n")[0].rstrip(".")


def next_change(connection: Connection) -> int:
    """Raise the global change number; one commit takes one. Everything the commit changes is stamped with it."""
    return int(connection.execute(RAISE_CHANGE).scalar_one())


def current_change(connection: Connection) -> int:
    """The change number that this transaction's view of the store is at."""
    return int(connection.execute(READ_CHANGE).scalar_one())


FOR_DEALER = text("SELECT set_config('counterfoil.dealer', :dealer, true)")
"""For this transaction alone, so that the next one on the same connection is nobody's."""
RAISE_CHANGE = text("UPDATE change_counter SET value = value + 1 WHERE one = 1 RETURNING value")
READ_CHANGE = text("SELECT value FROM change_counter WHERE one = 1")
