"""Counting by notes and coins, and by slip, at the screen."""

from __future__ import annotations

from dataclasses import replace

from pos.till.desk import Desk
from tests.builders.tills import card, findings, make_till, opened, pay, rows
from tests.tui.counter import counter


def with_denominations(**more: object) -> Desk:
    desk = make_till()
    shift = replace(desk.policy.shift, denominations=(20_000, 5_000, 250), **more)  # type: ignore[arg-type]
    desk.policy = replace(desk.policy, shift=shift)
    return desk


async def test_a_float_and_a_drawer_are_counted_by_notes_and_coins() -> None:
    desk = with_denominations()
    async with counter(desk) as seat:
        await seat.press("*")
        assert seat.screen == "DenominationsScreen"
        await seat.fill("1", "1", "2")
        assert seat.screen == "OpenShiftScreen"
        await seat.press("enter")
        assert seat.message == "Shift 1 is open with a float of 25.500 KWD."
        await seat.press(".", "2", "*")
        await seat.fill("1", "1")
        assert "together 25.000 KWD" in seat.text
        await seat.fill("2")
        assert seat.screen == "CloseShiftScreen"
        await seat.press("enter", "enter", "enter")
        assert seat.screen == "ShiftClosedScreen"
    assert [row["pieces"] for row in rows(desk, "shift_float_piece")] == [2, 1, 1]
    assert [row["pieces"] for row in rows(desk, "shift_count_piece")] == [2, 1, 1]
    assert findings(desk) == []


async def test_card_slips_are_asked_for_where_cards_were_taken() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, card("10"))
    async with counter(desk) as seat:
        await seat.press(".", "2")
        assert "Debit card slips" in seat.text
        await seat.fill("20")
        await seat.press("enter", "enter")
        await seat.fill("1", "10")
        assert seat.screen == "ShiftClosedScreen"
    assert [(row["mode"], row["slips"]) for row in rows(desk, "shift_count_slip")] == [("debit_card", 1)]


async def test_a_large_float_is_opened_with_a_second_person_at_the_seat() -> None:
    desk = with_denominations(float_alone_minor=50_000)
    async with counter(desk) as seat:
        await seat.write("80")
        await seat.press("enter")
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()
        assert seat.message == "Shift 1 is open with a float of 80.000 KWD."


async def test_a_blank_sheet_to_count_on_is_printed_from_the_cash_office() -> None:
    desk = with_denominations()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "k", ".", "5")
        assert seat.message == "S014-T1-A-CS-000001 is being printed, to count on."
