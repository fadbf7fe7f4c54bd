"""Batches for the general ledger: what became of each, made, delivered and marked from here; Enter leads to its lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.domain.ledger_feed import Deliverer
from pos.store.ledger_batches import BatchHead
from pos.till.ledger_batches import (
    ACT,
    Unbatched,
    last_batches,
    ledger_batch,
    make_batches,
    unbatched,
)
from pos.till.ledger_delivery import TEXT_MAX, note_delivery, said_by_hand
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.ledger_lines import LedgerLinesScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import Field
from pos.tui.widgets.listing import ROWS_MAX, Row

_UNDELIVERED = {
    Deliverer.TILL: "waiting",
    Deliverer.CENTRAL: "for central",
    Deliverer.NOBODY: "by hand",
}
_STATE = {
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.ACKNOWLEDGED: "taken",
    DeliveryState.REFUSED: "REFUSED",
}


class LedgerBatchesScreen(RegisterScreen[None, BatchHead]):
    """The batches made last, the newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["make_batches", "deliver_batches", "deliver_batch", "batch_taken", "batch_refused"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = (
        "accept",
        "make_batches",
        "deliver_batches",
        "deliver_batch",
        "batch_taken",
        "batch_refused",
        "back",
    )
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Batch", flexible=True),
        Column(title="Day", width=10),
        Column(title="Entries", width=7, right=True),
        Column(title="On either side", width=18, right=True),
        Column(title="State", width=11),
    )

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._unbatched = Unbatched(due=(), today=None)
        self._delivering = False

    async def found(self) -> Sequence[BatchHead]:
        desk, person = self.seat.desk, self.seat.person
        self._unbatched = await self.seat.look(lambda: unbatched(desk, person))
        return await self.seat.look(lambda: last_batches(desk, person, limit=ROWS_MAX))

    def heading(self) -> str:
        states = Counter(_state_of(one) for one in self.entries)
        named = (*_UNDELIVERED.values(), *_STATE.values())
        told = [f"{states[state]} {state.lower()}" for state in named if states[state]]
        said = f"Batches for the general ledger: {', '.join(told) or 'none'}"
        aside = sum(one.central_refusal is not None for one in self.entries)
        said += f"; central did not take {aside}" if aside else ""
        due = self._unbatched.due
        if len(due) > 1:
            said += f"\n{len(due)} days since {due[0]} are in none yet.{self._if_may(' M makes them.')}"
        elif due:
            said += f"\n{due[0]} is in none yet.{self._if_may(' M makes it.')}"
        return said

    def _if_may(self, keys: str) -> str:
        """``keys`` where this person may press them."""
        return keys if self.seat.may(ACT) else ""

    def row(self, entry: BatchHead) -> Row:
        first, *others = [self.seat.shown_with_currency(total) for total in entry.totals]
        return Row(
            key=entry.number,
            cells=(
                entry.number,
                entry.business_date.isoformat(),
                str(entry.entries),
                f"{first} +{len(others)}" if others else first,
                _state_of(entry),
            ),
            strong=_state_of(entry) == _STATE[DeliveryState.REFUSED] or entry.central_refusal is not None,
        )

    def facts(self, entry: BatchHead | None) -> str:
        if entry is None:
            return "What a day booked is summed in a batch once the day is over or closed."
        said = [self._what_became_of(entry)]
        if entry.central_refusal is not None:
            said.append(f"Central did not take it: {shown(entry.central_refusal)}")
        elif entry.accounting_date != entry.business_date:
            said.append(f"Its own period is closed: it is posted on {entry.accounting_date}.")
        elif len(entry.totals) > 1:
            said.append(" and ".join(map(self.seat.shown_with_currency, entry.totals)) + " on either side.")
        return "\n".join(said)

    def _what_became_of(self, batch: BatchHead) -> str:
        last = batch.delivery
        if last is None:
            return {
                Deliverer.TILL: f"Not delivered yet.{self._if_may(' D delivers what waits.')}",
                Deliverer.CENTRAL: "Central delivers it.",
                Deliverer.NOBODY: "Nobody delivers it: pos export gl writes its file.",
            }[batch.delivered_by]
        match last.state:
            case DeliveryState.DELIVERED:
                asks = self._if_may(" D asks again; S delivers it once more.")
                return f"Delivered, not answered yet.{asks}"
            case DeliveryState.REFUSED:
                return f"Refused: {shown(last.reason or '')}"
            case DeliveryState.ACKNOWLEDGED:
                named = f" as {shown(last.reference)}" if last.reference else ""
                by_hand = ", said by hand" if last.way is DeliveryWay.BY_HAND else ""
                return f"The accounting system has it{named}{by_hand}."

    def _chosen(self) -> BatchHead | None:
        if self.selected is None:
            self.refuse(f"There is no batch.{self._if_may(' M makes those that are due.')}")
        return self.selected

    # --- its lines ----------------------------------------------------------------------------------------------

    def action_accept(self) -> None:
        if (chosen := self._chosen()) is not None:
            self.errand(self._show(chosen.number))

    async def _show(self, number: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        batch = await self.seat.look(lambda: ledger_batch(desk, person, number))
        self.app.push_screen(LedgerLinesScreen(self.seat, self.errands, batch))

    # --- making -------------------------------------------------------------------------------------------------

    def action_make_batches(self) -> None:
        left = self._unbatched
        if left.due or left.today is None:
            self.errand(self._make())
        else:
            question = (
                f"Today, {left.today}, is not over. Batch it all the same? What comes later is a supplement."
            )
            self.ask(question, lambda: self.errand(self._make_today()))

    async def _make_today(self) -> None:
        await self._make(today=True)

    async def _make(self, *, today: bool = False) -> None:
        desk, person = self.seat.desk, self.seat.person
        day = self._unbatched.today if today else None
        made = await self.seat.deed(partial(make_batches, desk, person, day))
        if not made:
            await self.load("Nothing is booked that is in no batch.")
        elif len(made) == 1:
            await self.load(f"{made[0].number} is made.")
        else:
            await self.load(f"{len(made)} batches are made, of {made[0].business_date} and later days.")

    # --- delivering ---------------------------------------------------------------------------------------------

    def action_deliver_batches(self) -> None:
        self._begin(None)

    def action_deliver_batch(self) -> None:
        if (chosen := self._chosen()) is not None:
            self._begin(chosen.number)

    def _begin(self, number: str | None) -> None:
        if self._delivering:
            self.refuse("They are being delivered now. Wait for what comes of it.")
            return
        self._delivering = True
        self.say("Delivering ...")
        self.errands.beside(self, self._deliver(number))

    async def _deliver(self, number: str | None) -> None:
        """Each outcome is in the books before the next batch is brought, whether the screen is still there or not."""
        seat, person = self.seat, self.seat.person
        came: Counter[str] = Counter()
        why = ""
        try:
            async for named, outcome in seat.bring_batches(person, number):
                if isinstance(outcome, str):
                    came["not delivered"] += 1
                    why = f"{named}: {outcome}"
                    continue
                step = await seat.deed(partial(note_delivery, seat.desk, person, named, outcome))
                came[_STATE[step.state].lower()] += 1
                if step.state is DeliveryState.REFUSED:
                    why = f"{named} was refused: {step.reason}"
        finally:
            self._delivering = False
        if not self.is_attached:
            return
        told = ", ".join(f"{many} {what}" for what, many in came.items()) or "No batch waits to be delivered"
        await self.load()
        if why:
            self.refuse(f"{told}. {shown(why)}" if sum(came.values()) > 1 else shown(why))
        else:
            self.say(f"{told}.")

    def refused(self, refusal: DomainError) -> None:
        if self.is_attached:
            super().refused(refusal)

    # --- marking by hand ----------------------------------------------------------------------------------------

    def action_batch_taken(self) -> None:
        self._mark(DeliveryState.ACKNOWLEDGED)

    def action_batch_refused(self) -> None:
        self._mark(DeliveryState.REFUSED)

    def _mark(self, state: DeliveryState) -> None:
        if (chosen := self._chosen()) is not None:
            screen = MarkBatchScreen(self.seat, self.errands, chosen.number, state)
            self.app.push_screen(screen, partial(self._marked, chosen.number))

    def _marked(self, number: str, step: Delivery | None) -> None:
        if step is not None:
            known = f" as {step.reference}" if step.reference else ""
            said = "was refused" if step.state is DeliveryState.REFUSED else f"is taken{known}"
            self.errand(self.load(f"{number} {said}."))


class MarkBatchScreen(FormScreen[Delivery]):
    """What the accounting system said of a batch, where it does not say so itself: its reference, or why it refused."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def __init__(self, seat: Seat, errands: Errands, number: str, state: DeliveryState) -> None:
        super().__init__(seat, errands)
        self._number = number
        self._state = state

    def body(self) -> ComposeResult:
        refused = self._state is DeliveryState.REFUSED
        said = "refused" if refused else "taken by the accounting system"
        yield Label(f"{shown(self._number)} was {said}", classes="title", markup=False)
        label, note = ("Why", "") if refused else ("Its reference", "may stay empty")
        yield Field(label, id="said", limit=TEXT_MAX, note=note)

    def on_mount(self) -> None:
        self.say("Enter keeps it with your name. Esc leaves the batch as it was.")

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        typed = self.query_one("#said", Field).value
        refused = self._state is DeliveryState.REFUSED
        step = said_by_hand(
            Delivery(
                state=self._state,
                way=DeliveryWay.BY_HAND,
                reference=None if refused else typed,
                reason=typed if refused else None,
            )
        )
        desk, person = self.seat.desk, self.seat.person
        self.dismiss(await self.seat.deed(partial(note_delivery, desk, person, self._number, step)))

    def field_of(self, refusal: DomainError) -> Field | None:
        return self.query_one("#said", Field)


def _state_of(batch: BatchHead) -> str:
    return _UNDELIVERED[batch.delivered_by] if batch.delivery is None else _STATE[batch.delivery.state]
