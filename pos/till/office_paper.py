"""The papers of the cash office: numbered in a series of their own, kept, and sent to the printer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pos.domain.money import Money, zero
from pos.domain.receipt import ReceiptFacts, ReceiptKind
from pos.domain.sheet import SheetFacts
from pos.till.desk import Deed
from pos.till.receipt_paper import with_mark, write_paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A number that is taken in a series."""

    number: str
    counter: int
    series: str


def next_paper(deed: Deed, series: str) -> Numbered:
    """The next number of ``series``; a deed that is rolled back uses none."""
    counter = deed.unit.next_number(f"receipt:{series}")
    return Numbered(number=deed.desk.identity.receipt_number(counter, series), counter=counter, series=series)


def write_sheet(
    deed: Deed,
    numbered: Numbered,
    kind: ReceiptKind,
    sheet: SheetFacts,
    *,
    total: Money,
    business_day: date,
    shift_number: int = 0,
    notes: tuple[str, ...] = (),
) -> ReceiptFacts:
    """Keep the paper and have it printed; ``shift_number`` 0: it is of no shift."""
    nothing = zero(total.currency)
    facts = ReceiptFacts(
        receipt_number=numbered.number,
        kind=kind,
        shop=deed.desk.identity.shop,
        terminal=deed.desk.identity.terminal,
        shift_number=shift_number,
        business_date=business_day,
        taken_at=deed.at.replace(microsecond=0),
        operator=deed.person.user,
        operator_name=deed.person.name,
        payer_kind="",
        payer_account=None,
        payer_name=None,
        total=total,
        change=nothing,
        credit=nothing,
        tenders=(),
        allocations=(),
        chain_mark="",
        notes=notes,
        sheet=sheet,
    )
    facts = with_mark(facts, deed.unit.chain.head)
    write_paper(deed, facts, numbered.counter, series=numbered.series, event_id=None)
    return facts
