"""A leg as a TMF676 Payment_Create, and a server's payment as the till reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, FormatChecker

from pos.domain.foreign_cash import ForeignNotes
from pos.domain.leg import LegFacts, LegItem
from pos.domain.money import Money, currency
from pos.domain.payment_mode import PayerKind, Purpose
from sync.tmf676 import PaymentSeen, payment_body, read_payment
from sync.wire_json import BadResource, loads
from tests.wire.leg_builders import CASH, DETAILS, HOLD, KWD, MODES, leg_of, paid_bill, sold

USD = currency("USD")

CHEQUE = replace(
    CASH,
    mode="cheque",
    tmf_type="Check",
    tender_details={"serial": "0012345", "bank": "001", "drawer": "شركة السالم", "date": "2026-11-20"},
)


def of_mode(mode: str, tmf_type: str, **details: str) -> LegFacts:
    return replace(CASH, mode=mode, tmf_type=tmf_type, tender_details=details)


LEGS = {
    "cash": CASH,
    "foreign cash": replace(
        CASH, foreign=ForeignNotes(amount=Money(20000, USD), rate="0.30675", source="shop list 2026-11-21")
    ),
    "cheque": CHEQUE,
    "on account": replace(CASH, items=()),
    "sale to a walk-in": replace(
        CASH, items=(sold("SIM-01", 41750),), account="WALK-IN", payer_account=None, payer_kind="walk_in"
    ),
    "bill and sale": replace(CASH, items=(paid_bill("CB-1", 40000), sold("SIM-01", 1750))),
    "card": of_mode(
        "debit_card", "TokenizedCard", auth_code="A1", last4="1111", brand="VISA", expires="2027-02"
    ),
    "card, expiry unknown": of_mode(
        "credit_card", "TokenizedCard", auth_code="A1", last4="1111", rrn="000123"
    ),
    "bank cash": of_mode("bank_cash", "BankAccountTransfer", bank="001", reference="K7", date="2026-11-21"),
    "bank cheque": of_mode("bank_cheque", "Check", bank="001", reference="K8", serial="7", drawer="X"),
    "direct debit": of_mode("direct_debit", "DirectDebit", mandate="M-1", reference="R", date="2026-11-21"),
    "voucher": of_mode("internal_voucher", "Voucher", code="SECRET-CODE"),
    "voucher, held": replace(
        of_mode("internal_voucher", "Voucher", code="SECRET-CODE"),
        voucher_hold=HOLD,
        instrument="voucher|DIGEST",
    ),
    "atm": of_mode("atm", "BankAccountDebit", trace="000777", atm="ATM-1", date="2026-11-21"),
    "a class nobody knows": of_mode("barter", "Barter"),
}


def test_the_frozen_body_of_a_cash_leg_is_this_text() -> None:
    assert payment_body(CASH).decode() == (
        '{"correlatorId":"0190b3c2-7a10-7c3e-9d54-2f6f0c1a77e1-1","name":"Bill payment","description":"2 bills, cash",'
        '"account":{"id":"BA-1001","@referredType":"BillingAccount"},'
        '"channel":{"id":"store","name":"Store 14","@referredType":"Channel"},'
        '"payer":{"id":"BA-1001","role":"subscriber","@referredType":"BillingAccount"},'
        '"totalAmount":{"unit":"KWD","value":41.750},'
        '"paymentMethod":{"@type":"Cash","@baseType":"PaymentMethod","name":"cash"},'
        '"paymentItem":[{"item":{"id":"CB-1","@referredType":"CustomerBill"},'
        '"totalAmount":{"unit":"KWD","value":40.000},"chosenBy":"default"},'
        '{"item":{"id":"CB-2","@referredType":"CustomerBill"},'
        '"totalAmount":{"unit":"KWD","value":1.750},"chosenBy":"default"}],'
        '"@type":"Payment","paymentEventId":"0190b3c2-7a10-7c3e-9d54-2f6f0c1a77e1","receiptNumber":"S014-T2-A-000123",'
        '"terminal":"T2","epoch":3,"sequence":123,"leg":1,"shiftId":"SH-1","businessDate":"2026-11-21",'
        '"paymentDate":"2026-11-21T23:59:58+03:00","operator":"1001"}'
    )


@pytest.mark.parametrize("leg", LEGS.values(), ids=LEGS.keys())
def test_the_body_is_a_payment_create_of_the_standard(leg: LegFacts, tmf_specs: Path) -> None:
    spec = json.loads((tmf_specs / "TMF676-Payment-v4.0.0.swagger.json").read_text())
    schema = {"$ref": "#/definitions/Payment_Create", "definitions": spec["definitions"]}
    validator = Draft4Validator(schema, format_checker=FormatChecker())
    assert list(validator.iter_errors(loads(payment_body(leg)))) == []
    assert payment_body(leg) == payment_body(leg)


def test_a_cheque_is_given_by_value_whole() -> None:
    assert loads(payment_body(CHEQUE))["paymentMethod"] == {
        "@type": "Check",
        "@baseType": "PaymentMethod",
        "name": "cheque",
        "checkId": "0012345",
        "drawer": "شركة السالم",
        "payee": "Operator W.L.L.",
        "signedDate": "2026-11-20T00:00:00Z",
        "bank": "001",
    }


def test_a_cheque_without_a_date_is_dated_on_the_business_date() -> None:
    leg = replace(CHEQUE, tender_details={"serial": "1", "bank": "001", "drawer": "X"})
    assert loads(payment_body(leg))["paymentMethod"]["signedDate"] == "2026-11-21T00:00:00Z"


@pytest.mark.parametrize(
    ("leg", "reference", "referred_type"),
    [
        (replace(CHEQUE, tender_details={"serial": "0012345", "bank": "001"}), "0012345", "Check"),
        (LEGS["card, expiry unknown"], "000123", "TokenizedCard"),
        (LEGS["bank cash"], "K7", "BankAccountTransfer"),
        (LEGS["bank cheque"], "K8", "Check"),
        (LEGS["direct debit"], "M-1", "DirectDebit"),
        (LEGS["voucher"], CASH.correlator_id, "Voucher"),
        (LEGS["voucher, held"], HOLD, "Voucher"),
        (LEGS["atm"], "000777", "BankAccountDebit"),
    ],
)
def test_a_method_that_is_not_known_whole_goes_by_reference(
    leg: LegFacts, reference: str, referred_type: str
) -> None:
    assert loads(payment_body(leg))["paymentMethod"] == {
        "@type": "PaymentMethodRef",
        "id": reference,
        "@referredType": referred_type,
        "name": leg.mode,
    }


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("2027-02", "2027-02-28T00:00:00Z"),
        ("02/28", "2028-02-29T00:00:00Z"),
        ("1127", "2027-11-30T00:00:00Z"),
        ("2027-11-05", "2027-11-05T00:00:00Z"),
    ],
)
def test_a_cards_expiry_is_the_last_day_of_its_month(written: str, sent: str) -> None:
    leg = of_mode("debit_card", "TokenizedCard", last4="1111", brand="VISA", expires=written)
    assert loads(payment_body(leg))["paymentMethod"] == {
        "@type": "TokenizedCard",
        "@baseType": "PaymentMethod",
        "name": "debit_card",
        "lastFourDigits": "1111",
        "expirationDate": sent,
        "brand": "VISA",
        "cardType": "Debit",
    }


def test_an_approval_code_or_trace_is_the_authorization_code() -> None:
    codes = {name: loads(payment_body(leg)).get("authorizationCode") for name, leg in LEGS.items()}
    assert codes["card"] == "A1"
    assert codes["bank cash"] == "K7"
    assert codes["atm"] == "000777"
    assert codes["cash"] is codes["cheque"] is codes["voucher"] is codes["direct debit"] is None


def test_no_voucher_code_and_no_tender_detail_slips_into_a_body() -> None:
    for name in ("voucher", "voucher, held"):
        assert b"SECRET-CODE" not in payment_body(LEGS[name])
        assert b"DIGEST" not in payment_body(LEGS[name]), "a short code can be found from its digest"


EVERY_LEG = {
    f"{code} {form}, {purpose} of a {payer}": leg_of(
        mode, details, purpose=purpose, dealer=payer is PayerKind.DEALER
    )
    for code, mode in MODES.by_code.items()
    for form, details in DETAILS[code].items()
    for payer, purposes in mode.accepts.items()
    if payer is not PayerKind.WALK_IN
    for purpose in sorted(purposes)
}


def test_all_ten_modes_are_among_the_legs() -> None:
    assert set(DETAILS) == set(MODES.by_code)
    assert len(DETAILS) == 10


@pytest.mark.parametrize("leg", EVERY_LEG.values(), ids=EVERY_LEG.keys())
def test_every_body_of_every_mode_is_a_payment_create_of_the_standard(leg: LegFacts, tmf_specs: Path) -> None:
    spec = json.loads((tmf_specs / "TMF676-Payment-v4.0.0.swagger.json").read_text())
    schema = {"$ref": "#/definitions/Payment_Create", "definitions": spec["definitions"]}
    validator = Draft4Validator(schema, format_checker=FormatChecker())
    assert list(validator.iter_errors(loads(payment_body(leg)))) == []


REQUIRED_BY_VALUE = {
    "Cash": set(),
    "Check": {"checkId", "drawer", "payee", "signedDate", "bank"},
    "TokenizedCard": {"lastFourDigits", "expirationDate", "brand", "cardType"},
    "BankAccountTransfer": {"accountNumber", "owner", "bank"},
    "BankAccountDebit": {"accountNumber", "owner", "bank"},
    "DirectDebit": {"mandateType", "accountNumber", "firstDebitDate", "owner", "bank", "mandateId"},
}


@pytest.mark.parametrize("leg", EVERY_LEG.values(), ids=EVERY_LEG.keys())
def test_every_method_is_whole_or_a_reference_and_says_its_mode(
    leg: LegFacts, request: pytest.FixtureRequest
) -> None:
    method = loads(payment_body(leg))["paymentMethod"]
    assert method["name"] == leg.mode
    if "by value" in request.node.callspec.id:
        assert method["@type"] == leg.tmf_type
        assert REQUIRED_BY_VALUE[leg.tmf_type] <= method.keys()
    else:
        assert (method["@type"], method["@referredType"]) == ("PaymentMethodRef", leg.tmf_type)
        expected = {
            "cheque": "0012345",
            "debit_card": "000123456789",
            "credit_card": "000123456789",
            "bank_cash": "K7-20991",
            "bank_cheque": "K7-20991",
            "direct_debit": "M-1",
            "internal_voucher": HOLD,
            "external_voucher": HOLD,
            "atm": "000777",
        }
        assert method["id"] == expected[leg.mode]


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("cash", None),
        ("cheque", None),
        ("debit_card", "A1B2C3"),
        ("credit_card", "A1B2C3"),
        ("bank_cash", "K7-20991"),
        ("bank_cheque", "K7-20991"),
        ("direct_debit", None),
        ("internal_voucher", None),
        ("external_voucher", "AB2CD3EF"),
        ("atm", "000777"),
    ],
)
def test_what_an_outsider_gave_is_the_authorization_code(mode: str, code: str | None) -> None:
    legs = [leg for name, leg in EVERY_LEG.items() if leg.mode == mode]
    assert {loads(payment_body(leg)).get("authorizationCode") for leg in legs} == {code}


@pytest.mark.parametrize(
    ("items", "name", "description"),
    [
        ((paid_bill("CB-1", 1),), "Bill payment", "1 bill, cash"),
        ((sold("SIM-01", 1), sold("SIM-01", 2)), "Sale", "2 items, cash"),
        ((paid_bill("CB-1", 1), sold("SIM-01", 2)), "Bill payment and sale", "1 bill, 1 item, cash"),
        ((), "Payment on account", "cash"),
    ],
)
def test_a_payment_is_named_by_what_it_pays(items: tuple[LegItem, ...], name: str, description: str) -> None:
    body = loads(payment_body(replace(CASH, items=items)))
    assert (body["name"], body["description"]) == (name, description)


def test_a_sale_names_its_offerings() -> None:
    leg = leg_of(MODES.by_code["cash"], {}, purpose=Purpose.ITEMS, dealer=True)
    assert loads(payment_body(leg))["paymentItem"] == [
        {
            "item": {"id": code, "@referredType": "ProductOffering"},
            "totalAmount": {"unit": "KWD", "value": Decimal("5.000")},
        }
        for code in ("SIM-01", "RTR-01")
    ]


def test_a_walk_in_is_named_by_the_account_of_the_sale() -> None:
    body = loads(payment_body(LEGS["sale to a walk-in"]))
    assert body["payer"] == {"id": "WALK-IN", "role": "walk_in", "@referredType": "BillingAccount"}
    assert body["account"]["id"] == "WALK-IN"


def test_what_money_waits_for_its_paper_and_its_hold_travel() -> None:
    at_bank = loads(payment_body(EVERY_LEG["bank_cash by reference, items of a dealer"]))
    assert (at_bank["provisional"], at_bank["provisionalReason"]) == (True, "when the bank confirms it")
    assert at_bank["instrument"] == "bank_receipt|1"
    assert "voucherHold" not in at_bank
    held = loads(payment_body(EVERY_LEG["internal_voucher by reference, bills of a subscriber"]))
    assert held["voucherHold"] == HOLD
    assert held.keys().isdisjoint({"provisional", "provisionalReason", "instrument"})


@pytest.mark.parametrize(("now", "told"), [(True, "now"), (False, "whenFinal")])
def test_the_legs_that_clear_what_is_overdue_say_so(now: bool, told: str) -> None:
    """Rule 16: central asks for reconnection when all of them are final."""
    plain = LEGS["sale to a walk-in"]
    body = loads(payment_body(replace(plain, clears_overdue=("e-1", "d-2"), reconnects_now=now)))
    assert (body["clearsOverdue"], body["reconnect"]) == (["e-1", "d-2"], told)
    assert loads(payment_body(plain)).keys().isdisjoint({"clearsOverdue", "reconnect"})


def test_a_payment_of_our_central_is_read_whole() -> None:
    seen = read_payment(
        {
            "id": "p-1",
            "href": "http://c/p-1",
            "correlatorId": "c-1",
            "account": {"id": "BA-1"},
            "totalAmount": {"unit": "KWD", "value": Decimal("41.750")},
            "changeNumber": 7,
            "colour": "blue",
        }
    )
    assert seen == PaymentSeen(
        id="p-1",
        href="http://c/p-1",
        correlator_id="c-1",
        account="BA-1",
        amount=Money(41750, KWD),
        applied_change=7,
    )


def test_a_payment_of_a_sparing_server_is_read_too() -> None:
    seen = read_payment({"id": "p-1", "changeNumber": "v7", "account": None})
    assert seen == PaymentSeen(
        id="p-1", href=None, correlator_id=None, account=None, amount=None, applied_change=None
    )


@pytest.mark.parametrize(
    ("obj", "field"),
    [
        ([], "payment"),
        ({}, "id"),
        ({"id": 5}, "id"),
        ({"id": "p", "correlatorId": 5}, "correlatorId"),
        ({"id": "p", "totalAmount": {"unit": "KWD", "value": "1"}}, "totalAmount.value"),
        ({"id": "p", "account": {"id": ["x"]}}, "id"),
    ],
)
def test_a_payment_that_cannot_be_read_is_named(obj: object, field: str) -> None:
    with pytest.raises(BadResource) as refusal:
        read_payment(obj)
    assert refusal.value.field == field


def test_foreign_notes_are_told_beside_an_amount_in_the_shops_currency() -> None:
    """Rule 7: central is told the frozen rate; the money it books is the shop's."""
    body = loads(payment_body(LEGS["foreign cash"]))

    assert body["totalAmount"] == {"unit": "KWD", "value": Decimal("41.750")}
    assert body["foreignCash"] == {
        "tendered": {"unit": "USD", "value": Decimal("200.00")},
        "rate": "0.30675",
        "rateSource": "shop list 2026-11-21",
    }
    assert "foreignCash" not in loads(payment_body(CASH))
