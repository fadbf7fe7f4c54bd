"""Money whose owner nobody knows: which sum is meant, how much of it moves, and what is posted (domain.md section 1)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pos.domain.allocation import Allocation
from pos.domain.payment_mode import PayerKind
from pos.domain.suspense import SuspenseItem, choose_item, part_of, resolved_lines
from tests.builders.refusals import refused
from tests.builders.tills import money

FIRST = SuspenseItem(
    suspense_id="S-1",
    payment_event_id="E-1",
    leg=1,
    receipt_number="T1-7",
    number=1,
    taken_at=datetime(2026, 11, 21, tzinfo=UTC),
    amount=money("20"),
    left=money("5"),
    reference="Envelope",
)
SECOND = replace(FIRST, suspense_id="S-2", number=2, left=money("7"))
DONE = replace(FIRST, suspense_id="S-3", number=3, left=money("0"))


@pytest.mark.parametrize(
    ("items", "number", "chosen"),
    [
        ([FIRST], None, FIRST),
        ([FIRST], 1, FIRST),
        ([FIRST, SECOND], 2, SECOND),
        ([DONE, SECOND], None, SECOND),
        ([SECOND, DONE], None, SECOND),
    ],
)
def test_the_one_sum_that_waits_is_meant_or_the_one_that_is_named(
    items: list[SuspenseItem], number: int | None, chosen: SuspenseItem
) -> None:
    assert choose_item(items, "T1-7", number) is chosen


def test_a_receipt_without_such_a_sum_is_unknown() -> None:
    for items, number in (([], None), ([FIRST], 2)):
        with refused("unknown_suspense", receipt="T1-7"):
            choose_item(items, "T1-7", number)


def test_what_is_resolved_is_not_moved_again() -> None:
    for items, number in (([DONE], None), ([DONE, DONE], None), ([FIRST, DONE], 3)):
        with refused("suspense_resolved", receipt="T1-7"):
            choose_item(items, "T1-7", number)


def test_of_several_sums_that_wait_one_must_be_named() -> None:
    with refused("which_suspense", receipt="T1-7", items=[1, 2]):
        choose_item([FIRST, SECOND, DONE], "T1-7", None)


@pytest.mark.parametrize(
    ("asked", "moved"), [(None, "5"), ("5", "5"), ("4.999", "4.999"), ("0.001", "0.001")]
)
def test_all_that_is_left_is_moved_or_the_part_that_is_named(asked: str | None, moved: str) -> None:
    """What was taken is 20; 15 of it have found their owner."""
    assert part_of(FIRST, None if asked is None else money(asked)) == money(moved)


@pytest.mark.parametrize("asked", ["5.001", "20"])
def test_no_more_than_is_left_is_moved(asked: str) -> None:
    with refused("more_than_suspense", left="5.000", currency="KWD"):
        part_of(FIRST, money(asked))


def to(account: str, amount: str, bill_no: str | None = None) -> Allocation:
    return Allocation(account=account, bill_no=bill_no, bill_id=None, amount=money(amount))


def test_what_leaves_suspense_pays_the_bills_and_the_rest_is_credit() -> None:
    """Rule 32: bills of an account are one line, and accounts stay apart."""
    lines = resolved_lines(
        [to("A-1", "1", "7"), to("A-1", "2", "8"), to("A-2", "4", "9"), to("A-1", "0.5")],
        PayerKind.SUBSCRIBER,
        from_account="SUSPENSE",
    )

    assert [(line.ledger_account, line.account, line.debit.minor - line.credit.minor) for line in lines] == [
        ("suspense", "SUSPENSE", 7_500),
        ("receivable", "A-1", -3_000),
        ("receivable", "A-2", -4_000),
        ("customer_credit", "A-1", -500),
    ]


def test_what_leaves_suspense_for_a_dealer_is_on_the_dealer_account() -> None:
    lines = resolved_lines([to("D-1", "3")], PayerKind.DEALER, from_account="SUSPENSE")

    assert [(line.ledger_account, line.account) for line in lines] == [
        ("suspense", "SUSPENSE"),
        ("dealer_account", "D-1"),
    ]
