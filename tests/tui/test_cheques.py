"""A cheque at the screen: its reader fills the form, and another's cheque is looked at first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.builders.tills import TODAY, clock_of, make_till, opened, rows
from tests.tui.counter import Counter, counter
from tests.tui.shelf import make_shop

LINE = "T021000021T 0123456789U 0101"
SYMBOLS = str.maketrans("TAUD", ":;<=")
LETTERS = str.maketrans("TAUD", "abcd")


def focused(seat: Counter) -> str | None:
    return None if seat.app.focused is None else seat.app.focused.id


def cheque_row(desk: object) -> dict[str, object]:
    (row,) = rows(desk, "cheque")  # type: ignore[arg-type]
    return row


@pytest.mark.parametrize(
    "line", [LINE, LINE.translate(SYMBOLS), LINE.translate(LETTERS), LINE.replace(" ", "")]
)
async def test_a_cheque_with_a_reader_takes_4_keys(line: str) -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(line)
        assert "press Enter yourself" in seat.message
        assert focused(seat) == "field-amount-box"
        await seat.press("enter")
        assert seat.keys == 4
        assert "41.750 KWD taken" in seat.message
    row = cheque_row(desk)
    assert (row["bank"], row["branch"], row["bank_account"], row["serial"]) == (
        "021000021",
        "",
        "0123456789",
        "0101",
    )
    assert (row["entered"], row["micr"]) == ("reader", line)


async def test_what_is_typed_over_a_readers_line_is_entered_by_hand() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(LINE)
        await seat.press("up", "up", "up", "up", "up", "up", "up")
        assert focused(seat) == "field-serial-box"
        await seat.fill("0102")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    row = cheque_row(desk)
    assert (row["serial"], row["entered"], row["micr"]) == ("0102", "hand", None)


async def test_a_line_that_was_not_read_whole_says_what_to_do_and_leaves_the_form_as_it_was() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(LINE.replace("21T", "?1T"))
        assert "Read the cheque again, or type its number" in seat.message
        assert "0210" not in seat.text
        assert focused(seat) == "field-serial-box"
        await seat.scan(LINE)
        await seat.press("enter")
    assert cheque_row(desk)["serial"] == "0101"


async def test_a_line_of_no_known_layout_is_told_and_no_field_has_it() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(":12:345678:9<")
        assert "fits no cheque that is known here" in seat.message
        assert ":12:" not in seat.text


@pytest.mark.parametrize("ups", range(1, 8))
async def test_a_line_is_taken_wherever_the_cursor_stands_and_nothing_else_is_lost(ups: int) -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7", *["up"] * ups)
        await seat.scan(LINE.translate(SYMBOLS))
        assert focused(seat) == "field-amount-box"
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert cheque_row(desk)["entered"] == "reader"
    (drawer,) = rows(desk, "tender_person")
    assert "O'Brien" in str(drawer["details_json"])


async def test_a_drawer_that_was_typed_survives_a_scan_into_its_field() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7", "up", "up", "up", "up")
        await seat.write("Lina Haddad")
        await seat.scan(LINE)
        await seat.press("enter")
        assert seat.screen == "TicksScreen"


async def test_another_persons_cheque_is_looked_at_before_it_is_taken() -> None:
    """Rule 40: a third party's cheque has a tick list."""
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(LINE)
        await seat.press("up", "up", "up")
        assert focused(seat) == "field-drawer-box"
        await seat.fill("Lina Haddad")
        await seat.press("enter")
        assert seat.screen == "TicksScreen"
        assert "Another than the customer drew this cheque." in seat.text
        await seat.press("space", "space", "enter")
        assert "Not ticked: It is crossed" in seat.message
        assert rows(desk, "v_payment") == []
        await seat.press("space", "space", "space", "enter")
        assert "41.750 KWD taken" in seat.message
    row = cheque_row(desk)
    assert row["third_party"] == 1
    assert len(str(row["ticks"]).split()) == 5


async def test_a_cheque_that_does_not_hold_what_is_looked_at_is_not_taken() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(LINE)
        await seat.press("up", "up", "up")
        await seat.fill("Lina Haddad")
        await seat.press("enter", "space", "escape")
        assert seat.screen == "ChequeScreen"
        assert "The cheque was not taken." in seat.message
    assert rows(desk, "v_payment") == []


async def test_a_bank_draft_is_not_compared_with_the_customer() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(LINE)
        await seat.press("up", "up", "up")
        await seat.fill("National Bank")
        await seat.press("up")
        await seat.fill("draft")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert cheque_row(desk)["kind"] == "draft"


async def test_a_cheque_that_is_too_old_soon_is_told() -> None:
    """Rule 38: whoever takes it hears that it is to be banked first."""
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan(LINE)
        await seat.press("up", "up")
        assert focused(seat) == "field-date-box"
        await seat.fill((TODAY - timedelta(days=175)).isoformat())
        await seat.press("enter")
        assert "5 days until it is too old: bank it first." in seat.message


# --- cheques of a later date -----------------------------------------------------------------------------------


async def later_cheque(seat: Counter, days: int = 30) -> None:
    await seat.open("BA-1")
    await seat.press("f7")
    await seat.scan(LINE)
    await seat.press("up", "up")
    assert focused(seat) == "field-date-box"
    await seat.fill((TODAY + timedelta(days=days)).isoformat())


async def test_a_cheque_of_a_later_date_asks_once_and_shows_its_note() -> None:
    """Rule 39: it is registered, and the account stays owing."""
    desk = make_shop()
    async with counter(desk) as seat:
        await later_cheque(seat)
        await seat.press("enter")
        assert "Dated 2026-12-21: registered, no payment until then." in seat.message
        assert rows(desk, "post_dated_cheque") == []
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
        assert "S014-T1-A-PD-000001" in seat.text
        await seat.press("escape")
        assert "not paid until then" in seat.message
        await seat.open("BA-1")
        assert "41.750" in seat.text
    assert rows(desk, "v_payment") == []
    (held,) = rows(desk, "v_post_dated")
    assert (held["state"], held["amount_minor"]) == ("registered", 41750)
    assert [row["bill_no"] for row in rows(desk, "post_dated_wish")] == ["7781"]


async def test_a_later_cheque_for_less_pays_only_that_much_on_its_date() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await later_cheque(seat)
        await seat.write("20")
        await seat.press("enter")
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
    assert [(row["bill_no"], row["amount_minor"]) for row in rows(desk, "post_dated_wish")] == [
        ("7781", 20000)
    ]


async def test_a_later_cheque_beside_another_tender_is_refused() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("5")
        await seat.press("f6")
        await seat.fill("A1B2C3", "4242", "VISA", "RRN001", "T-77")
        await seat.press("enter", "f7")
        await seat.scan(LINE)
        await seat.press("up", "up")
        await seat.fill((TODAY + timedelta(days=30)).isoformat())
        await seat.press("enter")
        assert "registered alone" in seat.message
        assert focused(seat) == "field-date-box"
    assert rows(desk, "post_dated_cheque") == []


async def test_the_register_lists_what_is_due_first_and_opens_a_note() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.press(".", "p")
        assert "No post-dated cheque is in the register." in seat.message
        await seat.press("escape")
        await later_cheque(seat, days=1)
        await seat.press("enter")
        clock_of(desk).advance(seconds=1)
        await seat.press("enter", "escape", ".", "p")
        assert "0 of 1 may go to the bank" in seat.message
        assert "0101 021000021" in seat.text
        assert "DUE" not in seat.text
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
