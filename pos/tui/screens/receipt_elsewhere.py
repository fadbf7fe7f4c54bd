"""A payment that another terminal took, as central tells it; R pays it back here."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.refund_across import TakenElsewhere
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.paying_back import RefundScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Listing, Row


class ReceiptElsewhereScreen(TillScreen[None]):
    """Looking changes nothing. Its paper is printed, and its payment undone, where it was taken."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["refund"])]
    KEYS: ClassVar[tuple[str, ...]] = ("find", "back", "refund")

    def __init__(self, seat: Seat, errands: Errands, found: TakenElsewhere) -> None:
        super().__init__(seat, errands)
        self._found = found

    def body(self) -> ComposeResult:
        taken = self._found.taken
        yield Label(
            Text(f" Receipt of another terminal: {shown(taken.receipt_number)}", "bold"), markup=False
        )
        by = f" by user {shown(taken.taken_by)}" if taken.taken_by else ""
        of = f"{self.seat.shown_with_currency(taken.amount)} of {shown(taken.payer_account)}"
        at = f"taken at {shown(self._found.terminal)}, {self.seat.clock_time(taken.taken_at)}{by}"
        yield Label(Text(f" {of}\n {at}\n"), markup=False)
        yield Listing(
            (
                Column(title="Way", flexible=True),
                Column(title="Amount", width=14, right=True),
                Column(title="May go back", width=14, right=True),
            ),
            id="legs",
        )

    def on_mount(self) -> None:
        listing, modes = self.query_one(Listing), self.seat.desk.modes.by_code
        listing.selectable = False
        listing.show(
            [
                Row(
                    key=leg.payment_id,
                    cells=(
                        modes[leg.mode].label if leg.mode in modes else shown(leg.mode),
                        self.seat.shown(leg.amount),
                        self.seat.shown(leg.may_go_back),
                    ),
                )
                for leg in self._found.legs
            ]
        )
        self.say("R pays it back here, while central answers. Esc leaves it.")

    def action_find(self) -> None:
        self.dismiss(None)

    def action_refund(self) -> None:
        found = self._found
        screen = RefundScreen(self.seat, self.errands, found.taken, found.may_go_back, elsewhere=True)
        self.app.push_screen(screen, self._corrected)
