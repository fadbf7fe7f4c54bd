"""What became of a bank receipt, at central: told once, the payment resolved, the dealer's account moved with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from sync.central.app import make_app
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BASE_URL,
    PAYMENT,
    CountedRandomness,
    SteppingClock,
    kwd,
    payment,
    post,
    read,
)

OUTCOME = "/counterfoil/v1/outcome"


@pytest.fixture
async def client(store: CentralStore) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        yield client


def presented(event: str = "E-1", amount: str = "7.000", account: str = "D-12") -> dict[str, Any]:
    body = payment(
        amount,
        correlatorId=f"{event}-1",
        paymentEventId=event,
        provisional=True,
        provisionalReason="when the bank confirms it",
        instrument=f"bank_receipt|1|42|{event}|2026-11-21|{amount}",
    )
    body.pop("paymentItem", None)
    return body | {
        "account": {"id": account},
        "payer": {"id": "D-12", "role": "dealer", "@referredType": "BillingAccount"},
    }


async def tell(client: httpx.AsyncClient, body: object) -> httpx.Response:
    return await client.post(OUTCOME, content=dumps(body), headers={"Content-Type": "application/json"})


async def pay(client: httpx.AsyncClient, event: str = "E-1", **named: str) -> str:
    answer = await post(client, presented(event, **named))
    assert answer.status_code == 201, answer.text
    return str(loads(answer.content)["id"])


def outcome(
    payment_id: str, state: str = "verified", event: str = "E-1", **more: object
) -> dict[str, object]:
    body: dict[str, object] = {
        "correlatorId": f"{event}-1-{state}",
        "payment": {"id": payment_id, "correlatorId": f"{event}-1"},
        "state": state,
        "totalAmount": kwd("7.000"),
        "decidedAt": "2026-11-21T10:00:00Z",
        "@type": "CounterfoilOutcome",
    }
    return body | more


async def dealer(client: httpx.AsyncClient) -> tuple[object, object, object]:
    told = await read(client, "/counterfoil/v1/account/D-12")
    return told["creditAmount"]["value"], told["unverifiedAmount"]["value"], told["blocked"]


async def test_a_verified_receipt_is_no_longer_provisional(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await pay(client)
    assert await dealer(client) == (7, 7, False)

    answer = await tell(client, outcome(payment_id))

    told = loads(answer.content)
    assert answer.status_code == 201
    assert told["standing"] == {
        "account": {"id": "D-12"}, "unverifiedAmount": {"unit": "KWD", "value": 0}, "blocked": False,
    }  # fmt: skip
    kept = await read(client, f"{PAYMENT}/{payment_id}")
    assert (kept["provisional"], kept["outcome"]) == (False, "verified")
    assert "provisionalReason" not in kept
    assert await dealer(client) == (7, 0, False)
    assert verify_central(store) == []


async def test_a_rejected_receipt_is_the_dealers_debt_until_it_is_settled(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await pay(client)

    answer = await tell(client, outcome(payment_id, "rejected", reason="forged"))

    assert loads(answer.content)["standing"]["blocked"] is True
    assert await dealer(client) == (0, 0, True)
    assert (await tell(client, outcome(payment_id, "settled"))).status_code == 201
    assert await dealer(client) == (0, 0, False)
    assert verify_central(store) == []
    assert (await tell(client, outcome(payment_id))).status_code == 201
    assert await dealer(client) == (7, 0, False), "the bank found it after all"
    assert verify_central(store) == []


async def test_the_same_outcome_twice_is_one(client: httpx.AsyncClient, store: CentralStore) -> None:
    payment_id = await pay(client)
    body = outcome(payment_id, "rejected", reason="forged")

    first, second = await tell(client, body), await tell(client, body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert loads(first.content) == loads(second.content)
    assert second.headers["X-Idempotent-Replay"] == "true"
    assert await dealer(client) == (0, 0, True)
    other = await tell(client, {**body, "reason": "not_found"})
    assert (other.status_code, loads(other.content)["code"]) == (422, "key_reused")
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"payment": {"id": "P-404"}}, 422, "unknown_payment"),
        ({"payment": {"id": "{id}", "correlatorId": "E-9-1"}}, 422, "unknown_payment"),
        ({"totalAmount": kwd("7.001")}, 422, "amount_differs"),
        ({"totalAmount": {"unit": "EUR", "value": 7}}, 422, "amount_differs"),
        ({"totalAmount": kwd("0")}, 400, "bad_field"),
        ({"totalAmount": None}, 400, "bad_field"),
        ({"state": "presented"}, 400, "bad_field"),
        ({"state": "paid"}, 400, "bad_field"),
        ({"state": 1}, 400, "bad_field"),
        ({"state": "settled"}, 422, "outcome_conflict"),
        ({"payment": "x"}, 400, "bad_field"),
        ({"payment": None}, 400, "bad_field"),
        ({"correlatorId": ""}, 400, "bad_field"),
        ({"correlatorId": "x" * 256}, 400, "bad_field"),
        ({"decidedAt": "\x1b"}, 400, "bad_field"),
        ({"reason": 7}, 400, "bad_field"),
    ],
)
async def test_an_outcome_that_cannot_be_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, store: CentralStore, change: dict[str, Any], status: int, code: str
) -> None:
    payment_id = await pay(client)
    if isinstance(change.get("payment"), dict):
        change = {"payment": {name: value.format(id=payment_id) for name, value in change["payment"].items()}}

    answer = await tell(client, outcome(payment_id) | change)

    assert (answer.status_code, loads(answer.content)["code"]) == (status, code)
    assert await dealer(client) == (7, 7, False)
    assert (await tell(client, outcome(payment_id))).status_code == 201


async def test_a_payment_by_anything_else_has_no_outcome(client: httpx.AsyncClient) -> None:
    answer = await post(client, payment("5.000", correlatorId="E-7-1"))
    payment_id = str(loads(answer.content)["id"])

    refused = await tell(client, outcome(payment_id, event="E-7", totalAmount=kwd("5.000")))

    assert loads(refused.content)["code"] == "unknown_payment"


async def test_a_decided_receipt_is_not_decided_otherwise(client: httpx.AsyncClient) -> None:
    payment_id = await pay(client)
    await tell(client, outcome(payment_id))

    answer = await tell(client, outcome(payment_id, "rejected"))

    assert (answer.status_code, loads(answer.content)["code"]) == (422, "outcome_conflict")


async def test_money_of_an_unknown_dealer_stays_where_it_is(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await pay(client, account="D-404")

    assert (await tell(client, outcome(payment_id, "rejected"))).status_code == 201

    assert await dealer(client) == (0, 0, True), "it was the dealer who brought the paper"
    assert verify_central(store) == []


async def test_a_replayed_payment_tells_what_became_of_it(client: httpx.AsyncClient) -> None:
    payment_id = await pay(client)
    await tell(client, outcome(payment_id))

    again = await post(client, presented())

    assert loads(again.content)["outcome"] == "verified"


async def test_tampering_with_a_bank_receipts_state_is_found(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await pay(client)
    with store.write() as connection:
        connection.execute(text("UPDATE bank_receipt SET state = 'verified'"))

    assert [found.message for found in verify_central(store)] == [
        "its bank receipt is not where its outcomes left it"
    ]


async def test_a_receipt_of_an_older_store_waits_for_the_bank(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "central.db"
    connection = sqlite3.connect(path)
    connection.executescript(Path(__file__).with_name("store_form_3_bank_receipt.sql").read_text())
    connection.close()
    store = open_central(f"sqlite:///{path}")
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        assert await dealer(client) == (7, 7, False)
        found = await read(client, PAYMENT, correlatorId="E-1-1")
        assert (await tell(client, outcome(found[0]["id"], "rejected"))).status_code == 201
        assert await dealer(client) == (0, 0, True)
    assert verify_central(store) == []
    store.close()
