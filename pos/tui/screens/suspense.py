"""Money whose owner nobody knows, oldest first; Enter sends a sum to the account that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.domain.suspense import SuspenseItem
from pos.till.suspense import ResolveOrder, SuspenseResolved, resolve_suspense, suspense_items
from pos.tui.errands import Errands
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Field
from pos.tui.widgets.listing import Row


class SuspenseScreen(RegisterScreen[None, SuspenseItem]):
    """Looking changes nothing; Enter opens the form for the selected sum."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    HEADING = "Money in suspense: nobody knows whose it is"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Taken", width=10),
        Column(title="Receipt", width=17),
        Column(title="No", width=2, right=True),
        Column(title="Amount", width=12, right=True),
        Column(title="Left", width=12, right=True),
        Column(title="What is known", flexible=True),
    )

    async def found(self) -> Sequence[SuspenseItem]:
        seat = self.seat
        return await seat.look(lambda: suspense_items(seat.desk, seat.person))

    async def load(self, said: str = "") -> None:
        await super().load()
        self.say(said or ("Enter sends it to its owner." if self.entries else "Nothing is in suspense."))

    def row(self, entry: SuspenseItem) -> Row:
        return Row(
            key=f"{entry.receipt_number} {entry.number}",
            cells=(
                entry.taken_at.date().isoformat(),
                entry.receipt_number,
                str(entry.number),
                self.seat.shown(entry.amount),
                self.seat.shown(entry.left),
                entry.reference,
            ),
        )

    def facts(self, entry: SuspenseItem | None) -> str:
        """What is known of the selected sum, in full."""
        return "" if entry is None else shown(entry.reference)

    def action_accept(self) -> None:
        item = self.selected
        if item is None:
            self.refuse("There is nothing in suspense. Esc goes back.")
        else:
            self.app.push_screen(OwnerScreen(self.seat, self.errands, item), self._after_owner)

    def _after_owner(self, done: SuspenseResolved | None) -> None:
        if done is not None:
            moved, left = self.seat.shown_with_currency(done.amount), self.seat.shown(done.left)
            self.errand(self.load(f"{moved} went to account {done.account}; {left} is left."))


class OwnerScreen(FormScreen[SuspenseResolved]):
    """Whose the sum is, and how much of it; the oldest due bills of the account are paid, the rest is credit."""

    AUTO_FOCUS = "Input"

    def __init__(self, seat: Seat, errands: Errands, item: SuspenseItem) -> None:
        super().__init__(seat, errands)
        self._item = item

    def body(self) -> ComposeResult:
        item = self._item
        yield Label(
            f"Out of suspense: {item.left} of receipt {item.receipt_number}", classes="title", markup=False
        )
        yield Label(f" {shown(item.reference)}", id="reference", markup=False)
        yield Field("Account", id="account", limit=40, note="whose money it is")
        yield Field("Reason", id="reason", limit=200, note="may stay empty")
        yield Field(
            f"Amount, {item.left.currency}",
            id="amount",
            value=self.seat.as_typed(item.left),
            pattern=AMOUNT,
            limit=AMOUNT_MAX,
            note="Enter moves it",
        )

    def on_mount(self) -> None:
        self.say("Its oldest due bills are paid first, the rest is credit. Esc goes back.")

    def send(self) -> None:
        if self.begin_sending():
            self.say("Moving ...")
            self.errand(self._move())

    async def _move(self) -> None:
        seat, item = self.seat, self._item
        values = {str(field.id): field.value for field in self.fields}
        order = ResolveOrder(
            receipt=item.receipt_number,
            item=item.number,
            account=values["account"],
            amount=values["amount"],
            reason=values["reason"],
            decimal_marks=seat.decimal_marks,
        )
        person = seat.person
        self.dismiss(await seat.deed(lambda: resolve_suspense(seat.desk, person, order)))

    def field_of(self, refusal: DomainError) -> Field | None:
        code = refusal.code
        if "amount" in code or code == "more_than_suspense":
            return self.query_one("#amount", Field)
        if "account" in code or code == "bad_reference":
            return self.query_one("#account", Field)
        return None
