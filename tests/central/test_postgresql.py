"""What is particular to a store in PostgreSQL. What both kinds of store do is said by the other tests, which run on both."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Connection, Row, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from sync.central.operating.verify import verify_central
from sync.central.payments.payments import PAYMENTS, compose_payments, list_payments
from sync.central.schema.migrate import HEAD, READ_VERSION
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.store.driver_sql import straight
from sync.central.store.on_postgresql import TAKE_WRITER_LOCK
from sync.central.store.promises import StoreUnavailable
from sync.central.wire.links import Links
from sync.central.wire.listing import ROWS_AT_ONCE, at_once, read_page
from sync.central.wire.query import Resource, parse_list_query
from sync.wire_json import loads
from tests.central.central_builders import (
    payment,
    post,
)

pytestmark = pytest.mark.kept_in("postgresql")


OtherClient = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def other_client(empty_url: str) -> Iterator[OtherClient]:
    """Somebody else's connection to the same database."""
    with psycopg.connect(empty_url) as connection:
        yield connection


def tables_of(client: OtherClient) -> list[object]:
    found = client.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
    return [row[0] for row in found.fetchall()]


def plain_url(store: CentralStore) -> str:
    """As another program of PostgreSQL's own would be given it."""
    return store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def told_by(settings: CentralStore, name: str) -> str:
    with settings.read() as connection:
        return str(connection.execute(text(f"SELECT current_setting('{name}')")).scalar_one())


async def posted(client: httpx.AsyncClient, correlator: str) -> httpx.Response:
    return await post(client, payment("1.000", correlatorId=correlator))


def test_what_the_server_confirms_it_keeps(empty_url: str, other_client: OtherClient) -> None:
    """Whatever the database's owner set for all its sessions."""
    name = make_url(empty_url).database
    other_client.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())
    other_client.commit()

    store = open_central(empty_url)

    promises = ("fsync", "full_page_writes", "synchronous_commit")
    assert [told_by(store, promise) for promise in promises] == ["on"] * 3
    store.close()


def test_a_database_that_may_not_be_written_to_is_refused(empty_url: str, other_client: OtherClient) -> None:
    name = make_url(empty_url).database
    other_client.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    other_client.commit()

    with pytest.raises(StoreUnavailable, match="transaction_read_only must be off"):
        open_central(empty_url)


def test_another_ones_database_is_refused_and_left_as_it_is(
    empty_url: str, other_client: OtherClient
) -> None:
    other_client.execute("CREATE TABLE customers (name TEXT)")
    other_client.commit()

    with pytest.raises(StoreUnavailable, match="not a central store"):
        open_central(empty_url)
    assert tables_of(other_client) == ["customers"]


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened") as refusal:
        open_central("postgresql://central:s3cret@127.0.0.1:1/central")
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["postgresql+asyncpg://localhost/central", "mysql://localhost/central"])
def test_another_driver_or_kind_of_store_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="PostgreSQL"):
        open_central(url)


def test_texts_are_compared_byte_by_byte_whatever_the_databases_language(empty_url: str) -> None:
    store = open_central(empty_url)
    with store.read() as connection:
        others = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' ORDER BY 1, 2"
            )
        ).all()
    assert others == []
    store.close()


def test_several_processes_that_start_at_once_make_one_store(empty_url: str) -> None:
    stores: list[CentralStore] = []
    starting = [threading.Thread(target=lambda: stores.append(open_central(empty_url))) for _ in range(4)]
    for start in starting:
        start.start()
    for start in starting:
        start.join()

    assert len(stores) == 4
    for store in stores:
        with store.read() as connection:
            assert connection.execute(READ_VERSION).scalars().all() == [HEAD]
        store.close()


def test_a_step_that_fails_leaves_no_table(
    empty_url: str, other_client: OtherClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            "sync.central.schema.migrations.forms.TABLES", ("CREATE TABLE a (b TEXT)", "CREATE TABEL")
        )
        with pytest.raises(StoreUnavailable):
            open_central(empty_url)
    assert tables_of(other_client) == []


def test_a_fault_of_the_store_prints_no_value(store: CentralStore) -> None:
    """PostgreSQL tells the row that is in the way, and the value that is none of its type."""
    statement = text("INSERT INTO fixture_row (kind, position, body) VALUES (:kind, :position, '')")
    row = {"kind": "Aisha Al-Sabah", "position": 1}
    with store.write() as connection:
        connection.execute(statement, row)
    for values in (row, row | {"position": "Aisha Al-Sabah"}):
        with pytest.raises(DBAPIError) as fault, store.write() as connection:
            connection.execute(statement, values)
        assert "Aisha" not in f"{fault.value} {fault.value.orig}"
        with pytest.raises(DBAPIError) as fault, store.write() as connection:
            straight(connection).execute(statement, values)
        assert "Aisha" not in f"{fault.value} {fault.value.orig}"


def test_who_only_reads_sees_one_moment_waits_for_nobody_and_writes_nothing(store: CentralStore) -> None:
    count = text("SELECT count(*) FROM fixture_row WHERE kind = 'x'")
    with store.read() as reading:
        assert reading.execute(count).scalar_one() == 0
        with store.write() as writing:
            writing.execute(text("INSERT INTO fixture_row (kind, position, body) VALUES ('x', 1, '')"))
        assert reading.execute(count).scalar_one() == 0
    with store.read() as reading:
        assert reading.execute(count).scalar_one() == 1
    with pytest.raises(DBAPIError, match="read-only"), store.read() as reading:
        reading.execute(text("DELETE FROM fixture_row"))


@pytest.mark.parametrize("query", [{"description": "x"}, {"sort": "description"}])
async def test_rows_that_are_compared_one_by_one_do_not_come_all_at_once(
    client: httpx.AsyncClient, store: CentralStore, query: dict[str, str]
) -> None:
    """A central of years has more of them than a process has memory."""
    await posted(client, "c-1")
    open_cursors: list[object] = []

    def compose(connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
        open_cursors.append(connection.execute(text("SELECT count(*) FROM pg_cursors")).scalar_one())
        return compose_payments(connection, rows, links)

    many = f"{PAYMENTS.select}, generate_series(1, {2 * ROWS_AT_ONCE})"
    watched = replace(PAYMENTS, compose=compose, select=many)
    asked = parse_list_query([*query.items()], watched, Links(""))
    with store.read() as connection:
        at_once(read_page(connection, watched, asked, Links("")))

    assert open_cursors[0] == 1


async def test_who_waits_too_long_for_another_writer_is_told_so_and_nothing_is_taken(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("SET lock_timeout = '20ms'")
    with psycopg.connect(plain_url(store)) as other:
        other.execute(TAKE_WRITER_LOCK.encode())
        answer = await posted(client, "c-1")

    assert (answer.status_code, loads(answer.content)["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "2"
    assert (await posted(client, "c-1")).status_code == 201
    assert [row.correlator_id for row in list_payments(store)] == ["c-1"]


async def test_a_server_that_went_away_for_a_moment_is_asked_again(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    assert (await posted(client, "c-1")).status_code == 201
    with psycopg.connect(plain_url(store), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'counterfoil-central'"
        )

    assert (await posted(client, "c-2")).status_code == 503
    assert (await posted(client, "c-2")).status_code == 201
    assert [row.correlator_id for row in list_payments(store)] == ["c-1", "c-2"]
    assert verify_central(store) == []
