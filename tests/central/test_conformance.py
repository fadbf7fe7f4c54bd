"""Every row that central stores conforms to the TM Forum's published schemas, and has what their profiles ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BILL,
    BILL_SPEC,
    CYCLE,
    DEMAND,
    PAYMENT,
    PAYMENT_SPEC,
    RATE,
    faults,
    item,
    kwd,
    payment,
    post,
    read,
    unbilled,
    v5_faults,
)

REFUND = "/tmf-api/paymentManagement/v4/refund"

PROFILE: dict[str, tuple[str, ...]] = {
    "Payment": (
        "id", "href", "@type", "status", "statusDate", "paymentDate", "account.id", "paymentMethod",
        "totalAmount.unit", "totalAmount.value",
    ),
    "Refund": (
        "id", "href", "@type", "status", "statusDate", "refundDate", "account.id", "paymentMethod", "payment.id",
        "totalAmount.unit", "totalAmount.value",
    ),
    "CustomerBill": ("id", "href", "@type", "billDocument.id", "billingAccount.id", "state", "lastUpdate"),
    "AppliedCustomerBillingRate": ("id", "href", "@type", "isBilled"),
    "CustomerBillOnDemand": ("id", "href", "@type", "state", "billingAccount.id", "lastUpdate"),
    "BillCycle": ("id", "href", "@type"),
}  # fmt: skip
"""What the conformance profiles make mandatory in an answer, or what a client of the standard cannot do without."""


def lacking(row: Any, path: str) -> bool:
    """Whether there is nothing at ``path``; of a list each element needs it, and there is one."""
    if not path:
        return row is None or row == ""
    if isinstance(row, list):
        return not row or any(lacking(one, path) for one in row)
    name, _, rest = path.partition(".")
    return not isinstance(row, dict) or name not in row or lacking(row[name], rest)


def missing(definition: str, *rows: Any) -> list[tuple[str, str]]:
    """Which row lacks what of the profile; an attribute of an extended type needs the type's base and place, too."""
    found = [(row["id"], path) for row in rows for path in PROFILE[definition] if lacking(row, path)]
    return found + [
        (row["id"], path)
        for row in rows
        if row["@type"] != definition
        for path in ("@baseType", "@schemaLocation")
        if lacking(row, path)
    ]


@pytest.fixture
async def used(client: httpx.AsyncClient, store: CentralStore) -> httpx.AsyncClient:
    """A central with payments of every kind of target, two refunds, bills on demand, a hold, and billing cycles."""
    load_fixture(
        store,
        {
            "rates": [unbilled("U-1", "5.000", tax="1.000")],
            "bill_cycles": [{"id": "C-1", "name": "First", "billingDate": "2026-11-01T00:00:00Z"}],
        },
    )
    by_check = {"@type": "PaymentMethodRef", "id": "1", "@referredType": "Check"}
    bodies = [
        payment(
            "10.000", paymentItem=[item("CB-2", "4.000")], taxAmount=kwd("0.000"), colour={"of": ["any"]}
        ),
        payment("1.000", account={"id": "BA-404"}, correlatorId="c-2", paymentDate="2026-11-21T10:00:00Z"),
        payment("5.000", paymentMethod=by_check),
        payment("10.000", paymentItem=[item("CB-1", "10.000")]),
    ]
    paid = []
    for body in bodies:
        answer = await post(client, body)
        assert answer.status_code == 201, answer.text
        paid.append(loads(answer.content))
    others = [
        (REFUND, _back(paid[0], paid[0]["totalAmount"])),
        (REFUND, _back(paid[3], kwd("2.500"))),
        (DEMAND, {"billingAccount": {"id": "BA-1"}, "@type": "CustomerBillOnDemand"}),
        (DEMAND, {"billingAccount": {"id": "BA-404", "name": "Nobody"}}),
    ]
    for path, body in others:
        answer = await client.post(path, content=dumps(body), headers={"content-type": "application/json"})
        assert answer.status_code == 201, answer.text
    await client.patch(
        f"{BILL}/CB-2",
        content=b'{"state":"onHold"}',
        headers={"content-type": "application/merge-patch+json"},
    )
    return client


def _back(paid: Any, amount: Any) -> dict[str, Any]:
    return {
        "account": paid["account"],
        "totalAmount": amount,
        "paymentMethod": paid["paymentMethod"],
        "payment": {"id": paid["id"]},
    }


@pytest.mark.parametrize(
    ("path", "spec", "definition", "count"),
    [
        (PAYMENT, PAYMENT_SPEC, "Payment", 4),
        (REFUND, PAYMENT_SPEC, "Refund", 2),
        (BILL, BILL_SPEC, "CustomerBill", 3),
        (RATE, BILL_SPEC, "AppliedCustomerBillingRate", 5),
        (DEMAND, BILL_SPEC, "CustomerBillOnDemand", 2),
        (CYCLE, "", "BillCycle", 1),
    ],
    ids=["payments", "refunds", "bills", "rates", "bills on demand", "cycles"],
)
async def test_every_row_conforms_and_has_what_the_profile_asks(
    used: httpx.AsyncClient, tmf_specs: Path, path: str, spec: str, definition: str, count: int
) -> None:
    rows = await read(used, path)
    assert len(rows) == count
    assert (
        faults(tmf_specs, spec, definition, *rows) if spec else v5_faults(tmf_specs, definition, *rows)
    ) == []
    assert missing(definition, *rows) == []
    for row in rows:
        assert await read(used, row["href"]) == row


def test_the_look_for_what_is_missing_finds_it() -> None:
    bill = {
        "id": "1",
        "href": "x",
        "@type": "CustomerBillWithSummary",
        "billDocument": [{"id": "1"}, {}],
        "state": "",
    }
    assert missing("CustomerBill", bill) == [
        ("1", "billDocument.id"),
        ("1", "billingAccount.id"),
        ("1", "state"),
        ("1", "lastUpdate"),
        ("1", "@baseType"),
        ("1", "@schemaLocation"),
    ]


async def test_every_error_is_an_error(client: httpx.AsyncClient, tmf_specs: Path) -> None:
    for answer in (await post(client, {}), await client.get(f"{PAYMENT}/x"), await client.delete(PAYMENT)):
        assert faults(tmf_specs, PAYMENT_SPEC, "Error", loads(answer.content)) == []
