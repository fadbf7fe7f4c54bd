"""What leaves for a spreadsheet, a log or a folder obeys nobody's text, and an honest text arrives as it was."""

from __future__ import annotations

import csv
import io
import re
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pos.domain.encode import (
    CELL_MAX,
    FILE_NAME_MAX,
    LOG_LINE_MAX,
    cell_text,
    crash_lines,
    csv_cell,
    csv_cells,
    csv_line,
    csv_texts,
    file_name,
    log_line,
)
from tests.domain.test_text_guard import HONEST, HOSTILE

CARD = "4111111111111111"
FORMULAS = [
    "=SUM(A1:A9)",
    '=HYPERLINK("http://x","y")',
    "+965 5551 0001",
    "-1+1",
    "@SUM(1)",
    "=cmd|'/c calc'!A1",
    "\uff1dSUM(A1)",
    "\uff0bSUM(A1)",
    "\uff20x",
    "\uff05x",
    " =1+1",
    "|calc",
    "%0A=1",
]
# A formula in the name of a shop is no harm on a receipt; only a spreadsheet would obey it.
PLAIN = [text for text in HONEST if text and text[0] not in "=+-@|%"]


@pytest.mark.parametrize("text", PLAIN)
def test_an_honest_text_stands_in_a_cell_as_it_is(text: str) -> None:
    assert cell_text(text) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_reckon_is_text(text: str) -> None:
    cell = cell_text(text)

    assert cell.startswith("'")
    assert cell[1:].replace("\ufffd", "") == text.strip(" ").replace("\t", "").replace("\r", "")


@given(st.text(max_size=40))
def test_no_text_begins_a_formula(text: str) -> None:
    cell = cell_text(text)

    first = unicodedata.normalize("NFKC", cell.lstrip()[:1])[:1]
    assert first not in {*"=+-@|%\t\r\n"} - {""}
    assert all(sign.isprintable() or sign in "\u200c\u200d\u00a0\u3000" or sign.isspace() for sign in cell)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_part_of_a_line_begins_a_formula_where_a_semicolon_parts_the_columns(formula: str) -> None:
    """There a spreadsheet takes quotes within a line for letters, or two of them for an empty text before the rest."""
    for text in (f"Haddad;{formula};x", f"Haddad; {formula}", f";{formula}", f'Haddad;"{formula};x'):
        for part in csv_line(["S014", text, 7]).split(";"):
            first = unicodedata.normalize("NFKC", part.lstrip(' "\u00a0\u3000')[:1])[:1]
            assert first not in {*"=+-@|%\t\r\n"} - {""}, part


@given(st.lists(st.text(max_size=20) | st.integers(-(10**12), 10**12), min_size=1, max_size=6))
def test_a_line_is_read_back_cell_by_cell_and_nothing_is_lost(cells: list[str | int]) -> None:
    line = csv_line(cells)

    (read,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    assert read == [str(cell) if isinstance(cell, int) else cell_text(cell) for cell in cells]
    assert line.endswith("\r\n")
    assert line.count("\n") == 1


def test_amounts_in_minor_units_stay_numbers() -> None:
    assert csv_line([-41750, 'O"Brien; Ltd', "000123"]) == '-41750,"O""Brien; Ltd","000123"\r\n'


NEARLY_PLAIN = st.text(st.sampled_from('aZ09 ",;=-~!\n\u00e9'), max_size=12)


@given(NEARLY_PLAIN)
def test_a_cell_that_is_written_as_it_is_had_nothing_to_clean(text: str) -> None:
    assert csv_cell(text) == '"{}"'.format(cell_text(text).replace('"', '""'))


@given(st.lists(NEARLY_PLAIN, min_size=1, max_size=4))
@example(['a","b'])
@example(["a", "", 'b"', '"c'])
def test_texts_looked_at_together_are_written_as_each_by_itself(texts: list[str]) -> None:
    assert csv_texts(texts) == csv_cells(texts)


def test_a_cell_is_no_longer_than_a_spreadsheet_takes() -> None:
    assert len(cell_text("=" * 50_000)) == CELL_MAX
    assert len(cell_text("x" * 50_000)) == CELL_MAX
    assert csv_cell("x" * CELL_MAX) == csv_cell("x" * (CELL_MAX + 1)) == '"{}"'.format("x" * CELL_MAX)


# --- log lines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_log_line_obeys_no_text(text: str) -> None:
    line = log_line(f"printer: {text}")

    assert line.isprintable()
    assert line.startswith("printer: ")


@pytest.mark.parametrize(
    "text", ["printer offline", "shop 014, محمد, O'Brien, हिन्दी", "attempt 019abc39-2425-7607"]
)
def test_an_honest_line_is_logged_as_it_is(text: str) -> None:
    assert log_line(text) == text


@given(st.text(max_size=200))
def test_a_log_line_is_one_line(text: str) -> None:
    assert "\n" not in log_line(text)
    assert log_line(text).isprintable()
    log_line(text).encode()


def test_a_log_line_is_masked_and_cut() -> None:
    assert "4111" not in log_line(f"scan {CARD}")
    assert log_line("CVV 123") == "CVV ***"
    assert len(log_line("x\x00" * 9_000)) == LOG_LINE_MAX


def test_a_crash_tells_kind_and_place_and_no_value() -> None:
    def look_up(typed: str) -> int:
        return int(typed)

    try:
        look_up(f"Aisha {CARD}")
    except ValueError as fault:
        lines = crash_lines(fault, sys.exc_info()[2])

    assert lines[0] == "The program failed: ValueError, at"
    assert re.fullmatch(r"  .*test_encode\.py:\d+ look_up", lines[-1])
    assert not [line for line in lines if "Aisha" in line or "4111" in line]


# --- file names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["S014-T1-A-000001"], "S014-T1-A-000001.pdf"),
        (["audit", "2026-11-22"], "audit-2026-11-22.pdf"),
        (["../../etc", "passwd"], "etc-passwd.pdf"),
        (["a/b\\c:d\x00e\nf"], "a-b-c-d-e-f.pdf"),
        (["CON"], "_CON.pdf"),
        (["lpt1"], "_lpt1.pdf"),
        (["محمد"], "file.pdf"),
        ([""], "file.pdf"),
        ([".."], "file.pdf"),
        (["-rf"], "rf.pdf"),
        ([CARD], "file.pdf"),
        (["x" * 300], "x" * FILE_NAME_MAX + ".pdf"),
    ],
)
def test_a_file_is_named_by_plain_letters(parts: list[str], name: str) -> None:
    assert file_name(parts, suffix=".pdf") == name


@given(st.lists(st.text(max_size=40), max_size=3))
def test_no_file_name_leads_elsewhere(parts: list[str]) -> None:
    assert re.fullmatch(r"_?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.pdf", file_name(parts, suffix=".pdf"))
