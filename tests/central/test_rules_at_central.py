"""What central makes of payments: possible doubles, reconnection once all money is final, the last sign-in."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync.central.operating.fixture import load_fixture
from sync.central.payments.reconnections import money_is_final
from sync.central.store.database import CentralStore, next_change
from sync.wire_json import loads
from tests.central.central_builders import SteppingClock, account, item, kwd, payment, post, read

DOUBLES = "/counterfoil/v1/possibleDouble"
RECONNECTIONS = "/counterfoil/v1/reconnection"
SESSION = "/counterfoil/v1/session/1001"


def leg(event: str, number: int = 1, amount: str = "10.000", **more: Any) -> dict[str, Any]:
    """A leg as a till sends it."""
    return payment(
        amount,
        correlatorId=f"{event}-{number}",
        paymentEventId=event,
        **{"paymentDate": "2026-11-21T12:00:00+03:00", **more},
    )


async def told(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    answer = await post(client, body)
    assert answer.status_code == 201, answer.text
    found: str = loads(answer.content)["id"]
    return found


# --- possible doubles ----------------------------------------------------------------------------------------------


async def test_two_like_payments_within_minutes_are_both_kept_and_flagged(client: httpx.AsyncClient) -> None:
    """Rule 24: at any till; central keeps both and flags them."""
    first = await told(client, leg("E-1", terminal="T1"))
    second = await told(client, leg("E-2", terminal="T2", paymentDate="2026-11-21T12:09:00+03:00"))

    (pair,) = await read(client, DOUBLES)

    assert (pair["payment"]["id"], pair["possibleDoubleOf"]["id"], pair["account"]["id"]) == (
        second,
        first,
        "BA-1",
    )
    assert (await read(client, f"{DOUBLES}/{second}"))["id"] == second
    payments = await read(client, "/tmf-api/paymentManagement/v4/payment")
    assert {row["id"] for row in payments} == {first, second}


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "10.001"},
        {"paymentDate": "2026-11-21T12:10:01+03:00"},
        {"account": {"id": "D-12"}},
        {"paymentMethod": {"@type": "Cash", "name": "other"}},
        {"event": "E-1", "number": 2},
    ],
    ids=["another amount", "later", "another account", "another way", "the same event"],
)
async def test_what_differs_is_no_possible_double(client: httpx.AsyncClient, other: dict[str, Any]) -> None:
    """Rule 24, the good neighbours."""
    await told(client, leg("E-1"))
    await told(client, leg(**{"event": "E-2", **other}))

    assert await read(client, DOUBLES) == []


WALK_IN = {"id": "WALK-IN", "role": "walk_in", "@referredType": "BillingAccount"}


ONE_SIM = {"item": {"id": "SIM-01", "@referredType": "ProductOffering"}, "totalAmount": kwd("10.000")}


@pytest.mark.parametrize(
    "nobody", [{"payer": WALK_IN, "paymentItem": [ONE_SIM]}, {"account": {"id": "SUSPENSE"}}]
)
async def test_buyers_whom_nobody_knows_double_nothing(
    client: httpx.AsyncClient, nobody: dict[str, Any]
) -> None:
    """Rule 24: they share an account, and buy the same all day."""
    await told(client, leg("E-1", **nobody))
    await told(client, leg("E-2", **nobody))

    assert await read(client, DOUBLES) == []


async def test_a_replay_is_no_possible_double(client: httpx.AsyncClient) -> None:
    """Rule 24: the key is told before."""
    body = leg("E-1")
    await told(client, body)
    assert (await post(client, body)).status_code in (200, 201)

    assert await read(client, DOUBLES) == []


# --- reconnection --------------------------------------------------------------------------------------------------


@pytest.fixture
def suspended(store: CentralStore) -> None:
    """BA-1's service is suspended."""
    load_fixture(store, {"accounts": [account("BA-1", status="suspended", dunning_stage=3)]})


def clearing(event: str, *legs: str, number: int = 1, now: bool = True, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "clearsOverdue": list(legs or (f"{event}-{number}",)),
        "reconnect": "now" if now else "whenFinal",
    }
    return leg(event, number, **told, **more)


WAITS: dict[str, Any] = {"provisional": True, "provisionalReason": "when the cheque is cleared"}


async def asked_for(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    rows = await read(client, RECONNECTIONS)
    return [(row["account"]["id"], row["paymentEventId"]) for row in rows]


@pytest.mark.usefixtures("suspended")
async def test_final_money_asks_for_reconnection_once(client: httpx.AsyncClient) -> None:
    """Rule 16: payment to a suspended line triggers reconnection only when final: cash and card at once."""
    body = clearing("E-1", paymentItem=[item("CB-1", "10.000")])
    await told(client, body)
    await post(client, body)

    assert await asked_for(client) == [("BA-1", "E-1")]
    (row,) = await read(client, RECONNECTIONS)
    assert (await read(client, f"{RECONNECTIONS}/{row['id']}")) == row


@pytest.mark.usefixtures("suspended")
async def test_a_cheque_asks_only_when_it_is_cleared(client: httpx.AsyncClient, store: CentralStore) -> None:
    """Rule 16: cheque on clearing."""
    await told(client, clearing("E-1", now=False, **WAITS))
    assert await asked_for(client) == []

    for _ in range(2):
        with store.write() as connection:
            money_is_final(connection, "E-1-1", change=next_change(connection), at=SteppingClock().now())

    assert await asked_for(client) == [("BA-1", "E-1")]


@pytest.mark.usefixtures("suspended")
async def test_the_cheque_of_a_trusted_class_asks_at_once(client: httpx.AsyncClient) -> None:
    """Rule 16: or trusted class."""
    await told(client, clearing("E-1", now=True, **WAITS))

    assert await asked_for(client) == [("BA-1", "E-1")]


@pytest.mark.usefixtures("suspended")
async def test_two_legs_are_waited_for_in_any_order(client: httpx.AsyncClient) -> None:
    """Rule 16: what clears it together is final together."""
    legs = ("E-1-1", "E-1-2")
    await told(client, clearing("E-1", *legs, number=2))
    assert await asked_for(client) == []

    await told(client, clearing("E-1", *legs, number=1))

    assert await asked_for(client) == [("BA-1", "E-1")]


@pytest.mark.usefixtures("suspended")
async def test_cash_that_completes_an_uncleared_cheque_waits_for_it(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 16: a bad cheque and a coin restore nothing."""
    await told(client, leg("E-1", **WAITS))
    await told(client, clearing("E-2", "E-2-1", "E-1-1", now=False, amount="0.250"))
    assert await asked_for(client) == []

    with store.write() as connection:
        money_is_final(connection, "E-1-1", change=next_change(connection), at=SteppingClock().now())

    assert await asked_for(client) == [("BA-1", "E-2")]


async def test_an_account_in_order_needs_no_reconnection(client: httpx.AsyncClient) -> None:
    """Rule 16: what the till knew may be old; central's own word counts."""
    await told(client, clearing("E-1"))

    assert await asked_for(client) == []


@pytest.mark.parametrize("wrong", ["E-1-1", [], [5], [None], [""], ["E"] * 201, {"leg": "E-1-1"}])
async def test_a_wrong_list_of_legs_is_400(client: httpx.AsyncClient, wrong: object) -> None:
    answer = await post(client, leg("E-1", clearsOverdue=wrong))

    assert answer.status_code == 400
    assert await read(client, "/tmf-api/paymentManagement/v4/payment") == []


# --- the last sign-in ----------------------------------------------------------------------------------------------


async def seated(client: httpx.AsyncClient, terminal: object, ago_s: object = 0) -> httpx.Response:
    return await client.put(SESSION, json={"terminal": terminal, "secondsAgo": ago_s})


async def test_the_last_sign_in_wins(client: httpx.AsyncClient) -> None:
    """Rule 27: two tills, one operator: last login wins."""
    assert (await client.get(SESSION)).status_code == 404
    assert loads((await seated(client, "T1")).content)["terminal"] == "T1"
    assert loads((await seated(client, "T2")).content)["terminal"] == "T2"
    assert (await read(client, SESSION))["terminal"] == "T2"
    assert (await client.get("/counterfoil/v1/session/1002")).status_code == 404


async def test_a_sign_in_that_is_told_late_does_not_win(client: httpx.AsyncClient) -> None:
    """Rule 27: the till was offline, its sign-in was before."""
    await seated(client, "T2", 60)

    assert loads((await seated(client, "T1", 3600)).content)["terminal"] == "T2"


@pytest.mark.parametrize(
    ("terminal", "ago_s"),
    [
        (None, 0),
        ("", 0),
        ("T 1", 0),
        ("T1\x1b[2J", 0),
        (5, 0),
        ("T1", -1),
        ("T1", "0"),
        ("T1", True),
        ("T1", 10**9),
    ],
)
async def test_a_wrong_sign_in_is_400(client: httpx.AsyncClient, terminal: object, ago_s: object) -> None:
    assert (await seated(client, terminal, ago_s)).status_code == 400
    assert (await client.get(SESSION)).status_code == 404
