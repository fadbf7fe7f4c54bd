"""The register of post-dated cheques at the counter: what is due is paid in with one Enter, W gives one back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pos.till.desk import Desk
from pos.till.post_dated import register_cheque
from tests.builders.tills import CASHIER, TODAY, cheque, clock_of, findings, make_till, opened, order, rows
from tests.tui.counter import counter

FIRST, SECOND, THIRD = (f"S014-T1-A-PD-00000{number}" for number in (1, 2, 3))


@pytest.fixture
def desk() -> Desk:
    """Two cheques of BA-1 are due today, one of BA-5 is in a week."""
    desk = make_till()
    opened(desk)
    for serial, amount, account, days in (
        ("000123", "41.750", "BA-1", 5),
        ("000124", "12.500", "BA-1", 10),
        ("000125", "5.000", "BA-5", 17),
    ):
        dated = (TODAY + timedelta(days=days)).isoformat()
        register_cheque(desk, CASHIER, order(desk, cheque(amount, serial, date=dated), account=account))
    clock_of(desk).advance(days=10)
    return desk


def states(desk: Desk) -> list[object]:
    return [row["state"] for row in rows(desk, "v_post_dated")]


async def test_all_that_is_due_is_paid_in_with_one_enter(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press(".", "p")
        assert seat.message == "2 of 3 may go to the bank. Enter pays the ticked ones in."
        assert [line.split()[1] for line in seat.text.splitlines() if " DUE " in line] == [
            "2026-11-26",
            "2026-12-01",
        ]
        assert f"Note {FIRST}" in seat.text
        await seat.press("enter")

        assert seat.message == "2 cheques paid in, 54.250 KWD: put them into the drawer."
        assert "000125" in seat.text
    assert states(desk) == ["credited", "credited", "registered"]
    assert [row["receipt_number"] for row in rows(desk, "v_payment")] == [
        "S014-T1-A-000001",
        "S014-T1-A-000002",
    ]
    assert findings(desk) == []


async def test_one_is_left_out_and_one_that_is_not_due_cannot_be_ticked(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press(".", "p", "space", "down", "space")
        assert seat.message == "! It is no payment before 2026-12-08. W gives it back, V shows its note."
        await seat.press("enter")
        assert seat.message == "1 cheque paid in, 12.500 KWD: put them into the drawer."
    assert states(desk) == ["registered", "credited", "registered"]


async def test_one_that_is_refused_leaves_the_others_and_is_told(desk: Desk) -> None:
    with desk.cache.write() as connection:
        connection.exec_driver_sql("UPDATE account SET kind = 'dealer' WHERE account = 'BA-5'")
    clock_of(desk).advance(days=7)
    async with counter(desk) as seat:
        await seat.press(".", "p", "enter")
        assert seat.message.startswith("2 cheques paid in, 54.250 KWD: put them into the drawer. Not ")
        await seat.press("enter")
        assert "Account BA-5 is a dealer's" in seat.message
    assert states(desk) == ["credited", "credited", "registered"]


async def test_a_cheque_is_given_back_for_a_reason(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press(".", "p", "w")
        assert f"Give cheque 000123 over 41.750 KWD back: note {FIRST} is void then." in " ".join(
            seat.text.split()
        )
        await seat.write("Paid by card")
        await seat.press("enter")
        assert seat.message.startswith("Slip S014-T1-A-CB-000001 is being printed")
        assert "000123" not in seat.text
        await seat.press("v")
        assert seat.screen == "ReceiptScreen"
        assert SECOND in seat.text
    assert states(desk) == ["withdrawn", "registered", "registered"]


async def test_who_may_not_pay_in_has_nothing_ticked(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", "p")
        assert seat.message == "2 of 3 may go to the bank. Enter shows the note."
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
    assert states(desk) == ["registered"] * 3
