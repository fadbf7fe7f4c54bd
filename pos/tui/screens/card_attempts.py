"""Cards that are not settled: not known whether charged, or money that is on its way back; and how each is settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from pos.domain.card import CardState
from pos.store.cards import CardAttempt
from pos.till.cards import ask_again, open_card_attempts, try_reversal
from pos.tui.keys import bindings
from pos.tui.screens.card_settling import CardSlipScreen, NotChargedScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Row

STATES = {
    CardState.ASKED: "at the terminal",
    CardState.UNKNOWN: "NOT KNOWN",
    CardState.APPROVED: "approved",
    CardState.REVERSING: "to be reversed",
}


class CardAttemptsScreen(RegisterScreen[None, CardAttempt]):
    """A asks the terminal again, Y and N settle by what a person reads there."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["ask_again", "charged", "not_charged"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "ask_again", "charged", "not_charged", "scroll")
    HEADING = "Cards that are not settled"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Asked", width=13),
        Column(title="Account", width=10),
        Column(title="Amount", width=11, right=True),
        Column(title="Way", flexible=True),
        Column(title="Terminal", width=12),
        Column(title="State", width=15),
    )
    FACTS_LINES = 4

    async def found(self) -> Sequence[CardAttempt]:
        seat, person = self.seat, self.seat.person
        return await seat.look(lambda: open_card_attempts(seat.desk, person))

    def row(self, entry: CardAttempt) -> Row:
        return Row(
            key=entry.attempt_id,
            cells=(
                self._age(entry),
                entry.account,
                self.seat.shown(entry.amount),
                self.seat.desk.modes[entry.mode].label,
                entry.card_terminal,
                STATES.get(entry.state, str(entry.state)),
            ),
            strong=entry.is_under_way,
        )

    def _age(self, attempt: CardAttempt) -> str:
        minutes = max(int((self.seat.desk.clock.now() - attempt.asked_at).total_seconds() // 60), 0)
        passed = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
        return f"{attempt.asked_at:%H:%M} {passed}" if minutes < 1440 else f"{attempt.asked_at:%Y-%m-%d}"

    def facts(self, entry: CardAttempt | None) -> str:
        if entry is None:
            return "Every card is settled."
        tries = f" Tried {entry.reversal_tries} times." if entry.reversal_tries else ""
        wiped = " The terminal sent a card number; it was wiped." if entry.card_number_wiped else ""
        said = shown(entry.reason) or "No payment uses it yet."
        return f"{said}{tries}{wiped}\nAsked by {entry.operator}."

    # --- settling ---------------------------------------------------------------------------------------------------

    def _refuse_none(self) -> None:
        self.refuse("Every card is settled. Esc goes back.")

    def action_ask_again(self) -> None:
        one = self.selected
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
        await self.load()
        self._tell(after)

    def action_charged(self) -> None:
        one = self.selected
        if one is not None and one.is_under_way:
            self.app.push_screen(CardSlipScreen(self.seat, self.errands, one), self._settled)
        elif one is None:
            self._refuse_none()
        else:
            self.refuse("It is known that this one was charged. N settles it once it is reversed there.")

    def action_not_charged(self) -> None:
        one = self.selected
        if one is None:
            self._refuse_none()
        else:
            self.app.push_screen(NotChargedScreen(self.seat, self.errands, one), self._settled)

    async def _settled(self, attempt: CardAttempt | None) -> None:
        if attempt is not None:
            await self.load()
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
