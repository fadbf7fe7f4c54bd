"""What may go to the bank, cheques by age and bags of cash: Space leaves one out, Enter puts the ticked ones on a slip."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.cash_bag import CashBag
from pos.domain.deposit import CHEQUES_MAX, BankAccount, BankedCheque, so_much
from pos.domain.errors import DomainError
from pos.domain.money import Money, total
from pos.till.cash_bags import bag_cash, open_bag
from pos.till.cheque_register import cheque_life
from pos.till.deposits import deposit_cheques
from pos.till.what_to_bank import cheques_to_deposit
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.cheques import ChequeScreen, ChequesScreen
from pos.tui.screens.clearing import ClearingScreen
from pos.tui.screens.deposit_slips import DepositSlipsScreen
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import TickedRegister
from pos.tui.screens.reason import ReasonScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Field
from pos.tui.widgets.listing import Row


def _key(entry: BankedCheque | CashBag) -> str:
    return entry.bag_id if isinstance(entry, CashBag) else entry.cheque_id


class BagScreen(FormScreen[CashBag]):
    """Cash of the safe into a bag: its printed number and what was counted into it. Answers the sealed bag."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back")

    def body(self) -> ComposeResult:
        own = self.seat.desk.identity.currency.code
        yield Label("Cash of the safe into a bag", classes="title", markup=False)
        yield Field("Bag number", id="bag-number", limit=40, note="as printed on it")
        yield Field(
            "Counted",
            id="bag-amount",
            pattern=AMOUNT,
            limit=AMOUNT_MAX,
            note=f"{own} only",
        )

    def field_of(self, refusal: DomainError) -> Field | None:
        of_the_number = refusal.code in ("bag_taken", "bad_reference", "card_number_refused")
        name = "bag-number" if of_the_number else "bag-amount"
        return self.query_one(f"#{name}", Field)

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        number, amount = (
            self.query_one(f"#bag-{name}", Field).value.strip() for name in ("number", "amount")
        )
        marks = self.seat.decimal_marks
        deed = partial(bag_cash, self.seat.desk, self.seat.person, number, amount, decimal_marks=marks)
        self.dismiss(await self.seat.deed(deed))


class DepositsScreen(TickedRegister[None, BankedCheque | CashBag]):
    """All are ticked at first. Tab chooses the bank account, B seals a bag of cash, S lists the slips, C those to clear,
    A all.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["switch", "bag_cash", "open_bag", "slips", "clearing", "all_cheques"])
    ]
    KEYS: ClassVar[tuple[str, ...]] = (
        "mark",
        "accept",
        "switch",
        "bag_cash",
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

    async def found(self) -> Sequence[BankedCheque | CashBag]:
        desk, person, code = self.seat.desk, self.seat.person, self._bank_account.code
        in_hand = await self.seat.look(lambda: cheques_to_deposit(desk, person, code))
        self._in_open_shift = in_hand.in_open_shift
        self.ticked = frozenset(
            [cheque.cheque_id for cheque in in_hand.cheques[:CHEQUES_MAX]]
            + [bag.bag_id for bag in in_hand.bags]
        )
        return [*in_hand.cheques, *in_hand.bags]

    def heading(self) -> str:
        chosen = self._chosen
        account = " ".join(
            part
            for part in (self._bank_account.code, self._bank_account.bank, self._bank_account.number)
            if part
        )
        return (
            f"{'Cheques and bags' if self._bags else 'Cheques'} for the bank: {len(chosen)} of {len(self.entries)}, "
            f"{self.seat.shown_with_currency(self._sum(chosen))} into {account}"
        )

    @property
    def _bags(self) -> list[CashBag]:
        return [entry for entry in self.entries if isinstance(entry, CashBag)]

    def _sum(self, chosen: Sequence[BankedCheque | CashBag]) -> Money:
        shop = self.seat.desk.identity.currency
        return total([one.amount for one in chosen], chosen[0].amount.currency if chosen else shop)

    def row(self, entry: BankedCheque | CashBag) -> Row:
        if isinstance(entry, CashBag):
            return Row(
                key=_key(entry),
                cells=(
                    entry.sealed_on.isoformat(),
                    "",
                    f"Bag {entry.number}",
                    f"cash, sealed by {entry.sealed_by}",
                    self.seat.shown(entry.amount),
                ),
                marked=_key(entry) in self.ticked,
            )
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
    def _chosen(self) -> list[BankedCheque | CashBag]:
        return [entry for entry in self.entries if _key(entry) in self.ticked]

    def facts(self, entry: BankedCheque | CashBag | None) -> str:
        lines = ["No cheque waits for the bank. S lists the slips."]
        if isinstance(entry, CashBag):
            lines = ["In the safe, sealed. O opens it again."]
        elif entry is not None:
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

    def action_bag_cash(self) -> None:
        def sealed(bag: CashBag | None) -> None:
            if bag is not None:
                amount = self.seat.shown_with_currency(bag.amount)
                self.errand(self.load(f"Bag {bag.number} is sealed with {amount}."))

        self.app.push_screen(BagScreen(self.seat, self.errands), sealed)

    def action_open_bag(self) -> None:
        bag = self.selected
        if not isinstance(bag, CashBag):
            self.refuse("Select a bag first. B seals one.")
            return

        def answered(reason: str | None) -> None:
            if reason:
                self.errand(self._open(bag.number, reason))

        warning = f"Open bag {bag.number}: its {self.seat.shown_with_currency(bag.amount)} is loose in the safe again."
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _open(self, number: str, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        await self.seat.deed(partial(open_bag, desk, person, number, reason))
        await self.load(f"Bag {number} is opened.")

    def action_accept(self) -> None:
        chosen = self._chosen
        if chosen:
            self.errand(self._make(chosen))
        else:
            self.refuse("No cheque is ticked. Space ticks one, S lists the slips.")

    async def _make(self, chosen: Sequence[BankedCheque | CashBag]) -> None:
        desk, person, code = self.seat.desk, self.seat.person, self._bank_account.code
        cheques = [one.cheque_id for one in chosen if isinstance(one, BankedCheque)]
        bags = [one.number for one in chosen if isinstance(one, CashBag)]
        deed = partial(deposit_cheques, desk, person, cheques, bags=bags, bank_account=code)
        done = await self.seat.deed(deed)
        self.errands.paper_waits()
        slip = done.slip
        what = so_much(len(slip.cheques), len(slip.bags))
        amount = self.seat.shown_with_currency(slip.total)
        await self.load(f"Slip {slip.number}: {what}, {amount}, is being printed. S lodges it.")
