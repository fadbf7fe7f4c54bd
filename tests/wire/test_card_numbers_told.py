"""A card number that a server tells is masked; a bill does not vanish over one, and its ids stay what they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sync.catalogue_wire import read_item
from sync.tmf676.payment import read_payment
from sync.tmf678 import read_bill, read_rate
from sync.told import clean_told
from sync.wire_json import BadResource

CARD = "4111111111111111"


def kwd(text: str) -> dict[str, object]:
    return {"unit": "KWD", "value": Decimal(text)}


def told(**more: Any) -> dict[str, Any]:
    return {
        "id": "CB-1",
        "billDate": "2026-11-01T00:00:00Z",
        "amountDue": kwd("50"),
        "billingAccount": {"id": "BA-1"},
        **more,
    }


def test_a_bill_whose_names_hold_a_card_number_is_still_told() -> None:
    """Rule 44 at a pull: what a server tells is masked, so that no bill vanishes."""
    line = {
        "id": "1",
        "name": f"Paid by {CARD}",
        "groupKind": "4111-1111-1111-1111",
        **{name: kwd("50") for name in ("taxIncludedAmount", "taxExcludedAmount")},
        "taxAmount": kwd("0"),
    }
    paid = {"appliedAmount": kwd("1"), "payment": {"id": CARD, "correlatorId": CARD}}
    bill = read_bill(
        told(
            billingAccount={"id": "BA-1", "name": f"Ali {CARD}"},
            billSummaryLine=[line],
            appliedPayment=[paid],
        ),
        seen_change=None,
    )

    assert "4111" not in repr(bill)
    assert bill.account_name == f"Ali {'*' * 16}"
    assert bill.lines[0].name == f"Paid by {'*' * 16}"
    assert bill.applied[0].payment_id == "*" * 16


def test_a_bill_numbered_like_a_card_is_called_by_its_id() -> None:
    assert read_bill(told(billNo=CARD), seen_change=None).bill_no == "CB-1"
    assert read_bill(told(billNo="7781"), seen_change=None).bill_no == "7781"


@pytest.mark.parametrize("bill", [told(id=CARD), told(billingAccount={"id": CARD})])
def test_an_id_like_a_card_number_cannot_be_kept_and_the_fault_does_not_tell_it(bill: dict[str, Any]) -> None:
    with pytest.raises(BadResource) as fault:
        read_bill(bill, seen_change=None)

    assert "4111" not in str(fault.value)


def test_rates_payments_and_items_are_masked_too() -> None:
    rate = read_rate(
        {
            "id": "R-1",
            "bill": {"id": "CB-1"},
            "name": CARD,
            "type": CARD,
            "product": {"name": CARD},
            "taxExcludedAmount": kwd("1"),
            "taxIncludedAmount": kwd("1"),
        }
    )
    payment = read_payment({"id": CARD, "href": f"https://central/{CARD}"})
    item = read_item(
        {"id": "SIM", "name": CARD, "price": kwd("1"), "taxCategory": "VAT", "taxRate": Decimal(5)}
    )

    assert "4111" not in repr((rate, payment, item))


@pytest.mark.parametrize(
    "text",
    ["Gulf Trading W.L.L.", "محمد العلي", "O'Brien & Söhne", "IMEI 356938035643809", "S014-T1-A-000001"],
)
def test_an_honest_name_is_told_as_it_is(text: str) -> None:
    assert clean_told(text, limit=200) == text


def test_a_bad_character_between_its_digits_hides_no_card_number() -> None:
    assert "4111" not in clean_told("4111\x001111\x1b\x1b\x1b\x1b\x1b\x1b1111\u202e1111", limit=200)
