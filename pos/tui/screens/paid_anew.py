"""What is paid another way: its sum stands, its tenders are given anew. Here: a payment that was keyed as the wrong one."""

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


class AnewScreen(PayingScreen):
    """What is paid another way, above its sum; a screen says what that is, and takes no part of it."""

    KEYS: ClassVar[tuple[str, ...]] = ("cash", "card", "cheque", "bank", "ways", "accept", "back")
    BEFORE: ClassVar[str] = ""
    """The head of the list of what stands in the books until now."""
    QUESTION: ClassVar[str] = ""
    NO_PART: ClassVar[str] = ""
    """What is told to whoever would pay a part of it."""

    def heading(self) -> str:
        """What is paid here, and whose it is."""
        raise NotImplementedError

    def before(self) -> Sequence[Row]:
        """What stands in the books until now."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        heading = Text(f" {self.heading()}", "bold", no_wrap=True, overflow="ellipsis")
        yield Label(heading, id="heading", markup=False)
        yield Listing(
            (Column(title=self.BEFORE, flexible=True), Column(title="Amount", width=14, right=True)),
            id="keyed",
        )
        yield from self.foot()

    def on_mount(self) -> None:
        keyed = self.query_one(Listing)
        keyed.selectable = False
        keyed.show(self.before())
        self.paint()
        self.say(self.QUESTION)

    def part_typed(self, typed: str) -> None:
        self.refuse(self.NO_PART)

    async def scanned(self, text: str) -> None:
        self.refuse("Finish here or leave with Esc first.")

    def _tender_screen(
        self, modes: Sequence[PaymentMode], typed: str
    ) -> CashScreen | TenderScreen | CardScreen:
        """No card is charged now: its slip is there."""
        if modes[0].kind is ModeKind.CARD:
            draft = self._drafts.pop(ModeKind.CARD, None)
            return TenderScreen(self.seat, self.errands, self._basket, modes, amount=typed, draft=draft)
        return super()._tender_screen(modes, typed)


class PaidAnewScreen(AnewScreen):
    """Nothing goes over the counter here: it is said what really lies in the drawer."""

    BEFORE: ClassVar[str] = "Keyed as"
    QUESTION: ClassVar[str] = "What was it really paid by? The key of each way, as in a payment."
    NO_PART: ClassVar[str] = "The whole payment is keyed anew. Add what is missing by another way."

    def __init__(self, seat: Seat, errands: Errands, basket: Basket, taken: TakenPayment) -> None:
        super().__init__(seat, errands, basket)
        self._keyed = taken

    def heading(self) -> str:
        return f"PAID ANOTHER WAY  {shown(self._keyed.receipt_number)} of {shown(self._keyed.payer_account)}"

    def before(self) -> Sequence[Row]:
        modes = self.seat.desk.modes
        return [
            Row(key=one.tender_id, cells=(modes[one.mode].label, self.seat.shown(one.kept)))
            for one in self._keyed.tenders
        ]

    @property
    def asks(self) -> str:
        return "PAID"

    def idle_hint(self) -> str:
        return "Nothing is given or\ntaken back here."

    def typed_hint(self) -> str:
        return "Then the key of the\nway it was paid by."

    def _may_pay(self) -> bool:
        """Also beside whoever has the shift: the drawer is the same."""
        if self._basket.given and self._basket.rest.minor == 0:
            self.refuse("Enough was given. Enter takes it.")
            return False
        return True
