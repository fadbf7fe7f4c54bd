"""A blank sheet to count on: notes and coins by value, and what else lies in the drawer.

It says nothing of what is expected, and is a paper of its own series, so that nobody takes it for a report.
Source: domain.md rule 22.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pos.domain.business_day import business_date
from pos.domain.money import Money, zero
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Person
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.store.shifts import Shift, foreign_taken_in, taken_in
from pos.till.counted import slips_expected
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.office_paper import next_paper, write_sheet
from pos.till.trust_money import holds_trust

ACT = "count_sheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountSheet:
    """The sheet's number."""

    number: str


def print_count_sheet(desk: Desk, person: Person, *, memo: Memo | None = None) -> CountSheet:
    """Print a blank sheet: for the person's open shift with the ways to pay that left slips and the currencies that it
    took, else for a float or the safe. Raises NotAuthorised.
    """

    def work(deed: Deed) -> CountSheet:
        shift = deed.shift if deed.shift is not None and deed.shift.operator == person.user else None
        numbered = next_paper(deed, f"{desk.identity.series}-CS")
        deed.subject = numbered.number
        day = business_date(deed.at, desk.policy.day_starts) if shift is None else shift.business_date
        write_sheet(
            deed,
            numbered,
            ReceiptKind.COUNT_SHEET,
            SheetFacts(parts=tuple(_parts(deed, shift)), signatures=("counted_by", "second_counter")),
            total=zero(desk.identity.currency),
            business_day=day,
            shift_number=0 if shift is None else shift.number,
        )
        return CountSheet(number=numbered.number)

    return perform(desk, person, ACT, work, memo=memo)


def _parts(deed: Deed, shift: Shift | None) -> Iterator[SheetPart]:
    policy, own = deed.desk.policy, deed.desk.identity.currency
    values = [
        SheetLine(code="blank_pieces", said=Money(minor, own).plain()) for minor in policy.shift.denominations
    ]
    yield SheetPart(code="notes_and_coins", lines=(*values, SheetLine(code="blank_cash")))
    yield SheetPart(code="beside_cash", lines=tuple(_beside(deed, shift)))


def _beside(deed: Deed, shift: Shift | None) -> Iterator[SheetLine]:
    yield SheetLine(code="blank_cheques")
    if holds_trust(deed.desk, deed.person):
        yield SheetLine(code="blank_trust")
    if shift is not None:
        connection, modes = deed.unit.connection, deed.desk.modes
        for mode in slips_expected(deed.desk, taken_in(connection, shift)):
            yield SheetLine(code="blank_slips", said=modes[mode].label)
        for one in foreign_taken_in(connection, shift):
            yield SheetLine(code="blank_foreign", said=one.amount.currency.code)
    for kind in deed.desk.policy.declared:
        yield SheetLine(code="blank_declared", said=kind)
