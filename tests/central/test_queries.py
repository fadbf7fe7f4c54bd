"""Filters, fields, sort and paging of central's collections."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.central_builders import BASE_URL, BILL, PAYMENT, RATE, kwd, payment, post, read


@pytest.fixture
async def five(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Five payments: 1.000 to 5.000 KWD, receipts A-1 to A-5, the last from another terminal."""
    for number in range(1, 6):
        answer = await post(
            client,
            payment(
                f"{number}.000",
                correlatorId=f"c-{number}",
                receiptNumber=f"A-{number}",
                terminal="T2" if number < 5 else "T3",
                epoch=1,
                sequence=number,
                leg=1,
                paymentDate=f"2026-11-2{number}T10:00:00+03:00",
                channel={"id": "store"},
            ),
        )
        assert answer.status_code == 201
    return client


def receipts(rows: list[dict[str, object]]) -> list[object]:
    return [row["receiptNumber"] for row in rows]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"correlatorId": "c-3"}, ["A-3"]),
        ({"receiptNumber": "A-2"}, ["A-2"]),
        ({"terminal": "T3"}, ["A-5"]),
        ({"terminal": "T2", "correlatorId": "c-4"}, ["A-4"]),
        ({"terminal": "T3", "correlatorId": "c-4"}, []),
        ({"status": "done", "sequence.gt": "3"}, ["A-4", "A-5"]),
        ({"account.id": "BA-1", "totalAmount.value.gte": "4"}, ["A-4", "A-5"]),
        ({"totalAmount.value": "2"}, ["A-2"]),
        ({"totalAmount.unit": "KWD", "totalAmount.value.lt": "2.000"}, ["A-1"]),
        ({"totalAmount.unit": "EUR"}, []),
        ({"paymentDate.gt": "2026-11-24T00:00:00Z"}, ["A-4", "A-5"]),
        ({"paymentDate": "2026-11-22T07:00:00Z"}, ["A-2"]),
        (
            {"paymentDate.gte": "2026-11-22T10:00:00.0+03:00", "paymentDate.lt": "2026-11-24T07:00:00z"},
            ["A-2", "A-3"],
        ),
        ({"paymentDate.gt": "2026-11-24"}, ["A-4", "A-5"]),
        ({"paymentDate.gt": "yesterday"}, []),
        ({"paymentMethod.@type": "Cash", "channel.id": "store", "leg": "1", "sequence": "1"}, ["A-1"]),
        ({"paymentMethod.@type": "Check"}, []),
        ({"correlatorId": "' OR 1=1 --"}, []),
        ({"correlatorId": '{"$gt":0}'}, []),
    ],
)
async def test_filters_find_exactly_what_they_say(
    five: httpx.AsyncClient, filters: dict[str, str], expected: list[str]
) -> None:
    assert receipts(await read(five, PAYMENT, **filters)) == expected


async def test_what_changed_since_is_found_by_its_number(five: httpx.AsyncClient) -> None:
    [third] = await read(five, PAYMENT, receiptNumber="A-3")
    number = str(third["changeNumber"])
    assert receipts(await read(five, PAYMENT, **{"changeNumber.gt": number})) == ["A-4", "A-5"]
    assert receipts(await read(five, PAYMENT, **{"changeNumber.lte": number})) == ["A-1", "A-2", "A-3"]


async def test_a_filter_given_twice_takes_either(five: httpx.AsyncClient) -> None:
    rows = loads((await five.get(f"{PAYMENT}?receiptNumber=A-1&receiptNumber=A-4")).content)
    assert receipts(rows) == ["A-1", "A-4"]


async def test_id_and_href_can_be_filtered_by(five: httpx.AsyncClient) -> None:
    [row] = await read(five, PAYMENT, correlatorId="c-2")
    assert receipts(await read(five, PAYMENT, href=row["href"])) == ["A-2"]
    assert receipts(await read(five, PAYMENT, id=row["id"])) == ["A-2"]
    assert await read(five, PAYMENT, href="http://elsewhere/" + row["id"]) == []


async def test_pages_follow_each_other_and_name_their_neighbours(five: httpx.AsyncClient) -> None:
    answer = await five.get(f"{PAYMENT}?offset=2&limit=2&status=done")
    assert receipts(loads(answer.content)) == ["A-3", "A-4"]
    assert (answer.headers["x-total-count"], answer.headers["x-result-count"]) == ("5", "2")
    parts = [part.split("; rel=") for part in answer.headers["link"].split(", ")]
    links = {relation: address for address, relation in parts}
    assert links['"next"'] == f"<{BASE_URL}{PAYMENT}?status=done&offset=4&limit=2>"
    assert links['"prev"'] == f"<{BASE_URL}{PAYMENT}?status=done&offset=0&limit=2>"
    assert set(links) == {'"self"', '"first"', '"prev"', '"next"', '"last"'}
    last = await five.get(links['"next"'].strip("<>"))
    assert receipts(loads(last.content)) == ["A-5"]
    assert '"next"' not in last.headers["link"]


@pytest.mark.parametrize("slow", ["", "&channel.id=store"])
async def test_paging_is_the_same_with_and_without_an_index(five: httpx.AsyncClient, slow: str) -> None:
    answer = await five.get(f"{PAYMENT}?offset=3&limit=1{slow}")
    assert (receipts(loads(answer.content)), answer.headers["x-total-count"]) == (["A-4"], "5")
    beyond = await five.get(f"{PAYMENT}?offset=99{slow}")
    assert (beyond.status_code, beyond.content, beyond.headers["x-total-count"]) == (200, b"[]", "5")


async def test_the_limit_is_capped(five: httpx.AsyncClient) -> None:
    answer = await five.get(f"{PAYMENT}?limit=1000000")
    assert (answer.status_code, answer.headers["x-result-count"]) == (200, "5")
    assert "limit=500" in answer.headers["link"]


async def test_fields_keep_id_href_and_type(five: httpx.AsyncClient) -> None:
    [row] = await read(five, PAYMENT, fields="totalAmount,correlatorId", correlatorId="c-1")
    assert row.keys() == {"id", "href", "@type", "totalAmount", "correlatorId"}
    assert row["totalAmount"] == kwd("1.000")
    assert (await read(five, row["href"], fields="none")).keys() == {"id", "href", "@type"}


async def test_rows_sort_both_ways(five: httpx.AsyncClient) -> None:
    assert receipts(await read(five, PAYMENT, sort="-paymentDate"))[0] == "A-5"
    assert receipts(await read(five, PAYMENT, sort="-terminal,sequence"))[:2] == ["A-5", "A-1"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=x", "limit=", "limit=1e3", "limit=null", "limit=%D9%A1", "offset=-1", "offset=null",
        "limit=1&limit=2", "sort=", "sort=body", "sort=id;drop", "fields=", "fields=body", "fields=id%00",
        "colour=blue", "' OR 1=1=1", "a..b=1", "changeNumber.gt=x", "changeNumber.gt=99999999999999999999",
        f"correlatorId={'x' * 10_000}", "correlatorId=%00", "&".join(f"id={n}" for n in range(60)),
    ],
)  # fmt: skip
async def test_a_bad_query_is_400(five: httpx.AsyncClient, query: str) -> None:
    answer = await five.get(f"{PAYMENT}?{query}")
    assert (answer.status_code, loads(answer.content)["code"]) == (400, "bad_query")


@pytest.mark.parametrize(
    "name", ["unknown", "..%2F..%2Fetc", "%27;drop", "%7B%22$gt%22:0%7D", "x" * 5000, "a%00b"]
)
@pytest.mark.parametrize("path", [PAYMENT, BILL, RATE, "/counterfoil/v1/account", "/counterfoil/v1/terminal"])
async def test_an_unknown_id_is_404(client: httpx.AsyncClient, path: str, name: str) -> None:
    answer = await client.get(f"{path}/{name}")
    assert (answer.status_code, loads(answer.content)["status"]) == (404, "404")


@pytest.mark.kept_in("sqlite")
@pytest.mark.parametrize("column", ["correlator_id", "receipt_number", "terminal", "account_id", "id"])
def test_the_tills_look_ups_use_an_index(store: CentralStore, column: str) -> None:
    with store.read() as connection:
        plan = connection.execute(
            text(f"EXPLAIN QUERY PLAN SELECT body FROM payment WHERE {column} = :p"), {"p": "x"}
        ).all()
    assert all("USING" in row.detail and "INDEX" in row.detail for row in plan)


async def test_bills_are_found_by_number_account_and_state(client: httpx.AsyncClient) -> None:
    assert [row["id"] for row in await read(client, BILL, billNo="NCB-2")] == ["CB-2"]
    assert len(await read(client, BILL, **{"billingAccount.id": "BA-1"})) == 2
    assert await read(client, BILL, **{"billingAccount.id": "BA-2"}) == []
    assert await read(client, BILL, state="settled") == []
    assert len(await read(client, BILL, state="sent", href=f"{BASE_URL}{BILL}/CB-1")) == 1


async def test_changed_bills_are_pulled_by_change_number(client: httpx.AsyncClient) -> None:
    first = await client.get(BILL)
    seen = first.headers["x-change-number"]
    assert await read(client, BILL, **{"changeNumber.gt": seen}) == []
    await post(client, payment("4.000", paymentItem=[{"item": {"id": "CB-2"}, "totalAmount": kwd("4.000")}]))
    answer = await client.get(BILL, params={"changeNumber.gt": seen})
    assert [row["id"] for row in loads(answer.content)] == ["CB-2"]
    assert int(answer.headers["x-change-number"]) == int(seen) + 1


async def test_rates_are_found_by_bill_line_and_billed(client: httpx.AsyncClient) -> None:
    def ids(rows: list[dict[str, object]]) -> list[object]:
        return [row["id"] for row in rows]

    assert ids(await read(client, RATE, **{"bill.id": "CB-1"})) == ["R-1", "R-2", "R-3"]
    assert ids(await read(client, RATE, isBilled="false")) == ["R-9"]
    assert ids(await read(client, RATE, **{"billSummaryLine.id": "L3"})) == ["R-2", "R-3"]
    # A line that only groups others stands for all of theirs.
    assert ids(await read(client, RATE, **{"billSummaryLine.id": "L1", "bill.id": "CB-1"})) == [
        "R-1",
        "R-2",
        "R-3",
    ]
    assert ids(await read(client, RATE, id="R-2")) == ["R-2"]
    assert ids(await read(client, RATE, type="appliedBillingCredit")) == ["R-3"]
    assert (await client.get(RATE, params={"isBilled": "yes"})).status_code == 400
    one = await read(client, f"{RATE}/R-1")
    assert one["bill"]["href"] == f"{BASE_URL}{BILL}/CB-1"
    assert one["isBilled"] is True


async def test_accounts_are_pulled_by_change(client: httpx.AsyncClient) -> None:
    answer = await client.get("/counterfoil/v1/account", params={"change.gt": "0", "limit": "2"})
    assert answer.headers["x-total-count"] == "3"
    first, second = loads(answer.content)
    assert (first["id"], second["id"]) == ("BA-1", "BA-2")
    assert second == {
        "id": "BA-2",
        "href": f"{BASE_URL}/counterfoil/v1/account/BA-2",
        "kind": "subscriber",
        "name": "Holder of BA-2",
        "phone": "+96550000001",
        "currency": "EUR",
        "customer": "C-1",
        "status": "active",
        "cashOnly": True,
        "dunningStage": 2,
        "creditAmount": loads('{"unit":"EUR","value":1.50}'),
        "advanceAmount": loads('{"unit":"EUR","value":0.00}'),
        "depositAmount": loads('{"unit":"EUR","value":0.00}'),
        "writtenOffAmount": loads('{"unit":"EUR","value":0.00}'),
        "change": 1,
        "@type": "CounterfoilAccount",
    }
    [rest] = await read(client, "/counterfoil/v1/account", **{"change.gt": "0", "id.gt": "BA-2"})
    assert (rest["id"], rest["kind"], rest["dealerClass"]) == ("D-12", "dealer", "gold")
    assert rest["creditLimit"] == kwd("500.000")
