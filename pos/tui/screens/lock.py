"""The locked till: nothing of a sale shows, and all of it is still there after the PIN.

Somebody else may sit down meanwhile, with number and PIN, at a seat of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.domain.role import Person
from pos.till.sign_in import sign_in, unlock
from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.screens.sign_in import PIN_MAX, USER_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import DIGITS, Box, Field


class LockScreen(Frame[None]):
    """Goes away for the PIN of the person who sits here. ``why`` says why it came by itself.

    ``another`` is told who else gave number and PIN; this screen stays.
    """

    AUTO_FOCUS = "#pin-box"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Up"),
        Binding("down", "app.focus_next", "Down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("accept",)

    def __init__(
        self, seat: Seat, errands: Errands, why: str = "", *, another: Callable[[Person], None]
    ) -> None:
        super().__init__(seat, errands)
        self._why = why
        self._another = another

    def body(self) -> ComposeResult:
        person = self.seat.person
        yield Label("LOCKED", classes="title", markup=False)
        yield Label(
            f"{shown(person.name)}, user {person.user}. What was under way is kept.",
            id="whose",
            markup=False,
        )
        yield Field("User number", id="user", value=person.user, pattern=DIGITS, limit=USER_MAX)
        yield Field("PIN", id="pin", pattern=DIGITS, limit=PIN_MAX, secret=True)
        yield Label("Somebody else: Up, your number, Enter, your PIN, Enter.", id="somebody", markup=False)

    def on_mount(self) -> None:
        self.say(self._why or "Type your PIN, then Enter.")

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._as_new()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        user, pin = self.query_one("#user", Field), self.query_one("#pin", Field)
        if not user.value:
            self.refuse("Type your user number, then Enter.")
            user.box.focus()
        elif pin.value:
            self.errand(self._unlock(user.value, pin.value))
        else:
            if event.input is pin.box:
                self.refuse("Type your PIN, then Enter.")
            pin.box.focus()

    def take_scan(self, text: str) -> None:
        """A badge or a PIN that came at once: the Enter in it is meant."""
        if isinstance(self.focused, Box) and self.focused.value.endswith(text):
            self.focused.post_message(Input.Submitted(self.focused, self.focused.value))
        else:
            super().take_scan(text)

    async def _unlock(self, user: str, pin: str) -> None:
        desk, own = self.seat.desk, self.seat.person
        if user == own.user:
            self.seat.occupant = await self.seat.deed(lambda: unlock(desk, own, pin))
            self.dismiss(None)
        else:
            self._another(await self.seat.deed(lambda: sign_in(desk, user, pin)))

    def refused(self, refusal: DomainError) -> None:
        pin = self.query_one("#pin", Field)
        pin.box.value = ""
        pin.box.focus()
        super().refused(refusal)

    def action_back(self) -> None:
        self._as_new()

    def _as_new(self) -> None:
        self.query_one("#user", Field).box.value = self.seat.person.user
        pin = self.query_one("#pin", Field)
        pin.box.value = ""
        pin.box.focus()
