"""What tills ask second persons at other terminals, and what is answered: kept once, the first answer stands (rule 33)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from sync.central.app import make_app
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import BASE_URL, CountedRandomness, SteppingClock

REQUESTS = "/counterfoil/v1/approvalRequest"
ID = "T1:1:R-1"


def asked(**more: object) -> dict[str, Any]:
    """A refund of 6.000 that user 1001 at T1 wants, of a payment that 1003 took."""
    return {
        "id": ID,
        "terminal": "T1",
        "epoch": 1,
        "request": "R-1",
        "act": "refund",
        "what": "refund 6.000 KWD of receipt S014-T1-A-000001 to BA-1",
        "contentDigest": "a1" * 32,
        "requester": "1001",
        "reason": "paid_twice",
        "accounts": ["BA-1"],
        "notBy": ["1003"],
        "secondsAgo": 0,
        **more,
    }


def answer(answer_id: str = "A-1", user: str = "2002", **more: object) -> dict[str, Any]:
    return {
        "id": answer_id,
        "contentDigest": "a1" * 32,
        "approved": True,
        "user": user,
        "terminal": "T2",
        "secondsAgo": 0,
        **more,
    }


async def send(
    client: httpx.AsyncClient, body: object, path: str = REQUESTS, method: str = "POST"
) -> tuple[int, Any]:
    content = dumps(body)
    said = await client.request(method, path, content=content, headers={"content-type": "application/json"})
    return said.status_code, loads(said.content) if said.content else None


async def give(client: httpx.AsyncClient, body: object) -> tuple[int, Any]:
    return await send(client, body, f"{REQUESTS}/{ID}/answer")


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = loads((await client.get(REQUESTS)).content)
    return told


async def test_a_request_is_kept_once_and_told_to_all(client: httpx.AsyncClient) -> None:
    first = await send(client, asked())
    again = await send(client, asked(secondsAgo=9))

    assert (first[0], again[0]) == (201, 200)
    (told,) = await listed(client)
    assert (told["id"], told["state"], told["what"]) == (ID, "open", asked()["what"])
    assert "answer" not in told


async def test_an_id_is_of_one_request_for_ever(client: httpx.AsyncClient) -> None:
    await send(client, asked())

    status, told = await send(client, asked(what="refund 600.000 KWD"))

    assert (status, told["code"]) == (422, "key_reused")
    assert (await listed(client))[0]["what"] == asked()["what"]


async def test_the_first_answer_stands(client: httpx.AsyncClient) -> None:
    """Rule 33: nothing is approved twice."""
    await send(client, asked())
    first = await give(client, answer())
    again = await give(client, answer())
    the_same_said_anew = await give(client, answer("A-2"))
    other = await give(client, answer("A-3", "4001", approved=False, reason="No"))

    assert (first[0], again[0], the_same_said_anew[0]) == (201, 200, 200)
    assert (other[0], other[1]["code"]) == (409, "request_answered")
    assert the_same_said_anew[1]["answer"]["id"] == "A-1"
    assert {**again[1]["answer"], "secondsAgo": 0} == {
        "id": "A-1", "approved": True, "user": "2002", "terminal": "T2", "reason": None, "secondsAgo": 0
    }  # fmt: skip


async def test_of_answers_at_the_same_moment_one_stands(client: httpx.AsyncClient) -> None:
    await send(client, asked())

    given = await asyncio.gather(
        *(give(client, answer(f"A-{user}", str(user), approved=bool(user % 2))) for user in range(2001, 2011))
    )

    assert sorted(status for status, _ in given) == [201] + [409] * 9


async def test_an_approval_that_is_too_old_makes_room_for_another(
    store: CentralStore, clock: SteppingClock, client: httpx.AsyncClient
) -> None:
    """Rule 33: it expires."""
    await send(client, asked())
    await give(client, answer(secondsAgo=290))
    for _ in range(20):
        clock.now()
    assert (await listed(client))[0]["state"] == "open"

    status, told = await give(client, answer("A-2", "4001"))

    assert (status, told["answer"]["user"]) == (201, "4001")
    late = await give(client, answer("A-3", "4002", secondsAgo=300))
    assert (late[0], late[1]["code"]) == (422, "answer_too_old")


async def test_what_is_closed_or_declined_is_answered_no_more(client: httpx.AsyncClient) -> None:
    await send(client, asked())
    await give(client, answer(approved=False, reason="Wrong receipt"))
    assert (await listed(client))[0]["state"] == "declined"
    assert (await give(client, answer("A-2", "4001")))[1]["code"] == "request_answered"

    assert (await client.delete(f"{REQUESTS}/{ID}")).status_code == 204
    assert (await client.delete(f"{REQUESTS}/{ID}")).status_code == 204
    assert await listed(client) == []
    assert (await give(client, answer("A-3", "4001")))[1]["code"] == "request_closed"
    assert (await client.delete(f"{REQUESTS}/T9:1:R-9")).status_code == 204


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"user": "1001"}, "not_two_people"),
        ({"user": "1003"}, "not_two_people"),
        ({"terminal": "T1"}, "same_terminal"),
        ({"contentDigest": "b2" * 32}, "other_content"),
    ],
)
async def test_whoever_asked_or_took_it_and_the_own_terminal_answer_nothing(
    client: httpx.AsyncClient, more: dict[str, object], code: str
) -> None:
    """Rule 33: approver <> requester <> original cashier, bound to the content."""
    await send(client, asked())

    status, told = await give(client, answer(**more))  # type: ignore[arg-type]

    assert (status, told["code"]) == (422, code)
    assert (await listed(client))[0]["state"] == "open"
    assert (await give(client, answer()))[0] == 201


async def test_an_answers_id_is_of_one_answer(client: httpx.AsyncClient) -> None:
    await send(client, asked())
    await give(client, answer())

    status, told = await give(client, answer(user="4001"))

    assert (status, told["code"]) == (422, "key_reused")


async def test_a_request_of_yesterday_is_told_no_more(client: httpx.AsyncClient) -> None:
    await send(client, asked(secondsAgo=86_400))

    assert await listed(client) == []
    assert (await give(client, answer()))[1]["code"] == "request_lapsed"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": "../x"}, "id"),
        ({"id": 7}, "id"),
        ({"what": "x" * 256}, "what"),
        ({"what": "a\x1b[2J"}, "what"),
        ({"requester": None}, "requester"),
        ({"epoch": "1"}, "epoch"),
        ({"accounts": "BA-1"}, "accounts"),
        ({"accounts": ["x"] * 51}, "accounts"),
        ({"notBy": [{}]}, "notBy[0]"),
        ({"secondsAgo": -1}, "secondsAgo"),
        ({"secondsAgo": 10**9}, "secondsAgo"),
        ({"secondsAgo": True}, "secondsAgo"),
    ],
)
async def test_a_request_of_another_form_is_refused(
    client: httpx.AsyncClient, more: dict[str, object], field: str
) -> None:
    status, told = await send(client, asked(**more))

    assert (status, told["code"], told["field"]) == (400, "bad_field", field)
    assert await listed(client) == []


@pytest.mark.parametrize(
    "more",
    [{"approved": "yes"}, {"approved": None}, {"user": "x" * 300}, {"secondsAgo": "0"}, {"id": "a b"}],
)
async def test_an_answer_of_another_form_is_refused(
    client: httpx.AsyncClient, more: dict[str, object]
) -> None:
    await send(client, asked())

    status, told = await give(client, {**answer(), **more})

    assert (status, told["code"]) == (400, "bad_field")
    assert (await listed(client))[0]["state"] == "open"


@pytest.mark.parametrize("name", ["what", "reason", "requester"])
async def test_no_card_number_is_kept(client: httpx.AsyncClient, name: str) -> None:
    status, told = await send(client, asked(**{name: "card 4111 1111 1111 1111"}))

    assert (status, told["code"]) == (400, "card_number_refused")
    assert await listed(client) == []
    await send(client, asked())
    status, told = await give(client, answer(reason="4111111111111111"))
    assert (status, told["code"]) == (400, "card_number_refused")


async def test_nobody_answers_what_nobody_asked(client: httpx.AsyncClient) -> None:
    assert (await give(client, answer()))[0] == 404
    assert (await send(client, answer(), f"{REQUESTS}/%20/answer"))[0] == 404


async def test_what_was_asked_and_answered_outlives_a_restart(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    await send(client, asked())
    await give(client, answer())
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as other:
        (told,) = await listed(other)

    assert (told["state"], told["answer"]["user"]) == ("approved", "2002")
