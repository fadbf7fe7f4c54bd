"""An account with its open bills: which are to be paid, how much, and what was handed over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Label

from pos.domain.bill import BillState, OpenBill
from pos.domain.errors import DomainError
from pos.domain.payment_mode import PayerKind
from pos.store.times import from_utc_text
from pos.till.enquiries import AccountView, BillView, PayPlan, account_view, bill_view, plan_payment
from pos.till.take_payment import PaymentTaken
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.bill import BillScreen
from pos.tui.screens.cash import CashScreen
from pos.tui.screens.cheque import ChequeScreen
from pos.tui.screens.menu import MenuScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.columns import Column, fitted, shown, spread
from pos.tui.widgets.listing import Listing, Row

TYPED_MAX = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCame:
    """Another thing was scanned while this account was open."""

    text: str


class AccountScreen(TillScreen[PaymentTaken | ScanCame]):
    """Answers the payment that was taken, or the scan that came instead."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["mark", "part", "menu"]),
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
        Binding("enter", "accept", "OK"),
        Binding("backspace", "wipe_one", "Wipe"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("find", "bill", "cash", "cheque", "mark", "part", "back", "menu")

    def __init__(self, seat: Seat, errands: Errands, view: AccountView, *, bill_no: str | None) -> None:
        super().__init__(seat, errands)
        self._view = view
        self._asked_for = bill_no
        self._paid_bill: str | None = None
        self._marked: set[str] = {bill_no} & {bill.bill.bill_no for bill in view.bills} if bill_no else set()
        self._part: str | None = None
        self._typed = ""
        self._cheque_draft: dict[str, str] = {}
        self._plan = self._planned()

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
        with Horizontal(id="account-foot"):
            yield BigAmount("TO PAY", id="to-pay")
            yield Label("", id="typed", markup=False)

    def on_mount(self) -> None:
        self._paint()
        if self._asked_for is not None:
            self.query_one("#bills", Listing).select(self._asked_for)
        if self._asked_for is not None and self._asked_for not in self._marked:
            self._paid_bill = self._asked_for
            self.refuse(f"Bill {self._asked_for} is paid already. F3 shows it.")

    # --- the plan -----------------------------------------------------------------------------------------------

    def _planned(self) -> PayPlan:
        return plan_payment(
            self._view, marked=self._marked, part=self._part, decimal_marks=self.seat.decimal_marks
        )

    def _replan(self, *, marked: set[str], part: str | None) -> None:
        """Take on another choice, if it can be paid; else say why and keep the one that stood."""
        before = self._marked, self._part
        self._marked, self._part = marked, part
        try:
            self._plan = self._planned()
        except DomainError as refusal:
            self._marked, self._part = before
            self.refused(refusal)
        self._paint()

    def _paint(self) -> None:
        listing = self.query_one("#bills", Listing)
        listing.show([self._row(bill) for bill in self._view.bills])
        what = "PAY PART" if self._part is not None else "TO PAY"
        self.query_one("#to-pay", BigAmount).tell(self._plan.to_pay, what)
        self.query_one("#typed", Label).update(Text(self._typed_text()))

    def _row(self, bill: OpenBill) -> Row:
        number = bill.bill.bill_no
        pay = self._plan.of_bill(number)
        return Row(
            key=number,
            cells=(
                number,
                bill.bill.due_date.isoformat(),
                bill.bill.amount_due.plain(),
                bill.open.plain(),
                self._state(bill),
                "" if bill.open.currency == self._view.account.currency else str(bill.open.currency),
                "" if pay is None else pay.plain(),
            ),
            marked=number in self._marked,
            strong=pay is not None,
        )

    def _state(self, bill: OpenBill) -> str:
        if bill.bill.state is BillState.ON_HOLD:
            return "HOLD"
        return "OVER" if bill.bill.due_date < self.seat.desk.clock.now().date() else "DUE"

    def _typed_text(self) -> str:
        if self._typed:
            return f"Typed > {self._typed}▌\nF5 takes it as cash,\n-  pays just that part"
        if not self._view.bills:
            return "Nothing is open.\nType an amount, F5 puts\nit on account."
        return f"of {self._view.balance} open"

    # --- keys ---------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        character = event.character
        if character is None or len(self._typed) >= TYPED_MAX:
            return
        if (character.isdigit() and character.isascii()) or (
            character in self.seat.decimal_marks and self._typed
        ):
            event.stop()
            event.prevent_default()
            self._typed += character
            self._paint()

    def action_wipe_one(self) -> None:
        self._typed = self._typed[:-1]
        self._paint()

    def action_move(self, by: int) -> None:
        self._paid_bill = None
        self.query_one("#bills", Listing).move(by)

    def action_page(self, by: int) -> None:
        self.query_one("#bills", Listing).page(by)

    def action_mark(self) -> None:
        """Mark the selected bill or take its mark away, and go on to the next."""
        listing = self.query_one("#bills", Listing)
        if listing.selected is not None:
            self._replan(marked=self._marked ^ {listing.selected}, part=self._part)
            listing.move(1)

    def action_part(self) -> None:
        if not self._typed:
            self.refuse("Type the amount to pay first, then  -")
            return
        typed, self._typed = self._typed, ""
        self._replan(marked=self._marked, part=typed)

    def action_accept(self) -> None:
        self.say("F5 takes cash, F7 a cheque. F3 shows the bill.")

    def action_back(self) -> None:
        """One step: what was typed, then the part, then the marks, then the account."""
        if self._typed:
            self._typed = ""
            self._paint()
        elif self._part is not None:
            self._replan(marked=self._marked, part=None)
        elif self._marked and self._asked_for is None:
            self._replan(marked=set(), part=None)
        else:
            self.dismiss(None)

    def action_find(self) -> None:
        self.dismiss(None)

    def take_scan(self, text: str) -> None:
        self.dismiss(ScanCame(text=text))

    def action_menu(self) -> None:
        self.app.push_screen(MenuScreen(self.seat, self.errands), self._chosen)

    async def _chosen(self, act: str | None) -> None:
        if act in {"screen.open_shift", "screen.close_shift", "screen.sign_out"}:
            self.refuse("Leave this account with Esc first; then . opens the menu.")
        elif act is not None:
            await self.run_action(act)

    # --- taking money -------------------------------------------------------------------------------------------

    def action_cash(self) -> None:
        if self._may_take():
            typed, self._typed = self._typed, ""
            screen = CashScreen(self.seat, self.errands, self._view, self._plan, tendered=typed)
            self.app.push_screen(screen, self._after_cash)

    def action_cheque(self) -> None:
        if self._may_take():
            typed, self._typed = self._typed, ""
            screen = ChequeScreen(
                self.seat, self.errands, self._view, self._plan, amount=typed, draft=self._cheque_draft
            )
            self.app.push_screen(screen, self._after_cheque)

    def _may_take(self) -> bool:
        shift = self.seat.shift
        if shift is None:
            self.refuse("No shift is open. Esc to the find box, then . 1 opens one.")
        elif not self.seat.owns_the_shift:
            self.refuse(f"The open shift belongs to user {shift.operator}. You can look up, not take money.")
        elif not self._plan.parts and self._view.bills:
            self.refuse("No bill here can be paid now.")
        else:
            return True
        return False

    def _after_cash(self, outcome: PaymentTaken | str | None) -> None:
        match outcome:
            case PaymentTaken():
                self.dismiss(outcome)
            case str():
                self._typed = outcome
                self._look_again()
            case None:
                self._look_again()

    def _after_cheque(self, outcome: PaymentTaken | dict[str, str] | None) -> None:
        match outcome:
            case PaymentTaken():
                self.dismiss(outcome)
            case dict():
                self._cheque_draft = outcome
                self._look_again()
                self.say("The cheque is kept as typed: F7 opens it again.")
            case None:
                self._look_again()

    def _look_again(self) -> None:
        """Another window of time has passed: what is open may have changed."""
        self._paint()
        self.errand(self._refresh_view())

    async def _refresh_view(self) -> None:
        seat, person = self.seat, self.seat.person
        number = self._view.account.account
        self._view = await seat.look(lambda: account_view(seat.desk, person, number))
        open_now = {bill.bill.bill_no for bill in self._view.bills}
        part = self._part
        try:
            self._marked &= open_now
            self._plan = self._planned()
        except DomainError:
            self._part = None
            self._plan = self._planned()
            self.refuse(f"The part of {part} can no longer be paid; see what is open now.")
        self.query_one(AccountHeading).tell(self._view)
        self._paint()

    # --- looking at a bill --------------------------------------------------------------------------------------

    def action_bill(self) -> None:
        number = self._paid_bill or self.query_one("#bills", Listing).selected
        if number is None:
            self.refuse("This account has no open bill to look at.")
        else:
            self.errand(self._open_bill(number))

    async def _open_bill(self, number: str) -> None:
        seat, person = self.seat, self.seat.person
        view: BillView = await seat.look(lambda: bill_view(seat.desk, person, number))
        self.app.push_screen(BillScreen(seat, self.errands, view, self._view.account.name), self._after_bill)

    def _after_bill(self, to_find: bool | None) -> None:
        if to_find:
            self.dismiss(None)


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
        figures = (
            f" Balance {view.balance.plain()}   Overdue {view.overdue.plain()}   Credit {view.credit.plain()}"
        )
        beneath = spread(figures, f"{account.currency}   bills as of {self._age()} ", width)
        text = Text(no_wrap=True, overflow="crop")
        text.append(fitted(who, width), "bold")
        text.append("\n" + beneath)
        self.update(text)

    def _flags(self) -> str:
        account = self._view.account
        flags = []
        if account.kind is PayerKind.DEALER:
            flags.append("DEALER")
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
