"""A document as plain text: for the screen, for a log of papers, for a line printer."""

from __future__ import annotations

from collections.abc import Iterator

from receipts.document import Align, Banner, Blank, Document, Element, Field, Row, Rule, Text
from receipts.layout import BANNER_LINES_MAX, cells, cleaned, wrapped

WIDTH = 42
"""Columns of an 80 mm roll in its usual font."""

WIDTH_MIN = 24
"""The longest amount that is taken (999999999999.999) still leaves a column for its label."""

_GAP = 2
_LABEL_COLUMNS_MIN = 4


def render_text(document: Document, width: int = WIDTH) -> str:
    """``document`` in lines of at most ``width`` columns, without trailing blanks, ending with a newline.

    Columns are counted as a terminal does it: wide characters two, combining marks none. Raises ValueError if
    ``width`` is under WIDTH_MIN.
    """
    if width < WIDTH_MIN:
        raise ValueError(f"a paper has at least {WIDTH_MIN} columns")
    lines = (line for element in document.elements for line in _lines(element, width))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _lines(element: Element, width: int) -> Iterator[str]:
    match element:
        case Text():
            indent = " " * element.indent
            room = width - element.indent
            for line in wrapped(cleaned(element.text), room, cells, lines_max=element.lines_max):
                yield indent + _aligned(line, room, element.align)
        case Field():
            yield from _field(element, width)
        case Row():
            yield from _row(element, width)
        case Banner():
            yield "*" * width
            for text in (element.headline, *element.lines):
                for line in wrapped(cleaned(text), width - 4, cells, lines_max=BANNER_LINES_MAX):
                    yield f"* {_padded(_aligned(line, width - 4, Align.CENTRE), width - 4)} *"
            yield "*" * width
        case Rule():
            yield ("=" if element.heavy else "-") * width
        case Blank():
            yield ""


def _field(field: Field, width: int) -> Iterator[str]:
    column = width // 3
    label, value = cleaned(field.label), cleaned(field.value)
    if cells(label) > column - 1:
        yield from wrapped(label, width, cells)
        label = ""
    for line in wrapped(value, width - column, cells, lines_max=field.lines_max):
        yield _padded(label, column) + line
        label = ""


def _row(row: Row, width: int) -> Iterator[str]:
    indent, amount, label = " " * row.indent, cleaned(row.amount), cleaned(row.label)
    room = width - row.indent - _GAP - cells(amount)
    if room < _LABEL_COLUMNS_MIN:
        # An amount beyond all expectation gets a line of its own rather than losing a digit.
        yield from (indent + line for line in wrapped(label, width - row.indent, cells))
        yield _aligned(amount, width, Align.RIGHT)
        return
    first, *more = wrapped(label, room, cells)
    yield indent + _padded(first, room + _GAP) + amount
    yield from (indent + line for line in more)


def _aligned(line: str, width: int, align: Align) -> str:
    match align:
        case Align.LEFT:
            return line
        case Align.CENTRE:
            return " " * ((width - cells(line)) // 2) + line
        case Align.RIGHT:
            return " " * (width - cells(line)) + line


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))
