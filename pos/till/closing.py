"""Closing a shift: what its books expect, weighed against its last count, and the close with its Z report and signature.

Source: domain.md 3.8; reliability.md 30 to 34.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pos.domain.errors import Refused
from pos.domain.foreign_cash import ForeignClosing
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import ModeKind
from pos.domain.posting import SourceKind, shift_closed_lines, trust_counted_lines
from pos.domain.signature import sign
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
from pos.store.times import utc_text
from pos.till.counted import slips_expected
from pos.till.desk import Deed, Desk
from pos.till.drawer_count import close_foreign, write_foreign_closings
from pos.till.journal import book_entry
from pos.till.shift_closed import ShiftClosed, TrustClosed
from pos.till.z_report import write_z

COUNTS_MAX = 2
"""A count and one recount of a shift are told whether they agree; a later one is wanted only where money has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The last count of a shift against its books. ``cheques`` are those that are expected, how many and how much.

    ``agrees``: the shop wants no reason for it.
    """

    count: Count
    closed: ShiftClosed
    cheques: tuple[int, Money]
    agrees: bool


def weigh_count(deed: Deed, shift: Shift) -> Weighed:
    """What the shift would close with now. Nobody who counts may be told of it before it does.

    Raises Refused ``card_outcome_open``, ``not_counted`` or ``count_is_old``.
    """
    desk, connection = deed.desk, deed.unit.connection
    _refuse_open_cards(deed, shift)
    payments = payments_in(connection, shift)
    count = _usable_count(deed, shift, payments)
    taken = taken_in(connection, shift)
    closed = _closing(
        desk,
        shift,
        count,
        taken=taken,
        payments=payments,
        foreign=close_foreign(deed, shift, count),
        trust=trust_in(connection, shift),
        moved=moved_in(connection, shift) - given_back_in(connection, shift),
    )
    cheques = _cheques(desk, shift, taken)
    slips = slips_of_count(connection, count.count_id, shift.currency)
    agrees = (
        closed.agrees_within(desk.policy.shift)
        and cheques == (count.cheque_count, count.cheques)
        and (not slips or slips == slips_expected(desk, taken))
    )
    return Weighed(count=count, closed=closed, cheques=cheques, agrees=agrees)


def require_reason(weighed: Weighed, reason: str | None) -> None:
    """A count that differs wants a reason, and one after the recount always does: by the answers to one count after the
    other nobody finds out what is expected, whatever moves in between.

    Raises Refused ``recounted_already`` or ``count_differs``.
    """
    if reason is None and weighed.count.number > COUNTS_MAX:
        raise recounted_already()
    if reason is None and not weighed.agrees:
        raise Refused("count_differs", "The count differs. Count again, or give a reason.")


def recounted_already() -> Refused:
    """The one recount is used up."""
    return Refused(
        "recounted_already", "The drawer was recounted: its last count stands. Give a reason with it."
    )


def end_shift(deed: Deed, shift: Shift, weighed: Weighed, reason: str | None) -> ShiftClosed:
    """Close it: its figures, their postings, its Z report and its signature, under the name of who does the deed."""
    count, closed = weighed.count, weighed.closed
    _write_close(deed, shift, weighed, reason)
    book_entry(
        deed,
        SourceKind.SHIFT_CLOSED,
        shift.shift_id,
        shift_closed_lines(
            expected=closed.expected_cash,
            counted=count.cash,
            declared=[(line.ledger_account, line.amount) for line in count.declared],
            foreign=closed.foreign,
        ),
    )
    if closed.trust is not None:
        _close_trust(deed, shift, closed.trust)
    number = write_z(deed, shift, closed, count, cheques=weighed.cheques, needs_acceptance=not weighed.agrees)
    _sign(deed, shift)
    return replace(closed, z_number=number, needs_acceptance=not weighed.agrees)


def cash_in_drawer(deed: Deed) -> Money:
    """What the books expect of the shop's own cash in the open drawer; nobody who counts is ever told."""
    shift, connection = deed.require_shift(), deed.unit.connection
    held = _own_cash(deed.desk, shift, taken_in(connection, shift))
    return held - trust_in(connection, shift) - given_back_in(connection, shift) + moved_in(connection, shift)


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


def _usable_count(deed: Deed, shift: Shift, payments: int) -> Count:
    count = last_count(deed.unit.connection, shift)
    if count is None:
        raise Refused("not_counted", "Count the drawer first.")
    if count.payments_before != payments:
        raise Refused("count_is_old", "Money came in or went out since the count. Count again.")
    return count


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


def _cheques(desk: Desk, shift: Shift, taken: Iterable[ExpectedTender]) -> tuple[int, Money]:
    of_cheques = _of_kind(desk, taken, ModeKind.CHEQUE)
    return (
        sum(part.count for part in of_cheques),
        total((part.amount for part in of_cheques), shift.currency),
    )


def _of_kind(desk: Desk, taken: Iterable[ExpectedTender], kind: ModeKind) -> list[ExpectedTender]:
    modes = {mode.code for mode in desk.modes.of_kind(kind)}
    return [part for part in taken if part.mode in modes]


def _write_close(deed: Deed, shift: Shift, weighed: Weighed, reason: str | None) -> None:
    count, closed, (cheque_count, cheques) = weighed.count, weighed.closed, weighed.cheques
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
