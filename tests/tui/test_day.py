"""The end of a day at the screen: what stops it, the safe's count, the close."""

from __future__ import annotations

from tests.builders.tills import TODAY, cash, closed, count, findings, make_till, opened, pay, rows
from tests.tui.counter import counter


async def test_a_day_is_closed_once_nothing_stops_it() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("41.750"))
    count(desk, "62")
    closed(desk, "Coins too many")
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", "0")
        assert seat.screen == "DayScreen"
        assert f"Business day {TODAY}: 1 shift, 41.750 KWD taken" in seat.text
        assert "1 of these must be done first (STOP)." in seat.text
        assert "Shift 1: difference not signed for" in seat.text
        await seat.press("enter")
        assert seat.message.startswith("! Shift 1: difference not signed for (. K 7).")
        await seat.press("escape", "7", "a")
        await seat.write("Looked through")
        await seat.press("enter", "escape", "9")
        assert seat.screen == "SafeCountScreen"
        await seat.fill("500")
        assert "500.000 KWD counted. The safe's books begin with it." in seat.message
        await seat.press("0")
        assert "Nothing stops its close. Enter closes it." in seat.text
        assert "safe was not counted" not in seat.text
        await seat.press("enter")
        assert seat.screen == "ConfirmScreen"
        assert f"Close business day {TODAY} with 41.750 KWD? It cannot be opened again" in seat.text
        await seat.press("enter")
        assert seat.message == (
            f"Business day {TODAY} is closed: 41.750 KWD. S014-T1-A-D-000001 is being printed."
        )
        await seat.press("0", "enter")
        assert seat.message == "! There is no business day to close. Esc goes back."
    assert [row["business_date"] for row in rows(desk, "v_day")] == [TODAY.isoformat()]
    assert findings(desk) == []


async def test_a_safe_that_differs_asks_for_a_reason_without_saying_by_how_much() -> None:
    desk = make_till()
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", "9")
        await seat.fill("500")
        await seat.press("9")
        await seat.fill("499")
        assert seat.message == "! The count differs. Count again, or give a reason."
        await seat.press("enter")
        await seat.write("A coin roll is missing")
        await seat.press("enter")
        assert "It was 1.000 short, which is booked." in seat.message
    assert [row["difference_minor"] for row in rows(desk, "safe_count")] == [0, -1_000]


async def test_a_shift_that_is_opened_after_the_close_says_which_day_it_is_of() -> None:
    desk = make_till()
    opened(desk)
    count(desk, "20")
    closed(desk)
    async with counter(desk, user="2002") as seat:
        assert f"business date {TODAY}" in seat.text
        await seat.press("escape", ".", "k", "0", "enter", "enter", "escape", ".", "1")
        assert f"business date {TODAY.replace(day=TODAY.day + 1)}" in seat.text
