"""Z reports: Enter shows one, Ctrl-R there prints it again, A signs for its difference; X: the open shift."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.store.z_reports import ZLine
from pos.till.papers import show_receipt
from pos.till.z_report import (
    DifferenceAccepted,
    accept_at_the_seat,
    accept_difference,
    list_z_reports,
    x_report,
)
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.pin import PIN_MAX
from pos.tui.screens.reason import REASON_MAX, ReasonScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.screens.sign_in import USER_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.entry import DIGITS, Field
from pos.tui.widgets.listing import Row


class ZReportsScreen(RegisterScreen[None, ZLine]):
    """Looking changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["sign_off", "x_report"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "sign_off", "x_report", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Report", width=20),
        Column(title="Shift", width=6, right=True),
        Column(title="Day", width=10),
        Column(title="User", flexible=True),
        Column(title="Taken", width=12, right=True),
        Column(title="Over/short", width=16, right=True),
    )

    async def found(self) -> Sequence[ZLine]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: list_z_reports(desk, person))

    def heading(self) -> str:
        waiting = sum(1 for one in self.entries if one.waits)
        wait = f", {waiting} with a difference that nobody has signed for" if waiting else ""
        return f"Z reports: {len(self.entries)}{wait}"

    def row(self, entry: ZLine) -> Row:
        return Row(
            key=entry.number,
            cells=(
                entry.number,
                str(entry.shift_number),
                entry.business_date.isoformat(),
                entry.operator,
                self.seat.shown(entry.gross),
                self.seat.over_or_short(entry.difference),
            ),
            strong=entry.waits,
        )

    def facts(self, entry: ZLine | None) -> str:
        if entry is None:
            return "No shift was closed with a Z report yet."
        said = [f"Reason: {entry.reason}"] if entry.reason else []
        if entry.accepted_by is not None:
            said.append(f"User {entry.accepted_by} has signed for it.")
        elif entry.needs_acceptance:
            said.append("Nobody has signed for the difference yet. A signs.")
        return "\n".join(said)

    def action_accept(self) -> None:
        if self.selected is not None:
            self.errand(self._show(self.selected.number))

    async def _show(self, number: str) -> None:
        seat = self.seat
        facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, number))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))

    def action_x_report(self) -> None:
        self.errand(self._show_open())

    async def _show_open(self) -> None:
        seat = self.seat
        facts = await seat.look(lambda: x_report(seat.desk, seat.person))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))

    def action_sign_off(self) -> None:
        line = self.selected
        if line is None:
            self.refuse("There is no report to sign for.")
            return

        def answered(reason: str | None) -> None:
            if reason:
                self.errand(self._sign(line.shift_number, reason))

        amount = self.seat.over_or_short_with_currency(line.difference)
        warning = f"Shift {line.shift_number} of user {line.operator} is {amount}. What was found out?"
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _sign(self, shift_number: int, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        done = await self.seat.deed(partial(accept_difference, desk, person, shift_number, reason))
        await self.load(f"You have signed for the difference of shift {done.shift_number}.")


class SignOffScreen(FormScreen[DifferenceAccepted]):
    """Another person signs at the seat of who closed the shift: what was found out, number and PIN."""

    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")

    def __init__(self, seat: Seat, errands: Errands, shift_number: int, difference: str) -> None:
        super().__init__(seat, errands)
        self._shift_number = shift_number
        self._difference = difference

    def body(self) -> ComposeResult:
        yield Label(f"Shift {self._shift_number} is {self._difference}", classes="title", markup=False)
        yield Field("What was found out", id="sign-reason", limit=REASON_MAX)
        yield Field(
            "Who signs, number", id="sign-user", pattern=DIGITS, limit=USER_MAX, note="another person"
        )
        yield Field("PIN", id="sign-pin", pattern=DIGITS, limit=PIN_MAX, secret=True)

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        reason, user, pin = (
            self.query_one(f"#sign-{name}", Field).value for name in ("reason", "user", "pin")
        )
        deed = partial(accept_at_the_seat, self.seat.desk, user, pin, self._shift_number, reason)
        self.dismiss(await self.seat.deed(deed))

    def refused(self, refusal: DomainError) -> None:
        self.query_one("#sign-pin", Field).box.value = ""
        super().refused(refusal)

    def field_of(self, refusal: DomainError) -> Field | None:
        name = "reason" if refusal.code == "reason_missing" else "user"
        return self.query_one(f"#sign-{name}", Field)
