"""Boxes to type into: amounts, and labelled fields with their error beneath."""

from __future__ import annotations

import re

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label

from pos.domain.errors import Refused
from pos.domain.pan_guard import holds_card_number, refuse_card_number
from pos.tui.widgets.columns import shown

DIGITS = r"[0-9]*"
AMOUNT = r"[0-9.,]*"
AMOUNT_MAX = 24
BEYOND_MAX = 30


class Box(Input):
    """An entry without a blinking cursor. What its pattern doesn't admit goes on to the screen, as commands do."""

    def __init__(
        self, value: str = "", *, id: str, pattern: str | None = None, limit: int = 80, secret: bool = False
    ) -> None:
        super().__init__(
            value,
            id=id,
            restrict=pattern,
            max_length=limit,
            password=secret,
            compact=True,
            select_on_focus=True,
        )
        self.cursor_blink = False
        self._pattern = None if pattern is None else re.compile(pattern)
        self._beyond = ""
        self.called = "This"

    def take(self, text: str) -> bool:
        """Put a scanned or pasted text in place of what stands here; False: it doesn't belong here."""
        if self._pattern is not None and self._pattern.fullmatch(text) is None:
            return False
        if len(text) > (self.max_length or len(text)) or not text.isprintable():
            return False
        self.value = text
        self.cursor_position = len(text)
        return True

    async def action_submit(self) -> None:
        """Enter. A card number goes nowhere from here."""
        if not self.wipe_card_number():
            await super().action_submit()

    def wipe_card_number(self) -> bool:
        """Wipe what stands here where it holds a card number, beyond what the box can take too; whether it did."""
        try:
            refuse_card_number(self.value + self._beyond, field=self.called)
        except Refused as refusal:
            self.value = self._beyond = ""
            self.post_message(self.Wiped(self, refusal.message))
            return True
        return False

    def action_cut(self) -> None:
        """The terminal's clipboard is everybody's: what is hidden, or must not be kept, is not put there."""
        if self._is_private:
            self.delete_selection()
        else:
            super().action_cut()

    def action_copy(self) -> None:
        if not self._is_private:
            super().action_copy()

    @property
    def _is_private(self) -> bool:
        return self.password or holds_card_number(self.value)

    def _on_blur(self, event: events.Blur) -> None:
        # The framework calls its own as well.
        self.wipe_card_number()

    def _watch_value(self, value: str) -> None:
        if len(value) < (self.max_length or 0):
            self._beyond = ""
        super()._watch_value(value)

    class Wiped(Message):
        """A card number stood here; it is gone."""

        def __init__(self, box: Box, message: str) -> None:
            super().__init__()
            self.box = box
            self.message = message

    class LeftOver(Message):
        """A key was pressed here that writes nothing; it may be a command."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def leaves(self, character: str) -> bool:
        """Whether this character is none of the box's."""
        return self._pattern is not None and self._pattern.fullmatch(character) is None

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return super().check_consume_key(key, character) and not (character and self.leaves(character))

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character is not None and self.leaves(event.character):
            # The framework's own entry would swallow it.
            event.stop()
            event.prevent_default()
            self.post_message(self.LeftOver(event.key))
        elif event.is_printable and event.character is not None and len(self.value) >= (self.max_length or 0):
            # A full box leaves out what comes on: enough of a card number to know it by would stand here.
            self._beyond = (self._beyond + event.character)[-BEYOND_MAX:]
            if self.wipe_card_number():
                event.stop()
                event.prevent_default()


class Field(Vertical):
    """A labelled box; what is wrong with it stands beneath."""

    def __init__(
        self,
        label: str,
        *,
        id: str,
        value: str = "",
        pattern: str | None = None,
        limit: int = 80,
        secret: bool = False,
        note: str = "",
    ) -> None:
        super().__init__(id=id)
        self.label = label
        self._note = note
        self._pattern = pattern
        self.box = Box(value, id=f"{id}-box", pattern=pattern, limit=limit, secret=secret)
        self.box.called = label
        self._wiped = False
        self._fault = Label("", id=f"{id}-fault", classes="fault", markup=False)

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field-line"):
            yield Label(self.label, classes="label", markup=False)
            yield self.box
            yield Label(self._note, classes="note", markup=False)
        yield self._fault

    @property
    def value(self) -> str:
        return self.box.value

    def on_box_wiped(self, wiped: Box.Wiped) -> None:
        self.fault(wiped.message)
        self._wiped = True

    def on_input_changed(self, changed: Input.Changed) -> None:
        if self._wiped and changed.value:
            self._wiped = False
            self.fault("")

    @property
    def is_amount(self) -> bool:
        """Whether money is typed here; no scan is taken for money."""
        return self._pattern == AMOUNT

    def fault(self, text: str) -> None:
        """Show what is wrong; an empty text: nothing is."""
        self._fault.update(Text(f"! {shown(text)}" if text else ""))
        self._fault.display = bool(text)
