"""Moving money that was credited wrongly: to another account, or to other bills of the same one. No tender, no drawer.

It stays the money of the tender that brought it, so that a cheque that bounces later takes it back from where it went.
Source: domain.md 3.7 and rules 29 to 33.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.allocation import Allocation, Chooser, allocate_oldest_first
from pos.domain.bill import BillSnapshot, OpenBill
from pos.domain.correction import CorrectionKind, TakenPart, TakenPayment
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_amount, total, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.posting import JournalLine, credit, ledger_of
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.store.corrections import sure_tenders, times_moved
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    Entry,
    corrected,
    find_taken,
    leave_others_shift,
    off_the_accounts,
    require_approval,
    write_correction,
)
from pos.till.corrections import find_payment
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.known_accounts import unknown_account
from pos.till.open_bills import open_bills
from pos.till.refunds import take_off

TRANSFER, REALLOCATE = "transfer", "reallocate"
MOVABLE = frozenset({Purpose.BILLS, Purpose.ACCOUNT, Purpose.ADVANCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOrder:
    """Which payment, to which ``account`` (None: the same one), how much (None: all that may be), why.

    ``bills`` are (bill, amount as typed) that the money is meant for; without any the oldest due are paid first where it
    goes to another account, and it is credit where it stays on its own.
    """

    receipt: str
    reason: str
    account: str | None = None
    amount: str | None = None
    bills: Sequence[tuple[str, str]] = ()
    text: str = ""
    decimal_marks: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a move does: how much of which part is taken off, and where it goes instead."""

    taken: TakenPayment
    account: str
    amount: Money
    undone: Sequence[tuple[TakenPart, Money]]
    goes_to: Sequence[Allocation]

    @property
    def content(self) -> dict[str, object]:
        """To which an approval is bound."""
        return {
            "receipt": self.taken.receipt_number,
            "account": self.account,
            "amount": self.amount.minor,
            "bills": [(part.bill_no, part.amount.minor) for part in self.goes_to],
        }


def transfer(desk: Desk, person: Person, order: MoveOrder, *, memo: Memo | None = None) -> Corrected:
    """Move a payment, or a part of it, to another account.

    Raises NotAuthorised, ApprovalNeeded, or Refused ``unknown_receipt``, ``payment_corrected``, ``unknown_account``,
    ``same_account``, ``account_other_currency``, ``wrong_payer_kind``, ``nothing_to_move``, ``more_than_movable``,
    ``transfer_chain``, ``bill_not_open`` or what reading amounts and reasons raises.
    """

    def work(deed: Deed) -> Corrected:
        asked = CorrectionOrder(receipt=order.receipt, reason=order.reason, text=order.text)
        move = _plan_transfer(desk, person, deed.unit.connection, find_taken(deed, asked), order)
        from_ = ", ".join(dict.fromkeys(part.account for part, _ in move.undone))
        what = f"transfer {move.amount} of receipt {move.taken.receipt_number} from {from_} to {move.account}"
        require_approval(deed, TRANSFER, move.taken, move.content, what, move.amount, accounts=[move.account])
        return _move(deed, CorrectionKind.TRANSFER, asked, move)

    return corrected(desk, perform(desk, person, TRANSFER, work, memo=memo, alone=True))


def preview_transfer(desk: Desk, person: Person, order: MoveOrder) -> Move:
    """What ``transfer`` would do now; nothing is booked. Raises as it does, but for approval and reason."""
    taken = find_payment(desk, person, order.receipt)
    with desk.till.read() as connection:
        return _plan_transfer(desk, person, connection, taken, order)


def reallocate(desk: Desk, person: Person, order: MoveOrder, *, memo: Memo | None = None) -> Corrected:
    """Set a payment, or a part of it, against other bills of its account, or keep it there as credit.

    Raises as ``transfer``.
    """

    def work(deed: Deed) -> Corrected:
        asked = CorrectionOrder(receipt=order.receipt, reason=order.reason, text=order.text)
        move = _plan_reallocation(desk, person, deed.unit.connection, find_taken(deed, asked), order)
        what = f"move {move.amount} of receipt {move.taken.receipt_number} on {move.account}"
        require_approval(deed, REALLOCATE, move.taken, move.content, what, move.amount)
        return _move(deed, CorrectionKind.REALLOCATION, asked, move)

    return corrected(desk, perform(desk, person, REALLOCATE, work, memo=memo, alone=True))


def preview_reallocation(desk: Desk, person: Person, order: MoveOrder) -> Move:
    """What ``reallocate`` would do now; nothing is booked. Raises as it does, but for approval and reason."""
    taken = find_payment(desk, person, order.receipt)
    with desk.till.read() as connection:
        return _plan_reallocation(desk, person, connection, taken, order)


def bills_for(desk: Desk, person: Person, taken: TakenPayment) -> list[OpenBill]:
    """The open bills of the account that a payment is of: what it may be set against instead. Raises NotAuthorised."""
    require_enquiry(desk, person)
    with desk.cache.read() as cache:
        told = cached.bills_of_account(cache, taken.payer_account, open_only=False)
    with desk.till.read() as connection:
        found = open_bills(
            connection, [bill for bill in told if bill.remaining.currency == taken.amount.currency]
        )
    return [bill for bill in found if bill.is_open]


def _plan_transfer(
    desk: Desk, person: Person, connection: Connection, taken: TakenPayment, order: MoveOrder
) -> Move:
    account = _account(desk, person, order.account or "", taken)
    if account.account in taken.accounts and len(taken.accounts) == 1:
        raise Refused("same_account", f"The money is on {account.account}: move it to other bills instead.")
    _require_chain(desk, connection, taken)
    parts = [part for part in _movable(desk, connection, taken) if part.account != account.account]
    amount = _amount(order, parts, taken)
    return Move(
        taken=taken,
        account=account.account,
        amount=amount,
        undone=take_off(parts, amount),
        goes_to=_places(desk, connection, order, account, amount),
    )


def _plan_reallocation(
    desk: Desk, person: Person, connection: Connection, taken: TakenPayment, order: MoveOrder
) -> Move:
    account = _account(desk, person, order.account or taken.payer_account, taken)
    wanted = frozenset(clean_reference(bill, field="Bill", limit=40) for bill, _ in order.bills)
    parts = [
        part
        for part in _movable(desk, connection, taken)
        if part.account == account.account
        and (part.bill_no not in wanted if wanted else part.bill_no is not None)
    ]
    amount = _amount(order, parts, taken, named=bool(wanted))
    return Move(
        taken=taken,
        account=account.account,
        amount=amount,
        undone=take_off(parts, amount),
        goes_to=_places(desk, connection, order, account, amount, spread=False),
    )


def _account(desk: Desk, person: Person, account_id: str, taken: TakenPayment) -> CachedAccount:
    """Where the money goes: an account of the payer's kind, in the payment's currency."""
    cleaned = clean_reference(account_id, field="Account", limit=40)
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, cleaned)
    if account is None or not person.may_see(cleaned):
        raise unknown_account(desk, cleaned)
    if account.currency != taken.amount.currency:
        raise Refused(
            "account_other_currency", f"Account {cleaned} is kept in {account.currency}.", account=cleaned
        )
    is_dealer = account.kind is PayerKind.DEALER
    if is_dealer is not (taken.payer_kind == PayerKind.DEALER):
        raise Refused("wrong_payer_kind", f"Account {cleaned} is a {account.kind}'s.", account=cleaned)
    return account


def _require_chain(desk: Desk, connection: Connection, taken: TakenPayment) -> None:
    most = desk.policy.corrections.transfers_max
    if times_moved(connection, taken.payment_event_id) >= most:
        raise Refused(
            "transfer_chain",
            f"This payment was moved {most} times. Refund it, or ask the back office.",
            receipt=taken.receipt_number,
        )


def _movable(desk: Desk, connection: Connection, taken: TakenPayment) -> list[TakenPart]:
    """Sure money on bills and accounts, the newest first; a voucher's is bound to what it paid."""
    sure = sure_tenders(connection, taken.payment_event_id, desk.modes)
    return [
        part
        for tender in reversed(taken.tenders)
        if tender.tender_id in sure and not tender.undone and not tender.is_voucher
        for part in taken.parts_of(tender.tender_id)
        if part.purpose in MOVABLE
    ]


def _amount(
    order: MoveOrder, parts: Sequence[TakenPart], taken: TakenPayment, *, named: bool = False
) -> Money:
    most = total((part.left for part in parts), taken.amount.currency)
    if not most:
        raise Refused(
            "nothing_to_move",
            f"Nothing of receipt {taken.receipt_number} may be moved: it was, or its money is not sure yet.",
            receipt=taken.receipt_number,
        )

    def read(text: str) -> Money:
        return parse_amount(text, taken.amount.currency, decimal_marks=order.decimal_marks)

    if order.amount is not None:
        amount = read(order.amount)
    elif named:
        amount = total((read(text) for _, text in order.bills), taken.amount.currency)
    else:
        amount = most
    if amount > most:
        raise Refused(
            "more_than_movable", f"At most {most} may be moved.", ceiling=most.plain(), field="amount"
        )
    return amount


def _places(
    desk: Desk,
    connection: Connection,
    order: MoveOrder,
    account: CachedAccount,
    amount: Money,
    *,
    spread: bool = True,
) -> list[Allocation]:
    """Where ``amount`` goes on ``account``: the named bills, else (``spread``) the oldest due, the rest as credit."""
    with desk.cache.read() as cache:
        told = cached.bills_of_account(cache, account.account, open_only=False)
    known: dict[str, BillSnapshot] = {
        bill.bill_no: bill for bill in told if bill.remaining.currency == amount.currency
    }
    found = open_bills(connection, known.values())
    by_number = {bill.bill.bill_no: bill for bill in found}
    placed: list[Allocation] = []
    left = amount
    if order.bills:
        for number, text in order.bills:
            bill = by_number.get(clean_reference(number, field="Bill", limit=40))
            share = parse_amount(text, amount.currency, decimal_marks=order.decimal_marks)
            if bill is None or share > bill.open:
                raise Refused(
                    "bill_not_open",
                    f"Bill {number} of {account.account} does not want {share}.",
                    bill=number,
                    field="bills",
                )
            if share > left:
                raise Refused("more_than_movable", "The bills want more than is moved.", field="bills")
            placed.append(
                Allocation(
                    account=account.account,
                    bill_no=bill.bill.bill_no,
                    bill_id=bill.bill.bill_id,
                    amount=share,
                    chosen_by=Chooser.PAYER,
                )
            )
            left = left - share
    elif spread and account.kind is not PayerKind.DEALER:
        placed, left = allocate_oldest_first(amount, found)
    if left:
        placed.append(Allocation(account=account.account, bill_no=None, bill_id=None, amount=left))
    return placed


def _move(
    deed: Deed,
    kind: CorrectionKind,
    asked: CorrectionOrder,
    move: Move,
) -> Corrected:
    leave_others_shift(deed)
    taken, undone, goes_to = move.taken, move.undone, move.goes_to
    return write_correction(
        deed,
        Entry(
            kind=kind,
            taken=taken,
            order=asked,
            undone=undone,
            lines=[*off_the_accounts(taken, undone), *_on_the_accounts(taken, goes_to)],
            placed=_placed_rows(taken, undone, goes_to),
        ),
    )


def _on_the_accounts(taken: TakenPayment, goes_to: Sequence[Allocation]) -> list[JournalLine]:
    sums: dict[tuple[str, str], Money] = {}
    for part in goes_to:
        purpose = Purpose.ACCOUNT if part.bill_no is None else Purpose.BILLS
        key = (ledger_of(purpose, PayerKind(taken.payer_kind)), part.account)
        sums[key] = sums.get(key, zero(part.amount.currency)) + part.amount
    return [credit(ledger, amount, account) for (ledger, account), amount in sums.items()]


def _placed_rows(
    taken: TakenPayment, undone: Sequence[tuple[TakenPart, Money]], goes_to: Sequence[Allocation]
) -> list[Mapping[str, object]]:
    """Each place, split by the tender and leg whose money it is."""
    rows: list[Mapping[str, object]] = []
    sources = [[part, amount] for part, amount in undone]
    for place in goes_to:
        wanted = place.amount
        while wanted:
            source, there = sources[0]
            assert isinstance(source, TakenPart)
            assert isinstance(there, Money)
            share = min(wanted, there)
            rows.append(
                {
                    "payment_event_id": taken.payment_event_id,
                    "leg": source.leg,
                    "tender_id": source.tender_id,
                    "account": place.account,
                    "bill_no": place.bill_no,
                    "bill_id": place.bill_id,
                    "kept_as": None,
                    "amount_minor": share.minor,
                    "currency": share.currency.code,
                    "chosen_by": str(place.chosen_by),
                }
            )
            wanted = wanted - share
            sources[0][1] = there - share
            if not sources[0][1]:
                sources.pop(0)
    return rows
