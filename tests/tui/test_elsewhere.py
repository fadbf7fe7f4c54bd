"""A second person at another terminal, as both screens show it: the form here goes on by itself (domain.md rule 33)."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from sync.approvals_elsewhere import CentralApprovals
from tests.builders.elsewhere import answered, listed, receipt_of, request_here, said_yes, synced, two_tills
from tests.builders.tills import findings, rows
from tests.builders.wire import Wire
from tests.tui.counter import Counter, counter

LARGE = {"elsewhere_minor": {"refund": 5_000}}


def at(wire: Wire, user: str = "1001") -> AbstractAsyncContextManager[Counter]:
    return counter(wire.desk, user=user, approvals=CentralApprovals(wire.client))


async def ask_refund(seat: Counter, receipt: str) -> None:
    await seat.open(receipt)
    await seat.press("r", "enter")
    await seat.fill("5")
    await seat.press("enter")
    assert seat.screen == "SecondPersonScreen"


async def a_second_later(seat: Counter) -> None:
    seat.app._each_second()
    await seat.settle()
    await seat.settle()


async def test_a_large_refund_waits_for_another_terminal_and_then_goes_on_by_itself() -> None:
    """Rule 33: remote above the cap; nobody at the seat can say yes."""
    here, there = await two_tills(**LARGE)
    receipt = receipt_of(here)
    async with at(here) as seat:
        await ask_refund(seat, receipt)
        assert "at another terminal" in seat.message
        assert "Other terminals are asked." in " ".join(seat.message.split())
        assert "PIN" not in seat.text
        await seat.press("enter")
        await synced(here)
        await a_second_later(seat)
        assert seat.screen == "SecondPersonScreen"

        await said_yes(there)
        await synced(here)
        await a_second_later(seat)

        assert seat.screen != "SecondPersonScreen"
        assert f"6.000 KWD of {receipt} is paid back" in " ".join(seat.message.split())
    assert [row["terminal"] for row in rows(here.desk, "v_approval")] == ["T2"]
    assert findings(here.desk) == []


async def test_a_no_from_another_terminal_is_told_where_it_is_waited_for() -> None:
    here, there = await two_tills(**LARGE)
    async with at(here) as seat:
        await ask_refund(seat, receipt_of(here))
        await synced(here)
        (request,) = await listed(there)
        await answered(there, request, declined="The customer has left")
        await synced(here)
        await a_second_later(seat)

        assert seat.screen == "RefundScreen"
        assert "User 2002 said no to request R-1." in seat.message


async def test_e_asks_other_terminals_beside_the_seat_and_whoever_is_first_says_yes() -> None:
    here, there = await two_tills()
    first, second = receipt_of(here), receipt_of(here, "7")
    async with at(here) as seat:
        await ask_refund(seat, first)
        await seat.press("e")
        assert "Other terminals are asked for R-1 too" in " ".join(seat.message.split())
        await seat.press("e")
        assert "asked already" in seat.message
        await synced(here)
        await said_yes(there)
        await synced(here)
        await a_second_later(seat)
        assert f"6.000 KWD of {first} is paid back" in " ".join(seat.message.split())

    async with at(here) as seat:
        await ask_refund(seat, second)
        await seat.press("e")
        await seat.second_person()
        assert f"4.000 KWD of {second} is paid back" in " ".join(seat.message.split())
    await synced(here)
    await synced(here)
    assert await listed(there) == []


async def test_a_till_without_a_central_says_that_nobody_elsewhere_can_be_asked() -> None:
    here, _ = await two_tills()
    async with counter(here.desk) as seat:
        await ask_refund(seat, receipt_of(here))
        await seat.press("e")
        assert seat.message.startswith("! This till has no central")
        await seat.press("escape")


@pytest.mark.parametrize("yes", [True, False])
async def test_whoever_may_decides_on_the_other_terminals_request_in_the_list(yes: bool) -> None:
    here, there = await two_tills(**LARGE)
    receipt = receipt_of(here)
    async with at(here) as seat:
        await ask_refund(seat, receipt)
        await seat.press("escape")
    await synced(here)

    async with at(there, "2002") as seat:
        if seat.screen == "OpenShiftScreen":
            await seat.press("escape")
        await seat.press(".", ".", "9")
        await seat.settle()
        assert "T1 R-1" in seat.text
        assert f"refund 6.000 KWD of receipt {receipt} to BA-1" in seat.text
        if yes:
            await seat.press("y", "enter")
            await seat.settle()
            assert "R-1 of terminal T1 is approved." in seat.message
        else:
            await seat.press("n")
            await seat.fill("Not without the paper")
            await seat.settle()
            assert "R-1 of terminal T1 is declined." in seat.message
        assert f"{'Approved' if yes else 'Declined'}, by user 2002 at terminal T2" in seat.text
    await synced(here)
    assert str(request_here(here).state) == ("approved" if yes else "declined")


async def test_while_central_is_silent_the_list_holds_the_own_requests_and_says_so() -> None:
    _, there = await two_tills()
    receipt = receipt_of(there)
    async with at(there) as seat:
        await ask_refund(seat, receipt)
        await seat.press("escape")
    there.network.down()
    async with at(there, "2002") as seat:
        if seat.screen == "OpenShiftScreen":
            await seat.press("escape")
        await seat.press(".", ".", "9")
        await seat.settle()
        assert "R-1" in seat.text
        assert "Central does not answer" in seat.message
