"""Every deed's journal lines balance in themselves (invariant 15)."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.allocation import Allocation
from pos.domain.catalogue import Item, LineOfSale
from pos.domain.money import Money, currency, zero
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
NONE = zero(KWD)
SIM = Item(
    item="SIM-01",
    name="Prepaid SIM",
    price=money("5"),
    tax_category="VAT",
    tax_rate=Decimal(5),
    serial=None,
    ean=None,
)


def shown(lines: list[JournalLine]) -> list[tuple[str, str]]:
    return [
        (line.ledger_account, line.debit.plain() if line.debit else f"-{line.credit.plain()}")
        for line in lines
    ]


def part(account: str, bill_no: str | None, amount: str, sale_line: int | None = None) -> Allocation:
    return Allocation(
        account=account, bill_no=bill_no, bill_id=None, amount=money(amount), sale_line=sale_line
    )


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
    lines = payment_lines([("cash_in_till", money("5"))], [part("A-1", None, "5")], [], payer, rounding=NONE)

    assert [(line.ledger_account, line.account) for line in lines] == [
        ("cash_in_till", None),
        (ledger_account, "A-1"),
    ]


def test_bills_of_one_account_are_one_line_and_accounts_stay_apart() -> None:
    lines = payment_lines(
        [("cash_in_till", money("6"))],
        [part("A-1", "1", "1"), part("A-2", "2", "2"), part("A-1", "3", "3")],
        [],
        PayerKind.SUBSCRIBER,
        rounding=NONE,
    )

    assert [(line.account, line.credit.plain()) for line in lines[1:]] == [("A-1", "4.000"), ("A-2", "2.000")]
    assert sum_of(lines, KWD) == money("6")


def test_what_does_not_balance_is_never_posted() -> None:
    with pytest.raises(AssertionError):
        payment_lines(
            [("cash_in_till", money("6"))], [part("A-1", "1", "5")], [], PayerKind.SUBSCRIBER, rounding=NONE
        )


def test_a_sale_goes_to_revenue_and_output_tax() -> None:
    """Two prepaid SIMs of 5.000 with 5 % tax within: 0.476 of 10.000."""
    line = LineOfSale(item=SIM, quantity=2, serials=())

    lines = payment_lines(
        [("cash_in_till", money("10"))],
        [part("WALK-IN", None, "10", 0)],
        [line],
        PayerKind.WALK_IN,
        rounding=NONE,
    )

    assert shown(lines) == [
        ("cash_in_till", "10.000"),
        ("item_revenue", "-9.524"),
        ("output_tax", "-0.476"),
    ]


def test_a_sale_without_tax_posts_no_tax() -> None:
    line = LineOfSale(item=replace(SIM, tax_rate=Decimal(0)), quantity=1, serials=())

    lines = payment_lines(
        [("cash_in_till", money("5"))],
        [part("WALK-IN", None, "5", 0)],
        [line],
        PayerKind.WALK_IN,
        rounding=NONE,
    )

    assert shown(lines) == [("cash_in_till", "5.000"), ("item_revenue", "-5.000")]
