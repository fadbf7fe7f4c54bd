"""Settling a card by hand: its slip typed off, or why it is known not to be charged."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.store.cards import CardAttempt
from pos.till.settle_card import REASON_MAX, SettleOrder, Verdict, settle_by_hand
from pos.tui.errands import Errands
from pos.tui.screens.form import FormScreen
from pos.tui.screens.tender import CARD_WRITTEN_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.entry import Field


class CardSlipScreen(FormScreen[CardAttempt]):
    """The slip of a card that was charged. Answers the attempt as it stands then."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, seat: Seat, errands: Errands, attempt: CardAttempt) -> None:
        super().__init__(seat, errands)
        self._attempt = attempt
        self._asked = [
            field for field in seat.desk.modes[attempt.mode].fields if field.name != "card_terminal"
        ]

    def body(self) -> ComposeResult:
        attempt = self._attempt
        label = self.seat.desk.modes[attempt.mode].label
        text = f"{label} {self.seat.shown_with_currency(attempt.amount)} was charged at {attempt.card_terminal}: its slip"
        yield Label(text, classes="title", markup=False)
        for field in self._asked:
            # A card number cut off at a short field's end would not be known for one.
            yield Field(
                field.label,
                id=f"field-{field.name}",
                limit=max(field.limit, CARD_WRITTEN_MAX),
                note="" if field.required else "may stay empty",
            )

    def on_mount(self) -> None:
        self.say("Type off the slip of the card terminal. The last Enter settles it.")

    def send(self) -> None:
        if self.begin_sending():
            typed = {str(field.id).removeprefix("field-"): field.value for field in self.fields}
            order = SettleOrder(attempt_id=self._attempt.attempt_id, verdict=Verdict.APPROVED, details=typed)
            self.errand(self._settle(order))

    async def _settle(self, order: SettleOrder) -> None:
        person = self.seat.person
        self.dismiss(await self.seat.deed(lambda: settle_by_hand(self.seat.desk, person, order)))

    def field_of(self, refusal: DomainError) -> Field | None:
        told = refusal.details.get("field")
        for field in self._asked:
            if told in (field.name, field.label):
                return self.query_one(f"#field-{field.name}", Field)
        return None


class NotChargedScreen(FormScreen[CardAttempt]):
    """Why a card is known not to be charged. Answers the attempt as it stands then."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, seat: Seat, errands: Errands, attempt: CardAttempt) -> None:
        super().__init__(seat, errands)
        self._attempt = attempt

    def body(self) -> ComposeResult:
        attempt = self._attempt
        label = self.seat.desk.modes[attempt.mode].label
        amount = self.seat.shown_with_currency(attempt.amount)
        text = f"{label} {amount} at {attempt.card_terminal} is not charged, or was reversed there"
        yield Label(text, classes="title", markup=False)
        yield Field("How it is known", id="reason", limit=REASON_MAX)

    def on_mount(self) -> None:
        self.say("Look into the journal of the card terminal. What does it say? Enter settles it.")

    def send(self) -> None:
        if self.begin_sending():
            reason = self.query_one("#reason", Field).value
            order = SettleOrder(attempt_id=self._attempt.attempt_id, verdict=Verdict.DECLINED, reason=reason)
            self.errand(self._settle(order))

    async def _settle(self, order: SettleOrder) -> None:
        person = self.seat.person
        self.dismiss(await self.seat.deed(lambda: settle_by_hand(self.seat.desk, person, order)))

    def field_of(self, refusal: DomainError) -> Field | None:
        return self.query_one("#reason", Field)
