"""The register of post-dated cheques: Enter pays in those that are ticked, W gives one back, I has it paid another way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from pos.domain.deposit import so_many
from pos.domain.money import total
from pos.domain.post_dated import PostDatedCheque
from pos.till.due_cheques import DUE_AT_ONCE_MAX, PAY, DuePaidIn, pay_all_due, withdraw_post_dated
from pos.till.post_dated import post_dated_cheques
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.instead_of_cheque import pay_instead
from pos.tui.screens.lines import TickedRegister
from pos.tui.screens.reason import ReasonScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Row


class PostDatedScreen(TickedRegister[str, PostDatedCheque]):
    """Answers the number of the note to be shown. What is due is ticked at first, for whoever has the open shift."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["paper", "give_back", "instead"])]
    KEYS: ClassVar[tuple[str, ...]] = (
        "help",
        "mark",
        "accept",
        "paper",
        "give_back",
        "instead",
        "back",
    )
    HEADING = "Post-dated cheques, no payments yet"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Date", width=10),
        Column(title="", width=3),
        Column(title="Account", width=10),
        Column(title="Name", flexible=True),
        Column(title="Serial and bank", width=20),
        Column(title="Amount", width=14, right=True),
    )
    FACTS_LINES = 1

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._today: date = seat.desk.clock.now().date()

    async def found(self) -> Sequence[PostDatedCheque]:
        seat = self.seat
        self._today = seat.desk.clock.now().date()
        held = await seat.look(lambda: post_dated_cheques(seat.desk, seat.person))
        may_pay = seat.owns_the_shift and seat.may(PAY)
        due = [cheque.note for cheque in held if may_pay and cheque.is_due(today=self._today)]
        self.ticked = frozenset(due[:DUE_AT_ONCE_MAX])
        return held

    async def load(self, said: str = "") -> None:
        await super().load(said)
        due = sum(cheque.is_due(today=self._today) for cheque in self.entries)
        if said:
            return
        if not self.entries:
            self.say("No post-dated cheque is in the register.")
        elif self.ticked:
            self.say(f"{due} of {len(self.entries)} may go to the bank. Enter pays the ticked ones in.")
        else:
            self.say(f"{due} of {len(self.entries)} may go to the bank. Enter shows the note.")

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
            marked=entry.note in self.ticked,
            strong=is_due,
        )

    def facts(self, entry: PostDatedCheque | None) -> str:
        return "" if entry is None else f"Note {entry.note}"

    def action_mark(self) -> None:
        entry = self.selected
        if entry is not None and not entry.is_due(today=self._today):
            self.refuse(f"It is no payment before {entry.dated}. W gives it back, V shows its note.")
            return
        super().action_mark()

    def action_paper(self) -> None:
        if self.selected is None:
            self.refuse("There is no note to show. Esc goes back.")
        else:
            self.dismiss(self.selected.note)

    def action_accept(self) -> None:
        chosen = [entry.note for entry in self.entries if entry.note in self.ticked]
        if chosen:
            self.errand(self._pay_in(chosen))
        else:
            self.action_paper()

    async def _pay_in(self, notes: list[str]) -> None:
        desk, person = self.seat.desk, self.seat.person
        done = await self.seat.deed(partial(pay_all_due, desk, person, notes))
        if done.taken:
            self.errands.paper_waits()
            self.errands.drawer_opens()
        elif len(done.refused) == 1:
            # One alone is refused as any payment is: a second person may be asked for it.
            raise next(iter(done.refused.values()))
        await self.load(self._said(done))

    def _said(self, done: DuePaidIn) -> str:
        amounts = [taken.receipt.total for taken in done.taken]
        said = "Nothing was paid in."
        if amounts:
            amount = self.seat.shown_with_currency(total(amounts, amounts[0].currency))
            said = f"{so_many(len(amounts))} paid in, {amount}: put them into the drawer."
        for note, refusal in done.refused.items():
            return f"{said} Not {note}: {self.seat.in_words(refusal.message)}"
        return said

    def action_give_back(self) -> None:
        entry = self.selected
        if entry is None:
            self.refuse("No post-dated cheque is in the register. Esc goes back.")
            return

        def answered(reason: str | None) -> None:
            if reason:
                self.errand(self._give_back(entry.note, reason))

        amount = self.seat.shown_with_currency(entry.amount)
        warning = f"Give cheque {entry.serial} over {amount} back: note {entry.note} is void then."
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    def action_instead(self) -> None:
        if self.selected is None:
            self.refuse("No post-dated cheque is in the register. Esc goes back.")
        else:
            self.errand(pay_instead(self, self.selected.note))

    async def _give_back(self, note: str, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        done = await self.seat.deed(partial(withdraw_post_dated, desk, person, note, reason))
        self.errands.paper_waits()
        await self.load(
            f"Slip {done.slip.receipt_number} is being printed: have it signed, then hand the cheque over."
        )
