"""Whether the store's schema, with its triggers, is what the migrations make: a wall that was taken away is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from sqlalchemy import Connection

from pos.store import migrate
from pos.store.database import Database

_CATALOGUE = (
    "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
)


def schema_faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """(kind, "trigger name") of whatever is missing, altered or added in the catalogue of the open store."""
    expected, found = migrated_catalogue(), _catalogue(connection)
    for name, sql in expected.items():
        if name not in found:
            yield "schema_missing", name
        elif found[name] != sql and _in_one_line(found[name]) != _in_one_line(sql):
            yield "schema_altered", name
    for name in found.keys() - expected.keys():
        yield "schema_added", name


@cache
def migrated_catalogue() -> Mapping[str, str]:
    """The catalogue of a store that the migrations have just made."""
    store = Database(None)
    try:
        with store.write() as connection:
            migrate.upgrade(connection)
            return _catalogue(connection)
    finally:
        store.close()


def _catalogue(connection: Connection) -> dict[str, str]:
    return {str(name): str(sql) for name, sql in connection.exec_driver_sql(_CATALOGUE)}


def _in_one_line(sql: str) -> str:
    """How a statement was broken into lines is no part of what it says."""
    return " ".join(sql.split())
