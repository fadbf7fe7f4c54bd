"""Money that a bank took back, or never brought: the payment is reversed, the payer charged, the mandate suspended.

Source: domain.md 3.10; rules 14 and 32.
"""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.bank_file import EntryOutcome, EntryPlan
from pos.domain.catalogue import rate_text
from pos.domain.correction import CorrectionKind
from pos.domain.money import Money, zero
from pos.domain.posting import Ledger, SourceKind, credit, debit, tax_account
from pos.domain.tender import plain_reference
from pos.store.debit_charges import CHARGE
from pos.store.mandates import mandate_called
from pos.store.times import offset_minutes, utc_text
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    Entry,
    Why,
    off_the_accounts,
    write_correction,
)
from pos.till.correction_paper import GivenBack
from pos.till.corrections import lines_beside
from pos.till.desk import Deed
from pos.till.dishonours import fee_lines
from pos.till.entry_plans import tender_to_return
from pos.till.journal import book_entry
from pos.till.mandates import suspend_within

CHARGE_SERIES = "DF"
"""Between the till's series and a charge's number, as in S014-T1-A-DF-000001."""


def take_back(deed: Deed, plan: EntryPlan) -> Corrected:
    """Reverse what one debit paid, by its reference: bills are open again, as old as before; no second person is asked,
    for the bank has the money. Raises Refused as ``tender_to_return``.
    """
    assert plan.outcome is EntryOutcome.RETURNED
    assert plan.tender_id is not None
    assert plan.receipt is not None
    taken, tender = tender_to_return(deed.unit.connection, (plan.tender_id, plan.receipt), plan.amount)
    mode = deed.desk.modes[tender.mode]
    undone = [(part, part.left) for part in taken.parts_of(tender.tender_id)]
    reason = deed.desk.policy.debits.reason(plan.entry.reason)
    done = write_correction(
        deed,
        Entry(
            kind=CorrectionKind.TENDER_CANCELLATION,
            taken=taken,
            order=CorrectionOrder(
                receipt=taken.receipt_number, reason=plan.entry.reason, tender=tender.number
            ),
            undone=undone,
            lines=[
                *off_the_accounts(taken, undone),
                credit(mode.ledger_account, tender.kept),
                *lines_beside(deed, taken, tender),
            ],
            whole=[tender],
            given_back=[
                GivenBack(label=mode.label, amount=tender.kept, how="the bank of the payer took it back")
            ],
            why=Why(code=reason.code or "none", label=reason.label, text=plan.entry.reason_text),
        ),
    )
    deed.touched_bills.extend(done.bills)
    deed.touched_accounts.extend(done.accounts)
    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What an account comes to owe: what the bank took back with no payment to undo, and the fee with its tax in it."""

    account: str
    returned: Money
    fee: Money
    tax: Money


def charge_fee(deed: Deed, plan: EntryPlan, run_id: str) -> Owed | None:
    """What a refusal costs the payer, as a bill; None: nothing."""
    fee = plan.fee
    if fee is None or not fee or plan.account is None:
        return None
    policy = deed.desk.policy
    tax = policy.debits.tax_in(fee) or zero(fee.currency)
    posted_to = tax_account(rate_text(policy.debits.fee_tax_rate), policy.payments.tax_parts)
    owed = Owed(account=plan.account, returned=zero(fee.currency), fee=fee, tax=tax)
    book_entry(
        deed,
        SourceKind.DEBIT_FEE,
        f"{run_id}/{plan.entry.number}",
        [debit(Ledger.RECEIVABLE, fee, plan.account), *fee_lines(fee, tax, tax_account=posted_to)],
    )
    write_charge(deed, owed, run_id, plan.entry.number)
    return owed


def write_charge(deed: Deed, owed: Owed, run_id: str, number: int) -> tuple[str, str]:
    """Write a bill of what an entry of a file makes an account owe, and have central told of it; its id and number."""
    desk, charge_id = deed.desk, deed.new_id()
    place = deed.unit.next_number("debit_charge")
    bill_no = desk.identity.receipt_number(place, f"{desk.identity.series}-{CHARGE_SERIES}")
    deed.unit.insert(
        "debit_charge",
        {
            "charge_id": charge_id,
            "run_id": run_id,
            "number": number,
            "account": owed.account,
            "bill_no": bill_no,
            "returned_minor": owed.returned.minor,
            "fee_minor": owed.fee.minor,
            "tax_minor": owed.tax.minor,
            "amount_minor": owed.returned.minor + owed.fee.minor,
            "currency": owed.fee.currency.code,
            "charged_on": deed.at.date().isoformat(),
            "at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": deed.person.user,
        },
    )
    deed.unit.insert(
        "outbox",
        {
            "payment_event_id": None,
            "leg": 1,
            "correlator_id": charge_id,
            "kind": CHARGE,
            "source_id": charge_id,
            "account": owed.account,
            "queue": owed.account,
            "state": "waiting",
            "changed_at_utc": utc_text(deed.at),
        },
    )
    deed.touched_bills.append(bill_no)
    deed.touched_accounts.append(owed.account)
    return charge_id, bill_no


def suspend(deed: Deed, plan: EntryPlan) -> None:
    """Suspend the mandate where the plan says so."""
    if not plan.suspends or plan.mandate is None or deed.run is None:
        return
    mandate = mandate_called(deed.unit.connection, plain_reference(plan.mandate))
    if mandate is not None and mandate.may_collect:
        reason = deed.desk.policy.debits.reason(plan.entry.reason)
        suspend_within(deed, mandate, f"{reason.code} {reason.label}".strip(), deed.run.run_id)
