"""A script's acts of a shift: open, count, close, and the clock that it is dated by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from pos.till.acts.fields import (
    AmountIn,
    AmountText,
    CurrencyCode,
    PiecesIn,
    Ref,
    Strict,
    require_shop_currency,
    told,
)
from pos.till.acts.seat import Answer, Seat
from pos.till.cash_office import CountOrder, close_shift, count_shift, open_shift
from pos.till.count_sheet import CountSheet, print_count_sheet
from pos.till.counted import SlipOrder
from pos.till.desk import Memo
from pos.till.drawer_count import DeclaredOrder, ForeignCountOrder
from pos.till.hand_over import (
    HandedOver,
    HandOverAccepted,
    HandOverUndone,
    accept_hand_over,
    hand_over,
    undo_hand_over,
)
from pos.till.script_answers import encode
from pos.till.shop_clock import confirm_clock
from pos.till.z_report import DifferenceAccepted, accept_difference


class ChequeCount(Strict):
    """How many cheques were counted and what they sum to."""

    count: Annotated[int, Field(ge=0, le=100_000)]
    amount: AmountText


class ForeignCount(Strict):
    """Cash of another currency, counted in that currency."""

    amount: AmountText
    currency: CurrencyCode


class DeclaredLine(Strict):
    """Cash that is no good, in the shop's currency; ``kind`` is one of those in the settings."""

    kind: Annotated[str, Field(max_length=40)]
    amount: AmountText


class SlipsIn(Strict):
    """The slips of a way to pay that were found, in the shop's currency."""

    mode: Annotated[str, Field(max_length=40)]
    count: Annotated[int, Field(ge=0, le=100_000)]
    amount: AmountText


class OpenShift(Strict):
    """Open the signed-in person's shift with a float."""

    ref: Ref
    act: Literal["open_shift"]
    float: AmountIn
    pieces: Annotated[
        list[PiecesIn], Field(max_length=50, description="The notes and coins that make it.")
    ] = []


class Count(Strict):
    """Count the drawer, blind. The answer never tells what was expected."""

    ref: Ref
    act: Literal["count"]
    cash: AmountIn
    cheques: ChequeCount = ChequeCount(count=0, amount="0")
    foreign: Annotated[list[ForeignCount], Field(max_length=50)] = []
    declared: Annotated[
        list[DeclaredLine], Field(max_length=50, description="Counted apart, beside cash: no shortage.")
    ] = []
    trust: Annotated[
        AmountIn | None, Field(description="Bill money in a dealer's own till, counted apart from cash.")
    ] = None
    pieces: Annotated[
        list[PiecesIn], Field(max_length=50, description="The notes and coins that make cash.")
    ] = []
    slips: Annotated[
        list[SlipsIn] | None,
        Field(
            max_length=50, description="Of ways to pay that are no cash and no cheque; left out: not counted."
        ),
    ] = None


class CloseShift(Strict):
    """Close the shift with its last count; ``reason`` where it differs."""

    ref: Ref
    act: Literal["close_shift"]
    reason: Annotated[str, Field(max_length=400)] | None = None


class PrintCountSheet(Strict):
    """Print a blank sheet to count on. It says nothing of what is expected."""

    ref: Ref
    act: Literal["count_sheet"]


class AcceptOverShort(Strict):
    """Sign for the difference of another person's closed shift, with what was found out about it."""

    ref: Ref
    act: Literal["accept_over_short"]
    shift: Annotated[int, Field(ge=1, description="Its number.")]
    reason: Annotated[str, Field(max_length=400)]


class HandOver(Strict):
    """Offer the own shift, as it was counted last, to another person; ``reason`` where the count differs."""

    ref: Ref
    act: Literal["hand_over"]
    to: Annotated[str, Field(max_length=20, description="The other's user number.")]
    reason: Annotated[str, Field(max_length=400)] | None = None


class AcceptHandOver(Strict):
    """Accept the shift that is offered here; ``cash`` is what the signed-in person counted, all of it the new float."""

    ref: Ref
    act: Literal["accept_hand_over"]
    cash: AmountIn


class UndoHandOver(Strict):
    """Take the own hand-over back, or refuse another's: the shift goes on as it was."""

    ref: Ref
    act: Literal["undo_hand_over"]
    reason: Annotated[str, Field(max_length=400)]


class ConfirmClock(Strict):
    """Confirm that the till's clock is right though the last deed was later by it; a supervisor or the back office."""

    ref: Ref
    act: Literal["confirm_clock"]


ShiftAct = (
    OpenShift
    | PrintCountSheet
    | Count
    | CloseShift
    | HandOver
    | AcceptHandOver
    | UndoHandOver
    | AcceptOverShort
    | ConfirmClock
)


def carry_out_shift(seat: Seat, act: ShiftAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person = seat.desk, seat.person
    match act:
        case OpenShift():
            require_shop_currency(desk, act.float.currency)
            pieces = told(act.pieces)
            return encode(open_shift(desk, person, act.float.amount, pieces=pieces, memo=memo))
        case PrintCountSheet():
            kept = replace(memo, encode=_sheet)
            return dict(_sheet(print_count_sheet(desk, person, memo=kept)))
        case Count():
            require_shop_currency(desk, act.cash.currency)
            if act.trust is not None:
                require_shop_currency(desk, act.trust.currency)
            return encode(count_shift(desk, person, _count_order(act), memo=memo))
        case CloseShift():
            return encode(close_shift(desk, person, act.reason, memo=memo))
        case AcceptOverShort():
            kept = replace(memo, encode=_accepted)
            return dict(_accepted(accept_difference(desk, person, act.shift, act.reason, memo=kept)))
        case HandOver():
            kept = replace(memo, encode=_offered)
            return dict(_offered(hand_over(desk, person, act.to, act.reason, memo=kept)))
        case AcceptHandOver():
            require_shop_currency(desk, act.cash.currency)
            kept = replace(memo, encode=_taken_over)
            return dict(_taken_over(accept_hand_over(desk, person, act.cash.amount, memo=kept)))
        case UndoHandOver():
            kept = replace(memo, encode=_goes_on)
            return dict(_goes_on(undo_hand_over(desk, person, act.reason, memo=kept)))
        case ConfirmClock():
            return encode(confirm_clock(desk, person, memo=memo))


def _accepted(outcome: object) -> Mapping[str, object]:
    assert isinstance(outcome, DifferenceAccepted)
    return {
        "z_report": outcome.z_number,
        "shift": outcome.shift_number,
        "of": outcome.operator,
        "difference": outcome.difference.plain(),
        "currency": outcome.difference.currency.code,
    }


def _sheet(outcome: object) -> Mapping[str, object]:
    assert isinstance(outcome, CountSheet)
    return {"paper": outcome.number}


def _offered(outcome: object) -> Mapping[str, object]:
    assert isinstance(outcome, HandedOver)
    return {
        "hand_over": outcome.hand_over_id,
        "shift": outcome.shift_number,
        "to": outcome.to,
        "cash": outcome.cash.plain(),
        "currency": outcome.cash.currency.code,
    }


def _taken_over(outcome: object) -> Mapping[str, object]:
    assert isinstance(outcome, HandOverAccepted)
    return {
        "paper": outcome.number,
        "from": outcome.from_operator,
        "z_report": outcome.closed.z_number,
        "ended": outcome.closed.number,
        **encode(outcome.opened),
    }


def _goes_on(outcome: object) -> Mapping[str, object]:
    assert isinstance(outcome, HandOverUndone)
    return {"shift": outcome.shift_number, "of": outcome.operator, "to": outcome.to}


def _count_order(act: Count) -> CountOrder:
    return CountOrder(
        cash=act.cash.amount,
        cheque_count=act.cheques.count,
        cheques=act.cheques.amount,
        foreign=[ForeignCountOrder(currency=one.currency, amount=one.amount) for one in act.foreign],
        declared=[DeclaredOrder(kind=one.kind, amount=one.amount) for one in act.declared],
        trust=None if act.trust is None else act.trust.amount,
        pieces=told(act.pieces),
        slips=None
        if act.slips is None
        else [SlipOrder(mode=one.mode, count=one.count, amount=one.amount) for one in act.slips],
    )
