"""The two last lines of every screen: the message, and the keys that work here."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget

from pos.tui.keys import key
from pos.tui.widgets.columns import cut, shown


class MessageLine(Widget):
    """What just happened, or what is wrong and which key is next. A refusal starts with ``!`` and is bold."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(id="message")
        self.text = ""
        self.is_refusal = False

    def say(self, text: str, *, refusal: bool = False) -> None:
        """Show ``text`` until the next one; an empty text clears the line."""
        self.text = text
        self.is_refusal = refusal
        self.set_class(refusal, "refusal")
        self.set_class(cell_len(self._line()) > self.app.size.width, "long")
        self.refresh()

    def _line(self) -> str:
        return (" ! " if self.is_refusal else " ") + shown(self.text)

    def render(self) -> Text:
        """A long text wraps once; what is longer still is cut."""
        return Text(cut(self._line(), 2 * self.size.width - 12))


class KeyBar(Widget):
    """The keys of this screen, by their names in the one table."""

    can_focus = False

    def __init__(self, key_ids: Sequence[str]) -> None:
        super().__init__(id="keybar")
        self._key_ids = tuple(key_ids)

    def tell(self, key_ids: Sequence[str]) -> None:
        """Other keys work now."""
        self._key_ids = tuple(key_ids)
        self.refresh()

    def render(self) -> Text:
        text = Text(" ", no_wrap=True, overflow="crop")
        for key_id in self._key_ids:
            one = key(key_id)
            text.append(one.shown, "bold")
            text.append(f" {one.label}  ")
        return text
