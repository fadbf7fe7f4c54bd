"""Taking a payment: the main deed of the counter, whole in one transaction.

Payment event, tenders, sale, payments, allocations, journal, receipt number, cheque, audit row, chain and outbox are one
commit. Printing and sending follow it and are no part of it. Source: domain.md 3.1 to 3.5; architecture.md section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pos.domain.allocation import Chooser, Wish
from pos.domain.bill import OpenBill
from pos.domain.cheque import ChequePayer, check_cheque, warning_of
from pos.domain.errors import Refused
from pos.domain.ids import check_id
from pos.domain.money import Money, parse_amount
from pos.domain.payment_event import (
    PaymentAsked,
    PaymentEvent,
    compose,
)
from pos.domain.payment_mode import Purpose
from pos.domain.receipt import ReceiptFacts
from pos.domain.role import Person
from pos.domain.sale_policy import require_final_money
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount, written_off_of
from pos.store.payments import (
    event_order_mark,
    event_receipt,
    own_recoveries,
)
from pos.store.post_dated import note_of
from pos.store.receipts import receipt_facts
from pos.till.booking import book_payment
from pos.till.cheque_intake import (
    payer_of_cheque,
    refuse_taken_cheque,
    refuse_twins,
)
from pos.till.commissions import with_commission
from pos.till.dealers import near_duplicate, require_dealer_terms
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.doubles import possible_double
from pos.till.dunning import accounts_in_collection, write_dunning
from pos.till.gate import may_do, require_alone
from pos.till.known_accounts import unknown_account
from pos.till.large_cash import identify, write_large_cash
from pos.till.offline_limits import require_room
from pos.till.open_bills import open_bills
from pos.till.own_accounts import refuse_own_accounts
from pos.till.payer import read_payer, require_currency
from pos.till.payment_order import AllocateOrder, PaymentOrder, order_content, order_mark, warn
from pos.till.receipt_paper import Papers
from pos.till.selling import read_sale, refuse_sold
from pos.till.shop_clock import note_clock
from pos.till.tendered import TenderRead, read_tender, refuse_taken, today_of
from pos.till.trust_money import require_apart
from pos.till.voucher_tender import require_rules

REFERENCE_MAX = 120
"""What may be known of money in suspense, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTaken:
    """What was booked. ``replayed`` True: this very event was booked before, nothing happened now.

    ``warnings`` are for whoever took it, not for the payer.
    """

    payment_event_id: str
    receipt: ReceiptFacts
    opens_drawer: bool
    replayed: bool = False
    warnings: tuple[str, ...] = ()


def take_payment(
    desk: Desk, person: Person, order: PaymentOrder, *, memo: Memo | None = None
) -> PaymentTaken:
    """Book a payment of the signed-in person's shift.

    Raises NotAuthorised, or Refused with the codes of ``compose``, ``read_details``, ``check_cheque``, ``read_sale`` and
    ``no_open_shift``, ``shift_of_other``, ``unknown_account``, ``wrong_payer_kind``, ``account_other_currency``,
    ``cheque_taken_before``, ``cheque_named_twice``, ``taken_before``, ``named_twice``, ``date_in_future``, ``too_old``,
    ``currency_not_taken``, ``rate_stale``, ``rate_changed``, ``not_in_notes``, ``cash_over_cap``, ``identity_needed``,
    ``unknown_document``, ``goods_held``, ``serial_sold_before``, ``trust_money_apart``, ``trust_money_foreign``,
    ``dealer_blocked``, ``over_unverified_cap``, ``offline_limit``, ``own_account``, ``card_outcome_unknown``,
    ``card_not_approved``, ``card_approved_otherwise``, ``slip_reversed``, ``bad_reference`` (an event id that is none) or
    what ``read_voucher`` and ``require_rules`` raise, and NeedsConfirmation ``possible_double`` or ``near_duplicate``.
    """
    act = "sell" if order.lines and not order.allocate else "pay"
    taken = _booked_before(desk, person, order) or perform(
        desk, person, act, lambda deed: _take(deed, order), memo=memo, reason=order.reason
    )
    # Only now: the cache's lane would read books that do not hold the payment yet.
    desk.touched_bills.extend(part.bill_no for part in taken.receipt.allocations if part.bill_no is not None)
    desk.touched_accounts.extend(dict.fromkeys(part.account for part in taken.receipt.allocations))
    return taken


def _booked_before(desk: Desk, person: Person, order: PaymentOrder) -> PaymentTaken | None:
    """A double Enter or a retry meets the event it booked itself; another payment under its key is refused."""
    if not may_do(desk, "pay", person):
        return None
    with desk.till.read() as connection:
        number = event_receipt(connection, order.payment_event_id)
        if number is None:
            return None
        facts = receipt_facts(connection, number)
        booked_from = event_order_mark(connection, order.payment_event_id)
    assert facts is not None, "a booked event has a receipt"
    if booked_from not in (None, order_mark(desk, order)):
        raise Refused(
            "key_reused", f"This payment was booked with receipt {facts.receipt_number}. Begin anew."
        )
    return PaymentTaken(
        payment_event_id=order.payment_event_id, receipt=facts, opens_drawer=False, replayed=True
    )


class _Rehearsed(Exception):
    """All of it would be booked; the transaction is given up."""


def rehearse_payment(desk: Desk, person: Person, act: str, prepare: Callable[[Deed], PaymentOrder]) -> None:
    """Whether the order that ``prepare`` makes, after what it writes, would be booked. Nothing stays of either.

    Raises what ``take_payment`` would raise, audited as ``act``.
    """

    def work(deed: Deed) -> None:
        _take(deed, prepare(deed))
        raise _Rehearsed

    with suppress(_Rehearsed):
        perform(desk, person, act, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """An order that balances, with what is behind its tenders, in the event's order.

    ``credited`` are the accounts that money goes to beside the payer's own.
    """

    tenders: Sequence[TenderRead]
    account: CachedAccount
    credited: Sequence[CachedAccount]
    event: PaymentEvent

    def payer(self) -> ChequePayer:
        """What of the payer decides on cheques."""
        cash_only = any(one.cash_only for one in (self.account, *self.credited))
        return payer_of_cheque(self.account, cash_only=cash_only)


def weigh(deed: Deed, order: PaymentOrder, *, read: Sequence[TenderRead] = ()) -> Weighed:
    """Read and balance an order without booking it; ``read`` are tenders of it that nobody types now.

    Raises what ``compose`` raises, and what reading its parts does.
    """
    control = deed.control
    if deed.run is None:
        note_clock(deed)
    # Cash comes last, as the event has it: so each tender stays beside what is behind it.
    tenders = sorted(
        (*read, *(read_tender(deed, tender, order) for tender in order.tenders)),
        key=lambda tender: tender.offered.mode.gives_change,
    )
    account = read_payer(deed.desk, deed.person, order, control.currency)
    bills = _bills(deed, order, account.account)
    asked = PaymentAsked(
        payer_kind=order.payer_kind,
        payer_account=account.account,
        tenders=[tender.offered for tender in tenders],
        wishes=[read_wish(deed.desk, wish, order.decimal_marks) for wish in order.allocate],
        overpayment=order.overpayment,
        bills=bills,
        cash_rounding=deed.desk.policy.cash_rounding,
        sale=[
            with_commission(deed.desk, account, line)
            for line in read_sale(deed, order.lines, control.currency, order.decimal_marks)
        ],
        policy=deed.desk.policy.payments,
        written_off=_written_off(deed, account, bills.values()),
    )
    event = compose(asked)
    require_apart(deed.desk, deed.person, event)
    credited = _credited_accounts(deed, event, account)
    if deed.run is None:
        # What a bank tells of is no deed of the person who reads its file (rule 64).
        refuse_own_accounts(deed, "pay", order_content(order), _what(event, account), [account, *credited])
    return Weighed(tenders=tenders, account=account, credited=credited, event=event)


def _what(event: PaymentEvent, account: CachedAccount) -> str:
    goes_to = ", ".join(event.accounts) or account.account
    return f"a payment of {event.amount} from {account.account}, credited to {goes_to}"


def _take(deed: Deed, order: PaymentOrder) -> PaymentTaken:
    deed.subject = check_id(order.payment_event_id, field="Payment")
    deed.require_shift()
    if order.lines:
        require_alone(deed.desk, "sell", deed.person)
    return take_within(deed, order)


def take_within(deed: Deed, order: PaymentOrder, *, notes: Sequence[str] = ()) -> PaymentTaken:
    """Book ``order`` in a transaction that has begun, with ``notes`` on its receipt. Raises as ``take_payment``."""
    connection, key = deed.unit.connection, order.payment_event_id
    if event_receipt(connection, key) is not None or note_of(connection, key) is not None:
        raise Refused("key_reused", "Something was taken under this key already. Begin anew.")
    weighed = weigh(deed, order)
    account, event = weighed.account, weighed.event
    cheques = [read.cheque for read in weighed.tenders if read.cheque is not None]
    for cheque in cheques:
        check_cheque(cheque, deed.desk.policy.cheques, weighed.payer(), today=today_of(deed))
        refuse_taken_cheque(deed, cheque)
    refuse_twins(cheques)
    paid = {part.account for part in event.allocations}
    refuse_taken(deed, event.tenders, {account.account, *paid})
    require_dealer_terms(deed, event, account)
    require_final_money(event, deed.desk.policy.items)
    refuse_sold(deed, event.sale)
    offered = [(tender.mode, tender.net) for tender in event.tenders]
    require_room(deed, account, offered, confirmed=order.confirmed, reason=order.reason)
    double = possible_double(deed, account, offered)
    if double is not None and double.code not in order.confirmed:
        raise double
    _warn_of_near_duplicate(deed, order, event)
    return book_weighed(deed, order, weighed, notes=notes)


def book_weighed(
    deed: Deed, order: PaymentOrder, weighed: Weighed, *, notes: Sequence[str] = ()
) -> PaymentTaken:
    """Book an order that was weighed, and whose tenders may be taken. Raises Refused for a voucher or large cash."""
    tenders, account, event = weighed.tenders, weighed.account, weighed.event
    cheques = {place: read.cheque for place, read in enumerate(tenders) if read.cheque is not None}
    holds = {
        tender.offered.instrument: tender.hold
        for tender in tenders
        if tender.hold is not None and tender.offered.instrument is not None
    }
    require_rules(deed, event, holds)
    large_cash = identify(deed, event, order.identity)
    in_collection = accounts_in_collection(deed, order.payment_event_id, event, [account, *weighed.credited])
    write_dunning(deed, order.payment_event_id, in_collection)
    receipt = book_payment(
        deed,
        order.payment_event_id,
        event,
        account,
        Papers(
            cheques=cheques,
            holds=holds,
            attempts={
                tender.offered.instrument: tender.attempt
                for tender in tenders
                if tender.attempt is not None and tender.offered.instrument is not None
            },
            order_mark=order_mark(deed.desk, order),
            notes=(*notes, *(one.note for one in in_collection if one.note is not None)),
        ),
    )
    if large_cash is not None:
        write_large_cash(deed, order.payment_event_id, large_cash)
    return PaymentTaken(
        payment_event_id=order.payment_event_id,
        receipt=receipt,
        opens_drawer=any(tender.mode.opens_drawer for tender in event.tenders),
        warnings=tuple(
            warning
            for cheque in cheques.values()
            if (warning := warning_of(cheque, deed.desk.policy.cheques, today=today_of(deed)))
        ),
    )


def _warn_of_near_duplicate(deed: Deed, order: PaymentOrder, event: PaymentEvent) -> None:
    """A receipt that is nearly another one may be that one, keyed wrongly or altered (rule 47)."""
    near = near_duplicate(deed, event)
    if near is not None:
        by = f"receipt {near.receipt_number}" if near.receipt_number else "this payment"
        warn(
            order,
            "near_duplicate",
            f"A bank receipt with this number or nearly this one ({near.details.get('reference', '')}), over "
            f"{near.amount.plain()}, is in {by}. Compare both papers.",
            receipt=near.receipt_number,
        )


def read_wish(desk: Desk, wish: AllocateOrder, decimal_marks: str) -> Wish:
    """A wish, cleaned.

    Raises what ``clean_reference`` and ``parse_amount`` raise, Refused ``reference_needed`` or ``unknown_account``.
    """
    account = None if wish.account is None else clean_reference(wish.account, field="Account", limit=40)
    reference: str | None = None
    if wish.keep_as is Purpose.SUSPENSE:
        account = desk.policy.suspense_account
        reference = clean_entry(wish.reference or "", field="Reference", limit=REFERENCE_MAX)
        if not reference:
            raise Refused(
                "reference_needed",
                "Say what is known of this money, so that its owner can be found.",
                field="Reference",
            )
    elif account == desk.policy.suspense_account:
        raise Refused("unknown_account", f"Account {account} is not known here.", account=account)
    return Wish(
        bill_no=None if wish.bill is None else clean_reference(wish.bill, field="Bill", limit=40),
        amount=None
        if wish.amount is None
        else parse_amount(wish.amount, desk.identity.currency, decimal_marks=decimal_marks),
        account=account,
        keep=wish.keep_as,
        reference=reference,
        chosen_by=Chooser.DEFAULT if wish.by_default else Chooser.PAYER,
    )


def _written_off(deed: Deed, payer: CachedAccount, bills: Iterable[OpenBill]) -> dict[str, Money]:
    """What is still written off of the debt of the accounts in question."""
    found: dict[str, Money] = {}
    accounts = {payer.account, *(bill.bill.account for bill in bills)}
    with deed.desk.cache.read() as connection:
        known = [cached.account_by_id(connection, account) for account in sorted(accounts)]
    for account in known:
        if account is not None and account.written_off_told:
            left = written_off_of(account, own_recoveries(deed.unit.connection, account.account))
            if left:
                found[account.account] = left
    return found


def _bills(deed: Deed, order: PaymentOrder, payer_account: str) -> dict[str, OpenBill]:
    """The bills in question with what is open, by the books inside this very transaction."""
    with deed.desk.cache.read() as connection:
        if order.allocate:
            named = [wish.bill for wish in order.allocate if wish.bill is not None]
            found = [cached.bill_by_number(connection, bill_no) for bill_no in dict.fromkeys(named)]
            if any(wish.by_default for wish in order.allocate):
                # What the order of the shop left out is told as well.
                found += cached.bills_of_account(connection, payer_account, open_only=True)
            bills = [bill for bill in found if bill is not None and deed.person.may_see(bill.account)]
        elif order.lines:
            bills = []
        else:
            bills = cached.bills_of_account(connection, payer_account, open_only=True)
    own = [bill for bill in bills if bill.remaining.currency == deed.desk.identity.currency]
    return {bill.bill.bill_no: bill for bill in open_bills(deed.unit.connection, own)}


def _credited_accounts(deed: Deed, event: PaymentEvent, payer: CachedAccount) -> list[CachedAccount]:
    """The accounts that money goes to beside the payer's: each must be known and of the payer's kind."""
    found: list[CachedAccount] = []
    for account_id in event.accounts:
        if account_id in (payer.account, deed.desk.policy.suspense_account):
            continue
        with deed.desk.cache.read() as connection:
            account = cached.account_by_id(connection, account_id)
        if account is None or not deed.person.may_see(account_id):
            raise unknown_account(deed.desk, account_id)
        if account.kind is not payer.kind:
            raise Refused(
                "wrong_payer_kind", f"Account {account_id} is a {account.kind}'s.", account=account_id
            )
        require_currency(account, event.currency)
        found.append(account)
    return found
