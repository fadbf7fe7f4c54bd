"""How far the tills of a shop are with their day, as each told last."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync.wire_json import dumps
from tests.central.central_builders import SteppingClock, kwd, read

TILL = "/counterfoil/v1/shopTill"
JSON = {"content-type": "application/json"}


def standing(terminal: str = "T1", **more: object) -> dict[str, Any]:
    return {
        "terminal": terminal,
        "shop": "S014",
        "shift": {"number": 7, "operator": "1001"},
        "openDays": ["2026-11-20", "2026-11-21"],
        "waiting": 3,
        "parked": 1,
        "bagsOnTheWay": {"count": 1, "amount": kwd("80.000")},
        **more,
    }


async def tell(client: httpx.AsyncClient, body: dict[str, Any]) -> int:
    return (await client.post(TILL, content=dumps(body), headers=JSON)).status_code


async def test_what_a_till_told_last_is_told_with_how_long_ago_it_was(
    client: httpx.AsyncClient, clock: SteppingClock
) -> None:
    assert (await read(client, "/counterfoil/v1"))["shopTills"] == TILL
    assert await tell(client, standing()) == 200
    closed = standing(openDays=[], waiting=0)
    del closed["shift"]

    await tell(client, closed)
    await tell(client, standing("T2"))

    first, second = await read(client, TILL, shop="S014")
    assert (first["terminal"], first["openDays"], "shift" in first) == ("T1", [], False)
    assert (second["terminal"], second["shift"]) == ("T2", {"number": 7, "operator": "1001"})
    assert 0 <= first["secondsAgo"] <= 60
    assert await read(client, TILL, shop="S015") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"waiting": -1},
        {"openDays": ["tomorrow"]},
        {"openDays": ["2026-11-20"] * 41},
        {"shift": {"number": 7}},
        {"bagsOnTheWay": 1},
    ],
)
async def test_what_makes_no_sense_is_refused(client: httpx.AsyncClient, wrong: dict[str, object]) -> None:
    assert await tell(client, standing() | wrong) == 400
    assert await read(client, TILL) == []
