"""Leaving what a payer was shown: one row of the audit, so that no amount is shown and then never heard of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from pos.domain.errors import DomainError, Refused
from pos.domain.money import Money, parse_amount
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.domain.unfinished import PAY, Unfinished
from pos.till.basket import Basket, Given
from pos.till.cheques_back import REPLACE
from pos.till.desk import Deed, Desk, perform
from pos.till.swaps import ACT as SWAP

ACT = "abandon"


def abandon(desk: Desk, person: Person, left: Unfinished) -> None:
    """``person`` left what was shown. Only told: leaving never fails."""

    def work(deed: Deed) -> None:
        deed.reason_code = left.line

    with suppress(DomainError):
        perform(desk, person, ACT, work, subject=left.subject)


def way_opened(basket: Basket, kind: ModeKind) -> Basket:
    """The payer was asked for the money: a way to pay was opened."""
    return _tried(basket, str(kind), basket.to_pay)


def amount_typed(basket: Basket, kind: ModeKind, text: str, *, decimal_marks: str) -> Basket:
    """An amount was typed in a way to pay and left there; what is no amount is passed over."""
    try:
        amount = parse_amount(text, basket.payer.currency, decimal_marks=decimal_marks)
    except Refused:
        return basket
    return _tried(basket, f"{kind} {amount.plain()}", basket.to_pay)


def tender_taken_out(basket: Basket, given: Given) -> Basket:
    """A tender was taken out of the payment again."""
    return _tried(basket, f"{given.mode.code} {given.amount.plain()}", basket.to_pay)


def unfinished_payment(basket: Basket) -> Unfinished | None:
    """What is left if nothing comes of ``basket``; None: nobody was asked for the money yet.

    A payment that is keyed anew is a correction: it is shown as soon as its screen is.
    """
    ways = (*basket.ways, *(f"{one.mode.code} {one.amount.plain()}" for one in basket.given))
    anew = basket.in_place_of
    if anew is not None:
        what = REPLACE if anew.cheque else SWAP
        return Unfinished(what=what, subject=anew.receipt, shown=basket.to_pay, ways=ways)
    if basket.shown is None:
        return None
    return Unfinished(what=PAY, subject=basket.payer.account, shown=basket.shown, ways=ways)


def _tried(basket: Basket, way: str, amount: Money) -> Basket:
    shown = amount if basket.shown is None or basket.shown < amount else basket.shown
    return replace(basket, shown=shown, ways=(*(one for one in basket.ways if one != way), way))
