"""A leg of each of the ten ways to pay, for a bill, a sale and money on account, as the till would tell central."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

from pos.domain.leg import LegFacts, LegItem, LegTarget
from pos.domain.money import Money, currency
from pos.domain.payment_mode import KEPT_APART, PaymentMode, Purpose
from pos.settings import read_settings

KWD = currency("KWD")
MODES = read_settings().modes


def paid_bill(bill_id: str, minor: int) -> LegItem:
    return LegItem(target=LegTarget.BILL, target_id=bill_id, amount=Money(minor, KWD))


def sold(item: str, minor: int) -> LegItem:
    return LegItem(target=LegTarget.OFFERING, target_id=item, amount=Money(minor, KWD))


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
    items=(paid_bill("CB-1", 40000), paid_bill("CB-2", 1750)),
)

CARD_SLIP = {
    "auth_code": "A1B2C3",
    "last4": "1111",
    "brand": "VISA",
    "rrn": "000123456789",
    "card_terminal": "T7",
}
AT_BANK = {"bank": "001", "branch": "042", "reference": "K7-20991", "date": "2026-11-21"}
HOLD = "0190b3c2-7a10-7c3e-9d54-2f6f0c1a77ff"

DETAILS: dict[str, dict[str, dict[str, str]]] = {
    "cash": {"by value": {}},
    "cheque": {
        "by value": {"serial": "0012345", "bank": "001", "drawer": "شركة السالم", "date": "2026-11-20"},
        "by reference": {"serial": "0012345", "bank": "001"},
    },
    "debit_card": {"by value": {**CARD_SLIP, "expires": "09/27"}, "by reference": CARD_SLIP},
    "credit_card": {"by value": {**CARD_SLIP, "expires": "2027-09"}, "by reference": CARD_SLIP},
    "bank_cash": {
        "by value": {**AT_BANK, "collection_account": "KW81CBKU0000000000001234560101"},
        "by reference": AT_BANK,
    },
    "bank_cheque": {"by reference": {**AT_BANK, "serial": "77", "drawer": "Gulf Mobile"}},
    "direct_debit": {
        "by value": {
            "mandate": "M-1",
            "reference": "R-1",
            "date": "2026-11-21",
            "mandate_type": "recurrent",
            "account": "KW81CBKU0000000000001234560102",
            "first_debit_date": "2026-01-01T00:00:00Z",
            "owner": "A. Customer",
            "bank": "001",
        },
        "by reference": {"mandate": "M-1", "reference": "R-1", "date": "2026-11-21"},
    },
    "internal_voucher": {"by reference": {"code": "...TXWP"}},
    "external_voucher": {
        "by reference": {"code": "...XT9W", "issuer": "City Gifts", "auth_code": "AB2CD3EF"}
    },
    "atm": {
        "by value": {
            "trace": "000777",
            "atm": "ATM-1",
            "date": "2026-11-21",
            "account": "**** 0102",
            "owner": "A. Customer",
            "bank": "001",
        },
        "by reference": {"trace": "000777", "atm": "ATM-1", "date": "2026-11-21"},
    },
}
"""Each mode's own fields: all that a method by value needs, and what a cashier types."""


def leg_of(
    mode: PaymentMode, details: dict[str, str], *, purpose: Purpose, dealer: bool, number: int = 1
) -> LegFacts:
    """A leg of ``mode`` that pays 10.000 KWD for ``purpose``; ``number`` makes its event and its paper another."""
    event = f"0190b3c2-7a10-7c3e-9d54-{number:012d}"
    account = "D-12" if dealer else "BA-1"
    items = {
        Purpose.BILLS: (paid_bill("CB-1", 10_000),),
        Purpose.ITEMS: (sold("SIM-01", 5_000), sold("RTR-01", 5_000)),
    }
    is_voucher = mode.tmf_type == "Voucher"
    return replace(
        CASH,
        correlator_id=f"{event}-1",
        payment_event_id=event,
        sequence=number,
        mode=mode.code,
        tmf_type=mode.tmf_type,
        channel=mode.channel,
        payer_kind="dealer" if dealer else "subscriber",
        payer_account=account,
        account=account,
        amount=Money(10_000, KWD),
        tender_details=details,
        items=items.get(purpose, ()),
        kept_apart={purpose: Money(10_000, KWD)} if purpose in KEPT_APART else {},
        provisional=mode.final_when or None,
        instrument=f"{mode.kind}|{number}" if mode.identity else None,
        voucher_hold=HOLD if is_voucher else None,
    )
