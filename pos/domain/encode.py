"""How a text leaves this program: one encoder for each target, and no writer without one.

The screen and paper have their own (``pos.tui.widgets.columns``, ``receipts``). What is kept stays as it was typed; only
what leaves is made harmless for whoever opens it. Source: reliability.md section 4.
"""

from __future__ import annotations

import re
import traceback
import unicodedata
from collections.abc import Iterable, Sequence
from types import TracebackType

from pos.domain.pan_guard import mask_card_number
from pos.domain.text_guard import clean_foreign

CELL_MAX = 32_767
"""Characters in one cell of a spreadsheet."""
LOG_LINE_MAX = 2_000
FILE_NAME_MAX = 100
CRASH_FRAMES_MAX = 40

_STARTS_FORMULA = frozenset("=+-@|%")
_CELL_WITHIN = re.compile(r'(;[\s"]*)([^\s";])')
_PLAIN = rf"(?:[A-Za-z0-9][ !#-:<-~]{{0,{CELL_MAX - 1}}}+(?<! ))?+"
"""Nearly every cell: nothing to clean and no quote to double. So the journal of a million payments is soon written."""
_is_plain_cell = re.compile(_PLAIN).fullmatch
_are_plain_cells = re.compile(f'{_PLAIN}(?:","{_PLAIN})*+').fullmatch
_RESERVED_NAMES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def cell_text(text: str) -> str:
    """A text for a cell of a spreadsheet: harmless to show, and no formula; an apostrophe stands before what would be one.

    Spreadsheets take full-width signs for signs of a formula too, and leave blanks before them out. Where a semicolon parts
    the columns they read on from one within a text, quotes or not, as from the beginning of a cell; two quotes there are an
    empty text, and what follows is the cell.
    """
    cleaned = _CELL_WITHIN.sub(_within, clean_foreign(text, limit=CELL_MAX))
    return (f"'{cleaned}" if _starts_formula(cleaned.lstrip()[:1]) else cleaned)[:CELL_MAX]


def _within(found: re.Match[str]) -> str:
    before, sign = found.groups()
    return f"{before}'{sign}" if _starts_formula(sign) else found[0]


def _starts_formula(sign: str) -> bool:
    return unicodedata.normalize("NFKC", sign)[:1] in _STARTS_FORMULA


def csv_line(cells: Sequence[str | int], *, separator: str = ",") -> str:
    """One line of a CSV file, with its end: texts in quotes as ``cell_text``, whole numbers as they are."""
    return csv_cells(cells, separator=separator) + "\r\n"


def csv_cells(cells: Sequence[str | int], *, separator: str = ",") -> str:
    """A part of a line of a CSV file, to be written several times over."""
    return separator.join([str(cell) if isinstance(cell, int) else csv_cell(cell) for cell in cells])


def csv_texts(texts: Sequence[str]) -> str:
    """``csv_cells`` of one text or more; where nothing is to clean, all are looked at together."""
    joined = '","'.join(texts)
    # A text with the mark between two cells in it would pass for two.
    if _are_plain_cells(joined) and joined.count('"') == 2 * (len(texts) - 1):
        return f'"{joined}"'
    return csv_cells(texts)


def csv_cell(text: str) -> str:
    """One cell of a CSV file: a text in quotes, as ``cell_text``."""
    if _is_plain_cell(text):
        return f'"{text}"'
    return '"{}"'.format(cell_text(text).replace('"', '""'))


def file_name(parts: Iterable[str], *, suffix: str) -> str:
    """A file's name from our own numbers and words: letters, digits and dashes of ASCII alone, never a path.

    ``suffix`` is ours, such as ``.pdf``.
    """
    plain = mask_card_number("-".join(parts))
    stem = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:FILE_NAME_MAX].strip("-") or "file"
    return f"_{stem}{suffix}" if _RESERVED_NAMES.fullmatch(stem) else f"{stem}{suffix}"


def log_line(text: str) -> str:
    """One line for a log: no control character, line end or terminal sequence, and no card number."""
    cut = text[: 4 * LOG_LINE_MAX]
    shown = "".join(_escaped(sign) for sign in mask_card_number(cut))
    return shown if len(shown) <= LOG_LINE_MAX else shown[: LOG_LINE_MAX - 3] + "..."


def crash_lines(error: BaseException, trace: TracebackType | None) -> list[str]:
    """What may be told of a fault of the program: which kind, and where. Its own text and its values may be a customer's."""
    frames = traceback.extract_tb(trace, limit=-CRASH_FRAMES_MAX)
    where = [f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return [log_line(line) for line in (f"The program failed: {type(error).__name__}, at", *where)]


def fault_place(trace: TracebackType | None) -> str | None:
    """Where a fault of the program was raised, such as ``sync/central/app.py:80``; None where nothing was."""
    frames = traceback.extract_tb(trace, limit=-1)
    if not frames:
        return None
    parts = frames[0].filename.replace("\\", "/").rsplit("/", 3)
    return log_line(f"{'/'.join(parts[-3:])}:{frames[0].lineno}")


def _escaped(sign: str) -> str:
    if sign.isprintable():
        return sign
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")
