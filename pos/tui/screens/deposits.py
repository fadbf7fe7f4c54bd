"""The cheques that may go to the bank, the oldest first: Space leaves one out, Enter puts the ticked ones on a slip."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.deposit import CHEQUES_MAX, BankAccount, BankedCheque, so_many
from pos.domain.money import Money, total
from pos.till.deposits import ChequesInHand, cheques_to_deposit, deposit_cheques
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.deposit_slips import DepositSlipsScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class DepositsScreen(RegisterScreen[None]):
    """All are ticked at first. Tab chooses the bank account, S lists the slips."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["mark", "switch", "slips"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("mark", "accept", "switch", "slips", "back", "scroll")

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._in_hand = ChequesInHand(cheques=(), in_open_shift=0)
        self._ticked: frozenset[str] = frozenset()
        self._account = 0

    def body(self) -> ComposeResult:
        yield Label("Cheques for the bank", id="heading", markup=False)
        yield Listing(
            (
                Column(title="Dated", width=10),
                Column(title="Days left", width=9, right=True),
                Column(title="Serial and bank", width=22),
                Column(title="Cheque drawer", flexible=True),
                Column(title="Amount", width=12, right=True),
            ),
            id="deposits",
        )
        yield Label("", id="deposit-facts", markup=False)

    def on_mount(self) -> None:
        self.errand(self._look())

    @property
    def _bank_account(self) -> BankAccount:
        return self.seat.desk.policy.deposits.accounts[self._account]

    async def _look(self) -> None:
        desk, person, code = self.seat.desk, self.seat.person, self._bank_account.code
        self._in_hand = await self.seat.look(lambda: cheques_to_deposit(desk, person, code))
        self._ticked = frozenset(cheque.cheque_id for cheque in self._in_hand.cheques[:CHEQUES_MAX])
        self._show()

    def _show(self) -> None:
        self.query_one(Listing).show([self._row(cheque) for cheque in self._in_hand.cheques])
        chosen = self._chosen
        account = " ".join(
            part
            for part in (self._bank_account.code, self._bank_account.bank, self._bank_account.number)
            if part
        )
        heading = (
            f" Cheques for the bank: {len(chosen)} of {len(self._in_hand.cheques)}, "
            f"{self.seat.shown_with_currency(self._sum(chosen))} into {account}"
        )
        self.query_one("#heading", Label).update(Text(heading, "bold", overflow="ellipsis", no_wrap=True))
        self._show_facts()

    def _sum(self, cheques: list[BankedCheque]) -> Money:
        shop = self.seat.desk.identity.currency
        return total((cheque.amount for cheque in cheques), cheques[0].amount.currency if cheques else shop)

    def _row(self, cheque: BankedCheque) -> Row:
        policy, today = self.seat.desk.policy.cheques, self.seat.desk.clock.now().date()
        left = cheque.days_left(policy, today=today)
        return Row(
            key=cheque.cheque_id,
            cells=(
                cheque.dated.isoformat(),
                "TOO OLD" if left < 0 else str(left),
                f"{cheque.serial} {cheque.bank}",
                cheque.drawer,
                self.seat.shown(cheque.amount),
            ),
            marked=cheque.cheque_id in self._ticked,
            strong=bool(cheque.warning(policy, today=today)),
        )

    @property
    def _chosen(self) -> list[BankedCheque]:
        return [cheque for cheque in self._in_hand.cheques if cheque.cheque_id in self._ticked]

    def _show_facts(self) -> None:
        key = self.query_one(Listing).selected
        cheque = next((one for one in self._in_hand.cheques if one.cheque_id == key), None)
        waits = self._in_hand.in_open_shift
        lines = [] if cheque is None else [f" Receipt {cheque.receipt}"]
        if cheque is not None:
            today = self.seat.desk.clock.now().date()
            warning = cheque.warning(self.seat.desk.policy.cheques, today=today)
            lines[0] += f"  {warning}" if warning else ""
        else:
            lines.append(" No cheque waits for the bank. S lists the slips.")
        if waits:
            lines.append(f" {waits} more in a shift that is still open: it is counted first.")
        self.query_one("#deposit-facts", Label).update(Text("\n".join(lines)))

    def action_move(self, by: int) -> None:
        super().action_move(by)
        self._show_facts()

    def action_page(self, by: int) -> None:
        super().action_page(by)
        self._show_facts()

    def action_mark(self) -> None:
        """Tick the selected cheque or leave it out, and go on to the next."""
        listing = self.query_one(Listing)
        if listing.selected is not None:
            self._ticked ^= {listing.selected}
            listing.move(1)
            self._show()

    def action_switch(self) -> None:
        accounts = self.seat.desk.policy.deposits.accounts
        if len(accounts) == 1:
            self.refuse("This shop has one bank account only ([deposits] accounts in till.toml).")
            return
        self._account = (self._account + 1) % len(accounts)
        self.errand(self._look())

    def action_slips(self) -> None:
        self.app.push_screen(DepositSlipsScreen(self.seat, self.errands), self._back_from_slips)

    def _back_from_slips(self, _: None) -> None:
        # A slip that was taken back has given its cheques back.
        self.errand(self._look())

    def action_accept(self) -> None:
        chosen = [cheque.cheque_id for cheque in self._chosen]
        if chosen:
            self.errand(self._make(chosen))
        else:
            self.refuse("No cheque is ticked. Space ticks one, S lists the slips.")

    async def _make(self, chosen: list[str]) -> None:
        desk, person, code = self.seat.desk, self.seat.person, self._bank_account.code
        done = await self.seat.deed(partial(deposit_cheques, desk, person, chosen, bank_account=code))
        self.errands.paper_waits()
        await self._look()
        slip = done.slip
        self.say(
            f"Slip {slip.number}: {so_many(len(slip.cheques))}, {self.seat.shown_with_currency(slip.total)}, "
            "is being printed. S lodges it."
        )
