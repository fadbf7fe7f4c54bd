"""The finer points of a payment: what is left out, who chose, a voucher's rest, coins at the edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pos.domain.allocation import (
    Chooser,
    LeftOut,
    PaymentPolicy,
    Wish,
    left_out,
)
from pos.domain.bill import BillState, OpenBill
from pos.domain.cash_rounding import NO_ROUNDING, CashRounding, Difference
from pos.domain.catalogue import Item, LineOfSale
from pos.domain.commission import CommissionAt, LineTerms, Settlement
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, total
from pos.domain.payment_event import (
    MAX_ALLOCATIONS,
    MAX_TENDERS,
    Overpayment,
    PaymentAsked,
    PaymentEvent,
    TenderOffered,
    compose,
)
from pos.domain.payment_mode import PayerKind, Purpose
from pos.settings import read_settings
from tests.builders.owed import owed, wish
from tests.builders.refusals import refused
from tests.builders.tills import money

KWD = currency("KWD")
MODES = read_settings().modes


# --- what nobody was asked for -------------------------------------------------------------------------------------

OPEN, CONTESTED, HELD, FOREIGN = (
    owed("1", "10"),
    owed("2", "20", disputed="5"),
    owed("4", "40", state=BillState.ON_HOLD, due=1),
    owed("6", "9", disputed="9", of="BA-9"),
)
ALL = {entry.bill.bill_no: entry for entry in (OPEN, CONTESTED, HELD, FOREIGN)}
HELD_OUT = LeftOut(bill_no="4", reason="on_hold", amount=money("40"))
CONTESTED_OUT = LeftOut(bill_no="2", reason="disputed", amount=money("5"))


def pay(
    *paid: tuple[str, str] | TenderOffered,
    bills: Mapping[str, OpenBill] = ALL,
    payer: PayerKind = PayerKind.SUBSCRIBER,
    **asked: object,
) -> PaymentEvent:
    tenders = [
        one
        if isinstance(one, TenderOffered)
        else TenderOffered(mode=MODES[one[0]], amount=money(one[1]), details={})
        for one in paid
    ]
    whole: dict[str, object] = {"wishes": [], "overpayment": None, **asked}
    return compose(
        PaymentAsked(payer_kind=payer, payer_account="BA-1", tenders=tenders, bills=bills, **whole)  # type: ignore[arg-type]
    )


SALE = [
    LineOfSale(
        item=Item(
            item="CABLE",
            name="Cable",
            price=money("1.253"),
            tax_category="VAT",
            tax_rate=Decimal(5),
            serial=None,
            ean=None,
        )
    )
]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, [CONTESTED_OUT, HELD_OUT]),
        ({"wishes": [wish("1", "5")]}, []),
        ({"wishes": [wish("2", "5")]}, [CONTESTED_OUT]),
        ({"wishes": [wish("1", "5", chosen_by=Chooser.DEFAULT)]}, [CONTESTED_OUT, HELD_OUT]),
        ({"wishes": [wish("1", "5")], "sale": SALE}, []),
        ({"sale": SALE}, []),
    ],
)
def test_a_payer_is_told_what_was_left_out_of_the_bills_in_question(
    asked: dict[str, Any], told: list[LeftOut]
) -> None:
    """Rule 11: the bills that were named, or the payer's own where the order chose; never another's."""
    assert list(pay(("cash", "20"), **asked).left_out) == told


def test_what_was_paid_of_a_disputed_part_is_not_left_out() -> None:
    event = pay(("cash", "18"), wishes=[wish("2", "18")], policy=PaymentPolicy(pay_disputed=True))

    assert list(event.left_out) == [LeftOut(bill_no="2", reason="disputed", amount=money("2"))]
    assert (
        left_out(
            [CONTESTED],
            pay(
                ("cash", "20"), wishes=[wish("2", "20")], policy=PaymentPolicy(pay_disputed=True)
            ).allocations,
        )
        == []
    )


@pytest.mark.parametrize(
    ("overpayment", "chosen_by"), [(None, Chooser.DEFAULT), (Overpayment.CREDIT, Chooser.PAYER)]
)
def test_credit_says_whether_the_payer_chose_it(overpayment: Overpayment | None, chosen_by: Chooser) -> None:
    """Rule 12."""
    event = pay(("cheque", "12"), bills={"1": OPEN}, overpayment=overpayment)

    assert [(part.bill_no, part.amount.plain(), part.chosen_by) for part in event.allocations] == [
        ("1", "10.000", Chooser.DEFAULT),
        (None, "2.000", chosen_by),
    ]


def test_a_cheque_is_not_kept_as_credit_unless_the_payer_wants_it_where_nothing_is_open() -> None:
    with refused("nothing_to_pay"):
        pay(("cheque", "12"), bills={})
    assert pay(("cheque", "12"), bills={}, overpayment=Overpayment.CREDIT).credit == money("12")


def test_one_minor_unit_that_is_left_out_is_told() -> None:
    one = owed("1", "10", disputed="0.001")

    assert [out.amount.minor for out in pay(("cash", "20"), bills={"1": one}).left_out] == [1]


def test_a_payment_tells_which_rest_was_cleared_and_which_debt_came_back() -> None:
    """Rules 6 and 18."""
    event = pay(
        ("debit_card", "9.990"),
        bills={"1": OPEN},
        policy=PaymentPolicy(tolerance_minor=50),
        written_off={"BA-1": money("4")},
    )

    assert [(one.bill_no, one.amount.plain()) for one in event.write_offs] == [("1", "0.010")]
    assert [(one.account, one.amount.plain()) for one in event.recoveries] == [("BA-1", "4.000")]
    assert event.amount == money("9.990")


def test_a_tender_is_known_by_its_paper_afterwards() -> None:
    slip = TenderOffered(
        mode=MODES["cheque"], amount=money("10"), details={"serial": "7"}, instrument="cheque|1|7"
    )

    [taken] = pay(slip, bills={"1": OPEN}).tenders

    assert (taken.instrument, taken.details, taken.amount) == ("cheque|1|7", {"serial": "7"}, money("10"))


def test_a_dealers_commission_is_credited_to_the_dealer_who_bought() -> None:
    """Rule 59: gross at the sale."""
    terms = LineTerms(
        percent=Decimal(10), withholding_percent=Decimal(0), at=CommissionAt.SALE, settlement=Settlement.GROSS
    )

    event = pay(("cash", "1.253"), payer=PayerKind.DEALER, bills={}, sale=[SALE[0].on_terms(terms)])

    assert [(line.account, line.credit.plain()) for line in event.lines if line.account] == [
        ("BA-1", "0.125")
    ]


@pytest.mark.parametrize(
    ("wishes", "kept"),
    [
        # nobody knows the payer: two sums by their references, and what is over goes by the last one
        (
            [
                wish(None, "2", keep=Purpose.SUSPENSE, account="BA-1", reference="Envelope"),
                wish(None, "3", keep=Purpose.SUSPENSE, account="BA-1", reference="Till slip"),
            ],
            (Purpose.SUSPENSE, "Till slip"),
        ),
        (
            [wish(None, "5", keep=Purpose.SUSPENSE, account="BA-1", reference="Envelope")],
            (Purpose.SUSPENSE, "Envelope"),
        ),
        # the payer is known and brings somebody's money too, or keeps an advance: what is over is the payer's
        (
            [wish(None, "5", keep=Purpose.SUSPENSE, account="NOBODY", reference="Envelope")],
            (Purpose.ACCOUNT, None),
        ),
        ([wish(None, "5", keep=Purpose.ADVANCE, account="BA-1")], (Purpose.ACCOUNT, None)),
        ([wish("1", "5", account="BA-1")], (Purpose.ACCOUNT, None)),
    ],
)
def test_what_an_unknown_payer_brings_too_much_is_in_suspense_and_a_known_ones_is_credit(
    wishes: list[Wish], kept: tuple[Purpose, str | None]
) -> None:
    over = pay(("cheque", "9"), wishes=wishes).allocations[-1]

    assert (over.keep, over.reference) == kept
    assert (over.account, over.amount, over.bill_no) == ("BA-1", money("4"), None)


def test_as_many_tenders_as_the_limit_are_taken() -> None:
    assert pay(*[("cash", "0.500")] * MAX_TENDERS, bills={"1": OPEN}).amount == money("10")


def test_as_many_bills_as_the_limit_are_paid_in_one_payment() -> None:
    bills = {str(place): owed(str(place), "1") for place in range(MAX_ALLOCATIONS)}

    event = pay(("cash", str(MAX_ALLOCATIONS)), bills=bills, wishes=[wish(number) for number in bills])

    assert len(event.allocations) == MAX_ALLOCATIONS


def test_a_walk_in_is_not_told_to_take_credit_and_others_are() -> None:
    with pytest.raises(Refused, match="exact amount"):
        pay(("debit_card", "3"), payer=PayerKind.WALK_IN, sale=SALE)
    with pytest.raises(Refused, match=r"^2.000 more .* as credit"):
        pay(("debit_card", "12"), ("cash", "1"), bills={"1": OPEN}, overpayment=Overpayment.CHANGE)


# --- what is left of a voucher -------------------------------------------------------------------------------------


def test_the_rest_of_a_voucher_is_credit_and_pays_nothing() -> None:
    """Rule 5: 10 of it, 3 of which stay on the account; the bill gets 7 of it and 3 in cash."""
    voucher = TenderOffered(mode=MODES["internal_voucher"], amount=money("10"), details={}, rest=money("3"))

    event = pay(voucher, ("cash", "3"), bills={"1": OPEN})

    assert [(part.bill_no, part.amount.plain()) for part in event.allocations] == [
        ("1", "10.000"),
        (None, "3.000"),
    ]
    assert [(part.tender, part.allocation.bill_no, part.amount.plain()) for part in event.funded] == [
        (0, "1", "7.000"),
        (1, "1", "3.000"),
        (0, None, "3.000"),
    ]
    assert (event.credit, event.change, event.amount) == (money("3"), money("0"), money("13"))
    assert [(leg.tender, leg.amount.plain()) for leg in event.legs] == [(0, "10.000"), (1, "3.000")]


# --- coins at the edges --------------------------------------------------------------------------------------------

FILS_5, FILS_10 = CashRounding(coin_minor=5), CashRounding(coin_minor=10)


def kwd(minor: int) -> Money:
    return Money(minor, KWD)


@pytest.mark.parametrize(
    ("rounding", "coins", "wanted", "foreign", "change"),
    [
        (NO_ROUNDING, 10, 1, 0, 9),
        (NO_ROUNDING, 10, 10, 0, 0),
        (NO_ROUNDING, 10, 0, 0, 10),
        (FILS_10, 100, 15, 0, 80),
        (FILS_10, 100, 25, 0, 70),
        (FILS_10, 103, 15, 0, 90),
        (FILS_10, 100, 95, 0, 0),
        (FILS_5, 100, 98, 0, 0),
        (FILS_5, 98, 98, 0, 0),
        (FILS_5, 0, 15, 18, 5),
        (FILS_5, 10, 28, 18, 0),
    ],
)
def test_change_is_what_was_given_less_what_was_asked_for_in_coins(
    rounding: CashRounding, coins: int, wanted: int, foreign: int, change: int
) -> None:
    """Rules 2 and 3: a half coin counts as a whole one in what is asked for, so that the change is not rounded twice.

    Who gives coins that are none (103) has the exact amount in mind: then what is over is rounded.
    """
    assert rounding.change(kwd(coins), kwd(wanted), foreign=kwd(foreign)) == kwd(change)


@pytest.mark.parametrize(
    ("coins", "wanted", "foreign", "completes"),
    [
        (1, 2, 0, True),
        (0, 2, 0, False),
        (1, 3, 0, False),
        (5, 7, 0, True),
        (5, 8, 0, False),
        (0, 20, 18, True),
    ],
)
def test_any_cash_may_complete_what_no_coin_can_make_and_no_cash_completes_nothing(
    coins: int, wanted: int, foreign: int, completes: bool
) -> None:
    """Rule 2: with coins of 5."""
    assert FILS_5.completes(kwd(coins), kwd(wanted), foreign=kwd(foreign)) is completes


def test_a_card_that_lacks_less_than_a_coin_leaves_it_open() -> None:
    """Rule 2: nothing but cash is rounded."""
    event = pay(("debit_card", "9.998"), bills={"1": OPEN}, cash_rounding=FILS_5)

    assert (event.rounding, event.allocations[0].open_after) == (money("0"), money("0.002"))


def test_a_bill_smaller_than_a_coin_is_paid_with_the_one_before_it() -> None:
    """Rule 2: 10.002 in two bills are 10.000 in coins."""
    event = pay(("cash", "10"), bills={"1": OPEN, "2": owed("2", "0.002", due=1)}, cash_rounding=FILS_5)

    assert [(part.bill_no, part.amount.plain()) for part in event.allocations] == [
        ("1", "10.000"),
        ("2", "0.002"),
    ]
    assert event.rounding == money("0.002")


def test_a_bill_named_without_an_amount_is_paid_by_what_coins_can_make_of_it() -> None:
    event = pay(
        ("cash", "41.750"), bills={"1": owed("1", "41.752")}, wishes=[wish("1")], cash_rounding=FILS_5
    )

    assert (event.rounding, event.allocations[0].open_after) == (money("0.002"), money("0"))


def test_a_sale_rounds_its_own_price_and_no_open_bill() -> None:
    """Rule 2: an open bill of 0.002 is not what the buyer pays for."""
    event = pay(("cash", "1.255"), bills={"2": owed("2", "0.002")}, sale=SALE, cash_rounding=FILS_5)

    assert [part.sale_line for part in event.allocations] == [0]
    assert (event.rounding, event.change) == (money("-0.002"), money("0"))
    whole = replace(SALE[0], item=replace(SALE[0].item, price=money("1.255")))
    for choice in (None, *Overpayment):
        event = pay(
            ("cash", "1.255"),
            bills={"2": owed("2", "0.002")},
            sale=[whole],
            cash_rounding=FILS_5,
            overpayment=choice,
        )
        assert [part.sale_line for part in event.allocations] == [0]
        assert (event.rounding, event.change, event.credit) == (money("0"), money("0"), money("0"))


def test_a_line_of_one_minor_unit_is_paid() -> None:
    one = [replace(SALE[0], item=replace(SALE[0].item, price=money("0.001")))]

    event = pay(("cash", "1.254"), sale=[*SALE, *one])

    assert [part.amount.plain() for part in event.allocations] == ["1.253", "0.001"]


def test_rounding_belongs_to_the_cash_that_keeps_most() -> None:
    event = pay(
        ("cash", "5"),
        ("cash", "36.750"),
        ("cash", "0.005"),
        bills={"1": owed("1", "41.757")},
        cash_rounding=FILS_5,
    )

    assert [one.rounding.plain() for one in event.tenders] == ["0.000", "0.002", "0.000"]


LEFT_WITH_THE_CUSTOMER = CashRounding(coin_minor=5, difference=Difference.CUSTOMER)


def test_a_rest_that_stays_with_the_customer_leaves_no_empty_part() -> None:
    """Rule 4: 0.002 stay open; the bill of 0.002 is paid, and the one before it lacks them."""
    event = pay(
        ("cash", "10"),
        bills={"1": OPEN, "2": owed("2", "0.002", due=1)},
        cash_rounding=LEFT_WITH_THE_CUSTOMER,
    )

    assert [(part.bill_no, part.amount.plain()) for part in event.allocations] == [
        ("1", "9.998"),
        ("2", "0.002"),
    ]
    assert event.rounding == money("0")


def test_a_walk_in_has_no_account_for_the_difference_so_the_shop_has_it() -> None:
    """Rule 4."""
    event = pay(("cash", "1.255"), payer=PayerKind.WALK_IN, sale=SALE, cash_rounding=LEFT_WITH_THE_CUSTOMER)

    assert (event.credit, event.rounding) == (money("0"), money("-0.002"))


def test_goods_are_never_paid_short_by_the_difference() -> None:
    """Rule 4: the bill lacks what no coin makes, the goods are paid whole."""
    event = pay(
        ("cash", "11.250"),
        bills={"1": OPEN},
        wishes=[wish("1")],
        sale=SALE,
        cash_rounding=LEFT_WITH_THE_CUSTOMER,
    )

    by_purpose = {part.purpose: part.amount.plain() for part in event.allocations}
    assert by_purpose == {Purpose.BILLS: "9.997", Purpose.ITEMS: "1.253"}
    assert total((part.amount for part in event.funded), KWD) == money("11.250")
