"""Refunds and transfers at the screen: found by the receipt, a few keys, a second person, and what it does shown first."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pos.domain.refund_across import HoldOutcome, LookUpOutcome, RefundAsked, TakenElsewhere
from pos.till.desk import Desk
from pos.till.refunds import RefundOrder, refund
from tests.builders.across import ALONE, RECEIPT, UNANSWERED, FakeRefunds, elsewhere
from tests.builders.tills import (
    CASHIER,
    card,
    cash,
    cheque,
    findings,
    make_till,
    opened,
    pay,
    rows,
    wish,
)
from tests.builders.undoing import approved
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


async def test_a_refund_takes_6_keys_and_the_pin(desk: Desk) -> None:
    """tui.md: refund with local approval, 6 + PIN."""
    receipt = pay(desk, cash("10")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("r")
        assert seat.screen == "RefundScreen"
        await seat.press("enter")
        await seat.fill("5")
        await seat.press("enter")
        assert seat.keys <= 6
        assert f"refund 10.000 KWD of receipt {receipt} to BA-1" in seat.text
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()

        assert f"10.000 KWD of {receipt} is paid back" in " ".join(seat.message.split())
        assert "Give 10.000 KWD in cash back." in " ".join(seat.message.split())
    assert [row["state"] for row in rows(desk, "v_refund")] == ["paid"]
    assert findings(desk) == []


async def test_a_part_is_paid_back_to_a_card_and_owed(desk: Desk) -> None:
    receipt = pay(desk, card("10")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("r")
        await seat.fill("4", "9", "Charged for roaming")
        assert "Reason: Charged for roaming" in seat.text
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()
        assert "cash back" not in seat.message
    assert [(row["amount_minor"], row["state"]) for row in rows(desk, "v_refund")] == [(4_000, "approved")]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("typed", "said", "at"),
    [
        (("10.005", "1", ""), "! At most 10.000 KWD of receipt", "amount"),
        (("5", "0", ""), "! Type a number from 1 to 9.", "reason"),
        (("5", "9", ""), "! Say why in words; it is kept with your name.", "text"),
    ],
)
async def test_what_is_wrong_with_a_refund_is_told_at_its_field(
    desk: Desk, typed: tuple[str, ...], said: str, at: str
) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("r")
        await seat.fill(*typed)

        assert seat.message.startswith(said)
        assert seat.app.focused is not None
        assert seat.app.focused.id == f"{at}-box"
    assert rows(desk, "correction") == rows(desk, "approval_request") == []


async def test_a_transfer_shows_what_it_does_before_it_does_it(desk: Desk) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("t")
        assert seat.screen == "TransferScreen"
        await seat.fill("BA-2")
        await seat.press("enter")
        await seat.fill("1", "")
        assert "of BA-1 open again: 10.000" in seat.text
        assert "BA-2" in seat.text.split("open again")[1]
        assert rows(desk, "approval_request") == []
        await seat.press("enter")
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person()
        assert f"10.000 KWD of {receipt} is moved" in " ".join(seat.message.split())
    assert [row["to_account"] for row in rows(desk, "v_transfer")] == ["BA-2"]
    assert findings(desk) == []


async def test_what_was_changed_after_the_look_is_shown_again(desk: Desk) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("t")
        await seat.fill("BA-2", "10", "1", "")
        await seat.press("up", "up", "up")
        await seat.fill("BA-3", "10", "1", "")
        assert seat.screen == "TransferScreen"
        assert "BA-3" in seat.text.split("open again")[1]
    assert rows(desk, "correction") == []


async def test_a_cheque_that_is_not_cleared_is_neither_paid_back_nor_moved(desk: Desk) -> None:
    receipt = pay(desk, cheque("10")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("r")
        await seat.fill("1", "1", "")
        assert "Nothing of receipt" in seat.message
        await seat.press("escape", "t")
        await seat.fill("BA-2", "1", "1", "")
        assert "may be moved" in seat.message
    assert rows(desk, "correction") == []


async def test_who_may_not_pay_back_is_told_who_may(desk: Desk) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number
    async with counter(desk, user="6001") as seat:
        await seat.open(receipt)
        await seat.press("r")
        await seat.fill("1", "1", "")
        assert "You may not do this. Who may: cashier, supervisor, back office." in seat.message
    assert rows(desk, "correction") == []


# --- other bills, and what is owed ---------------------------------------------------------------------------------------


async def test_money_is_set_against_another_bill_once_it_was_shown(desk: Desk) -> None:
    receipt = pay(desk, cash("10"), allocate=[wish("7781", "10")]).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("m")
        assert seat.screen == "ReallocateScreen"
        assert "Open: 7781 31.750, 7782 12.500" in seat.text
        await seat.fill("7782", "8.250", "1", "")
        assert "Bill 7781 of BA-1 open again: 8.250" in seat.text
        assert "Bill 7782 of BA-1 paid: 8.250" in seat.text
        assert rows(desk, "approval_request") == []
        await seat.press("enter")
        await seat.second_person()
        assert f"8.250 KWD of {receipt} is moved" in " ".join(seat.message.split())
    (placed,) = rows(desk, "placed_part")
    assert (placed["bill_no"], placed["amount_minor"], placed["chosen_by"]) == ("7782", 8_250, "payer")
    assert findings(desk) == []


async def test_without_a_bill_it_becomes_credit(desk: Desk) -> None:
    receipt = pay(desk, cash("10"), allocate=[wish("7781", "10")]).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("m", "enter", "enter")
        await seat.fill("8", "")
        assert "Credit on BA-1: 10.000" in seat.text
        await seat.press("enter")
        await seat.second_person()
    assert [row["bill_no"] for row in rows(desk, "placed_part")] == [None]
    assert findings(desk) == []


async def test_a_bill_that_does_not_want_so_much_is_told_at_its_field(desk: Desk) -> None:
    receipt = pay(desk, cash("10"), allocate=[wish("7781", "10")]).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("m")
        await seat.fill("7783", "9", "1", "")
        assert seat.message == "! Bill 7783 of BA-1 does not want 9.000 KWD."
        assert seat.app.focused is not None
        assert seat.app.focused.id == "bill-box"


async def test_the_back_office_says_which_refunds_the_bank_has_paid(desk: Desk) -> None:
    receipt = pay(desk, card("10")).receipt.receipt_number
    approved(
        desk, lambda: refund(desk, CASHIER, RefundOrder(receipt=receipt, reason="billed_twice", amount="4"))
    )
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", "r")
        assert seat.screen == "RefundsScreen"
        assert "Refunds to be paid: 1, 4.000 KWD" in seat.text
        await seat.press("y")
        await seat.fill("CARD-7781")
        assert "4.000 KWD of S014-T1-A-RF-000001 is paid, reference CARD-7781." in " ".join(
            seat.message.split()
        )
        assert "Refunds to be paid: none" in seat.text
        await seat.press("y")
        assert seat.message == "! No refund waits to be paid. Esc goes back."
    assert [row["state"] for row in rows(desk, "v_refund")] == ["confirmed"]
    assert findings(desk) == []


async def test_a_transfer_takes_6_keys(desk: Desk) -> None:
    """tui.md: transfer of a payment, 6."""
    receipt = pay(desk, cash("10")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        await seat.press("t")
        await seat.fill("BA-2")
        await seat.press("enter")
        await seat.fill("1")
        await seat.press("enter", "enter")
        assert seat.screen == "SecondPersonScreen"
        assert seat.keys <= 6


# --- what another terminal took --------------------------------------------------------------------------------------


async def test_a_receipt_of_another_terminal_is_found_on_enter_and_paid_back(desk: Desk) -> None:
    """tui.md: 6 keys and the PIN, as for an own receipt; central is asked on Enter alone."""
    central = FakeRefunds(elsewhere(cash="10", debit_card="2.500"))
    async with counter(desk, refunds=central) as seat:
        await seat.write(RECEIPT)
        assert central.looked == []
        await seat.press("enter")
        assert seat.screen == "ReceiptElsewhereScreen"
        assert f"Receipt of another terminal: {RECEIPT}" in seat.text
        assert "12.500 KWD of BA-1" in seat.text
        assert "taken at T9" in seat.text
        await seat.press("r")
        assert seat.screen == "RefundScreen"
        await seat.press("enter")
        await seat.fill("5")
        await seat.press("enter")
        assert seat.keys <= 6
        assert (seat.screen, central.asked) == ("SecondPersonScreen", [])
        await seat.second_person()

        assert f"12.500 KWD of {RECEIPT} is paid back" in " ".join(seat.message.split())
        assert "Give 10.000 KWD in cash back." in " ".join(seat.message.split())
    assert [(row["amount_minor"], row["cash_minor"]) for row in rows(desk, "v_refund")] == [(12_500, 10_000)]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("central", "said"),
    [
        (FakeRefunds(elsewhere(cash="10"), silent=True), "it can be refunded while central answers"),
        (FakeRefunds(), f"There is no payment with receipt {RECEIPT} here"),
        (None, f"Nothing found for {RECEIPT}"),
    ],
    ids=["no answer", "unknown", "no central"],
)
async def test_what_central_does_not_tell_is_said(desk: Desk, central: FakeRefunds | None, said: str) -> None:
    async with counter(desk, refunds=central) as seat:
        await seat.open(RECEIPT)
        assert said in " ".join(seat.message.split())
        assert seat.screen == "FindScreen"


async def test_nobody_waits_for_central_at_the_find_box(desk: Desk) -> None:
    """The cashier goes on; an answer that comes when something else stands there opens nothing."""
    answers = asyncio.Event()

    class Slow(FakeRefunds):
        async def find(self, receipt_number: str) -> LookUpOutcome:
            await answers.wait()
            return await super().find(receipt_number)

    async with counter(desk, refunds=Slow(elsewhere(cash="10"))) as seat:
        await seat.write(RECEIPT)
        await seat.press("enter")
        assert "Central is asked for receipt" in seat.message
        await seat.press("escape")
        await seat.open("BA-1")
        assert seat.screen == "AccountScreen"
        answers.set()
        await seat.settle()
        assert seat.screen == "AccountScreen"
        await seat.press("escape")
        await seat.open(RECEIPT)
        assert seat.screen == "ReceiptElsewhereScreen"


async def test_without_an_answer_the_screen_stays_and_leaving_lets_go(desk: Desk) -> None:
    desk.policy = replace(desk.policy, corrections=ALONE)
    central = FakeRefunds(elsewhere(cash="10"), UNANSWERED, UNANSWERED)
    async with counter(desk, refunds=central) as seat:
        await seat.open(RECEIPT)
        await seat.press("r")
        await seat.fill("4", "5", "")
        assert "Central did not say whether it may be paid back" in " ".join(seat.message.split())
        assert (seat.screen, central.released) == ("RefundScreen", [])
        await seat.press("enter")
        assert len({asked.hold_id for asked in central.asked}) == 1
        await seat.press("escape")
        assert seat.screen == "ReceiptElsewhereScreen"
        assert central.released == [central.asked[0].hold_id]
        await seat.press("escape")
    assert [row["state"] for row in rows(desk, "refund_hold")] == ["released"]
    assert rows(desk, "refund_across") == []


class Silent(FakeRefunds):
    """Central takes a question and never answers it; ``silent_at`` names which."""

    def __init__(self, found: TakenElsewhere, silent_at: str) -> None:
        super().__init__(found)
        self.silent_at = silent_at

    async def find(self, receipt_number: str) -> LookUpOutcome:
        if self.silent_at == "find":
            await asyncio.Event().wait()
        return await super().find(receipt_number)

    async def hold(self, asked: RefundAsked) -> HoldOutcome:
        if self.silent_at == "hold":
            self.asked.append(asked)
            await asyncio.Event().wait()
        return await super().hold(asked)


@pytest.mark.parametrize("silent_at", ["find", "hold"])
async def test_esc_ends_the_waiting_for_central_and_nothing_goes_out(desk: Desk, silent_at: str) -> None:
    """The cashier never waits longer than wanted: one Esc stops it, what was typed ahead is gone."""
    desk.policy = replace(desk.policy, corrections=ALONE)
    central = Silent(elsewhere(cash="10"), "")
    async with counter(desk, refunds=central) as seat:
        await seat.open(RECEIPT)
        await seat.press("r")
        await seat.fill("4", "5")
        central.silent_at = silent_at
        seat.begin("enter")
        while not (seat.app.seat.patience and seat.app.seat.patience.waits):
            await asyncio.sleep(0.001)
        await seat.at_once("enter", "escape")
        assert "You left before central answered: nothing was done." in " ".join(seat.message.split())
        assert seat.screen == "RefundScreen"
        assert central.released == [asked.hold_id for asked in central.asked]
        central.silent_at = ""
        await seat.press("enter")
        assert "RF-" in seat.message or seat.screen == "ReceiptElsewhereScreen"
    assert len(rows(desk, "refund_across")) == 1
    assert findings(desk) == []
