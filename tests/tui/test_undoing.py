"""Undoing a payment at the screen: three keys and a reason, a second person where the shop wants one."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from tests.builders.tills import (
    card,
    cash,
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


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


async def test_the_last_payment_is_voided_in_3_keys_and_a_reason(desk: Desk) -> None:
    """tui.md: void 3 + reason; the second person's number and PIN are not counted."""
    pay(desk, cash("50"))
    async with counter(desk) as seat:
        await seat.press("ctrl+z")
        assert seat.screen == "CorrectionScreen"
        assert "VOID S014-T1-A-000001" in seat.text
        assert "Bill 7781 of BA-1 is open again" in seat.text
        assert "Give cash back" in seat.text
        await seat.press("2", "enter")
        assert seat.keys == 3
        assert "void receipt S014-T1-A-000001: " in seat.text
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()

        assert seat.screen == "FindScreen"
        said = " ".join(seat.message.split())
        assert "of S014-T1-A-000001 is undone, S014-T1-A-VS-000001 is being printed." in said
        assert "in cash back" in said
    assert [row["state"] for row in rows(desk, "v_payment")] == ["voided"]
    assert findings(desk) == []


async def test_without_a_reason_nothing_is_undone(desk: Desk) -> None:
    pay(desk, cash("5"))
    async with counter(desk) as seat:
        await seat.press("ctrl+z", "enter")
        assert seat.message == "! Why? Press the number of a reason first."
        await seat.press("9")
        assert seat.screen == "ReasonScreen"
        await seat.press("escape")
        assert seat.screen == "CorrectionScreen"
        await seat.press("enter")
        assert seat.message == "! Why? Press the number of a reason first."
        await seat.press("escape")
        assert seat.message == "Nothing was undone."
    assert rows(desk, "correction") == rows(desk, "approval_request") == []


async def test_other_reasons_are_said_in_words(desk: Desk) -> None:
    pay(desk, cash("5"))
    async with counter(desk) as seat:
        await seat.press("ctrl+z", "9")
        await seat.fill("Paid for the neighbour")
        await seat.press("enter")
        assert "Reason: other: Paid for the neighbour" in seat.text
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()
    assert [row["reason"] for row in rows(desk, "correction")] == ["Paid for the neighbour"]


async def test_one_bad_tender_is_chosen_with_tab(desk: Desk) -> None:
    pay(desk, cheque("10"), card("5"), cash("5"))
    async with counter(desk) as seat:
        await seat.press("ctrl+z", "tab")
        assert "CANCEL ONE TENDER OF S014-T1-A-000001" in seat.text
        assert "Cheque: hand the paper back" in seat.text
        assert "Give cash back" not in seat.text
        await seat.press("tab")
        assert "cancel it on the card terminal" in seat.text
        await seat.press("tab")
        assert "VOID" in seat.text
        await seat.press("tab", "6", "enter")
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()
    assert [row["kind"] for row in rows(desk, "correction")] == ["tender_cancellation"]
    assert findings(desk) == []


async def test_an_older_payment_is_found_by_its_number_and_reversed(desk: Desk) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number
    count(desk, "25")
    closed(desk)
    opened(desk)
    async with counter(desk) as seat:
        await seat.open(receipt)
        assert seat.screen == "ReceiptScreen"
        await seat.press("ctrl+z")
        assert f"REVERSE {receipt}" in seat.text
        await seat.press("4", "enter")
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()
        assert "RV-000001 is being printed. Give 5.000 KWD in cash back." in seat.message
        await seat.press("ctrl+z")
        assert seat.message == f"! Receipt {receipt} is undone already."
    assert findings(desk) == []


async def test_where_there_is_nothing_to_undo_it_is_said(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press("ctrl+z")
        assert seat.message == "! You have taken no payment here yet."
        await seat.write("77")
        await seat.press(".", "v")
    assert rows(desk, "correction") == []


async def test_who_may_not_undo_is_told_who_may(desk: Desk) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number
    async with counter(desk, user="6001") as seat:
        await seat.open(receipt)
        await seat.press("ctrl+z", "1", "enter")
        assert "You may not do this. Who may: cashier, supervisor" in seat.message
    assert rows(desk, "correction") == []
