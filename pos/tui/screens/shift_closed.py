"""The figures of a closed shift."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.over_short import size_of, word_of
from pos.till.shift_closed import ShiftClosed
from pos.till.z_report import DifferenceAccepted
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.frame import Frame
from pos.tui.screens.z_reports import SignOffScreen
from pos.tui.seat import Seat
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class ShiftClosedScreen(Frame[None]):
    """Shown once; Enter goes to the next sign-in."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["sign_off"]), Binding("enter", "back", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "sign_off")
    _waits = False

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
            written = (one.expected, one.counted, one.value, one.exchange)
            expected, counted, value, exchange = map(self.seat.shown, written)
            over_short = self.seat.over_or_short(one.over_short)
            yield (
                f" {one.expected.currency}: expected {expected}, counted {counted} "
                f"= {value}, {over_short}, rate {exchange}"
            )
        if closed.trust is not None:
            yield (
                f" Bill money of the operator: expected {self.seat.shown(closed.trust.expected)}, counted "
                f"{self.seat.shown(closed.trust.counted)}, {self.seat.over_or_short(closed.trust.over_short)}"
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
        size = self.seat.shown(size_of(closed.over_short))
        self.query_one("#over-short", BigAmount).tell(size, word_of(closed.over_short).upper())
        self._waits = closed.needs_acceptance
        wait = " A: another person signs for the difference." if self._waits else ""
        self.say(f"{closed.z_number} is being printed for the drawer.{wait} Enter goes to the sign-in.")
        self.errands.paper_waits()

    def action_sign_off(self) -> None:
        if not self._waits:
            self.refuse("There is nothing to sign for. Enter goes to the sign-in.")
            return
        difference = self.seat.over_or_short_with_currency(self._figures.difference)
        screen = SignOffScreen(self.seat, self.errands, self._figures.number, difference)
        self.app.push_screen(screen, self._signed)

    def _signed(self, done: DifferenceAccepted | None) -> None:
        if done is not None:
            self._waits = False
            self.say(f"User {done.accepted_by} has signed for it. Enter goes to the sign-in.")
