"""Another account to be paid with the same payment, found by number, phone ending or name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pos.domain.payment_mode import PayerKind
from pos.till.enquiries import HitKind, find
from pos.tui.screens.pick import PickScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Row


class AccountsScreen(PickScreen):
    """Answers a subscriber's account; a bill's number leads to the account that owes it."""

    HEADING: ClassVar[str] = "Account"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Account", width=14),
        Column(title="Phone", width=16),
        Column(title="", width=9),
        # Last: some scripts take other widths at a terminal than they should, and would push the rest away.
        Column(title="Name", flexible=True),
    )
    NOTHING: ClassVar[str] = "Check the number, or type a name."

    def rows(self, query: str) -> Sequence[Row]:
        hits = find(self.seat.desk, self.seat.person, query)
        found = {
            hit.account.account: hit.account
            for hit in hits
            if hit.account is not None
            and hit.kind in (HitKind.ACCOUNT, HitKind.BILL)
            and hit.account.kind is PayerKind.SUBSCRIBER
        }
        return [
            Row(
                key=number,
                cells=(number, account.phone, "CASH-ONLY" if account.cash_only else "", account.name),
            )
            for number, account in found.items()
        ]
