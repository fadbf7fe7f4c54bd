"""Files of banks at the screen: number . 4 of the cash office."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from tests.builders.bank_files import mandated, paid, returned, run
from tests.builders.tills import PINS, findings, make_till, rows
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    return make_till()


async def test_a_file_leads_to_its_entries_and_those_to_their_receipts(desk: Desk) -> None:
    mandated(desk)
    run(desk, paid("R-1", "41.750", mandate="M-1"), paid("R-2", "7.000", account="D-1"), name="may.xml")
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", ".", "4")
        assert seat.screen == "BankFilesScreen"
        assert "may.xml" in seat.text
        await seat.press("enter")

        assert seat.screen == "FileEntriesScreen"
        assert "1 parked (7.000 KWD), 1 posted (41.750 KWD)" in seat.text
        assert "mode not for payer" in seat.text
        await seat.press("down")
        assert "receipt S014-T1-A-DD-000001" in seat.text


async def test_what_was_parked_is_paid_to_its_account(desk: Desk) -> None:
    run(desk, paid("R-1", "7.000", account="D-1"))
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", ".", "4", "p")
        assert seat.screen == "ParkedEntriesScreen"
        await seat.press("enter")
        assert "Entry 1 of a.xml: paid, 7.000 KWD" in seat.text
        await seat.press("1")
        assert seat.screen == "SettleEntryScreen"
        await seat.press("ctrl+u")
        await seat.fill("BA-1", "The dealer paid for her")

        assert seat.screen == "ParkedEntriesScreen"
        assert seat.message == "Entry 1, 7.000 KWD, is paid to account BA-1: receipt S014-T1-A-DD-000001."
        assert "Nothing waits." in seat.text
    assert [row["account"] for row in rows(desk, "v_allocation")] == ["BA-1"]
    assert findings(desk) == []


async def test_a_write_off_is_done_once_a_second_person_has_said_yes(desk: Desk) -> None:
    run(desk, returned("R-9", "7.000"))
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", ".", "4", "p", "enter", "3")
        await seat.fill("The bank never answered")
        assert seat.screen == "SecondPersonScreen"
        await seat.fill("2002", PINS["2002"])

        assert "is written off" in seat.message
    assert [row["how"] for row in rows(desk, "bank_entry_step")] == ["written_off"]
    assert findings(desk) == []


async def test_what_was_sent_back_is_undone_from_its_file(desk: Desk) -> None:
    run(desk, returned("R-9", "7.000"))
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", ".", "4", "enter", "enter", "2")
        await seat.fill("The bank's mistake")
        assert "sent back" in seat.text
        await seat.press("enter")
        assert "The bank's mistake" in seat.text
        await seat.press("1")
        await seat.fill("It was not")

        assert "is undone" in seat.message
        assert "PARKED" in seat.text
    assert [row["how"] for row in rows(desk, "bank_entry_step")] == ["sent_back", "undone"]
    assert findings(desk) == []


async def test_an_auditor_looks_and_settles_nothing(desk: Desk) -> None:
    run(desk, returned("R-9", "7.000"))
    async with counter(desk, user="6001") as seat:
        await seat.press(".", "k", ".", "4", "p", "enter", "2")
        await seat.fill("Mine now")

        assert "You may look at this, not do it." in seat.message
    assert rows(desk, "bank_entry_step") == []


@pytest.mark.parametrize("user", ["1001", "3001"])
async def test_nobody_else_sees_what_banks_told(desk: Desk, user: str) -> None:
    run(desk, paid("R-1", "7.000"), name="may.xml")
    async with counter(desk, user=user) as seat:
        await seat.press("escape", ".", "k", ".", "4")

        assert "may.xml" not in seat.text
    assert ("import", "denied") in [(row["act"], row["result"]) for row in rows(desk, "audit")]
