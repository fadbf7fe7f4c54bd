"""A bill as a PDF on A4: its head, its lines with their rates, taxes and totals; the same bytes every time.

ReportLab is loaded by the first paper, as for receipts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pos.domain.bill_paper import BillPaper, PaperEntry
from pos.domain.money import Money
from pos.domain.number_format import PLAIN, NumberFormat
from receipts.document import Align
from receipts.glyphs import BOLD_FONT, PLAIN_FONT, Glyphs, glyphs_from
from receipts.layout import cleaned
from receipts.words import Run, Words

PAGE_PT = (595.28, 841.89)
_MARGIN_PT = 50.0
_FOOT_PT = 40.0
_WIDTH_PT = PAGE_PT[0] - 2 * _MARGIN_PT
_ROOM_PT = PAGE_PT[1] - 2 * _MARGIN_PT - _FOOT_PT

_SIZE_PT = 8.0
_NAME_SIZE_PT = 11.0
_TITLE_SIZE_PT = 16.0
_SIZE_PT_MIN = 4.0
_INDENT_PT = 12.0
_LABEL_PT = 95.0
_GAP_PT = 6.0
_AMOUNT_PT = 82.0
_TEXT_PT = _WIDTH_PT - 3 * _AMOUNT_PT
_TEXT_LINES_MAX = 3
_NAME_LINES_MAX = 2


def render_bill(paper: BillPaper, *, numbers: NumberFormat = PLAIN) -> bytes:
    """``paper`` as a PDF of as many pages as it takes, each with the bill's number and its own."""
    # ReportLab takes a tenth of a second to load: the first paper pays for it, not the start of the server.
    from reportlab.pdfgen.canvas import Canvas

    setter = _Setter(glyphs_from([PLAIN_FONT]), glyphs_from([BOLD_FONT]), numbers)
    pages = list(_pages(list(setter.blocks(paper)), head=setter.columns(paper)))
    buffer = BytesIO()
    canvas = Canvas(
        buffer, pagesize=PAGE_PT, pageCompression=1, invariant=1, initialFontName=setter.plain.first_face.name
    )
    canvas.setTitle(cleaned(f"{paper.title} {paper.bill_no}"))
    canvas.setCreator("Counterfoil")
    for number, page in enumerate(pages, start=1):
        _draw(canvas, page)
        _draw(canvas, [setter.foot(paper, f"Page {number} of {len(pages)}")], top_pt=_MARGIN_PT + _SIZE_PT)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Strip:
    """A slice of the page over its whole width, which no page break cuts."""

    height_pt: float
    runs: tuple[Run, ...] = ()
    rule_pt: float = 0.0


_Block = list[_Strip]
"""Strips that stand on one page together."""


@dataclass(frozen=True, slots=True)
class _Setter:
    plain: Glyphs
    bold: Glyphs
    numbers: NumberFormat

    def blocks(self, paper: BillPaper) -> Iterator[_Block]:
        """The paper from top to bottom. A line stands on one page with the first of what is below it."""
        yield list(self._head(paper))
        yield self.columns(paper)
        kept: _Block = []
        for place, entry in enumerate(paper.entries):
            kept += self._entry(entry)
            following = paper.entries[place + 1] if place + 1 < len(paper.entries) else None
            if entry.is_rate or following is None or following.level <= entry.level:
                yield kept
                kept = []
        if paper.left_out:
            yield list(self._text(f"and {paper.left_out} more, which central tells one by one."))
        yield list(self._totals(paper))

    def columns(self, paper: BillPaper) -> _Block:
        unit = paper.tax_included.currency.code
        names = ("Without tax", "Tax", f"{unit} with tax")
        runs = [*self._words("Charges", bold=True).runs()]
        for place, name in enumerate(names):
            runs += self._amount(name, place, bold=True)
        return [_Strip(_SIZE_PT * 2), _Strip(_SIZE_PT * 1.5, tuple(runs)), _Strip(5.0, rule_pt=0.8)]

    def foot(self, paper: BillPaper, page: str) -> _Strip:
        runs = (
            *self._words(f"{paper.title} {paper.bill_no}").runs(),
            *self._words(page).runs(0, _WIDTH_PT, Align.RIGHT),
        )
        return _Strip(_SIZE_PT, runs)

    def _head(self, paper: BillPaper) -> Iterator[_Strip]:
        title = self._words(paper.title, bold=True, size_pt=_TITLE_SIZE_PT)
        title_room_pt = title.width_pt + _GAP_PT
        beside: tuple[Run, ...] = tuple(title.runs(0, _WIDTH_PT, Align.RIGHT))
        name, *address = paper.issuer or ("",)
        words = self._words(name, bold=True, size_pt=_NAME_SIZE_PT)
        for line in words.lines(_WIDTH_PT - title_room_pt, _NAME_LINES_MAX):
            yield _Strip(max(line.height_pt, title.height_pt if beside else 0), (*line.runs(), *beside))
            beside = ()
        for part in address:
            yield from self._text(part)
        yield _Strip(_SIZE_PT * 2)
        fields = [
            ("Number", paper.bill_no),
            ("Date", paper.bill_date.isoformat()),
            ("To be paid by", paper.due_date.isoformat()),
            ("Account", paper.account),
        ]
        if paper.period is not None:
            begin, end = paper.period
            fields.insert(3, ("Period", f"{begin.isoformat()} to {end.isoformat()}"))
        if paper.account_name:
            fields.append(("Customer", paper.account_name))
        for label, value in fields:
            beside = tuple(self._words(label).runs())
            for line in self._words(value, bold=True).lines(_WIDTH_PT - _LABEL_PT, _TEXT_LINES_MAX):
                yield _Strip(line.height_pt * 1.1, (*beside, *line.runs(_LABEL_PT, _WIDTH_PT - _LABEL_PT)))
                beside = ()

    def _entry(self, entry: PaperEntry) -> Iterator[_Strip]:
        bold = not entry.is_rate and entry.level == 0
        if bold:
            yield _Strip(_SIZE_PT / 2)
        indent_pt = min(entry.level, 6) * _INDENT_PT
        dated = "" if entry.on is None else f"{entry.on.isoformat()}  "
        amounts: list[Run] = []
        for place, money in enumerate((entry.tax_excluded, entry.tax, entry.tax_included)):
            amounts += self._amount(self.numbers.shown(money), place, bold=bold)
        words = self._words(dated + entry.text, bold=bold)
        for line in words.lines(_TEXT_PT - indent_pt - _GAP_PT, _TEXT_LINES_MAX):
            yield _Strip(line.height_pt, (*line.runs(indent_pt), *amounts))
            amounts = []

    def _totals(self, paper: BillPaper) -> Iterator[_Strip]:
        yield _Strip(_SIZE_PT)
        yield _Strip(5.0, rule_pt=0.8)
        if paper.tax_excluded is not None:
            yield self._total("Without tax", paper.tax_excluded)
        for tax in paper.taxes:
            yield self._total(tax.name, tax.amount)
        yield self._total("Total with tax", paper.tax_included, bold=True)
        if paper.amount_due != paper.tax_included:
            yield self._total("Due", paper.amount_due, bold=True)
        if paper.remaining != paper.amount_due:
            yield self._total("Already paid", paper.amount_due - paper.remaining)
        yield self._total("Remains to be paid", paper.remaining, bold=True)
        yield _Strip(_SIZE_PT)
        yield from self._text("This is the bill as it was issued. What was paid later does not show on it.")

    def _total(self, label: str, money: Money, *, bold: bool = False) -> _Strip:
        amount = self._words(self.numbers.with_currency(money), bold=bold).sized_to_fit(
            _AMOUNT_PT * 2 - _GAP_PT, size_pt_min=_SIZE_PT_MIN
        )
        [line, *_] = self._words(label, bold=bold).lines(_TEXT_PT, 1)
        return _Strip(line.height_pt * 1.2, (*line.runs(), *amount.runs(0, _WIDTH_PT, Align.RIGHT)))

    def _amount(self, text: str, place: int, *, bold: bool) -> Iterator[Run]:
        words = self._words(text, bold=bold).sized_to_fit(_AMOUNT_PT - _GAP_PT, size_pt_min=_SIZE_PT_MIN)
        return words.runs(_TEXT_PT + place * _AMOUNT_PT, _AMOUNT_PT, Align.RIGHT)

    def _text(self, text: str) -> Iterator[_Strip]:
        for line in self._words(text).lines(_WIDTH_PT, _TEXT_LINES_MAX):
            yield _Strip(line.height_pt, tuple(line.runs()))

    def _words(self, text: str, *, bold: bool = False, size_pt: float = _SIZE_PT) -> Words:
        glyphs = self.bold if bold else self.plain
        return Words(glyphs.shaped(cleaned(text)), glyphs, size_pt)


def _pages(blocks: Sequence[_Block], *, head: _Block) -> Iterator[list[_Strip]]:
    """Fill page after page; each but the first begins with ``head``. Nothing is higher than a page."""
    page: list[_Strip] = []
    for block in blocks:
        if page and _height_pt(page) + _height_pt(block) > _ROOM_PT:
            yield page
            page = list(head)
        page += block
    yield page


def _height_pt(strips: Sequence[_Strip]) -> float:
    return sum(strip.height_pt for strip in strips)


def _draw(canvas: Any, strips: Sequence[_Strip], *, top_pt: float = PAGE_PT[1] - _MARGIN_PT) -> None:
    for strip in strips:
        if strip.rule_pt:
            canvas.setLineWidth(strip.rule_pt)
            middle_pt = top_pt - strip.height_pt / 2
            canvas.line(_MARGIN_PT, middle_pt, PAGE_PT[0] - _MARGIN_PT, middle_pt)
        for run in strip.runs:
            canvas.setFont(run.face.name, run.size_pt)
            canvas.drawString(_MARGIN_PT + run.x_pt, top_pt - run.drop_pt, run.text)
        top_pt -= strip.height_pt
