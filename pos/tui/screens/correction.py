"""Undoing a payment: what becomes of it is shown first, a reason by its number, then Enter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.correction import REASON_LABELS, CorrectionReason, TakenPart, TakenPayment, TakenTender
from pos.domain.payment_mode import ModeKind, Purpose
from pos.domain.unfinished import Unfinished
from pos.till.basket import Basket
from pos.till.correction_entry import Corrected, CorrectionOrder, how_it_goes_back
from pos.till.corrections import REVERSE, VOID, reverse, void
from pos.till.paid_back_elsewhere import undo
from pos.till.swaps import ACT as SWAP
from pos.till.swaps import swap_basket
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.frame import Frame
from pos.tui.screens.reason import ReasonScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Listing, Row

REASONS = list(REASON_LABELS)
"""In the order of their numbers."""
KEPT_AS = {
    Purpose.ITEMS: "Items come back",
    Purpose.ACCOUNT: "Credit is taken off {account}",
    Purpose.ADVANCE: "Advance is taken off {account}",
    Purpose.DEPOSIT: "Deposit is taken off {account}",
    Purpose.SUSPENSE: "Leaves suspense",
}


def numbered_reasons(chosen: CorrectionReason | None = None) -> Text:
    """The reasons, each behind its number; the chosen one is marked."""
    return Text(
        "\n".join(
            f" {'>' if reason is chosen else ' '}{number} {REASON_LABELS[reason]}"
            for number, reason in enumerate(REASONS, start=1)
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidAnotherWay:
    """The payment is to be keyed anew, as ``basket``."""

    taken: TakenPayment
    basket: Basket


class CorrectionScreen(Frame[Corrected | PaidAnotherWay]):
    """A payment of the open shift is voided, an older one reversed; Tab goes on to single tenders that are no good.

    W answers that it was paid another way.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["switch", "paid_anew"]),
        Binding("enter", "accept", "OK"),
    ]
    AUTO_FOCUS = ""
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back", "switch", "paid_anew")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, taken: TakenPayment) -> None:
        super().__init__(seat, errands)
        self._taken = taken
        self._tender: int | None = None
        self._reason: CorrectionReason | None = None
        self._text = ""

    def body(self) -> ComposeResult:
        yield Label("", id="heading", markup=False)
        yield Listing(
            (Column(title="What becomes of it", flexible=True), Column(title="Amount", width=14, right=True)),
            id="undone",
        )
        yield Label("", id="reasons", markup=False)

    def on_mount(self) -> None:
        self._show()

    def unfinished(self) -> Unfinished | None:
        taken = self._taken
        what = VOID if self._is_void else REVERSE
        return Unfinished(what=what, subject=taken.receipt_number, shown=taken.amount)

    @property
    def _is_void(self) -> bool:
        shift = self.seat.shift
        return self._tender is None and shift is not None and shift.shift_id == self._taken.shift_id

    def _show(self) -> None:
        taken = self._taken
        act = "VOID" if self._is_void else "REVERSE" if self._tender is None else "CANCEL ONE TENDER OF"
        heading = Text(f" {act} {taken.receipt_number}", "bold", no_wrap=True, overflow="ellipsis")
        of = f"{self.seat.shown_with_currency(taken.amount)} of {shown(taken.payer_account)}"
        heading.append(
            f"\n {of}, taken {self.seat.clock_time(taken.taken_at)} by user {taken.taken_by}", "not bold"
        )
        self.query_one("#heading", Label).update(heading)
        listing = self.query_one(Listing)
        listing.selectable = False
        listing.show(list(self._rows()))
        self.query_one("#reasons", Label).update(numbered_reasons(self._reason))
        if self._reason is None:
            self.say("Why? Press the number, then Enter. Esc leaves everything as it is.")
        else:
            self.say("Enter does it. Esc leaves everything as it is.")

    def _rows(self) -> Iterator[Row]:
        chosen = [one for one in self._taken.tenders if self._tender in (None, one.number)]
        ids = {tender.tender_id for tender in chosen}
        for part in reversed(self._taken.parts):
            if part.tender_id in ids and part.left:
                yield Row(key=part.part_id, cells=(_said(part), self.seat.shown(part.left)))
        for tender in chosen:
            yield Row(
                key=tender.tender_id, cells=(self._back(tender), self.seat.shown(tender.kept)), strong=True
            )

    def _back(self, tender: TakenTender) -> str:
        back = how_it_goes_back(self.seat.desk, tender)
        return f"{back.label}: {back.how}" if back.how else "Give cash back"

    def action_switch(self) -> None:
        """All of it, then each tender that is no cash."""
        single = [
            tender.number
            for tender in self._taken.tenders
            if self.seat.desk.modes[tender.mode].kind is not ModeKind.CASH and not tender.undone
        ]
        if len(self._taken.tenders) == 1:
            self.refuse("It was paid by one tender: all of it is undone.")
            return
        choices = [None, *single]
        self._tender = choices[(choices.index(self._tender) + 1) % len(choices)]
        self._show()

    def action_paid_anew(self) -> None:
        """It was paid another way than it was keyed."""
        shift = self.seat.shift
        if shift is None or shift.shift_id != self._taken.shift_id:
            self.refuse("It is of another shift: reverse it, then take it anew.")
        elif not self.seat.may(SWAP):
            self.refuse("What a payment was paid by is changed by a supervisor or the back office.")
        else:
            self.errand(self._pay_anew())

    async def _pay_anew(self) -> None:
        seat, person, taken = self.seat, self.seat.person, self._taken
        reason = self._reason or CorrectionReason.WRONG_WAY
        order = CorrectionOrder(receipt=taken.receipt_number, reason=str(reason), text=self._text)
        event_id = seat.new_id()
        basket = await seat.look(lambda: swap_basket(seat.desk, person, taken, order, event_id))
        self.dismiss(PaidAnotherWay(taken=taken, basket=basket))

    def on_key(self, event: events.Key) -> None:
        if event.character is None or event.character not in "123456789":
            return
        event.stop()
        self._reason = REASONS[int(event.character) - 1]
        if self._reason is CorrectionReason.OTHER:
            what = f"Why is receipt {self._taken.receipt_number} undone?"
            self.app.push_screen(ReasonScreen(self.seat, self.errands, what), self._worded)
        else:
            self._text = ""
            self._show()

    def _worded(self, text: str | None) -> None:
        self._text = text or ""
        if not text:
            self._reason = None
        self._show()

    def action_accept(self) -> None:
        if self._reason is None:
            self.refuse("Why? Press the number of a reason first.")
        else:
            self.errand(self._undo(self._reason))

    async def _undo(self, reason: CorrectionReason) -> None:
        desk, person = self.seat.desk, self.seat.person
        order = CorrectionOrder(
            receipt=self._taken.receipt_number, reason=str(reason), text=self._text, tender=self._tender
        )
        act = VOID if self._is_void else REVERSE
        deed = void if self._is_void else reverse
        central, runner = self.seat.central_now, self.seat.runner
        done = await self.seat.asked(
            undo(desk, person, act, order.receipt, partial(deed, desk, person, order), central, runner)
        )
        self.errands.paper_waits()
        if done.opens_drawer:
            self.errands.drawer_opens()
        self.dismiss(done)

    def approved(self, said: str) -> None:
        self.say(said)
        self.action_accept()


def _said(part: TakenPart) -> str:
    if part.bill_no is not None:
        return f"Bill {part.bill_no} of {part.account} is open again"
    return KEPT_AS[part.purpose].format(account=part.account)
