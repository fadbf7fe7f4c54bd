"""Taking a payment: the main deed of the counter, whole in one transaction.

Payment event, tenders, payments, allocations, journal, receipt number, cheque, audit row, chain and outbox are one commit.
Printing and sending follow it and are no part of it. Source: domain.md 3.1 to 3.3; architecture.md section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pos.domain.allocation import Wish
from pos.domain.bill import OpenBill
from pos.domain.cheque import Cheque, ChequeIdentity, check_cheque, read_cheque
from pos.domain.errors import Refused
from pos.domain.ids import check_id
from pos.domain.money import Currency, parse_amount
from pos.domain.payment_event import (
    Overpayment,
    PaymentAsked,
    PaymentEvent,
    TenderOffered,
    TenderTaken,
    compose,
)
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.receipt import ReceiptFacts
from pos.domain.role import Grant, Person
from pos.domain.tender import read_details
from pos.domain.text_guard import clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.store.payments import cheque_known, event_receipt
from pos.store.receipts import receipt_facts
from pos.till.booking import book_payment
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.open_bills import open_bills


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderOrder:
    """A tender as typed: the mode's code, the amount as text, the mode's own fields as text."""

    mode: str
    amount: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateOrder:
    """A wish as typed: a bill or an account, and how much of it."""

    bill: str | None = None
    amount: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """A payment as the counter asks for it. ``payment_event_id`` is made when the payment screen opens.

    Amounts are texts in the shop's currency, with marks of ``decimal_marks``.
    """

    payment_event_id: str
    payer_kind: PayerKind
    payer_account: str
    tenders: Sequence[TenderOrder]
    allocate: Sequence[AllocateOrder] = ()
    overpayment: Overpayment | None = None
    decimal_marks: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTaken:
    """What was booked. ``replayed`` True: this very event was booked before, nothing happened now."""

    payment_event_id: str
    receipt: ReceiptFacts
    opens_drawer: bool
    replayed: bool = False


def take_payment(
    desk: Desk, person: Person, order: PaymentOrder, *, memo: Memo | None = None
) -> PaymentTaken:
    """Book a payment of the signed-in person's shift.

    Raises NotAuthorised, or Refused with the codes of ``compose``, ``read_details``, ``check_cheque`` and
    ``no_open_shift``, ``shift_of_other``, ``unknown_account``, ``wrong_payer_kind``, ``account_other_currency``,
    ``cheque_taken_before``, ``cheque_named_twice`` or ``bad_reference`` (an event id that is none).
    """
    taken = _booked_before(desk, person, order) or perform(
        desk, person, "pay", lambda deed: _take(deed, order), memo=memo
    )
    # Only now: the cache's lane would read books that do not hold the payment yet.
    desk.touched_bills.extend(part.bill_no for part in taken.receipt.allocations if part.bill_no is not None)
    desk.touched_accounts.extend(dict.fromkeys(part.account for part in taken.receipt.allocations))
    return taken


def _booked_before(desk: Desk, person: Person, order: PaymentOrder) -> PaymentTaken | None:
    """A double Enter or a retry meets the event it booked itself; another payment under its key is refused."""
    if desk.permissions.grant("pay", person.roles) is Grant.NO:
        return None
    with desk.till.read() as connection:
        number = event_receipt(connection, order.payment_event_id)
        facts = None if number is None else receipt_facts(connection, number)
    if facts is None:
        return None
    asked = sorted(
        (tender.mode, _amount(tender.amount, desk, order.decimal_marks)) for tender in order.tenders
    )
    booked = sorted((tender.mode, tender.amount.minor) for tender in facts.tenders)
    if order.payer_account != facts.payer_account or asked != booked:
        raise Refused(
            "key_reused", f"This payment was booked with receipt {facts.receipt_number}. Begin anew."
        )
    return PaymentTaken(
        payment_event_id=order.payment_event_id, receipt=facts, opens_drawer=False, replayed=True
    )


def _amount(text: str, desk: Desk, decimal_marks: str) -> int:
    return parse_amount(text, desk.identity.currency, decimal_marks=decimal_marks).minor


def _take(deed: Deed, order: PaymentOrder) -> PaymentTaken:
    deed.subject = check_id(order.payment_event_id, field="Payment")
    shift = deed.require_shift()
    tenders = [_read_tender(deed.desk, tender, order.decimal_marks) for tender in order.tenders]
    for tender in tenders:
        _require_any_purpose(tender, order.payer_kind)
    account = _payer(deed.desk, deed.person, order, shift.currency)
    asked = PaymentAsked(
        payer_kind=order.payer_kind,
        payer_account=account.account,
        tenders=tenders,
        wishes=[_read_wish(wish, shift.currency, order.decimal_marks) for wish in order.allocate],
        overpayment=order.overpayment,
        bills=_bills(deed, order, account.account),
    )
    event = compose(asked)
    credited = _credited_accounts(deed, event, account)
    cash_only = account.cash_only or any(other.cash_only for other in credited)
    cheques = {
        place: _read_new_cheque(deed, tender, cash_only)
        for place, tender in enumerate(event.tenders)
        if tender.mode.code == "cheque"
    }
    _refuse_twins(cheques.values())
    return PaymentTaken(
        payment_event_id=order.payment_event_id,
        receipt=book_payment(deed, order.payment_event_id, event, account, cheques),
        opens_drawer=any(tender.mode.opens_drawer for tender in event.tenders),
    )


def _read_tender(desk: Desk, tender: TenderOrder, decimal_marks: str) -> TenderOffered:
    mode = desk.modes[tender.mode]
    return TenderOffered(
        mode=mode,
        amount=parse_amount(tender.amount, desk.identity.currency, decimal_marks=decimal_marks),
        details=read_details(mode, tender.details),
    )


def _require_any_purpose(tender: TenderOffered, payer: PayerKind) -> None:
    """The matrix comes first: a wrong mode is told before anything about bills."""
    purposes = tender.mode.accepts.get(payer, frozenset())
    tender.mode.require_payer(payer, min(purposes, default=Purpose.ACCOUNT))


def _read_wish(wish: AllocateOrder, in_currency: Currency, decimal_marks: str) -> Wish:
    return Wish(
        bill_no=None if wish.bill is None else clean_reference(wish.bill, field="Bill", limit=40),
        amount=None
        if wish.amount is None
        else parse_amount(wish.amount, in_currency, decimal_marks=decimal_marks),
        account=None if wish.account is None else clean_reference(wish.account, field="Account", limit=40),
    )


def _payer(desk: Desk, person: Person, order: PaymentOrder, in_currency: Currency) -> CachedAccount:
    account_id = clean_reference(order.payer_account, field="Account", limit=40)
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None or not person.may_see(account.account):
        raise Refused("unknown_account", f"Account {account_id} is not known here.", account=account_id)
    if account.kind is not order.payer_kind:
        raise Refused(
            "wrong_payer_kind",
            f"Account {account_id} is a {account.kind}'s, not a {order.payer_kind}'s.",
            account=account_id,
            kind=str(account.kind),
        )
    _require_currency(account, in_currency)
    return account


def _require_currency(account: CachedAccount, in_currency: Currency) -> None:
    if account.currency != in_currency:
        raise Refused(
            "account_other_currency",
            f"Account {account.account} is kept in {account.currency}, this till in {in_currency}.",
            account=account.account,
        )


def _bills(deed: Deed, order: PaymentOrder, payer_account: str) -> dict[str, OpenBill]:
    """The bills in question with what is open, by the books inside this very transaction."""
    with deed.desk.cache.read() as connection:
        if order.allocate:
            named = [wish.bill for wish in order.allocate if wish.bill is not None]
            found = {bill_no: cached.bill_by_number(connection, bill_no) for bill_no in named}
            bills = [
                bill for bill in found.values() if bill is not None and deed.person.may_see(bill.account)
            ]
        else:
            bills = cached.bills_of_account(connection, payer_account, open_only=True)
    own = [bill for bill in bills if bill.remaining.currency == deed.desk.identity.currency]
    return {bill.bill.bill_no: bill for bill in open_bills(deed.unit.connection, own)}


def _credited_accounts(deed: Deed, event: PaymentEvent, payer: CachedAccount) -> list[CachedAccount]:
    """The accounts that money goes to beside the payer's: each must be known and of the payer's kind."""
    found: list[CachedAccount] = []
    for account_id in event.accounts:
        if account_id == payer.account:
            continue
        with deed.desk.cache.read() as connection:
            account = cached.account_by_id(connection, account_id)
        if account is None or not deed.person.may_see(account_id):
            raise Refused("unknown_account", f"Account {account_id} is not known here.", account=account_id)
        if account.kind is not payer.kind:
            raise Refused(
                "wrong_payer_kind", f"Account {account_id} is a {account.kind}'s.", account=account_id
            )
        _require_currency(account, event.currency)
        found.append(account)
    return found


def _refuse_twins(cheques: Iterable[Cheque]) -> None:
    seen: list[ChequeIdentity] = []
    for cheque in cheques:
        if any(cheque.identity.same_as(other) for other in seen):
            raise Refused("cheque_named_twice", f"Cheque {cheque.serial} is in this payment twice.")
        seen.append(cheque.identity)


def _read_new_cheque(deed: Deed, tender: TenderTaken, cash_only: bool) -> Cheque:
    # A shift that runs past midnight keeps its business date; a cheque may be of the day that it is.
    today = max(deed.require_shift().business_date, deed.at.date())
    cheque = read_cheque(tender.details, tender.amount, today=today)
    check_cheque(cheque, deed.desk.policy.cheques, today=today, cash_only=cash_only)
    known = cheque_known(deed.unit.connection, cheque.identity)
    if known is not None:
        raise Refused(
            "cheque_taken_before",
            f"Cheque {cheque.serial} was taken already with receipt {known}.",
            receipt=known,
        )
    return cheque
