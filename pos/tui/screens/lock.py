"""The locked till: nothing of a sale shows, and all of it is still there after the PIN."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.till.sign_in import unlock
from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.screens.sign_in import PIN_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import DIGITS, Field


class LockScreen(Frame[None]):
    """Goes away for the PIN of the person who sits here, and for nothing else. ``why`` says why it came by itself."""

    AUTO_FOCUS = "Input"
    KEYS: ClassVar[tuple[str, ...]] = ("accept",)

    def __init__(self, seat: Seat, errands: Errands, why: str = "") -> None:
        super().__init__(seat, errands)
        self._why = why

    def body(self) -> ComposeResult:
        person = self.seat.person
        yield Label("LOCKED", classes="title", markup=False)
        yield Label(
            f"{shown(person.name)}, user {person.user}. What was under way is kept.",
            id="whose",
            markup=False,
        )
        yield Field("PIN", id="pin", pattern=DIGITS, limit=PIN_MAX, secret=True)

    def on_mount(self) -> None:
        self.say(self._why or "Type your PIN, then Enter.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value:
            self.errand(self._unlock(event.value))
        else:
            self.refuse("Type your PIN, then Enter.")

    def take_scan(self, text: str) -> None:
        """A PIN that came at once: the Enter in it is meant."""
        field = self.query_one(Field)
        if field.value.endswith(text):
            self.errand(self._unlock(field.value))
        else:
            super().take_scan(text)

    async def _unlock(self, pin: str) -> None:
        person = self.seat.person
        await self.seat.deed(lambda: unlock(self.seat.desk, person, pin))
        self.dismiss(None)

    def refused(self, refusal: DomainError) -> None:
        self.query_one(Field).box.value = ""
        super().refused(refusal)

    def action_back(self) -> None:
        self.query_one(Field).box.value = ""
