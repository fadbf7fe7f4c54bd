"""A script's acts about bags of cash between the tills of a shop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pos.till.accepted_bags import AcceptOrder, BagAccepted, accept_bag, undo_accept_bag
from pos.till.acts.drawer import PiecesOfIt
from pos.till.acts.fields import AmountText, IdText, Ref, Strict, told
from pos.till.acts.seat import Answer, Seat
from pos.till.desk import Memo
from pos.till.shop_bags import BagOrder, BagSent, recall_bag, send_bag

Words = Annotated[str, Field(max_length=400)]


class SendBag(Strict):
    """A sealed bag leaves for the shop's cash office; with ``amount`` it is sealed first. The answer has its paper."""

    ref: Ref
    act: Literal["send_bag"]
    bag: IdText
    amount: AmountText | None = None
    contents: Annotated[Words, Field(description="What lies in it beside the cash.")] = ""
    pieces: PiecesOfIt = []


class RecallBag(Strict):
    """A bag that this till sent is back, for nobody accepted it; ``paper`` is the one that it left with."""

    ref: Ref
    act: Literal["recall_bag"]
    paper: IdText
    reason: Words


class AcceptBag(Strict):
    """Count a bag of another till into the safe: what stands on its paper, and what was counted."""

    ref: Ref
    act: Literal["accept_bag"]
    paper: IdText
    bag: IdText
    amount: AmountText
    check: Annotated[str, Field(max_length=20)]
    counted: AmountText
    reason: Annotated[Words, Field(description="Where that is not what was put in.")] = ""
    pieces: PiecesOfIt = []


class UndoAcceptBag(Strict):
    """Take back that a bag was accepted, by the paper that it came with."""

    ref: Ref
    act: Literal["undo_accept_bag"]
    paper: IdText
    reason: Words


ShopBagAct = SendBag | RecallBag | AcceptBag | UndoAcceptBag


def carry_out_with_bags(seat: Seat, act: ShopBagAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person, kept = seat.desk, seat.person, replace(memo, encode=_told)
    match act:
        case SendBag():
            sent = BagOrder(
                bag=act.bag, amount=act.amount or "", contents=act.contents, pieces=told(act.pieces)
            )
            return dict(_told(send_bag(desk, person, sent, memo=kept)))
        case RecallBag():
            return dict(_told(recall_bag(desk, person, act.paper, act.reason, memo=kept)))
        case AcceptBag():
            order = AcceptOrder(
                paper=act.paper,
                bag=act.bag,
                amount=act.amount,
                check=act.check,
                counted=act.counted,
                reason=act.reason,
                pieces=told(act.pieces),
            )
            return dict(_told(accept_bag(desk, person, order, memo=kept)))
        case UndoAcceptBag():
            return dict(_told(undo_accept_bag(desk, person, act.paper, act.reason, memo=kept)))


def _told(outcome: object) -> Mapping[str, object]:
    match outcome:
        case BagSent():
            paper = outcome.sent.paper
            return {
                "paper": outcome.number,
                "sent_with": paper.number,
                "bag": paper.bag,
                "amount": paper.amount.plain(),
                "currency": paper.amount.currency.code,
                "check": paper.check,
                "state": str(outcome.sent.state),
            }
        case BagAccepted():
            bag = outcome.accepted
            return {
                "paper": outcome.number,
                "sent_with": bag.paper.number,
                "bag": bag.paper.bag,
                "amount": bag.paper.amount.plain(),
                "counted": bag.counted.plain(),
                "over_short": bag.over_short.plain(),
                "currency": bag.counted.currency.code,
                "state": str(bag.state),
            }
    raise AssertionError(f"no answer for {outcome.__class__.__name__}")
