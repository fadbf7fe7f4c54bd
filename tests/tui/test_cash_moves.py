"""The cash office's numbers: cash in and out of the own drawer, and taking one back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.till.desk import Desk
from tests.builders.tills import SUPERVISOR, cash, findings, make_till, opened, pay, rows
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk, person=SUPERVISOR)
    pay(desk, cash("30"), person=SUPERVISOR)
    return desk


async def test_a_pickup_takes_4_keys_and_its_amount(desk: Desk) -> None:
    async with counter(desk, user="2002") as seat:
        await seat.press(".", "k", "1")
        assert seat.screen == "CashMoveScreen"
        await seat.fill("25")
        await seat.press("enter")

        assert seat.keys == 4
        assert seat.message == (
            "Pickup of 25.000 KWD: S014-T1-A-CM-000001 is being printed for both to sign."
        )
    assert [(row["kind"], row["drawer_minor"]) for row in rows(desk, "v_cash_move")] == [("pickup", -25_000)]
    assert findings(desk) == []


async def test_a_reason_is_chosen_by_its_number_and_a_wrong_one_says_which_there_are(desk: Desk) -> None:
    async with counter(desk, user="2002") as seat:
        await seat.press(".", "k", "4")
        assert "1 Postage" in seat.text
        await seat.fill("1.250", "9")
        await seat.press("enter")
        assert seat.message.startswith("! The reason is one of postage, supplies")
        await seat.fill("2")
        await seat.press("enter")
        assert seat.screen == "OfficeScreen"
    assert [(row["kind"], row["reason"]) for row in rows(desk, "cash_move")] == [("paid_out", "supplies")]


async def test_cash_that_was_moved_is_taken_back_by_two_people(desk: Desk) -> None:
    async with counter(desk, user="2002") as seat:
        await seat.press(".", "k", "2")
        await seat.fill("5")
        await seat.press("enter", "6")
        assert "S014-T1-A-CM-000001" in seat.text
        await seat.press("enter")
        await seat.write("Typed 5 for 50")
        await seat.press("enter")
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person("4001")
        assert seat.message == "S014-T1-A-CM-000001 is taken back, S014-T1-A-CM-000002 is being printed."
        await seat.press("down", "enter")
        await seat.write("Again")
        await seat.press("enter")
        assert seat.message == "! S014-T1-A-CM-000001 was taken back already."
    assert [row["drawer_minor"] for row in rows(desk, "v_cash_move")] == [5_000, -5_000]
    assert findings(desk) == []


async def test_a_cashiers_drawer_is_opened_only_with_a_reason_and_by_its_owner() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "k", "5", "enter")
        assert seat.message.startswith("! Say why")
        await seat.fill("Change for the bus")
        assert seat.message == "The drawer is open. It is counted, with your reason."
    async with counter(desk, user="1002") as seat:
        await seat.press(".", "k", "5")
        await seat.fill("Mine")
        assert seat.message == "! The open shift belongs to user 1001."
    assert len(rows(desk, "cash_move")) == 1


async def test_a_bundle_for_the_safe_is_counted_by_its_notes(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, denominations=(20_000, 5_000)))
    async with counter(desk, user="2002") as seat:
        await seat.press(".", "k", "1", "*")
        assert seat.screen == "DenominationsScreen"
        await seat.fill("2", "0")
        assert seat.screen == "CashMoveScreen"
        await seat.press("enter", "enter")
        assert seat.message.startswith("Pickup of 40.000 KWD")
    assert [(row["value_minor"], row["pieces"]) for row in rows(desk, "cash_move_piece")] == [(20_000, 2)]
