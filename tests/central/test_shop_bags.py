"""Bags of cash between the tills of a shop, as those tell of them: one till has each, whoever is heard first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import SteppingClock, kwd, read

BAG = "/counterfoil/v1/shopBag"
PAPER = "S014-T1-A-TB-000001"
JSON = {"content-type": "application/json"}


def step(deed: str, *, by: str = "", of: str = "", **more: object) -> dict[str, Any]:
    """What T1 says of its bag; or T9, where it was accepted."""
    mine = deed in ("sent", "recalled")
    told = {
        "id": of or ("S-1" if mine else "A-1"),
        "deed": deed,
        "terminal": by or ("T1" if mine else "T9"),
        "paper": PAPER,
        "shop": "S014",
        "bag": "B-7",
        "amount": kwd("80.000"),
        "at": "2026-11-21T18:00:00Z",
    }
    if deed == "accepted":
        told["counted"] = kwd("79.500")
    return told | more


async def tell(client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[int, Any]:
    answer = await client.post(BAG, content=dumps(body), headers=JSON)
    return answer.status_code, loads(answer.content)


async def bag(client: httpx.AsyncClient) -> Any:
    return await read(client, f"{BAG}/{PAPER}")


async def test_a_bag_is_on_the_way_until_it_is_accepted(client: httpx.AsyncClient) -> None:
    assert (await read(client, "/counterfoil/v1"))["shopBags"] == BAG
    assert (await tell(client, step("sent")))[0] == 201
    (there,) = await read(client, BAG, shop="S014", state="on_the_way")
    assert (there["id"], there["terminal"], there["isTold"]) == (PAPER, "T1", True)

    assert (await tell(client, step("accepted")))[0] == 201

    found = await bag(client)
    assert (found["state"], found["acceptedBy"], found["counted"]) == ("accepted", "T9", kwd("79.500"))
    assert await read(client, BAG, shop="S014", state="on_the_way") == []


@pytest.mark.parametrize("deed", ["sent", "accepted"])
async def test_what_is_told_again_changes_nothing(client: httpx.AsyncClient, deed: str) -> None:
    first, again = await tell(client, step(deed)), await tell(client, step(deed))

    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]


async def test_who_accepted_it_may_be_heard_before_who_sent_it(client: httpx.AsyncClient) -> None:
    await tell(client, step("accepted"))
    assert (await bag(client))["isTold"] is False

    await tell(client, step("sent"))

    found = await bag(client)
    assert (found["state"], found["isTold"], found["acceptedBy"]) == ("accepted", True, "T9")


async def test_a_bag_is_accepted_once(client: httpx.AsyncClient) -> None:
    await tell(client, step("sent"))
    await tell(client, step("accepted"))

    status, refusal = await tell(client, step("accepted", by="T8", of="A-2"))

    assert (status, refusal["code"]) == (409, "bag_accepted")
    assert refusal["message"] == "Till T9 accepted this bag on 2026-11-21."
    assert (await bag(client))["acceptance"] == "A-1"


async def test_once_an_acceptance_is_undone_another_till_may_have_it(client: httpx.AsyncClient) -> None:
    await tell(client, step("sent"))
    await tell(client, step("accepted"))
    assert (await tell(client, step("undone")))[0] == 201
    assert (await bag(client))["state"] == "on_the_way"

    assert (await tell(client, step("accepted", by="T8", of="A-2")))[0] == 201
    assert (await tell(client, step("undone", of="A-9")))[0] == 409
    assert (await bag(client))["acceptedBy"] == "T8"


async def test_an_acceptance_is_undone_by_the_till_that_told_it(client: httpx.AsyncClient) -> None:
    await tell(client, step("sent"))
    await tell(client, step("accepted"))

    status, refusal = await tell(client, step("undone", by="T8"))

    assert (status, refusal["code"]) == (409, "bag_not_accepted")
    assert (await bag(client))["acceptedBy"] == "T9"


async def test_a_bag_that_came_back_is_accepted_by_nobody(client: httpx.AsyncClient) -> None:
    await tell(client, step("sent"))
    assert (await tell(client, step("recalled")))[0] == 201

    status, refusal = await tell(client, step("accepted"))

    assert (status, refusal["code"]) == (409, "bag_recalled")


async def test_a_bag_that_was_accepted_does_not_come_back(client: httpx.AsyncClient) -> None:
    await tell(client, step("accepted"))

    status, refusal = await tell(client, step("recalled"))

    assert (status, refusal["code"]) == (409, "bag_accepted")
    assert (await bag(client))["state"] == "accepted"


async def test_another_amount_than_was_sent_is_not_accepted(client: httpx.AsyncClient) -> None:
    await tell(client, step("sent"))

    status, refusal = await tell(client, step("accepted", amount=kwd("90.000")))

    assert (status, refusal["code"]) == (409, "bag_differs")


async def test_an_acceptance_of_another_amount_falls_when_the_sender_tells(client: httpx.AsyncClient) -> None:
    await tell(client, step("accepted", amount=kwd("90.000")))

    await tell(client, step("sent"))

    found = await bag(client)
    assert (found["state"], found["amount"]) == ("on_the_way", kwd("80.000"))
    assert "acceptance" not in found


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"deed": "lost"}, "deed"),
        ({"terminal": "T2"}, "terminal"),
        ({"shop": "S015"}, "paper"),
        ({"paper": "S014-1"}, "paper"),
        ({"amount": kwd("0.000")}, "amount"),
        ({"counted": kwd("80.000")}, "counted"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    client: httpx.AsyncClient, wrong: dict[str, object], field: str
) -> None:
    status, refusal = await tell(client, step("sent") | wrong)

    assert status == 400
    assert field in refusal["message"]
    assert await read(client, BAG) == []


@pytest.mark.parametrize(
    ("deed", "days", "said"),
    [
        ("sent", 6, None),
        ("sent", 8, "bag B-7 of 80.000 KWD left T1, and nobody has accepted it"),
        ("accepted", 0, None),
        ("accepted", 2, "bag B-7 of 80.000 KWD was accepted at T9, and T1 has not told that it was sent"),
    ],
)
async def test_a_bag_that_should_have_arrived_is_a_finding(
    client: httpx.AsyncClient,
    store: CentralStore,
    clock: SteppingClock,
    deed: str,
    days: int,
    said: str | None,
) -> None:
    await tell(client, step(deed))

    found = verify_central(store, at=clock.now() + timedelta(days=days))

    assert [(one.subject, one.subject_id, one.message) for one in found] == (
        [("bag", PAPER, said)] if said else []
    )


async def test_a_bag_that_arrived_is_no_finding(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock
) -> None:
    for deed in ("sent", "accepted"):
        await tell(client, step(deed))

    assert verify_central(store, at=clock.now() + timedelta(days=99)) == []
