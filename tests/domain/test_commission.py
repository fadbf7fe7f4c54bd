"""A dealer's commission on a line: figured once, half up, its parts add up."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.commission import (
    CommissionAt,
    CommissionRule,
    CommissionTerms,
    LineTerms,
    Settlement,
    commission_on,
)
from pos.domain.money import Money, currency

KWD = currency("KWD")
PERCENT = st.integers(0, 1_000_000).map(lambda scaled: Decimal(scaled) / 10_000)


def terms(percent: str, withheld: str = "0", **named: object) -> LineTerms:
    settings = {"at": CommissionAt.SALE, "settlement": Settlement.NET, **named}
    return LineTerms(percent=Decimal(percent), withholding_percent=Decimal(withheld), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gross", "percent", "withheld", "commission", "tax"),
    [
        (10_000, "5", "10", 500, 50),
        (10, "5", "0", 1, 0),  # 0.5 is half up
        (9, "5", "0", 0, 0),
        (30, "5", "50", 2, 1),
        (1_001, "33.3333", "0", 334, 0),
        (1, "100", "100", 1, 1),
        (12_345, "0.0001", "0", 0, 0),
        (499_999, "0.0001", "0", 0, 0),
        (500_000, "0.0001", "0", 1, 0),
    ],
)
def test_each_part_is_rounded_half_up_once(
    gross: int, percent: str, withheld: str, commission: int, tax: int
) -> None:
    earned = commission_on(Money(gross, KWD), terms(percent, withheld))

    assert (earned.commission.minor, earned.withheld.minor) == (commission, tax)


@given(st.integers(1, 10**15), PERCENT, PERCENT)
def test_the_parts_add_up_to_the_gross(gross: int, percent: Decimal, withheld: Decimal) -> None:
    earned = commission_on(Money(gross, KWD), terms(str(percent), str(withheld)))

    net = earned.gross - earned.deducted
    assert net + earned.commission == earned.gross + earned.withheld
    assert 0 <= earned.withheld.minor <= earned.commission.minor <= gross


@pytest.mark.parametrize(
    ("at", "settlement", "deducted"),
    [
        (CommissionAt.SALE, Settlement.NET, 450),
        (CommissionAt.SALE, Settlement.GROSS, 0),
        (CommissionAt.SETTLEMENT, Settlement.NET, 0),
        (CommissionAt.SETTLEMENT, Settlement.GROSS, 0),
    ],
)
def test_only_a_net_commission_at_the_sale_is_paid_less(
    at: CommissionAt, settlement: Settlement, deducted: int
) -> None:
    earned = commission_on(Money(10_000, KWD), terms("5", "10", at=at, settlement=settlement))

    assert (earned.deducted.minor, earned.paid_out.minor) == (deducted, 450)


def test_the_first_rule_that_names_an_item_is_its_own() -> None:
    rules = [
        CommissionRule(percent=Decimal(5), items=("SIM-*", "PHN-01")),
        CommissionRule(percent=Decimal(0), items=("ACC-*",)),
        CommissionRule(percent=Decimal(2)),
    ]
    of = CommissionTerms(rules=rules).for_item

    assert [None if (found := of(item)) is None else found.percent for item in ("SIM-01", "PHN-01", "PHN-011", "ACC-1")] == [
        5, 5, 2, None,
    ]  # fmt: skip
    assert CommissionTerms().for_item("SIM-01") is None


@pytest.mark.parametrize(
    ("named", "item", "holds"),
    [
        ("SIM-*", "SIM-01", True),
        ("SIM-*", "SIM-", True),
        ("SIM-*", "SIM", False),
        ("SIM-*", "SIM_01", False),
        ("SIM-*", "SI", False),
        ("*", "ANY", True),
        ("SIM-01", "SIM-01", True),
        ("SIM-01", "SIM-0", False),
        ("SIM-01", "SIM-012", False),
    ],
)
def test_a_star_stands_for_the_rest_of_a_code_and_for_nothing_before_it(
    named: str, item: str, holds: bool
) -> None:
    assert CommissionRule(percent=Decimal(5), items=(named,)).holds_for(item) is holds
