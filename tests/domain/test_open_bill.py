"""What is open on a bill: central's remainder less this till's own allocations that the snapshot lacks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.bill import (
    AppliedPayment,
    OwnAllocation,
    Promise,
    SummaryLine,
    SumsCheck,
    check_sums,
    group_rates,
    open_on,
)
from pos.domain.money import CurrencyMixed, Money, currency
from tests.builders.tills import TODAY, bill, line, money, rate

KWD = currency("KWD")


def own(
    amount: str, *, correlator: str = "e-1", server_id: str | None = None, change: int | None = None
) -> OwnAllocation:
    return OwnAllocation(
        bill_no="1",
        amount=money(amount),
        correlator_id=correlator,
        server_id=server_id,
        applied_change=change,
    )


@pytest.mark.parametrize(
    ("remaining", "left"), [("0.005", "0"), ("0.007", "0.002"), ("0", "0"), ("10", "9.995")]
)
def test_a_rest_that_was_given_up_stays_so_whatever_central_makes_of_it(remaining: str, left: str) -> None:
    """Rule 6: central's own tolerance may be less than the shop's; its payment is in the snapshot all the same."""
    told = replace(bill("1", money(remaining)), applied=(applied("P-1", "e-1"),), seen_change=9)
    given_up = replace(own("0.005", change=9), cleared=True)

    assert open_on(told, [own("4", change=9), given_up]).open == money(left)


def applied(payment_id: str, correlator: str | None = None) -> AppliedPayment:
    return AppliedPayment(payment_id=payment_id, correlator_id=correlator, amount=money("4"))


@pytest.mark.parametrize(
    ("listed", "seen_change", "allocation", "left"),
    [
        # central has not heard of it
        ([], None, own("4"), "6"),
        ([], 7, own("4"), "6"),
        ([applied("P-9", "e-9")], 7, own("4"), "6"),
        # central lists it by our correlator
        ([applied("P-1", "e-1")], None, own("4"), "10"),
        # a foreign central lists it by its own id
        ([applied("P-1")], None, own("4", server_id="P-1"), "10"),
        ([applied("P-2")], None, own("4", server_id="P-1"), "6"),
        # central applied it before it told the bill
        ([], 7, own("4", server_id="P-1", change=7), "10"),
        ([], 7, own("4", server_id="P-1", change=6), "10"),
        # central applied it after it told the bill
        ([], 7, own("4", server_id="P-1", change=8), "6"),
        # a change number says nothing where the snapshot has none
        ([], None, own("4", server_id="P-1", change=1), "6"),
    ],
)
def test_an_own_allocation_counts_until_the_snapshot_contains_it(
    listed: list[AppliedPayment], seen_change: int | None, allocation: OwnAllocation, left: str
) -> None:
    told = bill("1", money("14"), remaining=money("10"), applied=listed, seen_change=seen_change)

    assert open_on(told, [allocation]).open == money(left)


def test_each_own_allocation_is_judged_on_its_own() -> None:
    told = bill("1", money("20"), remaining=money("10"), applied=[applied("P-1", "e-1")])

    open_bill = open_on(told, [own("4", correlator="e-1"), own("3", correlator="e-2")])

    assert open_bill.open == money("7")


def test_open_is_never_below_zero() -> None:
    open_bill = open_on(bill("1", money("10")), [own("8"), own("8", correlator="e-2")])

    assert open_bill.open == money("0")
    assert not open_bill.is_open


@given(
    remaining=st.integers(0, 10**6),
    parts=st.lists(st.tuples(st.integers(1, 10**6), st.booleans()), max_size=6),
)
def test_what_is_open_is_the_remainder_less_what_central_lacks(
    remaining: int, parts: list[tuple[int, bool]]
) -> None:
    allocations = [
        OwnAllocation(
            bill_no="1",
            amount=Money(minor, KWD),
            correlator_id=f"e-{place}",
            server_id=None,
            applied_change=None,
        )
        for place, (minor, _) in enumerate(parts)
    ]
    listed = [
        AppliedPayment(payment_id=f"P-{place}", correlator_id=f"e-{place}", amount=Money(minor, KWD))
        for place, (minor, contained) in enumerate(parts)
        if contained
    ]
    told = bill("1", Money(remaining, KWD), applied=listed)

    lacking = sum(minor for minor, contained in parts if not contained)
    assert open_on(told, allocations).open.minor == max(0, remaining - lacking)


def test_a_bill_of_another_currency_is_never_mixed_in() -> None:
    with pytest.raises(CurrencyMixed):
        open_on(bill("1", money("10", "EUR")), [own("1")])


# --- sums --------------------------------------------------------------------------------------------------------


def lines() -> list[SummaryLine]:
    return [
        line("L1", money("12"), name="Mobile", rates=[]),
        line("L1a", money("10"), name="Fees", rates=["R1"], parent="L1"),
        line("L1b", money("2"), name="Calls", rates=["R2"], parent="L1"),
        line("L2", money("-1"), name="Discount", rates=["R3"]),
    ]


RATES = [rate("R1", "1", money("10")), rate("R2", "1", money("2")), rate("R3", "1", money("-1"))]


def test_lines_rates_and_bill_agree_and_children_are_not_counted_twice() -> None:
    sums = check_sums(bill("1", money("11"), lines=lines()), RATES)

    assert sums.agree
    assert sums.difference == money("0")


@pytest.mark.parametrize(
    ("total", "rates", "difference"),
    [("12", RATES, "1"), ("10", RATES, "-1"), ("11", RATES[:2], "-1"), ("11", RATES[1:], "10")],
)
def test_a_difference_is_named(total: str, rates: list[object], difference: str) -> None:
    sums = check_sums(bill("1", money(total), lines=lines()), rates)  # type: ignore[arg-type]

    assert not sums.agree
    assert sums.difference == money(difference)


def test_a_bill_without_lines_has_its_rates_grouped_by_product() -> None:
    rates = [
        rate("R1", "1", money("10"), product="Mobile"),
        rate("R2", "1", money("3"), product="Fibre"),
        rate("R3", "1", money("2"), product="Mobile"),
    ]

    made = group_rates(rates)

    assert [(group.name, group.tax_included.plain(), group.rate_ids) for group in made] == [
        ("Mobile", "12.000", ("R1", "R3")),
        ("Fibre", "3.000", ("R2",)),
    ]


@pytest.mark.parametrize(
    ("paid_here", "known", "missing"),
    [("0.001", False, "3.999"), ("1", False, "3"), ("1", True, "4"), ("4", False, "0"), ("6", False, "0")],
)
def test_what_is_missing_of_an_instalment_lacks_what_was_paid_here_meanwhile(
    paid_here: str, known: bool, missing: str
) -> None:
    """Rule 11: central told that 4 of it are missing; what it knows of is no part of that."""
    promised = bill("1", money("10"), promise=Promise(on=TODAY, amount=money("4")))
    told = replace(promised, applied=(applied("P-1", "e-1"),) if known else ())

    entry = open_on(told, [own(paid_here)])

    assert entry.instalment == (money(missing) if missing != "0" else money("4") - money("4"))


def test_a_bill_without_a_promise_has_no_instalment() -> None:
    assert open_on(bill("1", money("10")), []).instalment is None


@pytest.mark.parametrize(
    ("lines", "rates", "difference"),
    [("10", "10", 0), ("9", "10", 1_000), ("9", "7", 1_000), ("10", "7", 3_000), ("12", "10", -2_000)],
)
def test_the_bill_differs_by_its_lines_and_where_those_agree_by_its_rates(
    lines: str, rates: str, difference: int
) -> None:
    sums = SumsCheck(bill_total=money("10"), lines_total=money(lines), rates_total=money(rates))

    assert sums.difference.minor == difference
    assert sums.agree is (difference == 0)
