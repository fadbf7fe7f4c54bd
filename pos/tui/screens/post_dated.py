"""The register of post-dated cheques, what is due first; Enter shows the note."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from textual.binding import Binding, BindingType

from pos.domain.post_dated import PostDatedCheque
from pos.till.post_dated import post_dated_cheques
from pos.tui.screens.lines import RegisterScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Row


class PostDatedScreen(RegisterScreen[str, PostDatedCheque]):
    """Answers the number of the note to be shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    HEADING = "Post-dated cheques, no payments yet"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Date", width=10),
        Column(title="", width=3),
        Column(title="Account", width=10),
        Column(title="Name", flexible=True),
        Column(title="Serial and bank", width=20),
        Column(title="Amount", width=14, right=True),
    )
    FACTS_LINES = 0

    async def found(self) -> Sequence[PostDatedCheque]:
        seat = self.seat
        return await seat.look(lambda: post_dated_cheques(seat.desk, seat.person))

    async def load(self, said: str = "") -> None:
        await super().load(said)
        due = sum(cheque.is_due(today=self._today) for cheque in self.entries)
        if not self.entries:
            self.say("No post-dated cheque is in the register.")
        else:
            self.say(f"{due} of {len(self.entries)} may go to the bank. Enter shows the note.")

    @property
    def _today(self) -> date:
        return self.seat.desk.clock.now().date()

    def row(self, entry: PostDatedCheque) -> Row:
        is_due = entry.is_due(today=self._today)
        return Row(
            key=entry.note,
            cells=(
                entry.dated.isoformat(),
                "DUE" if is_due else "",
                entry.payer_account,
                entry.payer_name,
                f"{entry.serial} {entry.bank}",
                self.seat.shown(entry.amount),
            ),
            strong=is_due,
        )

    def action_accept(self) -> None:
        if self.selected is None:
            self.refuse("There is no note to show. Esc goes back.")
        else:
            self.dismiss(self.selected.note)
