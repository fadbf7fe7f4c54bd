"""The back office at the list of dealers' bank receipts: looks, verifies, rejects, lets go on."""

from __future__ import annotations

import pytest

from pos.till.bank_receipts import reject_bank_receipt
from pos.till.desk import Desk
from tests.builders.tills import BACK_OFFICE, TODAY, bank_cash, bank_cheque, make_till, opened, pay, rows
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    """Two receipts of one dealer and one of another wait."""
    desk = make_till()
    opened(desk)
    pay(desk, bank_cash("15", "K7-20991"), account="D-1")
    pay(desk, bank_cheque("9", "M-5", date=TODAY.replace(day=30).isoformat()), account="D-2")
    pay(desk, bank_cash("7", "X-33"), account="D-1")
    return desk


def states(desk: Desk) -> list[object]:
    """In the order of the receipts."""
    found = sorted(rows(desk, "v_bank_receipt"), key=lambda row: str(row["receipt_number"]))
    return [row["state"] for row in found]


async def test_the_back_office_verifies_a_receipt_after_a_yes(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2")
        assert seat.screen == "BankReceiptsScreen"
        assert "3 wait for the bank, 0 rejected" in seat.text
        await seat.press("y")
        assert "Has the bank 15.000 KWD of D-1" in seat.text
        assert states(desk) == ["presented"] * 3
        await seat.press("enter")

        assert states(desk) == ["verified", "presented", "presented"]
        assert seat.message == "15.000 of D-1 is verified."
        assert "2 wait for the bank" in seat.text


async def test_a_no_verifies_nothing(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2", "y", "escape")

        assert states(desk) == ["presented"] * 3


async def test_what_is_uncleared_says_so_and_is_not_verified(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2", "down")
        assert "UNCLEARED until 2026-11-30" in seat.text
        await seat.press("y", "enter")

        assert seat.message == "! The bank counts this money from 2026-11-30 on. Verify it then."
        assert states(desk) == ["presented"] * 3


async def test_a_receipt_is_rejected_by_the_number_of_a_reason_and_the_dealer_let_go_on(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2", "n")
        assert seat.screen == "RejectReasonScreen"
        await seat.press("9")
        assert seat.message == "! There is no reason 9."
        await seat.press("4")

        assert states(desk)[0] == "rejected"
        assert "forged" in {row["reason"] for row in rows(desk, "v_bank_receipt")}
        assert "REJECTED" in seat.text
        assert "Rejected: The paper is forged" in seat.text
        await seat.press("u")
        assert seat.screen == "UnblockScreen"
        await seat.press("enter")
        assert seat.message == "! Say how it was settled, then Enter."
        await seat.write("Paid in cash")
        await seat.press("enter")

        assert states(desk)[0] == "settled"
        assert seat.message == "D-1 may bring bank receipts again."


async def test_leaving_the_reasons_rejects_nothing(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2", "n", "escape")

        assert states(desk) == ["presented"] * 3


async def test_enter_shows_the_receipt(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2", "enter")

        assert seat.screen == "ReceiptScreen"
        assert "RECEIPT S014-T1-A-000001" in seat.text


async def test_a_dealer_sees_only_the_own_receipts_and_decides_on_none(desk: Desk) -> None:
    async with counter(desk, user="3001") as seat:
        await seat.press("escape", ".", ".", "2")
        assert "2 wait for the bank" in seat.text
        assert "D-2" not in seat.text
        await seat.press("y", "enter")

        assert seat.message.startswith("! You may not do this.")
        assert states(desk) == ["presented"] * 3


async def test_who_took_it_is_told_that_another_person_decides(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press(".", ".", "2", "n", "1")

        assert seat.message.startswith("! You may not do this.")


async def test_nothing_waits() -> None:
    desk = make_till()
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "2", "y", "n", "enter")

        assert "No bank receipt waits." in seat.text
        await seat.press("u")
        assert seat.message == "! Choose a rejected receipt: its dealer can be let go on."


async def test_the_dealers_screen_says_that_the_dealer_is_blocked_and_what_is_left(desk: Desk) -> None:
    reject_bank_receipt(desk, BACK_OFFICE, "S014-T1-A-000001", "forged")
    async with counter(desk) as seat:
        await seat.open("D-1")

        assert "BLOCKED" in seat.text
        assert "Unverified 7.000  Left 0.000" in seat.text
