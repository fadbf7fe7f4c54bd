"""What waits for central: parked legs first, each with what central said, and the key that sends them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from pos.domain.payment_mode import PaymentModes
from pos.till.unsent import Unsent, send_again, unsent
from pos.tui.keys import bindings
from pos.tui.screens.lines import RegisterScreen
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import ROWS_MAX, Row

STATES = {
    "waiting": "waits",
    "sent": "on its way",
    "unknown": "to be asked for",
    "parked": "PARKED",
}
"""The outbox's own words, in those of the counter."""


class OutboxScreen(RegisterScreen[None, Unsent]):
    """Looking changes nothing; S sends again what central had refused."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["send"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "find", "back", "send", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Receipt", width=17),
        Column(title="Account", width=10),
        Column(title="Amount", width=12, right=True),
        Column(title="Way", flexible=True),
        Column(title="State", width=15),
        Column(title="Tries", width=5, right=True),
    )
    FACTS_LINES = 4

    async def found(self) -> Sequence[Unsent]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: unsent(desk, person, limit=ROWS_MAX))

    def row(self, entry: Unsent) -> Row:
        return Row(
            key=f"{entry.receipt_number} {entry.account} {entry.mode} {entry.outcome}",
            cells=(
                entry.receipt_number,
                entry.account,
                self.seat.shown(entry.amount),
                _way(entry, self.seat.desk.modes),
                STATES.get(entry.state, entry.state),
                str(entry.attempts),
            ),
            strong=entry.state == "parked",
        )

    def heading(self) -> str:
        parked = sum(row.state == "parked" for row in self.entries)
        offline = self.seat.offline
        if self.seat.link().barred and not offline:
            said = (
                "Central takes nothing from this till until it is enrolled anew (pos enrol). Nothing is lost."
            )
        elif offline:
            said = f"{offline}: nothing is lost, all of it is sent when central answers."
        else:
            said = "Central answers." if self.seat.link().online else "Central was not asked yet."
        return f"What waits for central: {len(self.entries) - parked} waiting, {parked} parked\n{said}"

    def facts(self, entry: Unsent | None) -> str:
        if entry is None:
            return "Central has everything."
        next_try = entry.next_attempt_at
        again = "" if next_try is None else f", next try {self.seat.clock_time(next_try)}"
        reason = f"\nReason: {shown(entry.reason)}" if entry.reason else ""
        return f"Taken {self.seat.clock_time(entry.taken_at)}{again}{reason}"

    def action_send(self) -> None:
        if not any(row.state == "parked" for row in self.entries):
            self.refuse("Nothing is parked. What waits is sent by itself.")
        else:
            self.errand(self._send())

    async def _send(self) -> None:
        person = self.seat.person
        count = await self.seat.deed(lambda: send_again(self.seat.desk, person))
        await self.load(f"{count} parked {'row is' if count == 1 else 'rows are'} sent again.")


def _way(row: Unsent, modes: PaymentModes) -> str:
    """How it was paid; of what became of a payment, that first."""
    label = modes.by_code[row.mode].label if row.mode in modes.by_code else row.mode
    return label if row.outcome is None else f"{row.outcome}: {label}"
