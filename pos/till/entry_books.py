"""The books as an entry of a bank's file finds them: with what those before it in the file did, or would have done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.bank_file import NOT_PROVIDED, EntryOutcome, EntryPlan
from pos.domain.bill import BillSnapshot, OpenBill
from pos.domain.errors import Refused
from pos.domain.imported_record import TakenSlip
from pos.domain.mandate import Mandate
from pos.domain.pan_guard import mask_card_number
from pos.domain.payment_mode import ModeKind, PaymentMode
from pos.domain.tender import instrument_of, read_details
from pos.domain.text_guard import clean_foreign
from pos.store import cache as cached
from pos.store.corrections import taken_payment
from pos.store.imports import record_of_instrument, slip_of_instrument
from pos.store.mandates import refusals_since_active
from pos.store.told_before import PaidLater, Rehearsal, Told, told_before
from pos.till.desk import Desk
from pos.till.open_bills import open_bills
from pos.till.run_payment import shares_of

REMITTANCE_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBooks:
    """``run_id`` is the run under way; None: its file is not begun. ``so_far`` None: the file is carried out."""

    desk: Desk
    connection: Connection
    run_id: str | None = None
    so_far: Rehearsal | None = None

    def told(self, plain: str) -> list[Told]:
        """What files told of this reference, the latest first."""
        before = [] if self.so_far is None else self.so_far.told_before(plain)
        return before + told_before(self.connection, plain)

    def told_here(self, told: Told) -> bool:
        """Whether the file under way told it, or one that is only looked at."""
        return told.run_id == self.run_id or told.run_id is None

    def has_paper(self, instrument: str) -> bool:
        """Whether a file told of money with this paper."""
        rehearsed = self.so_far is not None and self.so_far.has_paper(instrument)
        return rehearsed or record_of_instrument(self.connection, instrument) is not None

    def slip(self, instrument: str) -> TakenSlip | None:
        """What the counter took with this paper, and still stands."""
        found = slip_of_instrument(self.connection, instrument)
        gone = found is not None and self.so_far is not None and self.so_far.is_undone(found.tender_id)
        return None if gone else found

    def bill(self, bill_no: str) -> OpenBill | None:
        """A bill with what is open of it."""
        with self.desk.cache.read() as told:
            bill = cached.bill_by_number(told, bill_no)
        return None if bill is None else self.open_bills([bill])[0]

    def open_bills(self, bills: list[BillSnapshot]) -> list[OpenBill]:
        """``bills`` with what is open of each."""
        for account in dict.fromkeys(bill.account for bill in bills):
            self.work_out(account)
        return self._open_so_far(bills)

    def work_out(self, account: str) -> None:
        """Set the file's payments for ``account`` against its bills, in their order.

        That waits until somebody asks: in most files no entry meets the bills of another.
        """
        while self.so_far is not None and (later := self.so_far.next_of_account(account)) is not None:
            parts = shares_of(self.desk, account, later.bill_no, later.amount, opened=self._open_so_far)
            self.so_far.set_against(later.plain, parts)

    def _open_so_far(self, bills: list[BillSnapshot]) -> list[OpenBill]:
        beside = {}
        if self.so_far is not None:
            paid = {bill.bill_no: self.so_far.paid_of(bill.bill_no) for bill in bills}
            beside = {bill_no: amount for bill_no, amount in paid.items() if amount is not None}
        return open_bills(self.connection, bills, beside=beside)

    def may_collect(self, mandate: Mandate) -> bool:
        """Whether money may be collected by it still."""
        suspended = self.so_far is not None and self.so_far.is_suspended(mandate.mandate)
        return mandate.may_collect and not suspended

    def refusals(self, mandate: Mandate, codes: frozenset[str], *, with_one_of: str) -> int:
        """Of how many collections something was refused, the debit ``with_one_of`` among them."""
        before = [] if self.so_far is None else self.so_far.refused(mandate.mandate)
        return refusals_since_active(self.connection, mandate, codes, with_some_of=[*before, with_one_of])


def debit_mode(desk: Desk) -> PaymentMode:
    """The way to pay that these files are about. Raises Refused ``mode_not_available`` for none, or several."""
    transfers_as = desk.policy.debits.transfers_as
    modes = [mode for mode in desk.modes.of_kind(ModeKind.DIRECT_DEBIT) if mode.code != transfers_as]
    if len(modes) != 1 or not modes[0].available:
        raise Refused("mode_not_available", "This shop takes no direct debit.")
    return modes[0]


def transfer_mode(desk: Desk) -> PaymentMode | None:
    """The way to pay that a credit transfer is; None: the shop takes none."""
    code = desk.policy.debits.transfers_as
    found = next((mode for mode in desk.modes.of_kind(ModeKind.DIRECT_DEBIT) if mode.code == code), None)
    return found if found is not None and found.available else None


def mode_of_entry(desk: Desk, plan: EntryPlan) -> PaymentMode:
    """The way that the money of an entry was paid."""
    return desk.modes[plan.mode] if plan.mode else debit_mode(desk)


def details_of_entry(mode: PaymentMode, plan: EntryPlan) -> dict[str, str]:
    """The tender's own fields. Raises Refused where one of them cannot be kept."""
    told = {
        "mandate": plan.mandate or plan.entry.mandate or NOT_PROVIDED,
        "reference": plan.paper or plan.entry.reference,
        "date": "" if plan.value_date is None else plan.value_date.isoformat(),
        "remittance": readable(
            " ".join((*plan.entry.structured, *plan.entry.remittance)), limit=REMITTANCE_MAX
        ),
    }
    return read_details(mode, {field.name: told.get(field.name, "") for field in mode.fields})


def readable(text: str, *, limit: int) -> str:
    """What a bank or a payer says in its own words: on one line, made harmless."""
    return mask_card_number(clean_foreign(" ".join(text.split()), limit=limit))


# --- what an entry would do ----------------------------------------------------------------------------------------------


def rehearse(books: EntryBooks, plan: EntryPlan) -> None:
    """Remember what carrying out ``plan`` would do, for the entries behind it."""
    so_far = books.so_far
    assert so_far is not None, "only a file that is looked at is rehearsed"
    if plan.outcome in (EntryOutcome.NOTED, EntryOutcome.DUPLICATE, EntryOutcome.PARKED):
        return
    instrument = None
    match plan.outcome:
        case EntryOutcome.REJECTED:
            pass
        case EntryOutcome.RETURNED:
            _take_back(books, so_far, plan)
        case _:
            mode = mode_of_entry(books.desk, plan)
            instrument = instrument_of(mode, details_of_entry(mode, plan), plan.amount)
            if plan.outcome is EntryOutcome.POSTED and plan.account is not None:
                so_far.pay_later(
                    PaidLater(
                        plain=plan.plain, account=plan.account, bill_no=plan.bill_no, amount=plan.amount
                    )
                )
    so_far.tell(plan.plain, _told(plan), instrument=instrument)
    if plan.outcome in (EntryOutcome.RETURNED, EntryOutcome.REJECTED) and plan.mandate is not None:
        if books.desk.policy.debits.reason(plan.entry.reason).payors_fault:
            so_far.refuse(plan.mandate, plan.plain)
        if plan.suspends:
            so_far.suspend(plan.mandate)


def _told(plan: EntryPlan) -> Told:
    return Told(
        outcome=str(plan.outcome),
        amount=plan.amount,
        value_date=plan.value_date,
        mandate=plan.mandate,
        account=plan.account,
        bill_no=plan.bill_no,
        bank_reference=plan.entry.bank_reference or None,
        charged=bool(plan.fee),
        tender_id=plan.tender_id,
        receipt=plan.receipt,
    )


def _take_back(books: EntryBooks, so_far: Rehearsal, plan: EntryPlan) -> None:
    """The bills that it paid are open again: by the file itself, or in the books."""
    if plan.receipt is None or plan.tender_id is None:
        for account in so_far.accounts_later(plan.plain):
            books.work_out(account)
        so_far.take_off(plan.plain)
        return
    so_far.undo(plan.tender_id)
    taken = taken_payment(books.connection, plan.receipt)
    assert taken is not None, "a tender has its payment"
    for part in taken.parts_of(plan.tender_id):
        if part.bill_no is not None:
            books.work_out(part.account)
            so_far.add_to_bill(part.bill_no, -part.left.minor)
