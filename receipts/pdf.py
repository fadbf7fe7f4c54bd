"""A document as a PDF for an 80 mm roll: one page as long as its text, fonts embedded, the same bytes every time.

ReportLab is loaded by the first paper, not by the import of this module: a till that prints nothing starts without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from receipts.document import Align, Banner, Blank, Code, Document, Element, Emphasis, Field, Row, Rule, Text
from receipts.glyphs import BOLD_FONT, PLAIN_FONT, Glyphs, glyphs_from
from receipts.layout import BANNER_LINES_MAX, cleaned
from receipts.qr import QUIET, squares
from receipts.words import LEADING, Run, Words

_MM = 72 / 25.4
PAGE_WIDTH_PT = 80 * _MM
PRINTABLE_WIDTH_PT = 72 * _MM
PAGE_HEIGHT_PT_MAX = 14_000
"""Readers refuse pages over 14,400 points; a longer paper goes on on a second page."""

_MARGIN_PT = (PAGE_WIDTH_PT - PRINTABLE_WIDTH_PT) / 2
_SIZE_PT = 8.0  # 42 columns of the shipped font fill the printable width
_LARGE_SIZE_PT = 13.0
_INDENT_PT = 5.0
_GAP_PT = 8.0
_FRAME_PADDING_PT = 4.0
_LABEL_WIDTH_PT_MIN = 20.0
_CODE_SIDE_PT = PRINTABLE_WIDTH_PT * 0.8
_FIELD_COLUMN_PT = PRINTABLE_WIDTH_PT / 3


def render_pdf(
    document: Document, *, font_path: str | Path | None = None, fallback_fonts: Sequence[str | Path] = ()
) -> bytes:
    """``document`` as a PDF. ``font_path`` takes the place of the shipped font, in bold as well.

    A letter that the font lacks is taken from the shipped font, then from the first of ``fallback_fonts`` (TrueType
    files) that has it; if none has, a box is printed. Arabic is joined and runs from the right; Indic scripts are
    set letter by letter. Raises PrinterUnavailable if a font file cannot be used, so
    that papers wait for a cured setting instead of failing one by one.
    """
    # ReportLab takes a tenth of a second to load: the first paper pays for it, not the start of the till.
    from reportlab.pdfgen.canvas import Canvas

    own = [font_path] if font_path is not None else []
    plain = glyphs_from([*own, PLAIN_FONT, *fallback_fonts])
    bold = glyphs_from([*own, BOLD_FONT, *fallback_fonts])
    setter = _Setter(plain, bold)
    strips = [strip for element in document.elements for strip in setter.strips(element)]
    buffer = BytesIO()
    # A canvas that is not told otherwise asks for Helvetica, which is not embedded.
    canvas = Canvas(buffer, pageCompression=1, invariant=1, initialFontName=plain.first_face.name)
    canvas.setTitle(cleaned(document.title))
    canvas.setCreator("Counterfoil")
    for page in _pages(strips):
        _draw(canvas, page)
    canvas.save()
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Strip:
    """A slice of the roll over its full width, which no page break cuts."""

    height_pt: float
    runs: tuple[Run, ...] = ()
    rule_pt: float = 0.0
    framed: bool = False
    code: str = ""
    """For a scanner: as wide as the strip is high."""


@dataclass(frozen=True, slots=True)
class _Setter:
    """Turns elements into strips."""

    plain: Glyphs
    bold: Glyphs

    def strips(self, element: Element) -> Iterator[_Strip]:
        match element:
            case Text():
                yield from self._text(element)
            case Field():
                yield from self._field(element)
            case Row():
                yield from self._row(element)
            case Banner():
                yield self._banner(element)
            case Rule():
                yield _Strip(7.0, rule_pt=1.2 if element.heavy else 0.5)
            case Blank():
                yield _Strip(_SIZE_PT * LEADING / 2)
            case Code():
                wished_pt = _CODE_SIDE_PT if element.side_mm is None else element.side_mm * _MM
                yield _Strip(min(wished_pt, _CODE_SIDE_PT), code=element.text)

    def _text(self, element: Text) -> Iterator[_Strip]:
        words = self._words(element.text, element.emphasis)
        indent_pt = element.indent * _INDENT_PT
        room_pt = PRINTABLE_WIDTH_PT - indent_pt
        words = words.sized_to_fit(room_pt, size_pt_min=_SIZE_PT)
        for line in words.lines(room_pt, element.lines_max):
            yield _Strip(words.height_pt, tuple(line.runs(indent_pt, room_pt, element.align)))

    def _field(self, element: Field) -> Iterator[_Strip]:
        label, value = self._words(element.label), self._words(element.value)
        room_pt = PRINTABLE_WIDTH_PT - _FIELD_COLUMN_PT
        beside = tuple(label.runs())
        if label.width_pt > _FIELD_COLUMN_PT - _INDENT_PT:
            for line in label.lines(PRINTABLE_WIDTH_PT):
                yield _Strip(line.height_pt, tuple(line.runs()))
            beside = ()
        for line in value.lines(room_pt, element.lines_max):
            yield _Strip(line.height_pt, (*beside, *line.runs(_FIELD_COLUMN_PT, room_pt)))
            beside = ()

    def _row(self, element: Row) -> Iterator[_Strip]:
        indent_pt = element.indent * _INDENT_PT
        room_pt = PRINTABLE_WIDTH_PT - indent_pt - _GAP_PT
        size_pt = (
            self._words(element.label + element.amount, element.emphasis)
            .sized_to_fit(room_pt, size_pt_min=_SIZE_PT)
            .size_pt
        )
        label = replace(self._words(element.label, element.emphasis), size_pt=size_pt)
        amount = replace(self._words(element.amount, element.emphasis), size_pt=size_pt)
        label_room_pt = room_pt - amount.width_pt
        beside = tuple(amount.runs(0, PRINTABLE_WIDTH_PT, Align.RIGHT))
        if label_room_pt < _LABEL_WIDTH_PT_MIN:
            # An amount beyond all expectation gets a strip of its own rather than losing a digit.
            yield _Strip(amount.height_pt, beside)
            beside, label_room_pt = (), room_pt
        for line in label.lines(label_room_pt):
            yield _Strip(line.height_pt, (*line.runs(indent_pt, label_room_pt), *beside))
            beside = ()

    def _banner(self, element: Banner) -> _Strip:
        room_pt = PRINTABLE_WIDTH_PT - 2 * _FRAME_PADDING_PT
        runs: list[Run] = []
        top_pt = _FRAME_PADDING_PT
        headline = self._words(element.headline, Emphasis.LARGE).sized_to_fit(room_pt, size_pt_min=_SIZE_PT)
        for words in (headline, *map(self._words, element.lines)):
            for line in words.lines(room_pt, BANNER_LINES_MAX):
                runs += line.runs(_FRAME_PADDING_PT, room_pt, Align.CENTRE, top_pt=top_pt)
                top_pt += line.height_pt
        return _Strip(top_pt + _FRAME_PADDING_PT, tuple(runs), framed=True)

    def _words(self, text: str, emphasis: Emphasis = Emphasis.PLAIN) -> Words:
        glyphs = self.plain if emphasis is Emphasis.PLAIN else self.bold
        return Words(
            glyphs.shaped(cleaned(text)), glyphs, _LARGE_SIZE_PT if emphasis is Emphasis.LARGE else _SIZE_PT
        )


def _pages(strips: Sequence[_Strip]) -> Iterator[list[_Strip]]:
    page: list[_Strip] = []
    height_pt = 0.0
    for strip in strips:
        if page and height_pt + strip.height_pt > PAGE_HEIGHT_PT_MAX - 2 * _MARGIN_PT:
            yield page
            page, height_pt = [], 0.0
        page.append(strip)
        height_pt += strip.height_pt
    yield page


def _draw(canvas: Any, page: Sequence[_Strip]) -> None:
    height_pt = sum(strip.height_pt for strip in page) + 2 * _MARGIN_PT
    canvas.setPageSize((PAGE_WIDTH_PT, height_pt))
    top_pt = height_pt - _MARGIN_PT
    for strip in page:
        bottom_pt = top_pt - strip.height_pt
        if strip.rule_pt:
            canvas.setLineWidth(strip.rule_pt)
            middle_pt = (top_pt + bottom_pt) / 2
            canvas.line(_MARGIN_PT, middle_pt, PAGE_WIDTH_PT - _MARGIN_PT, middle_pt)
        if strip.framed:
            canvas.setLineWidth(1.2)
            canvas.rect(_MARGIN_PT, bottom_pt, PRINTABLE_WIDTH_PT, strip.height_pt)
        if strip.code:
            _draw_code(canvas, strip.code, bottom_pt, strip.height_pt)
        for run in strip.runs:
            canvas.setFont(run.face.name, run.size_pt)
            canvas.drawString(_MARGIN_PT + run.x_pt, top_pt - run.drop_pt, run.text)
        top_pt = bottom_pt
    canvas.showPage()


def _draw_code(canvas: Any, text: str, bottom_pt: float, wide_pt: float) -> None:
    """In the middle of the paper, its margin within the strip."""
    dark = squares(text)
    side_pt = wide_pt / (len(dark) + 2 * QUIET)
    left_pt = (PAGE_WIDTH_PT - wide_pt) / 2 + QUIET * side_pt
    top_pt = bottom_pt + wide_pt - QUIET * side_pt
    for row, line in enumerate(dark, start=1):
        for column, square in enumerate(line):
            if square:
                canvas.rect(
                    left_pt + column * side_pt, top_pt - row * side_pt, side_pt, side_pt, stroke=0, fill=1
                )
