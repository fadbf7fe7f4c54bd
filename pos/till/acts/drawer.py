"""A script's acts at an open drawer beside payments: cash in and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pos.domain.cash_move import MoveKind
from pos.till.acts.fields import AmountText, IdText, PiecesIn, Ref, Strict, told
from pos.till.acts.seat import Answer, Seat
from pos.till.cash_moves import CashMoved, CashMoveOrder, move_cash, undo_cash_move
from pos.till.desk import Memo

Words = Annotated[str, Field(max_length=400)]
PiecesOfIt = Annotated[list[PiecesIn], Field(max_length=50, description="The notes and coins that make it.")]


class Pickup(Strict):
    """Cash of the open drawer goes to the safe."""

    ref: Ref
    act: Literal["pickup"]
    amount: AmountText
    text: Words = ""
    pieces: PiecesOfIt = []


class Loan(Strict):
    """Cash of the safe goes into the open drawer."""

    ref: Ref
    act: Literal["loan"]
    amount: AmountText
    text: Words = ""
    pieces: PiecesOfIt = []


class PaidIn(Strict):
    """Cash comes into the open drawer that pays nothing; ``reason`` a code of ``[cash.paid_in]``."""

    ref: Ref
    act: Literal["paid_in"]
    amount: AmountText
    reason: Annotated[str, Field(max_length=40)]
    text: Words = ""
    pieces: PiecesOfIt = []


class PaidOut(Strict):
    """Cash goes out of the open drawer that is no refund; ``reason`` a code of ``[cash.paid_out]``."""

    ref: Ref
    act: Literal["paid_out"]
    amount: AmountText
    reason: Annotated[str, Field(max_length=40)]
    text: Words = ""
    pieces: PiecesOfIt = []


class NoSale(Strict):
    """The drawer is opened without a payment; it is counted, with the reason."""

    ref: Ref
    act: Literal["no_sale"]
    reason: Words = ""


class UndoCashMove(Strict):
    """Take back what one of these moved in the own open shift, by the number of its paper."""

    ref: Ref
    act: Literal["undo_cash_move"]
    move: IdText
    reason: Words


DrawerAct = Pickup | Loan | PaidIn | PaidOut | NoSale | UndoCashMove


def carry_out_at_drawer(seat: Seat, act: DrawerAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person, kept = seat.desk, seat.person, replace(memo, encode=_told)
    match act:
        case Pickup() | Loan():
            moved = CashMoveOrder(
                kind=MoveKind(act.act), amount=act.amount, text=act.text, pieces=told(act.pieces)
            )
            return _answer(move_cash(desk, person, moved, memo=kept))
        case PaidIn() | PaidOut():
            paid = CashMoveOrder(
                kind=MoveKind(act.act),
                amount=act.amount,
                reason=act.reason,
                text=act.text,
                pieces=told(act.pieces),
            )
            return _answer(move_cash(desk, person, paid, memo=kept))
        case NoSale():
            opened = CashMoveOrder(kind=MoveKind.NO_SALE, text=act.reason)
            return _answer(move_cash(desk, person, opened, memo=kept))
        case UndoCashMove():
            return _answer(undo_cash_move(desk, person, act.move, act.reason, memo=kept))


def _told(outcome: object) -> Mapping[str, object]:
    assert isinstance(outcome, CashMoved)
    return _answer(outcome)


def _answer(done: CashMoved) -> Answer:
    return {
        "move": done.move.move_id,
        "paper": done.move.number,
        "amount": done.move.amount.plain(),
        "currency": done.move.amount.currency.code,
        "approver": done.approver,
    }
