"""Taking a payment: the main deed of the counter, whole in one transaction.

Payment event, tenders, payments, allocations, journal, receipt number, cheque, audit row, chain and outbox are one commit.
Printing and sending follow it and are no part of it. Source: domain.md 3.1 to 3.3; architecture.md section 2.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pos.domain.allocation import Wish
from pos.domain.bill import OpenBill
from pos.domain.cheque import Cheque, ChequeState, check_cheque, read_cheque
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
from pos.domain.posting import SourceKind
from pos.domain.receipt import AllocationLine, ReceiptFacts, ReceiptKind, TenderLine
from pos.domain.role import Grant, Person
from pos.domain.tender import read_details
from pos.domain.text_guard import clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.store.payments import cheque_known, event_receipt
from pos.store.receipts import facts_json, receipt_facts
from pos.store.times import offset_minutes, utc_text
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.journal import book_entry
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
    return _book(deed, order, event, account, cheques)


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
            bills = [bill for bill in found.values() if bill is not None]
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
    seen: set[tuple[str, str, str, str]] = set()
    for cheque in cheques:
        if cheque.identity in seen:
            raise Refused("cheque_named_twice", f"Cheque {cheque.serial} is in this payment twice.")
        seen.add(cheque.identity)


def _read_new_cheque(deed: Deed, tender: TenderTaken, cash_only: bool) -> Cheque:
    today = deed.require_shift().business_date
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ids:
    """The ids of an event's parts, by place."""

    tenders: list[str]
    payments: dict[str, str]


def _book(
    deed: Deed,
    order: PaymentOrder,
    event: PaymentEvent,
    account: CachedAccount,
    cheques: Mapping[int, Cheque],
) -> PaymentTaken:
    ids = _Ids(
        tenders=[deed.new_id() for _ in event.tenders],
        payments={credited: deed.new_id() for credited in event.accounts},
    )
    event_id = order.payment_event_id
    _write_tenders(deed, event_id, event, ids)
    _write_parts(deed, event_id, event, ids)
    facts, counter = _receipt(deed, event, account)
    _write_event(deed, event_id, event, account, facts.receipt_number)
    book_entry(deed, SourceKind.PAYMENT, event_id, event.lines)
    facts = _with_mark(facts, deed.unit.chain.head)
    _write_receipt(deed, event_id, facts, counter)
    _write_cheques(deed, cheques, ids)
    _write_outbox(deed, event_id, event)
    return PaymentTaken(
        payment_event_id=event_id,
        receipt=facts,
        opens_drawer=any(tender.mode.opens_drawer for tender in event.tenders),
    )


def _split_personal(tender: TenderTaken) -> tuple[dict[str, str], dict[str, str]]:
    personal = {field.name for field in tender.mode.fields if field.personal}
    plain = {name: value for name, value in tender.details.items() if name not in personal}
    return plain, {name: value for name, value in tender.details.items() if name in personal}


def _digest(salt: str, text: str) -> str:
    """Kept in the booked row instead of the name: the name can be purged, and while it is there it can be proven."""
    return hashlib.sha256(f"{salt}\x1f{text}".encode()).hexdigest()


def _salt(deed: Deed) -> str:
    return deed.desk.randomness.token_bytes(16).hex()


def _write_tenders(deed: Deed, event_id: str, event: PaymentEvent, ids: _Ids) -> None:
    rows, people = [], []
    for place, tender in enumerate(event.tenders):
        plain, personal = _split_personal(tender)
        digest = None
        if personal:
            salt, text = _salt(deed), json.dumps(personal, ensure_ascii=False, sort_keys=True)
            digest = _digest(salt, text)
            people.append({"tender_id": ids.tenders[place], "salt": salt, "details_json": text})
        rows.append(
            {
                "tender_id": ids.tenders[place],
                "payment_event_id": event_id,
                "number": place + 1,
                "mode": tender.mode.code,
                "amount_minor": tender.amount.minor,
                "change_minor": tender.change.minor,
                "currency": event.currency.code,
                "details_json": json.dumps(plain, ensure_ascii=False),
                "person_digest": digest,
            }
        )
    deed.unit.insert_all("tender", rows)
    deed.unit.insert_all("tender_person", people)


def _write_parts(deed: Deed, event_id: str, event: PaymentEvent, ids: _Ids) -> None:
    code = event.currency.code
    credited: dict[str, int] = {}
    for part in event.allocations:
        credited[part.account] = credited.get(part.account, 0) + part.amount.minor
    deed.unit.insert_all(
        "payment",
        [
            {
                "payment_id": ids.payments[account],
                "payment_event_id": event_id,
                "account": account,
                "amount_minor": minor,
                "currency": code,
            }
            for account, minor in credited.items()
        ],
    )
    leg_numbers = {(leg.tender, leg.account): number for number, leg in enumerate(event.legs, start=1)}
    deed.unit.insert_all(
        "allocation",
        [
            {
                "allocation_id": deed.new_id(),
                "payment_event_id": event_id,
                "payment_id": ids.payments[part.allocation.account],
                "tender_id": ids.tenders[part.tender],
                "leg": leg_numbers[(part.tender, part.allocation.account)],
                "number": number,
                "account": part.allocation.account,
                "bill_no": part.allocation.bill_no,
                "bill_id": part.allocation.bill_id,
                "amount_minor": part.amount.minor,
                "currency": code,
            }
            for number, part in enumerate(event.funded, start=1)
        ],
    )
    deed.unit.insert_all(
        "leg",
        [
            {
                "payment_event_id": event_id,
                "leg": number,
                "tender_id": ids.tenders[leg.tender],
                "account": leg.account,
                "amount_minor": leg.amount.minor,
                "currency": code,
            }
            for number, leg in enumerate(event.legs, start=1)
        ],
    )


def _write_event(
    deed: Deed, event_id: str, event: PaymentEvent, account: CachedAccount, receipt_number: str
) -> None:
    shift, identity = deed.require_shift(), deed.desk.identity
    salt = _salt(deed)
    deed.unit.insert(
        "payment_event",
        {
            "payment_event_id": event_id,
            "receipt_number": receipt_number,
            "terminal": identity.terminal,
            "epoch": identity.epoch,
            "sequence": deed.unit.next_number(f"sequence:{identity.epoch}"),
            "shift_id": shift.shift_id,
            "business_date": shift.business_date.isoformat(),
            "taken_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": deed.person.user,
            "payer_kind": str(event.payer_kind),
            "payer_account": event.payer_account,
            "payer_digest": _digest(salt, account.name),
            "amount_minor": event.amount.minor,
            "currency": event.currency.code,
        },
    )
    deed.unit.insert("payer_person", {"payment_event_id": event_id, "salt": salt, "name": account.name})


def _receipt(deed: Deed, event: PaymentEvent, account: CachedAccount) -> tuple[ReceiptFacts, int]:
    shift, identity = deed.require_shift(), deed.desk.identity
    counter = deed.unit.next_number(f"receipt:{identity.series}")
    facts = ReceiptFacts(
        receipt_number=identity.receipt_number(counter),
        kind=ReceiptKind.PAYMENT,
        shop=identity.shop,
        terminal=identity.terminal,
        shift_number=shift.number,
        business_date=shift.business_date,
        taken_at=deed.at.replace(microsecond=0),
        operator=deed.person.user,
        operator_name=deed.person.name,
        payer_kind=str(event.payer_kind),
        payer_account=event.payer_account,
        payer_name=account.name,
        total=event.amount,
        change=event.change,
        credit=event.credit,
        tenders=tuple(
            TenderLine(
                mode=tender.mode.code,
                label=tender.mode.label,
                amount=tender.amount,
                details=tuple(
                    (field.name, tender.details[field.name])
                    for field in tender.mode.fields
                    if field.name in tender.details
                ),
            )
            for tender in event.tenders
        ),
        allocations=tuple(
            AllocationLine(
                account=part.account,
                bill_no=part.bill_no,
                amount=part.amount,
                open_before=part.open_before,
                open_after=part.open_after,
            )
            for part in event.allocations
        ),
        chain_mark="",
    )
    return facts, counter


def _with_mark(facts: ReceiptFacts, head: str) -> ReceiptFacts:
    """The receipt carries the head of the chain as it stood after the journal: a short mark a person can read out."""
    return replace(facts, chain_mark=f"{head[:4]}-{head[4:8]}-{head[8:12]}")


def _write_receipt(deed: Deed, event_id: str, facts: ReceiptFacts, counter: int) -> None:
    deed.unit.insert(
        "receipt",
        {
            "receipt_number": facts.receipt_number,
            "series": deed.desk.identity.series,
            "counter": counter,
            "kind": str(facts.kind),
            "payment_event_id": event_id,
            "issued_at_utc": utc_text(deed.at),
            "facts_json": facts_json(facts, _personal_fields(deed.desk, facts)),
        },
    )
    deed.unit.insert(
        "print_job",
        {
            "receipt_number": facts.receipt_number,
            "copy_number": 0,
            "state": "waiting",
            "changed_at_utc": utc_text(deed.at),
        },
    )


def _personal_fields(desk: Desk, facts: ReceiptFacts) -> set[str]:
    """Names stay out of the chained row; the reading joins them from their side rows."""
    modes = {tender.mode for tender in facts.tenders}
    return {field.name for code in modes for field in desk.modes[code].fields if field.personal}


def _write_cheques(deed: Deed, cheques: Mapping[int, Cheque], ids: _Ids) -> None:
    for place, cheque in cheques.items():
        cheque_id = deed.new_id()
        deed.unit.insert(
            "cheque",
            {
                "cheque_id": cheque_id,
                "tender_id": ids.tenders[place],
                "bank": cheque.bank,
                "branch": cheque.branch,
                "bank_account": cheque.account,
                "serial": cheque.serial,
                "amount_minor": cheque.amount.minor,
                "currency": cheque.amount.currency.code,
                "cheque_date": cheque.dated.isoformat(),
            },
        )
        deed.unit.insert(
            "cheque_event",
            {
                "cheque_id": cheque_id,
                "number": 1,
                "state": str(ChequeState.RECEIVED),
                "at_utc": utc_text(deed.at),
                "operator": deed.person.user,
                "reason": None,
            },
        )


def _write_outbox(deed: Deed, event_id: str, event: PaymentEvent) -> None:
    deed.unit.insert_all(
        "outbox",
        [
            {
                "payment_event_id": event_id,
                "leg": number,
                "correlator_id": f"{event_id}-{number}",
                "kind": "payment",
                "account": leg.account,
                "state": "waiting",
                "changed_at_utc": utc_text(deed.at),
            }
            for number, leg in enumerate(event.legs, start=1)
        ],
    )
