"""Every cheque at the screen: found by serial, account or drawer, with its life and its paper."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pos.till.deposits import deposit_cheques
from pos.till.desk import Desk
from tests.builders.tills import (
    BACK_OFFICE,
    TODAY,
    cheque,
    closed,
    count,
    findings,
    make_till,
    opened,
    pay,
    rows,
)
from tests.tui.counter import counter

SLIP = "S014-T1-A-DS-000001"


@pytest.fixture
def desk() -> Desk:
    """One cheque on a slip, one nearly too old in hand."""
    desk = make_till()
    opened(desk)
    pay(desk, cheque("41.750", "000123", drawer="Zoë O'Brien", branch="042"))
    pay(desk, cheque("12.500", "000124", date=(TODAY - timedelta(days=170)).isoformat()))
    count(desk, "20", cheques="54.250", cheque_count=2)
    closed(desk)
    deposit_cheques(desk, BACK_OFFICE, ["S014-T1-A-000001"])
    return desk


async def test_a_cheque_is_found_in_the_list_and_shows_its_life_and_paper(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7", "a")
        assert seat.screen == "ChequesScreen"
        old, young = [line for line in seat.text.splitlines() if "00012" in line]
        assert old.split()[1:6] == ["2026-06-04", "10", "days", "000124", "12.500"]
        assert "in hand" in old
        assert "on a slip" in young
        await seat.write("000123")
        await seat.press("enter")

        assert seat.screen == "ChequeScreen"
        assert "Cheque 000123: 41.750 KWD, on a slip" in seat.text
        assert f"Paper S014-T1-A-000001  Slip {SLIP}" in seat.text
        steps = [line.split() for line in seat.text.splitlines() if "2026-11-21 10:15" in line]
        assert [line[-4:] for line in steps] == [
            ["in", "hand", "1001", "S014-T1-A-000001"],
            ["a", "slip", "4001", SLIP],
        ]
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
        await seat.press("escape", "escape")
        assert seat.screen == "DepositsScreen"


async def test_the_find_box_opens_a_cheque_by_its_serial(desk: Desk) -> None:
    opened(desk)
    async with counter(desk) as seat:
        await seat.write("000124")
        assert "Zoë O'Brien" in seat.text
        assert "cheque" in seat.text
        await seat.press("enter")
        assert seat.screen == "ChequeScreen"
        assert "10 days left" in seat.text
        await seat.press("escape")
        assert seat.screen == "FindScreen"


async def test_a_serial_that_is_none_finds_nothing(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7", "a")
        await seat.write("999999")
        assert seat.message.startswith("Nothing found for 999999.")


async def test_a_cheque_that_lies_here_is_given_back_and_one_on_a_slip_is_not(desk: Desk) -> None:
    async with counter(desk, user="2002") as seat:
        await seat.press("escape")
        await seat.write("000124")
        await seat.press("enter", "w")
        assert "Give cheque 000124 over 12.500 KWD back. What it had paid is owed again." in " ".join(
            seat.text.split()
        )
        await seat.write("Pays by transfer")
        await seat.press("enter")
        assert seat.message == "S014-T1-A-TC-000001 is being printed: hand the cheque over."
        assert "given back" in seat.text
        await seat.press("w")
        assert seat.message.startswith("! This cheque is given back")
        await seat.press("escape")
    assert {row["serial"]: row["state"] for row in rows(desk, "v_cheque")} == {
        "000123": "batched",
        "000124": "returned",
    }
    assert findings(desk) == []


async def test_where_there_is_no_cheque_nothing_was_asked_for() -> None:
    async with counter(make_till(), user="4001") as seat:
        await seat.press(".", ".", "7", "a")
        assert seat.message.startswith("There is nothing yet. Type a serial")
