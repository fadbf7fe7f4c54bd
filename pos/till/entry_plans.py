"""What an entry of a bank's file is to do, read from the books: looked at first, carried out then by the same value.

Source: domain.md 3.10 and rules 49 and 50.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from pos.domain.bank_file import (
    NOT_PROVIDED,
    REFERENCE_MAX,
    BankEntry,
    EntryKind,
    EntryOutcome,
    EntryPlan,
    Remark,
    Transfer,
    part_called,
)
from pos.domain.correction import TakenPayment, TakenTender
from pos.domain.debit_policy import ReturnReason
from pos.domain.errors import Refused
from pos.domain.mandate import Mandate
from pos.domain.money import Currency, Money, currency, parse_count, zero
from pos.domain.tender import instrument_of, plain_reference, read_date
from pos.domain.text_guard import clean_reference
from pos.store.bank_files import (
    DebitItem,
    item_called,
    items_of_message,
    keyed_under,
)
from pos.store.corrections import taken_payment
from pos.store.mandates import mandate_called
from pos.store.told_before import UNDONE, Told
from pos.till.corrections import parts_of_one
from pos.till.credit_transfers import transferred
from pos.till.desk import Desk
from pos.till.entry_books import EntryBooks, debit_mode, details_of_entry, readable
from pos.till.money_that_came import settled

REASON_CODE_MAX, REASON_MAX = 35, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What stands behind an entry here."""

    item: DebitItem | None
    mandate: Mandate | None
    account: str | None
    bill_no: str | None


def every_entry(connection: Connection, entry: BankEntry, number: int) -> Iterator[BankEntry]:
    """``entry`` under ``number`` of the run; what stands for a whole message of ours, item by item from there on."""
    if not entry.whole:
        yield replace(entry, number=number)
        return
    items = [
        item
        for item in items_of_message(connection, entry.whole)
        if entry.part in ("", part_called(entry.whole, first=item.first))
    ]
    if not items:
        yield replace(entry, number=number, reference=entry.reference or entry.whole, whole="")
    for further, item in enumerate(items):
        yield replace(
            entry,
            number=number + further,
            whole="",
            reference=item.reference,
            amount=item.amount.plain(),
            currency=item.amount.currency.code,
        )


def plan_entry(books: EntryBooks, entry: BankEntry, *, today: date) -> EntryPlan:
    """What is to become of ``entry``. A fault of its own parks it, with the reason; nothing is raised for it."""
    shop = books.desk.identity.currency
    none = zero(shop)
    try:
        reason = clean_reference(entry.reason, field="Reason", limit=REASON_CODE_MAX) if entry.reason else ""
        cleaned = replace(
            entry,
            reference=clean_reference(entry.reference, field="Reference", limit=REFERENCE_MAX),
            reason=reason.upper(),
            reason_text=readable(entry.reason_text, limit=REASON_MAX),
            bank_reference=_kept(entry.bank_reference),
        )
    except Refused as refusal:
        return EntryPlan(
            entry=replace(entry, reference=_harmless(entry.reference), reason="", reason_text=""),
            outcome=EntryOutcome.PARKED,
            amount=none,
            problem=refusal.code,
        )
    plan = EntryPlan(
        entry=cleaned, outcome=EntryOutcome.NOTED, amount=none, plain=plain_reference(cleaned.reference)
    )
    try:
        plan = replace(plan, amount=_amount(entry, shop))
        if plan.plain == NOT_PROVIDED:
            raise Refused("no_reference", "The bank names no reference.")
        before = books.told(plan.plain)
        if _is_transfer(books, cleaned, plan.plain, before):
            plan = replace(plan, remarks=(Remark.CREDIT_TRANSFER,))
            return transferred(books, plan, today)
        known = _known(books.connection, cleaned, plan.plain, before)
        plan = replace(
            plan,
            mandate=known.mandate.mandate if known.mandate else None,
            account=known.account,
            bill_no=known.bill_no,
        )
        match entry.kind:
            case EntryKind.ACCEPTED:
                return replace(plan, remarks=() if known.item else (Remark.NOT_COLLECTED,))
            case EntryKind.PAID:
                return _paid(books, plan, known, before, today)
            case EntryKind.REJECTED | EntryKind.RETURNED:
                return _refused(books, plan, known, before)
    except Refused as refusal:
        return replace(
            plan, outcome=EntryOutcome.PARKED, problem=refusal.code, value_date=_value_date(plan.entry)
        )


def _value_date(entry: BankEntry) -> date | None:
    """Of money that came, as far as it can be read."""
    if entry.kind is not EntryKind.PAID:
        return None
    try:
        return read_date(entry.value_date, field="Value date")
    except Refused:
        return None


def _harmless(text: str) -> str:
    """What of a reference that cannot be kept may be shown: nothing of it could be a card's number."""
    return "".join(sign for sign in text[:REFERENCE_MAX] if "!" <= sign <= "~" and not sign.isdigit())


def _is_transfer(books: EntryBooks, entry: BankEntry, plain: str, before: Sequence[Told]) -> bool:
    """Money that nothing calls a transfer or a debit is a debit where we asked for it, or heard of it as one."""
    if entry.transfer is Transfer.ASSUMED:
        return not before and item_called(books.connection, plain) is None
    return entry.transfer is Transfer.TOLD


def _kept(bank_reference: str) -> str:
    """The bank's own reference, to be met again: one that cannot be kept as it is goes by its digest."""
    try:
        return (
            clean_reference(bank_reference, field="Reference", limit=REFERENCE_MAX) if bank_reference else ""
        )
    except Refused:
        return f"#{hashlib.sha256(bank_reference.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"


def _amount(entry: BankEntry, shop: Currency) -> Money:
    """The entry's amount; banks write zeros behind, and of what they refuse sometimes none at all."""
    if not entry.amount:
        return zero(shop)
    told = currency(entry.currency or shop.code)
    text = entry.amount.strip()
    whole, mark, decimals = text.partition(".")
    if mark:
        decimals = decimals[: told.exponent] + decimals[told.exponent :].rstrip("0")
        text = f"{whole}.{decimals}" if decimals else whole
    return parse_count(text, told)


def _known(connection: Connection, entry: BankEntry, plain: str, before: Sequence[Told]) -> _Known:
    item = item_called(connection, plain)
    paid = None if entry.kind is EntryKind.PAID else next((told for told in before if told.is_money), None)
    named = entry.mandate or (item.mandate if item else None) or (paid.mandate if paid else None) or ""
    if named and named != NOT_PROVIDED:
        named = clean_reference(named, field="Mandate", limit=35)
    mandate = mandate_called(connection, plain_reference(named)) if named else None
    told = clean_reference(entry.account, field="Account", limit=40) if entry.account else None
    bill = clean_reference(entry.bill, field="Bill", limit=40) if entry.bill else None
    return _Known(
        item=item,
        mandate=mandate,
        account=told
        or (item.account if item else None)
        or (paid.account if paid else None)
        or (mandate.account if mandate else None),
        bill_no=bill or (item.bill_no if item else None) or (paid.bill_no if paid else None),
    )


# --- money that came -------------------------------------------------------------------------------------------------


def _paid(
    books: EntryBooks, plan: EntryPlan, known: _Known, before: Sequence[Told], today: date
) -> EntryPlan:
    desk = books.desk
    mode = debit_mode(desk)
    shop = desk.identity.currency
    if plan.amount.currency != shop:
        raise Refused("other_currency", f"This till takes money in {shop}.")
    if not plan.amount:
        raise Refused("amount_missing", "The bank names no amount.")
    value_date = read_date(plan.entry.value_date, field="Value date")
    plan = replace(plan, value_date=value_date)
    if _was_told(books, plan, before):
        return replace(plan, outcome=EntryOutcome.DUPLICATE)
    details = details_of_entry(mode, plan)
    instrument = instrument_of(mode, details, plan.amount)
    assert instrument is not None, "a direct debit has a paper by which it is known"
    if books.has_paper(instrument):
        paid = sum(told.is_money for told in before)
        if not paid:
            return replace(plan, outcome=EntryOutcome.DUPLICATE)
        # It was paid on this day, went back, and is paid again: another paper with the same names on it.
        plan = replace(plan, paper=f"{plan.entry.reference} x{paid + 1}")
        details = details_of_entry(mode, plan)
        instrument = instrument_of(mode, details, plan.amount)
        assert instrument is not None
    if known.item is not None and plan.account != known.item.account:
        raise Refused("account_differs", "This was collected for another account than the bank names.")
    plan = replace(plan, remarks=tuple(_remarks(books, plan, known)))
    return settled(books, plan, mode, details, today)


def _was_told(books: EntryBooks, plan: EntryPlan, before: Sequence[Told]) -> bool:
    """Whether this very movement of money was told before, by the bank's reference, or else by day and order.

    Money that went back may come again under our reference, on the same day too: then the bank's reference is another, or
    one file tells of it behind the return. Raises Refused ``paid_otherwise`` or ``paid_twice``.
    """
    money = [told for told in before if told.is_money]
    called = plan.entry.bank_reference
    same = next((told for told in money if called and told.bank_reference == called), None)
    if same is None and not (money and before[0].is_money):
        of_the_day = [told for told in money if told.value_date == plan.value_date]
        named_apart = called and all(told.bank_reference for told in of_the_day)
        return bool(of_the_day) and not named_apart and not books.told_here(before[0])
    told = same or money[0]
    if told.amount != plan.amount:
        raise Refused("paid_otherwise", "Another amount was paid under this reference before.")
    if same is None and called and told.bank_reference:
        raise Refused("paid_twice", "The bank tells of two payments under this reference.")
    return True


def _remarks(books: EntryBooks, plan: EntryPlan, known: _Known) -> Iterator[Remark]:
    if known.item is not None and known.item.amount != plan.amount:
        yield Remark.AMOUNT_DIFFERS
    if known.mandate is None:
        yield Remark.MANDATE_UNKNOWN
    elif not books.may_collect(known.mandate):
        yield Remark.MANDATE_INACTIVE
    if plan.bill_no is not None and plan.account is not None:
        bill = books.bill(plan.bill_no)
        if bill is None or bill.bill.account != plan.account or bill.payable < plan.amount:
            yield Remark.ALREADY_PAID


# --- money that did not come, or went back ---------------------------------------------------------------------------


def _refused(books: EntryBooks, plan: EntryPlan, known: _Known, before: Sequence[Told]) -> EntryPlan:
    """A payment that stands goes back, whatever the bank calls it; else what was asked of the bank is refused."""
    desk, connection = books.desk, books.connection
    if _was_undone(plan, before):
        return replace(plan, outcome=EntryOutcome.DUPLICATE)
    money = next((told for told in before if told.is_money), None)
    posted = None if money is None or money.tender_id is None else (money.tender_id, money.receipt or "")
    paid = posted or (_keyed(books, plan) if money is None else None)
    rehearsed = money is not None and money.run_id is None and money.outcome in ("posted", "suspense")
    if money is not None and money.outcome == "waiting" and paid is None:
        raise Refused("value_date_to_come", "Its payment waits for its value date. Settle it by hand.")
    stands = paid is not None or rehearsed
    if not stands and known.item is None:
        raise Refused("unknown_reference", "Nothing was collected or paid under this reference here.")
    if plan.entry.kind is EntryKind.RETURNED and not stands:
        raise Refused("not_paid", "It was collected, but no file has told that it was paid.")
    if paid is not None:
        tender_to_return(connection, paid, plan.amount)
    elif money is not None and plan.amount and plan.amount != money.amount:
        raise _return_differs(plan.amount, money.amount)
    plan = replace(
        plan,
        outcome=EntryOutcome.RETURNED if stands else EntryOutcome.REJECTED,
        tender_id=None if paid is None else paid[0],
        receipt=None if paid is None else paid[1],
        amount=plan.amount or (known.item.amount if known.item else plan.amount),
    )
    reason = desk.policy.debits.reason(plan.entry.reason)
    return replace(
        plan,
        fee=None if any(told.charged for told in before) else _fee(desk, plan, known, reason),
        suspends=_suspends(books, plan.plain, known.mandate, reason),
    )


def _was_undone(plan: EntryPlan, before: Sequence[Told]) -> bool:
    """Whether this refusal or return was told before: nothing stands, or what stands came after it.

    Raises Refused ``returned_otherwise``.
    """
    undone = [told for told in before if told.outcome in UNDONE]
    called = plan.entry.bank_reference
    if not undone:
        return False
    same = next((told for told in undone if called and told.bank_reference == called), None)
    if same is None and not before[0].is_money:
        same = undone[0]
    if same is not None:
        both_back = plan.entry.kind is EntryKind.RETURNED and same.outcome == "returned"
        if both_back and plan.amount and plan.amount != same.amount:
            raise Refused("returned_otherwise", "Another amount was taken back under this reference before.")
        return True
    paid_on = before[0].value_date
    return paid_on is not None and _day(plan.entry.value_date) < paid_on


def _day(text: str) -> date:
    """A day of the bank; of one that names none the last there is."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.max


def _keyed(books: EntryBooks, plan: EntryPlan) -> tuple[str, str] | None:
    """The tender and receipt that the reference was paid by at the counter."""
    named = plan.mandate or plan.entry.mandate
    if not named:
        return None
    kind = debit_mode(books.desk).kind
    return keyed_under(books.connection, f"{kind}|{plain_reference(named)}|{plan.plain}|")


def tender_to_return(
    connection: Connection, paid: tuple[str, str], amount: Money
) -> tuple[TakenPayment, TakenTender]:
    """The payment whose money went back, and its tender, of which all still stands.

    Raises Refused ``payment_corrected``, ``tender_paid_items`` or ``return_differs`` (the bank took another amount back).
    """
    taken = taken_payment(connection, paid[1])
    assert taken is not None, "a tender has its payment"
    tender = next(one for one in taken.tenders if one.tender_id == paid[0])
    if tender.undone:
        raise Refused("payment_corrected", "This payment was undone already.", receipt=taken.receipt_number)
    parts_of_one(taken, tender)
    if amount and amount != tender.paid:
        raise _return_differs(amount, tender.paid)
    return taken, tender


def _return_differs(amount: Money, paid: Money) -> Refused:
    return Refused("return_differs", f"The bank took {amount} back, the payment was {paid}.")


def _fee(desk: Desk, plan: EntryPlan, known: _Known, reason: ReturnReason) -> Money | None:
    fee = desk.policy.debits.fee
    if not reason.payors_fault or fee is None or fee.currency != desk.identity.currency:
        return None
    return fee if plan.account is not None and (known.item or known.mandate) else None


def _suspends(books: EntryBooks, plain: str, mandate: Mandate | None, reason: ReturnReason) -> bool:
    if mandate is None or not books.may_collect(mandate):
        return False
    if reason.suspends:
        return True
    policy = books.desk.policy.debits
    if not policy.suspend_after or not reason.payors_fault:
        return False
    counted = frozenset(one.code for one in policy.reasons if one.payors_fault)
    return books.refusals(mandate, counted, with_one_of=plain) >= policy.suspend_after
