"""Central's store for a test, in SQLite or PostgreSQL, and on which of them a test runs.

The plain run takes SQLite, and both for the modules that are marked ``both_stores``; with CENTRAL_STORES=all, as in the
gate, every test runs on both. A fact of one kind alone is marked ``kept_in``.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.store.on_sqlite import sqlite_engine
from tests.builders.postgres import lasting_postgres_database, postgres_database

Fill = Callable[[CentralStore], None]
"""Puts into an empty store what the test begins with; the same function for the same contents."""


class StoreKind(StrEnum):
    """What a central of a test is kept in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


def run_on_its_stores(metafunc: pytest.Metafunc) -> None:
    """Run the test once for each kind of store that it is to hold on."""
    if "store_kind" not in metafunc.fixturenames:
        return
    of_one = metafunc.definition.get_closest_marker("kept_in")
    if of_one is not None:
        kinds = [StoreKind(of_one.args[0])]
    elif os.environ.get("CENTRAL_STORES") == "all" or metafunc.definition.get_closest_marker("both_stores"):
        kinds = list(StoreKind)
    else:
        kinds = [StoreKind.SQLITE]
    metafunc.parametrize("store_kind", kinds, indirect=True)


@contextmanager
def store_url(kind: StoreKind, folder: Path, fill: Fill | None = None) -> Iterator[str]:
    """The URL of a store of the test's own: there is nothing yet, or what ``fill`` leaves."""
    if kind is StoreKind.POSTGRESQL:
        with postgres_database(like=None if fill is None else _postgres_template(fill)) as url:
            yield url
        return
    path = folder / "central.db"
    if fill is not None:
        path.touch(mode=0o600)
        path.write_bytes(_sqlite_file(fill))
    yield f"sqlite:///{path}"


@contextmanager
def made_store(kind: StoreKind, fill: Fill | None = None) -> Iterator[CentralStore]:
    """As ``store_url``, opened, for a test that needs many: in SQLite it lies in memory."""
    if kind is StoreKind.POSTGRESQL:
        with store_url(kind, Path(), fill) as url, closing(open_central(url)) as opened:
            yield opened
        return
    with closing(_in_memory(fill or _nothing)) as opened:
        yield opened


_made_in: list[tuple[StoreKind, ExitStack]] = []


@contextmanager
def stores_made_in(kind: StoreKind) -> Iterator[None]:
    """Have ``store_of_its_own`` make stores of that kind, which are gone afterwards."""
    with ExitStack() as stores:
        _made_in.append((kind, stores))
        yield
        _made_in.pop()


def store_of_its_own(fill: Fill) -> CentralStore:
    """For a builder that does not know its test's kind of store; in SQLite where nobody said."""
    if not _made_in:
        return _in_memory(fill)
    kind, stores = _made_in[-1]
    return stores.enter_context(made_store(kind, fill))


def _in_memory(fill: Fill) -> CentralStore:
    opened = CentralStore(sqlite_engine(make_url("sqlite://")))
    with _driver(opened) as raw:
        raw.deserialize(_sqlite_file(fill))
    return opened


def _nothing(_: CentralStore) -> None:
    pass


@cache
def _sqlite_file(fill: Fill) -> bytes:
    """To make and fill a store for every test would be most of the test."""
    store = open_central("sqlite://")
    fill(store)
    with _driver(store) as raw:
        content = raw.serialize()
    store.close()
    return content


@contextmanager
def _driver(store: CentralStore) -> Iterator[sqlite3.Connection]:
    """The driver's own connection to a store in memory, outside any transaction."""
    pooled = store.engine.raw_connection()
    raw = pooled.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    yield raw
    pooled.close()


@cache
def _postgres_template(fill: Fill) -> str:
    url = lasting_postgres_database()
    store = open_central(url)
    fill(store)
    store.close()
    return url
