"""What an entry of a bank's file is to do, read from the books: looked at first, carried out then by the same value.

Source: domain.md 3.10 and rules 49 and 50.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    part_called,
)
from pos.domain.bill import OpenBill
from pos.domain.correction import TakenPayment, TakenTender
from pos.domain.debit_policy import ReturnReason
from pos.domain.errors import Refused
from pos.domain.imported_record import BankRecord, differences
from pos.domain.mandate import Mandate
from pos.domain.money import Currency, Money, currency, parse_count, zero
from pos.domain.payment_mode import ModeKind, PaymentMode
from pos.domain.tender import instrument_of, plain_reference, read_date, read_details
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store import cache as cached
from pos.store.bank_files import (
    DebitItem,
    amount_under,
    fee_under,
    item_called,
    items_of_message,
    keyed_under,
    last_word,
    paid_under,
    told_under,
)
from pos.store.corrections import taken_payment
from pos.store.imports import record_of_instrument, slip_of_instrument
from pos.store.mandates import mandate_called, refusals_since_active
from pos.till.corrections import parts_of_one
from pos.till.desk import Desk
from pos.till.open_bills import open_bills

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


def plan_entry(desk: Desk, connection: Connection, entry: BankEntry, *, today: date) -> EntryPlan:
    """What is to become of ``entry``. A fault of its own parks it, with the reason; nothing is raised for it."""
    none = zero(desk.identity.currency)
    try:
        reason = clean_reference(entry.reason, field="Reason", limit=REASON_CODE_MAX) if entry.reason else ""
        cleaned = replace(
            entry,
            reference=clean_reference(entry.reference, field="Reference", limit=REFERENCE_MAX),
            reason=reason.upper(),
            reason_text=clean_entry(entry.reason_text, field="Reason", limit=REASON_MAX),
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
        plan = replace(plan, amount=_amount(entry, desk.identity.currency))
        if plan.plain == NOT_PROVIDED:
            raise Refused("no_reference", "The bank names no reference.")
        known = _known(connection, cleaned, plan.plain)
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
                return _paid(desk, connection, plan, known, today)
            case EntryKind.REJECTED | EntryKind.RETURNED:
                return _refused(desk, connection, plan, known)
    except Refused as refusal:
        return replace(plan, outcome=EntryOutcome.PARKED, problem=refusal.code)


def _harmless(text: str) -> str:
    """What of a reference that cannot be kept may be shown: nothing of it could be a card's number."""
    return "".join(sign for sign in text[:REFERENCE_MAX] if "!" <= sign <= "~" and not sign.isdigit())


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


def _known(connection: Connection, entry: BankEntry, plain: str) -> _Known:
    item = item_called(connection, plain)
    before = (None, None, None) if entry.kind is EntryKind.PAID else told_under(connection, plain)
    named = entry.mandate or (item.mandate if item else None) or before[0] or ""
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
        or before[1]
        or (mandate.account if mandate else None),
        bill_no=bill or (item.bill_no if item else None) or before[2],
    )


# --- money that came -------------------------------------------------------------------------------------------------


def debit_mode(desk: Desk) -> PaymentMode:
    """The way to pay that these files are about. Raises Refused ``mode_not_available`` for none, or several."""
    modes = desk.modes.of_kind(ModeKind.DIRECT_DEBIT)
    if len(modes) != 1 or not modes[0].available:
        raise Refused("mode_not_available", "This shop takes no direct debit.")
    return modes[0]


def details_of_entry(mode: PaymentMode, plan: EntryPlan) -> dict[str, str]:
    """The tender's own fields. Raises Refused where one of them cannot be kept."""
    told = {
        "mandate": plan.mandate or plan.entry.mandate or NOT_PROVIDED,
        "reference": plan.entry.reference,
        "date": "" if plan.value_date is None else plan.value_date.isoformat(),
    }
    return read_details(mode, {field.name: told.get(field.name, "") for field in mode.fields})


def _paid(desk: Desk, connection: Connection, plan: EntryPlan, known: _Known, today: date) -> EntryPlan:
    mode = debit_mode(desk)
    shop = desk.identity.currency
    if plan.amount.currency != shop:
        raise Refused("other_currency", f"This till takes money in {shop}.")
    if not plan.amount:
        raise Refused("amount_missing", "The bank names no amount.")
    value_date = read_date(plan.entry.value_date, field="Value date")
    plan = replace(plan, value_date=value_date)
    details = details_of_entry(mode, plan)
    instrument = instrument_of(mode, details, plan.amount)
    assert instrument is not None, "a direct debit has a paper by which it is known"
    if last_word(connection, plan.plain) in ("posted", "suspense", "matched", "differs", "waiting"):
        if amount_under(connection, plan.plain) != plan.amount:
            raise Refused("paid_otherwise", "Another amount was paid under this reference before.")
        return replace(plan, outcome=EntryOutcome.DUPLICATE)
    if record_of_instrument(connection, instrument) is not None:
        return replace(plan, outcome=EntryOutcome.DUPLICATE)
    if known.item is not None and plan.account != known.item.account:
        raise Refused("account_differs", "This was collected for another account than the bank names.")
    plan = replace(plan, remarks=tuple(_remarks(desk, connection, plan, known)))
    slip = slip_of_instrument(connection, instrument)
    if slip is not None:
        record = BankRecord(
            mode=mode,
            instrument=instrument,
            details=details,
            amount=plan.amount,
            account=plan.account or "",
            bill_no=plan.bill_no,
        )
        differs = differences(record, slip) if plan.account else ()
        return replace(
            plan,
            outcome=EntryOutcome.DIFFERS if differs else EntryOutcome.MATCHED,
            receipt=slip.receipt_number,
            tender_id=slip.tender_id,
        )
    unknown = _owner_problem(desk, mode, plan.account, shop)
    if value_date > today:
        return replace(plan, outcome=EntryOutcome.WAITING)
    return replace(plan, outcome=EntryOutcome.SUSPENSE if unknown else EntryOutcome.POSTED)


def _owner_problem(desk: Desk, mode: PaymentMode, account_id: str | None, shop: Currency) -> bool:
    """Whether nobody knows whose money it is. Raises Refused where it is somebody's who may not pay so (rule 50)."""
    if account_id is None:
        return True
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None:
        return True
    if account.kind not in mode.accepts:
        raise Refused("mode_not_for_payer", f"{mode.label} is not taken from a {account.kind}.")
    if account.currency != shop:
        raise Refused("account_other_currency", f"Account {account_id} is kept in {account.currency}.")
    return False


def _remarks(desk: Desk, connection: Connection, plan: EntryPlan, known: _Known) -> Iterator[Remark]:
    if known.item is not None and known.item.amount != plan.amount:
        yield Remark.AMOUNT_DIFFERS
    if known.mandate is None:
        yield Remark.MANDATE_UNKNOWN
    elif not known.mandate.may_collect:
        yield Remark.MANDATE_INACTIVE
    if plan.bill_no is not None and plan.account is not None:
        bill = bill_now(desk, connection, plan.bill_no)
        if bill is None or bill.bill.account != plan.account or bill.payable < plan.amount:
            yield Remark.ALREADY_PAID


def bill_now(desk: Desk, connection: Connection, bill_no: str) -> OpenBill | None:
    """A bill with what is open of it, by the books."""
    with desk.cache.read() as told:
        bill = cached.bill_by_number(told, bill_no)
    return None if bill is None else next(iter(open_bills(connection, [bill])))


# --- money that did not come, or went back ---------------------------------------------------------------------------


def _refused(desk: Desk, connection: Connection, plan: EntryPlan, known: _Known) -> EntryPlan:
    """A payment that stands goes back, whatever the bank calls it; else what was asked of the bank is refused."""
    word = last_word(connection, plan.plain)
    if word in ("rejected", "returned"):
        return replace(plan, outcome=EntryOutcome.DUPLICATE)
    paid = _stands(desk, connection, plan)
    if word == "waiting" and paid is None:
        raise Refused("value_date_to_come", "Its payment waits for its value date. Settle it by hand.")
    if paid is None and known.item is None:
        raise Refused("unknown_reference", "Nothing was collected or paid under this reference here.")
    if plan.entry.kind is EntryKind.RETURNED and paid is None:
        raise Refused("not_paid", "It was collected, but no file has told that it was paid.")
    if paid is not None:
        tender_to_return(connection, paid, plan.amount)
    plan = replace(
        plan,
        outcome=EntryOutcome.REJECTED if paid is None else EntryOutcome.RETURNED,
        tender_id=None if paid is None else paid[0],
        receipt=None if paid is None else paid[1],
        amount=plan.amount or (known.item.amount if known.item else plan.amount),
    )
    reason = desk.policy.debits.reason(plan.entry.reason)
    return replace(
        plan,
        fee=None if fee_under(connection, plan.plain) else _fee(desk, plan, known, reason),
        suspends=_suspends(desk, connection, plan.plain, known.mandate, reason),
    )


def _stands(desk: Desk, connection: Connection, plan: EntryPlan) -> tuple[str, str] | None:
    """The tender and receipt that the reference was paid by: through a file, or keyed at the counter."""
    found = paid_under(connection, plan.plain)
    if found is not None:
        return found
    named = plan.mandate or plan.entry.mandate
    if not named:
        return None
    kind = debit_mode(desk).kind
    return keyed_under(connection, f"{kind}|{plain_reference(named)}|{plan.plain}|")


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
        raise Refused(
            "return_differs",
            f"The bank took {amount} back, the payment was {tender.paid}.",
            receipt=taken.receipt_number,
        )
    return taken, tender


def _fee(desk: Desk, plan: EntryPlan, known: _Known, reason: ReturnReason) -> Money | None:
    fee = desk.policy.debits.fee
    if not reason.payors_fault or fee is None or fee.currency != desk.identity.currency:
        return None
    return fee if plan.account is not None and (known.item or known.mandate) else None


def _suspends(
    desk: Desk, connection: Connection, plain: str, mandate: Mandate | None, reason: ReturnReason
) -> bool:
    if mandate is None or not mandate.may_collect:
        return False
    if reason.suspends:
        return True
    policy = desk.policy.debits
    if not policy.suspend_after or not reason.payors_fault:
        return False
    counted = frozenset(one.code for one in policy.reasons if one.payors_fault)
    refused = refusals_since_active(connection, mandate, counted, with_one_of=plain)
    return refused >= policy.suspend_after
