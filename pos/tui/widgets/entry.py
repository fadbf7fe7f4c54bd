"""Boxes to type into: amounts, and labelled fields with their error beneath."""

from __future__ import annotations

import re

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label

from pos.tui.widgets.columns import shown

DIGITS = r"[0-9]*"
AMOUNT = r"[0-9.,]*"
AMOUNT_MAX = 24


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

    def take(self, text: str) -> bool:
        """Put a scanned or pasted text in place of what stands here; False: it doesn't belong here."""
        if self._pattern is not None and self._pattern.fullmatch(text) is None:
            return False
        if len(text) > (self.max_length or len(text)) or not text.isprintable():
            return False
        self.value = text
        self.cursor_position = len(text)
        return True

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

    @property
    def is_amount(self) -> bool:
        """Whether money is typed here; no scan is taken for money."""
        return self._pattern == AMOUNT

    def fault(self, text: str) -> None:
        """Show what is wrong; an empty text: nothing is."""
        self._fault.update(Text(f"! {shown(text)}" if text else ""))
        self._fault.display = bool(text)
