"""A receipt as it was printed, to look at; Ctrl-R reprints it, Ctrl-Z undoes its payment, R pays back, T and M move it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Label

from pos.domain.receipt import Copy, ReceiptFacts
from pos.till.refunds import what_may_go_back
from pos.till.transfers import bills_for
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.paying_back import ReallocateScreen, RefundScreen, TransferScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat


class ReceiptScreen(TillScreen[None]):
    """Looking counts nothing; reprinting does, and undoing."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["refund", "transfer", "reallocate"]),
        Binding("up", "turn(-1)", "Up"),
        Binding("down", "turn(1)", "Down"),
        Binding("pageup", "turn(-15)", "Page up"),
        Binding("pagedown", "turn(15)", "Page down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("find", "back", "reprint", "void", "refund", "transfer", "reallocate")

    def __init__(self, seat: Seat, errands: Errands, facts: ReceiptFacts) -> None:
        super().__init__(seat, errands)
        self._facts = facts

    def body(self) -> ComposeResult:
        with VerticalScroll(id="receipt", can_focus=False):
            yield Label(Text(self.seat.preview(self._facts, Copy())), id="paper", markup=False)

    def action_turn(self, by: int) -> None:
        self.query_one("#receipt", VerticalScroll).scroll_relative(y=by, animate=False)

    def action_find(self) -> None:
        self.dismiss(None)

    def action_void(self) -> None:
        self.errand(self.correct(self._facts.receipt_number))

    def action_refund(self) -> None:
        self.errand(self._ask_refund())

    async def _ask_refund(self) -> None:
        seat, person, number = self.seat, self.seat.person, self._facts.receipt_number
        taken, most = await seat.look(lambda: what_may_go_back(seat.desk, person, number))
        self.app.push_screen(RefundScreen(seat, self.errands, taken, most), self._corrected)

    def action_transfer(self) -> None:
        self.errand(self._ask_transfer())

    async def _ask_transfer(self) -> None:
        seat, person, number = self.seat, self.seat.person, self._facts.receipt_number
        taken, most = await seat.look(lambda: what_may_go_back(seat.desk, person, number))
        self.app.push_screen(TransferScreen(seat, self.errands, taken, most), self._corrected)

    def action_reallocate(self) -> None:
        self.errand(self._ask_reallocate())

    async def _ask_reallocate(self) -> None:
        seat, person, number = self.seat, self.seat.person, self._facts.receipt_number
        taken, most = await seat.look(lambda: what_may_go_back(seat.desk, person, number))
        bills = await seat.look(lambda: bills_for(seat.desk, person, taken))
        self.app.push_screen(ReallocateScreen(seat, self.errands, taken, most, bills), self._corrected)

    def action_reprint(self) -> None:
        self.confirm_reprint(self._facts.receipt_number)
