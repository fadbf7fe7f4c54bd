"""A leg as a TMF676 Payment_Create, and a server's payment as the till reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft4Validator, FormatChecker

from pos.domain.leg import LegFacts, LegItem
from pos.domain.money import Money, currency
from sync.tmf676 import PaymentSeen, payment_body, read_payment
from sync.wire_json import BadResource, loads

KWD = currency("KWD")

CASH = LegFacts(
    correlator_id="0190b3c2-7a10-7c3e-9d54-2f6f0c1a77e1-1",
    payment_event_id="0190b3c2-7a10-7c3e-9d54-2f6f0c1a77e1",
    leg=1,
    terminal="T2",
    epoch=3,
    sequence=123,
    receipt_number="S014-T2-A-000123",
    shift_id="SH-1",
    business_date=date(2026, 11, 21),
    taken_at=datetime(2026, 11, 21, 23, 59, 58, tzinfo=timezone(timedelta(hours=3))),
    operator="1001",
    shop="S014",
    shop_name="Store 14",
    operator_company="Operator W.L.L.",
    channel="store",
    payer_kind="subscriber",
    payer_account="BA-1001",
    account="BA-1001",
    amount=Money(41750, KWD),
    mode="cash",
    tmf_type="Cash",
    tender_details={},
    items=(
        LegItem(bill_id="CB-1", bill_no="7781", amount=Money(40000, KWD)),
        LegItem(bill_id="CB-2", bill_no="7782", amount=Money(1750, KWD)),
    ),
)

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
    "cheque": CHEQUE,
    "on account, no payer": replace(CASH, items=(), payer_account=None, payer_kind="walk_in"),
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
        '"paymentItem":[{"item":{"id":"CB-1","@referredType":"CustomerBill"},"totalAmount":{"unit":"KWD","value":40.000}},'
        '{"item":{"id":"CB-2","@referredType":"CustomerBill"},"totalAmount":{"unit":"KWD","value":1.750}}],'
        '"@type":"Payment","paymentEventId":"0190b3c2-7a10-7c3e-9d54-2f6f0c1a77e1","receiptNumber":"S014-T2-A-000123",'
        '"terminal":"T2","epoch":3,"sequence":123,"leg":1,"shiftId":"SH-1","businessDate":"2026-11-21",'
        '"paymentDate":"2026-11-21T23:59:58+03:00"}'
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
    assert b"SECRET-CODE" not in payment_body(LEGS["voucher"])


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
