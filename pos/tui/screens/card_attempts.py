"""Cards that are not settled: not known whether charged, or money that is on its way back; and how each is settled."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.card import CardState
from pos.store.cards import CardAttempt
from pos.till.cards import ask_again, open_card_attempts, try_reversal
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.card_settling import CardSlipScreen, NotChargedScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Listing, Row

STATES = {
    CardState.ASKED: "at the terminal",
    CardState.UNKNOWN: "NOT KNOWN",
    CardState.APPROVED: "approved",
    CardState.REVERSING: "to be reversed",
}


class CardAttemptsScreen(RegisterScreen[None]):
    """A asks the terminal again, Y and N settle by what a person reads there."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["ask_again", "charged", "not_charged"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "ask_again", "charged", "not_charged", "scroll")

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._attempts: list[CardAttempt] = []

    def body(self) -> ComposeResult:
        yield Label("Cards that are not settled", classes="title", markup=False)
        yield Listing(
            (
                Column(title="Asked", width=13),
                Column(title="Account", width=10),
                Column(title="Amount", width=11, right=True),
                Column(title="Way", flexible=True),
                Column(title="Terminal", width=12),
                Column(title="State", width=15),
            ),
            id="card-attempts",
        )
        yield Label("", id="unsent-reason", markup=False)

    def on_mount(self) -> None:
        self.errand(self._look())

    async def _look(self) -> None:
        seat, person = self.seat, self.seat.person
        self._attempts = await seat.look(lambda: open_card_attempts(seat.desk, person))
        self.query_one(Listing).show(
            [
                Row(
                    key=str(place),
                    cells=(
                        self._age(one),
                        one.account,
                        self.seat.shown(one.amount),
                        seat.desk.modes[one.mode].label,
                        one.card_terminal,
                        STATES.get(one.state, str(one.state)),
                    ),
                    strong=one.is_under_way,
                )
                for place, one in enumerate(self._attempts)
            ]
        )
        self._show_reason()

    def _age(self, attempt: CardAttempt) -> str:
        minutes = max(int((self.seat.desk.clock.now() - attempt.asked_at).total_seconds() // 60), 0)
        passed = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
        return f"{attempt.asked_at:%H:%M} {passed}" if minutes < 1440 else f"{attempt.asked_at:%Y-%m-%d}"

    @property
    def _chosen(self) -> CardAttempt | None:
        selected = self.query_one(Listing).selected
        return None if selected is None else self._attempts[int(selected)]

    def _show_reason(self) -> None:
        one = self._chosen
        if one is None:
            text = " Every card is settled."
        else:
            tries = f" Tried {one.reversal_tries} times." if one.reversal_tries else ""
            wiped = " The terminal sent a card number; it was wiped." if one.card_number_wiped else ""
            text = (
                f" {shown(one.reason) or 'No payment uses it yet.'}{tries}{wiped}\n Asked by {one.operator}."
            )
        self.query_one("#unsent-reason", Label).update(Text(text))

    def action_move(self, by: int) -> None:
        super().action_move(by)
        self._show_reason()

    def action_page(self, by: int) -> None:
        super().action_page(by)
        self._show_reason()

    # --- settling ---------------------------------------------------------------------------------------------------

    def _refuse_none(self) -> None:
        self.refuse("Every card is settled. Esc goes back.")

    def action_ask_again(self) -> None:
        one = self._chosen
        if one is None:
            self._refuse_none()
        else:
            self.say("Asking the card terminal ...")
            self.errands.beside(self, self._ask_again(one))

    async def _ask_again(self, one: CardAttempt) -> None:
        seat = self.seat
        if one.state is CardState.REVERSING:
            after = await try_reversal(
                seat.desk, seat.person, one.attempt_id, seat.card_terminal, seat.runner
            )
        else:
            after = await ask_again(seat.desk, seat.person, one.attempt_id, seat.card_terminal, seat.runner)
        await self._look()
        self._tell(after)

    def action_charged(self) -> None:
        one = self._chosen
        if one is not None and one.is_under_way:
            self.app.push_screen(CardSlipScreen(self.seat, self.errands, one), self._settled)
        elif one is None:
            self._refuse_none()
        else:
            self.refuse("It is known that this one was charged. N settles it once it is reversed there.")

    def action_not_charged(self) -> None:
        one = self._chosen
        if one is None:
            self._refuse_none()
        else:
            self.app.push_screen(NotChargedScreen(self.seat, self.errands, one), self._settled)

    async def _settled(self, attempt: CardAttempt | None) -> None:
        if attempt is not None:
            await self._look()
            self._tell(attempt)

    def _tell(self, attempt: CardAttempt) -> None:
        what = f"{self.seat.shown(attempt.amount)} at {attempt.card_terminal}"
        match attempt.state:
            case CardState.APPROVED:
                self.say(f"{what} was charged; its payment may take it now.")
            case CardState.REVERSING:
                self.say(
                    f"{what} was charged without a payment: it is reversed as soon as the terminal does it."
                )
            case CardState.REVERSED:
                self.say(f"{what} is reversed.")
            case CardState.USED:
                self.say(f"{what} was charged, and its slip was keyed and booked already.")
            case _:
                self.say(f"{what} was not charged.")
