"""The Z report of a closed shift, the X report of an open one, and the signature of another person under a difference.

A Z is written in the transaction that closes its shift: numbered without a gap, never changed, printed again as DUPLICATE
n. It carries the till's totals since its first day, which never fall. An X changes nothing and is for who may see what is
expected.
Source: domain.md 1 and 3.8; reliability.md section 2 (31, 33, 34).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import ModeKind
from pos.domain.receipt import ReceiptFacts, ReceiptKind
from pos.domain.role import Grant, Person
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.domain.text_guard import clean_entry
from pos.store.cash_moves import moved_in
from pos.store.counted_pieces import pieces_of_count, slips_of_count
from pos.store.shifts import (
    Count,
    ExpectedTender,
    Shift,
    foreign_taken_in,
    given_back_in,
    open_shift,
    taken_in,
    trust_in,
)
from pos.store.times import offset_minutes, utc_text
from pos.store.z_reports import (
    GrandTotals,
    ShiftFigures,
    Sum,
    ZLine,
    differences_of,
    grand_totals,
    shift_figures,
    z_of_shift,
    z_reports,
)
from pos.till.approvals import own_pin_of
from pos.till.counted import pieces_line, slips_expected
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look, require_right
from pos.till.office_paper import next_paper, write_sheet
from pos.till.shift_closed import ShiftClosed
from pos.till.sign_in import CONFIRM_PIN, recognise

ACCEPT = "accept_over_short"
LISTED_MAX = 200


def z_series(receipt_series: str) -> str:
    """The series of Z reports beside a series of receipts."""
    return f"{receipt_series}-Z"


def write_z(
    deed: Deed,
    shift: Shift,
    closed: ShiftClosed,
    count: Count,
    *,
    cheques: tuple[int, Money],
    needs_acceptance: bool,
) -> str:
    """Write the report of a shift whose closing is written; its number. ``cheques`` are those that are expected."""
    connection = deed.unit.connection
    numbered = next_paper(deed, z_series(deed.desk.identity.series))
    figures, grand = shift_figures(connection, shift), grand_totals(connection, shift)
    deed.unit.insert(
        "z_report",
        {
            "shift_id": shift.shift_id,
            "receipt_number": numbered.number,
            "currency": shift.currency.code,
            "payments": grand.payments,
            "gross_minor": grand.gross.minor,
            "undone_minor": grand.undone.minor,
            "refunded_minor": grand.refunded.minor,
            "duplicates": grand.duplicates,
            "no_sales": grand.no_sales,
            "difference_minor": closed.difference.minor,
            "needs_acceptance": int(needs_acceptance),
        },
    )
    slips = _slips(deed.desk, closed, slips_of_count(connection, count.count_id, shift.currency))
    pieces = pieces_of_count(connection, count.count_id, shift.currency)
    parts = (
        _of_the_shift(deed.desk, shift, figures, closed.taken),
        *_of_corrections(figures),
        *_of_moves(figures),
        *_of_taxes(figures),
        _of_the_drawer(closed, [*_cheques(cheques, count), *slips], deed.reason_code),
        *_part("notes_and_coins", [pieces_line(one) for one in pieces]),
        _of_the_till(grand),
    )
    write_sheet(
        deed,
        numbered,
        ReceiptKind.Z_REPORT,
        SheetFacts(
            parts=parts, signatures=("counted_by", "checked_by") if needs_acceptance else ("counted_by",)
        ),
        total=figures.gross,
        business_day=shift.business_date,
        shift_number=shift.number,
    )
    return numbered.number


def _of_the_shift(
    desk: Desk, shift: Shift, figures: ShiftFigures, taken: Sequence[ExpectedTender]
) -> SheetPart:
    opened = figures.opened_at.astimezone(desk.clock.now().tzinfo).strftime("%Y-%m-%d %H:%M")
    lines = [SheetLine(code="opened_at", said=opened)]
    if figures.first is not None:
        lines += [
            SheetLine(code="first_receipt", said=figures.first),
            SheetLine(code="last_receipt", said=figures.last or ""),
        ]
    lines.append(SheetLine(code="payments", count=figures.payments, amount=figures.gross, strong=True))
    lines += [
        SheetLine(code="taken_by", said=desk.modes[one.mode].label, count=one.count, amount=one.amount)
        for one in taken
    ]
    return SheetPart(code="", lines=tuple(lines))


def _of_corrections(figures: ShiftFigures) -> Iterator[SheetPart]:
    lines = [SheetLine(code="duplicates", count=figures.duplicates)] if figures.duplicates else []
    lines += [SheetLine(code="no_sales", count=figures.no_sales)] if figures.no_sales else []
    yield from _part("corrections", [*_sums("corrected", figures.undone), *lines])


def _of_moves(figures: ShiftFigures) -> Iterator[SheetPart]:
    yield from _part("cash_moves", list(_sums("moved", figures.moves)))


def _sums(code: str, sums: Iterable[Sum]) -> Iterator[SheetLine]:
    return (SheetLine(code=code, said=one.code, count=one.count, amount=one.amount) for one in sums)


def _of_taxes(figures: ShiftFigures) -> Iterator[SheetPart]:
    lines: list[SheetLine] = []
    for one in figures.taxes:
        named = f"{one.category} {one.rate}%"
        lines += [
            SheetLine(code="sold_at", said=named, amount=one.gross),
            SheetLine(code="tax_within", said=named, amount=one.tax),
        ]
    yield from _part("sales", lines)


def _part(code: str, lines: Sequence[SheetLine]) -> Iterator[SheetPart]:
    if lines:
        yield SheetPart(code=code, lines=tuple(lines))


def _of_the_drawer(closed: ShiftClosed, beside: Sequence[SheetLine], reason: str | None) -> SheetPart:
    lines = [
        SheetLine(code="float", amount=closed.float_),
        SheetLine(code="expected_cash", amount=closed.expected_cash),
        SheetLine(code="counted_cash", amount=closed.counted_cash),
        *(SheetLine(code="declared", said=one.kind, amount=one.amount) for one in closed.declared),
        SheetLine(code="over_short", amount=closed.over_short, strong=True),
    ]
    for one in closed.foreign:
        code = one.expected.currency.code
        lines += [
            SheetLine(code="expected_foreign", said=code, amount=one.expected),
            SheetLine(code="counted_foreign", said=code, amount=one.counted),
            SheetLine(code="over_short_foreign", said=code, amount=one.over_short),
            SheetLine(code="exchange", said=code, amount=one.exchange),
        ]
    if closed.trust is not None:
        lines += [
            SheetLine(code="expected_trust", amount=closed.trust.expected),
            SheetLine(code="counted_trust", amount=closed.trust.counted),
            SheetLine(code="over_short_trust", amount=closed.trust.over_short, strong=True),
        ]
    lines += [*beside, *([SheetLine(code="difference_reason", said=reason)] if reason else [])]
    return SheetPart(code="drawer", lines=tuple(lines))


def _cheques(expected: tuple[int, Money], count: Count) -> Iterator[SheetLine]:
    if expected[0] or count.cheque_count:
        yield SheetLine(code="expected_cheques", count=expected[0], amount=expected[1])
        yield SheetLine(code="counted_cheques", count=count.cheque_count, amount=count.cheques)


def _slips(desk: Desk, closed: ShiftClosed, counted: Mapping[str, tuple[int, Money]]) -> Iterator[SheetLine]:
    expected = slips_expected(desk, closed.taken)
    for mode, (count, amount) in counted.items():
        named = desk.modes[mode].label
        should = expected.get(mode, (0, zero(amount.currency)))
        yield SheetLine(code="counted_slips", said=named, count=count, amount=amount)
        if should != (count, amount):
            yield SheetLine(code="expected_slips", said=named, count=should[0], amount=should[1])


def _of_the_till(grand: GrandTotals) -> SheetPart:
    return SheetPart(
        code="since_the_first_day",
        lines=(
            SheetLine(code="grand_payments", count=grand.payments, amount=grand.gross, strong=True),
            SheetLine(code="grand_undone", amount=grand.undone),
            SheetLine(code="grand_refunded", amount=grand.refunded),
            SheetLine(code="grand_duplicates", count=grand.duplicates),
            SheetLine(code="grand_no_sales", count=grand.no_sales),
        ),
    )


# --- looking at them ------------------------------------------------------------------------------------------------


def list_z_reports(desk: Desk, person: Person) -> list[ZLine]:
    """The reports of this till, the newest first; of others' shifts only for who may reprint them. Raises NotAuthorised."""
    found = require_look(desk, "reprint", person)
    with desk.till.read() as connection:
        lines = z_reports(connection, limit=LISTED_MAX)
    return [one for one in lines if found is not Grant.LIMIT or one.operator == person.user]


def x_report(desk: Desk, person: Person) -> ReceiptFacts:
    """The open shift so far, with what is expected in its drawer. It has no number, is kept nowhere and changes nothing.

    Raises NotAuthorised (who counts blind never sees it), Refused ``no_open_shift``.
    """
    require_look(desk, "see_expected", person)
    with desk.till.read() as connection:
        shift = open_shift(connection)
        if shift is None:
            raise Refused("no_open_shift", "No shift is open: there is nothing to report.")
        figures, taken = shift_figures(connection, shift), taken_in(connection, shift)
        foreign = foreign_taken_in(connection, shift)
        trust = trust_in(connection, shift)
        own = [one for one in taken if desk.modes[one.mode].kind is ModeKind.CASH]
        expected = shift.float_ + total((one.amount - one.foreign for one in own), shift.currency) - trust
        expected += moved_in(connection, shift) - given_back_in(connection, shift)
        grand = grand_totals(connection, shift)
    drawer = [
        SheetLine(code="float", amount=shift.float_),
        SheetLine(code="expected_cash", amount=expected, strong=True),
        *(
            SheetLine(code="expected_foreign", said=one.amount.currency.code, amount=one.amount)
            for one in foreign
        ),
        *([SheetLine(code="expected_trust", amount=trust)] if trust else []),
    ]
    parts = (
        _of_the_shift(desk, shift, figures, taken),
        *_of_corrections(figures),
        *_of_moves(figures),
        *_of_taxes(figures),
        SheetPart(code="drawer", lines=tuple(drawer)),
        _of_the_till(grand),
    )
    nothing = zero(shift.currency)
    return ReceiptFacts(
        receipt_number=f"Shift {shift.number}",
        kind=ReceiptKind.X_REPORT,
        shop=desk.identity.shop,
        terminal=desk.identity.terminal,
        shift_number=shift.number,
        business_date=shift.business_date,
        taken_at=desk.clock.now().replace(microsecond=0),
        operator=person.user,
        operator_name=person.name,
        payer_kind="",
        payer_account=None,
        payer_name=None,
        total=figures.gross,
        change=nothing,
        credit=nothing,
        tenders=(),
        allocations=(),
        chain_mark="",
        sheet=SheetFacts(parts=parts),
    )


# --- signing for a difference ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceAccepted:
    """Whose difference it is, how much, and under which report."""

    z_number: str
    shift_number: int
    operator: str
    difference: Money
    accepted_by: str


def accept_difference(
    desk: Desk, person: Person, shift_number: int, reason: str, *, memo: Memo | None = None
) -> DifferenceAccepted:
    """Sign for what another person's closed shift was over or short, with what was found out about it.

    Raises NotAuthorised (``own_shift``, ``over_limit``), Refused ``unknown_shift``, ``nothing_to_accept``,
    ``accepted_already`` or ``reason_missing``.
    """
    return _accept(desk, person, shift_number, reason, memo=memo)


def accept_at_the_seat(desk: Desk, user: str, pin: str, shift_number: int, reason: str) -> DifferenceAccepted:
    """Whoever gives this number and PIN signs beside who closed the shift. Raises as ``sign_in``, ``accept_difference``."""
    person = recognise(desk, user, pin, act=CONFIRM_PIN, then=own_pin_of(desk, str(shift_number)))
    return _accept(desk, person, shift_number, reason, proved=True)


def _accept(
    desk: Desk,
    person: Person,
    shift_number: int,
    reason: str,
    *,
    proved: bool = False,
    memo: Memo | None = None,
) -> DifferenceAccepted:
    def work(deed: Deed) -> DifferenceAccepted:
        deed.shift, deed.subject = None, str(shift_number)
        line = z_of_shift(deed.unit.connection, shift_number)
        if line is None:
            raise Refused("unknown_shift", f"There is no closed shift {shift_number} with a Z report here.")
        if not line.needs_acceptance:
            raise Refused("nothing_to_accept", f"Shift {shift_number} agreed with its count.")
        if line.accepted_by is not None:
            raise Refused(
                "accepted_already", f"User {line.accepted_by} has signed for shift {shift_number} already."
            )
        if line.operator == person.user:
            raise NotAuthorised("own_shift", "Another person signs for the difference of your own shift.")
        _require_within_own_limit(deed, differences_of(deed.unit.connection, line))
        why = clean_entry(reason, field="Reason", limit=200)
        if not why:
            raise Refused("reason_missing", "Say what was found out about it.", field="reason")
        deed.reason_code = why
        deed.unit.insert(
            "difference_accepted",
            {
                "shift_id": line.shift_id,
                "at_utc": utc_text(deed.at),
                "utc_offset_min": offset_minutes(deed.at),
                "operator": person.user,
                "reason": why,
            },
        )
        return DifferenceAccepted(
            z_number=line.number,
            shift_number=shift_number,
            operator=line.operator,
            difference=line.difference,
            accepted_by=person.user,
        )

    return perform(desk, person, ACCEPT, work, memo=memo, proved=proved)


def _require_within_own_limit(deed: Deed, difference: Money) -> None:
    """What is over in one purse makes nothing up that is short in another."""
    limit = deed.desk.policy.shift.accept_minor
    limited = require_right(deed.desk, ACCEPT, deed.person) is Grant.LIMIT
    if limited and limit is not None and difference.minor > limit:
        cap = Money(limit, difference.currency)
        raise NotAuthorised(
            "over_limit",
            f"You may sign for {cap.plain()}, this is {difference.plain()}. The back office may.",
            limit=cap.plain(),
            amount=difference.plain(),
            currency=difference.currency.code,
        )
