"""A cheque at the screen: its reader fills the form, and another's cheque is looked at first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.builders.tills import TODAY, make_till, opened, rows
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
