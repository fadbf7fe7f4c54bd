"""What counters sell, as central tells it."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from pos.domain.errors import Refused
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.central_builders import BASE_URL, kwd, read, shop_item, small_operator

ITEM = "/counterfoil/v1/item"


async def test_items_are_told_with_price_tax_and_change(client: httpx.AsyncClient) -> None:
    answer = await client.get(ITEM, params={"sort": "-id"})
    assert answer.headers["x-total-count"] == "2"
    sim, router = loads(answer.content)
    assert sim == {
        "id": "SIM-01",
        "href": f"{BASE_URL}{ITEM}/SIM-01",
        "name": "Item SIM-01",
        "price": kwd("5.000"),
        "taxCategory": "VAT",
        "taxRate": 5,
        "change": 1,
        "@type": "CounterfoilItem",
        "serial": "iccid",
        "ean": "6271001000014",
    }
    assert b'"taxRate":7.5' in (await client.get(router["href"])).content
    assert [row["id"] for row in await read(client, ITEM, ean="6271001000014")] == ["SIM-01"]


async def test_only_items_that_differ_are_told_again(client: httpx.AsyncClient, store: CentralStore) -> None:
    seen = (await client.get(ITEM)).headers["x-change-number"]
    load_fixture(store, small_operator())
    assert await read(client, ITEM, **{"change.gt": seen}) == []
    load_fixture(
        store, {"items": [shop_item("SIM-01", "5.500"), shop_item("RTR-01", "25.000", tax_rate="7.5")]}
    )
    [changed] = await read(client, ITEM, **{"change.gt": seen})
    assert (changed["id"], changed["price"]) == ("SIM-01", kwd("5.500"))
    assert "ean" not in changed
    assert verify_central(store) == []


async def test_a_withdrawn_item_is_told_as_such_and_may_come_back(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    seen = (await client.get(ITEM)).headers["x-change-number"]
    load_fixture(store, {"items": [shop_item("RTR-01", "25.000", tax_rate="7.5", withdrawn=True)]})
    [gone] = await read(client, ITEM, **{"change.gt": seen})
    assert (gone["id"], gone["withdrawn"]) == ("RTR-01", True)
    assert len(await read(client, ITEM)) == 2
    load_fixture(store, {"items": [shop_item("RTR-01", "25.000", tax_rate="7.5", withdrawn=False)]})
    assert "withdrawn" not in await read(client, f"{ITEM}/RTR-01")
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("bent", "says"),
    [
        ({"item": "a/b"}, "item"),
        ({"item": None}, "item"),
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"price": 5}, "price"),
        ({"price": "5.0001"}, "price"),
        ({"currency": "KW"}, "currency"),
        ({"tax_rate": "5%"}, "tax_rate"),
        ({"tax_rate": 5}, "tax_rate"),
        ({"serial": "vin"}, "serial"),
        ({"serial": ["imei"]}, "serial"),
        ({"ean": "12"}, "ean"),
        ({"advance": "later"}, "advance"),
        ({"advance": ["on_use"]}, "advance"),
        ({"advance": True}, "advance"),
        ({"withdrawn": 1}, "withdrawn"),
        ({"withdrawn": None}, "withdrawn"),
    ],
)
def test_a_bad_item_of_a_fixture_is_named(store: CentralStore, bent: Mapping[str, object], says: str) -> None:
    with pytest.raises(Refused) as refusal:
        load_fixture(store, {"items": [shop_item("NEW-01", "5.000") | dict(bent)]})
    assert refusal.value.code == "fixture_bad"
    assert "items[0]." in refusal.value.message
    assert says in refusal.value.message


@pytest.mark.parametrize("query", ["sort=secret", "price=5", "fields=secret", "change.gt=x", "limit=-1"])
async def test_a_bad_query_for_items_is_400(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"{ITEM}?{query}")
    assert answer.status_code == (200 if query == "price=5" else 400)


async def test_an_advance_and_a_card_with_a_pin_are_told_as_such(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    row = shop_item("PPD-05", "5.000", serial="voucher_pin", advance="on_use")
    load_fixture(store, {"items": [row]})

    told = await read(client, f"{ITEM}/PPD-05")

    assert (told["serial"], told["advance"]) == ("voucher_pin", "on_use")
    assert "advance" not in await read(client, f"{ITEM}/SIM-01")
    assert verify_central(store) == []
