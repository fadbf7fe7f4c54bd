"""What a shop allows in a sale: who moves a price how far, why, and which goods wait for final money (rule 58)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from pos.domain.catalogue import (
    Item,
    LineOfSale,
    PriceOverride,
    SerialKind,
    override_price,
    serial_body,
)
from pos.domain.errors import Refused
from pos.domain.payment_event import PaymentAsked, PaymentEvent, TenderOffered, compose
from pos.domain.payment_mode import PayerKind
from pos.domain.role import Role
from pos.domain.sale_policy import ItemPolicy, reason_text, require_final_money
from pos.settings import read_settings
from tests.builders.refusals import refused
from tests.builders.tills import iccid, imei, money

MODES = read_settings().modes
CABLE = Item(
    item="CABLE",
    name="Cable",
    price=money("4"),
    tax_category="VAT",
    tax_rate=Decimal(5),
    serial=None,
    ean=None,
)
CARD = replace(CABLE, item="CARD-5", name="Card of 5", serial=SerialKind.VOUCHER_PIN)
SIM = replace(CABLE, item="SIM-01", name="SIM", serial=SerialKind.ICCID)


def at(price: str, max_percent: int) -> LineOfSale:
    override = PriceOverride(price=money(price), reason="damaged")
    return override_price(LineOfSale(item=CABLE, quantity=3), override, max_percent=max_percent)


@pytest.mark.parametrize(
    ("price", "max_percent"),
    [("3.600", 10), ("4.400", 10), ("3.999", 10), ("4.001", 10), ("2", 50), ("0", 100), ("12", 200)],
)
def test_a_price_is_moved_down_or_up_as_far_as_the_limit_goes(price: str, max_percent: int) -> None:
    line = at(price, max_percent)

    assert (line.unit_price, line.amount.minor) == (money(price), 3 * money(price).minor)
    assert (line.item, line.quantity) == (CABLE, 3)


@pytest.mark.parametrize(
    ("price", "max_percent"), [("3.599", 10), ("4.401", 10), ("3.999", 0), ("1.999", 50), ("8.001", 100)]
)
def test_a_price_is_moved_no_minor_unit_further(price: str, max_percent: int) -> None:
    with refused("override_over_limit", item="CABLE", max_percent=max_percent):
        at(price, max_percent)


def test_the_same_price_is_no_other_price() -> None:
    with refused("override_same_price"):
        at("4", 100)


def test_of_several_roles_the_one_that_may_most_counts_and_no_role_may_nothing() -> None:
    policy = ItemPolicy(override_max_percent={Role.SUPERVISOR: 30, Role.CASHIER: 5})

    assert policy.max_percent([Role.CASHIER]) == 5
    assert policy.max_percent([Role.CASHIER, Role.SUPERVISOR]) == 30
    assert policy.max_percent([Role.AUDITOR]) == 0
    assert policy.max_percent([]) == 0


def test_a_supervisor_may_take_any_lower_price_unless_the_shop_says_otherwise() -> None:
    assert ItemPolicy().max_percent([Role.SUPERVISOR]) == 100
    assert ItemPolicy().max_percent([Role.CASHIER]) == 0


def test_a_reason_is_one_of_the_shops() -> None:
    assert ItemPolicy().require_reason("price_match") == "price_match"
    assert reason_text("price_match") == "price match"
    with pytest.raises(Refused, match="display piece, damaged, price match, goodwill"):
        ItemPolicy().require_reason("mood")


# --- goods that wait for final money -------------------------------------------------------------------------------


def sold(*paid: tuple[str, str], lines: list[LineOfSale]) -> PaymentEvent:
    return compose(
        PaymentAsked(
            payer_kind=PayerKind.DEALER,
            payer_account="D-1",
            tenders=[
                TenderOffered(mode=MODES[mode], amount=money(amount), details={}) for mode, amount in paid
            ],
            wishes=[],
            overpayment=None,
            bills={},
            sale=lines,
        )
    )


SECRET = LineOfSale(item=CARD, serials=("AB12CD34EF",))
PLAIN = LineOfSale(item=CABLE)
CARRIED = LineOfSale(item=SIM, serials=(iccid(1),))


@pytest.mark.parametrize("mode", ["cash", "debit_card"])
def test_a_pin_is_handed_over_for_final_money(mode: str) -> None:
    require_final_money(sold((mode, "4"), lines=[SECRET]), ItemPolicy())


@pytest.mark.parametrize("lines", [[SECRET], [PLAIN, SECRET], [SECRET, PLAIN], [CARRIED, SECRET]])
def test_a_pin_is_held_back_where_a_cheque_pays_for_it(lines: list[LineOfSale]) -> None:
    """Rule 58."""
    event = sold(("cheque", str(4 * len(lines))), lines=lines)

    with refused("goods_held", mode="cheque"):
        require_final_money(event, ItemPolicy())
    require_final_money(event, ItemPolicy(pins_need_final_money=False))


def test_other_goods_leave_for_a_cheque_and_so_does_credit_beside_them() -> None:
    require_final_money(sold(("cheque", "9"), lines=[PLAIN, CARRIED]), ItemPolicy())


def test_a_pin_that_cash_pays_for_leaves_beside_a_cheque_for_the_rest() -> None:
    """The cheque is set against the first line, the cash against the card."""
    require_final_money(sold(("cheque", "4"), ("cash", "4"), lines=[PLAIN, SECRET]), ItemPolicy())


# --- one number, two ways of writing it ----------------------------------------------------------------------------


def test_what_makes_two_serial_numbers_one() -> None:
    """An ICCID is scanned with its check digit or without; a PIN is typed in either case; an IMEI is what it is."""
    card = "89441100684260410014"

    assert serial_body(SerialKind.ICCID, card) == serial_body(SerialKind.ICCID, card[:19]) == card[:19]
    assert serial_body(SerialKind.VOUCHER_PIN, "ab12cd34") == "AB12CD34"
    assert serial_body(SerialKind.VOUCHER_PIN, "AB12CD34EF") != serial_body(
        SerialKind.VOUCHER_PIN, "AB12CD34"
    )
    assert serial_body(SerialKind.IMEI, imei(7)) == imei(7)
