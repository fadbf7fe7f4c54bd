"""Every row that central stores conforms to the TM Forum's published schemas."""

from __future__ import annotations

from pathlib import Path

import httpx

from sync.wire_json import loads
from tests.central.central_builders import (
    BILL,
    BILL_SPEC,
    PAYMENT,
    PAYMENT_SPEC,
    RATE,
    faults,
    item,
    kwd,
    payment,
    post,
    read,
)


async def test_every_payment_row_is_a_payment(client: httpx.AsyncClient, tmf_specs: Path) -> None:
    await post(client, payment("10.000", paymentItem=[item("CB-2", "4.000")]))
    await post(
        client,
        payment("1.000", account={"id": "BA-404"}, correlatorId="c-2", paymentDate="2026-11-21T10:00:00Z"),
    )
    await post(
        client,
        payment("5.000", paymentMethod={"@type": "PaymentMethodRef", "id": "1", "@referredType": "Check"}),
    )
    rows = await read(client, PAYMENT)
    assert len(rows) == 3
    assert faults(tmf_specs, PAYMENT_SPEC, "Payment", *rows) == []


async def test_every_bill_and_rate_row_is_one(client: httpx.AsyncClient, tmf_specs: Path) -> None:
    await post(client, payment("10.000", paymentItem=[item("CB-1", "10.000")], taxAmount=kwd("0.000")))
    bills, rates = await read(client, BILL), await read(client, RATE)
    assert bills
    assert rates
    assert faults(tmf_specs, BILL_SPEC, "CustomerBill", *bills) == []
    assert faults(tmf_specs, BILL_SPEC, "AppliedCustomerBillingRate", *rates) == []
    assert all(row["billDocument"][0]["id"] and row["href"] and row["id"] for row in bills)


async def test_every_error_is_an_error(client: httpx.AsyncClient, tmf_specs: Path) -> None:
    for answer in (await post(client, {}), await client.get(f"{PAYMENT}/x"), await client.delete(PAYMENT)):
        assert faults(tmf_specs, PAYMENT_SPEC, "Error", loads(answer.content)) == []
