"""A script's acts that undo, pay back, move, or key anew what was taken."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pos.domain.correction import CorrectionReason
from pos.domain.ids import new_id
from pos.till.acts.fields import AmountText, IdText, Ref, Strict, TenderLine, tender_order
from pos.till.acts.seat import Answer, Seat
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import reverse, void
from pos.till.desk import Memo
from pos.till.refunds import RefundOrder, confirm_refund
from pos.till.script_answers import encode
from pos.till.swaps import SwapOrder, swap_tender
from pos.till.transfers import MoveOrder, reallocate, transfer


class Void(Strict):
    """Undo a payment of the own open shift as if it had never been; ``text`` is needed where the reason is "other"."""

    ref: Ref
    act: Literal["void"]
    receipt: IdText
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class Reverse(Strict):
    """Undo a payment of an earlier shift, or with ``tender`` (from 1) what one bad instrument of a payment paid."""

    ref: Ref
    act: Literal["reverse"]
    receipt: IdText
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""
    tender: Annotated[int | None, Field(ge=1, le=20)] = None


class Refund(Strict):
    """Pay a payment back, or ``amount`` of it; cash goes out of the own drawer, the rest waits for ``confirm_refund``."""

    ref: Ref
    act: Literal["refund"]
    receipt: IdText
    amount: AmountText | None = None
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class ConfirmRefund(Strict):
    """The bank or card company has paid a refund: its paper, and their reference."""

    ref: Ref
    act: Literal["confirm_refund"]
    refund: IdText
    reference: IdText


class MovedBill(Strict):
    """A bill that moved money is meant for."""

    bill: IdText
    amount: AmountText


class Transfer(Strict):
    """Move a payment, or ``amount`` of it, to another account: to ``bills`` there, else to the oldest due."""

    ref: Ref
    act: Literal["transfer"]
    receipt: IdText
    account: IdText
    amount: AmountText | None = None
    bills: Annotated[list[MovedBill], Field(max_length=50)] = []
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class Reallocate(Strict):
    """Set a payment, or a part, against other bills of its account; without ``bills`` it is credit there."""

    ref: Ref
    act: Literal["reallocate"]
    receipt: IdText
    account: IdText | None = None
    amount: AmountText | None = None
    bills: Annotated[list[MovedBill], Field(max_length=50)] = []
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))]
    text: Annotated[str, Field(max_length=400)] = ""


class SwapTender(Strict):
    """A payment of the open shift was keyed as paid another way: ``tenders`` are all that it was really paid by."""

    ref: Ref
    act: Literal["swap_tender"]
    receipt: IdText
    tenders: Annotated[list[TenderLine], Field(min_length=1, max_length=20)]
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))] = (
        CorrectionReason.WRONG_WAY
    )
    text: Annotated[str, Field(max_length=400)] = ""


CorrectionAct = Void | Reverse | Refund | ConfirmRefund | Transfer | Reallocate | SwapTender


def carry_out_correction(seat: Seat, act: CorrectionAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person = seat.desk, seat.person
    match act:
        case Void():
            undo = CorrectionOrder(receipt=act.receipt, reason=act.reason, text=act.text)
            return encode(seat.undone("void", act.receipt, lambda: void(desk, person, undo, memo=memo)))
        case Reverse():
            undo = CorrectionOrder(receipt=act.receipt, reason=act.reason, text=act.text, tender=act.tender)
            return encode(seat.undone("reverse", act.receipt, lambda: reverse(desk, person, undo, memo=memo)))
        case Refund():
            back = RefundOrder(receipt=act.receipt, amount=act.amount, reason=act.reason, text=act.text)
            return encode(seat.pay_back(back, memo))
        case ConfirmRefund():
            return encode(confirm_refund(desk, person, act.refund, act.reference, memo=memo))
        case Transfer():
            move = _move_order(act)
            return encode(
                seat.undone("transfer", act.receipt, lambda: transfer(desk, person, move, memo=memo))
            )
        case Reallocate():
            move = _move_order(act)
            return encode(
                seat.undone("reallocate", act.receipt, lambda: reallocate(desk, person, move, memo=memo))
            )
        case SwapTender():
            paid_by = SwapOrder(
                receipt=act.receipt,
                payment_event_id=new_id(desk.clock, desk.randomness),
                tenders=[tender_order(tender) for tender in act.tenders],
                reason=act.reason,
                text=act.text,
            )
            return encode(
                seat.undone("swap_tender", act.receipt, lambda: swap_tender(desk, person, paid_by, memo=memo))
            )


def _move_order(act: Transfer | Reallocate) -> MoveOrder:
    return MoveOrder(
        receipt=act.receipt,
        account=act.account,
        amount=act.amount,
        bills=[(line.bill, line.amount) for line in act.bills],
        reason=act.reason,
        text=act.text,
    )
