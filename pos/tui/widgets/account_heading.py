"""The two lines above an account: who it is, what to beware of, what it stands at, and how old the figures are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Label

from pos.domain.money import Money
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
        beneath = self._beneath(width)
        text = Text(no_wrap=True, overflow="crop")
        text.append(fitted(who, width), "bold")
        text.append("\n" + beneath)
        self.update(text)

    def _beneath(self, width: int) -> str:
        """The figures and how old they are; where there is no room, shorter words and no age, never a cut figure."""
        currency = str(self._view.account.currency)
        for short, beside in (
            (False, f"{currency}   as of {self._age()} "),
            (False, f"{currency} "),
            (True, f"{currency} "),
        ):
            figures = _figures(self._seat, self._view, short=short)
            if cell_len(figures) + 1 + cell_len(beside) <= width:
                break
        return spread(figures, beside, width)

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


def _figures(seat: Seat, view: AccountView, *, short: bool) -> str:
    told = [
        f"{words[short]} {'-' if amount is None else seat.shown(amount)}" for words, amount in _amounts(view)
    ]
    return " " + ("  " if short or len(told) > 3 else "   ").join(told)


def _amounts(view: AccountView) -> Iterator[tuple[tuple[str, str], Money | None]]:
    """Each figure with its word, and a shorter one. What an account may lack is told where there is some."""
    if view.dealer is not None:
        yield ("Limit", "Lim"), view.account.credit_limit
        yield ("Credit", "Cr"), view.credit
        yield ("Unverified", "Unv"), view.unverified
        yield ("Left", "Left"), view.dealer.left
        return
    yield ("Balance", "Bal"), view.balance
    yield ("Overdue", "Due"), view.overdue
    yield ("Credit", "Cr"), view.credit
    for words, amount in (
        (("Advance", "Adv"), view.advance),
        (("Deposit", "Dep"), view.deposit),
        (("Given up", "W/off"), view.written_off),
    ):
        if amount:
            yield words, amount
