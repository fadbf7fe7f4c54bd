"""Every way to pay what is in the basket, by a number that never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.payment_mode import PaymentMode
from pos.tui.errands import Errands
from pos.tui.keys import KEYS
from pos.tui.screens.lines import LinesScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class WaysScreen(LinesScreen[str]):
    """Answers the code of the mode. A mode's number is its place in the configuration, so that it stays for all payers.

    ``shut`` are those that wait for central: they are shown with the reason, and can't be chosen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(
        self, seat: Seat, errands: Errands, ways: Sequence[PaymentMode], *, shut: Mapping[str, str]
    ) -> None:
        super().__init__(seat, errands)
        self._ways = tuple(ways)
        self._shut = shut

    def body(self) -> ComposeResult:
        yield Label("Ways to pay: press the number", classes="title", markup=False)
        yield Listing(
            (
                Column(title="No", width=3),
                Column(title="Way", width=22),
                Column(title="Final", flexible=True),
                Column(title="Key", width=4),
            ),
            id="ways",
        )

    def on_mount(self) -> None:
        self.query_one(Listing).show(
            [
                Row(
                    key=mode.code,
                    cells=(self._number(mode), mode.label, mode.final_when or "at once", _key(mode)),
                )
                for mode in self._ways
            ]
            + [
                Row(key=code, cells=("-", self.seat.desk.modes[code].label, reason.partition(": ")[2], ""))
                for code, reason in self._shut.items()
            ]
        )

    def _number(self, mode: PaymentMode) -> str:
        """1 to 9, then 0; what comes after is chosen with the arrows."""
        place = list(self.seat.desk.modes.by_code).index(mode.code) + 1
        return str(place % 10) if place <= 10 else ""

    def on_key(self, event: events.Key) -> None:
        if event.character is None or event.character not in "0123456789":
            return
        for mode in self._ways:
            if self._number(mode) == event.character:
                self.dismiss(mode.code)
                return
        self.refuse(f"There is no way {event.character} for this payment. Choose one of the list.")

    def action_accept(self) -> None:
        chosen = self.query_one(Listing).selected
        if chosen is not None and chosen in self._shut:
            self.refuse(self._shut[chosen])
        else:
            self.dismiss(chosen)


def _key(mode: PaymentMode) -> str:
    """The key that leads to it at once."""
    ids = {"bank_receipt": "bank"}
    wanted = ids.get(str(mode.kind), str(mode.kind))
    return next((key.shown for key in KEYS if key.id == wanted), "")
