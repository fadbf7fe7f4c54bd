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
        assert "Reason: Paid for the neighbour" in seat.text
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


# --- paid another way --------------------------------------------------------------------------------------------------


async def test_a_supervisor_keys_it_anew_as_it_was_really_paid(desk: Desk) -> None:
    """Rule 36, at the cashier's till and in the cashier's open shift."""
    receipt = pay(desk, cash("50")).receipt.receipt_number
    async with counter(desk, user="2002") as seat:
        await seat.open(receipt)
        await seat.press("ctrl+z", "w")
        assert seat.screen == "PaidAnewScreen"
        assert f"PAID ANOTHER WAY  {receipt}" in seat.text
        assert "What was it really paid by?" in seat.message
        await seat.press("f6")
        assert "paid another way: 50.000" in seat.text
        await seat.fill("A1B2C3", "4242", "VISA", "RRN001", "T-77")
        await seat.press("enter")
        assert seat.screen == "SecondPersonScreen"
        assert "was really paid by Debit card" in " ".join(seat.text.split())
        await seat.second_person("4001")

        assert seat.screen == "ReceiptScreen"
        assert seat.message == "Receipt S014-T1-A-000002 stands in its place."
    assert [row["state"] for row in rows(desk, "v_payment")] == ["voided", "taken"]
    assert [row["mode"] for row in rows(desk, "v_tender")] == ["cash", "debit_card"]
    assert findings(desk) == []


async def test_several_tenders_are_keyed_anew_and_nothing_else_is_asked(desk: Desk) -> None:
    receipt = pay(desk, card("50")).receipt.receipt_number
    async with counter(desk, user="2002") as seat:
        await seat.open(receipt)
        await seat.press("ctrl+z", "w")
        await seat.write("20")
        await seat.press("f5", "enter")
        assert "is laid aside. 30.000 KWD is missing" in seat.message
        await seat.press("v")
        assert seat.screen == "PaidAnewScreen"
        await seat.press("f5", "enter")
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person("4001")
        assert seat.message == "Receipt S014-T1-A-000002 stands in its place."
    assert [row["mode"] for row in rows(desk, "v_tender")] == ["debit_card", "cash", "cash"]
    assert findings(desk) == []


async def test_escape_leaves_the_payment_as_it_was(desk: Desk) -> None:
    receipt = pay(desk, cash("50")).receipt.receipt_number
    async with counter(desk, user="2002") as seat:
        await seat.open(receipt)
        await seat.press("ctrl+z", "w", "escape")
        assert seat.message == "Nothing was changed."
    assert [row["state"] for row in rows(desk, "v_payment")] == ["taken"]


async def test_a_cashier_is_told_who_changes_what_a_payment_was_paid_by(desk: Desk) -> None:
    pay(desk, cash("50"))
    async with counter(desk) as seat:
        await seat.press("ctrl+z", "w")
        assert seat.message == "! What a payment was paid by is changed by a supervisor or the back office."


async def test_a_payment_of_an_earlier_shift_is_not_keyed_anew(desk: Desk) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number
    count(desk, "25")
    closed(desk)
    opened(desk)
    async with counter(desk, user="2002") as seat:
        await seat.open(receipt)
        await seat.press("ctrl+z", "w")
        assert seat.message == "! It is of another shift: reverse it, then take it anew."
