"""What a bounce would do, read from the books: the same value is looked at first and booked then.

Source: domain.md 3.3 and rules 14, 17, 37, 41.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from pos.domain.business_day import business_date
from pos.domain.catalogue import rate_text
from pos.domain.cheque import AT_THE_BANK, ChequeState
from pos.domain.correction import TakenPart, TakenPayment, TakenTender
from pos.domain.deposit import BankedCheque
from pos.domain.dishonour import Bounce, Charge, GoneMoney
from pos.domain.dishonour_policy import DishonourReason
from pos.domain.errors import Refused
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.posting import Ledger, tax_account
from pos.domain.refund_across import TakenElsewhere
from pos.domain.tender import read_date
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.corrections import taken_payment
from pos.store.debt_beside import standing_beside
from pos.store.deposits import cheques_called
from pos.store.dishonours import (
    credited_in,
    fee_stands,
    gone_money,
    lodged_on,
    reconnected_by,
)
from pos.store.dunning import dunning_before
from pos.till.account_score import score_with
from pos.till.desk import Desk
from pos.till.paid_back_elsewhere import lacking_by_leg
from pos.till.what_to_bank import lies_in

NO_FEE = "none"
TEXT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BounceOrder:
    """Which cheque the bank sent back, by id, serial number or receipt, and why (a code of the settings).

    ``on`` is the bank's day, today where left out; ``fee`` may be ``none``, and ``text`` says why then. ``told`` is what
    central knows of its payment, where it was asked.
    """

    cheque: str
    reason: str
    on: str | None = None
    text: str = ""
    fee: str | None = None
    told: TakenElsewhere | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A cheque with its payment and tender."""

    cheque: BankedCheque
    taken: TakenPayment
    tender: TakenTender


def find_cheque(desk: Desk, connection: Connection, name: str, states: Sequence[ChequeState]) -> Found:
    """The cheque of this id, serial number or receipt that is in one of ``states``.

    Raises Refused ``unknown_cheque``, ``cheque_state`` or ``which_cheque``.
    """
    cleaned = clean_reference(name, field="Cheque", limit=80)
    named = cheques_called(connection, cleaned, lies_in(desk))
    if not named:
        raise Refused("unknown_cheque", "There is no such cheque, and no receipt with one.", cheque=cleaned)
    fitting = [one for one in named if one.state in states]
    if not fitting:
        raise Refused(
            "cheque_state",
            f"Cheque {named[0].serial} is {named[0].state}: this cannot be done with it now.",
            cheque=named[0].cheque_id,
            state=str(named[0].state),
        )
    if len(fitting) > 1:
        raise Refused(
            "which_cheque",
            "Several cheques are called so. Name one by its id.",
            cheques=[one.cheque_id for one in fitting],
        )
    cheque = fitting[0]
    taken = taken_payment(connection, cheque.receipt)
    assert taken is not None, "a cheque came with a payment"
    tender = next(one for one in taken.tenders if one.cheque_id == cheque.cheque_id)
    return Found(cheque=cheque, taken=taken, tender=tender)


def plan_bounce(desk: Desk, connection: Connection, order: BounceOrder) -> tuple[Bounce, Found]:
    """All that the bounce does. Raises Refused ``bad_reason``, ``reason_required``, ``bank_date_impossible``,
    ``whose_cheque``, or what ``find_cheque`` raises.
    """
    policy = desk.policy.cheques.dishonour
    found = find_cheque(desk, connection, order.cheque, AT_THE_BANK)
    reason = policy.reason(order.reason)
    waived = _is_waived(order)
    cheque, taken, tender = found.cheque, found.taken, found.tender
    day = _bank_day(desk, connection, cheque, order.on)
    gone = gone_money(connection, tender.tender_id, tender.paid.currency)
    payor = _payor(desk, taken, gone)
    elsewhere = _paid_back_elsewhere(connection, found, order.told)
    gone = replace(
        gone, paid_back=gone.paid_back + total((one for _, one in elsewhere), gone.paid_back.currency)
    )
    undone = tuple(_without(taken.parts_of(tender.tender_id), elsewhere))
    charge = None
    if payor is not None:
        charge = _charge(
            desk,
            found,
            payor,
            gone,
            fee=_fee(desk, connection, found, reason, waived=waived),
        )
    # Walk-in buyers share one account and have nothing to do with one another.
    known = payor is not None and taken.payer_kind != PayerKind.WALK_IN
    score = None
    if payor is not None and known and reason.payors_fault:
        score = score_with(desk, connection, payor, day)
    opened = {part.account for part, _ in undone if part.bill_no is not None}
    return (
        Bounce(
            cheque_id=cheque.cheque_id,
            serial=cheque.serial,
            receipt=taken.receipt_number,
            amount=tender.paid,
            was=cheque.state,
            lay_in=_lay_in(connection, cheque),
            reason=reason,
            on=day,
            payor=payor,
            undone=undone,
            reopened=_due_days(desk, [part.bill_no for part, _ in undone if part.bill_no is not None]),
            cancelled=gone.pending,
            paid_back=gone.paid_back,
            found_for=total(gone.resolved.values(), tender.paid.currency),
            charge=charge,
            # Of a leg that was paid back wholly before, a bounce takes nothing off, and undoes nothing beside it.
            beside=standing_beside(connection, tender.tender_id, tender.paid.currency).of_legs(
                {part.leg for part, _ in undone}
            ),
            elsewhere=elsewhere,
            counted=0 if score is None else score.counted,
            cash_only_until=None if score is None else score.cash_only_until,
            back_there=tuple(
                stood.back_there
                for stood in dunning_before(connection, taken.payment_event_id)
                if stood.account in opened
            ),
            reconnected=tuple(
                account
                for account in reconnected_by(connection, tender.tender_id)
                if cheque.state is ChequeState.CLEARED or _is_trusted(desk, account)
            ),
        ),
        found,
    )


def _paid_back_elsewhere(
    connection: Connection, found: Found, told: TakenElsewhere | None
) -> tuple[tuple[TakenPart, Money], ...]:
    """What went back at another terminal, of the parts that central says it came off, else of the newest."""
    if told is None:
        return ()
    lacking = lacking_by_leg(connection, found.taken, told)
    parts = [
        part
        for part in found.taken.parts_of(found.tender.tender_id)
        if part.purpose not in (Purpose.ITEMS, Purpose.SUSPENSE)
    ]
    there: dict[tuple[int, str, str | None], int] = {}
    for part in told.taken.parts:
        place = (part.leg, part.account, part.bill_no)
        there[place] = there.get(place, 0) + part.left.minor
    gone = dict.fromkeys((part.part_id for part in parts), 0)

    def take(part: TakenPart, most: int) -> None:
        minor = min(most, part.left.minor - gone[part.part_id], lacking.get(part.leg, 0))
        if minor > 0:
            gone[part.part_id] += minor
            lacking[part.leg] -= minor

    for part in parts:
        place = (part.leg, part.account, part.bill_no)
        stays = min(part.left.minor, there.get(place, 0))
        there[place] = there.get(place, 0) - stays
        take(part, part.left.minor - stays)
    for part in parts:
        take(part, part.left.minor)
    return tuple(
        (part, Money(gone[part.part_id], part.left.currency)) for part in parts if gone[part.part_id]
    )


def _without(
    parts: Sequence[TakenPart], elsewhere: Sequence[tuple[TakenPart, Money]]
) -> Iterator[tuple[TakenPart, Money]]:
    """What is left of each part without what went back elsewhere."""
    gone = {part.part_id: amount for part, amount in elsewhere}
    for part in parts:
        left = part.left - gone[part.part_id] if part.part_id in gone else part.left
        if left:
            yield part, left


def _is_waived(order: BounceOrder) -> bool:
    if order.fee is None:
        return False
    if order.fee != NO_FEE:
        raise Refused("bad_field", f"The fee is as in the settings, or {NO_FEE}.", field="fee")
    if not clean_entry(order.text, field="Reason", limit=TEXT_MAX):
        raise Refused(
            "reason_required", "Say why no fee is charged; it is kept with your name.", field="text"
        )
    return True


def _fee(desk: Desk, connection: Connection, found: Found, reason: DishonourReason, *, waived: bool) -> Money:
    """The payor's fee, once a cheque unless the shop charges it each time."""
    policy, none = desk.policy.cheques.dishonour, zero(found.tender.paid.currency)
    if waived or not reason.payors_fault or policy.fee is None or policy.fee.currency != none.currency:
        return none
    if not policy.fee_again and fee_stands(connection, found.cheque.cheque_id):
        return none
    return policy.fee


def _charge(desk: Desk, found: Found, payor: str, gone: GoneMoney, *, fee: Money) -> Charge | None:
    in_currency = fee.currency
    goods = total(
        (part.left for part in found.taken.parts_of(found.tender.tender_id) if part.purpose is Purpose.ITEMS),
        in_currency,
    )
    recovered = goods + gone.paid_back + total(gone.resolved.values(), in_currency)
    if not recovered + fee:
        return None
    return Charge(
        account=payor,
        is_bill=found.taken.payer_kind != PayerKind.DEALER,
        recovered=recovered,
        fee=fee,
        tax=desk.policy.cheques.dishonour.tax_in(fee),
        tax_account=tax_account(
            rate_text(desk.policy.cheques.dishonour.fee_tax_rate), desk.policy.payments.tax_parts
        ),
    )


def _payor(desk: Desk, taken: TakenPayment, gone: GoneMoney) -> str | None:
    """Who paid with it; of money in suspense, whose it was found to be. None: nobody knows.

    Raises Refused ``whose_cheque`` where it was found to be several accounts' money.
    """
    if taken.payer_account != desk.policy.suspense_account:
        return taken.payer_account
    if len(gone.resolved) > 1:
        raise Refused(
            "whose_cheque",
            "The money of this cheque went from suspense to several accounts. Ask who paid with it, and bring it back "
            "to one of them first.",
            accounts=sorted(gone.resolved),
        )
    return next(iter(gone.resolved), None)


def _lay_in(connection: Connection, cheque: BankedCheque) -> str:
    """Where its money is in the ledger: in clearing until the bank has credited it."""
    if cheque.state is ChequeState.LODGED:
        return Ledger.CHEQUES_IN_CLEARING
    bank = credited_in(connection, cheque.cheque_id)
    assert bank is not None, "a bank credited it"
    return bank


def _bank_day(desk: Desk, connection: Connection, cheque: BankedCheque, on: str | None) -> date:
    """The bank's day: today unless it says another. Raises Refused ``bad_date`` or ``bank_date_impossible``."""
    today = business_date(desk.clock.now(), desk.policy.day_starts)
    earliest = min(lodged_on(connection, cheque.cheque_id) or today, today)
    day = today if on is None else read_date(on, field="Date")
    if not earliest <= day <= today:
        raise Refused(
            "bank_date_impossible",
            f"The bank's day is from {earliest} to today. Look at its letter.",
            earliest=earliest.isoformat(),
            latest=today.isoformat(),
        )
    return day


def _due_days(desk: Desk, bill_nos: Sequence[str]) -> Mapping[str, date]:
    """When each bill was due, where central has told: it is as old again as it was."""
    with desk.cache.read() as connection:
        found = (cached.bill_by_number(connection, bill_no) for bill_no in dict.fromkeys(bill_nos))
        return {bill.bill_no: bill.due_date for bill in found if bill is not None}


def _is_trusted(desk: Desk, account_id: str) -> bool:
    """Whether a cheque of this account counted as final at once."""
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    return account is not None and account.dealer_class in desk.policy.trusted_classes
