"""The part of a cash office's paper that is its own: figures under headings, and who signs.

Source: domain.md 1, 3.8, 3.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pos.domain.over_short import size_of, word_of
from pos.domain.receipt import ReceiptFacts
from pos.domain.sheet import SheetFacts, SheetLine
from receipts.document import Align, Blank, Element, Emphasis, Field, Row, Rule, Text
from receipts.labels import Labels

SIGNATURE_LINES = 2
NAME_LINES_MAX = 2
SAID_LINES_MAX = 4
BLANK = "blank_"
"""Begins the codes of lines that are filled in by hand."""
TO_FILL_IN = "." * 14


def sheet_elements(facts: ReceiptFacts, sheet: SheetFacts, labels: Labels) -> Iterator[Element]:
    """Everything between who made it and the foot."""
    yield Rule()
    yield Text(text=labels.all_amounts_in.format(currency=facts.total.currency.code), align=Align.RIGHT)
    for place, part in enumerate(sheet.parts):
        if part.code:
            if place:
                yield Blank()
            yield Text(text=labels.sheet[part.code], emphasis=Emphasis.BOLD)
        for line in part.lines:
            yield from _line(facts, line, labels)
    if sheet.states_total:
        yield Rule(heavy=True)
        yield Row(
            label=labels.total.format(currency=facts.total.currency.code),
            amount=labels.numbers.shown(facts.total),
            emphasis=Emphasis.LARGE,
        )
        yield Rule(heavy=True)
    for code in sheet.signatures:
        yield Blank()
        yield Text(text=labels.sheet[code])
        yield from (Blank() for _ in range(SIGNATURE_LINES))
        yield Rule()


def _line(facts: ReceiptFacts, line: SheetLine, labels: Labels) -> Iterator[Element]:
    if line.amount is not None and f"{line.code}_{word_of(line.amount)}" in labels.sheet:
        # What is over or short is a word and an amount without a sign.
        line = replace(line, code=f"{line.code}_{word_of(line.amount)}", amount=size_of(line.amount))
    label = labels.sheet[line.code].format(
        said=_said(line, labels), count="" if line.count is None else line.count
    )
    if line.code.startswith(BLANK):
        yield Row(label=label, amount=TO_FILL_IN)
        return
    if line.amount is None and line.count is None:
        yield Field(label=label, value=_said(line, labels), lines_max=SAID_LINES_MAX)
        return
    amount = str(line.count) if line.amount is None else labels.numbers.shown(line.amount)
    if line.amount is not None and line.amount.currency != facts.total.currency:
        amount = labels.numbers.with_currency(line.amount)
    yield Row(label=label, amount=amount, emphasis=Emphasis.BOLD if line.strong else Emphasis.PLAIN)


def _said(line: SheetLine, labels: Labels) -> str:
    """A code among the words of the facts is said in words."""
    return labels.sheet_said.get(line.said, line.said)
