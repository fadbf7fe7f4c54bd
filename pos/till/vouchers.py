"""Vouchers before the payment: reserved at central, so that nobody else takes them, and let go where no payment comes.

A reservation moves money before the event is booked, so it is written down before it is asked for, and its answer after.
One without a payment is abandoned and released: at once, or by the wire, or at the next start. Source: domain.md 3.5 and
rule 46; architecture.md section 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial

from pos.domain.errors import Refused
from pos.domain.money import Money, parse_amount, total
from pos.domain.payment_mode import ModeKind
from pos.domain.ports import Runner
from pos.domain.role import Person
from pos.domain.tender import read_details
from pos.domain.text_guard import clean_foreign
from pos.domain.voucher import (
    VoucherAsked,
    VoucherDesk,
    VoucherOutcome,
    VoucherRefused,
    VoucherReserved,
    VoucherUnanswered,
)
from pos.store.payments import event_receipt
from pos.store.shifts import open_shift
from pos.store.times import utc_text
from pos.store.unit_of_work import CommitFailed, WriteFailed
from pos.store.vouchers import (
    Hold,
    Unanswered,
    abandon_holds,
    abandoned_of,
    has_open_holds,
    holds_to_release,
    mark_refused,
    mark_released,
    mark_reserved,
    mark_unanswered,
    offline_in_shift,
    reserved_hold,
    unanswered_hold,
)
from pos.till.desk import Deed, Desk, audit_refusal, nothing_booked, perform
from pos.till.payer import read_payer
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.tendered import refuse_taken_before, require_mode
from pos.till.voucher_tender import (
    mark_of,
    offline_hold,
    require_genuine_form,
    require_together,
    voucher_instrument,
)

ACT = "hold_voucher"
SILENT_FOR = timedelta(seconds=60)
"""For so long one payment takes central's silence about a voucher for an answer."""


async def reserve_vouchers(
    desk: Desk, person: Person, order: PaymentOrder, vouchers: VoucherDesk | None, runner: Runner
) -> list[Hold]:
    """Have central hold every voucher of ``order``; what is held for it already stays so. Nothing for one that is booked.

    ``vouchers`` None: this till has no central. Where central does not answer, a voucher may stand for itself (``offline``).
    Raises NotAuthorised, or Refused with central's own code (``value`` in its details where the voucher is worth less than
    was asked for), what ``offline_hold`` raises or what the payment would be refused for; then nothing new stays held.
    """
    held: list[Hold] = []
    if await runner.read(partial(_is_booked, desk, order.payment_event_id)):
        # A retry: the booking itself tells whether it is one.
        return held
    for tender in order.tenders:
        if not _is_voucher(desk, tender):
            continue
        silent = await runner.read(partial(_silent_lately, desk, order, tender))
        if silent is not None:
            # The customer was told so a moment ago, and does not wait for the same silence again.
            with suppress(Refused):
                held.append(await runner.read(partial(_taken_offline, desk, silent, tender, held)))
                require_together(held)
                continue
        await _clear_way(desk, tender, vouchers, runner)
        asked = await runner.till(partial(_write_hold, desk, person, order, tender))
        if isinstance(asked, VoucherAsked):
            told = (
                VoucherUnanswered(reason="no central") if vouchers is None else await vouchers.reserve(asked)
            )
            await runner.till(partial(_settle, desk, asked.hold_id, told))
            try:
                match told:
                    case VoucherUnanswered():
                        held.append(await runner.read(partial(_taken_offline, desk, asked, tender, held)))
                    case _:
                        held.append(_require_reserved(asked, told))
                require_together(held)
            except Refused as refusal:
                await runner.till(partial(audit_refusal, desk, person, ACT, asked.hold_id, refusal))
                raise
        else:
            held.append(asked)
    return held


def _silent_lately(desk: Desk, order: PaymentOrder, tender: TenderOrder) -> Unanswered | None:
    """Central was asked for this very voucher for this very payment just now, and did not answer."""
    try:
        details = read_details(desk.modes[tender.mode], tender.details)
        amount = parse_amount(tender.amount, desk.identity.currency, decimal_marks=order.decimal_marks)
    except Refused:
        # The asking itself says what is wrong.
        return None
    with desk.till.read() as connection:
        silent = unanswered_hold(connection, order.payment_event_id, mark_of(desk, details))
    if silent is None or (silent.mode, silent.amount) != (tender.mode, amount):
        return None
    return silent if timedelta(0) <= desk.clock.now() - silent.at < SILENT_FOR else None


def _taken_offline(
    desk: Desk, asked: VoucherAsked | Unanswered, tender: TenderOrder, held: Sequence[Hold]
) -> Hold:
    """What central did not answer for may stand for itself. Raises what ``offline_hold`` raises."""
    mode = desk.modes[asked.mode]
    beside = total((one.booked for one in held if one.offline is not None), asked.amount.currency)
    return offline_hold(
        desk,
        asked.hold_id,
        asked.account,
        mode,
        asked.amount,
        read_details(mode, tender.details),
        in_shift=_offline_so_far(desk, asked.amount) + beside,
        at=desk.clock.now(),
    )


def _offline_so_far(desk: Desk, amount: Money) -> Money:
    with desk.till.read() as connection:
        shift = open_shift(connection)
        assert shift is not None, "a voucher is asked for in a shift"
        return offline_in_shift(connection, shift.shift_id, amount.currency)


def _is_booked(desk: Desk, payment_event_id: str) -> bool:
    with desk.till.read() as connection:
        return event_receipt(connection, payment_event_id) is not None


async def _clear_way(desk: Desk, tender: TenderOrder, vouchers: VoucherDesk | None, runner: Runner) -> None:
    """A hold of the same voucher that a crash or a lost answer left is let go first, so that it is free again."""
    mark = mark_of(desk, tender.details)
    for hold_id in await runner.read(partial(_abandoned, desk, mark)):
        await _release(desk, hold_id, vouchers, runner)


def _abandoned(desk: Desk, mark: str) -> list[str]:
    with desk.till.read() as connection:
        return abandoned_of(connection, mark)


async def let_go(desk: Desk, payment_event_id: str, vouchers: VoucherDesk | None, runner: Runner) -> None:
    """No payment comes of this event: release what was held for it. What cannot be reached now is released later.

    Never raises for the disk or the network: it follows a refusal that must be told.
    """
    for hold_id in await runner.till(partial(_abandon, desk, payment_event_id)):
        await _release(desk, hold_id, vouchers, runner)


async def _release(desk: Desk, hold_id: str, vouchers: VoucherDesk | None, runner: Runner) -> None:
    if vouchers is not None and await vouchers.release(hold_id):
        await runner.till(partial(_released, desk, hold_id))


def abandon_all(desk: Desk) -> int:
    """At the start nothing is under way: what is held without a payment was left by a crash. Returns how many."""
    with desk.till.read() as connection:
        if not has_open_holds(connection):
            return 0
    with desk.till.transaction() as unit:
        return abandon_holds(unit.connection, at=desk.clock.now())


def has_vouchers(desk: Desk, order: PaymentOrder) -> bool:
    """Whether central must be asked before this payment."""
    return any(_is_voucher(desk, tender) for tender in order.tenders)


def _is_voucher(desk: Desk, tender: TenderOrder) -> bool:
    mode = desk.modes.by_code.get(tender.mode)
    return mode is not None and mode.kind is ModeKind.VOUCHER


def _write_hold(desk: Desk, person: Person, order: PaymentOrder, tender: TenderOrder) -> VoucherAsked | Hold:
    """Write down what is about to be asked; the hold where central has it for this payment already."""

    def work(deed: Deed) -> VoucherAsked | Hold:
        deed.subject = order.payment_event_id
        shift = deed.require_shift()
        mode = desk.modes[tender.mode]
        require_mode(desk, person, mode, order.payer_kind)
        amount = parse_amount(tender.amount, shift.currency, decimal_marks=order.decimal_marks)
        details = read_details(mode, tender.details)
        payer = read_payer(desk, person, order, shift.currency)
        require_genuine_form(desk, mode, details)
        mark = mark_of(desk, details)
        refuse_taken_before(deed, mode, voucher_instrument(mode, mark))
        held = reserved_hold(deed.unit.connection, order.payment_event_id, mark)
        if held is not None and (held.mode, held.amount) == (mode.code, amount):
            return held
        if held is not None:
            raise Refused(
                "voucher_held_otherwise",
                "This voucher is held with another amount. Leave with Esc, begin anew.",
            )
        hold_id = deed.new_id()
        deed.unit.insert(
            "voucher_hold",
            {
                "hold_id": hold_id,
                "payment_event_id": order.payment_event_id,
                "mode": mode.code,
                "code_mark": mark,
                "account": payer.account,
                "amount_minor": amount.minor,
                "currency": amount.currency.code,
                "state": "asked",
                "asked_at_utc": utc_text(deed.at),
                "changed_at_utc": utc_text(deed.at),
            },
        )
        return VoucherAsked(
            hold_id=hold_id,
            payment_event_id=order.payment_event_id,
            terminal=desk.identity.terminal,
            mode=mode.code,
            code=details["code"],
            issuer=details.get("issuer"),
            account=payer.account,
            amount=amount,
        )

    return perform(desk, person, ACT, work)


def _settle(desk: Desk, hold_id: str, told: VoucherOutcome) -> None:
    """Write down central's answer. Raises Refused ``store_write_failed``: the next start finds the hold and lets it go."""
    at = desk.clock.now()
    with _refusing(), desk.till.transaction() as unit:
        match told:
            case VoucherReserved():
                mark_reserved(unit.connection, hold_id, told, at=at)
            case VoucherRefused():
                mark_refused(unit.connection, hold_id, at=at)
            case VoucherUnanswered():
                mark_unanswered(unit.connection, hold_id, at=at)


def _require_reserved(asked: VoucherAsked, told: VoucherReserved | VoucherRefused) -> Hold:
    match told:
        case VoucherReserved():
            return Hold(
                hold_id=asked.hold_id,
                mode=asked.mode,
                amount=asked.amount,
                terms=told.terms,
                approval=told.approval,
            )
        case VoucherRefused(code=code, message=message, value=value):
            said = clean_foreign(message, limit=300)
            if value is not None:
                raise Refused(code, said, value=value.plain(), currency=value.currency.code)
            raise Refused(code, said)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (WriteFailed, CommitFailed) as failure:
        raise nothing_booked(failure.reason) from failure


def _abandon(desk: Desk, payment_event_id: str) -> Sequence[str]:
    try:
        return _abandon_now(desk, payment_event_id)
    except (WriteFailed, CommitFailed):
        # The next start finds them without a payment.
        return ()


def _abandon_now(desk: Desk, payment_event_id: str) -> Sequence[str]:
    with desk.till.transaction() as unit:
        abandon_holds(unit.connection, at=desk.clock.now(), payment_event_id=payment_event_id)
        return holds_to_release(unit.connection, payment_event_id=payment_event_id)


def _released(desk: Desk, hold_id: str) -> None:
    # What cannot be written now is let go once more later, which does no harm.
    with suppress(WriteFailed, CommitFailed), desk.till.transaction() as unit:
        mark_released(unit.connection, hold_id, at=desk.clock.now())
