"""Handing the shift over: the count with the other's number, and what the other sees, counts and accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.store.hand_overs import HandOver
from pos.till.hand_over import (
    REASON_MAX,
    HandedOver,
    HandOverAccepted,
    HandOverUndone,
    accept_hand_over,
    envelope_lines,
    hand_over,
    undo_hand_over,
)
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.close_shift import DrawerCountScreen
from pos.tui.screens.denominations import CashByPieces
from pos.tui.screens.form import FormScreen
from pos.tui.screens.sign_in import USER_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, DIGITS, Field

WORDS = {
    "counted_cheques": "Cheques: {count}",
    "counted_slips": "{said} slips: {count}",
    "counted_foreign": "Cash in {said}",
    "declared_apart": "{said}",
    "counted_trust": "Bill money of the operator",
}


def said_of(seat: Seat, done: HandOverAccepted | HandOverUndone) -> str:
    """What came of it, for whoever was to accept it."""
    if isinstance(done, HandOverUndone):
        return f"Shift {done.shift_number} stays with user {done.operator}."
    float_ = seat.shown_with_currency(done.opened.float_)
    return (
        f"Shift {done.opened.number} is yours with {float_}. {done.number} is being printed for both to sign."
    )


class HandOverScreen(DrawerCountScreen[HandedOver]):
    """Answers the shift that waits for another person."""

    WHAT: ClassVar[str] = "Hand over"

    def first_fields(self) -> Iterator[Field]:
        yield Field("To user", id="hand-over-to", pattern=DIGITS, limit=USER_MAX, note="who accepts it")

    def finish(self, reason: str | None) -> Callable[[], HandedOver]:
        to = self.query_one("#hand-over-to", Field).value
        return partial(hand_over, self.seat.desk, self.seat.person, to, reason)

    def field_of(self, refusal: DomainError) -> Field | None:
        if refusal.code in ("unknown_receiver", "own_shift"):
            return self.query_one("#hand-over-to", Field)
        return super().field_of(refusal)


class AcceptScreen(
    CashByPieces[HandOverAccepted | HandOverUndone], FormScreen[HandOverAccepted | HandOverUndone]
):
    """Answers the shift that began, or that the first one goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["quantity"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "quantity", "back", "lock")
    CASH: ClassVar[str] = "#accept-cash"

    def __init__(self, seat: Seat, errands: Errands, offer: HandOver) -> None:
        super().__init__(seat, errands)
        self._offer = offer

    def body(self) -> ComposeResult:
        offer = self._offer
        own = self.seat.desk.identity.currency
        yield Label(
            f"Shift {offer.shift.number} of user {offer.shift.operator} is handed over to user {offer.to_operator}",
            classes="title",
            markup=False,
        )
        yield Label("\n".join(self._contents()), id="contents", markup=False)
        with VerticalScroll(can_focus=False):
            yield Field(f"Cash you counted, {own}", id="accept-cash", pattern=AMOUNT, limit=AMOUNT_MAX)
            yield Field("Not accepted", id="accept-refuse", limit=REASON_MAX, note="why; empty: you accept")

    def _contents(self) -> Iterator[str]:
        offer, shown = self._offer, self.seat.shown_with_currency
        yield f" Cash {shown(offer.count.cash)}, the float of your shift"
        for line in envelope_lines(self.seat.desk, offer.count, offer.slips):
            said = WORDS[line.code].format(said=line.said.replace("_", " "), count=line.count)
            amount = "" if line.amount is None else f"  {shown(line.amount)}"
            yield f" In the envelope with the Z report: {said}{amount}"

    def on_mount(self) -> None:
        self.say("Count the cash yourself. Enter accepts it: it is yours from then on.")

    def following(self, field: Field) -> Field | None:
        """A refusal is rare: Enter accepts, Down leads to why not."""
        return None

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        seat, marks = self.seat, self.seat.decimal_marks
        cash, refused = (self.query_one(name, Field).value.strip() for name in (self.CASH, "#accept-refuse"))
        if refused:
            undone = await seat.deed(partial(undo_hand_over, seat.desk, seat.person, refused))
            await seat.see_shift()
            self.dismiss(undone)
            return
        deed = partial(accept_hand_over, seat.desk, seat.person, cash or "0", decimal_marks=marks)
        done = await seat.deed(deed)
        await seat.see_shift()
        self.errands.paper_waits()
        self.dismiss(done)

    def field_of(self, refusal: DomainError) -> Field | None:
        about_cash = refusal.code == "hand_over_differs" or "amount" in refusal.code
        return self.query_one(self.CASH, Field) if about_cash else None
