"""Opening a shift with a float."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.till.cash_office import ShiftOpened, open_shift
from pos.tui.screens.till_screen import TillScreen
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import AMOUNT, Field


class OpenShiftScreen(TillScreen[ShiftOpened]):
    """Answers the opened shift; None: the person went on without one, to look only."""

    AUTO_FOCUS = "Input"
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def body(self) -> ComposeResult:
        desk = self.seat.desk
        yield Label(
            f"Open a shift for {shown(self.seat.person.name)}, business date {desk.clock.now().date().isoformat()}",
            classes="title",
            markup=False,
        )
        yield Field(
            f"Float, {desk.identity.currency}",
            id="float",
            value="0",
            pattern=AMOUNT,
            limit=24,
            note="in the drawer now",
        )

    def on_mount(self) -> None:
        self.say("Type the float in the drawer, then Enter. Esc: look up only.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.errand(self._open(event.value or "0"))

    async def _open(self, float_: str) -> None:
        seat, person = self.seat, self.seat.person
        opened = await seat.deed(
            lambda: open_shift(seat.desk, person, float_, decimal_marks=seat.decimal_marks)
        )
        await seat.see_shift()
        self.dismiss(opened)

    def refused(self, refusal: DomainError) -> None:
        self.query_one(Field).fault(refusal.message)
        super().refused(refusal)
