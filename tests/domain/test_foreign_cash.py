"""Foreign notes: what they are worth, which are taken, what goes back, and what the close makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pos.domain.bill import OpenBill
from pos.domain.cash_rounding import CashRounding, Difference
from pos.domain.errors import Refused
from pos.domain.foreign_cash import (
    NO_FOREIGN_CASH,
    ForeignCash,
    ForeignClosing,
    ForeignNotes,
    ListedRate,
    read_notes,
    worth,
)
from pos.domain.money import MAX_MINOR, Money, currency, total
from pos.domain.payment_event import Overpayment, PaymentAsked, PaymentEvent, TenderOffered, compose
from pos.domain.payment_mode import PayerKind
from pos.domain.posting import is_balanced, shift_closed_lines
from pos.settings import read_settings
from tests.builders.tills import TODAY, bill, money

KWD, USD, EUR, JPY, CHF = (currency(code) for code in ("KWD", "USD", "EUR", "JPY", "CHF"))
CASH = read_settings().modes["cash"]
CARD = read_settings().modes["debit_card"]

FILS_5 = CashRounding(coin_minor=5)

RATES = st.from_regex(r"\A(0\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,3}(\.[0-9]{1,6})?)\Z")
CURRENCIES = st.sampled_from([KWD, USD, EUR, JPY, CHF])


@pytest.mark.parametrize(
    ("amount", "code", "rate", "shop", "value"),
    [
        ("50.00", "USD", "0.30675", "KWD", "15.338"),
        ("100", "USD", "0.30675", "KWD", "30.675"),
        ("1", "USD", "0.3065", "KWD", "0.307"),
        ("1", "USD", "0.3064", "KWD", "0.306"),
        ("1000", "JPY", "0.002058", "KWD", "2.058"),
        ("10000", "JPY", "0.0057", "EUR", "57.00"),
        ("20", "KWD", "487.5", "JPY", "9750"),
        ("0.005", "KWD", "500", "JPY", "3"),
        ("20.000", "KWD", "3.0001", "EUR", "60.00"),
        ("5", "EUR", "1", "USD", "5.00"),
        ("5", "EUR", "1.0", "USD", "5.00"),
        ("1", "JPY", "0.0004", "KWD", "0.000"),
    ],
)
def test_the_value_is_rounded_half_up_to_the_shops_minor_unit(
    amount: str, code: str, rate: str, shop: str, value: str
) -> None:
    """Rule 7: foreign notes have one value in the shop's currency, figured once, for 0, 2 and 3 digits."""
    assert worth(money(amount, code), rate, currency(shop)) == money(value, shop)


@given(st.integers(0, 10**9), CURRENCIES, RATES, CURRENCIES)
def test_the_value_is_what_exact_arithmetic_makes_of_it(
    minor: int, of: object, rate: str, shop: object
) -> None:
    assert isinstance(of, type(KWD))
    assert isinstance(shop, type(KWD))
    exact = Decimal(minor).scaleb(-of.exponent) * Decimal(rate)
    expected = exact.quantize(Decimal(1).scaleb(-shop.exponent), rounding=ROUND_HALF_UP)
    assume(expected < 10**9)

    assert Decimal(worth(Money(minor, of), rate, shop).plain()) == expected


@pytest.mark.parametrize(("minor", "rate"), [(10**14, "999999"), (10**13, "10"), (10**15, "0.1")])
def test_a_value_beyond_any_payment_is_refused(minor: int, rate: str) -> None:
    with pytest.raises(Refused) as refusal:
        worth(Money(minor, USD), rate, KWD)
    assert refusal.value.code == "amount_too_large"


def test_the_largest_value_is_one_minor_unit_below() -> None:
    assert worth(Money(MAX_MINOR - 1, KWD), "1", KWD).minor == MAX_MINOR - 1
    with pytest.raises(Refused):
        worth(Money(MAX_MINOR, KWD), "1", KWD)


# --- which notes are taken ---------------------------------------------------------------------------------------


def listed(
    code: str = "USD", rate: str = "0.30675", *, valid_on: date = TODAY, lowest: str = "1"
) -> ListedRate:
    return ListedRate(
        currency=currency(code),
        rate=rate,
        source="shop list",
        valid_on=valid_on,
        lowest_note=money(lowest, code),
    )


@pytest.mark.parametrize("told", [None, "0.30675", "0.306750", "00.30675"])
def test_notes_are_frozen_with_their_rate_and_its_source(told: str | None) -> None:
    """Rule 7: rate and source are frozen with the tender."""
    notes = read_notes(listed(), "50", told=told)

    assert notes == ForeignNotes(amount=money("50", "USD"), rate="0.30675", source="shop list 2026-11-21")
    assert str(notes) == "USD 50.00 at 0.30675 (shop list 2026-11-21)"
    assert notes.worth(KWD) == money("15.338")


@pytest.mark.parametrize(
    ("text", "told", "code"),
    [
        ("50", "0.30674", "rate_changed"),
        ("50", "0.3", "rate_changed"),
        ("50", "30675", "rate_changed"),
        ("50", "", "bad_rate"),
        ("50", "-1", "bad_rate"),
        ("50", "1e5", "bad_rate"),
        ("50", ".3", "bad_rate"),
        ("50", "0,30675", "bad_rate"),
        ("50", "٠.٣", "bad_rate"),
        ("50", "NaN", "bad_rate"),
        ("50.50", None, "not_in_notes"),
        ("0.99", None, "not_in_notes"),
        ("50.001", None, "amount_too_precise"),
        ("0", None, "amount_not_positive"),
        ("fifty", None, "bad_amount"),
    ],
)
def test_notes_that_are_not_taken(text: str, told: str | None, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_notes(listed(), text, told=told)
    assert refusal.value.code == code


def test_an_amount_of_notes_is_written_as_the_locale_writes_it() -> None:
    assert read_notes(listed(), "50,00", told=None, decimal_marks=",").amount == money("50", "USD")
    assert read_notes(listed(), "50.00", told=None).amount == money("50", "USD")
    with pytest.raises(Refused):
        read_notes(listed(), "50,00", told=None)


@pytest.mark.parametrize(("rate", "told"), [("10", "10.0"), ("10", "010"), ("1.50", "1.5"), ("100.0", "100")])
def test_zeros_that_say_nothing_make_no_other_rate(rate: str, told: str) -> None:
    assert read_notes(listed(rate=rate), "50", told=told).rate == rate


@pytest.mark.parametrize(("rate", "told"), [("10", "1"), ("100", "10.0"), ("1.05", "1.5"), ("1", "1.01")])
def test_zeros_that_say_something_do(rate: str, told: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_notes(listed(rate=rate), "50", told=told)
    assert refusal.value.code == "rate_changed"


def test_the_lowest_note_is_a_setting() -> None:
    """Rule 7: amounts in coins, or in notes too small to be banked, are not taken."""
    assert read_notes(listed(lowest="5"), "15", told=None).amount == money("15", "USD")
    with pytest.raises(Refused) as refusal:
        read_notes(listed(lowest="5"), "12", told=None)
    assert refusal.value.details == {"currency": "USD", "lowest_note": "5.00"}


@pytest.mark.parametrize(
    ("valid_on", "max_age_days", "code"),
    [
        (TODAY, 0, None),
        (TODAY - timedelta(days=1), 1, None),
        (TODAY - timedelta(days=1), 0, "rate_stale"),
        (TODAY - timedelta(days=8), 7, "rate_stale"),
        (TODAY + timedelta(days=1), 7, "rate_stale"),
    ],
)
def test_a_list_holds_for_its_days_and_not_before_them(
    valid_on: date, max_age_days: int, code: str | None
) -> None:
    known = ForeignCash(rates={"USD": listed(valid_on=valid_on)}, max_age_days=max_age_days)

    if code is None:
        assert known.current("USD", shop=KWD, today=TODAY).rate == "0.30675"
        return
    with pytest.raises(Refused) as refusal:
        known.current("USD", shop=KWD, today=TODAY)
    assert refusal.value.code == code


@pytest.mark.parametrize("known", [NO_FOREIGN_CASH, ForeignCash(rates={"EUR": listed("EUR")})])
def test_a_currency_that_is_not_listed_is_not_taken(known: ForeignCash) -> None:
    with pytest.raises(Refused) as refusal:
        known.current("USD", shop=KWD, today=TODAY)
    assert refusal.value.code == "currency_not_taken"


# --- paying with them --------------------------------------------------------------------------------------------


def notes(amount: str, rate: str = "0.30675") -> TenderOffered:
    came = ForeignNotes(amount=money(amount, "USD"), rate=rate, source="shop list 2026-11-21")
    return TenderOffered(mode=CASH, amount=came.worth(KWD), details={}, foreign=came)


def coins(amount: str) -> TenderOffered:
    return TenderOffered(mode=CASH, amount=money(amount), details={})


def card(amount: str) -> TenderOffered:
    return TenderOffered(mode=CARD, amount=money(amount), details={})


def pay(
    *tenders: TenderOffered,
    owes: str,
    rounding: CashRounding = FILS_5,
    overpayment: Overpayment | None = None,
) -> PaymentEvent:
    """A subscriber with one open bill of ``owes``."""
    return compose(
        PaymentAsked(
            payer_kind=PayerKind.SUBSCRIBER,
            payer_account="BA-1",
            tenders=tenders,
            wishes=[],
            overpayment=overpayment,
            bills={"7781": OpenBill(bill=bill("7781", money(owes)), open=money(owes))},
            cash_rounding=rounding,
        )
    )


def paid_or_not(*tenders: TenderOffered, **how: object) -> PaymentEvent | None:
    """None where a tender was not needed."""
    try:
        return pay(*tenders, **how)  # type: ignore[arg-type]
    except Refused as refusal:
        if refusal.code != "tender_not_needed":
            raise
        return None


def figures(event: PaymentEvent) -> tuple[str, str, str]:
    paid = total((part.amount for part in event.allocations), KWD)
    return paid.plain(), event.change.plain(), event.rounding.plain()


@pytest.mark.parametrize(
    ("tenders", "owes", "paid"),
    [
        # 50 USD are 15.338: no coin makes 10.338, so 10.340 goes back and 2 fils are rounded.
        ((notes("50"),), "5.000", ("5.000", "10.340", "0.002")),
        ((notes("50"),), "15.340", ("15.340", "0.000", "0.002")),
        ((notes("50"),), "15.336", ("15.336", "0.000", "-0.002")),
        ((notes("50"),), "15.338", ("15.338", "0.000", "0.000")),
        ((notes("50"),), "15.341", ("15.338", "0.000", "0.000")),
        ((notes("50"), coins("5.000")), "20.000", ("20.000", "0.340", "0.002")),
        ((coins("5.000"), notes("50")), "20.000", ("20.000", "0.340", "0.002")),
        ((card("4.662"), notes("50")), "20.000", ("20.000", "0.000", "0.000")),
        ((notes("50"), notes("20")), "20.000", ("20.000", "1.475", "0.002")),
        ((notes("50"), coins("4.660")), "20.000", ("20.000", "0.000", "0.002")),
    ],
)
def test_change_is_in_the_shops_own_coins(
    tenders: Sequence[TenderOffered], owes: str, paid: tuple[str, str, str]
) -> None:
    """Rule 7: change for foreign notes is in the shop's currency, in coins that exist."""
    assert figures(pay(*tenders, owes=owes)) == paid


def test_the_shops_own_cash_gives_the_change_before_foreign_notes_do() -> None:
    event = pay(coins("5.000"), notes("50"), owes="20.000")

    assert [(one.foreign is not None, one.change.plain()) for one in event.tenders] == [
        (True, "0.000"),
        (False, "0.340"),
    ]


def test_coins_beside_notes_that_are_enough_are_not_needed() -> None:
    with pytest.raises(Refused) as refusal:
        pay(coins("1.000"), notes("50"), owes="5.000")
    assert refusal.value.code == "tender_not_needed"


def test_what_is_over_can_be_credit_as_with_any_cash() -> None:
    event = pay(notes("50"), owes="5.000", overpayment=Overpayment.CREDIT)

    assert (event.credit.plain(), event.change.plain(), event.rounding.plain()) == (
        "10.338",
        "0.000",
        "0.000",
    )


def test_foreign_notes_are_posted_apart_and_their_change_to_the_till() -> None:
    event = pay(notes("50"), owes="5.000")

    posted = [(line.ledger_account, line.debit.minor - line.credit.minor) for line in event.lines]
    assert posted == [
        ("foreign_cash_in_till", 15_338),
        ("cash_in_till", -10_340),
        ("cash_rounding", 2),
        ("receivable", -5_000),
    ]


@given(
    dollars=st.integers(1, 300),
    rate=RATES,
    own=st.integers(0, 20_000),
    owes=st.integers(1, 60_000),
    coin=st.sampled_from([1, 5, 50]),
    difference=st.sampled_from(Difference),
    overpayment=st.sampled_from([None, *Overpayment]),
)
def test_tenders_sum_to_payment_plus_change_with_foreign_notes(
    dollars: int,
    rate: str,
    own: int,
    owes: int,
    coin: int,
    difference: Difference,
    overpayment: Overpayment | None,
) -> None:
    """Rule 5: change only out of cash, never more than was given, in coins; what coins cannot make is rounding."""
    tenders = [notes(str(dollars), rate)] + ([coins(Money(own, KWD).plain())] if own else [])
    assume(tenders[0].amount.minor > 0)
    rounding = CashRounding(coin_minor=coin, difference=difference)
    event = paid_or_not(*tenders, owes=Money(owes, KWD).plain(), rounding=rounding, overpayment=overpayment)
    assume(event is not None)
    assert event is not None

    given_ = total((one.amount for one in event.tenders), KWD)
    assert event.amount == given_ - event.change + event.rounding
    assert event.amount == total((part.amount for part in event.allocations), KWD)
    for one in event.tenders:
        assert 0 <= one.change.minor < one.amount.minor
        assert one.net.minor > 0
    if own % coin == 0:
        assert event.change.minor % coin == 0
    assert abs(event.rounding.minor) <= coin
    assert is_balanced(event.lines)


# --- the close ---------------------------------------------------------------------------------------------------


def closing(expected: str, counted: str, booked: str, rate: str) -> ForeignClosing:
    return ForeignClosing(
        expected=money(expected, "USD"),
        counted=money(counted, "USD"),
        booked=money(booked),
        rate=rate,
        source="shop list 2026-11-21",
    )


@pytest.mark.parametrize(
    ("counted", "rate", "value", "over_short", "exchange"),
    [
        ("50", "0.30675", "15.338", "0.000", "0.000"),
        ("50", "0.31", "15.500", "0.000", "0.162"),
        ("50", "0.3", "15.000", "0.000", "-0.338"),
        ("40", "0.3", "12.000", "-3.000", "-0.338"),
        ("60", "0.31", "18.600", "3.100", "0.162"),
        ("0", "0.31", "0.000", "-15.500", "0.162"),
    ],
)
def test_the_rate_of_the_close_makes_a_gain_or_a_loss_and_the_count_a_shortage(
    counted: str, rate: str, value: str, over_short: str, exchange: str
) -> None:
    """Rule 7: gain and loss of the rate are posted apart from over and short of the count."""
    done = closing("50", counted, "15.338", rate)

    assert (done.value, done.over_short, done.exchange) == (money(value), money(over_short), money(exchange))


def test_notes_worth_one_minor_unit_go_to_the_safe() -> None:
    """And those that are worth none make no line."""
    one = closing("0.01", "0.01", "0.001", "0.1")

    lines = shift_closed_lines(expected=money("0"), counted=money("0"), foreign=[one])
    assert [(line.ledger_account, line.debit.minor - line.credit.minor) for line in lines] == [
        ("foreign_cash_safe", 1),
        ("foreign_cash_in_till", -1),
    ]
    none = closing("0", "0", "0", "0.1")
    assert shift_closed_lines(expected=money("0"), counted=money("0"), foreign=[none]) == []


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**7),
    RATES,
    st.integers(-(10**6), 10**6),
    st.integers(0, 10**6),
    st.integers(1, 10**6),
)
def test_over_short_booked_with_foreign_notes_and_declared_lines(
    expected_notes: int,
    counted_notes: int,
    booked: int,
    rate: str,
    expected: int,
    counted: int,
    declared: int,
) -> None:
    """Whatever is counted: the entry balances and both of the till's accounts go to nothing."""
    other = ForeignClosing(
        expected=Money(expected_notes, USD),
        counted=Money(counted_notes, USD),
        booked=Money(booked, KWD),
        rate=rate,
        source="shop list",
    )
    lines = shift_closed_lines(
        expected=Money(expected, KWD),
        counted=Money(counted, KWD),
        declared=[("counterfeit_cash", Money(declared, KWD)), ("counterfeit_cash", Money(1, KWD))],
        foreign=[other],
    )

    assert is_balanced(lines)
    sums: dict[str, int] = {}
    for line in lines:
        assert (line.debit.minor > 0) is not (line.credit.minor > 0)
        sums[line.ledger_account] = sums.get(line.ledger_account, 0) + line.debit.minor - line.credit.minor
    assert sums.get("cash_in_till", 0) == -expected
    assert sums.get("foreign_cash_in_till", 0) == -booked
    assert sums.get("safe", 0) == counted
    assert sums.get("counterfeit_cash") == declared + 1
    assert sums.get("foreign_cash_safe", 0) == other.value.minor
    assert sums.get("exchange_difference", 0) == -other.exchange.minor
    difference = counted + declared + 1 - expected
    assert sums.get("cash_over_short", 0) == -difference - other.over_short.minor
