"""The back office at the list of commission that is left for settlement."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from tests.builders.tills import (
    bank_cash,
    cash,
    findings,
    grant_limit,
    leave_commission_for_settlement,
    make_till,
    opened,
    pay,
    rows,
    sale,
    stock,
)
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    """D-1 bought twice with cash and once by a bank receipt; D-2 by a bank receipt only."""
    desk = make_till()
    leave_commission_for_settlement(desk)
    stock(desk)
    grant_limit(desk, "1000")
    grant_limit(desk, "1000", "D-2")
    opened(desk)
    pay(desk, cash("20"), account="D-1", lines=[sale("SERVICE", 4)])
    pay(desk, cash("5"), account="D-1", lines=[sale("SERVICE")])
    pay(desk, bank_cash("10"), account="D-1", lines=[sale("SERVICE", 2)])
    pay(desk, bank_cash("5", "X-33"), account="D-2", lines=[sale("SERVICE")])
    return desk


def settled(desk: Desk) -> list[tuple[object, object]]:
    return [(row["dealer"], row["commission_minor"]) for row in rows(desk, "commission_settlement")]


async def test_the_back_office_settles_a_dealer_after_a_yes(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "5")
        assert seat.screen == "CommissionsScreen"
        line = next(line for line in seat.text.splitlines() if line.startswith(">  D-1"))
        assert line.split()[-4:] == ["2", "1.250", "0.125", "1.125"]
        assert "0.500 KWD more is kept back" in seat.text
        await seat.press("s")
        question = " ".join(seat.text.split())
        assert "Credit 1.125 KWD to dealer D-1" in question
        assert "commission 1.250 less 0.125 tax withheld?" in question
        assert settled(desk) == []
        await seat.press("enter")

        assert settled(desk) == [("D-1", 1_250)]
        assert seat.message == "1.125 KWD is on account D-1: commission 1.250 less 0.125 withheld."
        await seat.press("s")
        assert seat.message == "! Nothing of this dealer can be settled yet: its money is not sure."
    assert findings(desk) == []


async def test_a_no_settles_nothing(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "5", "s", "escape", "escape")

        assert seat.screen == "FindScreen"
    assert settled(desk) == []


async def test_what_is_kept_back_cannot_be_settled(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "5", "down")
        assert "0.250 KWD more is kept back" in seat.text
        await seat.press("s", "enter")

        assert seat.screen == "CommissionsScreen"
    assert settled(desk) == []


@pytest.mark.parametrize("user", ["1001", "2002", "6001"])
async def test_who_may_not_settle_is_told_who_may(desk: Desk, user: str) -> None:
    async with counter(desk, user=user) as seat:
        await seat.press("escape", ".", ".", "5", "s", "enter")

        assert seat.message == "! You may not do this. Who may: back office."
    assert settled(desk) == []


async def test_a_dealer_sees_only_what_is_owed_to_the_own_shop(desk: Desk) -> None:
    async with counter(desk, user="3001") as seat:
        await seat.press("escape", ".", ".", "5")

        assert "D-1" in seat.text
        assert "D-2" not in seat.text


async def test_nothing_is_left_for_settlement() -> None:
    async with counter(make_till(), user="4001") as seat:
        await seat.press("escape", ".", ".", "5", "s", "enter")

        assert "No commission is left for settlement." in seat.text
        assert seat.screen == "CommissionsScreen"
