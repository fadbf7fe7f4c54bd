"""Money set against bills: the payer's choice first, else oldest due first; nothing created, nothing lost."""

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.allocation import (
    Allocation,
    Source,
    Wish,
    allocate_as_asked,
    allocate_oldest_first,
    fund,
)
from pos.domain.bill import BillState, OpenBill, open_on
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, total
from pos.domain.payment_mode import KEPT_APART, Purpose
from tests.builders.tills import TODAY, bill, money

KWD = currency("KWD")


def open_bill(
    bill_no: str,
    amount: str,
    *,
    due: int = 0,
    state: BillState = BillState.SENT,
    of: str = "BA-1",
) -> OpenBill:
    """A bill due so many days from today."""
    told = bill(bill_no, money(amount), of=of, due=TODAY + timedelta(days=due), state=state)
    return open_on(told, [])


def by_number(*bills: OpenBill) -> dict[str, OpenBill]:
    return {entry.bill.bill_no: entry for entry in bills}


def ask(paid: str, *wishes: Wish, bills: dict[str, OpenBill]) -> tuple[list[tuple[str | None, str]], str]:
    made, left = allocate_as_asked(money(paid), wishes, payer_account="BA-1", bills=bills)
    return [(part.bill_no, part.amount.plain()) for part in made], left.plain()


def test_the_oldest_due_bill_is_paid_first() -> None:
    bills = [open_bill("1", "10", due=5), open_bill("2", "10", due=-30), open_bill("3", "10", due=-2)]

    made, left = allocate_oldest_first(money("25"), bills)

    assert [(part.bill_no, part.amount.plain()) for part in made] == [
        ("2", "10.000"),
        ("3", "10.000"),
        ("1", "5.000"),
    ]
    assert left == money("0")
    assert made[2].open_before == money("10")
    assert made[2].open_after == money("5")


def test_bills_due_on_one_day_are_paid_in_the_order_of_their_numbers() -> None:
    """Rule 11: overdue by due date, then bill date, then number."""
    bills = [open_bill("10", "1"), open_bill("9", "1"), open_bill("101", "1")]

    made, _ = allocate_oldest_first(money("3"), bills)

    assert [part.bill_no for part in made] == ["9", "10", "101"]


def test_what_the_bills_do_not_take_is_left_over() -> None:
    made, left = allocate_oldest_first(money("50"), [open_bill("1", "41.750")])

    assert [part.amount for part in made] == [money("41.750")]
    assert left == money("8.250")


def test_no_open_bill_leaves_all_of_it_over() -> None:
    assert allocate_oldest_first(money("5"), []) == ([], money("5"))


def test_the_default_order_leaves_bills_on_hold_alone() -> None:
    """Rule 11: disputed bills are left out."""
    bills = [open_bill("1", "10", due=-90, state=BillState.ON_HOLD), open_bill("2", "10")]

    made, left = allocate_oldest_first(money("15"), bills)

    assert [part.bill_no for part in made] == ["2"]
    assert left == money("5")


def test_named_bills_are_paid_as_asked_and_no_other() -> None:
    """Rule 12: the payer's explicit choice wins."""
    bills = by_number(open_bill("1", "10", due=-30), open_bill("2", "10"))

    assert ask("10", Wish(bill_no="2"), bills=bills) == ([("2", "10.000")], "0.000")


def test_a_part_of_a_bill_can_be_paid() -> None:
    made, left = allocate_as_asked(
        money("5"),
        [Wish(bill_no="1", amount=money("4"))],
        payer_account="BA-1",
        bills=by_number(open_bill("1", "10")),
    )

    assert made[0].open_after == money("6")
    assert left == money("1")


def test_a_wish_without_an_amount_takes_what_the_money_reaches() -> None:
    bills = by_number(open_bill("1", "10"), open_bill("2", "10"))

    assert ask("12", Wish(bill_no="1"), Wish(bill_no="2"), bills=bills) == (
        [("1", "10.000"), ("2", "2.000")],
        "0.000",
    )


def test_a_part_can_be_asked_to_stay_on_account() -> None:
    bills = by_number(open_bill("1", "10"))

    assert ask("12", Wish(bill_no="1"), Wish(amount=money("2")), bills=bills) == (
        [("1", "10.000"), (None, "2.000")],
        "0.000",
    )


def test_credit_goes_to_the_account_that_is_named() -> None:
    made, _ = allocate_as_asked(
        money("2"), [Wish(amount=money("2"), account="BA-9")], payer_account="BA-1", bills={}
    )

    assert [(part.account, part.open_before, part.open_after) for part in made] == [("BA-9", None, None)]


@pytest.mark.parametrize(
    ("paid", "wishes", "code"),
    [
        ("10", [Wish(bill_no="9")], "unknown_bill"),
        ("10", [Wish(bill_no="1"), Wish(bill_no="1")], "bill_named_twice"),
        (
            "20",
            [Wish(bill_no="1", amount=money("1")), Wish(bill_no="1", amount=money("1"))],
            "bill_named_twice",
        ),
        ("10", [Wish(bill_no="1", account="BA-2")], "bill_of_other_account"),
        ("10", [Wish(bill_no="held")], "bill_on_hold"),
        ("10", [Wish(bill_no="paid")], "bill_settled"),
        ("20", [Wish(bill_no="1", amount=money("10.001"))], "more_than_open"),
        ("9", [Wish(bill_no="1", amount=money("10"))], "not_enough_tendered"),
        ("10", [Wish(bill_no="1"), Wish(amount=money("0.001"))], "not_enough_tendered"),
        ("10", [Wish()], "amount_missing"),
        ("10", [Wish(account="BA-2")], "amount_missing"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(paid: str, wishes: list[Wish], code: str) -> None:
    bills = by_number(
        open_bill("1", "10"), open_bill("held", "10", state=BillState.ON_HOLD), open_bill("paid", "0")
    )

    with pytest.raises(Refused) as refusal:
        allocate_as_asked(money(paid), wishes, payer_account="BA-1", bills=bills)

    assert refusal.value.code == code


def test_the_refusal_of_too_little_says_both_sums() -> None:
    bills = by_number(open_bill("1", "10"), open_bill("2", "10"))

    with pytest.raises(Refused) as refusal:
        allocate_as_asked(
            money("12"),
            [Wish(bill_no="1"), Wish(bill_no="2", amount=money("5"))],
            payer_account="BA-1",
            bills=bills,
        )

    assert refusal.value.details["asked"] == "15.000"
    assert refusal.value.details["tendered"] == "12.000"


amounts = st.integers(min_value=1, max_value=10**6)


@given(
    paid=amounts,
    bills=st.lists(st.tuples(amounts, st.integers(-60, 60), st.sampled_from(list(BillState))), max_size=8),
)
def test_allocation_never_creates_or_loses_a_minor_unit(
    paid: int, bills: list[tuple[int, int, BillState]]
) -> None:
    open_bills = [
        open_on(bill(str(place), Money(minor, KWD), due=TODAY + timedelta(days=due), state=state), [])
        for place, (minor, due, state) in enumerate(bills)
    ]

    made, left = allocate_oldest_first(Money(paid, KWD), open_bills)

    assert total((part.amount for part in made), KWD) + left == Money(paid, KWD)
    assert left.minor >= 0
    open_by_number = {entry.bill.bill_no: entry.open for entry in open_bills}
    assert all(0 < part.amount.minor <= open_by_number[part.bill_no or ""].minor for part in made)
    assert all(part.open_after is not None and part.open_after.minor == 0 for part in made[:-1])
    assert len({part.bill_no for part in made}) == len(made)
    if left.minor:
        payable = [entry for entry in open_bills if entry.bill.state is not BillState.ON_HOLD]
        assert total((part.amount for part in made), KWD) == total((entry.open for entry in payable), KWD)


@given(
    tenders=st.lists(amounts, min_size=1, max_size=6),
    cuts=st.lists(st.integers(min_value=1, max_value=10**6), max_size=6),
)
def test_each_tender_funds_what_it_brought_and_each_allocation_is_funded_whole(
    tenders: list[int], cuts: list[int]
) -> None:
    """Rule 14: which tender funded which allocation is remembered."""
    whole = sum(tenders)
    edges = sorted({cut % whole for cut in cuts} | {0, whole})
    allocations = [after - before for before, after in pairwise(edges)]

    made = fund([source(minor) for minor in tenders], [for_bill(minor) for minor in allocations])

    assert all(part.amount.minor > 0 for part in made)
    for place, minor in enumerate(tenders):
        assert sum(part.amount.minor for part in made if part.tender == place) == minor
    for place, minor in enumerate(allocations):
        assert sum(part.amount.minor for part in made if part.allocation == place) == minor
    assert [(part.tender, part.allocation) for part in made] == sorted(
        (part.tender, part.allocation) for part in made
    )


@pytest.mark.parametrize(("tenders", "allocations"), [([5], [4]), ([5], []), ([], []), ([2, 3], [6])])
def test_what_does_not_balance_cannot_be_funded(tenders: list[int], allocations: list[int]) -> None:
    with pytest.raises(ValueError, match="balance"):
        fund([source(minor) for minor in tenders], [for_bill(minor) for minor in allocations])


EVERYTHING = frozenset(Purpose)


def source(minor: int, purposes: frozenset[Purpose] = EVERYTHING) -> Source:
    return Source(amount=Money(minor, KWD), purposes=purposes)


def for_bill(minor: int) -> Allocation:
    return Allocation(account="BA-1", bill_no="1", bill_id="CB-1", amount=Money(minor, KWD))


def for_item(minor: int) -> Allocation:
    return Allocation(account="BA-1", bill_no=None, bill_id=None, amount=Money(minor, KWD), sale_line=0)


def on_account(minor: int) -> Allocation:
    return Allocation(account="BA-1", bill_no=None, bill_id=None, amount=Money(minor, KWD))


def kept_apart(purpose: Purpose, minor: int) -> Allocation:
    return Allocation(account="BA-1", bill_no=None, bill_id=None, amount=Money(minor, KWD), keep=purpose)


def test_a_voucher_pays_the_bill_and_leaves_the_item_to_the_cheque() -> None:
    bills_only = frozenset({Purpose.BILLS})

    made = fund([source(10), source(10, bills_only)], [for_bill(10), for_item(10)])

    assert [(part.tender, part.allocation, part.amount.minor) for part in made] == [(0, 1, 10), (1, 0, 10)]


def test_a_tender_takes_first_what_fewest_others_could_pay() -> None:
    bills_or_account = frozenset({Purpose.BILLS, Purpose.ACCOUNT})
    bills = frozenset({Purpose.BILLS})

    made = fund([source(5, bills_or_account), source(5, bills)], [for_bill(5), on_account(5)])

    assert [(part.tender, part.allocation) for part in made] == [(0, 1), (1, 0)]


BILLS, ITEMS, ACCOUNT = (frozenset({purpose}) for purpose in (Purpose.BILLS, Purpose.ITEMS, Purpose.ACCOUNT))


@pytest.mark.parametrize(
    ("tenders", "allocations"),
    [
        ([BILLS, BILLS | ITEMS, ITEMS], [for_bill(5), for_item(5), for_bill(5)]),
        ([BILLS | ITEMS, BILLS | ACCOUNT], [for_bill(5), for_item(5)]),
        ([EVERYTHING, ITEMS, BILLS], [for_bill(5), for_item(5), on_account(5)]),
    ],
)
def test_a_shop_whose_modes_overlap_otherwise_is_served_as_well(
    tenders: list[frozenset[Purpose]], allocations: list[Allocation]
) -> None:
    """No order of choosing would do for all of these: an earlier tender makes room for a later one."""
    for part in fund([source(5, purposes) for purposes in tenders], allocations):
        assert allocations[part.allocation].purpose in tenders[part.tender]


@pytest.mark.parametrize(
    ("tenders", "allocations"),
    [
        # to the last minor unit
        ([(2, BILLS | ITEMS), (1, BILLS)], [for_bill(1), for_bill(1), for_item(1)]),
        # the last tender is served in two goes: what is free, and what the first one leaves to it
        (
            [(2, BILLS | ITEMS), (3, BILLS | ITEMS), (3, ITEMS)],
            [for_item(1), for_item(2), for_bill(4), for_item(1)],
        ),
        # one that made room makes room again, for another purpose
        (
            [(2, ACCOUNT | ITEMS), (2, ACCOUNT | BILLS | ITEMS), (1, ACCOUNT | BILLS | ITEMS)],
            [for_item(2), for_bill(2), on_account(1)],
        ),
        (
            [(3, ACCOUNT | BILLS | ITEMS), (2, ACCOUNT | ITEMS), (1, ACCOUNT | BILLS | ITEMS)],
            [for_item(1), for_bill(1), on_account(3), for_bill(1)],
        ),
        (
            [(2, ACCOUNT | BILLS | ITEMS), (1, ACCOUNT | BILLS | ITEMS), (2, ACCOUNT | ITEMS)],
            [for_item(1), for_bill(2), for_item(1), on_account(1)],
        ),
    ],
)
def test_room_is_made_to_the_last_minor_unit_and_more_than_once(
    tenders: list[tuple[int, frozenset[Purpose]]], allocations: list[Allocation]
) -> None:
    """Rule 14: wherever a way exists that the acceptance matrix allows, it is found, and every tender is used up."""
    made = fund([source(minor, purposes) for minor, purposes in tenders], allocations)

    assert all(allocations[part.allocation].purpose in tenders[part.tender][1] for part in made)
    for place, (minor, _) in enumerate(tenders):
        assert sum(part.amount.minor for part in made if part.tender == place) == minor


def calls_made_by(deed: Callable[[], object]) -> int:
    """How many functions a deed calls: its length, however busy the machine is."""
    made = 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal made
        made += event == "call"
        if made > 100_000:
            raise AssertionError("this takes too long")

    sys.setprofile(count)
    try:
        deed()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize(
    ("tenders", "allocations"),
    [
        ([10**9], [for_bill(1), on_account(10**9 - 1)]),
        ([10**9, 10**9], [for_bill(1), on_account(2 * 10**9 - 1)]),
        ([10**9, 5, 10**9], [for_bill(7), for_item(3), on_account(2 * 10**9 - 5)]),
    ],
)
def test_a_small_bill_beside_much_credit_is_shared_out_at_once(
    tenders: list[int], allocations: list[Allocation]
) -> None:
    """The work grows with the number of tenders and parts, never with the amounts."""
    sources = [source(minor) for minor in tenders]

    assert calls_made_by(lambda: fund(sources, allocations)) < 10_000


purpose_sets = st.sets(st.sampled_from(list(Purpose)), min_size=1).map(frozenset)


@given(
    tenders=st.lists(st.tuples(st.integers(1, 60), purpose_sets), min_size=1, max_size=6),
    cuts=st.lists(st.tuples(st.integers(0, 360), st.sampled_from(list(Purpose))), max_size=6),
    last=st.sampled_from(list(Purpose)),
)
def test_funding_breaks_the_matrix_only_where_nothing_else_is_possible(
    tenders: list[tuple[int, frozenset[Purpose]]], cuts: list[tuple[int, Purpose]], last: Purpose
) -> None:
    """Possible where, for every choice of purposes, the tenders that serve any of them bring enough for them."""
    whole = sum(minor for minor, _ in tenders)
    make: dict[Purpose, Callable[[int], Allocation]] = {
        Purpose.BILLS: for_bill,
        Purpose.ITEMS: for_item,
        Purpose.ACCOUNT: on_account,
        **{purpose: partial(kept_apart, purpose) for purpose in KEPT_APART},
    }
    allocations: list[Allocation] = []
    before = 0
    for after, purpose in [*sorted((cut % whole, purpose) for cut, purpose in cuts), (whole, last)]:
        if after > before:
            allocations.append(make[purpose](after - before))
            before = after
    possible = all(
        sum(part.amount.minor for part in allocations if part.purpose in chosen)
        <= sum(minor for minor, purposes in tenders if purposes & set(chosen))
        for size in range(1, len(Purpose) + 1)
        for chosen in combinations(Purpose, size)
    )

    made = fund([source(minor, purposes) for minor, purposes in tenders], allocations)

    kept = all(allocations[part.allocation].purpose in tenders[part.tender][1] for part in made)
    assert kept == possible
    for place, (minor, _) in enumerate(tenders):
        assert sum(part.amount.minor for part in made if part.tender == place) == minor
    for place, part in enumerate(allocations):
        assert sum(one.amount.minor for one in made if one.allocation == place) == part.amount.minor
