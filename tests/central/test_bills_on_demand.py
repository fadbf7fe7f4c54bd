"""A bill that is asked for is made at once of what its account was not billed yet, and of nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from pos.domain.errors import Refused
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    BILL_SPEC,
    DEMAND,
    RATE,
    account,
    bill,
    faults,
    item,
    kwd,
    payment,
    post,
    rate,
    read,
    unbilled,
)


async def ask(
    client: httpx.AsyncClient, body: Mapping[str, object] | bytes, **headers: str
) -> httpx.Response:
    return await client.post(
        DEMAND,
        content=body if isinstance(body, bytes) else dumps(body),
        headers={"content-type": "application/json;charset=utf-8", **headers},
    )


OF_BA_1 = {"billingAccount": {"id": "BA-1"}}


async def asked(client: httpx.AsyncClient, body: Mapping[str, object] = OF_BA_1) -> Any:
    answer = await ask(client, body)
    assert answer.status_code == 201, answer.text
    return loads(answer.content)


@pytest.fixture
def used(store: CentralStore) -> CentralStore:
    """BA-1 has four rates that no bill has yet: 6.000 and a credit of 1.000 of one product, calls 0.750, and no price."""
    load_fixture(
        store,
        {
            "rates": [
                unbilled("U-1", "5.000", tax="1.000", date="2026-11-03T00:00:00Z"),
                unbilled("U-2", "-1.000", type="appliedBillingCredit", date="2026-11-09T00:00:00+03:00"),
                unbilled("U-3", "0.750", product={"id": "P-2", "name": "Calls"}),
            ]
        },
    )
    return store


async def test_the_bill_holds_what_was_not_billed_and_adds_up(
    client: httpx.AsyncClient, used: CentralStore, tmf_specs: Path
) -> None:
    made = await asked(client, {**OF_BA_1, "name": "For Ms Salem", "colour": "blue"})

    bill_id = made["customerBill"]["id"]
    assert made["state"] == "done"
    assert (made["name"], made["colour"]) == ("For Ms Salem", "blue")
    assert made["customerBill"]["href"] == f"{BASE_URL}{BILL}/{bill_id}"
    shown = await read(client, f"{BILL}/{bill_id}")
    assert (shown["category"], shown["runType"], shown["state"]) == ("interim", "offCycle", "sent")
    assert shown["taxIncludedAmount"] == shown["amountDue"] == shown["remainingAmount"] == kwd("5.750")
    assert shown["taxExcludedAmount"] == kwd("4.750")
    assert shown["taxItem"] == [{"taxCategory": "VAT", "taxRate": 20, "taxAmount": kwd("1.000")}]
    assert shown["billingPeriod"] == {
        "startDateTime": "2026-11-03T00:00:00Z",
        "endDateTime": "2026-11-09T00:00:00+03:00",
    }
    assert [(line["id"], line["name"], line["taxIncludedAmount"]) for line in shown["billSummaryLine"]] == [
        ("L1", "Fibre 100", kwd("5.000")),
        ("L1.1", "Charges", kwd("6.000")),
        ("L1.2", "Credits", kwd("-1.000")),
        ("L2", "Calls", kwd("0.750")),
    ]
    assert verify_central(used) == []
    assert faults(tmf_specs, BILL_SPEC, "CustomerBill", shown) == []
    assert faults(tmf_specs, BILL_SPEC, "CustomerBillOnDemand", made) == []


async def test_its_rates_are_billed_from_then_on(client: httpx.AsyncClient, used: CentralStore) -> None:
    bill_id = (await asked(client))["customerBill"]["id"]

    rows = await read(client, RATE, **{"bill.id": bill_id})
    assert [(row["id"], row["isBilled"], row["bill"]["id"]) for row in rows] == [
        (rate_id, True, bill_id) for rate_id in ("U-1", "U-2", "U-3")
    ]
    assert [row["id"] for row in await read(client, RATE, isBilled="false")] == ["R-9"]
    of_line = await read(client, RATE, **{"billSummaryLine.id": "L1", "bill.id": bill_id})
    assert [row["id"] for row in of_line] == ["U-1", "U-2"]


async def test_it_comes_with_what_changed_and_is_paid_as_any_bill(
    client: httpx.AsyncClient, used: CentralStore
) -> None:
    seen = (await client.get(BILL)).headers["x-change-number"]
    bill_id = (await asked(client))["customerBill"]["id"]

    [changed] = await read(client, BILL, **{"changeNumber.gt": seen})
    assert changed["id"] == bill_id
    await post(client, payment("5.750", paymentItem=[item(bill_id, "5.750")]))
    assert (await read(client, f"{BILL}/{bill_id}"))["state"] == "settled"
    assert verify_central(used) == []


async def test_credit_on_the_account_is_used_on_it(client: httpx.AsyncClient, used: CentralStore) -> None:
    await post(client, payment("2.000"))
    bill_id = (await asked(client))["customerBill"]["id"]
    shown = await read(client, f"{BILL}/{bill_id}")
    assert (shown["remainingAmount"], shown["state"]) == (kwd("3.750"), "partiallyPaid")
    assert verify_central(used) == []


async def test_the_only_account_of_a_party_stands_for_it(
    client: httpx.AsyncClient, used: CentralStore
) -> None:
    load_fixture(used, {"accounts": [account("BA-2", currency="EUR", customer="C-2", credit="1.50")]})
    made = await asked(client, {"relatedParty": {"id": "C-1", "role": "customer"}})
    assert (made["state"], made["billingAccount"]["id"]) == ("done", "BA-1")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"billingAccount": {"id": "BA-404"}}, "unknown_account"),
        ({"relatedParty": {"id": "C-404"}}, "unknown_account"),
        ({"relatedParty": {"id": "C-1"}}, "which_account"),
        ({"billingAccount": {"id": "BA-1"}, "relatedParty": {"id": "C-2"}}, "account_of_another_party"),
        ({"billingAccount": {"id": "D-12"}}, "account_without_bills"),
        ({"billingAccount": {"id": "BA-2"}}, "nothing_to_bill"),
    ],
)
async def test_where_no_bill_can_be_made_the_answer_says_why(
    client: httpx.AsyncClient, used: CentralStore, body: dict[str, object], code: str, tmf_specs: Path
) -> None:
    bills = await read(client, BILL)

    made = await asked(client, body)

    assert (made["state"], made["stateReason"]["code"]) == ("rejected", code)
    assert made["stateReason"]["label"].endswith(".")
    assert "customerBill" not in made
    assert await read(client, BILL) == bills
    assert (await read(client, made["href"])) == made
    assert faults(tmf_specs, BILL_SPEC, "CustomerBillOnDemand", made) == []


async def test_credits_alone_make_no_bill(client: httpx.AsyncClient, store: CentralStore) -> None:
    load_fixture(store, {"rates": [unbilled("U-1", "1.000"), unbilled("U-2", "-1.000")]})
    assert (await asked(client))["stateReason"]["code"] == "nothing_to_pay"
    assert len(await read(client, RATE, isBilled="false")) == 3


async def test_asking_again_bills_nothing_twice(client: httpx.AsyncClient, used: CentralStore) -> None:
    first, second = await asked(client), await asked(client)
    assert (first["state"], second["stateReason"]["code"]) == ("done", "nothing_to_bill")
    rows = await read(client, DEMAND)
    assert rows == [first, second]
    assert await read(client, DEMAND, state="done") == [first]
    assert await read(client, DEMAND, **{"billingAccount.id": "BA-1", "sort": "-lastUpdate"}) == [
        second,
        first,
    ]


async def test_the_same_post_again_answers_the_same_bill(
    client: httpx.AsyncClient, used: CentralStore
) -> None:
    first = await ask(client, OF_BA_1, **{"idempotency-key": "k-1"})
    again = await ask(client, OF_BA_1, **{"idempotency-key": "k-1"})
    other = await ask(client, {"billingAccount": {"id": "BA-2"}}, **{"idempotency-key": "k-1"})

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["x-idempotent-replay"] == "true"
    assert again.headers["location"] == first.headers["location"] == loads(first.content)["href"]
    assert (other.status_code, loads(other.content)["code"]) == (422, "key_reused")
    assert len(await read(client, DEMAND)) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "billingAccount"),
        ({"billingAccount": {}}, "billingAccount.id"),
        ({"billingAccount": {"id": ""}}, "billingAccount.id"),
        ({"billingAccount": "BA-1"}, "billingAccount"),
        ({"relatedParty": [{"id": "C-1"}]}, "relatedParty"),
        ({**OF_BA_1, "name": 7}, "name"),
        ({**OF_BA_1, "@schemaLocation": "x"}, "@schemaLocation"),
        ({**OF_BA_1, "correlatorId": ""}, "correlatorId"),
    ],
)
async def test_a_bad_question_is_400_naming_the_field(
    client: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await ask(client, body)
    assert (answer.status_code, loads(answer.content)["field"]) == (400, field)
    assert await read(client, DEMAND) == []


async def test_what_the_server_sets_is_never_taken_from_the_client(
    client: httpx.AsyncClient, used: CentralStore
) -> None:
    made = await asked(
        client,
        {**OF_BA_1, "id": "mine", "href": "http://x/", "state": "rejected", "customerBill": {"id": "CB-2"}},
    )
    assert made["id"] != "mine"
    assert made["state"] == "done"
    assert made["customerBill"]["id"] != "CB-2"


async def test_the_billers_next_file_leaves_what_was_billed_on_its_bill(
    client: httpx.AsyncClient, used: CentralStore
) -> None:
    bill_id = (await asked(client))["customerBill"]["id"]

    load_fixture(used, {"rates": [unbilled("U-1", "5.000", tax="1.000"), unbilled("U-4", "2.000")]})

    assert len(await read(client, RATE, **{"bill.id": bill_id})) == 3
    assert (await read(client, f"{RATE}/U-1"))["isBilled"] is True
    second = await asked(client)
    assert (await read(client, f"{BILL}/{second['customerBill']['id']}"))["amountDue"] == kwd("2.000")
    assert verify_central(used) == []


async def test_the_biller_cannot_bill_it_a_second_time(client: httpx.AsyncClient, used: CentralStore) -> None:
    await asked(client)
    with pytest.raises(Refused, match="has billed it"):
        load_fixture(used, {"bills": [bill("CB-5", "0.750")], "rates": [rate("U-3", "CB-5", "0.750")]})
    assert (await client.get(f"{BILL}/CB-5")).status_code == 404
