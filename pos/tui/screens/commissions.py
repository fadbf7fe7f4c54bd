"""What dealers are owed of commission that was left for settlement; the back office settles it dealer by dealer."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.till.commissions import LINES_AT_ONCE_MAX, DealerToSettle, commissions_owed, settle_commission
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import ROWS_MAX, Listing, Row


class CommissionsScreen(RegisterScreen[None]):
    """Looking changes nothing; S settles the selected dealer, after a yes."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["settle"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "settle", "scroll")

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._dealers: list[DealerToSettle] = []

    def body(self) -> ComposeResult:
        yield Label("Commission left for settlement", classes="title", markup=False)
        yield Listing(
            (
                Column(title="Dealer", width=10),
                Column(title="Name", flexible=True),
                Column(title="Sales", width=5, right=True),
                Column(title="Commission", width=12, right=True),
                Column(title="Withheld", width=11, right=True),
                Column(title="Net", width=12, right=True),
            ),
            id="commissions",
        )
        yield Label("", id="commission-facts", markup=False)

    def on_mount(self) -> None:
        self.errand(self._look())

    async def _look(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        self._dealers = await self.seat.look(lambda: commissions_owed(desk, person, limit=ROWS_MAX))
        self.query_one(Listing).show([self._row(dealer) for dealer in self._dealers])
        self._show_facts()

    def _row(self, dealer: DealerToSettle) -> Row:
        owed, amount = dealer.owed, self.seat.shown
        return Row(
            key=owed.dealer,
            cells=(
                owed.dealer,
                dealer.name,
                str(owed.sales),
                amount(owed.commission),
                amount(owed.withheld),
                amount(owed.net),
            ),
        )

    @property
    def _selected(self) -> DealerToSettle | None:
        key = self.query_one(Listing).selected
        return next((dealer for dealer in self._dealers if dealer.owed.dealer == key), None)

    def _show_facts(self) -> None:
        dealer, text = self._selected, " No commission is left for settlement."
        if dealer is not None and not dealer.owed.kept_back:
            text = " The money of all its sales is sure."
        elif dealer is not None:
            kept_back = self.seat.shown_with_currency(dealer.owed.kept_back)
            text = (
                f" {kept_back} more is kept back until the money of its sales is sure:\n"
                " bank receipts verified, cheques paid."
            )
        self.query_one("#commission-facts", Label).update(Text(text))

    def action_move(self, by: int) -> None:
        super().action_move(by)
        self._show_facts()

    def action_page(self, by: int) -> None:
        super().action_page(by)
        self._show_facts()

    def action_settle(self) -> None:
        dealer = self._selected
        if dealer is None:
            self.refuse("No commission is left for settlement. Esc goes back.")
        elif not dealer.owed.commission:
            self.refuse("Nothing of this dealer can be settled yet: its money is not sure.")
        else:
            self.ask(self._question(dealer), lambda: self.errand(self._settle(dealer.owed.dealer)))

    def _question(self, dealer: DealerToSettle) -> str:
        owed, amount = dealer.owed, self.seat.shown
        if owed.lines > LINES_AT_ONCE_MAX:
            return f"Settle the oldest {LINES_AT_ONCE_MAX} of {owed.lines} lines of {owed.dealer}?"
        return (
            f"Credit {self.seat.shown_with_currency(owed.net)} to dealer {owed.dealer} {shown(dealer.name)}: commission "
            f"{amount(owed.commission)} less {amount(owed.withheld)} tax withheld?"
        )

    async def _settle(self, number: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        done = await self.seat.deed(partial(settle_commission, desk, person, number))
        await self._look()
        amount = self.seat.shown
        self.say(
            f"{self.seat.shown_with_currency(done.credited)} is on account {done.dealer}: commission "
            f"{amount(done.commission)} less {amount(done.withheld)} withheld."
        )
