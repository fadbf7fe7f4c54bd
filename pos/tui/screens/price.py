"""Another price for a line of the sale, and why: by whoever may change one."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.domain.sale_policy import reason_text
from pos.till.basket import Basket, set_override
from pos.till.selling import OverrideOrder
from pos.tui.errands import Errands
from pos.tui.screens.form import FormScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import cut, shown
from pos.tui.widgets.entry import AMOUNT, DIGITS, Field


class PriceScreen(FormScreen[Basket]):
    """Answers the basket with the changed line."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back")

    def __init__(self, seat: Seat, errands: Errands, basket: Basket, place: int, *, typed: str = "") -> None:
        super().__init__(seat, errands)
        self._basket = basket
        self._place = place
        self._typed = typed
        self._reasons = seat.desk.policy.items.override_reasons

    def body(self) -> ComposeResult:
        item = self._basket.lines[self._place].item
        name, listed = cut(shown(item.name), 40), self.seat.shown_with_currency(item.price)
        yield Label(f"Another price for {name}: listed at {listed}", classes="title", markup=False)
        yield Field(
            f"Price, {item.price.currency}",
            id="price",
            value=self._typed,
            pattern=AMOUNT,
            limit=24,
            note="of one, tax included",
        )
        numbered = (f"{number} {reason_text(code)}" for number, code in enumerate(self._reasons, start=1))
        yield Label("  ".join(numbered), id="reasons", markup=False)
        yield Field("Reason", id="reason", pattern=DIGITS, limit=1, note="its number")

    def on_mount(self) -> None:
        self.say("Type the price of one piece and the number of the reason, Enter after each.")

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._change())

    async def _change(self) -> None:
        seat, person = self.seat, self.seat.person
        order = OverrideOrder(price=self.query_one("#price", Field).value, reason=self._reason())
        change = partial(set_override, seat.desk, person, self._basket, self._place, order)
        self.dismiss(await seat.look(partial(change, decimal_marks=seat.decimal_marks)))

    def _reason(self) -> str:
        """The code of the number that was typed; what is none of the list is refused by the rule."""
        typed = self.query_one("#reason", Field).value
        place = int(typed or "0") - 1
        return self._reasons[place] if 0 <= place < len(self._reasons) else typed

    def field_of(self, refusal: DomainError) -> Field | None:
        if refusal.code == "unknown_reason":
            return self.query_one("#reason", Field)
        return self.query_one("#price", Field)
