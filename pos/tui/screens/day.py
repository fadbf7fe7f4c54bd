"""The end of a business day: what stops its close and what is left over, and the count of the safe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.till.day import DayClosed, DayState, close_day, day_state
from pos.till.day_item import DayItem
from pos.till.safe import SafeCounted, count_safe
from pos.tui.errands import Errands
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.reason import REASON_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Field
from pos.tui.widgets.listing import Row


class DayScreen(RegisterScreen[DayClosed, DayItem]):
    """Answers the day that was closed. Everything that is not done is listed, what stops the close first."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="", width=5),
        Column(title="Not done", flexible=True),
        Column(title="Where", width=7),
        Column(title="How many", width=8, right=True),
        Column(title="Amount", width=15, right=True),
    )

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._state: DayState | None = None

    async def found(self) -> Sequence[DayItem]:
        desk, person = self.seat.desk, self.seat.person
        self._state = await self.seat.look(lambda: day_state(desk, person))
        return () if self._state is None else self._state.items

    def heading(self) -> str:
        state = self._state
        if state is None:
            return "End of day: every business day with a shift is closed"
        shifts = "1 shift" if len(state.shifts) == 1 else f"{len(state.shifts)} shifts"
        taken = f"Business day {state.day}: {shifts}, {self.seat.shown_with_currency(state.gross)} taken"
        stops = len(state.stopped_by)
        if stops:
            return f"{taken}\n{stops} of these must be done first (STOP)."
        return f"{taken}\nNothing stops its close. Enter closes it."

    def row(self, entry: DayItem) -> Row:
        return Row(
            key=entry.code + entry.said,
            cells=(
                "STOP" if entry.stops else "",
                entry.said,
                entry.where,
                "" if entry.count is None else str(entry.count),
                self._amount(entry),
            ),
            strong=entry.stops,
        )

    def _amount(self, entry: DayItem) -> str:
        if entry.amount is None:
            return ""
        differs = entry.code == "difference_open"
        return self.seat.over_or_short(entry.amount) if differs else self.seat.shown(entry.amount)

    def facts(self, entry: DayItem | None) -> str:
        if self._state is None:
            return "There is nothing to close."
        return "What does not stop the close is written on its report." if self.entries else "All is done."

    def action_accept(self) -> None:
        state = self._state
        if state is None:
            self.refuse("There is no business day to close. Esc goes back.")
        elif state.stopped_by:
            self.refuse(state.stopped_by[0].first)
        else:
            question = (
                f"Close business day {state.day} with {self.seat.shown_with_currency(state.gross)}? "
                "It cannot be opened again; the next shift belongs to the day after."
            )
            self.ask(question, lambda: self.errand(self._close(state)))

    async def _close(self, state: DayState) -> None:
        deed = partial(close_day, self.seat.desk, self.seat.person, state.day)
        done = await self.seat.deed(deed)
        self.errands.paper_waits()
        self.dismiss(done)


class SafeCountScreen(FormScreen[SafeCounted]):
    """Answers the count. What the books expect is not told before."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def body(self) -> ComposeResult:
        own = self.seat.desk.identity.currency.code
        yield Label("Count the safe: loose cash, without sealed bags", classes="title", markup=False)
        yield Field(
            f"Cash, {own}", id="safe-cash", pattern=AMOUNT, limit=AMOUNT_MAX, note="floats in drawers not"
        )
        yield Field("Reason", id="safe-reason", limit=REASON_MAX)

    def on_mount(self) -> None:
        self.query_one("#safe-reason", Field).display = False

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        cash, reason = (self.query_one(f"#safe-{name}", Field).value.strip() for name in ("cash", "reason"))
        marks = self.seat.decimal_marks
        deed = partial(
            count_safe, self.seat.desk, self.seat.person, cash, reason or None, decimal_marks=marks
        )
        done = await self.seat.deed(deed)
        self.errands.paper_waits()
        self.dismiss(done)

    def refused(self, refusal: DomainError) -> None:
        if refusal.code in ("safe_differs", "safe_recounted"):
            self.query_one("#safe-reason", Field).display = True
        super().refused(refusal)

    def field_of(self, refusal: DomainError) -> Field | None:
        name = "reason" if refusal.code == "safe_recounted" else "cash"
        return self.query_one(f"#safe-{name}", Field)
