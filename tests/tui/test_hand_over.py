"""Handing the shift over at the screen: one counts and leaves the seat, the other signs in, counts and accepts."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from pos.till.hand_over import hand_over
from tests.builders.tills import CASHIER, PINS, card, cash, count, findings, make_till, opened, pay, rows
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    pay(desk, cash("30"))
    return desk


async def test_a_shift_passes_to_the_next_person_at_the_same_till(desk: Desk) -> None:
    async with counter(desk, user="1001") as seat:
        await seat.press(".", "k", ".", "1")
        assert seat.screen == "HandOverScreen"
        await seat.fill("1002", "50", "0")
        await seat.press("enter")

        assert seat.screen == "SignInScreen"
        await seat.sign_in("1002")
        assert seat.screen == "AcceptScreen"
        assert "Shift 1 of user 1001 is handed over to user 1002" in seat.text
        assert "Cash 50.000 KWD" in seat.text
        await seat.write("50")
        await seat.press("enter")

        assert seat.screen == "FindScreen"
        assert seat.message == (
            "Shift 2 is yours with 50.000 KWD. S014-T1-A-HO-000001 is being printed for both to sign."
        )
        await seat.open("BA-2")
        await seat.press("f5", "enter")
    assert [row["operator"] for row in rows(desk, "shift")] == ["1001", "1002"]
    assert [row["operator"] for row in rows(desk, "payment_event")] == ["1001", "1002"]
    assert findings(desk) == []


async def test_what_the_other_counts_otherwise_is_not_accepted_and_may_be_refused(desk: Desk) -> None:
    count(desk, "50")
    hand_over(desk, CASHIER, "1002")

    async with counter(desk, user="1002") as seat:
        await seat.write("49")
        await seat.press("enter")
        assert seat.message.startswith("! You counted 49.000 KWD, but 50.000 KWD is handed over.")
        await seat.press("down")
        await seat.write("A note of 1 is missing")
        await seat.press("enter")
        assert seat.message == "Shift 1 stays with user 1001."

    (told,) = rows(desk, "v_hand_over")
    assert (told["state"], told["undone_because"]) == ("undone", "A note of 1 is missing")


async def test_a_count_that_differs_is_counted_again_and_handed_over_with_a_reason(desk: Desk) -> None:
    pay(desk, card("4", "000000000901"))
    async with counter(desk, user="1001") as seat:
        await seat.press(".", "k", ".", "1")
        assert "Debit card slips" in seat.text
        await seat.fill("1002", "49", "0", "0", "1", "4")
        assert seat.message.startswith("! The count differs.")
        await seat.press("enter", "enter", "enter", "enter", "enter")
        await seat.write("A note is missing")
        await seat.press("enter")
        assert seat.screen == "SignInScreen"
    (told,) = rows(desk, "v_hand_over")
    assert (told["state"], told["reason"]) == ("offered", "A note is missing")


async def test_whose_shift_it_is_takes_it_back_and_sells_on(desk: Desk) -> None:
    count(desk, "50")
    hand_over(desk, CASHIER, "1002")

    async with counter(desk, user="1001") as seat:
        assert seat.message == "! Shift 1 of user 1001 waits for user 1002 to accept it: . K . 1"
        await seat.press(".", "2")
        assert seat.message == "! Shift 1 of user 1001 waits for user 1002 to accept it: . K . 1"
        await seat.open("BA-2")
        await seat.press("f5")
        assert seat.message == "! Shift 1 waits for user 1002 to accept it. . K . 1 takes it back."
        await seat.press("escape", ".", "k", ".", "1")
        await seat.write("A queue has formed")
        await seat.press("enter")
        assert seat.message == "Shift 1 is yours as before."
        await seat.press("escape")
        await seat.open("BA-2")
        await seat.press("f5", "enter")
    assert [row["operator"] for row in rows(desk, "payment_event")] == ["1001", "1001"]


async def test_somebody_else_learns_who_is_waited_for_and_a_supervisor_may_step_in(desk: Desk) -> None:
    count(desk, "50")
    hand_over(desk, CASHIER, "1002")

    async with counter(desk, user="3001") as seat:
        await seat.press(".", "k", ".", "1")
        assert seat.message == "! Shift 1 is handed over to user 1002."
    async with counter(desk, user="2002") as seat:
        await seat.press(".", "k", ".", "1")
        await seat.write("50")
        await seat.press("enter")
        assert seat.message.startswith("Shift 2 is yours with 50.000 KWD.")
    assert PINS["2002"] not in str(rows(desk, "audit"))
    assert [row["ended_by"] for row in rows(desk, "v_hand_over")] == ["2002"]
