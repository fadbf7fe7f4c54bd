"""What becomes of a cheque in the register: on its date it is a payment of its own, before it may be given back.

The payment goes by the id that the cheque has in the register, so that it is one however often it is asked for. It pays
what is open on the day; whether a cheque of this account may be taken was asked when it was registered, and the paper
has been in the house since: a cap or a cash-only mark of later does not send it back. Source: domain.md 3.3 and rule 39.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.bill import BillState
from pos.domain.cheque import refuse_stale
from pos.domain.errors import DomainError, Refused
from pos.domain.money import Money
from pos.domain.payment_event import Overpayment, TenderOffered
from pos.domain.post_dated import PostDatedCheque, PostDatedState, step
from pos.domain.receipt import ReceiptFacts
from pos.domain.role import Grant, Person
from pos.domain.tender import instrument_of
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.payments import event_receipt
from pos.store.post_dated import KeptWish, RegisteredCheque, registered_cheque, slip_of_withdrawal, went_back
from pos.store.receipts import receipt_facts
from pos.store.times import utc_text
from pos.till.cheque_intake import refuse_taken_cheque
from pos.till.correction_entry import leave_others_shift
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import may_do, require_right
from pos.till.given_back import give_back
from pos.till.open_bills import open_bills
from pos.till.own_accounts import refuse_own_accounts
from pos.till.payment_order import AllocateOrder, PaymentOrder
from pos.till.take_payment import PaymentTaken, book_weighed, weigh
from pos.till.tendered import TenderRead, today_of

PAY, WITHDRAW = "pay_post_dated", "withdraw_post_dated"
REASON_MAX = 200
DUE_AT_ONCE_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeWithdrawn:
    """A cheque that was given back, with its slip. ``replayed`` True: it was before, nothing happened now."""

    cheque: PostDatedCheque
    slip: ReceiptFacts
    replayed: bool = False


def pay_post_dated(desk: Desk, person: Person, note: str, *, memo: Memo | None = None) -> PaymentTaken:
    """Book the cheque of this note as a payment, in the person's open shift: there it is counted with the others.

    What its payer chose is paid as far as it is still open, the rest is credit; where nobody chose, the oldest due.
    A cheque that is paid in already answers with the receipt that it has.

    Raises NotAuthorised, or Refused ``unknown_post_dated``, ``post_dated_state``, ``cheque_not_due``, ``cheque_stale``,
    ``cheque_taken_before`` (another shop took this very paper), ``no_open_shift``, ``shift_of_other``,
    ``unknown_account``, ``wrong_payer_kind`` or ``account_other_currency``, or ApprovalNeeded for an own account.
    """
    taken = _paid_before(desk, person, note) or perform(
        desk, person, PAY, lambda deed: _pay(deed, note), memo=memo
    )
    desk.touched_bills.extend(part.bill_no for part in taken.receipt.allocations if part.bill_no is not None)
    desk.touched_accounts.extend(dict.fromkeys(part.account for part in taken.receipt.allocations))
    return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePaidIn:
    """What became of several due cheques: the payments, and by its note why another is none."""

    taken: tuple[PaymentTaken, ...]
    refused: Mapping[str, DomainError]


def pay_all_due(desk: Desk, person: Person, notes: Sequence[str]) -> DuePaidIn:
    """Book each of these cheques as ``pay_post_dated`` does: one that is refused leaves the others as they are."""
    taken: list[PaymentTaken] = []
    refused: dict[str, DomainError] = {}
    for note in notes[DUE_AT_ONCE_MAX:]:
        refused[note] = Refused("too_many_cheques", f"Pay in {DUE_AT_ONCE_MAX} at once, then the others.")
    for note in notes[:DUE_AT_ONCE_MAX]:
        try:
            taken.append(pay_post_dated(desk, person, note))
        except DomainError as refusal:
            refused[note] = refusal
    return DuePaidIn(taken=tuple(taken), refused=refused)


def withdraw_post_dated(
    desk: Desk, person: Person, note: str, reason: str, *, memo: Memo | None = None
) -> ChequeWithdrawn:
    """Give the cheque of this note back to whoever gave it, with a numbered slip; it may come in again.

    Raises NotAuthorised, or Refused ``unknown_post_dated``, ``post_dated_state``, ``reason_missing``, ``no_open_shift`` or
    ``shift_of_other``.
    """

    def work(deed: Deed) -> ChequeWithdrawn:
        if require_right(desk, WITHDRAW, person) is Grant.LIMIT:
            deed.require_shift()
        leave_others_shift(deed)
        why = clean_entry(reason, field="Reason", limit=REASON_MAX)
        if not why:
            raise Refused("reason_missing", "Say why the cheque is given back.", field="reason")
        deed.reason_code = why
        return withdraw_within(deed, find_registered(deed, note), why)

    return _withdrawn_before(desk, person, note) or perform(desk, person, WITHDRAW, work, memo=memo)


def find_registered(deed: Deed, note: str) -> RegisteredCheque:
    """The cheque of this note. Raises Refused ``unknown_post_dated``."""
    number = deed.subject = clean_reference(note, field="Note", limit=40).upper()
    held = registered_cheque(deed.unit.connection, number)
    if held is None or not deed.person.may_see(held.entry.payer_account):
        raise Refused(
            "unknown_post_dated", f"There is no post-dated cheque with note {number} here.", note=number
        )
    return held


def withdraw_within(
    deed: Deed, held: RegisteredCheque, reason: str, *, act: str = WITHDRAW
) -> ChequeWithdrawn:
    """Write, in a transaction that has begun, that a cheque is given back.

    Raises Refused ``post_dated_state``, or ApprovalNeeded for an own account.
    """
    step(held.entry.state, PostDatedState.WITHDRAWN)
    entry = held.entry
    what = f"give back the post-dated cheque {entry.serial} of {entry.payer_account}"
    with deed.desk.cache.read() as connection:
        account = cached.account_by_id(connection, entry.payer_account)
    refuse_own_accounts(deed, act, {"note": entry.note}, what, [] if account is None else [account])
    slip = give_back(
        deed,
        held.cheque,
        held.details,
        mode=deed.desk.modes[held.mode],
        payer_kind=str(held.payer_kind),
        payer_account=held.entry.payer_account,
        payer_name=held.entry.payer_name,
        notes=(
            f"Note {held.entry.note} is void. Nothing was paid with this cheque.",
            f"Reason: {reason}",
        ),
    )
    _step(deed, held, PostDatedState.WITHDRAWN, reason=reason, receipt_number=slip.receipt_number)
    return ChequeWithdrawn(cheque=held.entry, slip=slip)


def _paid_before(desk: Desk, person: Person, note: str) -> PaymentTaken | None:
    """A double Enter or a retry meets the payment that it booked itself."""
    held, receipt = _as_it_stands(desk, person, PAY, note, PostDatedState.CREDITED)
    if held is None or receipt is None:
        return None
    with desk.till.read() as connection:
        if went_back(connection, held.post_dated_id):
            return None  # Its state refuses it.
    return PaymentTaken(
        payment_event_id=held.post_dated_id, receipt=receipt, opens_drawer=False, replayed=True
    )


def _withdrawn_before(desk: Desk, person: Person, note: str) -> ChequeWithdrawn | None:
    held, slip = _as_it_stands(desk, person, WITHDRAW, note, PostDatedState.WITHDRAWN)
    return None if held is None or slip is None else ChequeWithdrawn(cheque=held, slip=slip, replayed=True)


def _as_it_stands(
    desk: Desk, person: Person, act: str, note: str, state: PostDatedState
) -> tuple[PostDatedCheque | None, ReceiptFacts | None]:
    """The cheque of this note and the paper with which it left the register, where it left it to ``state``."""
    if not may_do(desk, act, person):
        return None, None
    with desk.till.read() as connection:
        held = registered_cheque(connection, note.strip().upper())
        if held is None or held.entry.state is not state or not person.may_see(held.entry.payer_account):
            return None, None
        number = _left_with(connection, held.entry)
        return held.entry, None if number is None else receipt_facts(connection, number)


def _left_with(connection: Connection, entry: PostDatedCheque) -> str | None:
    if entry.state is PostDatedState.CREDITED:
        return event_receipt(connection, entry.post_dated_id)
    return slip_of_withdrawal(connection, entry.post_dated_id)


def _pay(deed: Deed, note: str) -> PaymentTaken:
    deed.require_shift()
    held = find_registered(deed, note)
    entry, cheque, today = held.entry, held.cheque, today_of(deed)
    step(entry.state, PostDatedState.CREDITED)
    if entry.dated > today:
        raise Refused(
            "cheque_not_due",
            f"The cheque is dated {entry.dated}: it is no payment before. Withdraw it to take another way to pay.",
            note=entry.note,
            date=entry.dated.isoformat(),
        )
    refuse_stale(cheque, deed.desk.policy.cheques, today=today)
    # Only now is it no cheque of the register any more, and may be one that was taken.
    _step(deed, held, PostDatedState.CREDITED, payment_event_id=entry.post_dated_id)
    refuse_taken_cheque(deed, cheque)
    order = PaymentOrder(
        payment_event_id=entry.post_dated_id,
        payer_kind=held.payer_kind,
        payer_account=entry.payer_account,
        tenders=(),
        allocate=wishes_now(deed, held, entry.amount),
        overpayment=Overpayment.CREDIT,
    )
    mode = deed.desk.modes[held.mode]
    tender = TenderRead(
        offered=TenderOffered(
            mode=mode,
            amount=entry.amount,
            details=held.details,
            instrument=instrument_of(mode, held.details, entry.amount),
        ),
        cheque=cheque,
    )
    weighed = weigh(deed, order, read=[tender])
    return book_weighed(deed, order, weighed, notes=[f"Registered before with note {entry.note}."])


def wishes_now(deed: Deed, held: RegisteredCheque, amount: Money) -> list[AllocateOrder]:
    """What the payer chose when the cheque came, as far as it is open now and ``amount`` goes; empty: the oldest due.

    A bill that was paid or withdrawn meanwhile is left out; what was meant for it is credit.
    """
    chosen = [wish for wish in held.wishes if not wish.by_default]
    if not chosen:
        return []
    made: list[AllocateOrder] = []
    left = amount
    for wish, reach in _reaches(deed, chosen):
        part = min(left, reach)
        if part:
            made.append(AllocateOrder(bill=wish.bill_no, account=wish.account, amount=part.plain()))
            left = left - part
    return made or [AllocateOrder(account=held.entry.payer_account, amount=amount.plain())]


def _reaches(deed: Deed, wishes: list[KeptWish]) -> Iterator[tuple[KeptWish, Money]]:
    """Each wish with the most that may be set against it now."""
    pay_disputed = deed.desk.policy.payments.pay_disputed
    with deed.desk.cache.read() as connection:
        for wish in wishes:
            if wish.bill_no is None:
                known = wish.account is None or cached.account_by_id(connection, wish.account) is not None
                if known and wish.amount is not None:
                    yield wish, wish.amount
                continue
            bill = cached.bill_by_number(connection, wish.bill_no)
            if bill is None or not deed.person.may_see(bill.account) or bill.state is BillState.ON_HOLD:
                continue
            (now,) = open_bills(deed.unit.connection, [bill])
            reach = now.open if pay_disputed and wish.amount is not None else now.payable
            yield wish, reach if wish.amount is None else min(reach, wish.amount)


def _step(
    deed: Deed,
    held: RegisteredCheque,
    state: PostDatedState,
    *,
    reason: str | None = None,
    payment_event_id: str | None = None,
    receipt_number: str | None = None,
) -> None:
    deed.unit.insert(
        "post_dated_event",
        {
            "post_dated_id": held.entry.post_dated_id,
            "number": held.steps + 1,
            "state": str(state),
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "reason": reason,
            "payment_event_id": payment_event_id,
            "receipt_number": receipt_number,
        },
    )
