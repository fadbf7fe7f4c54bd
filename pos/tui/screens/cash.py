"""Taking cash: what is handed over, the change at once, and one Enter that takes the money."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind
from pos.till.basket import Quote, account_basket, quote
from pos.till.enquiries import AccountView, PayPlan, plan_payment
from pos.till.take_payment import PaymentTaken, TenderOrder, take_payment
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.entry import AMOUNT, Box
from pos.tui.widgets.paying import order_of, summary

AMOUNT_MAX = 24


class CashScreen(TillScreen[PaymentTaken | str]):
    """Answers the payment taken; on Esc the amount that was typed, so that it isn't lost."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["part", "keep"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "keep", "part")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(
        self, seat: Seat, errands: Errands, view: AccountView, plan: PayPlan, *, tendered: str
    ) -> None:
        super().__init__(seat, errands)
        self._view = view
        self._plan = plan
        self._typed = tendered
        # Made now, not at Enter: a second Enter or a retry meets the event it booked itself.
        self._event_id = seat.new_id()
        self._keep = not plan.parts and view.account.kind is PayerKind.SUBSCRIBER
        self._quote: Quote | None = None
        self._taking = False

    def body(self) -> ComposeResult:
        yield Label(summary(self._view, self._plan), id="paying", markup=False)
        yield BigAmount("TO PAY", id="to-pay")
        with Horizontal(id="tendered"):
            yield Label("TENDERED  >", classes="label", markup=False)
            yield Box(self._typed or self._exact(), id="tendered-box", pattern=AMOUNT, limit=AMOUNT_MAX)
        yield BigAmount("CHANGE", id="change")
        yield Label("", id="over", markup=False)

    def on_mount(self) -> None:
        self.query_one("#to-pay", BigAmount).tell(self._plan.to_pay)
        self._reckon()
        self.say("Enter takes this amount; or type what is handed over, then Enter.")

    def _exact(self) -> str:
        return self.seat.as_typed(self._plan.to_pay) if self._plan.parts else ""

    # --- the change, as it is typed -----------------------------------------------------------------------------

    def on_input_changed(self) -> None:
        self._reckon()

    def _reckon(self) -> None:
        tendered = self.query_one("#tendered-box", Box).value
        change = self.query_one("#change", BigAmount)
        over = self.query_one("#over", Label)
        self._quote = None
        if not tendered:
            change.tell("-", "CHANGE")
            over.update("")
            return
        try:
            self._quote = quote(
                self.seat.desk,
                account_basket(self._view, self._plan, self._event_id),
                "cash",
                tendered,
                keep=self._keep,
                decimal_marks=self.seat.decimal_marks,
            )
        except DomainError as refusal:
            change.tell("-", "CHANGE")
            over.update(Text(f"! {refusal.message}"))
            return
        if self._quote.rest:
            change.tell("-", "CHANGE")
            over.update(Text(f"! {self._quote.rest.plain()} is missing. Add a tender or pay a part"))
        elif self._quote.credit:
            change.tell(self._quote.credit, "ON ACCOUNT")
            over.update(Text(self._kept_text()))
        else:
            change.tell(self._quote.change, "CHANGE")
            over.update("")

    def _kept_text(self) -> str:
        if self._view.account.kind is PayerKind.DEALER:
            return "It tops up the dealer's account."
        if not self._plan.parts:
            return "Nothing is open: it is kept as credit on the account."
        return "What is over is kept as credit on the account. K gives it back instead."

    # --- keys ---------------------------------------------------------------------------------------------------

    def action_keep(self) -> None:
        if not self._plan.parts:
            self.say("Nothing is open here: the money goes on account.")
            return
        self._keep = not self._keep
        self._reckon()
        self.say("What is over stays on account." if self._keep else "What is over is given back.")

    def action_part(self) -> None:
        """Pay only what is tendered."""
        tendered = self.query_one("#tendered-box", Box).value
        bills = [part.bill_no for part in self._plan.parts if part.bill_no is not None]
        try:
            self._plan = plan_payment(
                self._view, marked=bills, part=tendered, decimal_marks=self.seat.decimal_marks
            )
        except DomainError as refusal:
            self.refused(refusal)
            return
        self.query_one("#paying", Label).update(summary(self._view, self._plan))
        self.query_one("#to-pay", BigAmount).tell(self._plan.to_pay, "PAY PART")
        self._reckon()
        self.say("Only this part is paid; the rest stays open. Enter takes it.")

    def take_scan(self, text: str) -> None:
        """A code in the amount box would be taken for a fortune: the box goes back to the exact amount."""
        box = self.query_one("#tendered-box", Box)
        box.value = self._exact()
        box.action_select_all()
        self.refuse("A scan or paste was left out: the amount is exact again.")

    def action_back(self) -> None:
        if not self._taking:
            tendered = self.query_one("#tendered-box", Box).value
            self.dismiss("" if tendered == self._exact() else tendered)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._taking:
            return
        if not event.value:
            self.refuse("Type what the customer hands over, then Enter.")
        else:
            self._taking = True
            self.say("Taking ...")
            self.errand(self._take(event.value))

    async def _take(self, tendered: str) -> None:
        seat, person = self.seat, self.seat.person
        order = order_of(
            self._view,
            self._plan,
            event_id=self._event_id,
            tender=TenderOrder(mode="cash", amount=tendered, details={}),
            overpayment=Overpayment.CREDIT if self._keep else Overpayment.CHANGE,
            decimal_marks=seat.decimal_marks,
        )
        taken = await seat.deed(lambda: take_payment(seat.desk, person, order))
        self.errands.paper_waits()
        self.dismiss(taken)

    def refused(self, refusal: DomainError) -> None:
        self._taking = False
        super().refused(refusal)
