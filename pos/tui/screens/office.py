"""The cash office: what is done with a drawer, the safe and the day, each by a number that never changes."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.cash_move import MoveKind
from pos.till.cash_moves import CashMoved
from pos.till.day import DayClosed
from pos.till.safe import SafeCounted
from pos.tui.keys import OFFICE, action
from pos.tui.screens.cash_moves import CashMoveScreen, CashMovesScreen, named
from pos.tui.screens.day import DayScreen, SafeCountScreen
from pos.tui.screens.lines import LinesScreen
from pos.tui.screens.mandates import MandatesScreen
from pos.tui.screens.z_reports import ZReportsScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class OfficeScreen(LinesScreen[None]):
    """Opens each of its screens and says what came of it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def body(self) -> ComposeResult:
        yield Label("Cash office: press the number", classes="title", markup=False)
        yield Listing((Column(title="No", width=3), Column(title="What", flexible=True)), id="office")

    def on_mount(self) -> None:
        self.query_one(Listing).show(
            [Row(key=entry.number, cells=(entry.number, entry.label)) for entry in OFFICE]
        )

    async def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.character in "0123456789":
            event.stop()
            await self._open(event.character)

    async def action_accept(self) -> None:
        await self._open(self.query_one(Listing).selected or "")

    async def _open(self, number: str) -> None:
        entry = next((one for one in OFFICE if one.number == number), None)
        if entry is None:
            self.refuse(f"There is nothing under {number}.")
        else:
            await self.run_action(action(entry))

    def action_find(self) -> None:
        self.dismiss(None)

    # --- cash in and out ----------------------------------------------------------------------------------------

    def _move(self, kind: MoveKind) -> None:
        self.app.push_screen(CashMoveScreen(self.seat, self.errands, kind), self._moved)

    def _moved(self, done: CashMoved | None) -> None:
        if done is None:
            return
        move = done.move
        if move.number is None:
            self.say("The drawer is open. It is counted, with your reason.")
            return
        amount = self.seat.shown_with_currency(move.amount)
        self.say(f"{named(move.kind)} of {amount}: {move.number} is being printed for both to sign.")

    def action_pickup(self) -> None:
        self._move(MoveKind.PICKUP)

    def action_loan(self) -> None:
        self._move(MoveKind.LOAN)

    def action_paid_in(self) -> None:
        self._move(MoveKind.PAID_IN)

    def action_paid_out(self) -> None:
        self._move(MoveKind.PAID_OUT)

    def action_no_sale(self) -> None:
        self._move(MoveKind.NO_SALE)

    def action_undo_cash_move(self) -> None:
        self.app.push_screen(CashMovesScreen(self.seat, self.errands))

    # --- reports ------------------------------------------------------------------------------------------------

    def action_z_reports(self) -> None:
        self.app.push_screen(ZReportsScreen(self.seat, self.errands))

    def action_mandates(self) -> None:
        self.app.push_screen(MandatesScreen(self.seat, self.errands))

    # --- safe and day -------------------------------------------------------------------------------------------

    def action_safe_count(self) -> None:
        self.app.push_screen(SafeCountScreen(self.seat, self.errands), self._safe_counted)

    def _safe_counted(self, done: SafeCounted | None) -> None:
        if done is None:
            return
        if done.is_first:
            said = "The safe's books begin with it."
        elif done.difference:
            said = f"It differed by {self.seat.shown(done.difference)}, which is over or short now."
        else:
            said = "It agrees."
        self.say(f"{done.number}: {self.seat.shown_with_currency(done.counted)} counted. {said}")

    def action_close_day(self) -> None:
        self.app.push_screen(DayScreen(self.seat, self.errands), self._day_closed)

    def _day_closed(self, done: DayClosed | None) -> None:
        if done is not None:
            gross = self.seat.shown_with_currency(done.gross)
            self.say(f"Business day {done.day} is closed: {gross}. {done.number} is being printed.")
