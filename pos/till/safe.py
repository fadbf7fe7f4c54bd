"""Counting the safe: blind, against the books; what differs is over or short, with its reason, and wants another person.

The first count finds what the safe had before the books began; nothing is posted for that. Source: domain.md 3.9.
"""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.business_day import business_date
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_count, zero
from pos.domain.posting import JournalLine, Ledger, SourceKind, credit, debit
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Grant, Person
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.domain.text_guard import clean_entry
from pos.store.days import bags_in_hand, safe_base, safe_by_the_books, safe_tries
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import use_or_ask
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_right
from pos.till.journal import book_entry
from pos.till.office_paper import next_paper, write_sheet

ACT = "safe_count"
TRIES_MAX = 2
"""A count and one recount are told that they differ; what comes after says no more of what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeCounted:
    """What lay loose in the safe, and what differed; ``is_first``: it is what the books begin with."""

    number: str
    counted: Money
    difference: Money
    bags: tuple[tuple[str, Money], ...]
    is_first: bool


def count_safe(
    desk: Desk,
    person: Person,
    cash: str,
    reason: str | None = None,
    *,
    decimal_marks: str = ".",
    memo: Memo | None = None,
) -> SafeCounted:
    """Commit a count of the safe's loose cash, beside its sealed bags, in the shop's currency.

    Raises NotAuthorised, ApprovalNeeded (who has the right within limits, for what differs), Refused ``safe_differs`` (no
    reason given; it does not say by how much), ``safe_recounted`` (the same after a recount, whether it differs or
    not) or what ``parse_count`` raises.
    """

    def work(deed: Deed) -> SafeCounted:
        deed.shift, connection = None, deed.unit.connection
        counted = parse_count(cash, desk.identity.currency, decimal_marks=decimal_marks)
        books, base = safe_by_the_books(connection, counted.currency), safe_base(connection, counted.currency)
        expected = counted if base is None else base + books
        difference = counted - expected
        why = deed.reason_code = clean_entry(reason or "", field="Reason", limit=200) or None
        tried = safe_tries(connection)
        if why is None and tried >= TRIES_MAX:
            raise Refused(
                "safe_recounted", "The safe was recounted. Give a reason with its count.", field="reason"
            )
        if difference and why is None:
            raise Refused("safe_differs", "The count differs. Count again, or give a reason.", field="reason")
        if difference or tried >= TRIES_MAX:
            _require_second(deed, counted, why)
        numbered = next_paper(deed, f"{desk.identity.series}-SC")
        deed.subject, count_id = numbered.number, deed.new_id()
        day = business_date(deed.at, desk.policy.day_starts)
        deed.unit.insert(
            "safe_count",
            {
                "count_id": count_id,
                "receipt_number": numbered.number,
                "currency": counted.currency.code,
                "counted_minor": counted.minor,
                "expected_minor": expected.minor,
                "base_minor": (counted - books if base is None else base).minor,
                "difference_minor": difference.minor,
                "reason": why if difference else None,
                "business_date": day.isoformat(),
                "at_utc": utc_text(deed.at),
                "utc_offset_min": offset_minutes(deed.at),
                "operator": person.user,
                "approver": deed.approver,
            },
        )
        book_entry(deed, SourceKind.SAFE_COUNT, count_id, _lines(difference))
        bags = bags_in_hand(connection, counted.currency)
        sheet = _sheet(counted, expected, bags, why if difference else None, deed.approver)
        write_sheet(deed, numbered, ReceiptKind.SAFE_COUNT, sheet, total=counted, business_day=day)
        return SafeCounted(
            number=numbered.number,
            counted=counted,
            difference=difference,
            bags=tuple(bags),
            is_first=base is None,
        )

    return perform(desk, person, ACT, work, memo=memo)


def _require_second(deed: Deed, counted: Money, why: str | None) -> None:
    if require_right(deed.desk, ACT, deed.person) is Grant.LIMIT:
        use_or_ask(
            deed,
            ACT,
            {"counted": counted.minor, "why": why},
            f"safe counted at {counted}, which differs: {why}",
            "This count of the safe needs a second person.",
        )


def _lines(difference: Money) -> list[JournalLine]:
    if difference.minor > 0:
        return [debit(Ledger.SAFE, difference), credit(Ledger.OVER_SHORT, difference)]
    if difference.minor < 0:
        return [debit(Ledger.OVER_SHORT, -difference), credit(Ledger.SAFE, -difference)]
    return []


def _sheet(
    counted: Money, expected: Money, bags: list[tuple[str, Money]], why: str | None, approver: str | None
) -> SheetFacts:
    loose = [
        SheetLine(code="expected_cash", amount=expected),
        SheetLine(code="counted_cash", amount=counted),
        SheetLine(code="over_short", amount=counted - expected, strong=True),
        *([SheetLine(code="difference_reason", said=why)] if why else []),
        *([SheetLine(code="approver", said=approver)] if approver else []),
    ]
    parts = [SheetPart(code="loose_cash", lines=tuple(loose))]
    if bags:
        whole = sum((amount.minor for _, amount in bags), 0)
        lines = [SheetLine(code="bag", said=number, amount=amount) for number, amount in bags]
        lines.append(
            SheetLine(
                code="bags", count=len(bags), amount=zero(counted.currency) + Money(whole, counted.currency)
            )
        )
        parts.append(SheetPart(code="sealed_bags", lines=tuple(lines)))
    return SheetFacts(parts=tuple(parts), signatures=("counted_by", "second_counter"))
