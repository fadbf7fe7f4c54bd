"""Taking a card by the connected terminal: the amount, then its answer; and what to do where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.card import CardState
from pos.domain.errors import DomainError, NeedsConfirmation
from pos.domain.payment_mode import ModeKind, PaymentMode
from pos.domain.ports import CardTerminal
from pos.store.cards import CardAttempt
from pos.till.basket import Basket, confirm, identified, quote
from pos.till.cards import ask_again, attempt_for, attempt_under_way, let_go_card
from pos.till.large_cash import IdentityOrder
from pos.till.payment_order import TenderOrder
from pos.tui.errands import Errands
from pos.tui.handover import ask_card, with_card
from pos.tui.keys import bindings
from pos.tui.screens.card_settling import CardSlipScreen, NotChargedScreen
from pos.tui.screens.form import FormScreen
from pos.tui.screens.identity import ask_identity
from pos.tui.seat import Seat
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Field
from pos.tui.widgets.paying import summary

READ_S = 0.5
"""An Enter that comes sooner after a question was not an answer to it."""
FOLLOW = "Follow the card terminal. Esc asks it to cancel."
STILL_CHARGED = "It is not reversed yet: menu . . 1 lists it until it is."
NOT_KNOWN = "A asks again, Y: charged (by its slip), N: not charged. Esc leaves it open."


class Step(StrEnum):
    """What the screen waits for."""

    AMOUNT = "amount"
    TERMINAL = "terminal"
    PERSON = "person"


_KEYS_OF: Mapping[Step, tuple[str, ...]] = {
    Step.AMOUNT: ("help", "accept", "back", "card", "switch", "lock"),
    Step.TERMINAL: ("help", "back", "lock"),
    Step.PERSON: ("help", "ask_again", "charged", "not_charged", "back", "lock"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedSlip:
    """The slip of a card is to be keyed instead."""

    modes: Sequence[PaymentMode]
    amount: str


class CardScreen(FormScreen[Basket | KeyedSlip]):
    """Enter asks the terminal; Tab goes to the slip instead. Answers the basket with what was approved."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["switch", "ask_again", "charged", "not_charged"])]
    KEYS: ClassVar[tuple[str, ...]] = _KEYS_OF[Step.AMOUNT]

    def __init__(
        self,
        seat: Seat,
        errands: Errands,
        basket: Basket,
        modes: Sequence[PaymentMode],
        terminal: CardTerminal,
        *,
        amount: str,
    ) -> None:
        super().__init__(seat, errands)
        self._basket = basket
        self._modes = tuple(modes)
        self._terminal = terminal
        wanted = seat.habits.mode.get(ModeKind.CARD)
        self._mode = next((mode for mode in modes if mode.code == wanted), modes[0])
        self._offered = amount or (seat.as_typed(basket.rest) if basket.rest else "")
        self._step = Step.AMOUNT
        self._agreed = ""
        """The amount of which a part was said to become credit; Enter on the very same asks for it."""
        self._told_at_s: float | None = None
        self._cancelled = False
        self._attempt: CardAttempt | None = None
        self._answer: Basket | None = None
        """What was approved, until this screen is in front and can say so."""

    def body(self) -> ComposeResult:
        yield Label(summary(self.seat, self._basket), id="paying", markup=False)
        yield Label("", id="mode", markup=False)
        yield Field(
            f"Amount, {self._basket.payer.currency}",
            id="field-amount",
            value=self._offered,
            pattern=AMOUNT,
            limit=AMOUNT_MAX,
            note="Enter asks it",
        )
        yield Label("", id="terminal-says", markup=False)

    def on_mount(self) -> None:
        self._show()
        self.errand(self._look())

    async def _look(self) -> None:
        """A card of this payment of which nobody knows comes first."""
        event_id = self._basket.payment_event_id
        waiting = await self.seat.look(lambda: attempt_under_way(self.seat.desk, event_id))
        if waiting is not None:
            self._not_known(waiting)
        else:
            self.say("Enter asks the card terminal, Tab keys the slip of another one.")

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._finish()

    # --- what stands on the screen ----------------------------------------------------------------------------------

    @property
    def _amount(self) -> Field:
        return self.query_one("#field-amount", Field)

    def _show(self) -> None:
        others = ", ".join(mode.label for mode in self._modes if mode is not self._mode)
        text = Text(f" {self._mode.label.upper()}", style="bold", no_wrap=True, overflow="crop")
        text.append(f"  by card terminal {self._terminal.terminal_id}", "not bold")
        if others and self._step is Step.AMOUNT:
            text.append(f"\n   F6: {others}   Tab: the slip of another terminal", "not bold")
        self.query_one("#mode", Label).update(text)
        self.query_one("#terminal-says", Label).update(Text(self._says(), style="bold"))
        self._amount.display = self._step is Step.AMOUNT
        if self._step is Step.AMOUNT:
            self._amount.box.focus()
        else:
            self.set_focus(None)
        self.keys_are(_KEYS_OF[self._step])

    def _says(self) -> str:
        currency = self._basket.payer.currency
        match self._step:
            case Step.AMOUNT:
                return ""
            case Step.TERMINAL:
                return f"\n   {self._amount.value} {currency}\n\n   Follow the card terminal."
            case Step.PERSON:
                assert self._attempt is not None
                asked = self.seat.clock_time(self._attempt.asked_at)
                amount = self.seat.shown_with_currency(self._attempt.amount)
                return (
                    f"\n   {amount}: NOT KNOWN whether it was charged (asked {asked}).\n"
                    f"   {self._attempt.reason}\n\n   Look at the card terminal: its slip or its journal tells."
                )

    def _go_to(self, step: Step) -> None:
        self._step = step
        self._sending = step is not Step.AMOUNT
        self._show()

    def _not_known(self, attempt: CardAttempt) -> None:
        self._attempt = attempt
        self._go_to(Step.PERSON)
        self.refuse(NOT_KNOWN)

    # --- asking -----------------------------------------------------------------------------------------------------

    def send(self) -> None:
        now_s = self.seat.desk.clock.monotonic_s()
        if self._step is not Step.AMOUNT or (
            self._told_at_s is not None and now_s - self._told_at_s < READ_S
        ):
            return
        tender = self._tender()
        try:
            with_card(self.seat, self._basket, tender)
            over = self._over(tender)
        except DomainError as refusal:
            self.refused(refusal)
            return
        if over and self._agreed != tender.amount:
            self._agreed, self._told_at_s = tender.amount, now_s
            self.refuse(f"{over} is more than is missing: it stays as credit. Enter asks for it so.")
            return
        self._cancelled = False
        self._go_to(Step.TERMINAL)
        self.say(FOLLOW)
        self.errands.beside(self, self._ask(tender))

    def _tender(self) -> TenderOrder:
        return TenderOrder(mode=self._mode.code, amount=self._amount.value, details={})

    def _over(self, tender: TenderOrder) -> str:
        """What would be left over, in words; empty: nothing."""
        if self._basket.is_empty:
            return ""
        marks = self.seat.decimal_marks
        credit = quote(self.seat.desk, self._basket, tender, keep=True, decimal_marks=marks).credit
        return str(credit) if credit else ""

    async def _ask(self, tender: TenderOrder) -> None:
        given = await ask_card(self.seat, self._terminal, self._basket, tender)
        if self._cancelled:
            # The customer was quicker than the cancelling.
            attempt_id = given.given[-1].order.attempt
            assert attempt_id is not None
            after = await let_go_card(self.seat.desk, attempt_id, self._terminal, self.seat.runner)
            self._go_to(Step.AMOUNT)
            if after is not None and after.state is CardState.REVERSED:
                self.refuse(
                    "It was approved before it could be cancelled, and is reversed. Nothing stays charged."
                )
            else:
                self.refuse(f"It was approved before it could be cancelled. {STILL_CHARGED}")
            return
        self._answer = given
        self._finish()

    def _finish(self) -> None:
        if self._answer is not None and self.app.screen is self:
            self.dismiss(self._answer)

    def _send_confirmed(self, code: str, reason: str | None) -> None:
        self._basket = confirm(self._basket, code, reason)
        self.send()

    def _send_identified(self, identity: IdentityOrder) -> None:
        self._basket = identified(self._basket, identity)
        self.send()

    def refused(self, refusal: DomainError) -> None:
        if isinstance(refusal, NeedsConfirmation):
            self._go_to(Step.AMOUNT)
            self.ask_all_the_same(refusal, partial(self._send_confirmed, refusal.code))
            return
        if refusal.code == "identity_needed":
            self._go_to(Step.AMOUNT)
            ask_identity(self, refusal, self._send_identified)
            return
        if refusal.code == "card_outcome_unknown":
            self.errand(self._show_unknown(str(refusal.details["attempt"])))
            return
        if refusal.code == "card_approved_otherwise":
            self._mode = self.seat.desk.modes[str(refusal.details["mode"])]
            self._amount.box.value = self.seat.as_typed_text(str(refusal.details["amount"]))
        self._go_to(Step.AMOUNT)
        super().refused(refusal)

    def field_of(self, refusal: DomainError) -> Field | None:
        return self._amount if "amount" in refusal.code else None

    async def _show_unknown(self, attempt_id: str) -> None:
        seat, person = self.seat, self.seat.person
        self._not_known(await seat.look(lambda: attempt_for(seat.desk, person, attempt_id)))

    # --- keys -------------------------------------------------------------------------------------------------------

    def action_card(self) -> None:
        """The key that opened it, pressed again, is the other kind of card."""
        if self._step is Step.AMOUNT:
            place = (self._modes.index(self._mode) + 1) % len(self._modes)
            self._mode = self._modes[place]
            self.seat.habits.mode[ModeKind.CARD] = self._mode.code
            self._show()

    def action_switch(self) -> None:
        if self._step is Step.AMOUNT:
            self.seat.habits.field.setdefault("card_terminal", self._terminal.terminal_id)
            self.dismiss(KeyedSlip(modes=self._modes, amount=self._amount.value))
        else:
            self.refuse("The card terminal was asked already. Its outcome comes first.")

    def action_back(self) -> None:
        if self._step is Step.TERMINAL:
            self._cancel()
        else:
            self.dismiss(None)

    def _cancel(self) -> None:
        if self._cancelled:
            self.say("The card terminal was asked to cancel. Its answer is waited for.")
            return
        self._cancelled = True
        self.say("Asking the card terminal to cancel ...")
        self.errands.beside(self, self._abort())

    async def _abort(self) -> None:
        event_id = self._basket.payment_event_id
        asked = await self.seat.look(lambda: attempt_under_way(self.seat.desk, event_id))
        if asked is not None:
            await self._terminal.abort(asked.asked)

    # --- settling ---------------------------------------------------------------------------------------------------

    def action_ask_again(self) -> None:
        if self._step is Step.PERSON and self._attempt is not None:
            self.say("Asking the card terminal what became of it ...")
            self.errands.beside(self, self._ask_again(self._attempt.attempt_id))

    async def _ask_again(self, attempt_id: str) -> None:
        seat = self.seat
        self._settled(await ask_again(seat.desk, seat.person, attempt_id, self._terminal, seat.runner))

    def action_charged(self) -> None:
        if self._step is Step.PERSON and self._attempt is not None:
            self.app.push_screen(CardSlipScreen(self.seat, self.errands, self._attempt), self._settled)

    def action_not_charged(self) -> None:
        if self._step is Step.PERSON and self._attempt is not None:
            self.app.push_screen(NotChargedScreen(self.seat, self.errands, self._attempt), self._settled)

    def _settled(self, attempt: CardAttempt | None) -> None:
        if attempt is None:
            return
        self._attempt = attempt
        self._go_to(Step.AMOUNT)
        if attempt.state is CardState.APPROVED:
            self._mode = self.seat.desk.modes[attempt.mode]
            self._amount.box.value = self.seat.as_typed(attempt.amount)
            self._show()
            self.say("It was charged. Enter takes it for this payment; without one it is reversed.")
        elif attempt.state is CardState.DECLINED:
            self.say("It was not charged. Enter asks for it anew.")
        elif attempt.state is CardState.REVERSED:
            self.say("It was charged without a payment, and is reversed. Enter asks for it anew.")
        elif attempt.state is CardState.USED:
            self.say("It was charged, and its slip was keyed and booked already.")
        else:
            self.refuse(f"It was charged without a payment. {STILL_CHARGED}")
