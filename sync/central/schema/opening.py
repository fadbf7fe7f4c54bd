"""Opening central's store: the engine of either kind, and its schema brought to this program's."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from sync.central.schema.migrate import ensure_schema
from sync.central.store.database import CentralStore
from sync.central.store.on_postgresql import postgresql_engine
from sync.central.store.on_sqlite import sqlite_engine
from sync.central.store.promises import StoreUnavailable


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
