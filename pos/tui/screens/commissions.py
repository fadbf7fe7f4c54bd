"""What dealers are owed of commission that was left for settlement; the back office settles it dealer by dealer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from pos.till.commissions import LINES_AT_ONCE_MAX, DealerToSettle, commissions_owed, settle_commission
from pos.tui.keys import bindings
from pos.tui.screens.lines import RegisterScreen
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import ROWS_MAX, Row


class CommissionsScreen(RegisterScreen[None, DealerToSettle]):
    """Looking changes nothing; S settles the selected dealer, after a yes."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["settle"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "settle", "scroll")
    HEADING = "Commission left for settlement"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Dealer", width=10),
        Column(title="Name", flexible=True),
        Column(title="Sales", width=5, right=True),
        Column(title="Commission", width=12, right=True),
        Column(title="Withheld", width=11, right=True),
        Column(title="Net", width=12, right=True),
    )

    async def found(self) -> Sequence[DealerToSettle]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: commissions_owed(desk, person, limit=ROWS_MAX))

    def row(self, entry: DealerToSettle) -> Row:
        owed, amount = entry.owed, self.seat.shown
        return Row(
            key=owed.dealer,
            cells=(
                owed.dealer,
                entry.name,
                str(owed.sales),
                amount(owed.commission),
                amount(owed.withheld),
                amount(owed.net),
            ),
        )

    def facts(self, entry: DealerToSettle | None) -> str:
        if entry is None:
            return "No commission is left for settlement."
        if not entry.owed.kept_back:
            return "The money of all its sales is sure."
        kept_back = self.seat.shown_with_currency(entry.owed.kept_back)
        return (
            f"{kept_back} more is kept back until the money of its sales is sure:\n"
            "bank receipts verified, cheques paid."
        )

    def action_settle(self) -> None:
        dealer = self.selected
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
        amount = self.seat.shown
        await self.load(
            f"{self.seat.shown_with_currency(done.credited)} is on account {done.dealer}: commission "
            f"{amount(done.commission)} less {amount(done.withheld)} withheld."
        )
