"""The one way from a full basket to the books: vouchers held at central, the payment taken, paper and drawer set going."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pos.domain.card import CardState
from pos.domain.errors import DomainError
from pos.domain.payment_mode import ModeKind
from pos.domain.ports import CardTerminal
from pos.store.vouchers import Hold
from pos.till.basket import Basket, Given, give, order_of, require_complete
from pos.till.cards import ask_cards, let_go_card, let_go_cards
from pos.till.cheques_back import REPLACE, replace_cheque
from pos.till.instead_of_cheque import replace_order
from pos.till.paid_back_elsewhere import undo
from pos.till.payment_order import TenderOrder
from pos.till.post_dated import ChequeRegistered, is_post_dated, register_cheque
from pos.till.swaps import ACT as SWAP
from pos.till.swaps import swap_order, swap_tender
from pos.till.take_payment import PaymentTaken, take_payment
from pos.till.vouchers import has_vouchers, let_go, reserve_vouchers
from pos.tui.errands import Errands
from pos.tui.seat import Seat

NOT_ASKED = "not asked yet"
"""Stands for the attempt of a card that is only figured with."""


async def take(
    seat: Seat, errands: Errands, basket: Basket, *, keep: bool
) -> PaymentTaken | ChequeRegistered:
    """Book ``basket`` with what was given, in place of another payment where it says so, or register its post-dated cheque.

    Raises what ``take_payment``, ``swap_tender``, ``replace_cheque`` or ``register_cheque`` raises; then nothing was booked.
    """
    require_complete(basket)
    person = seat.person
    if basket.in_place_of is not None:
        if basket.in_place_of.cheque:
            return await _instead_of_cheque(seat, errands, basket, basket.in_place_of.receipt)
        deed = partial(swap_tender, seat.desk, person, swap_order(basket))
        receipt = basket.in_place_of.receipt
        anew = await seat.asked(undo(seat.desk, person, SWAP, receipt, deed, seat.central_now, seat.runner))
        errands.paper_waits()
        return anew.taken
    order = order_of(basket, keep=keep)
    await hold_vouchers(seat, basket)
    book = register_cheque if is_post_dated(seat.desk, order) else take_payment
    taken: PaymentTaken | ChequeRegistered = await seat.deed(lambda: book(seat.desk, person, order))
    if taken.opens_drawer:
        errands.drawer_opens()
    errands.paper_waits()
    return taken


async def _instead_of_cheque(
    seat: Seat, errands: Errands, basket: Basket, receipt: str
) -> PaymentTaken | ChequeRegistered:
    """Unlike a payment that is keyed anew, this one comes over the counter."""
    deed = partial(replace_cheque, seat.desk, seat.person, replace_order(basket))
    asked = undo(seat.desk, seat.person, REPLACE, receipt, deed, seat.central_now, seat.runner)
    instead = (await seat.asked(asked)).instead
    if instead.opens_drawer:
        errands.drawer_opens()
    errands.paper_waits()
    return instead


async def hold_vouchers(seat: Seat, basket: Basket) -> list[Hold]:
    """Have central hold every voucher of ``basket``, in their order. Raises what ``reserve_vouchers`` raises."""
    order = order_of(basket, keep=True)
    if not has_vouchers(seat.desk, order):
        return []
    return await reserve_vouchers(seat.desk, seat.person, order, seat.vouchers, seat.runner)


async def keep_only(seat: Seat, basket: Basket) -> None:
    """Let go of every voucher held for this payment that isn't in ``basket`` (any more)."""
    await let_go(seat.desk, basket.payment_event_id, seat.vouchers, seat.runner)
    await hold_vouchers(seat, basket)


async def ask_card(seat: Seat, terminal: CardTerminal, basket: Basket, tender: TenderOrder) -> Basket:
    """Have the card terminal charge ``tender``; the basket with what it approved. Raises what ``ask_cards`` raises."""
    marks = seat.decimal_marks
    paid = with_card(seat, basket, tender)
    order = order_of(paid, keep=True)
    asked = await ask_cards(seat.desk, seat.person, order, terminal, seat.runner, whole=not paid.rest)
    approved = replace(tender, attempt=asked.tenders[-1].attempt)
    return give(seat.desk, seat.person, basket, approved, decimal_marks=marks)


def with_card(seat: Seat, basket: Basket, tender: TenderOrder) -> Basket:
    """The basket as it would be with a card that nobody was asked for yet. Raises what ``give`` raises."""
    wanted = give(
        seat.desk,
        seat.person,
        basket,
        replace(tender, attempt=NOT_ASKED),
        decimal_marks=seat.decimal_marks,
    )
    *before, last = wanted.given
    return replace(wanted, given=(*before, replace(last, order=replace(last.order, attempt=None))))


async def let_cards_go(seat: Seat, basket: Basket) -> None:
    """No payment comes of ``basket``: what a card terminal approved for it goes back."""
    await let_go_cards(seat.desk, basket.payment_event_id, seat.card_terminal, seat.runner)


async def take_card_back(seat: Seat, given: Given) -> str:
    """Reverse a card that was taken out of a payment; what to tell the cashier."""
    attempt_id = given.order.attempt
    assert attempt_id is not None
    after = await let_go_card(seat.desk, attempt_id, seat.card_terminal, seat.runner)
    what = f"{given.mode.label} {seat.shown(given.amount)}"
    if after is not None and after.state is CardState.REVERSED:
        return f"{what} is taken out; the card terminal has reversed it."
    return f"{what} is taken out; its reversal is tried until the card terminal says yes: menu . . 1"


def why_not(seat: Seat, basket: Basket) -> str:
    """Why nothing may be given for ``basket`` now, and which key is next; empty: it may."""
    shift = seat.shift
    if shift is None:
        return "No shift is open. Esc to the find box, then . 1 opens one."
    if not seat.owns_the_shift:
        return f"The open shift belongs to user {shift.operator}. You can look up, not take money."
    if shift.offered_to is not None:
        return f"Shift {shift.number} waits for user {shift.offered_to} to accept it. . K . 1 takes it back."
    if basket.given and basket.rest.minor == 0:
        return "Enough was given. Enter takes it."
    if basket.has_no_use:
        if basket.keeps_nothing:
            return "Nothing is to be paid yet. Scan an item, or press F4 to find one."
        return "No bill here can be paid now. F4 sells items."
    try:
        require_complete(basket)
    except DomainError as refusal:
        return refusal.message
    return ""


def how_to_undo(given: Given) -> str:
    """What a person has to do when a tender is taken out of a payment again."""
    what = given.what
    match given.mode.kind:
        case ModeKind.CARD if given.order.attempt is not None:
            return f"{what} was approved: the card terminal will be told to reverse it."
        case ModeKind.CARD:
            return f"{what} was approved: cancel it on the card terminal."
        case ModeKind.CASH:
            return f"{what}: give it back."
        case ModeKind.VOUCHER:
            return f"{what} is let go: it can be used again."
        case _:
            return f"{what}: hand the paper back."
