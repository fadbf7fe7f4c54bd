"""Refunds that are no cash: owed to the payer until the back office says that the bank or card company has paid them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.money import total
from pos.store.corrections import OpenRefund
from pos.till.refunds import RefundConfirmed, confirm_refund, refunds_to_pay
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import Field
from pos.tui.widgets.listing import ROWS_MAX, Row

REFERENCE_MAX = 40


class RefundsScreen(RegisterScreen[None, OpenRefund]):
    """Looking changes nothing; Y says that the selected one was paid."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["refund_paid"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "refund_paid", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Since", width=10),
        Column(title="Refund", flexible=True),
        Column(title="Account", width=12),
        Column(title="Owed", width=14, right=True),
    )

    async def found(self) -> Sequence[OpenRefund]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: refunds_to_pay(desk, person, limit=ROWS_MAX))

    def heading(self) -> str:
        if not self.entries:
            return "Refunds to be paid: none"
        owed = total((one.amount for one in self.entries), self.entries[0].amount.currency)
        return f"Refunds to be paid: {len(self.entries)}, {self.seat.shown_with_currency(owed)}"

    def row(self, entry: OpenRefund) -> Row:
        return Row(
            key=entry.paper,
            cells=(entry.at.date().isoformat(), entry.paper, entry.account, self.seat.shown(entry.amount)),
        )

    def facts(self, entry: OpenRefund | None) -> str:
        if entry is None:
            return "Every refund was paid."
        return "It goes back by the bank or card company. Y when they have paid it."

    def action_refund_paid(self) -> None:
        if self.selected is None:
            self.refuse("No refund waits to be paid. Esc goes back.")
        else:
            screen = RefundPaidScreen(self.seat, self.errands, self.selected)
            self.app.push_screen(screen, self._confirmed)

    def _confirmed(self, done: RefundConfirmed | None) -> None:
        if done is not None:
            amount = self.seat.shown_with_currency(done.amount)
            self.errand(self.load(f"{amount} of {done.paper} is paid, reference {shown(done.reference)}."))


class RefundPaidScreen(FormScreen[RefundConfirmed]):
    """The reference of whoever paid it."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def __init__(self, seat: Seat, errands: Errands, refund: OpenRefund) -> None:
        super().__init__(seat, errands)
        self._refund = refund

    def body(self) -> ComposeResult:
        amount = self.seat.shown_with_currency(self._refund.amount)
        yield Label(
            f"{amount} to {shown(self._refund.account)}, refund {shown(self._refund.paper)}",
            classes="title",
            markup=False,
        )
        yield Field(
            "Their reference", id="reference", limit=REFERENCE_MAX, note="Enter says that it was paid"
        )

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._confirm(self.query_one("#reference", Field).value))

    async def _confirm(self, reference: str) -> None:
        desk, person, paper = self.seat.desk, self.seat.person, self._refund.paper
        self.dismiss(await self.seat.deed(lambda: confirm_refund(desk, person, paper, reference)))
