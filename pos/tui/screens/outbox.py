"""What waits for central: parked legs first, each with what central said, and the key that sends them again."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.payment_mode import PaymentModes
from pos.till.unsent import Unsent, send_again, unsent
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import ROWS_MAX, Listing, Row

STATES = {
    "waiting": "waits",
    "sent": "on its way",
    "unknown": "to be asked for",
    "parked": "PARKED",
}
"""The outbox's own words, in those of the counter."""


class OutboxScreen(RegisterScreen[None]):
    """Looking changes nothing; S sends again what central had refused."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["send"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "find", "back", "send", "scroll")

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._rows: list[Unsent] = []

    def body(self) -> ComposeResult:
        yield Label("", id="heading", markup=False)
        yield Listing(
            (
                Column(title="Receipt", width=17),
                Column(title="Account", width=10),
                Column(title="Amount", width=12, right=True),
                Column(title="Way", flexible=True),
                Column(title="State", width=15),
                Column(title="Tries", width=5, right=True),
            ),
            id="unsent",
        )
        yield Label("", id="unsent-reason", markup=False)

    def on_mount(self) -> None:
        self.errand(self._look())

    async def _look(self) -> None:
        person = self.seat.person
        self._rows = await self.seat.look(lambda: unsent(self.seat.desk, person, limit=ROWS_MAX))
        modes = self.seat.desk.modes
        self.query_one(Listing).show(
            [
                Row(
                    key=str(place),
                    cells=(
                        row.receipt_number,
                        row.account,
                        self.seat.shown(row.amount),
                        _way(row, modes),
                        STATES.get(row.state, row.state),
                        str(row.attempts),
                    ),
                    strong=row.state == "parked",
                )
                for place, row in enumerate(self._rows)
            ]
        )
        self._show_heading()
        self._show_reason()

    def _show_heading(self) -> None:
        parked = sum(row.state == "parked" for row in self._rows)
        text = Text(f" What waits for central: {len(self._rows) - parked} waiting, {parked} parked", "bold")
        offline = self.seat.offline
        text.append(
            f"\n {offline}: nothing is lost, all of it is sent when central answers."
            if offline
            else "\n Central answers."
            if self.seat.link().online
            else "\n Central was not asked yet.",
            "not bold",
        )
        self.query_one("#heading", Label).update(text)

    def _show_reason(self) -> None:
        selected = self.query_one(Listing).selected
        if selected is None:
            self.query_one("#unsent-reason", Label).update(" Central has everything.")
            return
        row = self._rows[int(selected)]
        taken = f" Taken {self.seat.clock_time(row.taken_at)}"
        again = (
            "" if row.next_attempt_at is None else f", next try {self.seat.clock_time(row.next_attempt_at)}"
        )
        reason = f"\n Reason: {shown(row.reason)}" if row.reason else ""
        self.query_one("#unsent-reason", Label).update(Text(taken + again + reason))

    def action_move(self, by: int) -> None:
        super().action_move(by)
        self._show_reason()

    def action_page(self, by: int) -> None:
        super().action_page(by)
        self._show_reason()

    def action_send(self) -> None:
        if not any(row.state == "parked" for row in self._rows):
            self.refuse("Nothing is parked. What waits is sent by itself.")
        else:
            self.errand(self._send())

    async def _send(self) -> None:
        person = self.seat.person
        count = await self.seat.deed(lambda: send_again(self.seat.desk, person))
        await self._look()
        self.say(f"{count} parked {'row is' if count == 1 else 'rows are'} sent again.")


def _way(row: Unsent, modes: PaymentModes) -> str:
    """How it was paid; of what became of a payment, that first."""
    label = modes.by_code[row.mode].label if row.mode in modes.by_code else row.mode
    return label if row.outcome is None else f"{row.outcome}: {label}"
