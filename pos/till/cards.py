"""Cards by a connected terminal: asked for before the payment, used by it, reversed where no payment comes.

An attempt charges a card before the event is booked, so it is written down before the terminal is asked, and the answer
after. Without an answer it is unknown, never declined: the terminal is asked what became of it, or a person reads its slip.
Source: domain.md rules 44 and 45; architecture.md section 2; reliability.md sections 2 (7) and 3.4.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from pos.domain.card import (
    CardApproved,
    CardDeclined,
    CardNotReached,
    CardOutcome,
    CardReversed,
    CardSlip,
    CardState,
    CardUnknown,
    ReversalOutcome,
    ReversalRefused,
)
from pos.domain.errors import Refused
from pos.domain.ids import check_id
from pos.domain.money import parse_amount
from pos.domain.payment_mode import ModeKind
from pos.domain.ports import CardTerminal, Runner
from pos.domain.role import Person
from pos.store.cards import (
    CardAttempt,
    abandon_attempt,
    abandon_attempts,
    attempt_by_id,
    attempts_of,
    count_reversal,
    count_sent,
    forget_waiting,
    has_loose_ends,
    mark_looked_again,
    mark_not_sent,
    mark_reversal_not_sent,
    mark_reversed,
    mark_unsure,
    note_reason,
    open_attempts,
    to_care_for,
    under_way,
)
from pos.store.payments import event_receipt
from pos.store.times import offset_minutes, utc_text
from pos.store.unit_of_work import CommitFailed, UnitOfWork, WriteFailed
from pos.till.approved_card import (
    approved_otherwise,
    card_outcome_unknown,
    refuse_second_card,
    write_approved,
)
from pos.till.desk import Deed, Desk, audit_refusal, nothing_booked, perform
from pos.till.enquiries import require_enquiry
from pos.till.gate import admit
from pos.till.payer import read_payer
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.take_payment import rehearse_payment
from pos.till.tendered import require_mode

ACT = "ask_card"
RESOLVE = "resolve_card"
LOOKED_AGAIN_AFTER = timedelta(minutes=2)
"""A terminal that refused may have been overruled by the bank by then."""


def is_wanted(desk: Desk, tender: TenderOrder) -> bool:
    """Whether this is a card tender that the terminal is to be asked for: no slip was keyed, none was approved yet."""
    mode = desk.modes.by_code.get(tender.mode)
    return mode is not None and mode.kind is ModeKind.CARD and not tender.details and tender.attempt is None


def has_cards(desk: Desk, order: PaymentOrder) -> bool:
    """Whether the card terminal has a part in this payment."""
    return any(tender.attempt is not None or is_wanted(desk, tender) for tender in order.tenders)


async def ask_cards(
    desk: Desk,
    person: Person,
    order: PaymentOrder,
    terminal: CardTerminal,
    runner: Runner,
    *,
    whole: bool,
    ref: str | None = None,
) -> PaymentOrder:
    """Have the terminal charge a card for each wanted tender of ``order``; the order with what it approved.

    What was asked for this payment before and is not known is asked about first; no second card is asked for meanwhile.
    ``whole``: nothing is missing in ``order``, so that what it would be refused for is told before a card is charged.
    ``ref`` is that of a script's line. Raises NotAuthorised, or Refused ``card_declined``, ``card_not_reached`` (nothing was
    sent), ``card_outcome_unknown`` (with its ``attempt``), ``card_amount_differs``, ``card_approved_otherwise``,
    ``card_payment_left`` or what the payment would be refused for.
    """
    waiting = await runner.read(partial(attempt_under_way, desk, order.payment_event_id))
    if waiting is not None:
        await ask_again(desk, person, waiting.attempt_id, terminal, runner)
    if whole:
        await runner.till(partial(_rehearse, desk, person, order, terminal.terminal_id))
    tenders = list(order.tenders)
    for place, tender in enumerate(tenders):
        if is_wanted(desk, tender):
            so_far = replace(order, tenders=tenders)
            attempt = await _ask(
                desk, person, so_far, _Wanted(tender, terminal.terminal_id, ref), terminal, runner
            )
            tenders[place] = replace(tender, attempt=attempt.attempt_id)
    return replace(order, tenders=tenders)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A card tender, the terminal that is asked for it, and the ref of the script's line that wants it."""

    tender: TenderOrder
    card_terminal: str
    ref: str | None = None


async def _ask(
    desk: Desk, person: Person, order: PaymentOrder, wanted: _Wanted, terminal: CardTerminal, runner: Runner
) -> CardAttempt:
    found = await runner.till(partial(_found_or_written, desk, person, order, wanted))
    if found.state is not CardState.ASKED:
        return found
    told = await terminal.authorise(found.asked)
    after = await runner.till(partial(_settled, desk, found.attempt_id, told))
    if after.state is CardState.APPROVED:
        return after
    refusal = _why_not(after, told)
    await runner.till(partial(audit_refusal, desk, person, ACT, found.attempt_id, refusal))
    await _reverse(desk, after, terminal, runner)
    raise refusal


async def ask_again(
    desk: Desk, person: Person, attempt_id: str, terminal: CardTerminal | None, runner: Runner
) -> CardAttempt:
    """Ask the terminal what became of an attempt; as it stands then.

    One that was declined may turn out approved. ``terminal`` None: none is connected. Raises NotAuthorised, or Refused
    ``unknown_card_attempt``, ``card_outcome_unknown``, ``card_terminal_not_connected``.
    """
    admit(desk, RESOLVE, person, subject=attempt_id)
    attempt = await runner.read(partial(attempt_for, desk, person, attempt_id))
    if not attempt.is_under_way and attempt.state is not CardState.DECLINED:
        return attempt
    told = await _connected(attempt, terminal).status(attempt.asked)

    def work(deed: Deed) -> CardAttempt:
        deed.subject = attempt.attempt_id
        return settle(deed.unit, deed.desk, attempt.attempt_id, told)

    after = await runner.till(lambda: perform(desk, person, RESOLVE, work))
    if after.is_under_way:
        raise card_outcome_unknown(after)
    await _reverse(desk, after, terminal, runner)
    return await runner.read(partial(attempt_for, desk, person, attempt_id))


async def try_reversal(
    desk: Desk, person: Person, attempt_id: str, terminal: CardTerminal | None, runner: Runner
) -> CardAttempt:
    """Have the terminal reverse at once what is to be reversed; the attempt as it stands then.

    Raises NotAuthorised, or Refused ``unknown_card_attempt``, ``card_terminal_not_connected`` or ``card_not_reversed``.
    """
    admit(desk, RESOLVE, person, subject=attempt_id)
    attempt = await runner.read(partial(attempt_for, desk, person, attempt_id))
    await _reverse(desk, attempt, _connected(attempt, terminal), runner)
    after = await runner.read(partial(attempt_for, desk, person, attempt_id))
    if after.state is CardState.REVERSING:
        raise Refused(
            "card_not_reversed", f"The card terminal has not reversed it: {after.reason}", attempt=attempt_id
        )
    return after


def _connected(attempt: CardAttempt, terminal: CardTerminal | None) -> CardTerminal:
    if terminal is None or terminal.terminal_id != attempt.card_terminal:
        raise Refused(
            "card_terminal_not_connected",
            f"Card terminal {attempt.card_terminal} is not connected. Settle it by the terminal's slip or journal.",
            attempt=attempt.attempt_id,
        )
    return terminal


def attempt_for(desk: Desk, person: Person, attempt_id: str) -> CardAttempt:
    """An attempt that the person may see. Raises Refused ``unknown_card_attempt``."""
    with desk.till.read() as connection:
        attempt = attempt_by_id(connection, check_id(attempt_id, field="Attempt"))
    if attempt is None or not person.may_see(attempt.account):
        raise Refused("unknown_card_attempt", "This till has asked for no such card payment.")
    return attempt


def open_card_attempts(desk: Desk, person: Person) -> list[CardAttempt]:
    """What somebody must look at: outcomes not known, money to go back, approvals without a payment; oldest first."""
    require_enquiry(desk, person)
    with desk.till.read() as connection:
        return [attempt for attempt in open_attempts(connection) if person.may_see(attempt.account)]


# --- no payment comes ------------------------------------------------------------------------------------------


async def let_go_cards(
    desk: Desk, payment_event_id: str, terminal: CardTerminal | None, runner: Runner
) -> None:
    """No payment comes of this event: reverse what was approved for it. What cannot be done now is done later.

    Never raises for the disk or the network: it follows a refusal that must be told.
    """
    for attempt in await runner.till(partial(_abandon, desk, payment_event_id)):
        await _reverse(desk, attempt, terminal, runner)


async def let_go_card(
    desk: Desk, attempt_id: str, terminal: CardTerminal | None, runner: Runner
) -> CardAttempt | None:
    """The payment goes on without this one. Never raises for the disk or the network."""
    for attempt in await runner.till(partial(_abandon_one, desk, attempt_id)):
        await _reverse(desk, attempt, terminal, runner)
    return await runner.read(partial(_look_up, desk, attempt_id))


async def look_after_cards(desk: Desk, terminal: CardTerminal, runner: Runner) -> None:
    """Go on with what only the terminal can finish: reversals, outcomes that nobody waits for, refusals of a while ago.

    One round; never raises for the disk or the network.
    """
    for attempt in await runner.read(partial(_to_care_for, desk, terminal.terminal_id)):
        if attempt.state is not CardState.REVERSING:
            told = await terminal.status(attempt.asked)
            attempt = await runner.till(partial(_looked_again, desk, attempt, told))
        if attempt.state is CardState.REVERSING:
            await _reverse(desk, attempt, terminal, runner)


def abandon_all_cards(desk: Desk) -> None:
    """At the start nothing is under way: what was asked for is unknown, what was approved without a payment goes back."""
    with desk.till.read() as connection:
        if not has_loose_ends(connection):
            return
    with desk.till.transaction() as unit:
        forget_waiting(unit.connection, at=desk.clock.now())


async def _reverse(desk: Desk, attempt: CardAttempt, terminal: CardTerminal | None, runner: Runner) -> None:
    """Try it once, where there is anything to reverse. Never raises for the disk or the network.

    What became of the last reversal that was sent is asked first: another is sent only where the terminal refused that one,
    or never heard of it.
    """
    if terminal is None or terminal.terminal_id != attempt.card_terminal:
        return
    sent = await runner.till(partial(_count_reversal, desk, attempt.attempt_id))
    if sent is None:
        return
    if sent:
        told = await terminal.reversal_status(attempt.asked, number=sent)
        if not isinstance(told, ReversalRefused):
            await runner.till(partial(_note_reversal, desk, attempt.attempt_id, told))
            return
    number = await runner.till(partial(_count_sent, desk, attempt.attempt_id, sent))
    if number is not None:
        told = await terminal.reverse(attempt.asked, attempt.reference, number=number)
        await runner.till(partial(_note_reversal, desk, attempt.attempt_id, told, number))


def _note_reversal(desk: Desk, attempt_id: str, told: ReversalOutcome, number: int | None = None) -> None:
    """``number``: that of the reversal that was to be sent now; None: the last one was asked about."""
    with suppress(WriteFailed, CommitFailed), desk.till.transaction() as unit:
        if isinstance(told, CardNotReached) and number is not None:
            mark_reversal_not_sent(unit.connection, attempt_id, number)
        match told:
            case CardReversed():
                mark_reversed(unit.connection, attempt_id, at=desk.clock.now())
            case ReversalRefused(reason=reason) | CardUnknown(reason=reason) | CardNotReached(reason=reason):
                note_reason(unit.connection, attempt_id, reason)


def _count_reversal(desk: Desk, attempt_id: str) -> int | None:
    try:
        with desk.till.transaction() as unit:
            return count_reversal(unit.connection, attempt_id)
    except (WriteFailed, CommitFailed):
        # A try that is not written down is not made.
        return None


def _count_sent(desk: Desk, attempt_id: str, sent: int) -> int | None:
    try:
        with desk.till.transaction() as unit:
            return count_sent(unit.connection, attempt_id, sent)
    except (WriteFailed, CommitFailed):
        return None


def _abandon(desk: Desk, payment_event_id: str) -> list[CardAttempt]:
    with desk.till.read() as connection:
        if not attempts_of(connection, payment_event_id):
            return []
    try:
        with desk.till.transaction() as unit:
            abandon_attempts(unit.connection, at=desk.clock.now(), payment_event_id=payment_event_id)
            attempts = attempts_of(unit.connection, payment_event_id)
    except (WriteFailed, CommitFailed):
        # The next start finds them without a payment.
        return []
    return [attempt for attempt in attempts if attempt.state is CardState.REVERSING]


def _abandon_one(desk: Desk, attempt_id: str) -> list[CardAttempt]:
    try:
        with desk.till.transaction() as unit:
            abandon_attempt(
                unit.connection, attempt_id, reason="Taken out of its payment.", at=desk.clock.now()
            )
            attempt = attempt_by_id(unit.connection, attempt_id)
    except (WriteFailed, CommitFailed):
        return []
    return [attempt] if attempt is not None and attempt.state is CardState.REVERSING else []


def _look_up(desk: Desk, attempt_id: str) -> CardAttempt | None:
    with desk.till.read() as connection:
        return attempt_by_id(connection, attempt_id)


def _to_care_for(desk: Desk, card_terminal: str) -> list[CardAttempt]:
    with desk.till.read() as connection:
        return to_care_for(connection, card_terminal, desk.clock.now() - LOOKED_AGAIN_AFTER)


def _looked_again(desk: Desk, attempt: CardAttempt, told: CardOutcome) -> CardAttempt:
    try:
        with desk.till.transaction() as unit:
            if attempt.state is CardState.DECLINED and not isinstance(told, CardNotReached):
                mark_looked_again(unit.connection, attempt.attempt_id)
            return settle(unit, desk, attempt.attempt_id, told)
    except (WriteFailed, CommitFailed):
        return attempt


# --- asking ----------------------------------------------------------------------------------------------------


def attempt_under_way(desk: Desk, payment_event_id: str) -> CardAttempt | None:
    """The attempt of this payment of which nobody knows the outcome."""
    with desk.till.read() as connection:
        return under_way(connection, payment_event_id)


def _found_or_written(desk: Desk, person: Person, order: PaymentOrder, wanted: _Wanted) -> CardAttempt:
    """What the terminal approved for this payment already and no tender uses, or a new attempt, written down."""
    with desk.till.read() as connection:
        known = attempts_of(connection, order.payment_event_id)
    named = {tender.attempt for tender in order.tenders}
    spare = [one for one in known if one.state is CardState.APPROVED and one.attempt_id not in named]
    if not spare:
        return perform(desk, person, ACT, lambda deed: _write(deed, order, wanted))
    amount = parse_amount(wanted.tender.amount, desk.identity.currency, decimal_marks=order.decimal_marks)
    for attempt in spare:
        if (attempt.mode, attempt.amount) == (wanted.tender.mode, amount):
            return attempt
    raise approved_otherwise(desk, spare[0])


def _rehearse(desk: Desk, person: Person, order: PaymentOrder, card_terminal: str) -> None:
    """Take the payment as if every card were approved, and give it up again."""

    def approved(deed: Deed, tender: TenderOrder) -> TenderOrder:
        attempt = _write(deed, order, _Wanted(tender, card_terminal))
        slip = CardSlip(card_terminal=card_terminal, rrn=attempt.attempt_id[-12:])
        told = CardApproved(slip=slip, amount=attempt.amount, reference=None)
        write_approved(deed.unit, desk, attempt, told)
        return replace(tender, attempt=attempt.attempt_id)

    def prepare(deed: Deed) -> PaymentOrder:
        tenders = [approved(deed, one) if is_wanted(desk, one) else one for one in order.tenders]
        return replace(order, tenders=tenders)

    rehearse_payment(desk, person, ACT, prepare)


def _write(deed: Deed, order: PaymentOrder, wanted: _Wanted) -> CardAttempt:
    """Write down what is about to be asked."""
    desk, connection = deed.desk, deed.unit.connection
    deed.subject = check_id(order.payment_event_id, field="Payment")
    shift, mode = deed.require_shift(), desk.modes[wanted.tender.mode]
    require_mode(desk, deed.person, mode, order.payer_kind)
    amount = parse_amount(wanted.tender.amount, shift.currency, decimal_marks=order.decimal_marks)
    payer = read_payer(desk, deed.person, order, shift.currency)
    refuse_second_card(deed, order.payment_event_id)
    attempt_id = deed.new_id()
    deed.unit.insert(
        "card_attempt",
        {
            "attempt_id": attempt_id,
            "payment_event_id": order.payment_event_id,
            "shift_id": shift.shift_id,
            "operator": deed.person.user,
            "account": payer.account,
            "mode": mode.code,
            "amount_minor": amount.minor,
            "currency": amount.currency.code,
            "card_terminal": wanted.card_terminal,
            "script_ref": wanted.ref,
            "asked_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "state": "asked",
            "changed_at_utc": utc_text(deed.at),
        },
    )
    written = attempt_by_id(connection, attempt_id)
    assert written is not None
    return written


def _settled(desk: Desk, attempt_id: str, told: CardOutcome) -> CardAttempt:
    """Write down the answer to what was asked. Raises Refused ``store_write_failed``; the next start finds it unanswered."""
    try:
        with desk.till.transaction() as unit:
            if isinstance(told, CardNotReached):
                mark_not_sent(unit.connection, attempt_id, reason=told.reason, at=desk.clock.now())
            return settle(unit, desk, attempt_id, told)
    except (WriteFailed, CommitFailed) as failure:
        raise nothing_booked(failure.reason) from failure


def settle(unit: UnitOfWork, desk: Desk, attempt_id: str, told: CardOutcome) -> CardAttempt:
    """Write down what the terminal says of an attempt; money that no payment waits for is on its way back then.

    What a slip keyed by hand has paid is used, whichever payment it was.
    """
    at, connection = desk.clock.now(), unit.connection
    match told:
        case CardApproved():
            write_approved(unit, desk, _known(unit, attempt_id), told)
        case CardDeclined():
            mark_unsure(
                connection, attempt_id, CardState.DECLINED, reason=told.reason, at=at, wiped=told.wiped
            )
        case CardUnknown():
            mark_unsure(
                connection, attempt_id, CardState.UNKNOWN, reason=told.reason, at=at, wiped=told.wiped
            )
        case CardNotReached():
            mark_unsure(connection, attempt_id, CardState.UNKNOWN, reason=told.reason, at=at)
    attempt = _known(unit, attempt_id)
    if attempt.state is not CardState.APPROVED:
        return attempt
    if isinstance(told, CardApproved) and told.amount != attempt.amount:
        reason = f"{told.amount.plain()} was charged instead of {attempt.amount.plain()}."
        abandon_attempt(connection, attempt_id, reason=reason, at=at)
    elif attempt.abandoned or event_receipt(connection, attempt.payment_event_id) is not None:
        abandon_attempt(connection, attempt_id, reason="No payment waits for it.", at=at)
    return _known(unit, attempt_id)


def _known(unit: UnitOfWork, attempt_id: str) -> CardAttempt:
    attempt = attempt_by_id(unit.connection, attempt_id)
    assert attempt is not None, "attempts stay"
    return attempt


def _why_not(after: CardAttempt, told: CardOutcome) -> Refused:
    """Why no card was charged for the payment, in a cashier's words."""
    about = {"attempt": after.attempt_id}
    if after.is_under_way:
        return card_outcome_unknown(after)
    match told:
        case CardDeclined(code=code, reason=reason):
            text = f"{reason} Nothing was charged. Try again, or take another way to pay."
            return Refused("card_declined", text, **about, terminal_code=code)
        case CardNotReached(reason=reason):
            text = f"{reason} Nothing was sent. Tab keys the slip of another terminal."
            return Refused("card_not_reached", text, **about)
        case CardApproved() if told.amount != after.amount:
            text = f"The card terminal charged {told.amount.plain()}, not {after.amount.plain()}: it is being reversed."
            return Refused("card_amount_differs", text, **about)
        case CardApproved() if after.state is CardState.USED:
            return Refused("taken_before", "The slip of this card was keyed and booked already.", **about)
        case _:
            return Refused("card_payment_left", "This payment was left; the card is not charged.", **about)
