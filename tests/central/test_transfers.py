"""Money that left suspense, at central: told once, on to the owner's bills and credit, never more than was there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    PAYMENT,
    CountedRandomness,
    SteppingClock,
    account,
    bill,
    item,
    kwd,
    money,
    payment,
    post,
    read,
)

TRANSFER = "/counterfoil/v1/transfer"


@pytest.fixture
async def client(store: CentralStore) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        yield client


async def unknown_money(client: httpx.AsyncClient, amount: str = "20.000", unit: str = "KWD") -> str:
    """Cash of an unknown owner, as a till tells it; its id."""
    body = payment(
        amount,
        unit=unit,
        correlatorId="E-1-1",
        account={"id": "SUSPENSE"},
        keptApart=[{"as": "suspense", "amount": money(amount, unit)}],
    )
    answer = await post(client, body)
    assert answer.status_code == 201, answer.text
    return str(loads(answer.content)["id"])


def transfer(
    payment_id: str,
    amount: str = "20.000",
    key: str = "M-1",
    bills: dict[str, str] | None = None,
    **more: object,
) -> dict[str, object]:
    return {
        "correlatorId": key,
        "payment": {"id": payment_id, "correlatorId": "E-1-1"},
        "account": {"id": "BA-1"},
        "totalAmount": kwd(amount),
        "bills": [{"bill": bill_id, "amount": kwd(part)} for bill_id, part in (bills or {}).items()],
        "resolvedAt": "2026-11-21T10:00:00+03:00",
        "@type": "CounterfoilTransfer",
        **more,
    }


async def tell(client: httpx.AsyncClient, body: object) -> httpx.Response:
    return await client.post(TRANSFER, content=dumps(body), headers={"Content-Type": "application/json"})


async def credit(client: httpx.AsyncClient, name: str = "BA-1") -> object:
    return (await read(client, f"/counterfoil/v1/account/{name}"))["creditAmount"]["value"]


def left_of(store: CentralStore) -> list[str]:
    """What each payment still has in suspense."""
    return [row.suspense.plain() for row in list_payments(store)]


async def test_money_out_of_suspense_pays_the_owners_bills_and_the_rest_is_credit(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await unknown_money(client)
    assert (await read(client, f"{PAYMENT}/{payment_id}"))["suspense"] is True

    answer = await tell(client, transfer(payment_id, "15.000", bills={"CB-2": "10.000"}))

    told = loads(answer.content)
    assert answer.status_code == 201
    assert (told["correlatorId"], told["account"], told["creditAmount"]) == (
        "M-1",
        {"id": "BA-1"},
        {"unit": "KWD", "value": 5},
    )
    paid = await read(client, f"{BILL}/CB-2")
    assert (paid["state"], paid["remainingAmount"]["value"]) == ("settled", 0)
    (entry,) = paid["appliedPayment"]
    assert entry["payment"] == {
        "id": told["id"], "@referredType": "CounterfoilTransfer", "correlatorId": "M-1",
    }  # fmt: skip
    assert paid["changeNumber"] == told["changeNumber"], "other tills pull it"
    assert (await read(client, "/counterfoil/v1/account/BA-1"))["change"] == told["changeNumber"]
    assert await credit(client) == 5
    assert left_of(store) == ["5.000"]
    assert (await read(client, f"{PAYMENT}/{payment_id}"))["suspense"] is True
    assert verify_central(store) == []


async def test_a_payment_whose_suspense_is_empty_says_so_no_more(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await unknown_money(client)
    await tell(client, transfer(payment_id, "15.000"))

    await tell(client, transfer(payment_id, "5.000", "M-2", account={"id": "D-12"}))

    kept = await read(client, f"{PAYMENT}/{payment_id}")
    assert "suspense" not in kept
    assert (await credit(client), await credit(client, "D-12")) == (15, 5)
    assert left_of(store) == ["0.000"]
    again = await post(
        client,
        payment(
            "20.000",
            correlatorId="E-1-1",
            account={"id": "SUSPENSE"},
            keptApart=[{"as": "suspense", "amount": kwd("20.000")}],
        ),
    )
    assert again.headers["X-Idempotent-Replay"] == "true", "the payment itself is what it was"
    assert verify_central(store) == []


async def test_the_same_transfer_twice_is_one(client: httpx.AsyncClient, store: CentralStore) -> None:
    """Rule 23: the same key tells the first answer again, with another body it is an error."""
    payment_id = await unknown_money(client)
    body = transfer(payment_id, bills={"CB-1": "20.000"})

    first, second = await tell(client, body), await tell(client, body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert loads(first.content) == loads(second.content)
    assert second.headers["X-Idempotent-Replay"] == "true"
    assert (await read(client, f"{BILL}/CB-1"))["remainingAmount"] == kwd("21.750")
    other = await tell(client, {**body, "account": {"id": "D-12"}})
    assert (other.status_code, loads(other.content)["code"]) == (422, "key_reused")
    assert await credit(client, "D-12") == 0
    assert verify_central(store) == []


async def test_what_a_bill_does_not_want_any_more_is_its_owners_credit(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 6: another till took 7.000 for the bill meanwhile; what it does not want is credit, not lost."""
    payment_id = await unknown_money(client)
    await post(client, payment("7.000", paymentItem=[item("CB-2", "7.000")]))

    told = loads(
        (await tell(client, transfer(payment_id, bills={"CB-2": "10.000", "CB-404": "1.000"}))).content
    )

    assert told["creditAmount"]["value"] == 17
    paid = await read(client, f"{BILL}/CB-2")
    assert (paid["state"], [part["appliedAmount"]["value"] for part in paid["appliedPayment"]]) == (
        "settled",
        [7, 3],
    )
    assert await credit(client) == 17
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"totalAmount": kwd("20.001")}, 422, "more_than_suspense"),
        ({"totalAmount": {"unit": "EUR", "value": 7}, "bills": []}, 422, "other_currency"),
        ({"payment": {"id": "P-404"}}, 422, "unknown_payment"),
        ({"payment": {"id": "{id}", "correlatorId": "E-9-1"}}, 422, "unknown_payment"),
        ({"account": {"id": "BA-404"}}, 422, "unknown_account"),
        ({"account": {"id": "SUSPENSE"}}, 422, "unknown_account"),
        ({"account": {"id": "BA-2"}}, 422, "account_other_currency"),
        ({"account": {}}, 400, "bad_field"),
        ({"account": "BA-1"}, 400, "bad_field"),
        ({"totalAmount": kwd("0")}, 400, "bad_field"),
        ({"totalAmount": None}, 400, "bad_field"),
        ({"bills": {"CB-1": 1}}, 400, "bad_field"),
        ({"bills": ["CB-1"]}, 400, "bad_field"),
        ({"bills": [{"bill": "CB-1"}]}, 400, "bad_field"),
        ({"bills": [{"amount": kwd("1")}]}, 400, "bad_field"),
        ({"bills": [{"bill": "CB-1", "amount": kwd("-1")}]}, 400, "bad_field"),
        ({"bills": [{"bill": "CB-1", "amount": {"unit": "EUR", "value": 1}}]}, 400, "bad_field"),
        ({"bills": [{"bill": "CB-1", "amount": kwd("1")}] * 2}, 400, "bad_field"),
        ({"bills": [{"bill": "CB-1", "amount": kwd("20.001")}]}, 400, "bad_field"),
        ({"payment": None}, 400, "bad_field"),
        ({"correlatorId": ""}, 400, "bad_field"),
        ({"correlatorId": "x" * 256}, 400, "bad_field"),
        ({"resolvedAt": "\x1b"}, 400, "bad_field"),
        ({"reason": 7}, 400, "bad_field"),
        ({"terminal": ["T1"]}, 400, "bad_field"),
    ],
)
async def test_a_transfer_that_cannot_be_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, store: CentralStore, change: dict[str, Any], status: int, code: str
) -> None:
    payment_id = await unknown_money(client)
    if isinstance(change.get("payment"), dict):
        change = {"payment": {name: value.format(id=payment_id) for name, value in change["payment"].items()}}

    answer = await tell(client, transfer(payment_id, bills={"CB-2": "2.000"}) | change)

    assert (answer.status_code, loads(answer.content)["code"]) == (status, code)
    assert (await credit(client), left_of(store)) == (0, ["20.000"])
    assert (await tell(client, transfer(payment_id, bills={"CB-2": "2.000"}))).status_code == 201, (
        "its good neighbour"
    )
    assert verify_central(store) == []


async def test_no_more_leaves_suspense_than_came_in(client: httpx.AsyncClient, store: CentralStore) -> None:
    """Two tills' books, or a restored backup: the second claim on the same money is refused, and a person looks."""
    payment_id = await unknown_money(client)
    await tell(client, transfer(payment_id, "12.000"))

    answer = await tell(client, transfer(payment_id, "8.001", "M-2"))

    refused = loads(answer.content)
    assert (answer.status_code, refused["code"]) == (422, "more_than_suspense")
    assert "8.000" in refused["message"]
    assert (await tell(client, transfer(payment_id, "8.000", "M-3"))).status_code == 201
    assert await credit(client) == 20
    assert verify_central(store) == []


async def test_money_that_has_an_owner_does_not_leave_suspense(client: httpx.AsyncClient) -> None:
    answer = await post(client, payment("5.000", correlatorId="E-1-1"))

    refused = await tell(client, transfer(str(loads(answer.content)["id"]), "5.000"))

    assert loads(refused.content)["code"] == "more_than_suspense"


async def test_money_in_suspense_is_nobodys_credit_whatever_accounts_there_are(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    load_fixture(store, {"accounts": [account("SUSPENSE")]})

    payment_id = await unknown_money(client)

    assert (await credit(client, "SUSPENSE"), left_of(store)) == (0, ["20.000"])
    assert (await tell(client, transfer(payment_id))).status_code == 201
    assert await credit(client) == 20
    assert verify_central(store) == []


async def test_a_bill_that_was_paid_out_of_suspense_is_not_loaded_for_less(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await unknown_money(client)
    await tell(client, transfer(payment_id, bills={"CB-2": "4.000"}))

    load_fixture(store, {"bills": [bill("CB-2", "11.000")]})

    assert (await read(client, f"{BILL}/CB-2"))["remainingAmount"] == kwd("7.000")
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("tampering", "subject"),
    [
        ("DELETE FROM applied_transfer", "transfer"),
        ("UPDATE suspense_transfer SET amount_minor = 21000, credit_minor = 19000", "payment"),
        ("UPDATE suspense_transfer SET currency = 'EUR'", "payment"),
        ("UPDATE suspense_transfer SET account_id = 'D-12'", "account"),
        ("UPDATE bill SET remaining_minor = 10000 WHERE id = 'CB-2'", "bill"),
        ("UPDATE change_counter SET value = 2", "store"),
    ],
)
async def test_tampering_with_a_transfer_is_found(
    client: httpx.AsyncClient, store: CentralStore, tampering: str, subject: str
) -> None:
    payment_id = await unknown_money(client)
    await tell(client, transfer(payment_id, bills={"CB-2": "2.000"}))
    assert verify_central(store) == []

    with store.write() as connection:
        connection.execute(text(tampering))

    assert subject in {found.subject for found in verify_central(store)}
