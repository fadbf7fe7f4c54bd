"""A bill now, at an account's bills: central is asked once the cashier has said yes, and what it says is shown."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pos.domain.demanded_bill import BillDemanded, BillRefused, BillUnanswered, DemandOutcome
from pos.till.demand_bill import UNANSWERED
from pos.till.desk import Desk
from tests.builders.tills import make_till, opened, rows
from tests.tui.counter import counter


@dataclass
class Press:
    """Central: ``answers`` in turn, after them every bill is made."""

    answers: list[DemandOutcome] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def demand(self, account: str, key: str) -> DemandOutcome:
        self.asked.append((account, key))
        made = BillDemanded(account=account, demand_id="D", bill_id="IB-1")
        return self.answers.pop(0) if self.answers else made


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


async def test_a_bill_is_asked_for_once_it_was_said_yes_to(desk: Desk) -> None:
    press = Press()
    async with counter(desk, bills=press) as seat:
        await seat.open("BA-1")
        await seat.press("b", "escape")
        assert press.asked == []
        await seat.press("b", "enter")
        assert seat.message.startswith("Central made it.")
        assert seat.screen == "AccountScreen"
    assert [account for account, _ in press.asked] == ["BA-1"]
    assert [row["result"] for row in rows(desk, "audit") if row["act"] == "demand_bill"] == ["ok"]


async def test_who_got_no_answer_asks_for_the_same_bill_again(desk: Desk) -> None:
    press = Press(
        [BillUnanswered(reason="timed out"), BillRefused(code="nothing_to_bill", message="Nothing is left.")]
    )
    async with counter(desk, bills=press) as seat:
        await seat.open("BA-1")
        await seat.press("b", "enter")
        assert seat.message == f"! {UNANSWERED}"
        await seat.press("b", "enter")
        assert seat.message == "! Nothing is left."
    first, again = press.asked
    assert first == again


async def test_who_was_told_no_asks_anew(desk: Desk) -> None:
    """Central keeps its no by the name that it was asked by: calls that came since would never be billed."""
    press = Press([BillRefused(code="nothing_to_bill", message="Nothing is left.")])
    async with counter(desk, bills=press) as seat:
        await seat.open("BA-1")
        await seat.press("b", "enter")
        assert seat.message == "! Nothing is left."
        await seat.press("b", "enter")
        assert seat.message.startswith("Central made it.")
    first, anew = press.asked
    assert first != anew


async def test_a_till_without_central_says_so(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("b", "enter")
        assert seat.message == "! Bills are made by central, and this till has none."
