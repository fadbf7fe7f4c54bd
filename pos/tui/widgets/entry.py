"""Boxes to type into: amounts, and labelled fields with their error beneath."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Label

from pos.tui.widgets.columns import shown

DIGITS = r"[0-9]*"
AMOUNT = r"[0-9.,]*"


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

    async def _on_key(self, event: events.Key) -> None:
        character = event.character
        if (
            self._pattern is not None
            and event.is_printable
            and character is not None
            and self._pattern.fullmatch(character) is None
        ):
            # The framework would swallow it; here it may be a command of the screen.
            return
        await super()._on_key(event)


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
        self._label = label
        self._note = note
        self.box = Box(value, id=f"{id}-box", pattern=pattern, limit=limit, secret=secret)
        self._fault = Label("", id=f"{id}-fault", classes="fault", markup=False)

    def compose(self) -> ComposeResult:
        yield Label(self._label, classes="label", markup=False)
        yield self.box
        yield Label(self._note, classes="note", markup=False)
        yield self._fault

    @property
    def value(self) -> str:
        return self.box.value

    def fault(self, text: str) -> None:
        """Show what is wrong; an empty text: nothing is."""
        self._fault.update(Text(f"! {shown(text)}" if text else ""))
        self._fault.display = bool(text)


def after(fields: Iterator[Field], box_id: str) -> Field | None:
    """The visible field that follows the one whose box has this id."""
    found = False
    for field in fields:
        if found and field.display:
            return field
        found = found or field.box.id == box_id
    return None
