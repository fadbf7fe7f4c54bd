"""Refunds and transfers at the screen: found by the receipt, a few keys, a second person, and what it does shown first."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from tests.builders.tills import card, cash, cheque, findings, make_till, opened, pay, rows
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
        assert "Reason: other: Charged for roaming" in seat.text
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
