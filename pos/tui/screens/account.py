"""An account with its open bills: which are to be paid, how much, and beside which items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from pos.domain.allocation import may_be_paid
from pos.domain.bill import BillState, OpenBill
from pos.domain.errors import DomainError, Refused
from pos.domain.money import total
from pos.domain.payment_mode import Purpose
from pos.till.basket import Basket, add_item, add_payee, choose_bills, keep_on_account, keep_otherwise
from pos.till.demand_bill import UNANSWERED_CODE, demand_bill
from pos.till.enquiries import AccountView, BillView, account_view, bill_view
from pos.till.post_dated import ChequeRegistered
from pos.till.take_payment import PaymentTaken
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.accounts import AccountsScreen
from pos.tui.screens.bill import BillScreen
from pos.tui.screens.paying import PayingScreen, ScanCame
from pos.tui.screens.sale import SaleScreen
from pos.tui.seat import Seat
from pos.tui.widgets.account_heading import AccountHeading
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row

HEADED = "account:"
"""Before the number of an account: the key of its line above its bills."""

NAMED = {Purpose.ADVANCE: "ADVANCE", Purpose.DEPOSIT: "DEPOSIT"}


class AccountScreen(PayingScreen):
    """A subscriber's bills. Marked ones are paid; without a mark the oldest, or none where items are bought.

    Further accounts may be added: their bills stand under their names, and are paid with the same receipt.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["mark", "account", "bill_now", "keep_as"])]
    KEYS: ClassVar[tuple[str, ...]] = ("bill", "items", "cash", "card", "cheque", "voucher", "ways", "mark")

    def __init__(self, seat: Seat, errands: Errands, basket: Basket, *, bill_no: str | None) -> None:
        super().__init__(seat, errands, basket)
        self._asked_for = bill_no
        self._paid_bill: str | None = None
        self._marked: set[str] = {bill_no} & self._open_now() if bill_no else set()
        self._part: str | None = None
        self._bill_asked_by = seat.new_id()
        self._basket = self._chosen_bills()

    @property
    def _view(self) -> AccountView:
        view = self._basket.view
        assert view is not None
        return view

    def _open_now(self) -> set[str]:
        return {bill.bill.bill_no for bill in self._basket.bills}

    def body(self) -> ComposeResult:
        yield AccountHeading(self.seat, self._view)
        yield Listing(
            (
                Column(title="Bill", width=12),
                Column(title="Due", width=10),
                Column(title="Amount", width=12, right=True),
                Column(title="Open", width=12, right=True),
                Column(title="State", width=5),
                Column(title="", flexible=True),
                Column(title="Pay", width=12, right=True),
            ),
            id="bills",
        )
        yield from self.foot()

    def on_mount(self) -> None:
        self.paint()
        if self._asked_for is not None:
            self.query_one("#bills", Listing).select(self._asked_for)
        if self._asked_for is not None and self._asked_for not in self._marked:
            self._paid_bill = self._asked_for
            self.refuse(f"Bill {self._asked_for} is paid already. F3 shows it.")

    # --- which bills --------------------------------------------------------------------------------------------

    def _chosen_bills(self, view: AccountView | None = None, *, beside_items: bool = False) -> Basket:
        return choose_bills(
            self._basket,
            marked=self._marked,
            part=self._part,
            decimal_marks=self.seat.decimal_marks,
            view=view,
            beside_items=beside_items,
        )

    def _choose(self, *, marked: set[str], part: str | None) -> None:
        """Take on another choice, if it can be paid; else say why and keep the one that stood."""
        before = self._marked, self._part
        self._marked, self._part = marked, part
        try:
            self._basket = self._chosen_bills()
        except DomainError as refusal:
            self._marked, self._part = before
            self.refused(refusal)
        self.paint()

    def paint(self) -> None:
        self.query_one("#bills", Listing).show(
            [row for view in self._basket.views for row in self._rows(view)]
        )
        super().paint()

    @property
    def asks(self) -> str:
        return "PAY PART" if self._part is not None else "TO PAY"

    def typed_hint(self) -> str:
        return "F5 takes it as cash,\n-  pays just that part"

    def idle_hint(self) -> str:
        basket = self._basket
        if basket.lines:
            return f"ITEMS {self.seat.shown(basket.sale)}\nF4 shows them.\nSpace adds a bill."
        if basket.kept:
            return "\n".join(
                f"{NAMED[one.purpose]} {self.seat.shown(one.amount)}" for one in basket.kept[-3:]
            )
        if not self._view.bills:
            return "Nothing is open.\nType an amount, F5 puts\nit on account."
        contested = total((bill.disputed for bill in self._view.bills), self._view.account.currency)
        left_out = f"\n{self.seat.shown(contested)} disputed,\nleft out" if contested else ""
        return f"of {self.seat.shown_with_currency(self._view.balance)} open{left_out}"

    def _rows(self, view: AccountView) -> Iterator[Row]:
        """The bills of an account, under its name where there are several."""
        if self._basket.others:
            account = view.account
            flag = "CASH-ONLY" if account.cash_only else ""
            cells = (account.account, "", "", "", "", " ".join((flag, account.name)).strip(), "")
            yield Row(key=f"{HEADED}{account.account}", cells=cells, strong=True)
        for bill in view.bills:
            yield self._row(bill)

    def _row(self, bill: OpenBill) -> Row:
        number = bill.bill.bill_no
        pay = self._basket.plan.of_bill(number)
        return Row(
            key=number,
            cells=(
                number,
                bill.bill.due_date.isoformat(),
                self.seat.shown(bill.bill.amount_due),
                self.seat.shown(bill.open),
                self._state(bill),
                self._remark(bill),
                "" if pay is None else self.seat.shown(pay),
            ),
            marked=number in self._marked,
            strong=pay is not None,
        )

    def _remark(self, bill: OpenBill) -> str:
        if bill.open.currency != self._view.account.currency:
            return str(bill.open.currency)
        if bill.disputed:
            return f"{self.seat.shown(bill.disputed)} disp."
        if bill.bill.promise is not None and bill.instalment:
            return f"{self.seat.shown(bill.instalment)} prom."
        return ""

    def _state(self, bill: OpenBill) -> str:
        if bill.bill.state is BillState.ON_HOLD:
            return "HOLD"
        return "OVER" if bill.bill.due_date < self.seat.desk.clock.now().date() else "DUE"

    # --- keys ---------------------------------------------------------------------------------------------------

    def next_key(self) -> str:
        return f"{super().next_key()} F3 shows the bill."

    def action_move(self, by: int) -> None:
        self._paid_bill = None
        super().action_move(by)

    def action_mark(self) -> None:
        """Mark the selected bill or take its mark away, and go on to the next; an account: all that may be paid of it."""
        listing = self.query_one("#bills", Listing)
        chosen = listing.selected
        if chosen is None:
            return
        if chosen.startswith(HEADED):
            of_account = {
                bill.bill.bill_no
                for bill in self._basket.bills
                if bill.bill.account == chosen.removeprefix(HEADED) and may_be_paid(bill)
            }
            marked = self._marked - of_account if of_account <= self._marked else self._marked | of_account
        else:
            marked = self._marked ^ {chosen}
        self._choose(marked=marked, part=self._part)
        listing.move(1)

    def part_typed(self, typed: str) -> None:
        self._choose(marked=self._marked, part=typed)

    def step_back(self) -> bool:
        """The part, then what is kept on purpose, then the marks, then the other accounts."""
        basket = self._basket
        if self._part is not None:
            self._choose(marked=self._marked, part=None)
        elif basket.kept:
            self._basket = replace(basket, kept=basket.kept[:-1])
            self._choose(marked=self._marked, part=None)
        elif self._marked and (self._asked_for is None or basket.others):
            self._choose(marked=set(), part=None)
        elif basket.others:
            self._basket = replace(basket, others=basket.others[:-1])
            self._choose(marked=set(), part=None)
        else:
            return False
        return True

    # --- other accounts, advances and deposits ------------------------------------------------------------------

    def action_account(self) -> None:
        if self._basket.given:
            self.refuse("Something was given already. Esc takes it back, then A.")
        else:
            self.app.push_screen(AccountsScreen(self.seat, self.errands), self._account_found)

    def _account_found(self, number: str | None) -> None:
        if number is not None:
            self.errand(self._add_account(number))

    async def _add_account(self, number: str) -> None:
        seat, person = self.seat, self.seat.person
        view = await seat.look(lambda: account_view(seat.desk, person, number))
        self._basket = add_payee(self._basket, view)
        if not self._marked:
            # What was to be paid until now stays chosen beside what is marked next.
            self._marked = {part.bill_no for part in self._basket.plan.parts if part.bill_no is not None}
        self._choose(marked=self._marked, part=self._part)
        self.query_one("#bills", Listing).select(f"{HEADED}{number}")
        self.say(f"Space marks the bills of {number} one by one, on its name all of them.")

    def action_bill_now(self) -> None:
        number = self._view.account.account
        question = f"Ask central for a bill of what is not billed yet on {number}?"
        self.ask(question, lambda: self.errand(self._demand_bill(number)))

    async def _demand_bill(self, number: str) -> None:
        seat = self.seat
        self.say("Asking central ...")
        try:
            await demand_bill(
                seat.desk, seat.person, number, seat.bills, seat.runner, asked_by=self._bill_asked_by
            )
        except Refused as refusal:
            if refusal.code != UNANSWERED_CODE:
                # Central keeps its no under the name that it was asked by; what comes later is asked for anew.
                self._bill_asked_by = seat.new_id()
            raise
        self._bill_asked_by = seat.new_id()
        self.say("Central made it. It stands among the bills as soon as central has told it: Esc, then F2.")

    def action_keep_as(self) -> None:
        """What was typed goes on the account as an advance; again: as a security deposit; once more: not at all."""
        try:
            if self._typed:
                typed, self._typed = self._typed, ""
                self._basket = keep_on_account(self._basket, typed, decimal_marks=self.seat.decimal_marks)
            elif self._basket.kept:
                self._basket = keep_otherwise(self._basket)
            else:
                self.refuse("Type the amount first; then D takes it as an advance, D again as a deposit.")
                return
        except DomainError as refusal:
            self.refused(refusal)
            self.paint()
            return
        self._choose(marked=self._marked, part=self._part)
        kept = self._basket.kept
        self.say(
            f"{NAMED[kept[-1].purpose]} of {self.seat.shown(kept[-1].amount)}. D changes it, F5 takes it in cash."
            if kept
            else "It is left out again."
        )

    def came_back(self) -> None:
        super().came_back()
        self.errand(self._look_again())

    async def _look_again(self) -> None:
        """What is open may have changed meanwhile."""
        seat, person = self.seat, self.seat.person
        number = self._view.account.account
        view = await seat.look(lambda: account_view(seat.desk, person, number))
        numbers = [other.account.account for other in self._basket.others]
        others = [
            await seat.look(partial(account_view, seat.desk, person, other_number))
            for other_number in numbers
        ]
        self._basket = replace(self._basket, others=tuple(others))
        part = self._part
        try:
            self._marked &= {bill.bill.bill_no for one in (view, *others) for bill in one.bills}
            self._basket = self._chosen_bills(view)
        except DomainError:
            self._part = None
            self._basket = self._chosen_bills(view)
            self.refuse(f"The part of {part} can no longer be paid; see what is open now.")
        self.query_one(AccountHeading).tell(view)
        self.paint()

    # --- items beside the bills ---------------------------------------------------------------------------------

    def action_items(self) -> None:
        self._sell(self._chosen_bills(beside_items=True))

    def _sell(self, basket: Basket, said: str = "") -> None:
        typed, self._typed = self._typed, ""
        screen = SaleScreen(self.seat, self.errands, basket, from_bills=True, typed=typed, said=said)
        self.app.push_screen(screen, self._after_sale)

    def _after_sale(self, outcome: PaymentTaken | ChequeRegistered | Basket | ScanCame | None) -> None:
        if isinstance(outcome, Basket):
            self._basket = outcome
            self._choose(marked=self._marked, part=self._part)
            self.came_back()
        else:
            self.dismiss(outcome)

    async def scanned(self, text: str) -> None:
        """An item is sold to this account; anything else is looked for."""
        bare = self._chosen_bills(beside_items=True)
        try:
            basket = await self.seat.look(partial(add_item, self.seat.desk, bare, text))
        except DomainError as refusal:
            if refusal.code != "unknown_item":
                raise
            if self._basket.given or self._basket.lines:
                self.refuse(f"{text} is no item. Finish this payment first, or leave it with Esc.")
            else:
                self.dismiss(ScanCame(text=text))
            return
        self._sell(basket, f"{basket.lines[-1].item.name} is added.")

    # --- looking at a bill --------------------------------------------------------------------------------------

    def action_bill(self) -> None:
        number = self._paid_bill or self.query_one("#bills", Listing).selected
        if number is None or number.startswith(HEADED):
            self.refuse("There is no open bill to look at here. Up and Down choose one.")
        else:
            self.errand(self._open_bill(number))

    async def _open_bill(self, number: str) -> None:
        seat, person = self.seat, self.seat.person
        view: BillView = await seat.look(lambda: bill_view(seat.desk, person, number))
        self.app.push_screen(BillScreen(seat, self.errands, view, self._view.account.name), self._after_bill)

    def _after_bill(self, to_find: bool | None) -> None:
        if to_find:
            self.leave()
