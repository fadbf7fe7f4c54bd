"""The dealers, to be found by number, phone ending or name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pos.till.enquiries import dealers
from pos.tui.screens.pick import PickScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Row


class DealersScreen(PickScreen):
    """Answers a dealer's account."""

    HEADING: ClassVar[str] = "Dealer"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Dealer", width=12),
        Column(title="Class", width=8),
        Column(title="Limit", width=12, right=True),
        Column(title="Phone", width=16),
        # Last: some scripts take other widths at a terminal than they should, and would push an amount away.
        Column(title="Name", flexible=True),
    )
    NOTHING: ClassVar[str] = "Check the number, or type a name."

    def rows(self, query: str) -> Sequence[Row]:
        return [
            Row(
                key=dealer.account,
                cells=(
                    dealer.account,
                    dealer.dealer_class,
                    "" if dealer.credit_limit is None else self.seat.shown(dealer.credit_limit),
                    dealer.phone,
                    dealer.name,
                ),
            )
            for dealer in dealers(self.seat.desk, self.seat.person, query)
        ]
