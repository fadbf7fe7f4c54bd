"""Every resource of both standards is filtered, sorted and reduced by each of its attributes, in every form of TMF630."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sync.central.bills.bills import BILLS, RATES
from sync.central.bills.cycles import BILL_CYCLES
from sync.central.bills.on_demand import BILLS_ON_DEMAND
from sync.central.operating.fixture import load_fixture
from sync.central.payments.payments import PAYMENTS
from sync.central.refunds.refunds import REFUNDS
from sync.central.store.database import CentralStore
from sync.central.wire.listing import ROWS_AT_ONCE
from sync.central.wire.query import Collection
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    BILL_SPEC,
    BILL_SPEC_5,
    CYCLE,
    DEMAND,
    PAYMENT,
    PAYMENT_SPEC,
    RATE,
    bill,
    item,
    kwd,
    payment,
    post,
    read,
    unbilled,
)

REFUND = "/tmf-api/paymentManagement/v4/refund"
STANDARD: list[tuple[Collection, str, str]] = [
    (PAYMENTS, PAYMENT_SPEC, "Payment"),
    (REFUNDS, PAYMENT_SPEC, "Refund"),
    (BILLS, BILL_SPEC, "CustomerBill"),
    (RATES, BILL_SPEC, "AppliedCustomerBillingRate"),
    (BILLS_ON_DEMAND, BILL_SPEC, "CustomerBillOnDemand"),
    (BILL_CYCLES, BILL_SPEC_5, "BillCycle"),
]
IDS = [definition for _, _, definition in STANDARD]


def attributes_of(folder: Path, spec: str, definition: str) -> set[str]:
    text = (folder / spec).read_text()
    if not spec.endswith(".yaml"):
        return set(json.loads(text)["definitions"][definition]["properties"])
    schemas = yaml.safe_load(text)["components"]["schemas"]

    def gathered(schema: dict[str, Any]) -> set[str]:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
        return set(schema.get("properties", {})).union(*map(gathered, schema.get("allOf", [])))

    return gathered(schemas[definition])


@pytest.fixture
async def filled(client: httpx.AsyncClient, store: CentralStore) -> httpx.AsyncClient:
    """One payment with a refund, a bill on demand, a billing cycle, beside the bills and rates of the operator."""
    load_fixture(
        store,
        {
            "rates": [unbilled("U-1", "5.000")],
            "bill_cycles": [{"id": "C-1", "billingDate": "2026-11-01T00:00:00Z"}],
        },
    )
    paid = loads(
        (
            await post(client, payment("10.000", correlatorId="c-1", paymentItem=[item("CB-2", "4.000")]))
        ).content
    )
    back = {
        "account": {"id": "BA-1"},
        "totalAmount": kwd("10.000"),
        "paymentMethod": paid["paymentMethod"],
        "payment": {"id": paid["id"]},
    }
    for path, body in ((REFUND, back), (DEMAND, {"billingAccount": {"id": "BA-1"}})):
        answer = await client.post(path, content=dumps(body), headers={"content-type": "application/json"})
        assert answer.status_code == 201, answer.text
    return client


@pytest.mark.parametrize(("collection", "spec", "definition"), STANDARD, ids=IDS)
async def test_every_attribute_of_the_standard_filters_sorts_and_is_selected(
    filled: httpx.AsyncClient, tmf_specs: Path, collection: Collection, spec: str, definition: str
) -> None:
    names = attributes_of(tmf_specs, spec, definition)
    assert names >= {"id", "href", "@type"}
    rows = await read(filled, collection.path)
    assert rows
    for name in sorted(names):
        [*picked] = await read(filled, collection.path, fields=name, limit="1")
        assert picked[0].keys() <= {"id", "href", "@type", name}
        found = await read(filled, collection.path, sort=f"-{name}")
        assert {row["id"] for row in found} == {row["id"] for row in rows}
        value = rows[0].get(name)
        if isinstance(value, str):
            assert rows[0] in await read(filled, collection.path, **{name: value})
            assert rows[0] in await read(filled, collection.path, **{f"{name}.gte": value})
            assert rows[0] not in await read(filled, collection.path, **{f"{name}.lt": value})
        elif isinstance(value, bool):
            assert rows[0] not in await read(filled, collection.path, **{name: str(not value).lower()})
        else:
            assert rows[0] not in await read(filled, collection.path, **{name: "no such value"})


@pytest.mark.parametrize(("collection", "spec", "definition"), STANDARD, ids=IDS)
async def test_what_is_reduced_keeps_id_and_address_and_the_page_says_where_it_is(
    filled: httpx.AsyncClient, collection: Collection, spec: str, definition: str
) -> None:
    answer = await filled.get(collection.path, params={"fields": "none", "limit": "1"})
    [row] = loads(answer.content)
    assert row.keys() == {"id", "href", "@type"}
    assert row["href"].startswith(f"{BASE_URL}{collection.path}/")
    total = int(answer.headers["x-total-count"])
    assert answer.headers["x-result-count"] == "1"
    relations = {part.rsplit("rel=", 1)[1].strip('"') for part in answer.headers["link"].split(", ")}
    assert relations == {"self", "first", "last"} | ({"next"} if total > 1 else set())
    assert await read(filled, collection.path, href=row["href"]) == await read(
        filled, collection.path, id=row["id"]
    )
    beyond = await filled.get(collection.path, params={"offset": str(total)})
    assert (beyond.status_code, beyond.content, beyond.headers["x-total-count"]) == (200, b"[]", str(total))
    one = await filled.get(f"{collection.path}/{row['id']}", params={"fields": "href"})
    assert loads(one.content) == row


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("amountDue.value.gt=10", ["CB-1"]),
        ("amountDue.value%2Egt=10", ["CB-1"]),
        ("amountDue%2Evalue.gte=10", ["CB-1", "CB-2"]),
        ("amountDue.value>10", ["CB-1"]),
        ("amountDue.value%3E10", ["CB-1"]),
        ("amountDue.value>=10", ["CB-1", "CB-2"]),
        ("amountDue.value%3C%3D10", ["CB-2"]),
        ("amountDue.value%3C=10", ["CB-2"]),
        ("amountDue.value<10", []),
        ("changeNumber>0&state=sent", ["CB-1", "CB-2"]),
        ("paymentDueDate.lte=2026-11-15T03%3A00%3A00%2B03%3A00", ["CB-1", "CB-2"]),
        ("paymentDueDate<2026-11-15", []),
        ("billSummaryLine.taxIncludedAmount.value=1.75", ["CB-1"]),
        ("sort=amountDue.value", ["CB-2", "CB-1"]),
        ("sort=-amountDue.value", ["CB-1", "CB-2"]),
        ("sort=amountDue.unit,-id", ["CB-2", "CB-1"]),
        ("sort=billSummaryLine.id", ["CB-1", "CB-2"]),
        ("sort=-billSummaryLine.id", ["CB-1", "CB-2"]),
        ("sort=nextBillDate,-billNo", ["CB-2", "CB-1"]),
        ("sort=-amountDue.value&limit=1&offset=1", ["CB-2"]),
    ],
)
async def test_operators_and_orders_are_taken_in_every_form(
    client: httpx.AsyncClient, query: str, expected: list[str]
) -> None:
    answer = await client.get(f"{BILL}?{query}")
    assert answer.status_code == 200, answer.text
    assert [row["id"] for row in loads(answer.content)] == expected


@pytest.mark.parametrize(
    "query",
    [
        "amountDue>",
        "amountDue>=1&amountDue<",
        ">=1",
        "colour>1",
        "sort=colour",
        "sort=a,b,c,d,e,f",
        "sort=id..",
    ],
)
async def test_a_form_that_says_nothing_is_400(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"{BILL}?{query}")
    assert (answer.status_code, loads(answer.content)["code"]) == (400, "bad_query")


async def test_an_order_that_no_column_has_is_the_same_over_pages(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """More rows than are read at once, many of them equal."""
    count = ROWS_AT_ONCE + 50
    load_fixture(store, {"bills": [bill(f"X-{n:03}", "1.000", category=f"c{n % 7}") for n in range(count)]})
    pages = [
        await read(client, BILL, sort="-category", offset=str(offset), limit="100", fields="category")
        for offset in range(0, count, 100)
    ]
    rows = [row for page in pages for row in page][:count]
    assert [(row["category"], row["id"]) for row in rows] == sorted(
        ((f"c{n % 7}", f"X-{n:03}") for n in range(count)), key=lambda row: (-int(row[0][1]), row[1])
    )


@pytest.mark.parametrize("path", [PAYMENT, BILL, f"{BILL}/CB-1", RATE, DEMAND, CYCLE])
async def test_head_answers_as_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers.get("x-total-count") == got.headers.get("x-total-count")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "DELETE"])
@pytest.mark.parametrize("path", [PAYMENT, REFUND, BILL, f"{BILL}/CB-1", RATE, DEMAND, CYCLE])
async def test_other_methods_are_405_and_say_which_are_allowed(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path)
    error = loads(answer.content)
    assert (answer.status_code, error["code"], error["status"]) == (405, "method_not_allowed", "405")
    assert error["reason"]
    assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "media", ["application/json", "application/json;charset=utf-8", "Application/JSON; charset=UTF-8"]
)
@pytest.mark.parametrize(
    ("path", "body"),
    [(PAYMENT, payment()), (DEMAND, {"billingAccount": {"id": "BA-1"}})],
    ids=["payment", "bill on demand"],
)
async def test_both_media_types_are_taken_and_ours_is_answered(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], media: str
) -> None:
    answer = await client.post(path, content=dumps(body), headers={"content-type": media})
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json;charset=utf-8")
    assert answer.headers["location"] == loads(answer.content)["href"]


@pytest.mark.parametrize("path", [PAYMENT, REFUND, DEMAND])
@pytest.mark.parametrize(
    ("content", "media", "status", "code"),
    [
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "application/json;charset=latin-1", 415, "unsupported_media_type"),
        (b"x" * 1_000_001, "application/json", 413, "body_too_large"),
        (b"{", "application/json", 400, "bad_json"),
        (b"[]", "application/json", 400, "bad_json"),
        (b'{"a":1,"a":2}', "application/json", 400, "bad_json"),
        (b"{}", "application/json", 400, "bad_field"),
    ],
)
async def test_every_refusal_of_a_body_is_an_error_of_the_standard(
    client: httpx.AsyncClient, path: str, content: bytes, media: str, status: int, code: str
) -> None:
    answer = await client.post(path, content=content, headers={"content-type": media})
    error = loads(answer.content)
    assert (answer.status_code, error["status"], error["code"]) == (status, str(status), code)
    assert error["reason"]
    assert error["message"]
    assert error["@type"] == "Error"
