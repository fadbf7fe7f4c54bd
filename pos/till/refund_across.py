"""Paying back what another terminal took: central tells it and holds the money for this till, then it is booked.

The asking is written down before it is sent, and its answer after: without a yes no money goes out, and what was asked for
without a refund is given up and let go, at once, by the wire, or after the next start.
Source: domain.md 3.6 and rules 32, 33; reliability.md invariants 3, 7 and 37.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from pos.domain.errors import DomainError, Refused
from pos.domain.ids import new_id
from pos.domain.money import Money, parse_amount
from pos.domain.pan_guard import holds_card_number
from pos.domain.ports import Runner
from pos.domain.refund_across import (
    HoldOutcome,
    LegElsewhere,
    RefundAsked,
    RefundDenied,
    RefundDesk,
    RefundHeld,
    RefundUnanswered,
    TakenElsewhere,
)
from pos.domain.role import Person
from pos.domain.text_guard import clean_foreign
from pos.store.refunds_across import (
    abandon_holds,
    has_open_holds,
    hold_row,
    holds_to_release,
    legs_to_hold,
    mark_released,
    settle_hold,
    told_legs,
    unanswered_hold,
)
from pos.store.unit_of_work import CommitFailed, WriteFailed
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    corrected,
    read_order,
    unknown_receipt,
)
from pos.till.desk import Deed, Desk, Memo, audit_refusal, nothing_booked, perform
from pos.till.enquiries import require_enquiry
from pos.till.gate import require_right, require_session
from pos.till.refund_across_entry import AcrossEntry, cash_out_of, write_refund_across
from pos.till.refunds import ACT, RefundOrder, refund, require_approval_of, wanted_of, weigh

HOLD = "hold_refund"
ASKED_AGAIN_FOR = timedelta(minutes=5)
"""For so long the same refund asks for the same hold again; later it is begun anew."""

NOT_THERE = frozenset(("refund_unknown_receipt", "refund_only_there"))
"""How central says that it has no such payment: nobody else can pay it back either."""

_RECEIPT = re.compile(r"[A-Z0-9][A-Z0-9._]{0,19}(-[A-Z0-9._]{1,19}){2,4}-[0-9]{4,9}")


def is_whole_number(receipt: str) -> bool:
    """Whether it has the form of a receipt's whole number, so that central can be asked for it.

    A card number may be typed in groups that look like one: it is refused here, told and noted nowhere.
    """
    return _RECEIPT.fullmatch(receipt.strip().upper()) is not None and not holds_card_number(receipt)


async def pay_back(
    desk: Desk,
    person: Person,
    order: RefundOrder,
    central: RefundDesk | None,
    runner: Runner,
    *,
    memo: Memo | None = None,
) -> Corrected:
    """Pay back a payment, or a part of it, wherever it was taken. ``central`` None: this till has none.

    Raises as ``refund``; of a payment that is not in these books also Refused ``online_only`` (central does not answer),
    ``refund_unanswered`` (it did not say whether it holds the money: the same again asks the same again), or central's own
    code. Then no money goes out.
    """
    if await runner.read(partial(_is_known_here, desk, order.receipt)):
        return await _pay_back_own(desk, person, order, central, runner, memo=memo)
    await runner.till(partial(_admit, desk, person, order))
    again = await runner.till(partial(_give_up_others, desk, person, order))
    await _release_all(desk, order.receipt, central, runner)
    found, asked, held = await _hold(desk, person, order, again, central, runner)
    try:
        done = await runner.till(partial(_book, desk, person, order, found, asked, held, memo=memo))
    except DomainError as refusal:
        if refusal.code != "outcome_unknown":
            await give_up(desk, order.receipt, central, runner)
        raise
    return corrected(desk, done)


async def _pay_back_own(
    desk: Desk,
    person: Person,
    order: RefundOrder,
    central: RefundDesk | None,
    runner: Runner,
    *,
    memo: Memo | None,
) -> Corrected:
    """What central has of an own payment may be paid back elsewhere at this moment, so it is held first here too.

    Where central does not answer the own books decide: they alone are asked offline.
    """
    known = central is not None and await runner.read(partial(_is_at_central, desk, order.receipt))
    if central is None or not known:
        return await runner.till(partial(refund, desk, person, order, memo=memo))
    await runner.till(partial(_abandon, desk, order.receipt))
    await _release_all(desk, order.receipt, central, runner)
    number = order.receipt.strip().upper()
    found = await central.find(number)
    left = found.left if isinstance(found, TakenElsewhere) else None
    asked = None
    if left is not None:
        asked = await runner.till(partial(_write_own_hold, desk, person, order, left))
    if asked is None:
        return await runner.till(partial(refund, desk, person, order, left=left, memo=memo))
    told = await central.hold(asked)
    await runner.till(partial(_settle, desk, asked.hold_id, told))
    if isinstance(told, RefundDenied) and told.code not in NOT_THERE:
        refusal = Refused(told.code, clean_foreign(told.message, limit=300))
        await runner.till(partial(_audit, desk, person, order, refusal))
        raise refusal
    held = asked if isinstance(told, RefundHeld) else None
    try:
        if held is None:
            await runner.till(partial(_abandon, desk, order.receipt))
        return await runner.till(partial(refund, desk, person, order, held=held, left=left, memo=memo))
    except DomainError as refusal:
        if refusal.code != "outcome_unknown":
            await give_up(desk, order.receipt, central, runner)
        raise


async def _hold(
    desk: Desk,
    person: Person,
    order: RefundOrder,
    again: RefundAsked | None,
    central: RefundDesk | None,
    runner: Runner,
) -> tuple[TakenElsewhere, RefundAsked, RefundHeld]:
    """Have central hold it: what was asked before (``again``), or anew. Each refusal is audited."""
    try:
        found = await look_up(desk, person, order.receipt, central)
        assert central is not None, "it has told the payment"
        found = found.held_until(desk.clock.now() - timedelta(days=desk.policy.cheques.refund_hold_days))
        asked = again
        if asked is None:
            asked = await runner.till(partial(_write_hold, desk, person, order, found))
        told = await central.hold(asked)
        await runner.till(partial(_settle, desk, asked.hold_id, told))
        return found, asked, _require_held(told)
    except DomainError as refusal:
        await runner.till(partial(_audit, desk, person, order, refusal))
        raise


async def give_up(desk: Desk, receipt: str, central: RefundDesk | None, runner: Runner) -> None:
    """No refund comes of what was asked about this receipt: let go of it. What cannot be reached now is let go later.

    Never raises for the disk or the network: it follows a refusal that must be told.
    """
    await runner.till(partial(_abandon, desk, receipt))
    await _release_all(desk, receipt, central, runner)


def abandon_all(desk: Desk) -> None:
    """At the start nothing is under way: what was held without a refund was left by a crash."""
    with desk.till.read() as connection:
        if not has_open_holds(connection):
            return
    with desk.till.transaction() as unit:
        abandon_holds(unit.connection, at=desk.clock.now())


async def find_elsewhere(
    desk: Desk, person: Person, receipt: str, central: RefundDesk | None, runner: Runner
) -> TakenElsewhere:
    """A payment of another terminal, to look at. Raises NotAuthorised, or Refused as ``look_up``."""
    await runner.read(partial(require_enquiry, desk, person))
    return await look_up(desk, person, receipt, central)


async def look_up(desk: Desk, person: Person, receipt: str, central: RefundDesk | None) -> TakenElsewhere:
    """What central tells of a receipt. Raises Refused ``unknown_receipt``, ``online_only`` or central's own code."""
    number = receipt.strip().upper()
    told = RefundUnanswered(reason="no central") if central is None else await central.find(number)
    match told:
        case TakenElsewhere():
            if not person.may_see(told.taken.payer_account):
                raise unknown_receipt(number)
            if told.taken.amount.currency != desk.identity.currency:
                raise Refused(
                    "other_currency",
                    f"Receipt {number} is in {told.taken.amount.currency}: pay it back where that is the currency.",
                )
            return told
        case RefundDenied(code="refund_unknown_receipt"):
            raise unknown_receipt(number)
        case RefundDenied(code=code, message=message):
            raise Refused(code, clean_foreign(message, limit=300))
        case RefundUnanswered():
            raise Refused(
                "online_only",
                f"Receipt {number} was taken at another terminal: it can be refunded while central answers.",
                receipt=number,
            )


# --- before central is asked -----------------------------------------------------------------------------------------


def _is_known_here(desk: Desk, receipt: str) -> bool:
    """Whether the refund is these books' own affair: its payment is here, or nobody's number could be this."""
    if not is_whole_number(receipt):
        return True
    with desk.till.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT 1 FROM payment_event WHERE receipt_number = ?", (receipt.strip().upper(),)
        ).first()
    return found is not None


def _is_at_central(desk: Desk, receipt: str) -> bool:
    with desk.till.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT payment_event_id FROM payment_event WHERE receipt_number = ?", (receipt.strip().upper(),)
        ).scalar()
        return found is not None and bool(told_legs(connection, str(found)))


def _write_own_hold(
    desk: Desk, person: Person, order: RefundOrder, left: Mapping[str, Money]
) -> RefundAsked | None:
    """Weigh it by the own books, and write down what is about to be asked; None where central has nothing of it."""

    def work(deed: Deed) -> RefundAsked | None:
        weighed = weigh(deed, order, left=left, use=False)
        legs = weighed.legs_at(legs_to_hold(deed.unit.connection, weighed.taken.payment_event_id))
        if not legs:
            return None
        asked = RefundAsked(
            hold_id=deed.new_id(),
            terminal=desk.identity.terminal,
            operator=person.user,
            receipt_number=weighed.taken.receipt_number,
            legs=tuple(legs.items()),
            own=True,
        )
        deed.unit.insert("refund_hold", hold_row(asked, at=deed.at))
        return asked

    return perform(desk, person, HOLD, work, alone=True)


def _admit(desk: Desk, person: Person, order: RefundOrder) -> None:
    """Who may not pay back learns that first, and nothing of the payment."""
    try:
        require_session(desk, ACT, person)
        require_right(desk, ACT, person)
    except DomainError as refusal:
        _audit(desk, person, order, refusal)
        raise


def _audit(desk: Desk, person: Person, order: RefundOrder, refusal: DomainError) -> None:
    if not refusal.audited:
        deed_id = new_id(desk.clock, desk.randomness)
        audit_refusal(desk, person, ACT, deed_id, refusal, subject=order.receipt.strip().upper())


def _give_up_others(desk: Desk, person: Person, order: RefundOrder) -> RefundAsked | None:
    """The same asking, where central gave no answer a moment ago; what else was asked about the receipt is given up."""
    number = order.receipt.strip().upper()
    with desk.till.read() as connection:
        before = unanswered_hold(connection, number, desk.identity.terminal)
    same = (
        before is not None
        and before.asked.operator == person.user
        and timedelta(0) <= desk.clock.now() - before.at < ASKED_AGAIN_FOR
        and _wants(order, before.asked.amount)
    )
    asked = before.asked if before is not None and same else None
    _abandon(desk, number, but="" if asked is None else asked.hold_id)
    return asked


def _wants(order: RefundOrder, amount: Money) -> bool:
    """Whether it is for just this: all that may go back is asked anew, it may be another sum by now."""
    try:
        return order.amount is not None and amount == parse_amount(
            order.amount, amount.currency, decimal_marks=order.decimal_marks
        )
    except Refused:
        # The asking itself says what is wrong.
        return False


def _write_hold(desk: Desk, person: Person, order: RefundOrder, found: TakenElsewhere) -> RefundAsked:
    """Weigh it as a refund of an own payment is, and write down what is about to be asked."""

    def work(deed: Deed) -> RefundAsked:
        number = read_order(deed, _correction(order))
        amount = wanted_of(order, number, found.may_go_back)
        shares = _shares(found.legs, amount)
        cash_out_of(deed, shares)
        require_approval_of(deed, found.taken, amount, use=False)
        asked = RefundAsked(
            hold_id=deed.new_id(),
            terminal=desk.identity.terminal,
            operator=person.user,
            receipt_number=number,
            legs=tuple((leg.payment_id, share) for leg, share in shares),
        )
        deed.unit.insert("refund_hold", hold_row(asked, at=deed.at))
        return asked

    return perform(desk, person, HOLD, work, alone=True)


def _correction(order: RefundOrder) -> CorrectionOrder:
    return CorrectionOrder(receipt=order.receipt, reason=order.reason, text=order.text)


def _shares(legs: Sequence[LegElsewhere], amount: Money) -> list[tuple[LegElsewhere, Money]]:
    """How much of each leg, the last one first: so are its tenders undone."""
    left, shares = amount, []
    for leg in reversed(legs):
        share = min(left, leg.may_go_back)
        if share:
            shares.append((leg, share))
            left = left - share
    return shares


# --- central's answer ------------------------------------------------------------------------------------------------


def _settle(desk: Desk, hold_id: str, told: HoldOutcome) -> None:
    """Write down central's answer. Raises Refused ``store_write_failed``: the next start finds the hold and lets it go."""
    if isinstance(told, RefundUnanswered):
        return
    state = "reserved" if isinstance(told, RefundHeld) else "refused"
    try:
        with desk.till.transaction() as unit:
            settle_hold(unit.connection, hold_id, state, at=desk.clock.now())
    except (WriteFailed, CommitFailed) as failure:
        raise nothing_booked(failure.reason) from failure


def _require_held(told: HoldOutcome) -> RefundHeld:
    match told:
        case RefundHeld():
            return told
        case RefundDenied(code=code, message=message):
            raise Refused(code, clean_foreign(message, limit=300))
        case RefundUnanswered():
            raise Refused(
                "refund_unanswered",
                "Central did not say whether it may be paid back: no money goes out yet. Do the same once more.",
            )


async def _release_all(desk: Desk, receipt: str, central: RefundDesk | None, runner: Runner) -> None:
    number = receipt.strip().upper()
    if central is None:
        return
    for hold_id in await runner.read(partial(_abandoned, desk, number)):
        if not await central.release(hold_id):
            return
        await runner.till(partial(_released, desk, hold_id))


def _abandoned(desk: Desk, number: str) -> list[str]:
    with desk.till.read() as connection:
        return holds_to_release(connection, number)


def _abandon(desk: Desk, receipt: str, *, but: str = "") -> None:
    # What cannot be written now is found without its refund at the next start.
    with suppress(WriteFailed, CommitFailed), desk.till.transaction() as unit:
        number = receipt.strip().upper()
        abandon_holds(unit.connection, at=desk.clock.now(), receipt_number=number, but=but)


def _released(desk: Desk, hold_id: str) -> None:
    # What cannot be written now is let go once more later, which does no harm.
    with suppress(WriteFailed, CommitFailed), desk.till.transaction() as unit:
        mark_released(unit.connection, hold_id, at=desk.clock.now())


def _book(
    desk: Desk,
    person: Person,
    order: RefundOrder,
    found: TakenElsewhere,
    asked: RefundAsked,
    held: RefundHeld,
    *,
    memo: Memo | None,
) -> Corrected:
    """The approval is used with what it was for, in one transaction."""
    entry = AcrossEntry(found=found, order=_correction(order), asked=asked, held=held)

    def work(deed: Deed) -> Corrected:
        read_order(deed, entry.order)
        require_approval_of(deed, found.taken, asked.amount)
        return write_refund_across(deed, entry)

    return perform(desk, person, ACT, work, memo=memo, alone=True)
