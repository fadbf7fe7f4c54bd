"""The end of a shift at the screen: its Z report, another person's signature under a difference, and the X report."""

from __future__ import annotations

from tests.builders.tills import cash, closed, count, findings, make_till, opened, pay, rows
from tests.tui.counter import counter


async def test_a_difference_is_signed_for_at_the_seat_and_only_by_another() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "2")
        await seat.fill("19")
        await seat.press("enter", "enter")
        assert "differs" in seat.message
        await seat.press("up")
        await seat.write("A note is missing")
        await seat.press("enter")
        assert seat.screen == "ShiftClosedScreen"
        assert "S014-T1-A-Z-000001 is being printed" in seat.message
        assert "A: another person signs" in seat.message
        assert "SHORT" in seat.text
        await seat.press("a")
        assert "Shift 1 is 1.000 KWD short" in seat.text
        await seat.fill("Found behind the drawer", "1001", "135790")
        assert seat.message.startswith("! You may not do this. Who may: supervisor, back office.")
        assert rows(desk, "difference_accepted") == []
        await seat.press("escape", "a")
        await seat.fill("Found behind the drawer", "2002", "731846")
        assert seat.message.startswith("User 2002 has signed for it.")
        await seat.press("a")
        assert seat.message.startswith("! There is nothing to sign for.")
    assert [row["accepted_by"] for row in rows(desk, "v_z_report")] == ["2002"]
    assert findings(desk) == []


async def test_a_supervisor_looks_through_the_reports_and_signs_for_one() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("50"))
    count(desk, "61")
    closed(desk, "A note is missing")
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", "7")
        assert "1 with a difference that nobody has signed for" in seat.text
        assert "9.000 short" in seat.text
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
        await seat.press("escape", "a")
        assert "Shift 1 of user 1001 is 9.000 KWD short. What was found out?" in seat.text
        await seat.write("Looked through the slips")
        await seat.press("enter")
        assert seat.message == "You have signed for the difference of shift 1."
        assert "User 2002 has signed for it." in seat.text
        await seat.press("x")
        assert seat.message.startswith("! You may not do this.")


async def test_the_back_office_sees_the_open_shift_so_far() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("50"))
    before = len(rows(desk, "receipt"))
    async with counter(desk, user="4001") as seat:
        await seat.press(".", "k", "7", "x")
        assert seat.screen == "ReceiptScreen"
    assert len(rows(desk, "receipt")) == before
