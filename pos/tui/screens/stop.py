"""The full stop: the store cannot be relied on, so nothing is sold."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.widgets import Label

from pos.store.database import StoreError
from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown


class StopScreen(Frame[None]):
    """There is no way back from here but a new start, which checks the store."""

    AUTO_FOCUS = ""
    BINDINGS = []
    KEYS: ClassVar[tuple[str, ...]] = ()
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, fault: StoreError) -> None:
        super().__init__(seat, errands)
        self._fault = fault

    def body(self) -> ComposeResult:
        yield Label("NOTHING CAN BE SOLD", classes="title", markup=False)
        yield Label(shown(self._fault.message), id="fault-text", markup=False)
        yield Label(
            "What was taken before is kept. If a payment was under way, look for its\n"
            "receipt after the next start before taking it again.\n\n"
            f"Tell a supervisor: {self._fault.code}\n"
            "pos doctor says more; pos export support writes what can still be read.\n\nQ ends the program.",
            id="fault-advice",
            markup=False,
        )

    def on_key(self, event: events.Key) -> None:
        if event.key == "q":
            self.app.exit(self._fault.exit_code, return_code=self._fault.exit_code)

    def action_back(self) -> None:
        self.say("Q ends the program.")
