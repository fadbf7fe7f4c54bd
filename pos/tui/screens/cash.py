"""Taking cash: what is handed over, the change at once, and one Enter that takes the money."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

from pos.domain.errors import DomainError, NeedsConfirmation
from pos.domain.payment_mode import PayerKind, PaymentMode
from pos.till.basket import Basket, Quote, confirm, give, identified, pay_only_given, quote, take_back
from pos.till.large_cash import IdentityOrder
from pos.till.payment_order import TenderOrder
from pos.till.post_dated import ChequeRegistered
from pos.till.take_payment import PaymentTaken
from pos.tui.errands import Errands
from pos.tui.handover import take
from pos.tui.keys import bindings
from pos.tui.screens.identity import ask_identity
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Box
from pos.tui.widgets.paying import summary


class CashScreen(TillScreen[PaymentTaken | ChequeRegistered | Basket | str]):
    """Answers the payment taken, or the basket where more is to come; on Esc the amount that was typed."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["part", "keep", "switch"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "keep", "part")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(
        self, seat: Seat, errands: Errands, basket: Basket, mode: PaymentMode, *, tendered: str
    ) -> None:
        super().__init__(seat, errands)
        self._basket = basket
        self._mode = mode
        self._typed = tendered
        self._keep = basket.is_empty and basket.payer.kind is PayerKind.SUBSCRIBER
        self._currency: str | None = None
        """That of what is handed over; None: the shop's own."""
        self._quote: Quote | None = None
        self._taking = False

    def body(self) -> ComposeResult:
        yield Label(summary(self.seat, self._basket), id="paying", markup=False)
        yield BigAmount("TO PAY", id="to-pay")
        with Horizontal(id="tendered"):
            yield Label("TENDERED  >", id="tendered-label", classes="label", markup=False)
            yield Box(self._typed or self._exact(), id="tendered-box", pattern=AMOUNT, limit=AMOUNT_MAX)
        yield BigAmount("CHANGE", id="change")
        yield Label("", id="over", markup=False)
        yield Label("", id="notes", markup=False)

    def on_mount(self) -> None:
        word = "REST" if self._basket.given else "TO PAY"
        self.query_one("#to-pay", BigAmount).tell(self.seat.shown(self._basket.rest), word)
        self._reckon()
        if self.seat.desk.policy.foreign_cash.rates:
            self.keys_are(("help", "accept", "back", "keep", "part", "switch"))
        self.say("Enter takes this amount; or type what is handed over, then Enter.")

    def _exact(self) -> str:
        return self.seat.as_typed(self._basket.cash_due) if self._basket.cash_due else ""

    def _tender(self) -> TenderOrder:
        tendered = self.query_one("#tendered-box", Box).value
        return TenderOrder(mode=self._mode.code, amount=tendered, details={}, currency=self._currency)

    # --- the change, as it is typed -----------------------------------------------------------------------------

    def on_input_changed(self) -> None:
        self._reckon()

    def _reckon(self) -> None:
        tender = self._tender()
        change, over = self.query_one("#change", BigAmount), self.query_one("#over", Label)
        self._quote = None
        self.query_one("#notes", Label).update("")
        if not tender.amount:
            change.tell("-", "CHANGE")
            over.update("")
            return
        try:
            self._quote = quote(
                self.seat.desk,
                self._basket,
                tender,
                keep=self._keep,
                decimal_marks=self.seat.decimal_marks,
            )
        except DomainError as refusal:
            change.tell("-", "CHANGE")
            over.update(Text(f"! {self.seat.in_words(refusal.message)}"))
            return
        self.query_one("#notes", Label).update(Text("\n".join(self._notes_text(self._quote))))
        if self._quote.rest:
            change.tell(self.seat.shown(self._quote.rest), "MISSING")
            over.update(Text(self._missing_text()))
        elif self._quote.credit:
            change.tell(self.seat.shown(self._quote.credit), "ON ACCOUNT")
            over.update(Text(self._kept_text()))
        else:
            change.tell(self.seat.shown(self._quote.change), "CHANGE")
            rounding = self._quote.rounding
            said = [f"Rounded to the smallest coin: {self.seat.shown(rounding)}."] if rounding else []
            said += [
                f"Bill {one.bill_no}: the last {self.seat.shown(one.amount)} is written off."
                for one in self._quote.written_off
            ]
            over.update(Text(" ".join(said)))

    def _notes_text(self, quote: Quote) -> Iterator[str]:
        """What foreign notes are worth, and whether the notes should be looked at."""
        if quote.foreign is not None:
            yield f"{quote.foreign} = {quote.tendered}. Change is in {quote.tendered.currency}."
        limit = self.seat.desk.policy.check_note_from
        if limit is not None and limit.currency == quote.tendered.currency and quote.tendered >= limit:
            yield "CHECK THE NOTES before you take them."

    def _missing_text(self) -> str:
        text = "Not enough yet: Enter lays it aside."
        return text + ("  -  pays only this much." if self._basket.plan.parts else "")

    def _kept_text(self) -> str:
        if not self._basket.is_empty:
            return "What is over is kept as credit on the account. K gives it back instead."
        if self._basket.payer.kind is PayerKind.DEALER:
            return "It tops up the dealer's account."
        return "Nothing is open: it is kept as credit on the account."

    # --- keys ---------------------------------------------------------------------------------------------------

    def action_keep(self) -> None:
        if self._basket.in_place_of is not None:
            self.say("Its sum is fixed: what is over is given back.")
        elif self._basket.keeps_nothing:
            self.say("Without a customer there is no account to keep it on: it is given back.")
        elif self._basket.is_empty:
            self.say("Nothing is open here: the money goes on account.")
        else:
            self._keep = not self._keep
            self._reckon()
            self.say("What is over stays on account." if self._keep else "What is over is given back.")

    def action_switch(self) -> None:
        """The next currency that the shop takes; an amount typed in another is not taken over."""
        taken = [None, *self.seat.desk.policy.foreign_cash.rates]
        if len(taken) == 1:
            self.refuse("No other currency is taken here.")
            return
        self._currency = taken[(taken.index(self._currency) + 1) % len(taken)]
        box = self.query_one("#tendered-box", Box)
        box.value = self._exact() if self._currency is None else ""
        label = "TENDERED  >" if self._currency is None else f"{self._currency:<10}>"
        self.query_one("#tendered-label", Label).update(label)
        self._reckon()
        self.say("" if self._currency is None else f"Type the notes in {self._currency}, then Enter.")

    def action_part(self) -> None:
        """Pay only what is tendered."""
        seat = self.seat
        try:
            given = give(
                seat.desk, seat.person, self._basket, self._tender(), decimal_marks=seat.decimal_marks
            )
            self._basket = take_back(pay_only_given(given))
        except DomainError as refusal:
            self.refused(refusal)
            return
        self.query_one("#paying", Label).update(summary(self.seat, self._basket))
        self.query_one("#to-pay", BigAmount).tell(self.seat.shown(self._basket.rest), "PAY PART")
        self._reckon()
        self.say("Only this part is paid; the rest stays open. Enter takes it.")

    def take_scan(self, text: str) -> None:
        """A code in the amount box would be taken for a fortune: the box goes back to the exact amount."""
        box = self.query_one("#tendered-box", Box)
        box.value = self._exact() if self._currency is None else ""
        box.action_select_all()
        self.refuse("A scan or paste was left out: the amount is as it was before.")

    def action_back(self) -> None:
        if not self._taking:
            tendered = self._tender().amount
            own = self._currency is None
            self.dismiss(tendered if own and tendered != self._exact() else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._taking:
            return
        if not event.value:
            self.refuse("Type what the customer hands over, then Enter.")
        else:
            self._begin()

    def _begin(self) -> None:
        self._taking = True
        self.say("Taking ...")
        self.errand(self._take())

    async def _take(self) -> None:
        seat = self.seat
        given = give(seat.desk, seat.person, self._basket, self._tender(), decimal_marks=seat.decimal_marks)
        if given.rest:
            self.dismiss(given)
        else:
            self.dismiss(await take(seat, self.errands, given, keep=self._keep))

    def approved(self, said: str) -> None:
        self._begin()

    def refused(self, refusal: DomainError) -> None:
        self._taking = False
        if isinstance(refusal, NeedsConfirmation):
            self.ask_all_the_same(refusal, partial(self._take_confirmed, refusal.code))
        elif refusal.code == "identity_needed":
            ask_identity(self, refusal, self._take_identified)
        else:
            super().refused(refusal)

    def _take_confirmed(self, code: str, reason: str | None) -> None:
        self._basket = confirm(self._basket, code, reason)
        self._begin()

    def _take_identified(self, identity: IdentityOrder) -> None:
        self._basket = identified(self._basket, identity)
        self._begin()
