"""A screen of somebody who is signed in: it can print the last receipt again, and undo a payment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from textual.message import Message

from pos.domain.correction import CorrectionKind
from pos.domain.errors import NeedsConfirmation
from pos.domain.receipt import Copy
from pos.till.correction_entry import Corrected
from pos.till.corrections import find_payment
from pos.till.papers import last_payment_of, last_receipt_of, reprint
from pos.till.take_payment import PaymentTaken
from pos.tui.screens.confirm import ConfirmScreen
from pos.tui.screens.correction import CorrectionScreen, PaidAnotherWay
from pos.tui.screens.frame import Frame
from pos.tui.screens.reason import ReasonScreen

Answer = TypeVar("Answer")


WHAT_HAPPENED = {
    CorrectionKind.VOID: "is undone",
    CorrectionKind.REVERSAL: "is undone",
    CorrectionKind.TENDER_CANCELLATION: "is cancelled",
    CorrectionKind.REFUND: "is paid back",
    CorrectionKind.TRANSFER: "is moved",
    CorrectionKind.REALLOCATION: "is moved",
}


class KeyAnew(Message):
    """A payment is to be keyed as it was really paid; ``then`` is told the payment that stands in its place, or None."""

    def __init__(self, wanted: PaidAnotherWay, then: Callable[[PaymentTaken | None], None]) -> None:
        super().__init__()
        self.wanted = wanted
        self.then = then


class TillScreen(Frame[Answer]):
    """The frame with the commands that work wherever no draft stands."""

    def action_reprint(self) -> None:
        if self.seat.occupant is None or self.HAS_DRAFT:
            self.refuse("Finish here or leave with Esc first; then Ctrl-R reprints.")
            return
        self.errand(self._ask_reprint())

    async def _ask_reprint(self) -> None:
        person = self.seat.person
        number = await self.seat.look(lambda: last_receipt_of(self.seat.desk, person))
        if number is None:
            self.refuse("You have issued no receipt here yet.")
        else:
            self.confirm_reprint(number)

    def action_void(self) -> None:
        if self.seat.occupant is None or self.HAS_DRAFT:
            self.refuse("Finish here or leave with Esc first; then Ctrl-Z undoes the last payment.")
            return
        self.errand(self._ask_void())

    async def _ask_void(self) -> None:
        person = self.seat.person
        number = await self.seat.look(lambda: last_payment_of(self.seat.desk, person))
        if number is None:
            self.refuse("You have taken no payment here yet.")
        else:
            await self.correct(number)

    async def correct(self, number: str) -> None:
        """Show what undoing the payment of a receipt would do; Enter there does it."""
        seat, person = self.seat, self.seat.person
        taken = await seat.look(lambda: find_payment(seat.desk, person, number))
        if taken.voided:
            self.refuse(f"Receipt {number} is undone already.")
            return
        self.app.push_screen(CorrectionScreen(seat, self.errands, taken), self._corrected)

    def _corrected(self, done: Corrected | PaidAnotherWay | None) -> None:
        if done is None:
            self.say("Nothing was undone.")
            return
        if isinstance(done, PaidAnotherWay):
            self.post_message(KeyAnew(done, self._keyed_anew))
            return
        cash = f" Give {self.seat.shown_with_currency(done.cash)} in cash back." if done.opens_drawer else ""
        of = done.paper.correction.of_receipt if done.paper.correction is not None else ""
        what = f"{self.seat.shown_with_currency(done.amount)} of {of} {WHAT_HAPPENED[done.kind]}"
        self.corrected(f"{what}, {done.receipt_number} is being printed.{cash}")

    def _keyed_anew(self, taken: PaymentTaken | None) -> None:
        if taken is None:
            self.say("Nothing was changed.")
            return
        change = f" Change {self.seat.shown(taken.receipt.change)}." if taken.receipt.change else ""
        self.corrected(f"Receipt {taken.receipt.receipt_number} stands in its place.{change}")

    def corrected(self, said: str) -> None:
        """A payment was undone from here."""
        self.say(said)

    def confirm_reprint(self, number: str) -> None:
        """Ask before a duplicate is counted."""
        question = f"Print receipt {number} again, marked DUPLICATE?"
        self.ask(question, lambda: self.errand(self._reprint(number)))

    def ask_all_the_same(self, warning: NeedsConfirmation, again: Callable[[str | None], object]) -> None:
        """Show a warning; ``again`` sends the same once more, confirmed, with the reason where one is asked for."""
        if warning.details.get("reason") != "required":
            self.ask(f"{warning.message} Go on all the same?", lambda: again(None))
            return

        def answered(reason: str | None) -> None:
            if reason:
                again(reason)

        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning.message), answered)

    def ask(self, question: str, then: Callable[[], object]) -> None:
        """Ask yes or no; ``then`` is called for a yes."""

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(ConfirmScreen(self.seat, self.errands, question), answered)

    async def _reprint(self, number: str) -> None:
        person = self.seat.person
        again = await self.seat.deed(lambda: reprint(self.seat.desk, person, number))
        self.reprinted(number, again.copy)

    def reprinted(self, number: str, copy: Copy) -> None:
        """A duplicate was counted and is on its way to the printer."""
        self.say(f"DUPLICATE {copy.number} of receipt {number} goes to the printer.")
        self.errands.paper_waits()
