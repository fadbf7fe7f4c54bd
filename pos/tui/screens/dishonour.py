"""A cheque that the bank sent back: a reason by its number shows what the bounce does in money and words, Enter does it."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.cheque_register import ChequeLine
from pos.domain.dishonour import Bounce
from pos.domain.dishonour_policy import DishonourReason
from pos.domain.errors import Refused
from pos.till.bounce_across import with_told
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import Bounced, bounce_cheque, preview_bounce
from pos.tui.errands import Errands
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Listing, Row


class DishonourScreen(Frame[Bounced]):
    """Answers the bounce, once it is booked. What is shown is what is booked: one plan."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    AUTO_FOCUS = ""
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")

    def __init__(self, seat: Seat, errands: Errands, cheque: ChequeLine) -> None:
        super().__init__(seat, errands)
        self._cheque = cheque
        self._reason: DishonourReason | None = None
        self._order: BounceOrder | None = None
        self._bounce: Bounce | None = None

    def body(self) -> ComposeResult:
        yield Label("", id="heading", markup=False)
        yield Listing((Column(title="What the bounce does", flexible=True),), id="undone")
        yield Label("", id="reasons", markup=False)

    def on_mount(self) -> None:
        self._show()

    @property
    def _reasons(self) -> tuple[DishonourReason, ...]:
        return self.seat.desk.policy.cheques.dishonour.reasons[:9]

    def _show(self) -> None:
        cheque = self._cheque
        heading = Text(f" DISHONOUR CHEQUE {shown(cheque.serial)}", "bold", no_wrap=True, overflow="ellipsis")
        of = f"{self.seat.shown_with_currency(cheque.amount)} of {shown(cheque.account)}, receipt {cheque.paper}"
        heading.append(f"\n {of}", "not bold")
        self.query_one("#heading", Label).update(heading)
        listing = self.query_one(Listing)
        listing.selectable = False
        words = () if self._bounce is None else self._bounce.words()
        listing.show(
            [Row(key=str(place), cells=(self.seat.in_words(said),)) for place, said in enumerate(words)]
        )
        self.query_one("#reasons", Label).update(
            Text(
                "\n".join(
                    f" {'>' if reason is self._reason else ' '}{number} {reason.label}"
                    for number, reason in enumerate(self._reasons, start=1)
                )
            )
        )
        if self._bounce is None:
            self.say("Why did the bank send it back? Press the number. Esc leaves everything as it is.")
        else:
            self.say("Enter does it. Esc leaves everything as it is.")

    def on_key(self, event: events.Key) -> None:
        if event.character is None or event.character not in "123456789":
            return
        event.stop()
        place = int(event.character)
        if place > len(self._reasons):
            self.refuse("There is no such reason.")
            return
        self.errand(self._look(self._reasons[place - 1]))

    async def _look(self, reason: DishonourReason) -> None:
        desk, person = self.seat.desk, self.seat.person
        order = BounceOrder(cheque=self._cheque.key, reason=reason.code)
        central, runner = self.seat.central_now, self.seat.runner
        order = await self.seat.asked(with_told(desk, person, order, central, runner))
        self._bounce = await self.seat.look(lambda: preview_bounce(desk, person, order))
        self._reason, self._order = reason, order
        self._show()

    def action_accept(self) -> None:
        if self._reason is None or self._order is None:
            self.refuse("Why? Press the number of a reason first.")
        else:
            self.errand(self._book(self._reason, self._order))

    async def _book(self, reason: DishonourReason, order: BounceOrder) -> None:
        desk, person = self.seat.desk, self.seat.person
        deed = partial(bounce_cheque, desk, person, order, seen=self._bounce)
        try:
            done = await self.seat.deed(deed)
        except Refused as refusal:
            if refusal.code == "changed_meanwhile":
                await self._look(reason)
            raise
        self.errands.paper_waits()
        self.dismiss(done)

    def approved(self, said: str) -> None:
        self.say(said)
        self.action_accept()
