"""Shifts: opening with a float, counting blind, closing with over or short booked.

The expected amounts are told to nobody before the count is committed. Source: domain.md 3.8; reliability.md 30 to 33.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pos.domain.business_day import business_date
from pos.domain.errors import Refused
from pos.domain.foreign_cash import ForeignClosing
from pos.domain.money import Money, parse_count, total, zero
from pos.domain.payment_mode import ModeKind
from pos.domain.posting import SourceKind, shift_closed_lines, shift_opened_lines, trust_counted_lines
from pos.domain.role import Person
from pos.domain.signature import sign
from pos.domain.text_guard import clean_entry
from pos.store.cards import unsettled_in_shift
from pos.store.cash_moves import moved_in
from pos.store.counted_pieces import slips_of_count
from pos.store.shift_signatures import rows_digest, signed_message
from pos.store.shifts import (
    Count,
    ExpectedTender,
    Shift,
    given_back_in,
    last_count,
    payments_in,
    taken_in,
    trust_in,
)
from pos.store.shifts import open_shift as stored_open_shift
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import use_or_ask
from pos.till.counted import (
    SlipOrder,
    read_slips,
    read_told_pieces,
    slips_expected,
    write_pieces,
    write_slips,
)
from pos.till.day import open_business_date
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.drawer_count import (
    DeclaredOrder,
    ForeignCountOrder,
    close_foreign,
    read_declared,
    read_foreign_counts,
    write_count_parts,
    write_foreign_closings,
)
from pos.till.journal import book_entry
from pos.till.lost_mark import require_known_store
from pos.till.shift_closed import ShiftClosed, TrustClosed
from pos.till.shop_clock import require_clock
from pos.till.z_report import write_z

COUNTS_MAX = 2
"""A count and one recount, both kept."""


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
        shift = Shift(
            shift_id=deed.new_id(),
            number=deed.unit.next_number("shift"),
            operator=person.user,
            business_date=open_business_date(desk, deed.unit.connection),
            currency=desk.identity.currency,
            float_=float_,
        )
        write_pieces(deed, "shift_float_piece", {"shift_id": shift.shift_id}, notes)
        deed.unit.insert(
            "shift",
            {
                "shift_id": shift.shift_id,
                "number": shift.number,
                "terminal": desk.identity.terminal,
                "operator": person.user,
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

    return perform(desk, person, "open_shift", work, memo=memo)


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

    Raises Refused ``recounted_already`` after the second, ``bad_count``, or what ``parse_count``, ``read_foreign_counts``
    and ``read_declared`` raise.
    """

    def work(deed: Deed) -> Counted:
        shift = deed.require_shift()
        deed.subject = shift.shift_id
        payments = payments_in(deed.unit.connection, shift)
        before = last_count(deed.unit.connection, shift)
        _refuse_third_count(deed, shift, payments)
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


def _refuse_third_count(deed: Deed, shift: Shift, payments: int) -> None:
    """One recount of the same drawer; after further payments it is another drawer."""
    same = deed.unit.connection.exec_driver_sql(
        "SELECT count(*) FROM shift_count WHERE shift_id = ? AND payments_before = ?",
        (shift.shift_id, payments),
    ).scalar_one()
    if int(same) >= COUNTS_MAX:
        raise Refused("recounted_already", "The drawer was recounted. Close the shift with a reason.")


def close_shift(
    desk: Desk, person: Person, reason: str | None = None, *, memo: Memo | None = None
) -> ShiftClosed:
    """Close the person's shift with its last count; the difference goes to over and short, and the Z report is printed.

    Raises Refused ``not_counted``, ``count_is_old`` (payments came after it), ``count_differs`` (no reason given) or
    ``card_outcome_open``. Never waits for the network, never drops an unsent row.
    """

    def work(deed: Deed) -> ShiftClosed:
        shift = deed.require_shift()
        deed.subject = shift.shift_id
        _refuse_open_cards(deed, shift)
        payments = payments_in(deed.unit.connection, shift)
        count = _usable_count(deed, shift, payments)
        taken = taken_in(deed.unit.connection, shift)
        trust = trust_in(deed.unit.connection, shift)
        foreign = close_foreign(deed, shift, count)
        closed = _closing(
            desk,
            shift,
            count,
            taken=taken,
            payments=payments,
            foreign=foreign,
            trust=trust,
            moved=moved_in(deed.unit.connection, shift) - given_back_in(deed.unit.connection, shift),
        )
        cheques = _cheques(desk, shift, taken)
        told = deed.reason_code = clean_entry(reason or "", field="Reason", limit=200) or None
        slips = slips_of_count(deed.unit.connection, count.count_id, shift.currency)
        agrees = (
            closed.agrees_within(desk.policy.shift)
            and cheques == (count.cheque_count, count.cheques)
            and (not slips or slips == slips_expected(desk, taken))
        )
        if not agrees and told is None:
            raise Refused("count_differs", "The count differs. Count again, or close with a reason.")
        _write_close(deed, shift, count, closed, told)
        book_entry(
            deed,
            SourceKind.SHIFT_CLOSED,
            shift.shift_id,
            shift_closed_lines(
                expected=closed.expected_cash,
                counted=count.cash,
                declared=[(line.ledger_account, line.amount) for line in count.declared],
                foreign=foreign,
            ),
        )
        if closed.trust is not None:
            _close_trust(deed, shift, closed.trust)
        number = write_z(deed, shift, closed, count, cheques=cheques, needs_acceptance=not agrees)
        _sign(deed, shift)
        return replace(closed, z_number=number, needs_acceptance=not agrees)

    return perform(desk, person, "close_shift", work, memo=memo)


def _sign(deed: Deed, shift: Shift) -> None:
    """The terminal's signature under all that the shift took, for an auditor who has no secret of the till."""
    connection = deed.unit.connection
    chain_no, mark = deed.unit.chain.end
    digest = rows_digest(connection, shift.shift_id)
    message = signed_message(shift.shift_id, chain_no, mark, digest)
    deed.unit.insert(
        "shift_signature",
        {
            "shift_id": shift.shift_id,
            "chain_no": chain_no,
            "mark": mark,
            "rows_sha256": digest,
            "key_number": connection.exec_driver_sql("SELECT max(number) FROM chain_key").scalar_one(),
            "signature": sign(deed.desk.till.keys.sign, message).hex(),
        },
    )


def _refuse_open_cards(deed: Deed, shift: Shift) -> None:
    """A card may have been charged in it, and nobody knows; a person can always settle it without the network."""
    waiting = unsettled_in_shift(deed.unit.connection, shift.shift_id)
    if waiting:
        what = "card payment is" if waiting == 1 else "card payments are"
        raise Refused(
            "card_outcome_open",
            f"{waiting} {what} not settled. Settle by the terminal's slip or journal first: . . 1",
            attempts=waiting,
        )


def _close_trust(deed: Deed, shift: Shift, trust: TrustClosed) -> None:
    deed.unit.insert(
        "trust_close",
        {
            "shift_id": shift.shift_id,
            "expected_minor": trust.expected.minor,
            "counted_minor": trust.counted.minor,
            "over_short_minor": trust.over_short.minor,
        },
    )
    book_entry(deed, SourceKind.TRUST_COUNTED, shift.shift_id, trust_counted_lines(trust.over_short))


def _usable_count(deed: Deed, shift: Shift, payments: int) -> Count:
    count = last_count(deed.unit.connection, shift)
    if count is None:
        raise Refused("not_counted", "Count the drawer first.")
    if count.payments_before != payments:
        raise Refused("count_is_old", "Money came in or went out since the count. Count again.")
    return count


def _of_kind(desk: Desk, taken: Iterable[ExpectedTender], kind: ModeKind) -> list[ExpectedTender]:
    modes = {mode.code for mode in desk.modes.of_kind(kind)}
    return [part for part in taken if part.mode in modes]


def _closing(
    desk: Desk,
    shift: Shift,
    count: Count,
    *,
    taken: Sequence[ExpectedTender],
    payments: int,
    foreign: Sequence[ForeignClosing],
    trust: Money,
    moved: Money,
) -> ShiftClosed:
    """``moved`` is what came into the drawer without a payment, less what went out of it."""
    expected = _own_cash(desk, shift, taken) - trust + moved
    has_purse = trust.minor != 0 or count.trust is not None
    return ShiftClosed(
        shift_id=shift.shift_id,
        number=shift.number,
        business_date=shift.business_date,
        float_=shift.float_,
        expected_cash=expected,
        counted_cash=count.cash_and_declared,
        over_short=count.cash_and_declared - expected,
        payments=payments,
        taken=tuple(taken),
        declared=count.declared,
        foreign=tuple(foreign),
        trust=TrustClosed(expected=trust, counted=count.trust or zero(shift.currency)) if has_purse else None,
    )


def _own_cash(desk: Desk, shift: Shift, taken: Iterable[ExpectedTender]) -> Money:
    """The float and the cash that came in, in the shop's own currency."""
    kept = (part.amount - part.foreign for part in _of_kind(desk, taken, ModeKind.CASH))
    return shift.float_ + total(kept, shift.currency)


def cash_in_drawer(deed: Deed) -> Money:
    """What the books expect of the shop's own cash in the open drawer; nobody who counts is ever told."""
    shift, connection = deed.require_shift(), deed.unit.connection
    held = _own_cash(deed.desk, shift, taken_in(connection, shift))
    return held - trust_in(connection, shift) - given_back_in(connection, shift) + moved_in(connection, shift)


def _cheques(desk: Desk, shift: Shift, taken: Iterable[ExpectedTender]) -> tuple[int, Money]:
    of_cheques = _of_kind(desk, taken, ModeKind.CHEQUE)
    return (
        sum(part.count for part in of_cheques),
        total((part.amount for part in of_cheques), shift.currency),
    )


def _write_close(deed: Deed, shift: Shift, count: Count, closed: ShiftClosed, reason: str | None) -> None:
    cheque_count, cheques = _cheques(deed.desk, shift, closed.taken)
    write_foreign_closings(deed, shift, closed.foreign)
    deed.unit.insert(
        "shift_close",
        {
            "shift_id": shift.shift_id,
            "closed_at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "count_id": count.count_id,
            "expected_cash_minor": closed.expected_cash.minor,
            "counted_cash_minor": closed.counted_cash.minor,
            "over_short_minor": closed.over_short.minor,
            "expected_cheque_count": cheque_count,
            "expected_cheque_minor": cheques.minor,
            "reason": reason,
            "totals_json": json.dumps({part.mode: [part.count, part.amount.minor] for part in closed.taken}),
        },
    )


def current_shift(desk: Desk) -> Shift | None:
    """The shift that is open on this terminal."""
    with desk.till.read() as connection:
        return stored_open_shift(connection)


def business_date_now(desk: Desk) -> date:
    """The business date that a shift opened now would have."""
    return business_date(desk.clock.now(), desk.policy.day_starts)
