"""The register of post-dated cheques, what is due first; Enter shows the note."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.post_dated import PostDatedCheque
from pos.till.post_dated import post_dated_cheques
from pos.tui.screens.lines import RegisterScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class PostDatedScreen(RegisterScreen[str]):
    """Answers the number of the note to be shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")

    def body(self) -> ComposeResult:
        yield Label("Post-dated cheques, no payments yet", classes="title", markup=False)
        yield Listing(
            (
                Column(title="Date", width=10),
                Column(title="", width=3),
                Column(title="Account", width=10),
                Column(title="Name", flexible=True),
                Column(title="Serial and bank", width=20),
                Column(title="Amount", width=14, right=True),
            ),
            id="register",
        )

    def on_mount(self) -> None:
        self.errand(self._show())

    async def _show(self) -> None:
        seat = self.seat
        found = await seat.look(lambda: post_dated_cheques(seat.desk, seat.person))
        self.query_one(Listing).show([self._row(cheque) for cheque in found])
        due = sum(cheque.is_due(today=self._today) for cheque in found)
        if not found:
            self.say("No post-dated cheque is in the register.")
        else:
            self.say(f"{due} of {len(found)} may go to the bank. Enter shows the note.")

    @property
    def _today(self) -> date:
        return self.seat.desk.clock.now().date()

    def _row(self, cheque: PostDatedCheque) -> Row:
        is_due = cheque.is_due(today=self._today)
        return Row(
            key=cheque.note,
            cells=(
                cheque.dated.isoformat(),
                "DUE" if is_due else "",
                cheque.payer_account,
                cheque.payer_name,
                f"{cheque.serial} {cheque.bank}",
                self.seat.shown(cheque.amount),
            ),
            strong=is_due,
        )

    def action_accept(self) -> None:
        selected = self.query_one(Listing).selected
        if selected is None:
            self.refuse("There is no note to show. Esc goes back.")
        else:
            self.dismiss(selected)
