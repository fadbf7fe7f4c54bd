"""Keys: their table, their twins, scans and pastes, a window that is too small, a store that failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from pos.machine import InlineRunner
from pos.store.database import StoreError, store_damaged
from pos.store.receipts import settle_print, waiting_prints
from pos.tui.app import PRINT_AGAIN_S, TillApp
from pos.tui.keyboard import Keyboard, Press, Scan
from pos.tui.keys import KEYS, MENU, OFFICE
from pos.tui.screens.frame import Frame
from tests.builders.tills import NOW, SettableClock, cash, clock_of, make_till, opened, pay, rows
from tests.tui.counter import counter, preview

Result = TypeVar("Result")


# --- the keyboard by itself ----------------------------------------------------------------------------------------


def arrivals(*keys: tuple[str, float]) -> list[Press | Scan]:
    """What a screen gets of these (key, seconds since the last)."""
    clock = SettableClock()
    keyboard = Keyboard(clock=clock)
    found: list[Press | Scan] = []
    for key, passed_s in keys:
        clock.advance(seconds=passed_s)
        keyboard.sort(Press(key, key if len(key) == 1 else None))
        while (arrival := keyboard.next()) is not None:
            found.append(arrival)
    return found


def burst(text: str, last: str = "enter") -> list[tuple[str, float]]:
    return [(text[0], 1.0), *((character, 0.001) for character in text[1:]), (last, 0.001)]


@pytest.mark.parametrize("digit", list("123456789"))
def test_escape_and_a_digit_are_the_function_key(digit: str) -> None:
    assert arrivals(("escape", 1), (digit, 0.1)) == [Press(f"f{digit}")]
    assert arrivals((f"alt+{digit}", 1)) == [Press(f"f{digit}")]


def test_escape_twice_is_escape_once_and_at_once() -> None:
    assert arrivals(("escape", 1), ("escape", 0.1)) == [Press("escape")]


def test_escape_and_another_key_are_both() -> None:
    assert arrivals(("escape", 1), ("a", 0.1)) == [Press("escape"), Press("a", "a")]


def test_the_enter_of_a_scanner_is_part_of_the_scan() -> None:
    assert arrivals(*burst("7104430"))[-1] == Scan("7104430")
    assert arrivals(*burst("7104430", "tab"))[-1] == Scan("7104430")


def test_a_hand_that_types_is_no_scanner() -> None:
    assert arrivals(*((key, 0.08) for key in [*"7104430", "enter"]))[-1] == Press("enter")


def test_an_amount_that_came_in_one_piece_is_no_scan() -> None:
    assert arrivals(*burst("100.000"))[-1] == Press("enter")
    assert arrivals(*burst("50"))[-1] == Press("enter")


def test_a_character_in_a_burst_waits_where_nothing_is_typed_into() -> None:
    keyboard = Keyboard(clock=SettableClock())
    assert not keyboard.keep_loose(Press("w", "w"))
    assert keyboard.keep_loose(Press("3", "3", in_burst=True))
    keyboard.give_back(Press("f5"))
    assert [keyboard.next(), keyboard.next()] == [Press("3", "3"), Press("f5")]
    assert keyboard.loose == []


# --- the table -------------------------------------------------------------------------------------------------------


def test_ids_and_numbers_are_unique_and_stay_as_they_are() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)
    assert [(entry.number, entry.act) for entry in MENU] == [
        ("1", "open_shift"),
        ("2", "close_shift"),
        ("3", "reprint"),
        ("4", "lock"),
        ("5", "help"),
        ("6", "test_keys"),
        ("7", "sign_out"),
        ("8", "quit"),
        ("01", "help"),
        ("02", "find"),
        ("03", "bill"),
        ("04", "items"),
        ("05", "cash"),
        ("06", "card"),
        ("07", "cheque"),
        ("08", "bank"),
        ("09", "dealer"),
        ("9", "outbox"),
        ("P", "post_dated"),
        ("00", "ways"),
        (".1", "card_attempts"),
        (".2", "bank_receipts"),
        (".3", "suspense"),
        (".4", "bank_records"),
        (".5", "commissions"),
        (".6", "issue_voucher"),
        (".7", "deposits"),
        (".8", "confirm_person"),
        (".9", "approvals"),
        (".0", "people"),
        ("R", "refunds"),
        ("V", "void"),
        ("N", "note"),
        ("K", "cash_office"),
    ]


def test_the_numbers_of_the_cash_office_are_unique_and_stay_as_they_are() -> None:
    assert [(entry.number, entry.act) for entry in OFFICE] == [
        ("1", "pickup"),
        ("2", "loan"),
        ("3", "paid_in"),
        ("4", "paid_out"),
        ("5", "no_sale"),
        ("6", "undo_cash_move"),
        ("7", "z_reports"),
        ("8", "mandates"),
        ("9", "safe_count"),
        ("0", "close_day"),
        (".1", "hand_over"),
        (".2", "ledger_batches"),
        (".3", "shop_bags"),
        (".4", "bank_files"),
        (".5", "count_sheet"),
    ]


def test_every_function_key_has_a_twin_and_somebody_who_answers_it() -> None:
    for key in KEYS:
        if key.keys[0].startswith("f") and key.keys[0][1:].isdigit():
            assert key.twin
            owner = TillApp if key.whose == "app" else Frame
            assert hasattr(owner, f"action_{key.id}")


# --- at the screen ---------------------------------------------------------------------------------------------------


async def test_cash_without_a_function_key() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.at_once("escape", "5")
        assert seat.screen == "CashScreen"
        await seat.press("enter")
        await seat.open("BA-2")
        await seat.press(".", "0", "5")
        assert seat.screen == "CashScreen"
        await seat.press("enter")
    assert len(rows(desk, "v_payment")) == 2


async def test_a_whole_sale_on_the_numpad() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("7781")
        await seat.press("+")
        await seat.write("50,5")
        await seat.press("enter")
        assert "change 8.750" in seat.message


async def test_a_scan_into_the_cash_screen_takes_no_money() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.at_once(*"7104430", "enter")

        assert seat.screen == "CashScreen"
        assert "A scan or paste was left out" in seat.message
        assert "TENDERED  > 41.750" in seat.text
        assert rows(desk, "v_payment") == []


async def test_a_paste_with_a_newline_takes_no_money() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.paste("100\n")
        await seat.paste("\r\n100\r\n\x1b[A")

        assert seat.screen == "CashScreen"
        assert "TENDERED  > 41.750" in seat.text
    assert rows(desk, "v_payment") == []


async def test_twenty_scans_during_a_question_answer_nothing() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter", "ctrl+r")
        assert seat.screen == "ConfirmScreen"
        for number in range(20):
            await seat.at_once(*f"71044{number:02}", "enter")
        assert seat.screen == "ConfirmScreen"
    assert rows(desk, "receipt_copy") == []


async def test_a_scan_on_an_account_opens_what_was_scanned() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.at_once(*"96555510003", "enter")
        assert "李伟" in seat.text
        assert seat.screen == "AccountScreen"


async def test_a_scan_with_command_letters_in_it_commands_nothing() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.at_once(*"LOY-4W3V-+6C", "enter")
        assert seat.screen == "FindScreen"
        assert "Nothing found for LOY-4W3V-+6C" in seat.message


async def test_letters_typed_fast_without_an_enter_are_commands() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.at_once("1", "0", "-")
        assert "PAY PART" in seat.text


async def test_a_letter_of_the_menu_is_no_key_of_another_screen() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press(".", "w")
        assert seat.screen == "WaysScreen"
        await seat.press("escape")
        assert seat.screen == "AccountScreen"


async def test_a_pasted_account_number_is_found_like_a_scan() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.paste("BA-3\n")
        assert seat.screen == "AccountScreen"
        assert "李伟" in seat.text


async def test_a_scanned_cheque_number_fills_its_field_and_goes_on() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.at_once(*"00012345", "enter")
        assert "00012345" in seat.text
        assert seat.app.focused is not None
        assert seat.app.focused.id == "field-bank-box"


async def test_help_and_the_key_test_show_what_there_is() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press("f1")
        assert "Esc 5, . 05" in seat.text
        seen = ""
        for _ in range(8):
            seen += seat.text
            await seat.press("pagedown")
        assert "Ctrl-R" in seen
        await seat.press("escape", ".", "6", "f7", "x")
        assert seat.screen == "KeyTestScreen"
        assert "F7 Cheque" in seat.text
        await seat.press("escape")
        assert seat.screen == "FindScreen"


async def test_a_small_window_refuses_politely_and_takes_no_key() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        for width, height in ((60, 20), (10, 3), (79, 24)):
            await seat.pilot.resize_terminal(width, height)
            await seat.settle()
            assert "41.750" not in seat.text
            await seat.press("enter")
        assert "This window is too small." in seat.text
        assert rows(desk, "v_payment") == []
        await seat.pilot.resize_terminal(120, 40)
        await seat.settle()
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message


@dataclass(frozen=True)
class Offline:
    online: bool | None = False
    since: datetime | None = NOW - timedelta(minutes=42)
    barred: str | None = None


class Barred:
    """Central answers that this till may do nothing."""

    online: bool | None = True
    since: datetime | None = NOW
    barred: str | None = "401 no_token"


async def test_the_status_line_says_that_the_till_is_not_enrolled_and_what_waits() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk, sync_state=Barred) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter")
        status = seat.text.splitlines()[0]
        assert "NOT ENROLLED" in status
        assert "ONLINE" not in status


async def test_the_status_line_tells_the_link_and_the_queue() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk, sync_state=Offline) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter")
        status = seat.text.splitlines()[0]
        assert "OFFLINE 00:42" in status
        assert "Q 1" in status
        assert "SHIFT 1" in status
        assert "BD 21 NOV" in status


class FailingRunner(InlineRunner):
    """The disk goes bad when a test says so."""

    fault: StoreError | None = None

    async def till(self, call: Callable[[], Result]) -> Result:
        if self.fault is not None:
            raise self.fault
        return await super().till(call)


async def test_a_damaged_store_stops_the_selling() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        runner = FailingRunner()
        runner.fault = store_damaged("page 7")
        seat.app.seat.runner = runner
        await seat.open("BA-1")
        await seat.press("f5", "enter")

        assert seat.screen == "StopScreen"
        assert "NOTHING CAN BE SOLD" in seat.text
        assert "page 7" in seat.text
        await seat.press("f5", "enter", "escape")
        assert seat.screen == "StopScreen"
        await seat.press("q")
        assert seat.app.return_code == 6


async def test_printing_that_fails_stops_nothing() -> None:
    desk = make_till()
    opened(desk)
    calls: list[str] = []

    async def broken() -> None:
        calls.append("print")
        raise OSError("no paper")

    app = TillApp(desk, InlineRunner(), preview=preview, after_commit=broken)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert calls == ["print"]
        assert app.is_running


async def test_a_paper_that_did_not_come_out_is_told_and_tried_again_by_itself() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("60.000"))
    has_paper = False

    async def printer() -> None:
        with desk.till.transaction() as unit:
            for job in waiting_prints(unit.connection, 10):
                state, reason = ("printed", None) if has_paper else ("waiting", "The printer has no paper.")
                settle_print(unit.connection, job.job_id, state=state, reason=reason, at=desk.clock.now())

    async with counter(desk, after_commit=printer) as seat:
        seat.app._each_second()
        await seat.settle()
        assert "PAPER 1" in seat.text

        has_paper = True
        clock_of(desk).advance(seconds=PRINT_AGAIN_S)
        for _ in range(2):
            seat.app._each_second()
            await seat.settle()
        assert "PAPER" not in seat.text


async def test_the_sync_engine_runs_while_the_screen_is_open() -> None:
    desk = make_till()
    calls: list[str] = []

    async def engine() -> None:
        calls.append("sync")

    app = TillApp(desk, InlineRunner(), preview=preview, keep_syncing=engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert calls == ["sync"]


@pytest.mark.parametrize("keys", [("w", "1", "0"), ("w", "1", "9"), ("full_stop", "4", "4", "4")])
async def test_a_key_typed_ahead_never_closes_the_screen_beneath(keys: tuple[str, ...]) -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        before = len(seat.app.screen_stack)
        await seat.at_once(*keys)

        assert [type(screen).__name__ for screen in seat.app.screen_stack[1:3]] == [
            "FindScreen",
            "AccountScreen",
        ]
        assert len(seat.app.screen_stack) == before + 1
        assert rows(desk, "payment_event") == []
