"""One question, yes or no. A scan answers nothing."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown


class ConfirmScreen(Frame[bool]):
    """Answers True for Enter, False for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, question: str) -> None:
        super().__init__(seat, errands)
        self._question = question

    def body(self) -> ComposeResult:
        yield Label(shown(self.seat.in_words(self._question)), id="question", markup=False)
        yield Label("Enter = yes      Esc = no", id="answers", markup=False)

    def action_accept(self) -> None:
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)
