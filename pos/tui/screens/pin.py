"""The PIN typed again for an act that wants it fresh, and the choice of an own one instead of a first one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.till.people import change_pin
from pos.till.sign_in import confirm_pin
from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import DIGITS, Field

PIN_MAX = 20


class PinScreen(Frame[bool]):
    """True: the PIN was right, and what wanted it can be done; None: it is left undone."""

    AUTO_FOCUS = "Input"
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, why: str) -> None:
        super().__init__(seat, errands)
        self._why = why

    def body(self) -> ComposeResult:
        person = self.seat.person
        yield Label(f"{shown(person.name)}, user {person.user}", classes="title", markup=False)
        yield Field("PIN", id="pin", pattern=DIGITS, limit=PIN_MAX, secret=True)

    def on_mount(self) -> None:
        self.say(self._why)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value:
            self.errand(self._confirm(event.value))
        else:
            self.refuse("Type your PIN, then Enter. Esc leaves it.")

    async def _confirm(self, pin: str) -> None:
        person = self.seat.person
        await self.seat.deed(lambda: confirm_pin(self.seat.desk, person, pin))
        self.dismiss(True)

    def refused(self, refusal: DomainError) -> None:
        self.query_one(Field).box.value = ""
        super().refused(refusal)


class OwnPinScreen(Frame[bool]):
    """True: the person has a PIN of the own now."""

    AUTO_FOCUS = "#pin-box"
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def body(self) -> ComposeResult:
        yield Label("Choose a PIN of your own", classes="title", markup=False)
        yield Field("PIN you were given", id="pin", pattern=DIGITS, limit=PIN_MAX, secret=True)
        yield Field("Your own PIN", id="own", pattern=DIGITS, limit=PIN_MAX, secret=True)
        yield Field("Once more", id="again", pattern=DIGITS, limit=PIN_MAX, secret=True)

    def on_mount(self) -> None:
        digits = self.seat.desk.policy.pins.min_digits
        self.say(f"Only you will know it: {digits} digits or more, no repeat, run, date or own number.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        given, own, again = (self.query_one(f"#{name}", Field) for name in ("pin", "own", "again"))
        empty = next((field for field in (given, own, again) if not field.value), None)
        if empty is not None:
            empty.box.focus()
        elif own.value != again.value:
            self._begin_anew("The two are not the same. Type your own PIN again, twice.")
        else:
            self.errand(self._change(given.value, own.value))

    async def _change(self, given: str, own: str) -> None:
        person = self.seat.person
        await self.seat.deed(lambda: change_pin(self.seat.desk, person, given, own))
        self.dismiss(True)

    def refused(self, refusal: DomainError) -> None:
        if refusal.code != "bad_pin":
            self.query_one("#pin", Field).box.value = ""
        self._begin_anew(refusal.message)

    def _begin_anew(self, why: str) -> None:
        for name in ("own", "again"):
            self.query_one(f"#{name}", Field).box.value = ""
        first = next(field for field in self.query(Field) if not field.value)
        first.box.focus()
        self.refuse(why)
