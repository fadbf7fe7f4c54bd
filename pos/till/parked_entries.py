"""Settling what a bank's file told and the run could not carry out: paid to its account, charged, sent back, written off.

Each is a deed of its own with a reason, balanced and in no shift; what moves no customer's money can be undone.
Source: domain.md section 1 (suspense), 3.10.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pos.domain.business_day import business_date
from pos.domain.errors import Refused
from pos.domain.imported_record import RecordState
from pos.domain.money import Money, zero
from pos.domain.parked_entry import ParkedEntry, Settled, settled_lines
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentMode
from pos.domain.posting import JournalLine, SourceKind, inverse
from pos.domain.role import Person
from pos.domain.tender import instrument_of, read_details
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.cache import CachedAccount
from pos.store.imports import record_of_instrument
from pos.store.parked_entries import (
    EntryStep,
    parked_entries,
    parked_entry,
    steps_of_entry,
    waiting_record,
)
from pos.store.times import offset_minutes, utc_text
from pos.till.approvals import use_or_ask
from pos.till.bank_runs import LISTED_MAX, run_of
from pos.till.debit_returns import Owed, write_charge
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.entry_books import debit_mode, transfer_mode
from pos.till.gate import require_look
from pos.till.journal import book_entry
from pos.till.known_accounts import unknown_account
from pos.till.own_accounts import refuse_own_accounts
from pos.till.record_states import state_row
from pos.till.run_payment import post_record

ACT = "settle_bank_entry"
REASON_MAX = 200
SAME_PAPER_MAX = 1_000
UNDOABLE = (Settled.SENT_BACK, Settled.WRITTEN_OFF, Settled.WITHDRAWN, Settled.NOTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleEntryOrder:
    """Which entry of which run is settled how, as typed. UNDONE takes the last settling back."""

    run: str
    number: int
    how: Settled
    account: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySettled:
    """What was made of an entry. ``receipt`` of a payment, ``bill_no`` of what was charged."""

    run_id: str
    number: int
    reference: str
    how: Settled
    amount: Money
    account: str | None
    receipt: str | None
    bill_no: str | None


def waiting_entries(desk: Desk, person: Person) -> list[ParkedEntry]:
    """The entries that wait for a person, the oldest first. Raises NotAuthorised."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return parked_entries(connection, limit=LISTED_MAX)


def entry_life(desk: Desk, person: Person, run_id: str, number: int) -> tuple[ParkedEntry, list[EntryStep]]:
    """A parked entry and what was made of it. Raises NotAuthorised or Refused ``unknown_entry``."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        run = clean_reference(run_id, field="Run", limit=64)
        return _found(parked_entry(connection, run, number)), steps_of_entry(connection, run, number)


def settle_entry(
    desk: Desk, person: Person, order: SettleEntryOrder, *, memo: Memo | None = None
) -> EntrySettled:
    """Carry out ``order``.

    Raises NotAuthorised, ApprovalNeeded (WRITTEN_OFF, NOTED of money, or the person's own account), or Refused
    ``unknown_entry``, ``entry_settled``, ``entry_not_settled``, ``not_settled_so``, ``not_undone_so``, ``reason_missing``,
    ``unknown_account``, ``account_other_currency``, ``mode_not_for_payer`` or ``mode_not_available``.
    """

    def work(deed: Deed) -> EntrySettled:
        run_id = clean_reference(order.run, field="Run", limit=64)
        deed.subject, deed.shift = f"{run_id}/{order.number}", None
        deed.run = run_of(desk, run_id, business_date(deed.at, desk.policy.day_starts), ModeKind.DIRECT_DEBIT)
        reason = deed.reason_code = clean_entry(order.reason, field="Reason", limit=REASON_MAX)
        if not reason:
            raise Refused("reason_missing", "Say why; it is kept with your name.", field="reason")
        entry = _found(parked_entry(deed.unit.connection, run_id, order.number))
        if order.how is Settled.UNDONE:
            return _undo(deed, entry, reason)
        if entry.settled is not None and not entry.tender_undone:
            raise Refused(
                "entry_settled",
                f"Entry {entry.number} is settled already: {_in_words(entry.settled)}.",
                settled=str(entry.settled),
            )
        if entry.settled is not None:
            entry = _parked_again(deed, entry, "its payment was undone")
        allowed = entry.ways(desk.identity.currency)
        if order.how not in allowed:
            raise Refused(
                "not_settled_so",
                f"Entry {entry.number} cannot be {_in_words(order.how)}.",
                allowed=[str(way) for way in allowed],
            )
        return _settle(deed, entry, order, reason)

    return perform(desk, person, ACT, work, memo=memo)


def _found(entry: ParkedEntry | None) -> ParkedEntry:
    if entry is None:
        raise Refused("unknown_entry", "No such entry of a bank's file was parked here.")
    return entry


def _in_words(how: Settled) -> str:
    return how.replace("_", " ")


def _settle(deed: Deed, entry: ParkedEntry, order: SettleEntryOrder, reason: str) -> EntrySettled:
    how, desk = order.how, deed.desk
    named = _account(deed, entry, order.account) if how.names_account else None
    account = None if named is None else named.account
    what = f"entry {entry.number} of {entry.file}, {entry.amount}, is {_in_words(how)}"
    content = {"entry": deed.subject, "step": entry.steps, "how": str(how), "account": account}
    if how is Settled.WRITTEN_OFF or (how is Settled.NOTED and entry.is_money(desk.identity.currency)):
        use_or_ask(deed, ACT, content, what, "This needs a second person.")
    if named is not None:
        refuse_own_accounts(deed, ACT, {"own": content}, f"{what} to {account}", [named])
    record_id, receipt, charge_id, bill_no = None, None, None, None
    if how in (Settled.PAID, Settled.SUSPENSE):
        record_id, receipt = _pay(deed, entry, account)
    elif how is Settled.CHARGED:
        assert account is not None, "a charge names its account"
        owed = Owed(
            account=account,
            returned=entry.amount,
            fee=zero(entry.amount.currency),
            tax=zero(entry.amount.currency),
        )
        charge_id, bill_no = write_charge(deed, owed, entry.run_id, entry.number)
    elif how is Settled.WITHDRAWN:
        record_id = waiting_record(deed.unit.connection, entry)
        if record_id is None:
            raise Refused("nothing_waits", "Nothing waits for its value date under this reference.")
    place = _write_step(deed, entry, how, reason, account=account, record_id=record_id, charge_id=charge_id)
    if how in (Settled.CHARGED, Settled.SENT_BACK, Settled.WRITTEN_OFF):
        book_entry(deed, SourceKind.BANK_ENTRY, f"{deed.subject}/{place}", _lines(desk, entry, how, account))
    return EntrySettled(
        run_id=entry.run_id,
        number=entry.number,
        reference=entry.reference,
        how=how,
        amount=entry.amount,
        account=account,
        receipt=receipt,
        bill_no=bill_no,
    )


def _lines(desk: Desk, entry: ParkedEntry, how: Settled, account: str | None) -> list[JournalLine]:
    return settled_lines(
        entry,
        how,
        clearing=_mode(desk, entry).ledger_account,
        suspense=desk.policy.suspense_account,
        account=account,
    )


def _mode(desk: Desk, entry: ParkedEntry) -> PaymentMode:
    """The way that the entry's money went. Raises Refused ``mode_not_available``."""
    if not entry.is_transfer:
        return debit_mode(desk)
    mode = transfer_mode(desk)
    if mode is None:
        raise Refused("mode_not_available", "This shop takes no credit transfers.")
    return mode


def _account(deed: Deed, entry: ParkedEntry, typed: str) -> CachedAccount:
    """Whose it is: a subscriber's, for nobody else pays by direct debit (rule 50)."""
    account_id = clean_reference(typed, field="Account", limit=40)
    with deed.desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None or not deed.person.may_see(account_id):
        raise unknown_account(deed.desk, account_id)
    if account.currency != entry.amount.currency:
        raise Refused("account_other_currency", f"Account {account_id} is kept in {account.currency}.")
    mode = _mode(deed.desk, entry)
    if account.kind not in mode.accepts or account.kind is not PayerKind.SUBSCRIBER:
        raise Refused("mode_not_for_payer", f"{mode.label} is not taken from a {account.kind}.")
    return account


def _pay(deed: Deed, entry: ParkedEntry, account: str | None) -> tuple[str, str]:
    """Book the money as a payment of the account, or as nobody's; answers its record and its receipt."""
    mode = _mode(deed.desk, entry)
    details, instrument = _paper(deed, mode, entry)
    record_id = deed.new_id()
    deed.unit.insert(
        "imported_record",
        {
            "record_id": record_id,
            "run_id": entry.run_id,
            "mode": mode.code,
            "instrument": instrument,
            "amount_minor": entry.amount.minor,
            "currency": entry.amount.currency.code,
            "record_date": (entry.value_date or deed.at.date()).isoformat(),
            "account": account or deed.desk.policy.suspense_account,
            "bill_no": entry.bill_no,
            "details_json": json.dumps(details, ensure_ascii=False),
        },
    )
    waiting = state_row(deed, record_id, 1, RecordState.WAITING, tender_id=None)
    deed.unit.insert("imported_record_state", waiting)
    taken = post_record(
        deed,
        record_id,
        mode,
        entry.amount,
        details,
        account=account,
        bill_no=entry.bill_no,
        known_as=f"{mode.label} {' '.join(details.values())}"[:120],
    )
    return record_id, taken.receipt.receipt_number


def _paper(deed: Deed, mode: PaymentMode, entry: ParkedEntry) -> tuple[dict[str, str], str]:
    """The tender's own fields, and the paper by which it is known: where that came before, its entry's number tells it."""
    reference = entry.reference
    for place in range(SAME_PAPER_MAX):
        told = {
            "mandate": entry.mandate or "NOTPROVIDED",
            "reference": reference,
            "date": (entry.value_date or deed.at.date()).isoformat(),
        }
        details = read_details(mode, {field.name: told.get(field.name, "") for field in mode.fields})
        instrument = instrument_of(mode, details, entry.amount)
        assert instrument is not None, "a direct debit has a paper by which it is known"
        if record_of_instrument(deed.unit.connection, instrument) is None:
            return details, instrument
        reference = f"{entry.reference[:30]}-{entry.number}" + (f"-{place}" if place else "")
    raise Refused("taken_before", "This was paid too often.")


def _undo(deed: Deed, entry: ParkedEntry, reason: str) -> EntrySettled:
    """What moved no customer's money is posted back; a payment is undone by its receipt, and a charge is a bill."""
    how = entry.settled
    if how is None:
        raise Refused("entry_not_settled", f"Entry {entry.number} is parked: there is nothing to undo.")
    if how not in UNDOABLE and not entry.tender_undone:
        said = (
            f"It was booked with receipt {entry.receipt}: undo that."
            if entry.receipt is not None
            else "It is a bill of the account now."
        )
        raise Refused("not_undone_so", said, receipt=entry.receipt)
    lines = _lines(deed.desk, entry, how, None) if how in UNDOABLE else []
    _parked_again(deed, entry, reason)
    book_entry(
        deed, SourceKind.BANK_ENTRY, f"{deed.subject}/{entry.steps + 1}", [inverse(line) for line in lines]
    )
    return EntrySettled(
        run_id=entry.run_id,
        number=entry.number,
        reference=entry.reference,
        how=Settled.UNDONE,
        amount=entry.amount,
        account=None,
        receipt=None,
        bill_no=None,
    )


def _parked_again(deed: Deed, entry: ParkedEntry, reason: str) -> ParkedEntry:
    _write_step(deed, entry, Settled.UNDONE, reason)
    again = parked_entry(deed.unit.connection, entry.run_id, entry.number)
    return _found(again)


def _write_step(
    deed: Deed,
    entry: ParkedEntry,
    how: Settled,
    reason: str,
    *,
    account: str | None = None,
    record_id: str | None = None,
    charge_id: str | None = None,
) -> int:
    place = entry.steps + 1
    deed.unit.insert(
        "bank_entry_step",
        {
            "run_id": entry.run_id,
            "number": entry.number,
            "place": place,
            "how": str(how),
            "account": account,
            "record_id": record_id,
            "charge_id": charge_id,
            "reason": reason,
            "at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": deed.person.user,
        },
    )
    return place
