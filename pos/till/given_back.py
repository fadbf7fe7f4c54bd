"""The slip with which a cheque goes back to whoever gave it: numbered, and signed for by whoever gets the paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pos.domain.business_day import business_date
from pos.domain.cheque import Cheque
from pos.domain.money import zero
from pos.domain.payment_mode import PaymentMode
from pos.domain.receipt import ReceiptFacts, ReceiptKind, TenderLine
from pos.till.desk import Deed
from pos.till.receipt_paper import details_of, with_mark, write_paper

SERIES = "CB"
"""Beside the series of the receipts (rule 22)."""


def give_back(
    deed: Deed,
    cheque: Cheque,
    details: Mapping[str, str],
    *,
    mode: PaymentMode,
    payer_kind: str,
    payer_account: str,
    payer_name: str,
    notes: Sequence[str],
) -> ReceiptFacts:
    """Number and write the slip of ``cheque``, whose tender has ``details``; ``notes`` say what it had been for."""
    identity, shift = deed.desk.identity, deed.shift
    series = f"{identity.series}-{SERIES}"
    counter = deed.unit.next_number(f"receipt:{series}")
    nothing = zero(cheque.amount.currency)
    facts = ReceiptFacts(
        receipt_number=identity.receipt_number(counter, series),
        kind=ReceiptKind.CHEQUE_GIVEN_BACK,
        shop=identity.shop,
        terminal=identity.terminal,
        shift_number=0 if shift is None else shift.number,
        business_date=business_date(deed.at, deed.desk.policy.day_starts)
        if shift is None
        else shift.business_date,
        taken_at=deed.at.replace(microsecond=0),
        operator=deed.person.user,
        operator_name=deed.person.name,
        payer_kind=payer_kind,
        payer_account=payer_account,
        payer_name=payer_name or None,
        total=cheque.amount,
        change=nothing,
        credit=nothing,
        tenders=(
            TenderLine(
                mode=mode.code, label=mode.label, amount=cheque.amount, details=details_of(mode, details)
            ),
        ),
        allocations=(),
        notes=tuple(notes),
        chain_mark="",
    )
    facts = with_mark(facts, deed.unit.chain.head)
    write_paper(deed, facts, counter, series=series, event_id=None)
    return facts
