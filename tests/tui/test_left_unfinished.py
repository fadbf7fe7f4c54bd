"""What was shown to a payer and left at the screen is one row of the audit; what was only looked at is none."""

from __future__ import annotations

import pytest

from pos.till.desk import Desk
from tests.builders.cards import FakeCards
from tests.builders.tills import (
    CHARGER_EAN,
    PINS,
    cash,
    clock_of,
    findings,
    make_till,
    opened,
    pay,
    rows,
    stock,
)
from tests.tui.counter import counter


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def left(desk: Desk) -> list[tuple[object, ...]]:
    """Who left what."""
    return [
        (row["operator"], row["result"], row["subject"], row["reason_code"])
        for row in rows(desk, "v_audit")
        if row["act"] == "abandon"
    ]


async def test_bills_that_were_only_looked_at_leave_nothing(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f3", "escape", "escape")
        assert seat.screen == "FindScreen"
    assert left(desk) == []


async def test_a_payment_that_is_left_after_a_way_to_pay_was_opened_leaves_its_amount(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "escape", "escape")
        assert seat.screen == "FindScreen"
    assert left(desk) == [("1001", "ok", "BA-1", "pay 41.750 KWD: cash")]
    assert findings(desk) == []


async def test_cash_that_was_typed_and_tenders_that_were_taken_out_are_named(desk: Desk) -> None:
    """The change was on the screen, the customer has gone, and nothing is booked."""
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("10")
        await seat.press("f5", "enter", "escape", "enter")
        await seat.press("f5")
        await seat.write("60")
        await seat.press("escape", "escape", "escape")
        assert seat.screen == "FindScreen"
    assert left(desk) == [("1001", "ok", "BA-1", "pay 41.750 KWD: cash 10.000, cash, cash 60.000")]


async def test_a_payment_that_is_taken_leaves_nothing(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7", "escape", "f5", "enter")
        assert seat.screen == "FindScreen"
    assert left(desk) == []
    assert len(rows(desk, "payment_event")) == 1


async def test_items_shown_to_a_customer_below_whom_the_bills_stand_are_left_once(desk: Desk) -> None:
    stock(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.scan(CHARGER_EAN)
        assert seat.screen == "SaleScreen"
        await seat.press("f5", "escape", "escape")
        assert (seat.screen, left(desk)) == ("AccountScreen", [])
        await seat.press("f2", "enter")
        assert seat.screen == "FindScreen"
    assert left(desk) == [("1001", "ok", "BA-1", "pay 1.250 KWD: cash")]


async def test_a_scan_that_leads_elsewhere_leaves_the_payment_too(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "escape")
        await seat.scan("99887766554")
        assert seat.screen == "FindScreen"
    assert [row[2:] for row in left(desk)] == [("BA-1", "pay 41.750 KWD: cash")]


async def test_nothing_of_a_card_is_kept(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards()) as seat:
        await seat.open("BA-1")
        await seat.write("5")
        await seat.press("f6", "enter", "escape", "enter", "escape")
        assert seat.screen == "FindScreen"
    ((_, _, _, said),) = left(desk)
    assert said == "pay 41.750 KWD: card, debit_card 5.000"


async def test_whoever_gives_up_the_work_of_a_locked_person_leaves_it_in_that_persons_name(
    desk: Desk,
) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("10")
        await seat.press("f5", "enter", "ctrl+l")
        assert seat.screen == "LockScreen"
        await seat.press("up")
        await seat.fill("2002", PINS["2002"])
        assert seat.screen == "FindScreen"
        await seat.press(".", "7")
        assert seat.screen == "ConfirmScreen"
        await seat.press("enter")
        assert seat.screen == "SignInScreen"
    assert left(desk) == [("1001", "ok", "BA-1", "pay 41.750 KWD: cash, cash 10.000")]


async def test_a_session_that_is_over_keeps_no_trace_from_being_left(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "escape")
        clock_of(desk).advance(hours=12)
        seat.app.screen.dismiss(None)  # before the clock of the screen has locked it
        await seat.settle()
    assert [row[:3] for row in left(desk)] == [("1001", "ok", "BA-1")]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["ctrl+z"], "void 20.000 KWD"),
        (["r"], "refund 20.000 KWD"),
        (["t"], "transfer 20.000 KWD"),
        (["m"], "reallocate 20.000 KWD"),
    ],
)
async def test_a_correction_that_was_shown_and_left_is_kept_too(
    desk: Desk, keys: list[str], said: str
) -> None:
    receipt = pay(desk, cash("20")).receipt.receipt_number
    async with counter(desk) as seat:
        await seat.open(receipt)
        assert seat.screen == "ReceiptScreen"
        await seat.press(*keys, "escape")
        assert seat.screen == "ReceiptScreen"
    assert left(desk) == [("1001", "ok", receipt, said)]


async def test_another_way_to_pay_that_was_not_keyed_after_all_is_kept(desk: Desk) -> None:
    receipt = pay(desk, cash("20")).receipt.receipt_number
    async with counter(desk, user="2002") as seat:
        await seat.open(receipt)
        await seat.press("ctrl+z", "w")
        assert (seat.screen, left(desk)) == ("PaidAnewScreen", [])
        await seat.press("f7", "escape", "escape")
        assert seat.screen == "ReceiptScreen"
    assert left(desk) == [("2002", "ok", receipt, "swap_tender 20.000 KWD: cheque")]


async def test_a_correction_that_is_done_leaves_nothing_behind(desk: Desk) -> None:
    pay(desk, cash("20"))
    async with counter(desk) as seat:
        await seat.press("ctrl+z", "2", "enter")
        await seat.second_person()
        assert seat.screen == "FindScreen"
    assert len(rows(desk, "correction")) == 1
    assert left(desk) == []
