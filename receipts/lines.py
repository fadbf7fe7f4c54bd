"""A document set in lines of fixed columns, as a terminal and a receipt printer show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from receipts.document import Align, Banner, Blank, Code, Document, Element, Emphasis, Field, Row, Rule, Text
from receipts.layout import BANNER_LINES_MAX, cells, cleaned, wrapped

COLUMNS_MIN = 24
"""The longest amount that is taken (999999999999.999) still leaves a column for its label."""

_GAP = 2
_LABEL_COLUMNS_MIN = 4
_FIELD_COLUMN_MIN = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Cleaned words, each from its own column, in their order from the left.

    A ``wide`` line is set in letters of double width: it has half the columns of the others. One with a ``code`` has no
    words: it is drawn for a scanner, where that can be done.
    """

    words: tuple[tuple[int, str], ...] = ()
    emphasis: Emphasis = Emphasis.PLAIN
    wide: bool = False
    code: Code | None = None

    @property
    def text(self) -> str:
        """The words with blanks between them. Columns are counted as a terminal does: wide characters two, marks none."""
        text = ""
        for column, words in self.words:
            text += " " * (column - cells(text)) + words
        return text


def set_in_lines(document: Document, columns: int, *, enlarge: bool = False) -> Iterator[Line]:
    """``document`` in lines of ``columns`` columns; ``enlarge``: large words become wide where half the columns do.

    Raises ValueError if ``columns`` is under COLUMNS_MIN.
    """
    if columns < COLUMNS_MIN:
        raise ValueError(f"a paper has at least {COLUMNS_MIN} columns")
    for element in document.elements:
        yield from _lines(element, columns, enlarge)


def _lines(element: Element, columns: int, enlarge: bool) -> Iterator[Line]:
    match element:
        case Text():
            yield from _text(element, columns, enlarge)
        case Field():
            yield from _field(element, columns)
        case Row():
            yield from _row(element, columns)
        case Banner():
            yield from _banner(element, columns, enlarge)
        case Rule():
            yield Line(words=((0, ("=" if element.heavy else "-") * columns),))
        case Blank():
            yield Line()
        case Code():
            yield Line(code=element)


def _text(element: Text, columns: int, enlarge: bool) -> Iterator[Line]:
    text, emphasis = cleaned(element.text), element.emphasis
    wide = enlarge and emphasis is Emphasis.LARGE and element.indent + cells(text) <= columns // 2
    room = (columns // 2 if wide else columns) - element.indent
    for line in wrapped(text, room, cells, lines_max=element.lines_max):
        column = element.indent + _offset(line, room, element.align)
        yield Line(words=((column, line),), emphasis=emphasis, wide=wide)


def _field(field: Field, columns: int) -> Iterator[Line]:
    column = max(columns // 3, min(_FIELD_COLUMN_MIN, columns // 2))
    label, value = cleaned(field.label), cleaned(field.value)
    if cells(label) > column - 1:
        yield from (Line(words=((0, line),)) for line in wrapped(label, columns, cells))
        label = ""
    for line in wrapped(value, columns - column, cells, lines_max=field.lines_max):
        yield Line(words=((0, label), (column, line)))
        label = ""


def _row(row: Row, columns: int) -> Iterator[Line]:
    amount, label = cleaned(row.amount), cleaned(row.label)
    beside = (columns - cells(amount), amount)
    room = columns - row.indent - _GAP - cells(amount)
    if room < _LABEL_COLUMNS_MIN:
        # An amount beyond all expectation gets a line of its own rather than losing a digit.
        for line in wrapped(label, columns - row.indent, cells):
            yield Line(words=((row.indent, line),), emphasis=row.emphasis)
        yield Line(words=(beside,), emphasis=row.emphasis)
        return
    first, *more = wrapped(label, room, cells)
    yield Line(words=((row.indent, first), beside), emphasis=row.emphasis)
    for line in more:
        yield Line(words=((row.indent, line),), emphasis=row.emphasis)


def _banner(banner: Banner, columns: int, enlarge: bool) -> Iterator[Line]:
    frame = Line(words=((0, "*" * columns),))
    yield frame
    for text, emphasis in (
        (banner.headline, Emphasis.LARGE),
        *((line, Emphasis.PLAIN) for line in banner.lines),
    ):
        text = cleaned(text)
        wide = enlarge and emphasis is Emphasis.LARGE and cells(text) <= columns // 2 - 4
        width = columns // 2 if wide else columns
        for line in wrapped(text, width - 4, cells, lines_max=BANNER_LINES_MAX):
            middle = (2 + _offset(line, width - 4, Align.CENTRE), line)
            yield Line(words=((0, "*"), middle, (width - 1, "*")), emphasis=emphasis, wide=wide)
    yield frame


def _offset(line: str, room: int, align: Align) -> int:
    match align:
        case Align.LEFT:
            return 0
        case Align.CENTRE:
            return (room - cells(line)) // 2
        case Align.RIGHT:
            return room - cells(line)
