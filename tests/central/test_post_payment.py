"""A payment posted to central: once, whole, and never refused for what the books do not know."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from pos.domain.money import MAX_MINOR, Money, currency
from sync.central.app import make_app
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads, money_json
from tests.builders.central_stores import StoreKind, made_store
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    PAYMENT,
    CountedRandomness,
    SteppingClock,
    item,
    kwd,
    payment,
    post,
    read,
)

ACCOUNTS = "/counterfoil/v1/account"

pytestmark = pytest.mark.both_stores


async def test_a_payment_is_stored_with_what_the_server_sets(client: httpx.AsyncClient) -> None:
    sent = payment(correlatorId="c-1", paymentDate="2026-11-21T09:00:00+03:00", colour="blue")
    before = int((await client.get(PAYMENT)).headers["x-change-number"])
    answer = await post(client, sent)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    stored = loads(answer.content)
    assert answer.headers["location"] == stored["href"] == f"{BASE_URL}{PAYMENT}/{stored['id']}"
    assert stored["status"] == "done"
    assert stored["paymentDate"] == "2026-11-21T09:00:00+03:00"
    assert stored["colour"] == "blue", "unknown attributes are kept"
    assert stored["changeNumber"] == before + 1
    assert await read(client, stored["href"]) == stored


@pytest.mark.parametrize("own", [{}, {"id": "mine"}, {"provisional": True}, {"name": 'A "name"'}])
async def test_a_payment_is_kept_the_same_however_it_is_written(
    client: httpx.AsyncClient, store: CentralStore, own: dict[str, str]
) -> None:
    told = payment(operator="Ü, 1", paymentDate="2026-11-21T09:00:00Z", **own)
    exact = dumps(told).decode()
    forms = [
        exact,
        json.dumps(loads(exact), default=float),
        json.dumps(loads(exact), default=float, indent=2),
    ]
    answers = [await client.post(PAYMENT, content=form, headers=JSON) for form in forms]
    assert [answer.status_code for answer in answers] == [201] * len(forms)
    with store.read() as connection:
        bodies = connection.execute(text("SELECT body FROM payment ORDER BY change_number")).scalars().all()
    assert [dumps(loads(body)).decode() for body in bodies] == bodies
    kept = [{**loads(body), **OF_EACH} for body in bodies]
    assert kept[0] == kept[1] == kept[2]
    assert {**kept[0], **told, **OF_EACH} == kept[0]


JSON = {"content-type": "application/json"}
OF_EACH = dict.fromkeys(("id", "statusDate", "changeNumber"))


async def test_the_client_cannot_set_what_is_the_servers(client: httpx.AsyncClient) -> None:
    before = int((await client.get(PAYMENT)).headers["x-change-number"])
    answer = await post(client, payment(id="mine", href="x", status="denied", changeNumber=99, suspense=True))
    stored = loads(answer.content)
    assert stored["id"] != "mine"
    assert (stored["status"], stored["changeNumber"], "suspense" in stored) == ("done", before + 1, False)


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json;charset=utf-8", 'application/json; charset="UTF-8"']
)
async def test_both_media_types_are_taken(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post(PAYMENT, content=dumps(payment()), headers={"content-type": media_type})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "media_type", ["", "text/plain", "application/xml", "application/json;charset=latin-1"]
)
async def test_another_media_type_is_415(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post(PAYMENT, content=dumps(payment()), headers={"content-type": media_type})
    assert (answer.status_code, loads(answer.content)["code"]) == (415, "unsupported_media_type")


async def test_the_same_correlator_and_body_is_answered_again(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    body = payment(correlatorId="c-1", paymentItem=[item("CB-2", "4.000")])
    first, second = await post(client, body), await post(client, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert "x-idempotent-replay" not in first.headers
    assert second.headers["x-idempotent-replay"] == "true"
    assert (first.content, first.headers["location"]) == (second.content, second.headers["location"])
    assert len(list(list_payments(store))) == 1
    assert (await read(client, f"{BILL}/CB-2"))["remainingAmount"] == kwd("6.000")


async def test_the_same_idempotency_key_is_answered_again_without_any_correlator(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await post(client, payment(), idempotency_key="k-1")
    second = await post(client, payment(), idempotency_key="k-1")
    assert second.headers["x-idempotent-replay"] == "true"
    assert first.content == second.content
    assert len(list(list_payments(store))) == 1


@pytest.mark.parametrize("by_header", [True, False])
async def test_the_same_key_with_another_body_is_422_and_changes_nothing(
    client: httpx.AsyncClient, store: CentralStore, by_header: bool
) -> None:
    headers = {"idempotency_key": "k-1"} if by_header else {}
    more = {} if by_header else {"correlatorId": "k-1"}
    await post(client, payment("10.000", **more), **headers)
    before = await read(client, f"{ACCOUNTS}/BA-1")
    answer = await post(client, payment("11.000", **more), **headers)
    assert (answer.status_code, loads(answer.content)["code"]) == (422, "key_reused")
    assert await read(client, f"{ACCOUNTS}/BA-1") == before
    assert len(list(list_payments(store))) == 1


async def test_a_refusal_is_not_remembered(
    client: httpx.AsyncClient,
) -> None:
    bad = payment("10.000", correlatorId="c-1")
    bad["totalAmount"] = {"unit": "KWD", "value": -1}
    assert (await post(client, bad, idempotency_key="k")).status_code == 400
    assert (await post(client, payment("10.000", correlatorId="c-1"), idempotency_key="k")).status_code == 201


async def test_32_parallel_identical_posts_have_one_effect(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    body = payment(correlatorId="c-1", paymentItem=[item("CB-2", "10.000")])
    answers = await asyncio.gather(*(post(client, body) for _ in range(32)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("x-idempotent-replay" in answer.headers for answer in answers) == 31
    assert len(list(list_payments(store))) == 1
    assert verify_central(store) == []


async def test_a_terminals_number_used_for_another_payment_is_409(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    number: dict[str, Any] = {"terminal": "T2", "epoch": 1, "sequence": 7, "leg": 1}
    assert (await post(client, payment(correlatorId="c-1", **number))).status_code == 201
    clash = await post(client, payment("11.000", correlatorId="c-2", **number))
    assert (clash.status_code, loads(clash.content)["code"]) == (409, "sequence_conflict")
    for other in ({"leg": 2}, {"sequence": 8}, {"epoch": 2}, {"terminal": "T3"}):
        neighbour = {**number, **other}
        assert (await post(client, payment(correlatorId=f"c-{neighbour}", **neighbour))).status_code == 201
    assert len(list(list_payments(store))) == 5


async def test_paying_bills_reduces_and_settles_them(client: httpx.AsyncClient, store: CentralStore) -> None:
    answer = await post(
        client,
        payment("31.750", correlatorId="c-1", paymentItem=[item("CB-1", "21.750"), item("CB-2", "10.000")]),
    )
    stored = loads(answer.content)
    first, second = await read(client, f"{BILL}/CB-1"), await read(client, f"{BILL}/CB-2")
    assert (first["state"], first["remainingAmount"]) == ("partiallyPaid", kwd("20.000"))
    assert (second["state"], second["remainingAmount"]) == ("settled", kwd("0.000"))
    assert first["appliedPayment"] == [
        {
            "appliedAmount": kwd("21.750"),
            "payment": {
                "id": stored["id"],
                "href": stored["href"],
                "@referredType": "Payment",
                "correlatorId": "c-1",
            },
        }
    ]
    assert first["changeNumber"] == second["changeNumber"] == stored["changeNumber"]
    assert (await read(client, f"{ACCOUNTS}/BA-1"))["creditAmount"] == kwd("0.000")
    assert verify_central(store) == []


async def test_what_a_bill_does_not_want_is_credit_on_the_account(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await post(client, payment("8.000", correlatorId="c-1", paymentItem=[item("CB-2", "8.000")]))
    answer = await post(client, payment("8.000", correlatorId="c-2", paymentItem=[item("CB-2", "8.000")]))
    assert answer.status_code == 201
    assert (await read(client, f"{BILL}/CB-2"))["state"] == "settled"
    holder = await read(client, f"{ACCOUNTS}/BA-1")
    assert holder["creditAmount"] == kwd("6.000")
    assert holder["change"] == loads(answer.content)["changeNumber"]
    assert verify_central(store) == []


async def test_one_bill_named_twice_takes_no_more_than_it_wants(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await post(client, payment("14.000", paymentItem=[item("CB-2", "7.000"), item("CB-2", "7.000")]))
    assert (await read(client, f"{BILL}/CB-2"))["remainingAmount"] == kwd("0.000")
    assert (await read(client, f"{ACCOUNTS}/BA-1"))["creditAmount"] == kwd("4.000")
    assert verify_central(store) == []


async def test_an_item_without_an_amount_takes_what_the_others_leave(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    open_item = {"item": {"id": "CB-1", "@referredType": "CustomerBill"}}
    await post(client, payment("12.000", paymentItem=[open_item, item("CB-2", "9.000")]))
    assert (await read(client, f"{BILL}/CB-1"))["remainingAmount"] == kwd("38.750")
    assert (await read(client, f"{BILL}/CB-2"))["remainingAmount"] == kwd("1.000")
    assert verify_central(store) == []


async def test_an_unknown_bill_leaves_its_money_as_credit(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    answer = await post(client, payment("5.000", paymentItem=[item("CB-404", "5.000")]))
    assert answer.status_code == 201
    assert (await read(client, f"{ACCOUNTS}/BA-1"))["creditAmount"] == kwd("5.000")
    assert verify_central(store) == []


@pytest.mark.parametrize(
    "of",
    [
        {"account": {"id": "BA-404"}},
        {"account": {"id": "BA-404"}, "paymentItem": [item("CB-404", "10.000")]},
        {"account": {"id": "BA-2"}},  # keeps its credit in EUR
    ],
)
async def test_money_that_no_account_can_hold_is_kept_in_suspense(
    client: httpx.AsyncClient, store: CentralStore, of: dict[str, Any]
) -> None:
    answer = await post(client, payment("10.000", **of))
    assert answer.status_code == 201
    assert loads(answer.content)["suspense"] is True
    [kept] = list_payments(store)
    assert kept.suspense == kept.amount == Money(10_000, currency("KWD"))
    assert verify_central(store) == []


async def test_a_bill_in_another_currency_is_not_touched(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    answer = await post(
        client,
        payment(
            "5.00",
            unit="EUR",
            account={"id": "BA-2"},
            paymentItem=[{"item": {"id": "CB-2", "@referredType": "CustomerBill"}}],
        ),
    )
    assert answer.status_code == 201
    assert (await read(client, f"{BILL}/CB-2"))["remainingAmount"] == kwd("10.000")
    assert (await read(client, f"{ACCOUNTS}/BA-2"))["creditAmount"]["value"] == Decimal("6.50")
    assert verify_central(store) == []


async def test_money_for_something_that_is_no_bill_is_no_credit(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    sold = {"item": {"id": "SIM-01", "@referredType": "ProductOffering"}, "totalAmount": kwd("10.000")}
    assert (await post(client, payment("10.000", paymentItem=[sold]))).status_code == 201
    assert (await read(client, f"{ACCOUNTS}/BA-1"))["creditAmount"] == kwd("0.000")
    assert verify_central(store) == []


BAD_BODIES: list[tuple[str, dict[str, Any]]] = [
    ("@schemaLocation", {"@schemaLocation": "not an address"}),
    ("@schemaLocation", {"@schemaLocation": "http://a b/c"}),
    ("paymentDate", {"paymentDate": "2026-11-21T10:00:00+03:60"}),
    ("account.id", {"account": None}),
    ("account.id", {"account": {}}),
    ("account.id", {"account": {"id": ""}}),
    ("account.id", {"account": {"id": " "}}),
    ("account.id", {"account": {"id": 7}}),
    ("account.id", {"account": {"id": "x" * 256}}),
    ("account.id", {"account": {"id": "BA\x00-1"}}),
    ("account", {"account": "BA-1"}),
    ("paymentMethod", {"paymentMethod": None}),
    ("paymentMethod", {"paymentMethod": {}}),
    ("paymentMethod", {"paymentMethod": "cash"}),
    ("paymentMethod.id", {"paymentMethod": {"@type": "PaymentMethodRef", "@referredType": "Check"}}),
    ("paymentMethod.@referredType", {"paymentMethod": {"@type": "PaymentMethodRef", "id": "1"}}),
    ("totalAmount.unit", {"totalAmount": None}),
    ("totalAmount.unit", {"totalAmount": {"value": 1}}),
    ("totalAmount.unit", {"totalAmount": {"unit": "kwd", "value": 1}}),
    ("totalAmount.unit", {"totalAmount": {"unit": "EURO", "value": 1}}),
    ("totalAmount.unit", {"totalAmount": {"unit": 5, "value": 1}}),
    ("totalAmount.value", {"totalAmount": {"unit": "KWD"}}),
    ("totalAmount.value", {"totalAmount": {"unit": "KWD", "value": "10.000"}}),
    ("totalAmount.value", {"totalAmount": {"unit": "KWD", "value": True}}),
    ("totalAmount.value", {"totalAmount": {"unit": "KWD", "value": 0}}),
    ("totalAmount.value", {"totalAmount": {"unit": "KWD", "value": Decimal("-10.000")}}),
    ("totalAmount.value", {"totalAmount": {"unit": "KWD", "value": Decimal("1.0005")}}),
    ("totalAmount.value", {"totalAmount": {"unit": "JPY", "value": Decimal("1.5")}}),
    ("totalAmount.value", {"totalAmount": {"unit": "KWD", "value": 10**16}}),
    ("correlatorId", {"correlatorId": "x" * 256}),
    ("correlatorId", {"correlatorId": ""}),
    ("correlatorId", {"correlatorId": 5}),
    ("correlatorId", {"correlatorId": "a\nb"}),
    ("receiptNumber", {"receiptNumber": 5}),
    ("sequence", {"sequence": "7"}),
    ("sequence", {"sequence": -1}),
    ("epoch", {"epoch": True}),
    ("leg", {"leg": Decimal("1.0")}),
    ("description", {"description": 5}),
    ("payer.@referredType", {"payer": {"id": "C-1"}}),
    ("channel.id", {"channel": {"name": "Store"}}),
    ("paymentDate", {"paymentDate": "yesterday"}),
    ("paymentDate", {"paymentDate": "2026-02-30T00:00:00Z"}),
    ("paymentItem", {"paymentItem": {"item": {"id": "CB-1"}}}),
    ("paymentItem", {"paymentItem": [item("CB-1", "10.001")]}),
    ("paymentItem[0].item", {"paymentItem": [{}]}),
    ("paymentItem[0].totalAmount.value", {"paymentItem": [item("CB-1", "0")]}),
    ("paymentItem[0].totalAmount.value", {"paymentItem": [item("CB-1", "-1")]}),
    (
        "paymentItem[0].totalAmount.unit",
        {"paymentItem": [{"item": {"id": "CB-1"}, "totalAmount": {"unit": "EUR", "value": 1}}]},
    ),
]


@pytest.mark.parametrize(("field", "bent"), BAD_BODIES)
async def test_a_bad_body_is_400_naming_the_field(
    client: httpx.AsyncClient, store: CentralStore, field: str, bent: dict[str, Any]
) -> None:
    answer = await post(client, payment("10.000", **bent))
    error = loads(answer.content)
    assert (answer.status_code, error["status"], error["field"]) == (400, "400", field), error
    assert field in error["message"]
    assert error["code"]
    assert error["reason"]
    assert list(list_payments(store)) == []


@pytest.mark.parametrize("missing", ["account", "paymentMethod", "totalAmount"])
async def test_a_body_without_a_mandatory_attribute_is_400(client: httpx.AsyncClient, missing: str) -> None:
    body = payment()
    del body[missing]
    answer = await post(client, body)
    assert answer.status_code == 400
    assert loads(answer.content)["field"].startswith(missing)


@pytest.mark.parametrize(
    "good",
    [
        {"account": {"id": "O'Brien & 李 / 7", "name": "AT&T [NL] Ltd"}},
        {"paymentMethod": {"@type": "PaymentMethodRef", "id": "M-1", "@referredType": "DirectDebit"}},
        {"paymentMethod": {"id": "M-1"}},
        {"totalAmount": {"unit": "JPY", "value": Decimal("1200.0")}},
        {"totalAmount": {"unit": "KWD", "value": 1}},
        {"correlatorId": "x" * 255},
        {"paymentDate": "2026-11-21T09:00:00.123456+05:30"},
        {"paymentItem": []},
        {"paymentItem": [item("CB-1", "10.000")]},
        {"payer": {"id": "C-1", "@referredType": "Customer", "role": "customer"}},
        {"terminal": "T2", "sequence": 0},
        {"foreignCash": {"tendered": {"unit": "USD", "value": 200}, "rate": "0.30675", "rateSource": "list"}},
    ],
)
async def test_a_good_neighbour_is_taken(client: httpx.AsyncClient, good: dict[str, Any]) -> None:
    assert (await post(client, payment("10.000", **good))).status_code == 201


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"totalAmount":{"unit":"KWD","value":NaN}}',
        b'{"totalAmount":{"unit":"KWD","value":1e400}}',
        b'{"account":{"id":"a"},"account":{"id":"b"}}',
        b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"correlatorId":"\\ud800"}',
    ],
)
async def test_what_is_no_strict_json_is_400(client: httpx.AsyncClient, raw: bytes) -> None:
    answer = await post(client, raw)
    assert (answer.status_code, loads(answer.content)["code"]) == (400, "bad_json")


async def test_a_body_over_the_usual_limit_is_413(client: httpx.AsyncClient) -> None:
    assert (await post(client, payment(description="x" * 200_000))).status_code == 413
    assert (await post(client, payment(description="x" * 190_000))).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_a_bad_idempotency_key_is_400(client: httpx.AsyncClient, key: str) -> None:
    answer = await post(client, payment(), idempotency_key=key)
    assert (answer.status_code, loads(answer.content)["field"]) == (400, "Idempotency-Key")


async def test_other_methods_are_405_and_other_paths_404_with_the_tmf_error(
    client: httpx.AsyncClient,
) -> None:
    for method, path, status in (
        ("DELETE", PAYMENT, 405),
        ("PATCH", f"{PAYMENT}/x", 405),
        ("POST", BILL, 405),
        ("GET", "/nothing", 404),
        ("GET", f"{PAYMENT}/../x", 404),
    ):
        answer = await client.request(method, path)
        error = loads(answer.content)
        assert (answer.status_code, error["status"]) == (status, str(status))
        assert {"code", "reason", "message"} <= error.keys()


@given(
    minor=st.integers(1, MAX_MINOR),
    unit=st.sampled_from(["KWD", "EUR", "JPY", "CLF"]),
)
async def test_any_amount_comes_back_exactly(store_kind: StoreKind, minor: int, unit: str) -> None:
    with made_store(store_kind) as store:
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness())
        amount = Money(minor, currency(unit))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            answer = await post(client, payment(account={"id": "B"}) | {"totalAmount": money_json(amount)})
        assert dumps(loads(answer.content)["totalAmount"]) == dumps(money_json(amount))
        assert [row.amount for row in list_payments(store)] == [amount]
