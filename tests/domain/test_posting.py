"""Every deed's journal lines balance in themselves (invariant 15)."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.allocation import Allocation
from pos.domain.catalogue import AdvanceTax, Item, LineOfSale
from pos.domain.commission import CommissionAt, LineTerms, Settlement
from pos.domain.money import Money, currency, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.posting import (
    JournalLine,
    commission_lines,
    credit,
    debit,
    is_balanced,
    ledger_of,
    payment_lines,
    shift_closed_lines,
    shift_opened_lines,
    sum_of,
    trust_counted_lines,
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


def test_an_advance_is_a_debt_until_it_is_used_and_its_tax_is_due_at_once() -> None:
    """Rule 8: taxed when it is received; a line beside it is revenue."""
    advance = LineOfSale(item=replace(SIM, advance=AdvanceTax.ON_RECEIPT))

    lines = payment_lines(
        [("cash_in_till", money("10"))],
        [part("WALK-IN", None, "5", 0), part("WALK-IN", None, "5", 1)],
        [advance, LineOfSale(item=SIM)],
        PayerKind.WALK_IN,
        rounding=NONE,
    )

    assert shown(lines) == [
        ("cash_in_till", "10.000"),
        ("item_revenue", "-4.762"),
        ("advances_received", "-4.762"),
        ("output_tax", "-0.476"),
    ]


def test_one_minor_unit_is_posted_and_nothing_is_not() -> None:
    line = LineOfSale(item=replace(SIM, price=money("0.001")))

    lines = payment_lines(
        [("cash_in_till", money("0.001")), ("card_clearing", money("0"))],
        [part("WALK-IN", None, "0.001", 0)],
        [line],
        PayerKind.WALK_IN,
        rounding=NONE,
    )

    assert shown(lines) == [("cash_in_till", "0.001"), ("item_revenue", "-0.001")]


def terms(at: CommissionAt, settlement: Settlement, percent: int = 10) -> LineTerms:
    return LineTerms(percent=Decimal(percent), withholding_percent=Decimal(20), at=at, settlement=settlement)


@pytest.mark.parametrize(
    ("at", "settlement", "paid", "posted"),
    [
        (
            CommissionAt.SALE,
            Settlement.NET,
            "4.600",
            [("commission_expense", None, 500), ("withholding_payable", None, -100)],
        ),
        (
            CommissionAt.SALE,
            Settlement.GROSS,
            "5",
            [
                ("commission_expense", None, 500),
                ("withholding_payable", None, -100),
                ("dealer_account", "D-1", -400),
            ],
        ),
        (CommissionAt.SETTLEMENT, Settlement.NET, "5", []),
    ],
)
def test_a_commission_is_posted_at_the_sale_with_the_tax_withheld_of_it(
    at: CommissionAt, settlement: Settlement, paid: str, posted: list[tuple[str, str | None, int]]
) -> None:
    """Rule 59: revenue and tax stay gross; 10 % of 5.000, and 20 % of that withheld."""
    line = LineOfSale(item=SIM).on_terms(terms(at, settlement))

    lines = payment_lines(
        [("cash_in_till", money(paid))],
        [part("D-1", None, paid, 0)],
        [line, LineOfSale(item=replace(SIM, price=money("0")))],
        PayerKind.DEALER,
        payer_account="D-1",
        rounding=NONE,
    )

    assert shown(lines)[:3] == [
        ("cash_in_till", money(paid).plain()),
        ("item_revenue", "-4.762"),
        ("output_tax", "-0.238"),
    ]
    assert [
        (line.ledger_account, line.account, line.debit.minor - line.credit.minor) for line in lines[3:]
    ] == posted


def test_a_line_taken_off_its_terms_earns_nothing() -> None:
    line = LineOfSale(item=SIM, quantity=2).on_terms(terms(CommissionAt.SALE, Settlement.NET))

    assert line.due == money("9.200")
    assert line.on_terms(None).due == money("10")
    assert line.on_terms(None) == LineOfSale(item=SIM, quantity=2)


@pytest.mark.parametrize(
    ("commission", "withheld", "credited", "posted"),
    [
        (
            "5",
            "1",
            "4",
            [
                ("commission_expense", "5.000"),
                ("withholding_payable", "-1.000"),
                ("dealer_account", "-4.000"),
            ],
        ),
        ("5", "0", "5", [("commission_expense", "5.000"), ("dealer_account", "-5.000")]),
        ("5", "5", "0", [("commission_expense", "5.000"), ("withholding_payable", "-5.000")]),
        ("0", "0", "0", []),
    ],
)
def test_no_line_of_a_commission_is_of_nothing(
    commission: str, withheld: str, credited: str, posted: list[tuple[str, str]]
) -> None:
    lines = commission_lines(
        money(commission), withheld=money(withheld), credited=money(credited), dealer="D-1"
    )

    assert shown(lines) == posted
    assert all(line.account == ("D-1" if line.ledger_account == "dealer_account" else None) for line in lines)


@pytest.mark.parametrize(
    ("over_short", "posted"),
    [
        ("1.500", [("trust_money", "1.500"), ("cash_over_short", "-1.500")]),
        ("0.001", [("trust_money", "0.001"), ("cash_over_short", "-0.001")]),
        ("-1.500", [("cash_over_short", "1.500"), ("trust_money", "-1.500")]),
        ("-0.001", [("cash_over_short", "0.001"), ("trust_money", "-0.001")]),
        ("0", []),
    ],
)
def test_what_the_count_of_the_operators_purse_makes_of_it_stays_in_it(
    over_short: str, posted: list[tuple[str, str]]
) -> None:
    amount = money(over_short.removeprefix("-"))

    assert shown(trust_counted_lines(-amount if over_short.startswith("-") else amount)) == posted


@pytest.mark.parametrize(
    ("purpose", "payer", "ledger_account"),
    [
        (Purpose.BILLS, PayerKind.SUBSCRIBER, "receivable"),
        (Purpose.BILLS, PayerKind.DEALER, "receivable"),
        (Purpose.ADVANCE, PayerKind.SUBSCRIBER, "customer_advance"),
        (Purpose.DEPOSIT, PayerKind.SUBSCRIBER, "security_deposit"),
        (Purpose.SUSPENSE, PayerKind.DEALER, "suspense"),
        (Purpose.ACCOUNT, PayerKind.SUBSCRIBER, "customer_credit"),
        (Purpose.ACCOUNT, PayerKind.WALK_IN, "customer_credit"),
        (Purpose.ACCOUNT, PayerKind.DEALER, "dealer_account"),
    ],
)
def test_each_purpose_has_its_ledger_account(purpose: Purpose, payer: PayerKind, ledger_account: str) -> None:
    """Domain.md 3.9: advances, deposits and money in suspense are no credit."""
    assert ledger_of(purpose, payer) == ledger_account
