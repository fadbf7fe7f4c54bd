"""The two lines above an account: who it is, what to beware of, what it stands at, and how old the figures are."""

from __future__ import annotations

from datetime import timedelta

from rich.text import Text
from textual.widgets import Label

from pos.domain.payment_mode import PayerKind
from pos.store.times import from_utc_text
from pos.till.enquiries import AccountView
from pos.tui.seat import Seat
from pos.tui.widgets.columns import fitted, shown, spread


class AccountHeading(Label):
    """Who it is, what to beware of, and how old the figures are."""

    def __init__(self, seat: Seat, view: AccountView) -> None:
        super().__init__("", id="heading", markup=False)
        self._seat = seat
        self._view = view

    def on_mount(self) -> None:
        self.tell(self._view)

    def on_resize(self) -> None:
        self.tell(self._view)

    def tell(self, view: AccountView) -> None:
        """Show ``view``."""
        self._view = view
        width = max(self.size.width, 40)
        account = view.account
        phone = f"  {shown(account.phone)}" if account.phone else ""
        who = spread(f" {shown(account.account)}  {shown(account.name)}", phone + self._flags() + " ", width)
        figures, right = _figures(view), f"{account.currency}   as of {self._age()} "
        if len(figures) + len(right) >= width:
            # No figure is ever cut; the age of them stands in the status line as well.
            right = f"{account.currency} "
        beneath = spread(figures, right, width)
        text = Text(no_wrap=True, overflow="crop")
        text.append(fitted(who, width), "bold")
        text.append("\n" + beneath)
        self.update(text)

    def _flags(self) -> str:
        account = self._view.account
        flags = []
        if account.kind is PayerKind.DEALER:
            flags.append(f"DEALER {shown(account.dealer_class)}".rstrip())
        if self._view.dealer is not None and self._view.dealer.blocked:
            flags.append("BLOCKED")
        if account.cash_only:
            flags.append("CASH-ONLY")
        if account.dunning_stage:
            flags.append(f"DUNNING {account.dunning_stage}")
        if account.status != "active":
            flags.append(shown(account.status).upper()[:12])
        return "".join(f"  {flag}" for flag in flags)

    def _age(self) -> str:
        now = self._seat.desk.clock.now()
        told = from_utc_text(self._view.told_at).astimezone(now.tzinfo)
        if told.date() == now.date():
            return told.strftime("%H:%M")
        return told.strftime("%d.%m. %H:%M" if now - told < timedelta(days=300) else "%Y-%m-%d")


def _figures(view: AccountView) -> str:
    if view.dealer is None:
        kept = (("Advance", view.advance), ("Deposit", view.deposit), ("Given up", view.written_off))
        more = "".join(f"  {word} {amount.plain()}" for word, amount in kept if amount)
        gap = "  " if more else "   "
        return f" Balance {view.balance.plain()}{gap}Overdue {view.overdue.plain()}{gap}Credit {view.credit.plain()}{more}"
    limit = view.account.credit_limit
    return (
        f" Limit {'-' if limit is None else limit.plain()}  Credit {view.credit.plain()}  "
        f"Unverified {view.unverified.plain()}  Left {view.dealer.left.plain()}"
    )
