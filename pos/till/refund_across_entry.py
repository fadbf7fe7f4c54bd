"""How a refund of another terminal's payment is written: rows, entry, paper and messages, in one transaction.

Central holds the money for it by then; the hold is used in the same transaction. Source: domain.md 3.6 and rules 12, 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pos.domain.correction import CorrectionKind, TakenPart
from pos.domain.money import Money
from pos.domain.payment_mode import ModeKind
from pos.domain.posting import JournalLine, Ledger, SourceKind, credit
from pos.domain.refund_across import LegElsewhere, RefundAsked, RefundHeld, TakenElsewhere
from pos.store.approvals import note_approved_entry
from pos.store.refunds_across import REFUND_ACROSS, kept_as_stored, use_hold
from pos.store.times import utc_text
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    leave_others_shift,
    off_the_accounts,
    reason_in_words,
    reason_row,
    when_row,
)
from pos.till.correction_paper import GivenBack, correction_paper, series_of
from pos.till.desk import Deed, Desk
from pos.till.journal import book_entry
from pos.till.receipt_paper import with_mark, write_paper
from pos.till.refunds import HOW, given_up, require_cash


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossEntry:
    """A refund that central holds the money for: of which payment, why, and what of each leg comes off what."""

    found: TakenElsewhere
    order: CorrectionOrder
    asked: RefundAsked
    held: RefundHeld

    @property
    def shares(self) -> list[tuple[LegElsewhere, Money]]:
        """How much of each leg, in the order in which they go back."""
        by_id = {leg.payment_id: leg for leg in self.found.legs}
        return [(by_id[payment_id], amount) for payment_id, amount in self.asked.legs]

    @property
    def parts(self) -> list[TakenPart]:
        """What the money comes off, as parts of the payment."""
        legs = {leg.payment_id: leg.leg for leg in self.found.legs}
        return [
            TakenPart(
                part_id=f"{legs[part.payment_id]}-{place}",
                number=place,
                tender_id=part.payment_id,
                leg=legs[part.payment_id],
                account=part.account,
                bill_no=part.bill_no,
                bill_id=part.bill_id,
                purpose=part.purpose,
                amount=part.amount,
                left=part.amount,
                placed=False,
            )
            for place, part in enumerate(self.held.parts, start=1)
        ]


def write_refund_across(deed: Deed, entry: AcrossEntry) -> Corrected:
    """Write it. Raises Refused ``refund_given_up`` where its hold is not kept any more, or as ``require_cash``."""
    found, shares, parts = entry.found, entry.shares, entry.parts
    cash = cash_out_of(deed, shares)
    leave_others_shift(deed)
    refund_id, series = deed.new_id(), series_of(deed, CorrectionKind.REFUND)
    if not use_hold(deed.unit.connection, entry.asked.hold_id, refund_id, at=deed.at):
        raise given_up()
    undone = [(part, part.amount) for part in parts]
    counter = deed.unit.next_number(f"receipt:{series}")
    number = deed.desk.identity.receipt_number(counter, series)
    _write_legs(deed, refund_id, shares, in_cash=bool(cash))
    _write_parts(deed, refund_id, parts)
    _write_head(deed, refund_id, number, entry)
    lines = [*off_the_accounts(found.taken, undone), *_out(found, entry.asked.amount, cash)]
    if deed.approval_id is not None:
        note_approved_entry(deed.unit, refund_id, deed.approval_id)
    book_entry(deed, SourceKind.REFUND, refund_id, lines)
    paper = correction_paper(
        deed,
        number,
        CorrectionKind.REFUND,
        found.taken,
        reason=reason_in_words(entry.order),
        undone=undone,
        given_back=[_given_back(deed.desk, leg, share, in_cash=bool(cash)) for leg, share in shares],
        cash=cash,
        approver=deed.approver,
    )
    paper = with_mark(paper, deed.unit.chain.head)
    write_paper(deed, paper, counter, series=series, event_id=None)
    _tell_central(deed, refund_id, [leg for leg, _ in shares])
    return Corrected(
        correction_id=refund_id,
        kind=CorrectionKind.REFUND,
        payment_event_id=found.taken.payment_event_id,
        receipt_number=number,
        paper=paper,
        amount=entry.asked.amount,
        cash=cash,
        bills=tuple(dict.fromkeys(part.bill_no for part in parts if part.bill_no is not None)),
        accounts=tuple(dict.fromkeys(part.account for part in parts)),
    )


def cash_out_of(deed: Deed, shares: Sequence[tuple[LegElsewhere, Money]]) -> Money:
    """What goes out of the drawer. Raises as ``require_cash``."""
    in_cash = [share for leg, share in shares if _came_as_cash(deed.desk, leg)]
    return require_cash(deed, in_cash, deed.desk.identity.currency)


def _came_as_cash(desk: Desk, leg: LegElsewhere) -> bool:
    """Whether it came in as cash. For a way to pay that this till does not know nothing goes out of its drawer."""
    mode = desk.modes.by_code.get(leg.mode)
    return mode is not None and mode.kind is ModeKind.CASH


def _out(found: TakenElsewhere, amount: Money, cash: Money) -> list[JournalLine]:
    """Cash goes out of the drawer, all else is owed to the payer."""
    lines = [credit(Ledger.CASH_IN_TILL, cash)] if cash else []
    if amount > cash:
        lines.append(credit(Ledger.REFUNDS_PAYABLE, amount - cash, found.taken.payer_account))
    return lines


def _given_back(desk: Desk, leg: LegElsewhere, amount: Money, *, in_cash: bool) -> GivenBack:
    mode = desk.modes.by_code.get(leg.mode)
    label = leg.mode.replace("_", " ") if mode is None else mode.label
    came_as_cash = _came_as_cash(desk, leg)
    return GivenBack(label=label, amount=amount, how="" if in_cash and came_as_cash else HOW[came_as_cash])


def _write_legs(
    deed: Deed, refund_id: str, shares: Sequence[tuple[LegElsewhere, Money]], *, in_cash: bool
) -> None:
    deed.unit.insert_all(
        "refund_across_leg",
        [
            {
                "refund_id": refund_id,
                "leg": leg.leg,
                "payment_id": leg.payment_id,
                "account": leg.account,
                "mode": leg.mode,
                "method_type": leg.method_type,
                "is_cash": int(in_cash and _came_as_cash(deed.desk, leg)),
                "amount_minor": share.minor,
                "currency": leg.amount.currency.code,
            }
            for leg, share in shares
        ],
    )


def _write_parts(deed: Deed, refund_id: str, parts: Sequence[TakenPart]) -> None:
    deed.unit.insert_all(
        "refund_across_part",
        [
            {
                "refund_id": refund_id,
                "number": place,
                "leg": part.leg,
                "account": part.account,
                "bill_no": part.bill_no,
                "bill_id": part.bill_id,
                "kept_as": kept_as_stored(part.purpose),
                "amount_minor": part.amount.minor,
                "currency": part.amount.currency.code,
            }
            for place, part in enumerate(parts, start=1)
        ],
    )


def _write_head(deed: Deed, refund_id: str, number: str, entry: AcrossEntry) -> None:
    taken, asked = entry.found.taken, entry.asked
    deed.unit.insert(
        "refund_across",
        {
            "refund_id": refund_id,
            "hold_id": asked.hold_id,
            "payment_event_id": taken.payment_event_id,
            "of_receipt": taken.receipt_number,
            "of_terminal": entry.found.terminal,
            "taken_at_utc": utc_text(taken.taken_at),
            "taken_by": taken.taken_by,
            "payer_kind": taken.payer_kind,
            "payer_account": taken.payer_account,
            "receipt_number": number,
            **when_row(deed),
            **reason_row(entry.order),
            "amount_minor": asked.amount.minor,
            "currency": asked.amount.currency.code,
        },
    )


def _tell_central(deed: Deed, refund_id: str, legs: Sequence[LegElsewhere]) -> None:
    """Central hears of it leg by leg; each uses what was held of it."""
    deed.unit.insert_all(
        "outbox",
        [
            {
                "payment_event_id": None,
                "leg": leg.leg,
                "correlator_id": f"{refund_id}-{leg.leg}",
                "kind": REFUND_ACROSS,
                "source_id": refund_id,
                "account": leg.account,
                "state": "waiting",
                "changed_at_utc": utc_text(deed.at),
            }
            for leg in legs
        ],
    )
