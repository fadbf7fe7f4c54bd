"""Handing an open shift over to another person, who accepts it.

A shift is one person's, from float to count. So a hand-over ends one shift and begins another: whoever hands over counts
blind and names the other; what differs is theirs. The other counts too, accepts under the own number and PIN, and in one
transaction the first shift is closed with its Z report and the cash is the float of the second. Cheques, slips, notes of
other currencies and what was declared apart are counted once: they are accepted in the envelope with the Z report and may
be banked at once. In between nothing is done in the shift; it can be taken back, or refused, and goes on as it was.
Source: domain.md 1 (Handover) and rules 30, 55.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money, parse_count
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Grant, Person
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.hand_overs import HandOver, waiting_hand_over
from pos.store.people import roster_entry
from pos.store.shifts import Count
from pos.store.shifts import open_shift as stored_open_shift
from pos.store.times import offset_minutes, utc_text
from pos.till.cash_office import ShiftOpened, begin_shift
from pos.till.closing import end_shift, require_reason, weigh_count
from pos.till.counted import pieces_line
from pos.till.desk import Deed, Desk, Memo, Said, perform
from pos.till.gate import audited_later, may_do, require_look, require_right
from pos.till.lost_mark import require_known_store
from pos.till.office_paper import next_paper, write_sheet
from pos.till.shift_closed import ShiftClosed
from pos.till.shop_clock import require_clock

ACT, ACCEPT, UNDO = "hand_over", "accept_hand_over", "undo_hand_over"
REASON_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """The shift that waits for ``to``. It says nothing of what was expected."""

    hand_over_id: str
    shift_number: int
    to: str
    cash: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverAccepted:
    """The paper for both sides, the shift that ended and the one that began."""

    number: str
    closed: ShiftClosed
    opened: ShiftOpened
    from_operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverUndone:
    """The shift goes on as it was."""

    shift_number: int
    operator: str
    to: str


def hand_over(
    desk: Desk, person: Person, to: str, reason: str | None = None, *, memo: Memo | None = None
) -> HandedOver:
    """Offer the person's shift, as it was counted last, to the user ``to``; ``reason`` where the count differs.

    Raises NotAuthorised, Refused ``no_open_shift``, ``shift_of_other``, ``shift_is_offered``, ``own_shift``,
    ``unknown_receiver`` or what ``close_shift`` raises.
    """

    def work(deed: Deed) -> HandedOver:
        shift = deed.require_shift()
        deed.subject = clean_reference(to, field="User", limit=20)
        receiver = _receiver(deed, deed.subject)
        weighed = weigh_count(deed, shift)
        told = deed.reason_code = clean_entry(reason or "", field="Reason", limit=REASON_MAX) or None
        require_reason(weighed, told)
        hand_over_id = deed.new_id()
        deed.unit.insert(
            "hand_over",
            {
                "hand_over_id": hand_over_id,
                "shift_id": shift.shift_id,
                "count_id": weighed.count.count_id,
                "to_operator": receiver.user,
                "reason": told,
                **_when(deed),
            },
        )
        return HandedOver(
            hand_over_id=hand_over_id,
            shift_number=shift.number,
            to=receiver.user,
            cash=weighed.count.cash,
        )

    return perform(desk, person, ACT, work, memo=memo)


def accept_hand_over(
    desk: Desk, person: Person, cash: str, *, decimal_marks: str = ".", memo: Memo | None = None
) -> HandOverAccepted:
    """Accept the shift that is offered: it is closed as it was counted, and the person's own begins with its cash.

    ``cash`` is what the person counted, in the shop's currency. Who has the right within limits accepts what is offered to
    them; who has it alone accepts in another's place too, who forgot or has left.

    Raises NotAuthorised (``own_shift``, ``not_yours_to_accept``), Refused ``nothing_offered``, ``hand_over_differs``,
    ``clock_behind``, ``store_unconfirmed``, or what ``parse_count`` raises.
    """

    def work(deed: Deed) -> HandOverAccepted:
        offer = _require_offer(deed)
        shift, count = offer.shift, offer.count
        deed.subject = shift.shift_id
        _require_other(offer, person, require_right(desk, ACCEPT, person))
        require_right(desk, "open_shift", person)
        require_clock(deed)
        require_known_store(deed)
        counted = parse_count(cash, shift.currency, decimal_marks=decimal_marks)
        if counted != count.cash:
            raise Refused(
                "hand_over_differs",
                f"You counted {counted}, but {count.cash} is handed over. Count it together; "
                "if it stays so, do not accept it.",
                field="cash",
            )
        numbered = next_paper(deed, f"{desk.identity.series}-HO")
        accepted = {"hand_over_id": offer.hand_over_id, "receipt_number": numbered.number}
        next_shift_id = deed.new_id()
        deed.unit.insert("hand_over_accepted", {**accepted, "next_shift_id": next_shift_id, **_when(deed)})
        closed = _end(deed, offer)
        opened = begin_shift(deed, count.cash, offer.pieces, shift_id=next_shift_id)
        deed.subject = numbered.number
        write_sheet(
            deed,
            numbered,
            ReceiptKind.HAND_OVER,
            _sheet(desk, offer, opened, person),
            total=count.cash,
            business_day=opened.business_date,
            shift_number=opened.number,
        )
        return HandOverAccepted(
            number=numbered.number, closed=closed, opened=opened, from_operator=shift.operator
        )

    return perform(desk, person, ACCEPT, work, memo=memo)


def undo_hand_over(desk: Desk, person: Person, reason: str, *, memo: Memo | None = None) -> HandOverUndone:
    """The person takes the own hand-over back, or does not accept it: the shift goes on as it was.

    Who has the right alone may do so for both. Raises NotAuthorised (``not_yours_to_undo``), Refused ``nothing_offered``
    or ``reason_missing``.
    """

    def work(deed: Deed) -> HandOverUndone:
        offer = _require_offer(deed)
        shift = offer.shift
        deed.subject = shift.shift_id
        concerned = person.user in (shift.operator, offer.to_operator)
        if not concerned and require_right(desk, UNDO, person) is Grant.LIMIT:
            raise NotAuthorised(
                "not_yours_to_undo",
                f"Users {shift.operator} and {offer.to_operator} may undo this, or a supervisor.",
            )
        why = clean_entry(reason, field="Reason", limit=REASON_MAX)
        if not why:
            raise Refused("reason_missing", "Say why it is not handed over.", field="reason")
        deed.reason_code = why
        deed.unit.insert(
            "hand_over_undone", {"hand_over_id": offer.hand_over_id, "reason": why, **_when(deed)}
        )
        return HandOverUndone(shift_number=shift.number, operator=shift.operator, to=offer.to_operator)

    return perform(desk, person, UNDO, work, memo=memo)


def offered_here(desk: Desk, person: Person) -> HandOver | None:
    """The hand-over that waits here, for who may accept it; None: there is none. Raises as ``accept_hand_over``."""
    grant = require_look(desk, ACCEPT, person)
    with desk.till.read() as connection:
        shift = stored_open_shift(connection)
        offer = None if shift is None else waiting_hand_over(connection, shift)
    if offer is not None:
        with audited_later(desk, ACCEPT, person, subject=offer.shift.shift_id):
            _require_other(offer, person, grant)
    return offer


def _require_other(offer: HandOver, person: Person, grant: Grant) -> None:
    """Raises NotAuthorised ``own_shift`` or ``not_yours_to_accept``."""
    if person.user == offer.shift.operator:
        raise NotAuthorised("own_shift", "Another person accepts your shift. You may take it back.")
    if person.user != offer.to_operator and grant is Grant.LIMIT:
        raise NotAuthorised(
            "not_yours_to_accept",
            f"Shift {offer.shift.number} is handed over to user {offer.to_operator}.",
            to=offer.to_operator,
        )


def _require_offer(deed: Deed) -> HandOver:
    offer = None if deed.shift is None else waiting_hand_over(deed.unit.connection, deed.shift)
    if offer is None:
        raise Refused("nothing_offered", "No shift is handed over here.")
    return offer


def _receiver(deed: Deed, user: str) -> Person:
    """Another person of this till who may accept. Raises Refused ``own_shift`` or ``unknown_receiver``."""
    if user == deed.person.user:
        raise Refused("own_shift", "A shift is handed over to another person.", field="to")
    entry = roster_entry(deed.unit.connection, user)
    if entry is not None and entry.active and _may_take_over(deed.desk, entry.person):
        return entry.person
    raise Refused(
        "unknown_receiver", "There is nobody of this number here who may accept a shift.", field="to"
    )


def _may_take_over(desk: Desk, person: Person) -> bool:
    return may_do(desk, ACCEPT, person) and may_do(desk, "open_shift", person)


def _when(deed: Deed) -> dict[str, object]:
    return {
        "at_utc": utc_text(deed.at),
        "utc_offset_min": offset_minutes(deed.at),
        "operator": deed.person.user,
    }


def _end(deed: Deed, offer: HandOver) -> ShiftClosed:
    """The first shift is closed in the name of whose it is: the difference is theirs, and so is the Z report."""
    shift = offer.shift
    entry = roster_entry(deed.unit.connection, shift.operator)
    giver = Person(user=shift.operator, name="", roles=frozenset()) if entry is None else entry.person
    theirs = replace(deed, person=giver, said=Said(subject=shift.shift_id, reason=offer.reason))
    return end_shift(theirs, shift, weigh_count(theirs, shift), offer.reason)


# --- its paper --------------------------------------------------------------------------------------------------


def _sheet(desk: Desk, offer: HandOver, opened: ShiftOpened, person: Person) -> SheetFacts:
    named = offer.to_operator
    who = [
        SheetLine(code="from_user", said=offer.shift.operator),
        SheetLine(code="to_user", said=person.user),
        *([SheetLine(code="in_place_of", said=named)] if person.user != named else []),
        SheetLine(code="shift_ended", said=str(offer.shift.number)),
        SheetLine(code="shift_begun", said=str(opened.number)),
    ]
    parts = [
        SheetPart(code="", lines=tuple(who)),
        SheetPart(
            code="drawer", lines=(SheetLine(code="accepted_cash", amount=offer.count.cash, strong=True),)
        ),
    ]
    for code, lines in (
        ("in_the_envelope", tuple(envelope_lines(desk, offer.count, offer.slips))),
        ("notes_and_coins", tuple(pieces_line(one) for one in offer.pieces)),
    ):
        parts += [SheetPart(code=code, lines=lines)] if lines else []
    return SheetFacts(parts=tuple(parts), signatures=("handed_over", "accepted"))


def envelope_lines(desk: Desk, count: Count, slips: dict[str, tuple[int, Money]]) -> Iterator[SheetLine]:
    """What was counted beside the cash, and goes with the Z report."""
    if count.cheque_count:
        yield SheetLine(code="counted_cheques", count=count.cheque_count, amount=count.cheques)
    for mode, (number, amount) in slips.items():
        yield SheetLine(code="counted_slips", said=desk.modes[mode].label, count=number, amount=amount)
    for foreign in count.foreign:
        yield SheetLine(code="counted_foreign", said=foreign.currency.code, amount=foreign)
    for declared in count.declared:
        yield SheetLine(code="declared_apart", said=declared.kind, amount=declared.amount)
    if count.trust is not None:
        yield SheetLine(code="counted_trust", amount=count.trust)
