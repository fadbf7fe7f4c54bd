"""Debt given up and debt that comes back: which rest is cleared, which leg tells of it, and what is posted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.allocation import Allocation
from pos.domain.payment_mode import Purpose
from pos.domain.posting import JournalLine, recovery_lines, write_off_lines
from pos.domain.write_off import (
    FundedAllocation,
    Recovery,
    WriteOff,
    clear_residues,
    recoveries_of,
    write_offs_of,
)
from tests.builders.tills import money


def on_bill(bill_no: str, amount: str, *, of_open: str = "10", account: str = "BA-1") -> Allocation:
    return Allocation(
        account=account,
        bill_no=bill_no,
        bill_id=f"CB-{bill_no}",
        amount=money(amount),
        open_before=money(of_open),
    )


def by(tender: int, allocation: Allocation, amount: str | None = None) -> FundedAllocation:
    return FundedAllocation(
        tender=tender,
        allocation=allocation,
        amount=allocation.amount if amount is None else money(amount),
    )


@pytest.mark.parametrize(
    ("paid", "cleared"),
    [("9.949", None), ("9.950", "0.050"), ("9.999", "0.001"), ("10", None), ("5", None)],
)
def test_a_rest_up_to_the_tolerance_is_cleared_and_a_larger_one_stays(paid: str, cleared: str | None) -> None:
    """Rule 6: with a tolerance of 0.050."""
    [part] = clear_residues([on_bill("1", paid)], 50)

    assert part.written_off == (None if cleared is None else money(cleared))
    if cleared is not None:
        assert part.open_after == money("0")


def test_a_disputed_bill_keeps_its_rest_and_money_on_account_has_none() -> None:
    """Rule 6: what is argued about is not forgotten."""
    disputed = replace(on_bill("1", "9.999"), disputed=money("0.001"))
    credit = Allocation(account="BA-1", bill_no=None, bill_id=None, amount=money("5"))

    assert clear_residues([disputed, credit], 50) == [disputed, credit]


def test_without_a_tolerance_nothing_is_cleared() -> None:
    assert clear_residues([on_bill("1", "9.999")], 0) == [on_bill("1", "9.999")]


def test_the_last_tender_of_a_bill_tells_what_was_cleared() -> None:
    [first] = clear_residues([on_bill("1", "9.990")], 50)
    [other] = clear_residues([on_bill("2", "9.980", account="BA-2")], 50)
    whole = on_bill("3", "10")
    credit = Allocation(account="BA-1", bill_no=None, bill_id=None, amount=money("1"))

    told = write_offs_of(
        [by(0, first, "4"), by(0, credit), by(1, first, "5.990"), by(1, other), by(2, whole)]
    )

    assert told == [
        WriteOff(tender=1, account="BA-1", bill_no="1", bill_id="CB-1", amount=money("0.010")),
        WriteOff(tender=1, account="BA-2", bill_no="2", bill_id="CB-2", amount=money("0.020")),
    ]


def test_what_is_paid_brings_given_up_debt_back_once_and_no_more_than_there_was() -> None:
    """Rule 18: 12 were given up of BA-1; its bills get 5, 6 and 4, in that order."""
    credit = Allocation(account="BA-1", bill_no=None, bill_id=None, amount=money("9"))
    funded = [
        by(0, credit),
        by(0, on_bill("8", "7", account="BA-9")),
        by(0, on_bill("1", "5")),
        by(0, on_bill("2", "6")),
        by(1, on_bill("3", "4")),
        by(1, on_bill("4", "3")),
        by(2, on_bill("5", "1")),
    ]

    assert recoveries_of(funded, {"BA-1": money("12"), "BA-3": money("1")}) == [
        Recovery(tender=0, account="BA-1", amount=money("11")),
        Recovery(tender=1, account="BA-1", amount=money("1")),
    ]


@pytest.mark.parametrize("keep", [Purpose.ACCOUNT, Purpose.ADVANCE, Purpose.DEPOSIT])
def test_money_on_account_brings_no_debt_back(keep: Purpose) -> None:
    credit = Allocation(account="BA-1", bill_no=None, bill_id=None, amount=money("9"), keep=keep)

    assert recoveries_of([by(0, credit)], {"BA-1": money("12")}) == []


def posted(lines: list[JournalLine]) -> list[tuple[str, str | None, int]]:
    return [(line.ledger_account, line.account, line.debit.minor - line.credit.minor) for line in lines]


def test_what_is_given_up_is_a_loss_and_owed_no_longer_by_its_account() -> None:
    """Section 3.11."""
    assert posted(write_off_lines([("BA-1", money("0.010")), ("BA-2", money("0.020"))])) == [
        ("tolerance_write_off", None, 10),
        ("receivable", "BA-1", -10),
        ("tolerance_write_off", None, 20),
        ("receivable", "BA-2", -20),
    ]


def test_what_comes_back_is_owed_again_by_its_account() -> None:
    """Rule 18: the debt is restored first, so that the payment can pay it."""
    assert posted(recovery_lines([("BA-1", money("11")), ("BA-2", money("1"))])) == [
        ("receivable", "BA-1", 11_000),
        ("write_off_recovery", None, -11_000),
        ("receivable", "BA-2", 1_000),
        ("write_off_recovery", None, -1_000),
    ]
