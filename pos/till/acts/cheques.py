"""A script's acts about one cheque: its date has come, it goes back, it is replaced, it bounced."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pos.domain.correction import CorrectionReason
from pos.domain.ids import new_id
from pos.till.acts.fields import IdText, Ref, Strict, TenderLine, tender_order
from pos.till.acts.seat import Answer, Seat
from pos.till.cheques_back import (
    REPLACE,
    RETURN,
    ReplaceOrder,
    ReturnOrder,
    receipt_of_cheque,
    replace_cheque,
    return_cheque,
)
from pos.till.desk import Memo
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import bounce_cheque
from pos.till.due_cheques import pay_post_dated, withdraw_post_dated
from pos.till.representments import represent_cheque, undo_bounce
from pos.till.script_answers import encode


class PayPostDated(Strict):
    """The date of a registered cheque has come: it is a payment now, of the own open shift."""

    ref: Ref
    act: Literal["pay_post_dated"]
    note: Annotated[IdText, Field(description="The number of its note, as receipt_number in v_post_dated.")]


class WithdrawPostDated(Strict):
    """Give a registered cheque back before it is a payment, with a slip."""

    ref: Ref
    act: Literal["withdraw_post_dated"]
    note: Annotated[IdText, Field(description="The number of its note, as receipt_number in v_post_dated.")]
    reason: Annotated[str, Field(max_length=400)]


class ReturnCheque(Strict):
    """Give a cheque back that lies in the shop: its id, its receipt, or the note of a post-dated one."""

    ref: Ref
    act: Literal["return_cheque"]
    cheque: IdText
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))] = (
        CorrectionReason.CUSTOMER_WISH
    )
    text: Annotated[str, Field(max_length=400)] = ""


class BounceCheque(Strict):
    """The bank did not pay a cheque: what it paid is owed again, and its payor owes the fee."""

    ref: Ref
    act: Literal["bounce_cheque"]
    cheque: Annotated[IdText, Field(description="Its id, its serial number, or the receipt it came with.")]
    reason: Annotated[
        str, Field(max_length=40, description="A code of [cheques.dishonour] reasons in till.toml.")
    ]
    on: Annotated[str | None, Field(max_length=10, description="The bank's day; today where left out.")] = (
        None
    )
    fee: Annotated[Literal["none"] | None, Field(description="none: no fee is charged; text says why.")] = (
        None
    )
    text: Annotated[str, Field(max_length=400)] = ""


class ReplaceCheque(Strict):
    """Give a cheque back and take ``tenders`` in its place, for just what it had paid or was to pay."""

    ref: Ref
    act: Literal["replace_cheque"]
    cheque: IdText
    tenders: Annotated[list[TenderLine], Field(min_length=1, max_length=20)]
    reason: Annotated[str, Field(max_length=40, description=", ".join(CorrectionReason))] = (
        CorrectionReason.CUSTOMER_WISH
    )
    text: Annotated[str, Field(max_length=400)] = ""


class RepresentCheque(Strict):
    """Send a bounced cheque to the bank once more, on the next deposit slip; its money counts until then."""

    ref: Ref
    act: Literal["represent_cheque"]
    cheque: Annotated[IdText, Field(description="Its id, its serial number, or the receipt it came with.")]
    text: Annotated[str, Field(max_length=400)] = ""


class UndoBounce(Strict):
    """The bank had sent a cheque back by mistake: all that its bounce did is undone."""

    ref: Ref
    act: Literal["undo_bounce"]
    cheque: Annotated[IdText, Field(description="Its id, its serial number, or the receipt it came with.")]
    text: Annotated[str, Field(max_length=400)] = ""


ChequeAct = (
    PayPostDated
    | WithdrawPostDated
    | ReturnCheque
    | ReplaceCheque
    | BounceCheque
    | RepresentCheque
    | UndoBounce
)


def carry_out_of_cheque(seat: Seat, act: ChequeAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person = seat.desk, seat.person
    match act:
        case PayPostDated():
            return encode(pay_post_dated(desk, person, act.note, memo=memo))
        case WithdrawPostDated():
            return encode(withdraw_post_dated(desk, person, act.note, act.reason, memo=memo))
        case ReturnCheque():
            given = ReturnOrder(cheque=act.cheque, reason=act.reason, text=act.text)
            paid = receipt_of_cheque(desk, act.cheque)
            return encode(seat.undone(RETURN, paid, lambda: return_cheque(desk, person, given, memo=memo)))
        case ReplaceCheque():
            instead = ReplaceOrder(
                back=ReturnOrder(cheque=act.cheque, reason=act.reason, text=act.text),
                payment_event_id=new_id(desk.clock, desk.randomness),
                tenders=[tender_order(tender) for tender in act.tenders],
            )
            paid = receipt_of_cheque(desk, act.cheque)
            return encode(
                seat.undone(REPLACE, paid, lambda: replace_cheque(desk, person, instead, memo=memo))
            )
        case BounceCheque():
            bounce = BounceOrder(cheque=act.cheque, reason=act.reason, on=act.on, text=act.text, fee=act.fee)
            return encode(bounce_cheque(desk, person, seat.knows_more(bounce), memo=memo))
        case RepresentCheque():
            return encode(represent_cheque(desk, person, act.cheque, text=act.text, memo=memo))
        case UndoBounce():
            return encode(undo_bounce(desk, person, act.cheque, text=act.text, memo=memo))
