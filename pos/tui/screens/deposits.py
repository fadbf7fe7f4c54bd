"""The cheques that may go to the bank, the oldest first: Space leaves one out, Enter puts the ticked ones on a slip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from pos.domain.deposit import CHEQUES_MAX, BankAccount, BankedCheque, so_many
from pos.domain.money import Money, total
from pos.till.cheque_register import cheque_life
from pos.till.deposits import cheques_to_deposit, deposit_cheques
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.cheques import ChequeScreen, ChequesScreen
from pos.tui.screens.clearing import ClearingScreen
from pos.tui.screens.deposit_slips import DepositSlipsScreen
from pos.tui.screens.lines import TickedRegister
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Row


class DepositsScreen(TickedRegister[None, BankedCheque]):
    """All are ticked at first. Tab chooses the bank account, S lists the slips, C those to clear, A all."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["switch", "slips", "clearing", "all_cheques"])]
    KEYS: ClassVar[tuple[str, ...]] = (
        "mark",
        "accept",
        "switch",
        "slips",
        "clearing",
        "all_cheques",
        "back",
        "scroll",
    )
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Dated", width=10),
        Column(title="Days left", width=9, right=True),
        Column(title="Serial and bank", width=22),
        Column(title="Cheque drawer", flexible=True),
        Column(title="Amount", width=12, right=True),
    )

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._in_open_shift = 0
        self._account = 0

    @property
    def _bank_account(self) -> BankAccount:
        return self.seat.desk.policy.deposits.accounts[self._account]

    async def found(self) -> Sequence[BankedCheque]:
        desk, person, code = self.seat.desk, self.seat.person, self._bank_account.code
        in_hand = await self.seat.look(lambda: cheques_to_deposit(desk, person, code))
        self._in_open_shift = in_hand.in_open_shift
        self.ticked = frozenset(cheque.cheque_id for cheque in in_hand.cheques[:CHEQUES_MAX])
        return in_hand.cheques

    def heading(self) -> str:
        chosen = self._chosen
        account = " ".join(
            part
            for part in (self._bank_account.code, self._bank_account.bank, self._bank_account.number)
            if part
        )
        return (
            f"Cheques for the bank: {len(chosen)} of {len(self.entries)}, "
            f"{self.seat.shown_with_currency(self._sum(chosen))} into {account}"
        )

    def _sum(self, cheques: list[BankedCheque]) -> Money:
        shop = self.seat.desk.identity.currency
        return total((cheque.amount for cheque in cheques), cheques[0].amount.currency if cheques else shop)

    def row(self, entry: BankedCheque) -> Row:
        policy, today = self.seat.desk.policy.cheques, self.seat.desk.clock.now().date()
        left = entry.days_left(policy, today=today)
        return Row(
            key=entry.cheque_id,
            cells=(
                entry.dated.isoformat(),
                "TOO OLD" if left < 0 else str(left),
                f"{entry.serial} {entry.bank}",
                entry.drawer,
                self.seat.shown(entry.amount),
            ),
            marked=entry.cheque_id in self.ticked,
            strong=bool(entry.warning(policy, today=today)),
        )

    @property
    def _chosen(self) -> list[BankedCheque]:
        return [cheque for cheque in self.entries if cheque.cheque_id in self.ticked]

    def facts(self, entry: BankedCheque | None) -> str:
        lines = ["No cheque waits for the bank. S lists the slips."]
        if entry is not None:
            today = self.seat.desk.clock.now().date()
            warning = entry.warning(self.seat.desk.policy.cheques, today=today)
            lines = [f"Receipt {entry.receipt}" + (f"  {warning}" if warning else "")]
        if self._in_open_shift:
            lines.append(f"{self._in_open_shift} more in a shift that is still open: it is counted first.")
        return "\n".join(lines)

    def action_switch(self) -> None:
        accounts = self.seat.desk.policy.deposits.accounts
        if len(accounts) == 1:
            self.refuse("This shop has one bank account only ([deposits] accounts in till.toml).")
            return
        self._account = (self._account + 1) % len(accounts)
        self.errand(self.load())

    def action_slips(self) -> None:
        self.app.push_screen(DepositSlipsScreen(self.seat, self.errands), self._back_from_slips)

    def action_clearing(self) -> None:
        self.app.push_screen(ClearingScreen(self.seat, self.errands))

    def action_all_cheques(self) -> None:
        self.app.push_screen(ChequesScreen(self.seat, self.errands), self._cheque_chosen)

    def _cheque_chosen(self, key: str | None) -> None:
        if key is not None:
            self.errand(self._open_cheque(key))

    async def _open_cheque(self, key: str) -> None:
        seat = self.seat
        life = await seat.look(lambda: cheque_life(seat.desk, seat.person, key))
        self.app.push_screen(ChequeScreen(seat, self.errands, life))

    def _back_from_slips(self, _: None) -> None:
        # A slip that was taken back has given its cheques back.
        self.errand(self.load())

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
        slip = done.slip
        await self.load(
            f"Slip {slip.number}: {so_many(len(slip.cheques))}, {self.seat.shown_with_currency(slip.total)}, "
            "is being printed. S lodges it."
        )
