"""Why something is done all the same: a warning above, a reason in words beneath; Esc leaves it undone."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input, Label

from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import Field

REASON_MAX = 200


class ReasonScreen(Frame[str]):
    """Answers the reason; None: it is left undone."""

    AUTO_FOCUS = "Input"
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, warning: str) -> None:
        super().__init__(seat, errands)
        self._warning = warning

    def body(self) -> ComposeResult:
        yield Label(shown(self._warning), id="question", markup=False)
        yield Field("Reason", id="reason", limit=REASON_MAX)

    def on_mount(self) -> None:
        self.say("Type the reason, then Enter: it is kept with your name. Esc leaves it.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())
        else:
            self.refuse("Type the reason first, then Enter. Esc leaves it.")
