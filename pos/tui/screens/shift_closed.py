"""The figures of a closed shift."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.till.cash_office import ShiftClosed
from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class ShiftClosedScreen(Frame[None]):
    """Shown once; Enter goes to the next sign-in."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "back", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("accept",)

    def __init__(self, seat: Seat, errands: Errands, closed: ShiftClosed) -> None:
        super().__init__(seat, errands)
        self._figures = closed

    def body(self) -> ComposeResult:
        closed = self._figures
        text = Text(no_wrap=True, overflow="crop")
        text.append(
            f" SHIFT {closed.number} CLOSED   business date {closed.business_date.isoformat()}", "bold"
        )
        text.append(f"\n Payments {closed.payments}   {closed.float_.currency}")
        yield Label(text, id="heading", markup=False)
        yield Listing(
            (
                Column(title="Taken", flexible=True),
                Column(title="Tenders", width=8, right=True),
                Column(title="Amount", width=14, right=True),
            ),
            id="taken",
        )
        yield Label("\n".join(self._counted()), id="expected", markup=False)
        yield BigAmount("OVER / SHORT", id="over-short")

    def _counted(self) -> Iterator[str]:
        closed = self._figures
        yield (
            f" Float {self.seat.shown(closed.float_)}   Expected in cash {self.seat.shown(closed.expected_cash)}   "
            f"Counted {self.seat.shown(closed.counted_cash)}"
        )
        if closed.declared:
            apart = (
                f"{line.kind.replace('_', ' ')} {self.seat.shown(line.amount)}" for line in closed.declared
            )
            yield f"   of it {', '.join(apart)}"
        for one in closed.foreign:
            written = (one.expected, one.counted, one.value, one.over_short, one.exchange)
            expected, counted, value, over_short, exchange = map(self.seat.shown, written)
            yield (
                f" {one.expected.currency}: expected {expected}, counted {counted} "
                f"= {value}, over/short {over_short}, rate {exchange}"
            )
        if closed.trust is not None:
            yield (
                f" Bill money of the operator: expected {self.seat.shown(closed.trust.expected)}, counted "
                f"{self.seat.shown(closed.trust.counted)}, over/short {self.seat.shown(closed.trust.over_short)}"
            )

    def on_mount(self) -> None:
        closed = self._figures
        listing = self.query_one("#taken", Listing)
        listing.selectable = False
        modes = self.seat.desk.modes
        listing.show(
            [
                Row(
                    key=part.mode,
                    cells=(modes[part.mode].label, str(part.count), self.seat.shown(part.amount)),
                )
                for part in closed.taken
            ]
        )
        word = "OVER" if closed.over_short.minor > 0 else "SHORT" if closed.over_short.minor < 0 else "EXACT"
        self.query_one("#over-short", BigAmount).tell(self.seat.shown(closed.over_short), word)
        self.say("Put the count sheet with the drawer. Enter goes to the sign-in.")
