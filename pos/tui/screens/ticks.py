"""What a cashier looks at on a cheque, one after the other: Space ticks, Enter goes on when all hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.cheque import TICKS
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.lines import LinesScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Listing, Row


class TicksScreen(LinesScreen[tuple[str, ...]]):
    """Answers the codes of what was ticked, once all of it is; None: the cheque is not taken."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["mark"]), Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("mark", "accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, why: str, wanted: Sequence[str]) -> None:
        super().__init__(seat, errands)
        self._why = why
        self._wanted = tuple(wanted)
        self._ticked: frozenset[str] = frozenset()

    def body(self) -> ComposeResult:
        yield Label(shown(self._why), id="why", classes="title", markup=False)
        yield Listing((Column(title="Look at the cheque", flexible=True),), id="ticks")

    def on_mount(self) -> None:
        self._show()
        self.say("Space ticks what holds, Enter takes the cheque when all of it does, Esc does not.")

    def _show(self) -> None:
        self.query_one("#ticks", Listing).show(
            [Row(key=code, cells=(TICKS[code],), marked=code in self._ticked) for code in self._wanted]
        )

    def action_mark(self) -> None:
        """Tick the selected line or take its tick away, and go on to the next."""
        listing = self.query_one("#ticks", Listing)
        if listing.selected is not None:
            self._ticked ^= {listing.selected}
            self._show()
            listing.move(1)

    def action_accept(self) -> None:
        left = [code for code in self._wanted if code not in self._ticked]
        if left:
            self.refuse(f"Not ticked: {TICKS[left[0]]}. Space ticks it; if it does not hold, Esc.")
        else:
            self.dismiss(self._wanted)
