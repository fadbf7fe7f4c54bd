"""Lists that only the rows themselves can answer: they are read a little at a time, and nobody's payment waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import Connection

from sync.central.http.limits import Limits
from sync.central.http.turns import Turns
from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.central.wire import listing
from tests.central.central_builders import BILL, bill, payment, post
from tests.central.test_limits import StandingClock, limited, refusal

BILLS = 1_000


@pytest.fixture
def with_many_bills(store: CentralStore) -> None:
    load_fixture(store, {"bills": [bill(f"X-{n:04}", "1.000", category=f"c{n % 7}") for n in range(BILLS)]})


@pytest.mark.both_stores
@pytest.mark.usefixtures("with_many_bills")
@pytest.mark.parametrize("asked", ["category=c1", "sort=category"])
async def test_a_payment_is_taken_while_a_list_is_looked_through(
    client: httpx.AsyncClient, asked: str
) -> None:
    before = (await client.get(f"{BILL}?limit=1")).headers["x-change-number"]
    listed = asyncio.create_task(client.get(f"{BILL}?{asked}"))
    await asyncio.sleep(0)

    taken = await post(client, payment())

    assert taken.status_code == 201
    assert not listed.done()
    told = await listed
    assert (told.status_code, told.headers["x-change-number"]) == (200, before), "it shows one moment"


@pytest.mark.usefixtures("with_many_bills")
async def test_rows_that_are_looked_through_count_as_requests(store: CentralStore) -> None:
    clock = StandingClock()
    async with limited(store, Limits(per_s=1, burst=15), clock) as client:
        assert (await client.get(f"{BILL}?state=new")).status_code == 200
        for _ in range(2):
            assert (await client.get(f"{BILL}?category=c1")).status_code == 200
        refused = await client.get(BILL)
        assert refusal(refused) == (429, "too_many_requests")
        clock.at_s += int(refused.headers["retry-after"])
        assert (await client.get(BILL)).status_code == 200

    assert int(refused.headers["retry-after"]) in range(8, 12), (
        "two times a thousand rows, less what was there"
    )


@pytest.mark.usefixtures("with_many_bills")
@pytest.mark.parametrize(
    ("asked", "most"), [("category=c1", "LOOKED_THROUGH_MAX"), ("sort=category", "SORTED_MAX")]
)
async def test_more_rows_than_may_be_looked_through_are_refused_until_a_column_narrows_them(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, asked: str, most: str
) -> None:
    monkeypatch.setattr(listing, most, BILLS - 1)

    refused = await client.get(f"{BILL}?{asked}")

    assert refusal(refused) == (400, "too_many_rows")
    assert "billingAccount.id" in refused.json()["message"]
    assert (await client.get(f"{BILL}?{asked}&billingAccount.id=BA-1&state=settled")).status_code == 200


async def test_of_all_readings_one_is_open_at_a_time_and_a_client_has_one_place_in_the_line() -> None:
    turns, opened, order = Turns(), list[str](), list[str]()

    async def read(client: str) -> None:
        @contextmanager
        def reading() -> Iterator[Connection]:
            opened.append(client)
            assert len(opened) == 1
            yield cast(Any, SimpleNamespace())
            opened.remove(client)

        def steps(_: Connection) -> Generator[int, None, str]:
            yield 3
            yield 4
            return client

        told: list[int] = []
        order.append(await turns.read(reading, steps, client=client, took=told.append))
        assert told == [3, 4]

    await asyncio.gather(*map(read, ["a", "a", "a", "b", "c"]))

    assert order[:3] == ["a", "b", "c"]


async def test_a_reading_that_fails_lets_the_next_one_begin() -> None:
    turns = Turns()

    @contextmanager
    def reading() -> Iterator[Connection]:
        yield cast(Any, SimpleNamespace())

    def falls(_: Connection) -> Generator[int, None, None]:
        yield 1
        raise MemoryError

    def ends(_: Connection) -> Generator[int, None, str]:
        yield 1
        return "read"

    with pytest.raises(MemoryError):
        await turns.read(reading, falls, client="a", took=list[int]().append)
    assert await turns.read(reading, ends, client="a", took=list[int]().append) == "read"
