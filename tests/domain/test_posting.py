"""Every deed's journal lines balance in themselves (invariant 15)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.money import Money, currency
from pos.domain.payment_mode import PayerKind
from pos.domain.posting import (
    JournalLine,
    credit,
    debit,
    is_balanced,
    payment_lines,
    shift_closed_lines,
    shift_opened_lines,
    sum_of,
)
from tests.builders.tills import money

KWD = currency("KWD")


def shown(lines: list[JournalLine]) -> list[tuple[str, str]]:
    return [
        (line.ledger_account, line.debit.plain() if line.debit else f"-{line.credit.plain()}")
        for line in lines
    ]


def test_the_float_comes_from_the_safe() -> None:
    assert shown(shift_opened_lines(money("20"))) == [("cash_in_till", "20.000"), ("safe", "-20.000")]


def test_no_float_posts_nothing() -> None:
    assert shift_opened_lines(money("0")) == []


@pytest.mark.parametrize(
    ("expected", "counted", "lines"),
    [
        ("30", "30", [("safe", "30.000"), ("cash_in_till", "-30.000")]),
        ("30", "29", [("safe", "29.000"), ("cash_over_short", "1.000"), ("cash_in_till", "-30.000")]),
        ("30", "31", [("safe", "31.000"), ("cash_over_short", "-1.000"), ("cash_in_till", "-30.000")]),
        ("30", "0", [("cash_over_short", "30.000"), ("cash_in_till", "-30.000")]),
        ("0", "5", [("safe", "5.000"), ("cash_over_short", "-5.000")]),
        ("0", "0", []),
    ],
)
def test_over_short_is_posted_when_a_shift_is_closed(
    expected: str, counted: str, lines: list[tuple[str, str]]
) -> None:
    assert shown(shift_closed_lines(expected=money(expected), counted=money(counted))) == lines


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_a_closing_balances_and_empties_the_till(expected: int, counted: int) -> None:
    lines = shift_closed_lines(expected=Money(expected, KWD), counted=Money(counted, KWD))

    assert is_balanced(lines)
    sums: dict[str, int] = {}
    for line in lines:
        assert (line.debit.minor > 0) is not (line.credit.minor > 0)
        sums[line.ledger_account] = sums.get(line.ledger_account, 0) + line.debit.minor - line.credit.minor
    assert sums.get("cash_in_till", 0) == -expected
    assert sums.get("safe", 0) == counted
    assert sums.get("cash_over_short", 0) == expected - counted


def test_each_currency_must_balance_on_its_own() -> None:
    assert not is_balanced([debit("safe", money("1")), credit("cash_in_till", money("1.00", "EUR"))])
    assert is_balanced(
        [
            debit("safe", money("1")),
            credit("cash_in_till", money("1")),
            debit("safe", money("2", "EUR")),
            credit("cash_in_till", money("2", "EUR")),
        ]
    )


@pytest.mark.parametrize(
    ("payer", "ledger_account"),
    [(PayerKind.SUBSCRIBER, "customer_credit"), (PayerKind.DEALER, "dealer_account")],
)
def test_money_on_account_is_owed_to_its_payer(payer: PayerKind, ledger_account: str) -> None:
    lines = payment_lines([("cash_in_till", money("5"))], [("A-1", None, money("5"))], payer)

    assert [(line.ledger_account, line.account) for line in lines] == [
        ("cash_in_till", None),
        (ledger_account, "A-1"),
    ]


def test_bills_of_one_account_are_one_line_and_accounts_stay_apart() -> None:
    lines = payment_lines(
        [("cash_in_till", money("6"))],
        [("A-1", "1", money("1")), ("A-2", "2", money("2")), ("A-1", "3", money("3"))],
        PayerKind.SUBSCRIBER,
    )

    assert [(line.account, line.credit.plain()) for line in lines[1:]] == [("A-1", "4.000"), ("A-2", "2.000")]
    assert sum_of(lines, KWD) == money("6")


def test_what_does_not_balance_is_never_posted() -> None:
    with pytest.raises(AssertionError):
        payment_lines([("cash_in_till", money("6"))], [("A-1", "1", money("5"))], PayerKind.SUBSCRIBER)
