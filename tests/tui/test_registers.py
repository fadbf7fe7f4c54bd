"""The lists of the menu: amounts whole beside every name, what is selected in full, F2 back to the find box."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from pos.till.post_dated import register_cheque
from pos.tui.widgets.columns import width_of
from tests.builders.tills import (
    CASHIER,
    account,
    bill,
    cash,
    cheque,
    in_suspense,
    make_till,
    money,
    opened,
    order,
    pay,
    tell,
)
from tests.tui.counter import counter

TAMIL = "மீனாட்சி குமார்"


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


@pytest.mark.parametrize("number", ["9", "p", "1", "2", "3", "4", "5"])
async def test_f2_leads_back_to_the_find_box(desk: Desk, number: str) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", *(number if number in "9p" else f".{number}"))
        assert seat.screen != "FindScreen"
        await seat.press("f2")

        assert seat.screen == "FindScreen"


async def test_an_amount_behind_a_name_of_an_indian_script_stays_on_the_screen(desk: Desk) -> None:
    """Most terminals give each vowel sign a column of its own, and what is last in the line must still be there."""
    tell(desk, accounts=[account("BA-90", TAMIL)], bills=[bill("7990", money("18.805"), of="BA-90")])
    later = order(desk, cheque("18.805", date="2026-11-30", drawer=TAMIL), account="BA-90")
    register_cheque(desk, CASHIER, later)
    async with counter(desk) as seat:
        await seat.press(".", "p")
        row = next(line for line in seat.text.splitlines() if "BA-90" in line)

        assert TAMIL in row
        assert row.endswith("18.805")
        assert width_of(row) < 80


async def test_what_is_known_of_a_sum_in_suspense_is_shown_in_full(desk: Desk) -> None:
    known = "Envelope in the letter box, no name on it, found on Sunday"
    pay(desk, cash("5"), allocate=[in_suspense("First", "2"), in_suspense(known, "3")])
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "3")
        assert known not in seat.text
        await seat.press("down")

        assert known in seat.text


@pytest.mark.parametrize("key", ["a", "y", "n"])
async def test_a_key_without_a_card_to_settle_says_so(desk: Desk, key: str) -> None:
    async with counter(desk) as seat:
        await seat.press(".", ".", "1", key)

        assert seat.message == "! Every card is settled. Esc goes back."
