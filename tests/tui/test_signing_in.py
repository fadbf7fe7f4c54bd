"""Who may sit down, how a shift is opened and closed, how the till is locked and left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from textual.css.stylesheet import Stylesheet

from pos.domain.session import SessionPolicy
from pos.store.cache import set_marker
from pos.store.silence import heard_now
from pos.store.times import utc_text
from pos.till.cash_office import current_shift
from pos.till.lost_mark import note_lost_mark
from tests.builders.tills import (
    NOW,
    PINS,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    make_till,
    opened,
    pay,
    rows,
)
from tests.tui.counter import Counter, counter


async def test_the_right_pin_seats_the_person() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        assert seat.screen == "FindScreen"
        assert "A. KUMAR" in seat.text


async def test_a_wrong_pin_is_told_and_the_pin_is_wiped() -> None:
    desk = make_till()
    async with counter(desk, user=None) as seat:
        await seat.write("1001")
        await seat.press("enter")
        await seat.write("111111")
        await seat.press("enter")

        assert seat.screen == "SignInScreen"
        assert "wrong" in seat.message
        assert "111111" not in seat.text
        await seat.write("135790")
        await seat.press("enter")
        assert seat.screen == "OpenShiftScreen"


async def test_no_style_sheet_is_read_again_for_whoever_sits_down(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_till()
    opened(desk)
    read_again: list[Stylesheet] = []
    monkeypatch.setattr(Stylesheet, "reparse", read_again.append)
    async with counter(desk) as seat:
        assert "A. KUMAR" in seat.text
    assert read_again == []


async def test_number_and_pin_may_come_at_once() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk, user=None) as seat:
        await seat.at_once(*"1001", "enter", *"135790", "enter")
        assert seat.screen == "FindScreen"
        await seat.press("ctrl+l")
        await seat.at_once(*"135790", "enter")
        assert seat.screen == "FindScreen"


async def test_a_pin_is_never_shown() -> None:
    desk = make_till()
    async with counter(desk, user=None) as seat:
        await seat.write("1001")
        await seat.press("enter")
        await seat.write("135790")
        assert "135790" not in seat.text


async def test_after_signing_in_a_shift_is_opened_with_one_key() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        assert seat.screen == "OpenShiftScreen"
        await seat.press("enter")
        assert seat.screen == "FindScreen"
        assert "Shift 1 is open with a float of 0.000 KWD." in seat.message


async def test_from_the_find_box_a_shift_is_opened_with_three_keys() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.press("escape")
        seat.keys = 0
        await seat.press(".", "1", "enter")

        assert seat.keys == 3
    assert current_shift(desk) is not None


async def test_a_float_is_typed_over_the_default() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.write("20.5")
        await seat.press("enter")
    shift = current_shift(desk)
    assert shift is not None
    assert shift.float_.plain() == "20.500"


async def test_a_bad_float_is_told_beneath_the_field() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.write("20.5555")
        await seat.press("enter")
        assert "KWD has 3 digits after the decimal mark." in seat.text
        assert seat.screen == "OpenShiftScreen"


async def test_the_shift_of_another_is_told() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk, user="1002") as seat:
        assert "belongs to user 1001" in seat.message
        await seat.open("BA-1")
        await seat.press("f5")
        assert "belongs to user 1001" in seat.message


async def test_a_matching_count_closes_with_five_keys() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("41.750"))
    async with counter(desk) as seat:
        await seat.press(".", "2")
        await seat.write("61.750")
        await seat.press("enter", "enter", "enter")

        assert seat.keys == 5
        assert seat.screen == "ShiftClosedScreen"
        assert "EXACT" in seat.text
        assert "41.750" in seat.text
        await seat.press("enter")
        assert seat.screen == "SignInScreen"
    assert current_shift(desk) is None


async def test_a_differing_count_says_only_that_it_differs_then_closes_with_a_reason() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("41.750"))
    async with counter(desk) as seat:
        await seat.press(".", "c")
        await seat.write("61")
        await seat.press("enter", "enter", "enter")
        assert "The count differs." in seat.message
        assert "61.750" not in seat.text
        assert "0.750" not in seat.text

        await seat.press("enter", "enter", "enter")
        await seat.write("Coins fell behind the desk")
        await seat.press("enter")
        assert seat.screen == "ShiftClosedScreen"
        assert "SHORT" in seat.text
    (shift,) = rows(desk, "v_shift")
    assert shift["over_short_minor"] == -750
    assert len(rows(desk, "shift_count")) == 1


async def test_a_recount_that_agrees_closes_without_a_reason() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "2")
        await seat.write("19")
        await seat.press("enter", "enter", "enter")
        await seat.write("20")
        await seat.press("enter", "enter", "enter", "enter")
        assert seat.screen == "ShiftClosedScreen"
    assert len(rows(desk, "shift_count")) == 2


async def test_a_second_differing_count_must_be_closed_with_a_reason() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "2")
        for counted in ("19", "18"):
            await seat.write(counted)
            await seat.press("enter", "enter", "enter")
        await seat.press("enter")
        assert "differs again" in seat.message
        await seat.write("unknown")
        await seat.press("enter")
        assert seat.screen == "ShiftClosedScreen"


async def test_cheques_are_counted_too() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cheque("41.750"))
    async with counter(desk) as seat:
        await seat.press(".", "2")
        for counted in ("20", "1", "41.750"):
            await seat.write(counted)
            await seat.press("enter")
        assert seat.screen == "ShiftClosedScreen"
        assert "Cheque" in seat.text


async def test_leaving_a_begun_count_asks_once() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "2")
        await seat.write("5")
        await seat.press("escape")
        assert seat.screen == "CloseShiftScreen"
        await seat.press("escape")
        assert seat.screen == "FindScreen"


async def test_the_lock_hides_amounts_and_keeps_what_was_typed() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("50")
        seat.keys = 0
        await seat.press("ctrl+l")

        assert seat.keys == 1
        assert seat.screen == "LockScreen"
        assert "41.750" not in seat.text
        assert "Zoë" not in seat.text
        await seat.write("000000")
        await seat.press("enter")
        assert seat.screen == "LockScreen"
        await seat.write("135790")
        await seat.press("enter")
        assert seat.screen == "CashScreen"
        assert "TENDERED  > 50" in seat.text


async def test_the_till_locks_itself_when_idle() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk, lock_after_s=60) as seat:
        clock_of(desk).advance(seconds=59)
        seat.app._each_second()
        await seat.settle()
        assert seat.screen == "FindScreen"
        clock_of(desk).advance(seconds=2)
        seat.app._each_second()
        await seat.settle()
        assert seat.screen == "LockScreen"


async def test_the_sign_in_does_not_lock_itself() -> None:
    desk = make_till()
    async with counter(desk, user=None, lock_after_s=60) as seat:
        clock_of(desk).advance(seconds=90)
        seat.app._each_second()
        await seat.settle()
        assert seat.screen == "SignInScreen"


async def test_keys_that_end_programs_elsewhere_end_nothing_here() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        for key in ("ctrl+c", "ctrl+q", "ctrl+z", "ctrl+p"):
            await seat.press(key)
            assert seat.screen == "AccountScreen"
            assert seat.app.is_running


async def test_the_program_ends_by_signing_out_and_saying_yes() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", "8")
        assert "Sign out first" in seat.message
        await seat.press(".", "7")
        assert seat.screen == "SignInScreen"
        await seat.press(".", "8")
        assert seat.screen == "ConfirmScreen"
        await seat.press("escape")
        assert seat.screen == "SignInScreen"
        await seat.press(".", "8", "enter")
        assert seat.app.return_code == 0
    assert current_shift(desk) is not None


async def test_the_last_receipt_is_printed_again_with_one_key_and_a_yes() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("50"))
    async with counter(desk) as seat:
        await seat.press("ctrl+r")
        assert "S014-T1-A-000001" in seat.text
        await seat.press("enter")
        assert seat.keys == 2
        assert "DUPLICATE 1" in seat.message
    assert len(rows(desk, "receipt_copy")) == 1


async def test_nobody_reprints_in_the_middle_of_a_payment() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("50"))
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "ctrl+r")
        assert seat.screen == "CashScreen"
    assert rows(desk, "receipt_copy") == []


async def test_a_supervisor_confirms_the_clock_where_the_shift_is_opened() -> None:
    """Rule 26: at the screen, by the supervisor's own user number and PIN."""
    desk = make_till()
    opened(desk)
    count(desk, "20")
    closed(desk)
    clock_of(desk).set(NOW - timedelta(hours=2))
    async with counter(desk) as seat:
        assert "CLOCK?" in seat.text
        await seat.press("enter")
        assert "The clock says 2026-11-21 08:15" in seat.message
        await seat.write("1001")
        await seat.press("enter")
        await seat.write("135790")
        await seat.press("enter")
        assert "You may not do this" in seat.message
        await seat.write("2002")
        await seat.press("enter")
        await seat.write("731846")
        await seat.press("enter")

        assert seat.screen == "FindScreen"
        assert "CLOCK?" not in seat.text
    assert current_shift(desk) is not None
    assert [row["operator"] for row in rows(desk, "audit") if row["act"] == "confirm_clock"] == [
        "1001",
        "2002",
    ]


async def test_a_supervisor_answers_for_the_last_receipt_where_the_shift_is_opened() -> None:
    """Invariant 41: after the file that tells an older store was lost."""
    desk = make_till()
    assert note_lost_mark(desk)
    async with counter(desk) as seat:
        await seat.press("enter")
        assert "The last receipt here is none" in seat.message
        await seat.fill("2002", PINS["2002"])

        assert seat.screen == "FindScreen"
    assert current_shift(desk) is not None
    assert [row["operator"] for row in rows(desk, "audit") if row["act"] == "confirm_store"] == ["2002"]


# --- somebody else at a locked till -----------------------------------------------------------------------------------


async def comes_to_the_lock(seat: Counter, user: str) -> None:
    """Up, number, Enter, PIN, Enter."""
    await seat.press("up")
    await seat.fill(user, PINS[user])


async def test_somebody_else_sits_down_at_a_locked_till_and_the_work_is_still_there() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("50")
        await seat.press("ctrl+l")

        await comes_to_the_lock(seat, "2002")

        assert seat.screen == "FindScreen"
        assert "Shift 1 belongs to user 1001" in seat.message
        assert "Zoë" not in seat.text
        await seat.open("BA-1")
        await seat.press("f5")
        assert seat.screen != "CashScreen", "money goes into the drawer of whoever counted it"
        await seat.press("escape", "ctrl+l")
        assert "user 2002" in seat.text
        await comes_to_the_lock(seat, "1001")
        assert seat.screen == "CashScreen"
        assert "TENDERED  > 50" in seat.text
        await seat.press("enter")
        assert seat.screen == "FindScreen"
    (taken,) = rows(desk, "v_payment")
    assert taken["operator"] == "1001", "a deed is that of the person at whose seat it was begun"


async def test_whoever_signs_out_leaves_the_till_to_whoever_is_locked_there() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press("ctrl+l")
        await comes_to_the_lock(seat, "1002")
        await seat.press(".", "7")

        assert seat.screen == "LockScreen"
        assert "user 1001" in seat.text
        await seat.fill(PINS["1001"])
        assert seat.screen == "FindScreen"
        await seat.press(".", "7")
        assert seat.screen == "SignInScreen"


@pytest.mark.parametrize(("answer", "left"), [("enter", "SignInScreen"), ("escape", "LockScreen")])
async def test_a_supervisor_who_signs_out_may_give_up_what_is_locked(answer: str, left: str) -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("ctrl+l")
        await comes_to_the_lock(seat, "2002")
        await seat.press(".", "7")
        assert "user 1001, is locked here." in seat.text

        await seat.press(answer)

        assert seat.screen == left
        ended = [row["operator"] for row in rows(desk, "v_audit") if row["act"] == "session_end"]
        assert ended == (["1001"] if answer == "enter" else [])


async def test_a_wrong_pin_at_the_lock_lets_nobody_sit_down() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.press("ctrl+l")
        await seat.press("up")
        await seat.fill("2002", "000001")

        assert seat.screen == "LockScreen"
        assert seat.message.startswith("! User number or PIN is wrong.")
        await seat.press("escape")
        await seat.fill(PINS["1001"])
        assert seat.screen != "LockScreen"


async def test_a_supervisor_lets_in_whoever_is_locked_out_at_the_lock() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.press("ctrl+l")
        for _ in range(10):
            await seat.fill("000001")
            clock_of(desk).advance(minutes=31)
        await seat.fill(PINS["1001"])
        assert seat.message == "! Too many wrong tries. Ask a supervisor to confirm who you are."

        await comes_to_the_lock(seat, "2002")
        await seat.press("escape", ".", ".", "8")
        await seat.write("1001")
        await seat.press("enter")
        assert seat.screen == "FindScreen"
        assert "may sign in again" in seat.message
        await seat.press("ctrl+l")
        await comes_to_the_lock(seat, "1001")

        assert seat.screen != "LockScreen"


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("2002", "Another supervisor must confirm who you are."),
        ("4444", "There is no such user at this terminal."),
    ],
)
async def test_who_cannot_be_let_in_again_is_told_at_the_field(user: str, told: str) -> None:
    desk = make_till()
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", ".", "8")
        await seat.write(user)
        await seat.press("enter")

        assert seat.screen == "ConfirmPersonScreen"
        assert seat.message == f"! {told}"


async def test_a_cashier_is_told_who_may_let_somebody_in_again() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press(".", ".", "8")
        await seat.write("1002")
        await seat.press("enter")

        assert seat.message == "! You may not do this. Who may: supervisor, back office."


async def test_a_day_before_nobody_is_let_in_any_more_the_screen_says_so() -> None:
    """To whoever sits down, and in the status line as long as it holds."""
    desk = replace(make_till(), boot="this run")
    opened(desk)
    desk.policy = replace(desk.policy, sessions=SessionPolicy(roster=timedelta(days=7)))
    silent = timedelta(days=6, hours=3)
    with desk.cache.write() as cache:
        set_marker(cache, "told_at", utc_text(NOW - silent))
        heard_now(cache, boot="this run", monotonic_s=-silent.total_seconds())
    async with counter(desk) as seat:
        assert "in 21 hours nobody is let in here any more" in seat.text
        assert "SHUTS IN 21:00" in seat.text
