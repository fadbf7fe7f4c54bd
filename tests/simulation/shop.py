"""The shop that is simulated: its people, accounts and bills, as one fixture for its tills and for central.

Small on purpose: tills that compete for a few bills meet each other often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from pos.domain.role import Person, Role
from pos.fixture import Fixture, example_fixture, parse_fixture
from sync.wire_json import dumps, loads

TERMINALS = ("T1", "T2", "T3", "T4", "T5", "T6")
CASHIER = Person(user="1001", name="A. Kumar", roles=frozenset({Role.CASHIER}))
BACK_OFFICE = Person(user="4001", name="Fahad Al-Enezi", roles=frozenset({Role.BACK_OFFICE}))
SUPERVISOR = Person(user="2002", name="Siobhán O'Brien", roles=frozenset({Role.SUPERVISOR}))
WALK_IN = "WALK-IN"
SUSPENSE = "SUSPENSE"
"""What money of an unknown owner is told under; central has no such account."""
PRICES = {"SIM-01": 5_000, "PPD-05": 5_000}
"""What is sold, in minor units; a SIM card has a serial number."""
VOUCHERS = {f"LOY-{number:02}TX-WPQ": 2_000 + 50 * number for number in range(3)}
GIFTS = {f"GIFT-{number:02}-XQ41": 4_000 for number in range(1)}
GIFT_ISSUER = "City Gifts"
"""Loyalty vouchers, and those of another issuer, with what each is worth; any till may be shown any of them."""

SUBSCRIBERS = ("BA-1", "BA-2", "BA-3", "BA-4")
CASH_ONLY = "BA-4"
DEALERS = ("D-1", "D-2")
BILLS_EACH = 2
ON_HOLD = "4-2"
"""The number of a bill that central holds back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A bill as central has it at the beginning; ``open_minor`` in minor units."""

    bill_no: str
    bill_id: str
    account: str
    open_minor: int


def _kwd(minor: int) -> dict[str, object]:
    return {"unit": "KWD", "value": Decimal(minor).scaleb(-3)}


def _text(minor: int) -> str:
    return f"{minor // 1000}.{minor % 1000:03}"


def _open_minor(number: int, place: int) -> int:
    """Amounts whose sums tell which bills they are of."""
    return 6_000 + 7_501 * place + 170 * number


def _bill(number: int, place: int) -> dict[str, Any]:
    bill_no = f"{number}-{place}"
    amount = _kwd(_open_minor(number, place))
    line = {
        "id": f"L-{bill_no}",
        "name": "Fibre 100",
        "groupKind": "product",
        "@type": "BillSummaryLine",
        "taxExcludedAmount": amount,
        "taxAmount": _kwd(0),
        "taxIncludedAmount": amount,
        "appliedCustomerBillingRate": [{"id": f"R-{bill_no}"}],
    }
    return {
        "id": f"CB-{bill_no}",
        "billNo": bill_no,
        "billDate": "2026-11-01T00:00:00Z",
        "paymentDueDate": f"2026-11-{10 + place:02}T00:00:00Z",
        "state": "onHold" if bill_no == ON_HOLD else "sent",
        "amountDue": amount,
        "remainingAmount": amount,
        "taxExcludedAmount": amount,
        "taxIncludedAmount": amount,
        "billingAccount": {"id": f"BA-{number}", "@referredType": "BillingAccount"},
        "relatedParty": [],
        "taxItem": [],
        "appliedPayment": [],
        "billDocument": [],
        "billSummaryLine": [line],
    }


def _rate(number: int, place: int) -> dict[str, Any]:
    bill_no = f"{number}-{place}"
    amount = _kwd(_open_minor(number, place))
    return {
        "id": f"R-{bill_no}",
        "name": "Monthly fee",
        "type": "appliedBillingCharge",
        "date": "2026-11-01T00:00:00Z",
        "isBilled": True,
        "bill": {"id": f"CB-{bill_no}", "@referredType": "CustomerBill"},
        "product": {"id": "P-1", "name": "Fibre 100"},
        "taxExcludedAmount": amount,
        "taxIncludedAmount": amount,
        "appliedTax": [],
    }


@cache
def fixture_bytes() -> bytes:
    """The fixture as a file holds it."""
    example = example_fixture()
    places = [(number, place) for number in range(1, 5) for place in range(1, BILLS_EACH + 1)]
    account, dealer = example["accounts"][0], example["dealers"][0]
    example["terminals"] = list(TERMINALS)
    example["accounts"] = [
        {
            **account,
            "account": name,
            "name": f"Holder of {name}",
            "customer": name.replace("BA", "C"),
            "cash_only": name == CASH_ONLY,
            "credit": "0.000",
        }
        for name in SUBSCRIBERS
    ]
    example["dealers"] = [
        {**dealer, "account": name, "name": f"Dealer {name}", "credit_limit": "900000.000"}
        for name in DEALERS
    ]
    example["bills"] = [_bill(*place) for place in places]
    example["rates"] = [_rate(*place) for place in places]
    loyalty, gift = example["vouchers"]
    example["vouchers"] = [
        *(
            {**loyalty, "code": code, "value": _text(value), "account": None}
            for code, value in VOUCHERS.items()
        ),
        *({**gift, "code": code, "value": _text(value)} for code, value in GIFTS.items()),
    ]
    return dumps(example)


@cache
def shop_fixture() -> Fixture:
    """As ``pos init --fixture`` reads it."""
    return parse_fixture(fixture_bytes(), source="the simulated shop")


def central_fixture() -> Mapping[str, Any]:
    """As ``pos central fixture`` reads it."""
    loaded = loads(fixture_bytes())
    assert isinstance(loaded, dict)
    return loaded


@cache
def owed() -> Mapping[str, Owed]:
    """Every bill by its number."""
    return {
        f"{number}-{place}": Owed(
            bill_no=f"{number}-{place}",
            bill_id=f"CB-{number}-{place}",
            account=f"BA-{number}",
            open_minor=_open_minor(number, place),
        )
        for number in range(1, 5)
        for place in range(1, BILLS_EACH + 1)
    }
