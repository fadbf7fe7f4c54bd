"""Entries of banks' files that wait for a person: what is known of each, how it may be settled, and settling it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.domain.parked_entry import ParkedEntry, Settled
from pos.till.parked_entries import (
    REASON_MAX,
    EntrySettled,
    SettleEntryOrder,
    entry_life,
    settle_entry,
    waiting_entries,
)
from pos.tui.errands import Errands
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import LinesScreen, RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import Field
from pos.tui.widgets.listing import Listing, Row

WAYS = {
    Settled.PAID: "Paid to an account, which is credited with it",
    Settled.SUSPENSE: "Kept in suspense until its owner is known",
    Settled.CHARGED: "Charged to the account that owes it again, as a bill",
    Settled.SENT_BACK: "Sent back: the bank moved it back, nothing is left",
    Settled.WRITTEN_OFF: "Written off: nobody will ever claim it (two people)",
    Settled.WITHDRAWN: "Withdrawn: what waits for its day never comes",
    Settled.NOTED: "Noted: it needs no posting",
    Settled.UNDONE: "Undo what was made of it",
}


class ParkedEntriesScreen(RegisterScreen[None, ParkedEntry]):
    """Those of every file, the oldest first; Enter settles the selected one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="File", width=16),
        Column(title="No", width=6, right=True),
        Column(title="Kind", width=8),
        Column(title="Reference", flexible=True),
        Column(title="Amount", width=12, right=True),
    )

    async def found(self) -> Sequence[ParkedEntry]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: waiting_entries(desk, person))

    def heading(self) -> str:
        return f"Entries of banks' files that wait for a person: {len(self.entries)}"

    def row(self, entry: ParkedEntry) -> Row:
        return Row(
            key=f"{entry.run_id}/{entry.number}",
            cells=(
                entry.file,
                str(entry.number),
                str(entry.kind),
                entry.reference,
                self.seat.shown(entry.amount),
            ),
        )

    def facts(self, entry: ParkedEntry | None) -> str:
        return "Nothing waits." if entry is None else known_of(entry)

    def action_accept(self) -> None:
        entry = self.selected
        if entry is None:
            self.refuse("Nothing waits for a person. Esc goes back.")
            return
        screen = SettleWaysScreen(self.seat, self.errands, entry.run_id, entry.number)
        self.app.push_screen(screen, self._after)

    def _after(self, said: str | None) -> None:
        if said is not None:
            self.errand(self.load(said))


def known_of(entry: ParkedEntry) -> str:
    """Why an entry waits, and what the bank or the books name of it."""
    named = [f"account {shown(entry.account)}"] if entry.account else []
    named += [f"bill {shown(entry.bill_no)}"] if entry.bill_no else []
    named += [f"mandate {shown(entry.mandate)}"] if entry.mandate else []
    named += [f"reason {entry.reason_code}"] if entry.reason_code else []
    return f"It waits for: {entry.problem.replace('_', ' ')}\n{', '.join(named) or 'nothing more is known'}"


class SettleWaysScreen(LinesScreen[str]):
    """How an entry may be settled, each way by a number; answers what came of it, in words."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")

    def __init__(self, seat: Seat, errands: Errands, run_id: str, number: int) -> None:
        super().__init__(seat, errands)
        self._run_id = run_id
        self._number = number
        self._entry: ParkedEntry | None = None
        self._ways: tuple[Settled, ...] = ()

    def body(self) -> ComposeResult:
        yield Label("", id="entry", classes="title", markup=False)
        yield Label("", id="hint", markup=False)
        yield Listing((Column(title="No", width=3), Column(title="How", flexible=True)), id="ways")

    def on_mount(self) -> None:
        self.errand(self._load())

    async def _load(self) -> None:
        seat = self.seat
        entry, steps = await seat.look(
            partial(entry_life, seat.desk, seat.person, self._run_id, self._number)
        )
        open_again = entry.settled is None or entry.tender_undone
        self._entry = entry
        self._ways = entry.ways(seat.desk.identity.currency) if open_again else (Settled.UNDONE,)
        amount = seat.shown_with_currency(entry.amount)
        self.query_one("#entry", Label).update(
            f"Entry {entry.number} of {shown(entry.file)}: {entry.kind}, {amount}"
        )
        last = steps[-1] if steps else None
        self.query_one("#hint", Label).update(
            " " + known_of(entry).replace("\n", "; ")
            if last is None
            else f" {last.how.replace('_', ' ')} by {last.operator}: {shown(last.reason)}"
        )
        self.query_one(Listing).show(
            [
                Row(key=str(place), cells=(str(place), WAYS[way]))
                for place, way in enumerate(self._ways, start=1)
            ]
        )
        self.say("Press the number. Esc leaves it as it is.")

    async def on_key(self, event: events.Key) -> None:
        if event.character is not None and event.character in "123456789":
            event.stop()
            self._open(event.character)

    def action_accept(self) -> None:
        self._open(self.query_one(Listing).selected or "")

    def _open(self, number: str) -> None:
        if self._entry is None or not number.isdigit() or int(number) > len(self._ways):
            self.refuse(f"There is nothing under {number}.")
            return
        way = self._ways[int(number) - 1]
        self.app.push_screen(SettleEntryScreen(self.seat, self.errands, self._entry, way), self._settled)

    def _settled(self, done: EntrySettled | None) -> None:
        if done is None:
            return
        amount = self.seat.shown_with_currency(done.amount)
        said = f"Entry {done.number}, {amount}, is {done.how.replace('_', ' ')}"
        said += f" to account {done.account}" if done.account else ""
        said += f": receipt {done.receipt}" if done.receipt else ""
        said += f": bill {done.bill_no}" if done.bill_no else ""
        self.dismiss(f"{said}.")

    def action_find(self) -> None:
        self.dismiss(None)


class SettleEntryScreen(FormScreen[EntrySettled]):
    """Why, and for which account where one is meant."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def __init__(self, seat: Seat, errands: Errands, entry: ParkedEntry, how: Settled) -> None:
        super().__init__(seat, errands)
        self._entry = entry
        self._how = how

    def body(self) -> ComposeResult:
        yield Label(WAYS[self._how], classes="title", markup=False)
        amount = self.seat.shown_with_currency(self._entry.amount)
        yield Label(f" {amount}, reference {shown(self._entry.reference)}", id="hint", markup=False)
        if self._how.names_account:
            yield Field("Account", id="settle-account", limit=40, value=self._entry.account or "")
        yield Field("Reason", id="settle-reason", limit=REASON_MAX)

    def on_mount(self) -> None:
        self.say("Enter on the last line does it. Esc leaves it as it is.")

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        typed = {field.id: field.value for field in self.fields}
        order = SettleEntryOrder(
            run=self._entry.run_id,
            number=self._entry.number,
            how=self._how,
            account=typed.get("settle-account", ""),
            reason=typed["settle-reason"],
        )
        self.dismiss(await self.seat.deed(partial(settle_entry, desk, person, order)))

    def field_of(self, refusal: DomainError) -> Field | None:
        named = {"reason_missing": "settle-reason"}.get(refusal.code, "settle-account")
        return next((field for field in self.fields if field.id == named), None)
