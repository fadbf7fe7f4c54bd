"""A cheque in the shop goes back to whoever gave it: alone, or with another way to pay in its place in the same moment.

What a taken cheque had paid is undone as a cancelled tender is, and paid again by what comes in its place, exactly; one of
the register of post-dated cheques was no payment, and only leaves it. Source: domain.md 3.3 and rules 37 and 39.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from pos.domain.allocation import allocate_oldest_first
from pos.domain.cheque import Cheque, ChequeState
from pos.domain.correction import CorrectionReason, TakenPayment, TakenTender
from pos.domain.deposit import BankedCheque
from pos.domain.errors import Refused
from pos.domain.ids import check_id
from pos.domain.money import Money, parse_amount, total, zero
from pos.domain.payment_event import MAX_ALLOCATIONS, Overpayment
from pos.domain.payment_mode import ModeKind, PayerKind, Purpose
from pos.domain.receipt import ReceiptFacts
from pos.domain.role import Grant, Person
from pos.domain.text_guard import clean_reference
from pos.store.cache import bill_by_number, bills_of_account
from pos.store.deposits import named_cheques
from pos.store.dishonours import last_dishonour, parts_undone_by
from pos.store.post_dated import RegisteredCheque, registered_cheque
from pos.store.shifts import Shift
from pos.store.times import utc_text
from pos.till.cheque_told import tell_of_cheque
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    corrected,
    find_taken,
    leave_others_shift,
    read_order,
    reason_in_words,
)
from pos.till.corrections import cancel_tender
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.due_cheques import ChequeWithdrawn, wishes_now, withdraw_within
from pos.till.gate import require_right
from pos.till.given_back import give_back
from pos.till.large_cash import IdentityOrder
from pos.till.open_bills import open_bills
from pos.till.payment_order import AllocateOrder, PaymentOrder, TenderOrder
from pos.till.post_dated import ChequeRegistered, is_post_dated, register_within
from pos.till.swaps import as_paid
from pos.till.take_payment import PaymentTaken, take_within
from pos.till.what_to_bank import lies_in

RETURN, REPLACE = "return_cheque", "replace_cheque"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOrder:
    """Which cheque goes back (its id, its receipt or its note), and why, by code and in words."""

    cheque: str
    reason: str = CorrectionReason.CUSTOMER_WISH
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceOrder:
    """A cheque that goes back, and what is given in its place; ``payment_event_id`` is the new payment's.

    ``confirmed`` are the codes of the warnings that were overruled, ``confirmed_for`` why.
    """

    back: ReturnOrder
    payment_event_id: str
    tenders: Sequence[TenderOrder]
    decimal_marks: str = "."
    confirmed: Sequence[str] = ()
    confirmed_for: str | None = None
    identity: IdentityOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """The slip of a bounced cheque: what it had paid was taken off when it bounced, and is owed."""

    slip: ReceiptFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeReturned:
    """A cheque that went back: its payment's correction, its leaving of the register, or a slip alone."""

    serial: str
    corrected: Corrected | None = None
    withdrawn: ChequeWithdrawn | None = None
    handed_back: HandedBack | None = None

    @property
    def deed(self) -> Corrected | ChequeWithdrawn | HandedBack:
        """Which of the three it was."""
        done = self.corrected or self.withdrawn or self.handed_back
        assert done is not None
        return done

    @property
    def paper(self) -> ReceiptFacts:
        """What is printed for whoever gets the cheque."""
        deed = self.deed
        return deed.paper if isinstance(deed, Corrected) else deed.slip


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeReplaced:
    """A cheque that went back, and what was taken or registered in its place."""

    back: ChequeReturned
    instead: PaymentTaken | ChequeRegistered


@dataclass(frozen=True, slots=True, kw_only=True)
class _InHand:
    """A cheque that was taken and lies in the shop, with its payment and tender."""

    cheque: BankedCheque
    taken: TakenPayment
    tender: TakenTender


def return_cheque(
    desk: Desk, person: Person, order: ReturnOrder, *, memo: Memo | None = None
) -> ChequeReturned:
    """Give a cheque back that lies in the shop and is on no deposit slip; what it had paid is owed again. One that has
    bounced goes back with a slip alone.

    Who has the right within a limit gives back in the own shift what that shift took, and from the register. Raises
    NotAuthorised, ApprovalNeeded, or Refused ``unknown_cheque``, ``which_cheque``, ``cheque_on_its_way``,
    ``not_this_shift``, ``post_dated_state`` or what ``reverse`` raises of one tender.
    """

    def work(deed: Deed) -> ChequeReturned:
        return _return(deed, RETURN, order, _find(deed, order))

    done = perform(desk, person, RETURN, work, memo=memo, alone=True)
    _catch_up(desk, done)
    return done


def replace_cheque(
    desk: Desk, person: Person, order: ReplaceOrder, *, memo: Memo | None = None
) -> ChequeReplaced:
    """Give a cheque back and take other tenders in its place, for just what it had paid or was to pay. In place of one that
    has bounced its amount is taken for what the bounce opened and recovered.

    A single post-dated cheque is registered in its place. Raises as ``return_cheque``, ``take_payment`` or
    ``register_cheque``, and Refused ``cheque_not_replaced`` where a voucher or a card terminal has a part in it.
    """
    _require_plain(desk, order)
    later = is_post_dated(desk, _payment(order, PayerKind.SUBSCRIBER, None, ()))

    def work(deed: Deed) -> ChequeReplaced:
        deed.require_shift()
        found = _find(deed, order.back)
        asked = _instead(deed, order, found)
        back = _return(deed, REPLACE, order.back, found, paid_anew=True)
        instead = (
            register_within(deed, asked)
            if later
            else take_within(
                deed, asked, notes=[f"In place of cheque {back.serial}, {back.paper.receipt_number}."]
            )
        )
        _write_link(deed, found, order.payment_event_id, later=later)
        return ChequeReplaced(back=back, instead=instead)

    done = perform(desk, person, REPLACE, work, memo=memo, alone=True)
    _catch_up(desk, done.back)
    if isinstance(done.instead, PaymentTaken):
        parts = done.instead.receipt.allocations
        desk.touched_bills.extend(part.bill_no for part in parts if part.bill_no is not None)
        desk.touched_accounts.extend(dict.fromkeys(part.account for part in parts))
    return done


def _catch_up(desk: Desk, done: ChequeReturned) -> None:
    if done.corrected is not None:
        corrected(desk, done.corrected)


def _require_plain(desk: Desk, order: ReplaceOrder) -> None:
    """What central holds, or a card terminal is to charge, is asked for before a payment begins, not within one."""
    if any(
        tender.attempt is not None or desk.modes[tender.mode].kind is ModeKind.VOUCHER
        for tender in order.tenders
    ):
        raise Refused(
            "cheque_not_replaced",
            "A voucher, or a card at the terminal, is no part of this. Give the cheque back, then take the payment anew.",
        )


def _find(deed: Deed, order: ReturnOrder) -> _InHand | RegisteredCheque:
    name = deed.subject = clean_reference(order.cheque, field="Cheque", limit=80)
    held = registered_cheque(deed.unit.connection, name.upper())
    if held is not None and deed.person.may_see(held.entry.payer_account):
        read_order(deed, _correction(order, held.entry.note))
        return held
    cheque = cheque_in_hand(deed.unit.connection, deed.desk, name)
    taken = find_taken(deed, _correction(order, cheque.receipt))
    tender = next(one for one in taken.tenders if one.cheque_id == cheque.cheque_id)
    return _InHand(cheque=cheque, taken=taken, tender=tender)


def _correction(order: ReturnOrder, receipt: str, tender: int | None = None) -> CorrectionOrder:
    return CorrectionOrder(receipt=receipt, reason=order.reason, text=order.text, tender=tender)


def _return(
    deed: Deed, act: str, order: ReturnOrder, found: _InHand | RegisteredCheque, *, paid_anew: bool = False
) -> ChequeReturned:
    limited = require_right(deed.desk, act, deed.person) is Grant.LIMIT
    shift = deed.require_shift() if limited else deed.shift
    if isinstance(found, RegisteredCheque):
        leave_others_shift(deed)
        words = reason_in_words(_correction(order, found.entry.note))
        done = withdraw_within(deed, found, words, act=act)
        return ChequeReturned(serial=found.entry.serial, withdrawn=done)
    if found.cheque.state is ChequeState.DISHONOURED:
        leave_others_shift(deed)
        words = reason_in_words(_correction(order, found.taken.receipt_number))
        return ChequeReturned(
            serial=found.cheque.serial, handed_back=_hand_back(deed, found, words, replaced=paid_anew)
        )
    if limited:
        require_of_shift(found.taken, shift)
    if deed.shift is not None and found.taken.shift_id == deed.shift.shift_id:
        # The paper leaves the drawer of that shift, whoever gives it back: it is not counted there any more.
        deed.beside_owner = True
        deed.require_shift()
    else:
        _require_counted(found)
        leave_others_shift(deed)
    asked = _correction(order, found.taken.receipt_number, found.tender.number)
    how = f"number {found.cheque.serial} of bank {found.cheque.bank} is handed back"
    done_by = cancel_tender(deed, act, found.taken, asked, how=how, paid_anew=paid_anew)
    return ChequeReturned(serial=found.cheque.serial, corrected=done_by)


def _require_counted(found: _InHand) -> None:
    """A cheque of another shift that is still open lies in that drawer. Raises Refused ``shift_not_closed``."""
    if found.cheque.in_open_shift:
        raise Refused(
            "shift_not_closed",
            f"Cheque {found.cheque.serial} is in a shift that is still open: it is counted there. Close the shift first.",
            cheque=found.cheque.cheque_id,
        )


def _hand_back(deed: Deed, found: _InHand, reason: str, *, replaced: bool) -> HandedBack:
    """A bounced cheque to its payor, with a slip; nothing is booked, for it pays nothing any more."""
    cheque, taken = found.cheque, found.taken
    details = {
        "bank": cheque.bank,
        "branch": cheque.branch,
        "serial": cheque.serial,
        "date": cheque.dated.isoformat(),
    }
    slip = give_back(
        deed,
        Cheque(
            bank=cheque.bank,
            branch=cheque.branch,
            account="",
            serial=cheque.serial,
            drawer=cheque.drawer,
            dated=cheque.dated,
            amount=cheque.amount,
        ),
        {name: value for name, value in details.items() if value},
        mode=deed.desk.modes[found.tender.mode],
        payer_kind=taken.payer_kind,
        payer_account=taken.payer_account,
        payer_name="",
        notes=(
            f"It paid receipt {taken.receipt_number} and has bounced: what it paid is owed.",
            f"Reason: {reason}",
        ),
    )
    to, number = ChequeState.REPLACED if replaced else ChequeState.RETURNED, found.tender.cheque_events + 1
    deed.unit.insert(
        "cheque_event",
        {
            "cheque_id": cheque.cheque_id,
            "number": number,
            "state": str(to),
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "reason": slip.receipt_number,
        },
    )
    tell_of_cheque(deed, cheque.cheque_id, number, f"{to}-{number}")
    return HandedBack(slip=slip)


def require_of_shift(taken: TakenPayment, shift: Shift | None) -> None:
    """Who has the right within a limit has it in the own shift. Raises Refused ``not_this_shift``."""
    if shift is None or taken.shift_id != shift.shift_id:
        raise Refused(
            "not_this_shift",
            f"Receipt {taken.receipt_number} is of another shift. A supervisor or the back office may do this.",
            receipt=taken.receipt_number,
        )


def cheque_in_hand(connection: Connection, desk: Desk, name: str) -> BankedCheque:
    """The cheque of this id or receipt that lies here, bounced or not.

    Raises Refused ``unknown_cheque``, ``cheque_on_its_way`` or ``which_cheque``.
    """
    named = named_cheques(connection, name, lies_in(desk))
    if not named:
        raise Refused("unknown_cheque", "There is no such cheque, and no receipt with one.", cheque=name)
    if len(named) > 1:
        # Whatever became of the others: said again, the same must never mean another one.
        raise Refused(
            "which_cheque",
            "Several cheques came with this receipt. Name one by its id.",
            cheques=[one.cheque_id for one in named],
        )
    (cheque,) = named
    if cheque.state not in (ChequeState.RECEIVED, ChequeState.DISHONOURED):
        raise Refused(
            "cheque_on_its_way",
            f"Cheque {cheque.serial} is {cheque.state}: it does not lie here to be given back.",
            cheque=cheque.cheque_id,
            state=str(cheque.state),
        )
    return cheque


def receipt_of_cheque(desk: Desk, cheque: str) -> str:
    """The receipt of the payment that this cheque (its id, receipt or note) made; what it is called, where there is none."""
    with desk.till.read() as connection:
        named = named_cheques(connection, cheque.strip(), lies_in(desk))
    return named[0].receipt if named else cheque


def _instead(deed: Deed, order: ReplaceOrder, found: _InHand | RegisteredCheque) -> PaymentOrder:
    """The payment in place of the cheque: what it had paid, or what it was to pay as far as that is open."""
    if isinstance(found, RegisteredCheque):
        return _payment(order, found.payer_kind, found.entry.payer_account, _was_to_pay(deed, found))
    taken = found.taken
    if found.cheque.state is ChequeState.DISHONOURED:
        return _payment(order, PayerKind(taken.payer_kind), taken.payer_account, _bounced_bills(deed, found))
    parts = taken.parts_of(found.tender.tender_id)
    if any(part.purpose is Purpose.SUSPENSE for part in parts):
        raise Refused(
            "cheque_not_replaced",
            "Nobody knows whose money this cheque is. Give it back, then take the payment anew.",
        )
    wishes = list(as_paid(replace(part, amount=part.left) for part in reversed(parts)))
    return _payment(order, PayerKind(taken.payer_kind), taken.payer_account, wishes)


def _bounced_bills(deed: Deed, found: _InHand) -> list[AllocateOrder]:
    """Where the bounce took the cheque's money from, as far as bills are open again, also where it had been moved to; then
    what it charged for money that had left. The rest of its amount is credit.
    """
    connection, left = deed.unit.connection, found.cheque.amount
    bounce = last_dishonour(connection, found.cheque.cheque_id)
    assert bounce is not None, "a dishonoured cheque has its bounce"
    wanted = [
        (part, amount)
        for part, amount in parts_undone_by(connection, bounce.correction_id, left.currency)
        if part.purpose not in (Purpose.ITEMS, Purpose.SUSPENSE)
    ]
    made: dict[tuple[str, str | None, Purpose], Money] = {}

    def give(account: str, bill_no: str | None, purpose: Purpose, most: Money) -> None:
        nonlocal left
        key, none = (account, bill_no, purpose), zero(left.currency)
        reach = min(most, left)
        if bill_no is not None:
            reach = min(reach, _open_of(deed, bill_no, none) - made.get(key, none))
        if reach:
            made[key] = made.get(key, none) + reach
            left = left - reach

    for part, amount in wanted:
        give(part.account, part.bill_no, part.purpose, amount)
    if bounce.bill_no is not None and bounce.charge_account is not None:
        give(bounce.charge_account, bounce.bill_no, Purpose.BILLS, bounce.recovered)
    give(found.taken.payer_account, None, Purpose.ACCOUNT, left)
    return [
        AllocateOrder(bill=bill_no, account=account, amount=amount.plain())
        if bill_no is not None
        else AllocateOrder(account=account, amount=amount.plain(), keep_as=purpose)
        for (account, bill_no, purpose), amount in made.items()
    ]


def _open_of(deed: Deed, bill_no: str, none: Money) -> Money:
    with deed.desk.cache.read() as connection:
        bill = bill_by_number(connection, bill_no)
    return none if bill is None else open_bills(deed.unit.connection, [bill])[0].open


def _was_to_pay(deed: Deed, held: RegisteredCheque) -> list[AllocateOrder]:
    """What a cheque of the register would pay if it were paid in now, to its whole amount: so cash over it is change.

    What nobody chose stays marked so, for a later cheque in its place pays what is due on its own day.
    """
    entry = held.entry
    wishes = wishes_now(deed, held, entry.amount)
    if not wishes:
        with deed.desk.cache.read() as connection:
            known = bills_of_account(connection, entry.payer_account, open_only=True)
        own = [bill for bill in known if bill.remaining.currency == entry.amount.currency]
        parts, _ = allocate_oldest_first(entry.amount, open_bills(deed.unit.connection, own))
        wishes = [
            AllocateOrder(bill=part.bill_no, amount=part.amount.plain(), by_default=True)
            for part in parts[: MAX_ALLOCATIONS - 1]
        ]
    chosen = (parse_amount(wish.amount or "", entry.amount.currency) for wish in wishes)
    over = entry.amount - total(chosen, entry.amount.currency)
    if over:
        wishes.append(AllocateOrder(account=entry.payer_account, amount=over.plain(), by_default=True))
    return wishes


def _payment(
    order: ReplaceOrder, kind: PayerKind, account: str | None, allocate: Sequence[AllocateOrder]
) -> PaymentOrder:
    return PaymentOrder(
        payment_event_id=check_id(order.payment_event_id, field="Payment"),
        payer_kind=kind,
        payer_account=account,
        tenders=order.tenders,
        allocate=allocate,
        overpayment=Overpayment.CHANGE,
        decimal_marks=order.decimal_marks,
        # It is paid a second time, and everybody knows.
        confirmed=(*order.confirmed, "possible_double"),
        reason=order.confirmed_for,
        identity=order.identity,
    )


def _write_link(deed: Deed, found: _InHand | RegisteredCheque, payment_event_id: str, *, later: bool) -> None:
    registered = isinstance(found, RegisteredCheque)
    old = found.entry.post_dated_id if isinstance(found, RegisteredCheque) else found.cheque.cheque_id
    deed.unit.insert(
        "cheque_replacement",
        {
            "replaced_id": old,
            "cheque_id": None if registered else old,
            "post_dated_id": old if registered else None,
            "payment_event_id": None if later else payment_event_id,
            "registered_id": payment_event_id if later else None,
        },
    )
