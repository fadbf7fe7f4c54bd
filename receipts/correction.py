"""The part of a correction's paper that is its own: which payment it is about, what is undone or moved, what goes back.

Source: domain.md 3.6, 3.7 and rules 29, 30, 34.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pos.domain.receipt import CorrectionFacts, CorrectionLine, ReceiptFacts
from receipts.document import Align, Blank, Element, Emphasis, Field, Row, Rule, Text
from receipts.labels import Labels

SIGNATURE_LINES = 2
NAME_LINES_MAX = 2


def correction_elements(
    facts: ReceiptFacts, correction: CorrectionFacts, labels: Labels
) -> Iterator[Element]:
    """Everything between who did it and the foot."""
    taken_at = correction.of_taken_at.isoformat(sep=" ", timespec="minutes")[:16]
    yield Field(label=labels.correction_of, value=correction.of_receipt, lines_max=NAME_LINES_MAX)
    yield Field(label=labels.correction_of_time, value=taken_at)
    yield Field(label=labels.correction_reason, value=correction.reason, lines_max=4)
    if correction.approver is not None:
        yield Field(label=labels.correction_approver, value=correction.approver)
    yield Rule()
    yield Text(text=labels.all_amounts_in.format(currency=facts.total.currency.code), align=Align.RIGHT)
    undone = [line for line in correction.lines if not line.placed]
    placed = [line for line in correction.lines if line.placed]
    if undone and _accounts(placed) - _accounts(undone):
        yield from _note_for_each(facts, correction, undone, placed, labels)
        return
    yield from _lines(labels.correction_taken_off, undone, labels)
    yield from _lines(labels.correction_put_on, placed, labels)
    yield from _total(facts, labels)
    for label, amount, how in correction.given_back:
        yield Row(label=label, amount=labels.numbers.shown(amount))
        if how:
            yield Text(text=how, indent=2, lines_max=NAME_LINES_MAX)
    if correction.cash:
        yield Row(
            label=labels.correction_cash,
            amount=labels.numbers.shown(correction.cash),
            emphasis=Emphasis.LARGE,
        )
        yield Blank()
        yield Text(text=labels.correction_signature)
        yield from (Blank() for _ in range(SIGNATURE_LINES))


def _note_for_each(
    facts: ReceiptFacts,
    correction: CorrectionFacts,
    undone: Sequence[CorrectionLine],
    placed: Sequence[CorrectionLine],
    labels: Labels,
) -> Iterator[Element]:
    """Two notes to be cut apart: whoever holds the one account learns nothing of the other's bills."""
    yield Text(text=_for(undone, labels), emphasis=Emphasis.BOLD)
    yield from _lines(labels.correction_taken_off, undone, labels)
    yield from _total(facts, labels)
    yield Blank()
    yield Text(text=labels.correction_cut, align=Align.CENTRE)
    yield Blank()
    yield Text(text=facts.shop.name, align=Align.CENTRE, emphasis=Emphasis.BOLD, lines_max=NAME_LINES_MAX)
    yield Field(label=labels.correction_number, value=facts.receipt_number, lines_max=NAME_LINES_MAX)
    yield Field(label=labels.correction_of, value=correction.of_receipt, lines_max=NAME_LINES_MAX)
    yield Text(text=_for(placed, labels), emphasis=Emphasis.BOLD)
    yield from _lines(labels.correction_put_on, placed, labels)
    yield from _total(facts, labels)


def _accounts(lines: Sequence[CorrectionLine]) -> set[str]:
    return {line.account for line in lines}


def _for(lines: Sequence[CorrectionLine], labels: Labels) -> str:
    return labels.correction_for.format(account=", ".join(sorted(_accounts(lines))))


def _lines(heading: str, lines: Sequence[CorrectionLine], labels: Labels) -> Iterator[Element]:
    if lines:
        yield Text(text=heading, emphasis=Emphasis.BOLD)
        yield from (_line(line, labels) for line in lines)


def _total(facts: ReceiptFacts, labels: Labels) -> Iterator[Element]:
    yield Rule(heavy=True)
    yield Row(
        label=labels.total.format(currency=facts.total.currency.code),
        amount=labels.numbers.shown(facts.total),
        emphasis=Emphasis.LARGE,
    )
    yield Rule(heavy=True)


def _line(line: CorrectionLine, labels: Labels) -> Element:
    if line.bill_no is not None:
        what = labels.bill.format(number=line.bill_no)
    elif line.kept_as == "items":
        what = labels.items
    else:
        what = f"{labels.kept_as.get(line.kept_as) or labels.credit_on_account}, {line.account}"
    return Row(label=what, amount=labels.numbers.shown(line.amount))
