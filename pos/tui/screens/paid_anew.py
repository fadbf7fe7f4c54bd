"""A payment of the open shift that was keyed as paid another way: its sum stands, its tenders are given anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Label

from pos.domain.correction import TakenPayment
from pos.domain.payment_mode import ModeKind, PaymentMode
from pos.till.basket import Basket
from pos.tui.errands import Errands
from pos.tui.screens.card import CardScreen
from pos.tui.screens.cash import CashScreen
from pos.tui.screens.paying import PayingScreen
from pos.tui.screens.tender import TenderScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Listing, Row


class PaidAnewScreen(PayingScreen):
    """Nothing goes over the counter here: it is said what really lies in the drawer."""

    KEYS: ClassVar[tuple[str, ...]] = ("cash", "card", "cheque", "bank", "ways", "accept", "back")

    def __init__(self, seat: Seat, errands: Errands, basket: Basket, taken: TakenPayment) -> None:
        super().__init__(seat, errands, basket)
        self._keyed = taken

    def body(self) -> ComposeResult:
        of = f"{shown(self._keyed.receipt_number)} of {shown(self._keyed.payer_account)}"
        yield Label(Text(f" PAID ANOTHER WAY  {of}", "bold"), id="heading", markup=False)
        yield Listing(
            (Column(title="Keyed as", flexible=True), Column(title="Amount", width=14, right=True)),
            id="keyed",
        )
        yield from self.foot()

    def on_mount(self) -> None:
        keyed = self.query_one(Listing)
        keyed.selectable = False
        modes = self.seat.desk.modes
        keyed.show(
            [
                Row(key=one.tender_id, cells=(modes[one.mode].label, self.seat.shown(one.kept)))
                for one in self._keyed.tenders
            ]
        )
        self.paint()
        self.say("What was it really paid by? The key of each way, as in a payment.")

    @property
    def asks(self) -> str:
        return "PAID"

    def idle_hint(self) -> str:
        return "Nothing is given or\ntaken back here."

    def typed_hint(self) -> str:
        return "Then the key of the\nway it was paid by."

    def part_typed(self, typed: str) -> None:
        self.refuse("The whole payment is keyed anew. Add what is missing by another way.")

    async def scanned(self, text: str) -> None:
        self.refuse("Finish here or leave with Esc first.")

    def _may_pay(self) -> bool:
        if self._basket.given and self._basket.rest.minor == 0:
            self.refuse("Enough was given. Enter takes it.")
            return False
        return True

    def _tender_screen(
        self, modes: Sequence[PaymentMode], typed: str
    ) -> CashScreen | TenderScreen | CardScreen:
        """No card is charged now: its slip is there."""
        if modes[0].kind is ModeKind.CARD:
            draft = self._drafts.pop(ModeKind.CARD, None)
            return TenderScreen(self.seat, self.errands, self._basket, modes, amount=typed, draft=draft)
        return super()._tender_screen(modes, typed)
