"""Bills and rates of servers that leave out what the standard lets them leave out."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.bill import AppliedPayment, BillState
from pos.domain.money import Money, currency
from sync.tmf678 import read_bill, read_rate
from sync.wire_json import BadResource

EUR = currency("EUR")


def eur(text: str) -> dict[str, object]:
    return {"unit": "EUR", "value": Decimal(text)}


def told(**more: Any) -> dict[str, Any]:
    return {
        "id": "CB-1",
        "billDate": "2026-11-01T00:00:00Z",
        "amountDue": eur("50.00"),
        "billingAccount": {"id": "BA-1"},
        **more,
    }


def test_a_full_bill_is_read_whole() -> None:
    bill = read_bill(
        told(
            billNo="7781",
            state="partiallyPaid",
            paymentDueDate="2026-11-15T23:59:59+03:00",
            remainingAmount=eur("20.00"),
            taxIncludedAmount=eur("55.00"),
            billingAccount={"id": "BA-1", "name": "O'Brien & Söhne"},
            appliedPayment=[{"appliedAmount": eur("30.00"), "payment": {"id": "p-1", "correlatorId": "c-1"}}],
        ),
        seen_change=9,
    )
    assert (bill.bill_id, bill.bill_no, bill.account, bill.account_name) == (
        "CB-1",
        "7781",
        "BA-1",
        "O'Brien & Söhne",
    )
    assert (bill.bill_date, bill.due_date) == (date(2026, 11, 1), date(2026, 11, 15))
    assert (bill.amount_due, bill.remaining, bill.tax_included) == (
        Money(5000, EUR),
        Money(2000, EUR),
        Money(5500, EUR),
    )
    assert bill.applied == (AppliedPayment(payment_id="p-1", correlator_id="c-1", amount=Money(3000, EUR)),)
    assert (bill.state, bill.seen_change) == (BillState.PARTIALLY_PAID, 9)


def test_a_sparing_bill_falls_back_step_by_step() -> None:
    bill = read_bill(
        told(
            billDate="2026-11-01",
            appliedPayment=[
                {"appliedAmount": eur("12.50")},
                {"appliedAmount": eur("7.50"), "payment": {"id": "p"}},
            ],
        ),
        seen_change=None,
    )
    assert bill.bill_no == "CB-1"
    assert bill.due_date == bill.bill_date == date(2026, 11, 1)
    assert bill.remaining == Money(3000, EUR)
    assert bill.tax_included == Money(5000, EUR)
    assert [entry.payment_id for entry in bill.applied] == ["p"]
    assert bill.state is BillState.PARTIALLY_PAID


@pytest.mark.parametrize(
    ("state", "remaining", "read"),
    [
        ("sent", "0.00", BillState.SENT),
        ("onHold", "5.00", BillState.ON_HOLD),
        ("partiallySettled", "5.00", BillState.PARTIALLY_PAID),
        ("inCollection", "50.00", BillState.SENT),
        (None, "0.00", BillState.SETTLED),
        (7, "-1.00", BillState.SETTLED),
    ],
)
def test_a_state_that_v4_does_not_know_follows_the_remainder(
    state: object, remaining: str, read: BillState
) -> None:
    assert read_bill(told(state=state, remainingAmount=eur(remaining)), seen_change=None).state is read


def test_a_bill_on_a_financial_account_is_read() -> None:
    bill = read_bill(
        told(billingAccount=None, financialAccount={"id": "FA-1", "name": "A\x1b]0;x\x07"}), seen_change=1
    )
    assert bill.account == "FA-1"
    assert bill.account_name is not None
    assert "\x1b" not in bill.account_name


def test_lines_of_another_shape_do_not_make_a_bill_unpayable() -> None:
    good = {
        "id": "L1",
        "name": "Fibre",
        "groupKind": "product",
        "taxExcludedAmount": eur("40.00"),
        "taxAmount": eur("10.00"),
        "taxIncludedAmount": eur("50.00"),
        "parentLine": {"id": "L0"},
        "appliedCustomerBillingRate": [{"id": "R-1"}],
    }
    [line] = read_bill(told(billSummaryLine=[good]), seen_change=None).lines
    assert (line.line_id, line.parent_id, line.rate_ids, line.tax) == ("L1", "L0", ("R-1",), Money(1000, EUR))
    for foreign in ("text", [{"text": "Fibre"}], [good | {"taxAmount": "10.00"}], [good | {"id": None}]):
        assert read_bill(told(billSummaryLine=foreign), seen_change=None).lines == ()


@pytest.mark.parametrize(
    ("obj", "resource_id", "field"),
    [
        (None, None, "customerBill"),
        ({}, None, "id"),
        (told(id="a\x1bb"), None, "id"),
        (told(id="x" * 256), None, "id"),
        (told(billNo="a\u202eb"), "CB-1", "billNo"),
        (told(billingAccount=None), "CB-1", "billingAccount.id"),
        (told(amountDue=None), "CB-1", "amountDue"),
        (told(amountDue={"unit": "EUR", "value": "50.00"}), "CB-1", "amountDue.value"),
        (told(remainingAmount=eur("1.001")), "CB-1", "remainingAmount.value"),
        (told(remainingAmount={"unit": "USD", "value": 1}), "CB-1", "remainingAmount.unit"),
        (told(billDate="soon"), "CB-1", "billDate"),
        (told(billDate=None), "CB-1", "billDate"),
        (told(appliedPayment=[{}]), "CB-1", "appliedPayment[0].appliedAmount"),
        (told(appliedPayment=[{"appliedAmount": {"unit": "USD", "value": 1}}]), "CB-1", "appliedPayment"),
    ],
)
def test_a_bill_that_cannot_be_read_names_itself_and_the_field(
    obj: object, resource_id: str | None, field: str
) -> None:
    with pytest.raises(BadResource) as refusal:
        read_bill(obj, seen_change=None)
    assert (refusal.value.resource_id, refusal.value.field) == (resource_id, field)
    assert field in str(refusal.value)


def rate(**more: Any) -> dict[str, Any]:
    return {"id": "R-1", "bill": {"id": "CB-1"}, "taxIncludedAmount": eur("12.00"), **more}


def test_a_rate_is_read_from_v4_and_v5_servers() -> None:
    full = read_rate(
        rate(
            name="Data",
            type="appliedBillingCredit",
            date="2026-11-01",
            product={"id": "P", "name": "Fibre"},
            taxExcludedAmount=eur("10.00"),
        )
    )
    assert (full.name, full.kind, full.on, full.product) == (
        "Data",
        "appliedBillingCredit",
        date(2026, 11, 1),
        "Fibre",
    )
    assert (full.tax_excluded, full.tax, full.tax_included) == (
        Money(1000, EUR),
        Money(200, EUR),
        Money(1200, EUR),
    )
    sparing = read_rate(rate(appliedBillingRateType="usage", appliedTax=[{"taxAmount": eur("2.00")}]))
    assert (sparing.name, sparing.kind, sparing.on, sparing.product) == ("R-1", "usage", None, None)
    assert (sparing.tax_excluded, sparing.tax) == (Money(1000, EUR), Money(200, EUR))
    credit = read_rate(rate(taxIncludedAmount=None, taxExcludedAmount=eur("-3.00")))
    assert credit.tax_included == Money(-300, EUR)


@pytest.mark.parametrize(
    ("obj", "field"),
    [
        (rate(bill=None), "bill.id"),
        (rate(taxIncludedAmount=None), "taxIncludedAmount"),
        (rate(taxExcludedAmount={"unit": "USD", "value": 1}), "taxExcludedAmount.unit"),
        (rate(appliedTax=[{"taxAmount": {"unit": "EUR", "value": "x"}}]), "appliedTax[0].taxAmount.value"),
        (rate(date=5), "date"),
    ],
)
def test_a_rate_that_cannot_be_read_names_the_field(obj: object, field: str) -> None:
    with pytest.raises(BadResource) as refusal:
        read_rate(obj)
    assert (refusal.value.resource_id, refusal.value.field) == ("R-1", field)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just(eur("1.00")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [*told(), "appliedPayment", "billSummaryLine", "state", "paymentDueDate", "billNo", "taxIncludedAmount"]
)


@given(bent=st.dictionaries(NAMES, JSON, max_size=3))
def test_a_strange_bill_is_read_or_named_but_never_breaks_the_reader(bent: dict[str, Any]) -> None:
    for reader, obj in (
        (lambda value: read_bill(value, seen_change=None), told() | bent),
        (read_rate, rate() | bent),
    ):
        with contextlib.suppress(BadResource):
            reader(obj)
