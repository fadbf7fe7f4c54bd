"""Commission on a dealer's account, at central: once, to the dealer who paid, never more than the payment earned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from sync.central.app import make_app
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BASE_URL,
    CountedRandomness,
    SteppingClock,
    kwd,
    payment,
    post,
    read,
)

COMMISSION = "/counterfoil/v1/commission"
EARNED = {"gross": kwd("20"), "commission": kwd("1"), "withheld": kwd("0.100"), "deducted": kwd("0")}


@pytest.fixture
async def client(store: CentralStore) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        yield client


async def sold(client: httpx.AsyncClient, event: str = "E-1", payer: str = "D-12", **more: object) -> str:
    """A sale of 20.000 to a dealer, all of it paid for items."""
    body = payment("20.000", correlatorId=f"{event}-1", paymentEventId=event, commission=EARNED)
    body["paymentItem"] = [
        {"@type": "PaymentItem", "id": "1", "item": {"id": "SERVICE", "@referredType": "ProductOffering"},
         "totalAmount": kwd("20.000")}
    ]  # fmt: skip
    role = "dealer" if payer.startswith("D") else "subscriber"
    body |= {
        "account": {"id": payer},
        "payer": {"id": payer, "role": role, "@referredType": "BillingAccount"},
    }
    answer = await post(client, body | more)
    assert answer.status_code == 201, answer.text
    return str(loads(answer.content)["id"])


def commission(payment_id: str, amount: str = "0.900", **more: object) -> dict[str, object]:
    body: dict[str, object] = {
        "correlatorId": "E-1-1-commission",
        "payment": {"id": payment_id, "correlatorId": "E-1-1"},
        "account": {"id": "D-12"},
        "totalAmount": kwd(amount),
        "creditedAt": "2026-11-21T10:00:00Z",
        "@type": "CounterfoilCommission",
    }
    return body | more


async def tell(client: httpx.AsyncClient, body: object) -> httpx.Response:
    return await client.post(COMMISSION, content=dumps(body), headers={"Content-Type": "application/json"})


async def credit(client: httpx.AsyncClient) -> object:
    return (await read(client, "/counterfoil/v1/account/D-12"))["creditAmount"]["value"]


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, loads(answer.content)["code"]


async def test_commission_is_the_dealers_credit_once(client: httpx.AsyncClient, store: CentralStore) -> None:
    body = commission(await sold(client))

    first, second = await tell(client, body), await tell(client, body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert loads(first.content) == loads(second.content)
    assert second.headers["X-Idempotent-Replay"] == "true"
    assert loads(first.content)["totalAmount"] == {"unit": "KWD", "value": loads("0.900")}
    assert float(str(await credit(client))) == 0.9
    assert code_of(await tell(client, {**body, "totalAmount": kwd("0.800")})) == (422, "key_reused")
    assert verify_central(store) == []


async def test_what_a_sale_earned_may_come_in_parts_and_never_more(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await sold(client)
    assert (await tell(client, commission(payment_id, "0.500"))).status_code == 201

    refused = await tell(client, commission(payment_id, "0.401", correlatorId="K-2"))

    assert code_of(refused) == (422, "more_than_earned")
    assert (await tell(client, commission(payment_id, "0.400", correlatorId="K-2"))).status_code == 201
    assert code_of(await tell(client, commission(payment_id, "0.001", correlatorId="K-3"))) == (
        422,
        "more_than_earned",
    )
    assert float(str(await credit(client))) == 0.9
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"payment": {"id": "P-404"}}, 422, "unknown_payment"),
        ({"payment": {"id": "{id}", "correlatorId": "E-9-1"}}, 422, "unknown_payment"),
        ({"account": {"id": "BA-1"}}, 422, "unknown_account"),
        ({"totalAmount": {"unit": "EUR", "value": 1}}, 422, "more_than_earned"),
        ({"totalAmount": kwd("0")}, 400, "bad_field"),
        ({"totalAmount": kwd("-1")}, 400, "bad_field"),
        ({"totalAmount": None}, 400, "bad_field"),
        ({"payment": "x"}, 400, "bad_field"),
        ({"account": {}}, 400, "bad_field"),
        ({"correlatorId": ""}, 400, "bad_field"),
        ({"creditedAt": "\x1b"}, 400, "bad_field"),
    ],
)
async def test_commission_that_cannot_be_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    payment_id = await sold(client)
    if isinstance(change.get("payment"), dict):
        change = {"payment": {name: value.format(id=payment_id) for name, value in change["payment"].items()}}

    assert code_of(await tell(client, commission(payment_id) | change)) == (status, code)

    assert float(str(await credit(client))) == 0
    assert (await tell(client, commission(payment_id))).status_code == 201


@pytest.mark.parametrize("earned", [{}, {"commission": {**EARNED, "deducted": kwd("0.900")}}])
async def test_a_payment_that_earned_nothing_for_the_account_credits_nothing(
    client: httpx.AsyncClient, earned: dict[str, Any]
) -> None:
    """Paid less at the sale, or no commission at all."""
    payment_id = await sold(client, commission=earned.get("commission"))

    assert code_of(await tell(client, commission(payment_id))) == (422, "more_than_earned")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE commission SET amount_minor = 901",
        "UPDATE account SET credit_minor = 1 WHERE id = 'D-12'",
        "UPDATE change_counter SET value = 1",
    ],
)
async def test_commission_that_was_altered_is_found(
    client: httpx.AsyncClient, store: CentralStore, statement: str
) -> None:
    await tell(client, commission(await sold(client)))
    assert verify_central(store) == []

    with store.write() as connection:
        connection.execute(text(statement))

    assert verify_central(store) != []
