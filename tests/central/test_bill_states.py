"""A bill's state is set by hand only as far as the payments do not say it, and a hold outlasts them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import BILL, bill, item, kwd, payment, post, read, small_operator

MERGE_PATCH = "application/merge-patch+json"


async def patch(
    client: httpx.AsyncClient, bill_id: str, body: object, *, media: str = MERGE_PATCH
) -> httpx.Response:
    return await client.patch(f"{BILL}/{bill_id}", content=dumps(body), headers={"content-type": media})


async def pay(client: httpx.AsyncClient, amount: str) -> Any:
    answer = await post(client, payment(amount, paymentItem=[item("CB-2", amount)]))
    assert answer.status_code == 201, answer.text
    return loads(answer.content)


async def give_back(client: httpx.AsyncClient, paid: Any) -> None:
    body = {
        "account": {"id": "BA-1"},
        "totalAmount": paid["totalAmount"],
        "paymentMethod": paid["paymentMethod"],
        "payment": {"id": paid["id"]},
    }
    answer = await client.post(
        "/tmf-api/paymentManagement/v4/refund",
        content=dumps(body),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 201, answer.text


async def state(client: httpx.AsyncClient, bill_id: str = "CB-2") -> object:
    return (await read(client, f"{BILL}/{bill_id}"))["state"]


@pytest.mark.parametrize("media", [MERGE_PATCH, "application/json", "application/json;charset=utf-8"])
async def test_a_bill_is_put_on_hold_and_answered_whole(client: httpx.AsyncClient, media: str) -> None:
    seen = (await client.get(BILL)).headers["x-change-number"]

    answer = await patch(client, "CB-2", {"state": "onHold"}, media=media)

    assert (answer.status_code, loads(answer.content)["state"]) == (200, "onHold")
    assert loads(answer.content) == await read(client, f"{BILL}/CB-2")
    [changed] = await read(client, BILL, **{"changeNumber.gt": seen})
    assert (changed["id"], changed["lastUpdate"] > "2026-11-21") == ("CB-2", True)


async def test_the_state_that_it_has_already_changes_nothing(client: httpx.AsyncClient) -> None:
    before = await read(client, f"{BILL}/CB-2")
    answer = await patch(client, "CB-2", {"state": "sent", "@type": "CustomerBill"})
    assert (answer.status_code, loads(answer.content)) == (200, before)


@pytest.mark.parametrize("free", ["new", "validated", "sent"])
async def test_a_hold_of_an_unpaid_bill_is_let_go(client: httpx.AsyncClient, free: str) -> None:
    await patch(client, "CB-2", {"state": "onHold"})
    assert (await patch(client, "CB-2", {"state": free})).status_code == 200
    assert await state(client) == free


async def test_a_hold_outlasts_part_payments_and_what_is_undone(client: httpx.AsyncClient) -> None:
    await patch(client, "CB-2", {"state": "onHold"})
    await pay(client, "4.000")
    assert await state(client) == "onHold"
    rest = await pay(client, "6.000")
    assert await state(client) == "settled"
    await give_back(client, rest)
    assert await state(client) == "onHold"


async def test_a_part_paid_bill_is_let_go_by_the_state_that_its_payments_say(
    client: httpx.AsyncClient,
) -> None:
    paid = await pay(client, "4.000")
    await patch(client, "CB-2", {"state": "onHold"})

    assert (await patch(client, "CB-2", {"state": "sent"})).status_code == 409
    assert (await patch(client, "CB-2", {"state": "partiallyPaid"})).status_code == 200

    assert await state(client) == "partiallyPaid"
    await give_back(client, paid)
    assert await state(client) == "sent"


async def test_a_settled_bill_can_be_held_and_let_go(client: httpx.AsyncClient) -> None:
    await pay(client, "10.000")
    assert (await patch(client, "CB-2", {"state": "onHold"})).status_code == 200
    assert await state(client) == "onHold"
    assert (await patch(client, "CB-2", {"state": "settled"})).status_code == 200
    assert await state(client) == "settled"


@pytest.mark.parametrize(
    ("paid", "asked", "says"),
    [
        (None, "partiallyPaid", "unpaid"),
        (None, "settled", "unpaid"),
        ("4.000", "sent", "partiallyPaid"),
        ("4.000", "settled", "partiallyPaid"),
        ("10.000", "sent", "settled"),
        ("10.000", "partiallyPaid", "settled"),
    ],
)
async def test_a_state_against_the_payments_is_refused(
    client: httpx.AsyncClient, paid: str | None, asked: str, says: str
) -> None:
    if paid is not None:
        await pay(client, paid)
    before = await read(client, f"{BILL}/CB-2")

    answer = await patch(client, "CB-2", {"state": asked})

    error = loads(answer.content)
    assert (answer.status_code, error["code"]) == (409, "bill_state_contradicts_payments")
    assert (error["field"], error["message"]) == (
        "state",
        f"By what was paid of it this bill is {says}, not {asked}.",
    )
    assert await read(client, f"{BILL}/CB-2") == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "lost"}, "state"),
        ({"state": None}, "state"),
        ({"state": ["onHold"]}, "state"),
        ({}, "state"),
        ({"state": "onHold", "amountDue": kwd("0.000")}, "amountDue"),
        ({"id": "CB-9"}, "id"),
        ({"state": "onHold", "@type": 7}, "@type"),
    ],
)
async def test_a_patch_of_anything_else_is_400_naming_it(
    client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await patch(client, "CB-2", body)
    assert (answer.status_code, loads(answer.content)["field"]) == (400, field)
    assert await state(client) == "sent"


@pytest.mark.parametrize("media", ["application/json-patch+json", "text/plain", ""])
async def test_a_patch_in_another_media_type_is_415_with_those_that_are_taken(
    client: httpx.AsyncClient, media: str
) -> None:
    answer = await patch(client, "CB-2", {"state": "onHold"}, media=media)
    assert answer.status_code == 415
    assert answer.headers["accept-patch"] == f"{MERGE_PATCH}, application/json"


@pytest.mark.parametrize("bill_id", ["CB-404", "%2e%2e"])
async def test_a_patch_of_no_bill_is_404(client: httpx.AsyncClient, bill_id: str) -> None:
    assert (await patch(client, bill_id, {"state": "onHold"})).status_code == 404


async def test_a_hold_stays_until_the_biller_tells_the_bill_anew(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await patch(client, "CB-2", {"state": "onHold"})
    load_fixture(store, small_operator())
    assert await state(client) == "onHold"
    load_fixture(store, {"bills": [bill("CB-2", "10.000", state="validated")]})
    assert await state(client) == "validated"
