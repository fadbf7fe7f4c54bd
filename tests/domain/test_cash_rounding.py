"""The smallest coin: what is asked for in cash, what goes back, and where the difference stays."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pos.domain.allocation import Wish
from pos.domain.bill import OpenBill
from pos.domain.cash_rounding import CashRounding, Difference
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, total
from pos.domain.payment_event import Overpayment, PaymentAsked, PaymentEvent, TenderOffered, compose
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.posting import is_balanced
from pos.settings import read_settings
from tests.builders.tills import bill, money

KWD, CHF, JPY = currency("KWD"), currency("CHF"), currency("JPY")
MODES = read_settings().modes
FILS_5 = CashRounding(coin_minor=5)


def pay(
    *tenders: tuple[str, str],
    owes: str,
    rounding: CashRounding = FILS_5,
    overpayment: Overpayment | None = None,
    asked: str | None = None,
) -> PaymentEvent:
    """A subscriber with one open bill of ``owes`` hands over ``tenders`` as (mode, amount)."""
    open_bill = OpenBill(bill=bill("7781", money(owes), of="BA-1"), open=money(owes))
    return compose(
        PaymentAsked(
            payer_kind=PayerKind.SUBSCRIBER,
            payer_account="BA-1",
            tenders=[
                TenderOffered(mode=MODES[mode], amount=money(amount), details={}) for mode, amount in tenders
            ],
            wishes=[] if asked is None else [Wish(bill_no="7781", amount=money(asked))],
            overpayment=overpayment,
            bills={"7781": open_bill},
            cash_rounding=rounding,
        )
    )


def figures(event: PaymentEvent) -> tuple[str, str, str]:
    """What the bill got, what went back, what rounding did."""
    paid = total((part.amount for part in event.allocations), KWD)
    return paid.plain(), event.change.plain(), event.rounding.plain()


@pytest.mark.parametrize(
    ("owes", "handed", "paid", "change", "rounding"),
    [
        ("41.750", "41.750", "41.750", "0.000", "0.000"),
        ("41.752", "41.750", "41.752", "0.000", "0.002"),
        ("41.753", "41.755", "41.753", "0.000", "-0.002"),
        ("41.752", "50.000", "41.752", "8.250", "0.002"),
        ("41.753", "50.000", "41.753", "8.245", "-0.002"),
        ("41.752", "41.755", "41.752", "0.005", "0.002"),
    ],
)
def test_cash_is_rounded_to_the_smallest_coin_and_the_bill_shows_paid(
    owes: str, handed: str, paid: str, change: str, rounding: str
) -> None:
    """Rule 2: the smallest coin is another number than the exponent; the cash is rounded, not the bill."""
    assert figures(pay(("cash", handed), owes=owes)) == (paid, change, rounding)


def test_only_the_cash_that_other_tenders_leave_is_rounded() -> None:
    """Rule 2: 30.001 by card leaves 11.751 in cash, which is 11.750 in coins."""
    event = pay(("debit_card", "30.001"), ("cash", "11.750"), owes="41.752")

    assert figures(event) == ("41.752", "0.000", "0.001")
    assert [(one.mode.code, one.rounding.plain()) for one in event.tenders] == [
        ("debit_card", "0.000"),
        ("cash", "0.001"),
    ]


@pytest.mark.parametrize("mode", ["debit_card", "cheque", "atm"])
def test_nothing_but_cash_is_rounded(mode: str) -> None:
    assert figures(pay((mode, "41.752"), owes="41.752")) == ("41.752", "0.000", "0.000")


@pytest.mark.parametrize("handed", ["41.751", "41.752", "41.753"])
def test_a_payer_with_exact_small_coins_may_pay_unrounded(handed: str) -> None:
    """Rule 3: the exact amount in coins that most people do not have is taken as it is."""
    event = pay(("cash", handed), owes=handed)

    assert figures(event) == (handed, "0.000", "0.000")


@pytest.mark.parametrize(
    ("owes", "asked_for"),
    [
        ("0.012", "0.010"),
        ("0.013", "0.015"),
        ("0.0125", None),
        ("7.497", "7.495"),
        ("7.498", "7.500"),
        ("7.500", "7.500"),
    ],
)
def test_what_is_asked_for_in_cash_is_the_nearest_that_coins_can_make(
    owes: str, asked_for: str | None
) -> None:
    if asked_for is None:
        with pytest.raises(Refused):
            money(owes)
        return
    assert FILS_5.due(money(owes)) == money(asked_for)


def test_rounding_is_the_same_on_both_sides_of_zero() -> None:
    """Rule 3: a refund is rounded as the payment was, halves away from zero."""
    swiss = CashRounding(coin_minor=5)
    for minor in range(200):
        assert swiss.due(Money(-minor, CHF)) == -swiss.due(Money(minor, CHF))


def test_less_than_coins_can_make_is_a_part_payment() -> None:
    event = pay(("cash", "41.745"), owes="41.752")

    assert figures(event) == ("41.745", "0.000", "0.000")


def test_a_part_that_was_asked_for_is_rounded_as_a_whole_bill_is() -> None:
    assert figures(pay(("cash", "20.000"), owes="41.752", asked="19.998")) == ("19.998", "0.000", "-0.002")


def test_cash_that_stays_as_credit_is_not_rounded() -> None:
    """Rule 6: what was handed over beyond the bill is the customer's, to the last fils."""
    event = pay(("cash", "50.000"), owes="41.752", overpayment=Overpayment.CREDIT)

    assert (event.credit.plain(), event.change.plain(), event.rounding.plain()) == ("8.248", "0.000", "0.000")


def test_the_difference_has_an_account_of_its_own() -> None:
    """Rule 4: by default the bill shows paid, and the difference is a gain or loss of the shop."""
    lost = pay(("cash", "41.750"), owes="41.752").lines
    won = pay(("cash", "41.755"), owes="41.753").lines

    assert [(line.ledger_account, line.debit.plain(), line.credit.plain()) for line in lost] == [
        ("cash_in_till", "41.750", "0.000"),
        ("cash_rounding", "0.002", "0.000"),
        ("receivable", "0.000", "41.752"),
    ]
    assert [(line.ledger_account, line.debit.plain(), line.credit.plain()) for line in won] == [
        ("cash_in_till", "41.755", "0.000"),
        ("cash_rounding", "0.000", "0.002"),
        ("receivable", "0.000", "41.753"),
    ]


@pytest.mark.parametrize(
    ("owes", "handed", "paid", "credit"),
    [("41.752", "41.750", "41.750", "0.000"), ("41.753", "41.755", "41.753", "0.002")],
)
def test_a_shop_may_leave_the_difference_with_the_customer(
    owes: str, handed: str, paid: str, credit: str
) -> None:
    """Rule 4: then the rest stays open on the bill, or is credit on the account."""
    event = pay(
        ("cash", handed), owes=owes, rounding=CashRounding(coin_minor=5, difference=Difference.CUSTOMER)
    )

    on_bill = total((part.amount for part in event.allocations if part.purpose is Purpose.BILLS), KWD)
    assert (on_bill.plain(), event.credit.plain(), event.rounding.plain()) == (paid, credit, "0.000")


def test_less_than_half_a_coin_is_not_to_be_had_in_cash() -> None:
    with pytest.raises(Refused) as refusal:
        pay(("debit_card", "41.750"), ("cash", "0.005"), owes="41.752")
    assert refusal.value.code == "tender_not_needed"


@given(
    owes=st.integers(1, 60_000),
    card=st.integers(0, 60_000),
    over=st.integers(-10, 20_000),
    coin=st.sampled_from([1, 5, 10, 50, 100]),
    customer=st.booleans(),
    keep=st.sampled_from([None, Overpayment.CHANGE, Overpayment.CREDIT]),
)
def test_rounding_conserves(
    owes: int, card: int, over: int, coin: int, customer: bool, keep: Overpayment | None
) -> None:
    """Invariant 19: parts add up to the whole, and no more than a coin is ever rounded."""
    cash = owes - card + over
    assume(cash > 0)
    tenders = [("cash", Money(cash, KWD).plain())] + (
        [("debit_card", Money(card, KWD).plain())] if card else []
    )
    difference = Difference.CUSTOMER if customer else Difference.ACCOUNT
    try:
        event = pay(
            *tenders,
            owes=Money(owes, KWD).plain(),
            rounding=CashRounding(coin_minor=coin, difference=difference),
            overpayment=keep,
        )
    except Refused as refusal:
        refused = refusal.code
    else:
        refused = ""
    if refused:
        assert refused in {"tender_not_needed", "change_not_possible", "nothing_to_pay"}
        return
    paid = total((part.amount for part in event.allocations), KWD)
    assert paid.minor == card + cash - event.change.minor + event.rounding.minor
    assert is_balanced(event.lines)
    assert abs(event.rounding.minor) < coin
    assert event.change.minor % coin == 0 or cash % coin != 0 or coin == 1
    assert total((part.amount for part in event.funded), KWD) == paid
    assert all(tender.net.minor > 0 for tender in event.tenders)
    if cash % coin == 0:
        assert 2 * abs(event.rounding.minor) <= coin
