"""Money that a bank took back, or never brought: the payment is reversed, the payer charged, the mandate suspended.

Source: domain.md 3.10; rules 14 and 32.
"""

from __future__ import annotations

from pos.domain.bank_file import EntryOutcome, EntryPlan
from pos.domain.correction import CorrectionKind
from pos.domain.money import zero
from pos.domain.posting import Ledger, SourceKind, credit, debit
from pos.domain.tender import plain_reference
from pos.store.mandates import mandate_called
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    Entry,
    Why,
    corrected,
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
    return corrected(deed.desk, done)


def charge_fee(deed: Deed, plan: EntryPlan, source_id: str) -> tuple[int, int]:
    """Post what a refusal costs the payer; answers the fee and the tax within it, in minor units."""
    fee = plan.fee
    if fee is None or not fee or plan.account is None:
        return 0, 0
    tax = deed.desk.policy.debits.tax_in(fee)
    book_entry(
        deed,
        SourceKind.DEBIT_FEE,
        source_id,
        [debit(Ledger.RECEIVABLE, fee, plan.account), *fee_lines(fee, tax or zero(fee.currency))],
    )
    return fee.minor, tax.minor


def suspend(deed: Deed, plan: EntryPlan) -> None:
    """Suspend the mandate where the plan says so."""
    if not plan.suspends or plan.mandate is None or deed.run is None:
        return
    mandate = mandate_called(deed.unit.connection, plain_reference(plan.mandate))
    if mandate is not None and mandate.may_collect:
        reason = deed.desk.policy.debits.reason(plan.entry.reason)
        suspend_within(deed, mandate, f"{reason.code} {reason.label}".strip(), deed.run.run_id)
