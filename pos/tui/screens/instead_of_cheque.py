"""Another way to pay for a cheque that lies here: the same sum in money, by card or by another cheque, and it goes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pos.till.basket import InPlaceOf
from pos.till.instead_of_cheque import instead_basket
from pos.till.post_dated import ChequeRegistered
from pos.till.take_payment import PaymentTaken
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.paid_anew import AnewScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.listing import Row


class InsteadOfChequeScreen(AnewScreen):
    """The cheque stays where it is until all of its sum is given."""

    BEFORE: ClassVar[str] = "Goes back to the payor"
    QUESTION: ClassVar[str] = "How is it paid in its place? The key of each way, as in a payment."
    NO_PART: ClassVar[str] = "The cheque is replaced whole. Add what is missing by another way."

    @property
    def _cheque(self) -> InPlaceOf:
        anew = self._basket.in_place_of
        assert anew is not None, "it is opened for a cheque"
        return anew

    def heading(self) -> str:
        return (
            f"IN PLACE OF A CHEQUE  of {shown(self._basket.payer.account)}  {shown(self._basket.payer.name)}"
        )

    def before(self) -> Sequence[Row]:
        what = f"Cheque {shown(self._cheque.serial)}, {self._cheque.receipt}"
        return [Row(key=self._cheque.cheque, cells=(what, self.seat.shown(self._basket.to_pay)))]

    def idle_hint(self) -> str:
        return "Then hand the\ncheque over."

    def typed_hint(self) -> str:
        return "Then the key of the\nway to pay it."


async def pay_instead(screen: RegisterScreen[Any, Any], cheque: str) -> None:
    """Open the way to pay ``cheque`` (its id, receipt or note) another way; ``screen`` tells what stands in its place."""
    seat, person, event_id = screen.seat, screen.seat.person, screen.seat.new_id()
    basket = await seat.look(lambda: instead_basket(seat.desk, person, cheque, event_id))
    assert basket.in_place_of is not None
    serial = shown(basket.in_place_of.serial)

    def answered(outcome: object) -> None:
        if isinstance(outcome, PaymentTaken | ChequeRegistered):
            screen.errand(screen.load(_said(seat, serial, outcome)))
        else:
            screen.say(f"Cheque {serial} stays where it is.")

    screen.app.push_screen(InsteadOfChequeScreen(seat, screen.errands, basket), answered)


def _said(seat: Seat, serial: str, instead: PaymentTaken | ChequeRegistered) -> str:
    """The change first: it is what somebody waits for."""
    if isinstance(instead, ChequeRegistered):
        return f"Hand cheque {serial} over: note {instead.note.receipt_number} stands in its place."
    receipt = instead.receipt
    change = f"Change {seat.shown(receipt.change)}. " if receipt.change else ""
    said = f"{change}Hand cheque {serial} over: {receipt.receipt_number} stands in its place."
    return " ".join([said, *instead.warnings])
