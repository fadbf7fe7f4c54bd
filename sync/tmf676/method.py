"""paymentMethod of a leg: by value where every required attribute is known, else by reference. Nothing is invented.

The classes and their required attributes are TMF670's (tmf.md section 6). A new mode of an existing class needs no line
here. A card number or CVV never stands in a body, so BankCard always goes by reference.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import date

from pos.domain.leg import LegFacts

Source = Callable[[LegFacts], object | None]


def payment_method(leg: LegFacts) -> dict[str, object]:
    """The method as PaymentMethodRefOrValue; ``name`` is our stable mode code in both forms."""
    method_class = CLASSES.get(leg.tmf_type)
    if method_class is None:
        return _by_reference(leg)
    required, optional = method_class
    attributes = {name: source(leg) for name, source in {**required, **optional}.items()}
    if any(attributes[name] is None for name in required):
        return _by_reference(leg)
    known = {name: value for name, value in attributes.items() if value is not None}
    return {"@type": leg.tmf_type, "@baseType": "PaymentMethod", "name": leg.mode, **known}


def authorization_code(leg: LegFacts) -> str | None:
    """The approval, slip or trace number that an outsider gave, "could be used for conciliation"."""
    if leg.tmf_type == "DirectDebit":
        return None  # Its reference is our own; nobody approved anything yet.
    for name in AUTHORIZATION_DETAILS:
        if leg.tender_details.get(name):
            return leg.tender_details[name]
    return None


def _by_reference(leg: LegFacts) -> dict[str, object]:
    """The tender's own reference names the method, a hold its voucher; the payment's correlator, what has neither."""
    found = (leg.tender_details[name] for name in REFERENCE_DETAILS if leg.tender_details.get(name))
    named = leg.voucher_hold if leg.tmf_type == VOUCHER else next(found, None)
    return {
        "@type": "PaymentMethodRef",
        "id": named or leg.correlator_id,
        "@referredType": leg.tmf_type,
        "name": leg.mode,
    }


def _detail(name: str) -> Source:
    return lambda leg: leg.tender_details.get(name) or None


def _operator_company(leg: LegFacts) -> str | None:
    return leg.operator_company or None


def _signed_date(leg: LegFacts) -> str | None:
    """A cheque without a date of its own is dated on the business date (the till's rule).

    What was paid in at a bank has the bank's value date there instead, so the signing date is unknown.
    """
    if "reference" in leg.tender_details:
        return None
    written = leg.tender_details.get("date")
    return _midnight(date.fromisoformat(written) if written else leg.business_date)


def _expiration(leg: LegFacts) -> str | None:
    """``2027-09``, ``09/27`` or a whole date; a month means its last day."""
    text = leg.tender_details.get("expires", "")
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]", text):
        return f"{text}T00:00:00Z"
    if match := re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text):
        year, month = int(match[1]), int(match[2])
    elif match := re.fullmatch(r"(0[1-9]|1[0-2])/?([0-9]{2})", text):
        year, month = 2000 + int(match[2]), int(match[1])
    else:
        return None
    return _midnight(date(year, month, monthrange(year, month)[1]))


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _card_type(leg: LegFacts) -> str | None:
    return {"debit_card": "Debit", "credit_card": "Credit"}.get(leg.mode)


VOUCHER = "Voucher"

REFERENCE_DETAILS = ("rrn", "trace", "mandate", "reference", "serial")
"""Which detail names a tender, the most telling first. A voucher's code is worth money and is no reference."""

AUTHORIZATION_DETAILS = ("auth_code", "trace", "reference")

CLASSES: Mapping[str, tuple[Mapping[str, Source], Mapping[str, Source]]] = {
    "Cash": ({}, {}),
    "Check": (
        {
            "checkId": _detail("serial"),
            "drawer": _detail("drawer"),
            "payee": _operator_company,
            "signedDate": _signed_date,
            "bank": _detail("bank"),
        },
        {},
    ),
    "TokenizedCard": (
        {"lastFourDigits": _detail("last4"), "expirationDate": _expiration},
        {"brand": _detail("brand"), "cardType": _card_type, "token": _detail("token")},
    ),
    "BankAccountTransfer": (
        {
            "accountNumber": _detail("collection_account"),
            "owner": _operator_company,
            "bank": _detail("bank"),
        },
        {},
    ),
    "BankAccountDebit": (
        {"accountNumber": _detail("account"), "owner": _detail("owner"), "bank": _detail("bank")},
        {},
    ),
    "DirectDebit": (
        {
            "mandateType": _detail("mandate_type"),
            "accountNumber": _detail("account"),
            "firstDebitDate": _detail("first_debit_date"),
            "owner": _detail("owner"),
            "bank": _detail("bank"),
        },
        {"mandateId": _detail("mandate"), "reference": _detail("reference")},
    ),
}
"""Class -> (required attributes, attributes sent where known). A voucher's value and expiry are not ours: no row."""
