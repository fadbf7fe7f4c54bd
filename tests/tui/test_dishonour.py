"""Bouncing a cheque at the screen: found by its serial, a reason, what it does in money and words, Enter."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from tests.builders.bounces import credited, taken, with_fee
from tests.builders.tills import cheque, findings, make_till, opened, rows
from tests.builders.undoing import open_bills
from tests.tui.counter import counter

NOTICE = "S014-T1-A-DN-000001"


@pytest.fixture
def desk() -> Desk:
    """A cheque that the bank has credited, in a shop that charges a fee."""
    desk = make_till(cheques=with_fee("5"))
    credited(desk, taken(desk, cheque("41.750"), cheques="41.750"), "41.750")
    opened(desk)
    return desk


async def test_a_cheque_bounces_in_four_keys(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1")
        assert seat.screen == "DishonourScreen"
        assert "Bill 7781 of BA-1: 41.750 KWD open again, due 2026-11-01 as before." in seat.text
        assert "Fee 5.000 KWD: BA-1 owes it." in seat.text
        assert [row["state"] for row in rows(desk, "v_cheque")] == ["credited"]

        await seat.press("enter")

        assert seat.screen == "ChequeScreen"
        assert seat.message == "Cheque 000123 is dishonoured, 5.000 KWD is charged."
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["dishonoured"]
    assert open_bills(desk)[NOTICE] == 5_000
    assert findings(desk) == []


async def test_a_bounced_cheque_goes_to_the_bank_once_more(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter")
        await seat.press("d", "enter")
        assert seat.message == "Cheque 000123 goes on the next deposit slip."
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["represented"]
    assert findings(desk) == []


async def test_a_reason_is_needed_and_leaving_books_nothing(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "enter")
        assert seat.message.startswith("! Why? Press the number of a reason")
        await seat.press("9")
        assert seat.message == "! There is no such reason."
        await seat.press("escape")
        assert seat.screen == "ChequeScreen"
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["credited"]


async def test_who_may_not_is_told(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.write("000123")
        await seat.press("enter", "d")
        assert seat.screen == "ChequeScreen"
        assert seat.message.startswith("! The back office does this.")
