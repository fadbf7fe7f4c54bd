"""What a refusal of the money rules tells: a stable code, the values behind it, and sentences for the cashier.

A script branches on the code and reads the values, so both are held here whole; of the text only that it can be read out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pos.domain.allocation import Wish, allocate_as_asked
from pos.domain.bill import BillState, OpenBill
from pos.domain.catalogue import (
    LINES_MAX,
    QUANTITY_MAX,
    Item,
    LineOfSale,
    PriceOverride,
    SerialKind,
    override_price,
    read_line,
    read_serial,
)
from pos.domain.errors import Refused
from pos.domain.foreign_cash import ForeignCash, ListedRate, read_notes, worth
from pos.domain.money import Money, currency, parse_amount, parse_count
from pos.domain.payment_event import (
    MAX_ALLOCATIONS,
    MAX_TENDERS,
    Overpayment,
    PaymentAsked,
    TenderOffered,
    compose,
)
from pos.domain.payment_mode import PayerKind
from pos.domain.sale_policy import ItemPolicy, require_final_money
from pos.domain.tender import read_date, read_details
from pos.settings import read_settings
from tests.builders.owed import owed, wish
from tests.builders.refusals import refused
from tests.builders.tills import bill, iccid, money

KWD, USD, JPY = currency("KWD"), currency("USD"), currency("JPY")
MODES = read_settings().modes
DAY = date(2026, 11, 21)

# --- the parts ---------------------------------------------------------------------------------------------------

DOLLARS = ListedRate(
    currency=USD, rate="0.30675", source="shop list", valid_on=DAY, lowest_note=money("5", "USD")
)
LIST = ForeignCash(rates={"USD": DOLLARS, "EUR": DOLLARS})
CABLE = Item(
    item="CABLE",
    name="Cable",
    price=money("1.250"),
    tax_category="VAT",
    tax_rate=Decimal(5),
    serial=None,
    ean=None,
)
SIM = replace(CABLE, item="SIM-01", name="SIM", serial=SerialKind.ICCID)
CARD = replace(CABLE, item="CARD-5", name="Card", serial=SerialKind.VOUCHER_PIN)
PIN = "AB12CD34EF"


BILLS = {
    entry.bill.bill_no: entry
    for entry in (
        owed("1", "10"),
        owed("2", "20", disputed="5"),
        owed("3", "30", disputed="30"),
        owed("4", "40", state=BillState.ON_HOLD),
        OpenBill(bill=bill("5", money("50"), of="BA-1"), open=money("0")),
    )
}


def allocate(paid: str, *wishes: Wish) -> object:
    return allocate_as_asked(money(paid), wishes, payer_account="BA-1", bills=BILLS)


def tender(mode: str, amount: str) -> TenderOffered:
    return TenderOffered(mode=MODES[mode], amount=money(amount), details={})


def pay(*tenders: TenderOffered, payer: PayerKind = PayerKind.SUBSCRIBER, **asked: object) -> object:
    whole: dict[str, object] = {"wishes": [], "overpayment": None, "bills": {}, **asked}
    return compose(PaymentAsked(payer_kind=payer, payer_account="BA-1", tenders=tenders, **whole))  # type: ignore[arg-type]


def hand_over(item: Item, mode: str) -> None:
    line = LineOfSale(item=item, serials=(PIN,))
    require_final_money(
        pay(tender(mode, "1.250"), payer=PayerKind.DEALER, sale=[line]),  # type: ignore[arg-type]
        ItemPolicy(),
    )


# --- what they tell ----------------------------------------------------------------------------------------------

AMOUNTS: list[tuple[str, dict[str, object], Callable[[], object]]] = [
    ("unknown_currency", {"currency": "kwd"}, lambda: currency("kwd")),
    ("unknown_currency", {"currency": "12345678"}, lambda: currency("1234567890")),
    ("amount_not_positive", {}, lambda: parse_amount("0", KWD)),
    ("bad_amount", {}, lambda: parse_amount("five", KWD)),
    ("amount_too_precise", {"currency": "KWD"}, lambda: parse_amount("1.0005", KWD)),
    ("amount_too_large", {}, lambda: parse_count("1" * 25, KWD)),
    ("amount_too_large", {}, lambda: parse_count("1" * 13, KWD)),
    ("amount_too_large", {}, lambda: parse_count("1" * 12, currency("CLF"))),
    ("amount_too_large", {}, lambda: worth(Money(10**14, USD), "999999", KWD)),
    (
        "currency_not_taken",
        {"currency": "GBP", "allowed": ["KWD", "USD", "EUR"]},
        lambda: LIST.current("GBP", shop=KWD, today=DAY),
    ),
    (
        "currency_not_taken",
        {"currency": "12345678", "allowed": ["KWD", "USD", "EUR"]},
        lambda: LIST.listed("1234567890", shop=KWD),
    ),
    (
        "rate_stale",
        {"currency": "USD", "valid_on": "2026-11-21"},
        lambda: LIST.current("USD", shop=KWD, today=date(2026, 11, 22)),
    ),
    ("rate_changed", {"currency": "USD", "rate": "0.30675"}, lambda: read_notes(DOLLARS, "5", told="0.3")),
    ("bad_rate", {}, lambda: read_notes(DOLLARS, "5", told="much")),
    ("not_in_notes", {"currency": "USD", "lowest_note": "5.00"}, lambda: read_notes(DOLLARS, "7", told=None)),
]

TENDERS: list[tuple[str, dict[str, object], Callable[[], object]]] = [
    ("unknown_field", {"mode": "cash", "allowed": []}, lambda: read_details(MODES["cash"], {"x": "1"})),
    (
        "unknown_field",
        {"mode": "atm", "allowed": ["atm", "date", "trace"]},
        lambda: read_details(MODES["atm"], {"x": "1"}),
    ),
    (
        "field_missing",
        {"mode": "cheque", "field": "bank"},
        lambda: read_details(MODES["cheque"], {"serial": "000123"}),
    ),
    (
        "bad_field",
        {"mode": "atm", "field": "trace"},
        lambda: read_details(MODES["atm"], {"trace": "- / -", "atm": "ATM-09", "date": "2026-11-21"}),
    ),
    (
        "bad_field",
        {"mode": "debit_card", "field": "last4"},
        lambda: read_details(
            MODES["debit_card"],
            {
                "auth_code": "A1B2C3",
                "last4": "11",
                "brand": "VISA",
                "rrn": "000123456789",
                "card_terminal": "T7",
            },
        ),
    ),
    ("bad_date", {"field": "Date"}, lambda: read_date("today", field="Date")),
]

SALES: list[tuple[str, dict[str, object], Callable[[], object]]] = [
    ("bad_quantity", {"item": "CABLE"}, lambda: read_line(CABLE, QUANTITY_MAX + 1, [])),
    ("serial_not_needed", {"item": "CABLE"}, lambda: read_line(CABLE, 1, [iccid(1)])),
    ("serials_needed", {"item": "SIM-01", "quantity": 2}, lambda: read_line(SIM, 2, [iccid(1)])),
    ("serial_named_twice", {"serial": iccid(1)}, lambda: read_line(SIM, 2, [iccid(1), iccid(1)])),
    ("serial_named_twice", {"serial": "...34EF"}, lambda: read_line(CARD, 2, [PIN, PIN])),
    ("bad_serial", {"kind": "imei"}, lambda: read_serial(SerialKind.IMEI, "1")),
    ("bad_serial", {"kind": "voucher_pin"}, lambda: read_serial(SerialKind.VOUCHER_PIN, "1")),
    (
        "card_number_refused",
        {"field": "PIN"},
        lambda: read_serial(SerialKind.VOUCHER_PIN, "4111111111111111"),
    ),
    ("card_number_refused", {"field": "Serial"}, lambda: read_serial(SerialKind.IMEI, "378282246310005")),
    (
        "override_same_price",
        {},
        lambda: override_price(
            LineOfSale(item=CABLE), PriceOverride(price=money("1.250"), reason="damaged"), max_percent=100
        ),
    ),
    (
        "override_over_limit",
        {"item": "CABLE", "max_percent": 10},
        lambda: override_price(
            LineOfSale(item=CABLE), PriceOverride(price=money("1"), reason="damaged"), max_percent=10
        ),
    ),
    (
        "unknown_reason",
        {"allowed": ["damaged"]},
        lambda: ItemPolicy(override_reasons=("damaged",)).require_reason("mood"),
    ),
    ("goods_held", {"mode": "cheque"}, lambda: hand_over(CARD, "cheque")),
    (
        "too_many_lines",
        {},
        lambda: pay(tender("cash", "500"), sale=[LineOfSale(item=CABLE)] * (LINES_MAX + 1)),
    ),
    (
        "not_enough_tendered",
        {"asked": "1.250", "tendered": "1.249", "currency": "KWD"},
        lambda: pay(tender("cash", "1.249"), sale=[LineOfSale(item=CABLE)]),
    ),
    (
        "nothing_to_pay",
        {},
        lambda: pay(tender("cash", "1"), sale=[LineOfSale(item=replace(CABLE, price=money("0")))]),
    ),
]

PAYMENTS: list[tuple[str, dict[str, object], Callable[[], object]]] = [
    ("unknown_bill", {"bill": "9"}, lambda: allocate("5", wish("9"))),
    ("bill_named_twice", {"bill": "1"}, lambda: allocate("50", wish("1"), wish("1"))),
    (
        "bill_of_other_account",
        {"bill": "1", "account": "BA-1"},
        lambda: allocate("5", wish("1", account="BA-2")),
    ),
    ("bill_on_hold", {"bill": "4"}, lambda: allocate("5", wish("4"))),
    ("bill_settled", {"bill": "5"}, lambda: allocate("5", wish("5"))),
    (
        "bill_disputed",
        {"bill": "2", "disputed": "5.000", "payable": "15.000", "currency": "KWD"},
        lambda: allocate("50", wish("2", "15.001")),
    ),
    (
        "bill_disputed",
        {"bill": "3", "disputed": "30.000", "payable": "0.000", "currency": "KWD"},
        lambda: allocate("50", wish("3")),
    ),
    (
        "more_than_open",
        {"bill": "1", "open": "10.000", "currency": "KWD"},
        lambda: allocate("50", wish("1", "10.001")),
    ),
    (
        "not_enough_tendered",
        {"bill": "2", "currency": "KWD"},
        lambda: allocate("10", wish("1"), wish("2")),
    ),
    (
        "not_enough_tendered",
        {"asked": "22.000", "tendered": "20.000", "currency": "KWD"},
        lambda: allocate("20", wish("1", "10"), wish("2", "12")),
    ),
    ("amount_missing", {}, lambda: allocate("5", wish())),
    ("amount_missing", {}, lambda: allocate("5", Wish(amount=Money(0, KWD)))),
    ("no_tender", {}, pay),
    ("too_many_tenders", {}, lambda: pay(*[tender("cash", "1")] * (MAX_TENDERS + 1))),
    (
        "too_many_allocations",
        {},
        lambda: pay(tender("cash", "1"), wishes=[wish("1")] * (MAX_ALLOCATIONS + 1)),
    ),
    ("nothing_to_pay", {}, lambda: pay(tender("cash", "1"))),
    ("nothing_to_pay", {}, lambda: pay(tender("cash", "1"), overpayment=Overpayment.CHANGE)),
    (
        "change_not_possible",
        {"over": "1.750", "currency": "KWD"},
        lambda: pay(tender("debit_card", "3"), payer=PayerKind.WALK_IN, sale=[LineOfSale(item=CABLE)]),
    ),
    (
        "change_not_possible",
        {"over": "2.000", "currency": "KWD"},
        lambda: pay(
            tender("debit_card", "12"),
            tender("cash", "1"),
            bills={"1": BILLS["1"]},
            overpayment=Overpayment.CHANGE,
        ),
    ),
    (
        "tender_not_needed",
        {"amount": "2.000"},
        lambda: pay(tender("debit_card", "10"), tender("cash", "2"), bills={"1": BILLS["1"]}),
    ),
]


@pytest.mark.parametrize(("code", "details", "deed"), AMOUNTS + TENDERS + SALES + PAYMENTS)
def test_a_refusal_tells_its_code_and_the_values_behind_it(
    code: str, details: dict[str, object], deed: Callable[[], object]
) -> None:
    with refused(code, **details):
        deed()


def test_who_brings_another_currency_is_told_all_that_are_taken() -> None:
    with pytest.raises(Refused, match="KWD and USD and EUR"):
        LIST.listed("GBP", shop=KWD)
