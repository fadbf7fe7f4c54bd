"""Columns of a terminal: display width, ellipsis, amounts whole."""

from __future__ import annotations

import unicodedata

import pytest
from rich.cells import cell_len

from pos.tui.keys import KEYS, markdown_table
from pos.tui.widgets.columns import Column, cut, fitted, line, shown, spread, width_of, widths
from tests.builders.tills import HONEST_NAMES, HOSTILE_NAME


@pytest.mark.parametrize("name", [*HONEST_NAMES, "李" * 30, "a" * 30])
@pytest.mark.parametrize("width", [1, 5, 12, 40])
def test_a_name_takes_exactly_its_columns(name: str, width: int) -> None:
    assert width_of(fitted(name, width)) == width
    assert cell_len(cut(name, width)) <= width_of(cut(name, width)) <= width


def test_a_cut_name_ends_with_an_ellipsis() -> None:
    assert cut("Al Noor Telecom", 8) == "Al Noor…"
    assert cut("李伟李伟", 5) == "李伟…"
    assert cut("short", 5) == "short"


def test_an_amount_is_never_cut() -> None:
    assert fitted("99999999999.999", 5, right=True) == "99999999999.999"
    columns = (Column(title="Name", flexible=True), Column(title="Amount", width=6, right=True))
    rows = [("A long name indeed", "99999999999.999")]
    sizes = widths(columns, rows, 24)
    assert line(columns, sizes, rows[0]) == "A long…  99999999999.999"
    assert spread("A long name indeed", "99999999999.999", 24) == "A long…  99999999999.999"


@pytest.mark.parametrize("name", ["மீனாட்சி குமார்", "राजेश जोशी"])
def test_vowel_signs_have_room_at_a_terminal_that_gives_them_a_column(name: str) -> None:
    assert width_of(name) == sum(
        not unicodedata.combining(sign) and unicodedata.category(sign) != "Mn" for sign in name
    )
    for text in (fitted(name, 30) + "18.805", spread(name, "18.805", 36)):
        assert cell_len(text) < width_of(text) <= 36
        assert text.endswith("18.805")


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    text = shown(HOSTILE_NAME)
    assert not set(text) & set("\x1b\x07\x9b\u202e\u202c")
    assert "[@click=app.quit]" in text


def test_the_table_for_the_readme_holds_every_key() -> None:
    table = markdown_table()
    assert all(f"`{key.shown}`" in table for key in KEYS)


def test_other_columns_give_way_to_amounts_that_leave_no_room() -> None:
    columns = (
        Column(title="Bill", width=12),
        Column(title="", flexible=True),
        Column(title="Open", width=6, right=True),
    )
    rows = [("2026-000881", "x", "999.999.999,999")]
    assert line(columns, widths(columns, rows, 40), rows[0]) == "2026-000881  x           999.999.999,999"
    assert line(columns, widths(columns, rows, 24), rows[0]) == "2026-… x 999.999.999,999"
    assert "999.999.999,999" in line(columns, widths(columns, rows, 10), rows[0])
