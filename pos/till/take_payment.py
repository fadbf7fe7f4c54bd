"""Taking a payment: the main deed of the counter, whole in one transaction.

Payment event, tenders, sale, payments, allocations, journal, receipt number, cheque, audit row, chain and outbox are one
commit. Printing and sending follow it and are no part of it. Source: domain.md 3.1 to 3.5; architecture.md section 2.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from pos.domain.allocation import Chooser, Wish
from pos.domain.bill import OpenBill
from pos.domain.cheque import Cheque, ChequePayer, check_cheque, warning_of
from pos.domain.errors import NeedsConfirmation, Refused
from pos.domain.foreign_cash import NO_FOREIGN_CASH, ForeignNotes, read_notes
from pos.domain.ids import check_id
from pos.domain.money import Currency, Money, parse_amount, zero
from pos.domain.payment_event import (
    Overpayment,
    PaymentAsked,
    PaymentEvent,
    TenderOffered,
    TenderTaken,
    compose,
)
from pos.domain.payment_mode import FieldKind, ModeKind, PayerKind, PaymentMode, Purpose
from pos.domain.receipt import ReceiptFacts
from pos.domain.role import Grant, Person
from pos.domain.sale_policy import require_final_money
from pos.domain.tender import instrument_of, read_details
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount, written_off_of
from pos.store.imports import record_of_instrument
from pos.store.payments import (
    event_order_mark,
    event_receipt,
    instrument_receipt,
    own_recoveries,
)
from pos.store.receipts import receipt_facts
from pos.store.vouchers import Hold
from pos.till.approved_card import approved_slip, refuse_second_card
from pos.till.booking import Papers, book_payment
from pos.till.cheque_intake import (
    ChequeAsTyped,
    payer_of_cheque,
    read_cheque_tender,
    refuse_taken_cheque,
    refuse_twins,
)
from pos.till.commissions import with_commission
from pos.till.dealers import near_duplicate, require_bank_receipts
from pos.till.desk import Deed, Desk, Memo, perform, require_alone
from pos.till.doubles import possible_double
from pos.till.dunning import accounts_in_collection, write_dunning
from pos.till.known_accounts import unknown_account
from pos.till.large_cash import IdentityOrder, identify, write_large_cash
from pos.till.offline_limits import require_room
from pos.till.open_bills import open_bills
from pos.till.own_accounts import refuse_own_accounts
from pos.till.selling import SaleOrder, read_sale, refuse_sold
from pos.till.shop_clock import note_clock
from pos.till.trust_money import purse_of, require_apart
from pos.till.voucher_tender import read_voucher, require_rules

REFERENCE_MAX = 120
"""What may be known of money in suspense, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderOrder:
    """A tender as typed: the mode's code, the amount as text, the mode's own fields as text.

    ``currency`` is that of the amount (None: the shop's own), ``rate`` what the payer was told that it is worth.
    ``attempt``: the card attempt that the terminal approved for it; the slip is the till's own then, ``details`` are empty.
    A cheque may come with the MICR line that a reader sent, and with what was ticked on its paper.
    """

    mode: str
    amount: str
    details: Mapping[str, str]
    currency: str | None = None
    rate: str | None = None
    attempt: str | None = None
    micr: str = ""
    ticks: Sequence[str] = ()

    @property
    def as_cheque(self) -> ChequeAsTyped:
        return ChequeAsTyped(details=self.details, micr=self.micr, ticks=self.ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateOrder:
    """A wish as typed: a bill or an account, and how much of it.

    ``keep_as``: how money on account is kept; in suspense it goes by its ``reference``. ``by_default`` True: the order of
    the shop chose it and not the payer.
    """

    bill: str | None = None
    amount: str | None = None
    account: str | None = None
    keep_as: Purpose = Purpose.ACCOUNT
    reference: str | None = None
    by_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """A payment as the counter asks for it. ``payment_event_id`` is made when the payment screen opens.

    Amounts are texts in the shop's currency, with marks of ``decimal_marks``. A walk-in buyer has no ``payer_account``.
    ``confirmed`` are the codes of the warnings that somebody has read and overruled, ``reason`` why, where it is asked for;
    ``identity`` is the document that the payer showed, which is kept only where so much cash needs one.
    """

    payment_event_id: str
    payer_kind: PayerKind
    payer_account: str | None
    tenders: Sequence[TenderOrder]
    allocate: Sequence[AllocateOrder] = ()
    lines: Sequence[SaleOrder] = ()
    overpayment: Overpayment | None = None
    decimal_marks: str = "."
    confirmed: Sequence[str] = ()
    reason: str | None = None
    identity: IdentityOrder | None = None


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
    ``unknown_document``, ``goods_held``, ``serial_sold_before``, ``trust_money_apart``, ``dealer_blocked``,
    ``over_unverified_cap``, ``offline_limit``, ``own_account``, ``card_outcome_unknown``, ``card_not_approved``,
    ``bad_reference`` (an event id that is none) or what ``read_voucher`` and ``require_rules`` raise, and
    NeedsConfirmation ``possible_double`` or ``near_duplicate``.
    """
    act = "sell" if order.lines and not order.allocate else "pay"
    taken = _booked_before(desk, person, order) or perform(
        desk, person, act, lambda deed: _take(deed, order), memo=memo
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


def order_mark(desk: Desk, order: PaymentOrder) -> str:
    """A keyed digest of all that an order asks for: another order under the same event id is told from a retry by it."""
    plain = json.dumps(asdict(order), sort_keys=True, ensure_ascii=False, default=str)
    return hmac.new(desk.till.chain_key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def warn(order: PaymentOrder, code: str, message: str, **details: object) -> None:
    """Stop for a person's look. Raises NeedsConfirmation unless ``order`` has ``code`` confirmed."""
    if code not in order.confirmed:
        raise NeedsConfirmation(code, message, **details)


def payer_account_of(desk: Desk, order: PaymentOrder) -> str:
    """The payer's account; a walk-in buyer's is the shop's own for such sales. Raises Refused ``unknown_account``."""
    if order.payer_account is not None:
        return order.payer_account
    if _is_of_nobody(order):
        return desk.policy.suspense_account
    if order.payer_kind is not PayerKind.WALK_IN:
        raise Refused("unknown_account", "Say whose payment this is: the account is missing.")
    return desk.policy.walk_in_account


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


def weigh(deed: Deed, order: PaymentOrder) -> Weighed:
    """Read and balance an order without booking it. Raises what ``compose`` raises, and what reading its parts does."""
    shift = deed.require_shift()
    note_clock(deed)
    # Cash comes last, as the event has it: so each tender stays beside what is behind it.
    tenders = sorted(
        (_read_tender(deed, tender, order) for tender in order.tenders),
        key=lambda tender: tender.offered.mode.gives_change,
    )
    account = read_payer(deed.desk, deed.person, order, shift.currency)
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
            for line in read_sale(deed, order.lines, shift.currency, order.decimal_marks)
        ],
        policy=deed.desk.policy.payments,
        written_off=_written_off(deed, account, bills.values()),
    )
    event = compose(asked)
    require_apart(deed.desk, deed.person, event)
    credited = _credited_accounts(deed, event, account)
    refuse_own_accounts(deed.desk, deed.person, [account, *credited])
    return Weighed(tenders=tenders, account=account, credited=credited, event=event)


def _take(deed: Deed, order: PaymentOrder) -> PaymentTaken:
    deed.subject = check_id(order.payment_event_id, field="Payment")
    deed.require_shift()
    if order.lines:
        require_alone(deed.desk, "sell", deed.person)
    weighed = weigh(deed, order)
    tenders, account, event = weighed.tenders, weighed.account, weighed.event
    cheques = {place: read.cheque for place, read in enumerate(tenders) if read.cheque is not None}
    for cheque in cheques.values():
        check_cheque(cheque, deed.desk.policy.cheques, weighed.payer(), today=today_of(deed))
        refuse_taken_cheque(deed, cheque)
    refuse_twins(cheques.values())
    _refuse_taken(deed, event.tenders)
    require_bank_receipts(deed, event, account)
    require_final_money(event, deed.desk.policy.items)
    refuse_sold(deed, event.sale)
    offered = [(tender.mode, tender.net) for tender in event.tenders]
    require_room(deed, account, offered, confirmed=order.confirmed, reason=order.reason)
    double = possible_double(deed, account, offered)
    if double is not None and double.code not in order.confirmed:
        raise double
    _warn_of_near_duplicate(deed, order, event)
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
            notes=tuple(one.note for one in in_collection if one.note is not None),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderRead:
    """A tender as offered, with what stands behind it: central's hold, what a card terminal approved, the cheque."""

    offered: TenderOffered
    hold: Hold | None = None
    attempt: str | None = None
    cheque: Cheque | None = None


def _read_tender(deed: Deed, tender: TenderOrder, order: PaymentOrder) -> TenderRead:
    desk = deed.desk
    mode = desk.modes[tender.mode]
    # The matrix comes first: a wrong mode is told before anything about bills.
    require_mode(desk, deed.person, mode, order.payer_kind)
    amount, foreign = read_tendered(
        desk, tender, desk.identity.currency, today=today_of(deed), decimal_marks=order.decimal_marks
    )
    if mode.kind is ModeKind.CHEQUE:
        fields, cheque = read_cheque_tender(desk, mode, tender.as_cheque, amount, today=today_of(deed))
        return TenderRead(
            offered=TenderOffered(
                mode=mode, amount=amount, details=fields, instrument=instrument_of(mode, fields, amount)
            ),
            cheque=cheque,
        )
    if tender.attempt is not None:
        if mode.kind is not ModeKind.CARD or tender.details:
            raise Refused(
                "details_not_needed",
                f"{mode.label}: name the attempt alone; its slip is known.",
                mode=mode.code,
            )
        details = approved_slip(deed, order.payment_event_id, tender.attempt, mode, amount)
        return TenderRead(
            offered=TenderOffered(
                mode=mode, amount=amount, details=details, instrument=instrument_of(mode, details, amount)
            ),
            attempt=tender.attempt,
        )
    details = read_details(mode, plain_fields(mode, tender))
    if mode.kind is ModeKind.CARD:
        refuse_second_card(deed, order.payment_event_id)
    if mode.kind is ModeKind.VOUCHER:
        payer = clean_reference(payer_account_of(desk, order), field="Account", limit=40)
        offered, hold = read_voucher(deed, order.payment_event_id, payer, mode, amount, details)
        return TenderRead(offered=offered, hold=hold)
    _require_fresh(deed, mode, details)
    if foreign is None:
        mode = purse_of(desk, deed.person, order.payer_kind, mode, sells=bool(order.lines))
    return TenderRead(
        offered=TenderOffered(
            mode=mode,
            amount=amount,
            details=details,
            instrument=instrument_of(mode, details, amount),
            foreign=foreign,
        )
    )


def read_tendered(
    desk: Desk, tender: TenderOrder, shop: Currency, *, today: date, decimal_marks: str
) -> tuple[Money, ForeignNotes | None]:
    """What a tender is worth in the ``shop``'s currency, and the foreign notes that it came in.

    Raises what ``parse_amount``, ``ForeignCash.current`` and ``read_notes`` raise; Refused ``currency_not_taken`` too where
    the way to pay is not cash.
    """
    policy = desk.policy.foreign_cash
    if tender.currency in (None, shop.code):
        if tender.rate is not None:
            raise Refused("unknown_field", f"{shop} has no rate here: it is the shop's own.", field="rate")
        return parse_amount(tender.amount, shop, decimal_marks=decimal_marks), None
    assert tender.currency is not None
    if desk.modes[tender.mode].kind is not ModeKind.CASH:
        policy = NO_FOREIGN_CASH
    listed = policy.current(tender.currency, shop=shop, today=today)
    notes = read_notes(listed, tender.amount, told=tender.rate, decimal_marks=decimal_marks)
    value = notes.worth(shop)
    if value.minor == 0:
        raise Refused("amount_not_positive", f"This is worth nothing in {shop}.")
    return value, notes


def plain_fields(mode: PaymentMode, tender: TenderOrder) -> Mapping[str, str]:
    """The fields of a tender that is no cheque. Raises Refused ``unknown_field`` where it has what only a cheque has."""
    if tender.micr or tender.ticks:
        raise Refused(
            "unknown_field",
            f"{mode.label} has no MICR line and nothing to tick.",
            mode=mode.code,
            allowed=[field.name for field in mode.fields],
        )
    return tender.details


def require_mode(desk: Desk, person: Person, mode: PaymentMode, payer: PayerKind) -> None:
    """The mode may be taken from such a payer for something, and by this person.

    Raises Refused ``mode_*`` or NotAuthorised.
    """
    purposes = mode.accepts.get(payer, frozenset())
    mode.require_payer(payer, min(purposes, default=Purpose.ACCOUNT))
    if mode.act:
        require_alone(desk, mode.act, person)


def _require_fresh(deed: Deed, mode: PaymentMode, details: Mapping[str, str]) -> None:
    """What a bank or a machine did was done by today, and not long ago."""
    for field in mode.fields:
        if field.kind is not FieldKind.DATE or field.name not in details:
            continue
        written = date.fromisoformat(details[field.name])
        if written > today_of(deed) + timedelta(days=mode.max_ahead_days):
            by = f"more than {mode.max_ahead_days} days" if mode.max_ahead_days else ""
            raise Refused(
                "date_in_future",
                f"{field.label}: {written} is {by} after today. Check it.".replace("  ", " "),
                mode=mode.code,
                field=field.name,
            )
        if mode.max_age_days and today_of(deed) - written > timedelta(days=mode.max_age_days):
            raise Refused(
                "too_old",
                f"{field.label}: {written} is more than {mode.max_age_days} days ago. It is not taken any more.",
                mode=mode.code,
                field=field.name,
            )


def today_of(deed: Deed) -> date:
    """A shift that runs past midnight keeps its business date; a paper may be of the day that it is."""
    return max(deed.require_shift().business_date, deed.at.date())


def _refuse_taken(deed: Deed, tenders: Sequence[TenderTaken]) -> None:
    """The same slip, receipt or voucher is taken once (rules 46, 47, 49)."""
    seen: set[str] = set()
    for tender in tenders:
        if tender.instrument is None:
            continue
        if tender.instrument in seen:
            raise Refused(
                "named_twice",
                f"{tender.mode.label}: the same one is in this payment twice.",
                mode=tender.mode.code,
            )
        seen.add(tender.instrument)
        refuse_taken_before(deed, tender.mode, tender.instrument)


def refuse_taken_before(deed: Deed, mode: PaymentMode, instrument: str) -> None:
    """Raises Refused ``taken_before`` where a tender with this paper was booked, or a bank's file told of it."""
    receipt = instrument_receipt(deed.unit.connection, instrument)
    if receipt is not None:
        raise Refused(
            "taken_before",
            f"{mode.label}: this very one was taken with receipt {receipt}.",
            mode=mode.code,
            receipt=receipt,
        )
    record = record_of_instrument(deed.unit.connection, instrument)
    if record is not None:
        raise Refused(
            "taken_before",
            f"{mode.label}: this very one came by the bank's file and is posted from there. Hand the paper back.",
            mode=mode.code,
            record=record.record_id,
        )


def _warn_of_near_duplicate(deed: Deed, order: PaymentOrder, event: PaymentEvent) -> None:
    """A receipt that is nearly another one may be that one, keyed wrongly or altered (rule 47)."""
    near = near_duplicate(deed, event)
    if near is not None:
        by = f"receipt {near.receipt_number}" if near.receipt_number else "this payment"
        warn(
            order,
            "near_duplicate",
            f"A bank receipt of this amount and date with nearly this number ({near.details.get('reference', '')}) is in "
            f"{by}. Compare both papers.",
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


def _is_of_nobody(order: PaymentOrder) -> bool:
    """Money of a subscriber whom nobody knows: all of it goes into suspense."""
    return (
        order.payer_account is None
        and order.payer_kind is PayerKind.SUBSCRIBER
        and bool(order.allocate)
        and all(wish.keep_as is Purpose.SUSPENSE for wish in order.allocate)
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


def read_payer(desk: Desk, person: Person, order: PaymentOrder, in_currency: Currency) -> CachedAccount:
    """Who pays. Raises Refused ``unknown_account``, ``mistyped_account``, ``wrong_payer_kind`` or that of its currency."""
    account_id = clean_reference(payer_account_of(desk, order), field="Account", limit=40)
    if order.payer_kind is PayerKind.WALK_IN and account_id == desk.policy.walk_in_account:
        if person.only_account is not None:
            raise Refused("unknown_account", f"Account {account_id} is not known here.", account=account_id)
        return walk_in_buyer(account_id, in_currency)
    if _is_of_nobody(order):
        if person.only_account is not None:
            raise Refused("unknown_account", "Say whose payment this is: the account is missing.")
        return _nobody(account_id, PayerKind.SUBSCRIBER, in_currency)
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None or not person.may_see(account.account):
        raise unknown_account(desk, account_id)
    if account.kind is not order.payer_kind:
        raise Refused(
            "wrong_payer_kind",
            f"Account {account_id} is a {account.kind}'s, not a {order.payer_kind.replace('_', '-')}'s.",
            account=account_id,
            kind=str(account.kind),
        )
    _require_currency(account, in_currency)
    return account


def walk_in_buyer(account_id: str, in_currency: Currency) -> CachedAccount:
    """Whoever buys at the counter without being a customer."""
    return _nobody(account_id, PayerKind.WALK_IN, in_currency)


def _nobody(account_id: str, kind: PayerKind, in_currency: Currency) -> CachedAccount:
    none = zero(in_currency)
    return CachedAccount(
        account=account_id,
        kind=kind,
        name="",
        phone="",
        customer="",
        currency=in_currency,
        status="active",
        cash_only=False,
        dunning_stage=0,
        credit_told=none,
        credit=none,
        seen_change=None,
        told_at_utc="",
    )


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
        _require_currency(account, event.currency)
        found.append(account)
    return found
