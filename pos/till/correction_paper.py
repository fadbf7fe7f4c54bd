"""The paper of a correction: what stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pos.domain.correction import CorrectionKind, TakenPart, TakenPayment
from pos.domain.money import Money, zero
from pos.domain.receipt import CorrectionFacts, CorrectionLine, ReceiptFacts, ReceiptKind
from pos.store.dunning import dunning_before
from pos.till.desk import Deed

SERIES = {
    CorrectionKind.VOID: "VS",
    CorrectionKind.REVERSAL: "RV",
    CorrectionKind.TENDER_CANCELLATION: "TC",
    CorrectionKind.REFUND: "RF",
    CorrectionKind.TRANSFER: "TR",
    CorrectionKind.REALLOCATION: "RA",
    CorrectionKind.DISHONOUR: "DN",
    CorrectionKind.REINSTATEMENT: "RI",
}
"""Corrections have series of their own beside that of the receipts (rule 22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """What goes back of one tender: its label, how much, and in words how."""

    label: str
    amount: Money
    how: str


def series_of(deed: Deed, kind: CorrectionKind) -> str:
    """The series that papers of this kind are numbered in."""
    return f"{deed.desk.identity.series}-{SERIES[kind]}"


def correction_paper(
    deed: Deed,
    number: str,
    kind: CorrectionKind,
    taken: TakenPayment,
    *,
    reason: str,
    undone: Sequence[tuple[TakenPart, Money]],
    given_back: Sequence[GivenBack],
    cash: Money,
    approver: str | None,
    placed: Sequence[CorrectionLine] = (),
    paid_anew: bool = False,
    notes: Sequence[str] | None = None,
) -> ReceiptFacts:
    """The facts of the paper ``number``; ``undone`` is how much of which part. Without ``notes`` bills of an account that
    stood in collection say that they do again (rule 17), unless they are ``paid_anew``.
    """
    opened = {part.account for part, _ in undone if part.bill_no is not None}
    opened -= opened if paid_anew else {line.account for line in placed if line.bill_no is not None}
    desk, shift = deed.desk, deed.shift
    amount = sum(part.minor for _, part in undone)
    if kind is CorrectionKind.REINSTATEMENT:
        amount = sum(line.amount.minor for line in placed)
    nothing = zero(taken.amount.currency)
    return ReceiptFacts(
        receipt_number=number,
        kind=ReceiptKind(str(kind)),
        shop=desk.identity.shop,
        terminal=desk.identity.terminal,
        shift_number=0 if shift is None else shift.number,
        business_date=deed.at.date() if shift is None else shift.business_date,
        taken_at=deed.at.replace(microsecond=0),
        operator=deed.person.user,
        operator_name=deed.person.name,
        payer_kind=taken.payer_kind,
        payer_account=None if taken.payer_account == desk.policy.suspense_account else taken.payer_account,
        payer_name=None,
        total=Money(amount, taken.amount.currency),
        change=nothing,
        credit=nothing,
        tenders=(),
        allocations=(),
        chain_mark="",
        notes=tuple(notes)
        if notes is not None
        else tuple(
            stood.back_there
            for stood in dunning_before(deed.unit.connection, taken.payment_event_id)
            if stood.account in opened
        ),
        correction=CorrectionFacts(
            of_receipt=taken.receipt_number,
            of_taken_at=taken.taken_at.replace(microsecond=0),
            reason=reason,
            lines=(
                *(
                    CorrectionLine(
                        account=part.account,
                        bill_no=part.bill_no,
                        kept_as=str(part.purpose),
                        amount=amount,
                    )
                    for part, amount in undone
                ),
                *placed,
            ),
            given_back=tuple((one.label, one.amount, one.how) for one in given_back),
            cash=cash,
            approver=approver,
        ),
    )
