"""A screen with one list to be turned."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType

from pos.tui.screens.till_screen import TillScreen
from pos.tui.widgets.listing import Listing

Answer = TypeVar("Answer")


class LinesScreen(TillScreen[Answer]):
    """Up, Down and the page keys move in its only list."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "find", "back", "scroll")

    def action_move(self, by: int) -> None:
        self.query_one(Listing).move(by)

    def action_page(self, by: int) -> None:
        self.query_one(Listing).page(by)


class RegisterScreen(LinesScreen[Answer]):
    """A list that stands next to the find box: F2 leads back there."""

    def action_find(self) -> None:
        self.dismiss(None)
