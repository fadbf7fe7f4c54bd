"""Money whose owner nobody knows, oldest first; Enter sends a sum to the account that it belongs to."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
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
from pos.tui.widgets.listing import Listing, Row


class SuspenseScreen(RegisterScreen[None]):
    """Looking changes nothing; Enter opens the form for the selected sum."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._items: list[SuspenseItem] = []

    def body(self) -> ComposeResult:
        yield Label("Money in suspense: nobody knows whose it is", classes="title", markup=False)
        yield Listing(
            (
                Column(title="Taken", width=10),
                Column(title="Receipt", width=17),
                Column(title="No", width=2, right=True),
                Column(title="Amount", width=12, right=True),
                Column(title="Left", width=12, right=True),
                Column(title="What is known", flexible=True),
            ),
            id="suspense",
        )
        yield Label("", id="suspense-facts", markup=False)

    def on_mount(self) -> None:
        self.errand(self._show())

    async def _show(self, said: str = "") -> None:
        seat = self.seat
        self._items = await seat.look(lambda: suspense_items(seat.desk, seat.person))
        self.query_one(Listing).show([self._row(item) for item in self._items])
        self._show_facts()
        self.say(said or ("Enter sends it to its owner." if self._items else "Nothing is in suspense."))

    @property
    def _selected(self) -> SuspenseItem | None:
        selected = self.query_one(Listing).selected
        return next((item for item in self._items if _key(item) == selected), None)

    def _show_facts(self) -> None:
        """What is known of the selected sum, in full."""
        item = self._selected
        known = "" if item is None else f" {shown(item.reference)}"
        self.query_one("#suspense-facts", Label).update(Text(known))

    def action_move(self, by: int) -> None:
        super().action_move(by)
        self._show_facts()

    def action_page(self, by: int) -> None:
        super().action_page(by)
        self._show_facts()

    def _row(self, item: SuspenseItem) -> Row:
        return Row(
            key=_key(item),
            cells=(
                item.taken_at.date().isoformat(),
                item.receipt_number,
                str(item.number),
                self.seat.shown(item.amount),
                self.seat.shown(item.left),
                item.reference,
            ),
        )

    def action_accept(self) -> None:
        item = self._selected
        if item is None:
            self.refuse("There is nothing in suspense. Esc goes back.")
        else:
            self.app.push_screen(OwnerScreen(self.seat, self.errands, item), self._after_owner)

    def _after_owner(self, done: SuspenseResolved | None) -> None:
        if done is not None:
            moved, left = self.seat.shown_with_currency(done.amount), self.seat.shown(done.left)
            self.errand(self._show(f"{moved} went to account {done.account}; {left} is left."))


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


def _key(item: SuspenseItem) -> str:
    return f"{item.receipt_number} {item.number}"
