"""Shifts: opening with a float, counting blind, closing with over or short booked.

The expected amounts are told to nobody before the count is committed. Source: domain.md 3.8; reliability.md 30 to 33.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pos.domain.business_day import business_date
from pos.domain.denominations import Pieces
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_count
from pos.domain.posting import SourceKind, shift_opened_lines
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry
from pos.store.shifts import Shift, last_count, payments_in
from pos.store.shifts import open_shift as stored_open_shift
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import use_or_ask
from pos.till.closing import COUNTS_MAX, end_shift, recounted_already, require_reason, weigh_count
from pos.till.counted import (
    SlipOrder,
    read_slips,
    read_told_pieces,
    write_pieces,
    write_slips,
)
from pos.till.day import open_business_date
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.drawer_count import (
    DeclaredOrder,
    ForeignCountOrder,
    read_declared,
    read_foreign_counts,
    write_count_parts,
)
from pos.till.journal import book_entry
from pos.till.lost_mark import require_known_store
from pos.till.shift_closed import ShiftClosed
from pos.till.shop_clock import require_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOpened:
    """The shift that was opened."""

    shift_id: str
    number: int
    business_date: date
    float_: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CountOrder:
    """What was counted, as texts in the shift's currency; zero is an answer.

    ``cash`` is good notes and coins of the shop's own currency: what is ``declared`` lies beside it, and ``foreign`` too;
    ``trust`` is bill money in a dealer's till, which lies apart. ``pieces`` are the notes and coins that make ``cash``, by
    value; ``slips`` those of the other ways to pay, all that were found (None: nobody looked).
    """

    cash: str
    cheque_count: int = 0
    cheques: str = "0"
    trust: str | None = None
    decimal_marks: str = "."
    foreign: Sequence[ForeignCountOrder] = ()
    declared: Sequence[DeclaredOrder] = ()
    pieces: Sequence[tuple[str, int]] = ()
    slips: Sequence[SlipOrder] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A count was committed. It says nothing of what was expected."""

    shift_id: str
    number: int


def open_shift(
    desk: Desk,
    person: Person,
    float_amount: str,
    *,
    pieces: Sequence[tuple[str, int]] = (),
    decimal_marks: str = ".",
    memo: Memo | None = None,
) -> ShiftOpened:
    """Open the person's shift with a float (may be zero), in the shop's currency, on today's business date, or where that
    day is closed already on the next. ``pieces`` are the notes and coins that make it, by value.

    Raises NotAuthorised, ApprovalNeeded (above the shop's cap), Refused ``shift_is_open``, ``clock_behind``,
    ``store_unconfirmed``, or what ``parse_count`` and ``read_told_pieces`` raise.
    """

    def work(deed: Deed) -> ShiftOpened:
        if deed.shift is not None:
            raise Refused(
                "shift_is_open",
                f"Shift {deed.shift.number} of user {deed.shift.operator} is open on this terminal.",
                operator=deed.shift.operator,
            )
        require_clock(deed)
        require_known_store(deed)
        float_ = parse_count(float_amount, desk.identity.currency, decimal_marks=decimal_marks)
        notes = read_told_pieces(deed, float_, pieces, decimal_marks)
        _require_second_for_float(deed, float_)
        return begin_shift(deed, float_, notes)

    return perform(desk, person, "open_shift", work, memo=memo)


def begin_shift(
    deed: Deed, float_: Money, notes: Sequence[Pieces], *, shift_id: str | None = None
) -> ShiftOpened:
    """A shift of who does the deed, with this float, on the business date that is open now; the deed goes on in it."""
    desk = deed.desk
    shift = Shift(
        shift_id=shift_id or deed.new_id(),
        number=deed.unit.next_number("shift"),
        operator=deed.person.user,
        business_date=open_business_date(desk, deed.unit.connection),
        currency=float_.currency,
        float_=float_,
    )
    write_pieces(deed, "shift_float_piece", {"shift_id": shift.shift_id}, notes)
    deed.unit.insert(
        "shift",
        {
            "shift_id": shift.shift_id,
            "number": shift.number,
            "terminal": desk.identity.terminal,
            "operator": shift.operator,
            "business_date": shift.business_date.isoformat(),
            "opened_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "currency": shift.currency.code,
            "float_minor": float_.minor,
        },
    )
    deed.shift, deed.subject = shift, shift.shift_id
    book_entry(deed, SourceKind.SHIFT_OPENED, shift.shift_id, shift_opened_lines(float_))
    return ShiftOpened(
        shift_id=shift.shift_id, number=shift.number, business_date=shift.business_date, float_=float_
    )


def _require_second_for_float(deed: Deed, float_: Money) -> None:
    """Raises ApprovalNeeded where the float is above the shop's cap and nobody has approved just this one."""
    cap = deed.desk.policy.shift.float_alone_minor
    if cap is not None and float_.minor > cap:
        what = f"float of {float_} for user {deed.person.user}"
        use_or_ask(
            deed, "open_shift", {"float": float_.minor}, what, f"A float of {float_} needs a second person."
        )


def count_shift(desk: Desk, person: Person, order: CountOrder, *, memo: Memo | None = None) -> Counted:
    """Commit a blind count of the person's open shift.

    Raises Refused ``recounted_already`` after the second, unless money has moved since, ``bad_count``, or what
    ``parse_count``, ``read_foreign_counts`` and ``read_declared`` raise.
    """

    def work(deed: Deed) -> Counted:
        shift = deed.require_shift()
        deed.subject = shift.shift_id
        payments = payments_in(deed.unit.connection, shift)
        before = last_count(deed.unit.connection, shift)
        if before is not None and before.number >= COUNTS_MAX and before.payments_before == payments:
            raise recounted_already()
        number = 1 if before is None else before.number + 1
        cash = parse_count(order.cash, shift.currency, decimal_marks=order.decimal_marks)
        cheques = parse_count(order.cheques, shift.currency, decimal_marks=order.decimal_marks)
        if order.cheque_count < 0 or order.cheque_count > 100_000:
            raise Refused("bad_count", "Count the cheques in whole numbers.")
        foreign = read_foreign_counts(deed, shift, order.foreign, order.decimal_marks)
        declared = read_declared(deed, shift, order.declared, order.decimal_marks)
        count_id = deed.new_id()
        write_count_parts(deed, count_id, foreign, declared)
        notes = read_told_pieces(deed, cash, order.pieces, order.decimal_marks)
        write_pieces(deed, "shift_count_piece", {"count_id": count_id}, notes)
        if order.slips is not None:
            write_slips(deed, count_id, read_slips(deed, shift, order.slips, order.decimal_marks))
        deed.unit.insert(
            "shift_count",
            {
                "count_id": count_id,
                "shift_id": shift.shift_id,
                "number": number,
                "counted_at_utc": utc_text(deed.at),
                "operator": person.user,
                "cash_minor": cash.minor,
                "cheque_count": order.cheque_count,
                "cheque_minor": cheques.minor,
                "payments_before": payments,
            },
        )
        if order.trust is not None:
            trust = parse_count(order.trust, shift.currency, decimal_marks=order.decimal_marks)
            deed.unit.insert("trust_count", {"count_id": count_id, "cash_minor": trust.minor})
        return Counted(shift_id=shift.shift_id, number=number)

    return perform(desk, person, "count", work, memo=memo)


def close_shift(
    desk: Desk, person: Person, reason: str | None = None, *, memo: Memo | None = None
) -> ShiftClosed:
    """Close the person's shift with its last count; the difference goes to over and short, and the Z report is printed.

    Raises Refused ``not_counted``, ``count_is_old`` (payments came after it), ``count_differs`` or ``recounted_already`` (no
    reason given), ``card_outcome_open`` or ``shift_is_offered``. Never waits for the network, never drops an unsent row.
    """

    def work(deed: Deed) -> ShiftClosed:
        shift = deed.require_shift()
        deed.subject = shift.shift_id
        weighed = weigh_count(deed, shift)
        told = deed.reason_code = clean_entry(reason or "", field="Reason", limit=200) or None
        require_reason(weighed, told)
        return end_shift(deed, shift, weighed, told)

    return perform(desk, person, "close_shift", work, memo=memo)


def current_shift(desk: Desk) -> Shift | None:
    """The shift that is open on this terminal."""
    with desk.till.read() as connection:
        return stored_open_shift(connection)


def business_date_now(desk: Desk) -> date:
    """The business date that a shift opened now would have."""
    return business_date(desk.clock.now(), desk.policy.day_starts)
