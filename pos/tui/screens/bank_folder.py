"""A bank's file from its folder: chosen, told in money what it would do, carried out entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.bank_file import EntryOutcome, Tally
from pos.domain.errors import DomainError, Refused
from pos.till.open_bills import catch_up
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.ports import FileBeforeRun, FoundFile
from pos.tui.screens.lines import LinesScreen, RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Listing, Row

AT_ONCE = 20
"""So many entries are booked before a deed of the counter may come between."""

OUTCOMES = {
    EntryOutcome.POSTED: "Posted: pays bills, the rest is credit",
    EntryOutcome.SUSPENSE: "Into suspense: nobody knows whose it is",
    EntryOutcome.MATCHED: "Keyed at the counter already, and the same",
    EntryOutcome.DIFFERS: "Keyed at the counter, and differs",
    EntryOutcome.WAITING: "Waits for its value date",
    EntryOutcome.REJECTED: "Refused by the bank: the bill stays open",
    EntryOutcome.RETURNED: "Taken back: the bill is open again",
    EntryOutcome.NOTED: "Noted alone",
    EntryOutcome.DUPLICATE: "Told before: nothing is done",
    EntryOutcome.PARKED: "Parked for a person",
}


class FolderScreen(RegisterScreen[str, FoundFile]):
    """The newest first; Enter looks at all of a file, Tab reads it as something else. Answers what was done, in words."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["switch"]), Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "switch", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Laid down", width=16),
        Column(title="File", flexible=True),
        Column(title="Bytes", width=11, right=True),
        Column(title="Read as", width=16),
    )

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._profiles: dict[str, str] = {}
        self._looking = False

    async def found(self) -> Sequence[FoundFile]:
        seat = self.seat
        return await seat.runner.folder(partial(seat.bank_folder.files, seat.person))

    def heading(self) -> str:
        return f"Files of banks that are laid down: {len(self.entries)}"

    def row(self, entry: FoundFile) -> Row:
        return Row(
            key=entry.name,
            cells=(
                self.seat.clock_time(entry.changed_at),
                entry.name,
                f"{entry.bytes:,}",
                self._profile_of(entry),
            ),
        )

    def facts(self, entry: FoundFile | None) -> str:
        if entry is None:
            return "Nothing is laid down."
        return "Enter says what it would do, and does nothing yet."

    def _profile_of(self, entry: FoundFile) -> str:
        return self._profiles.get(entry.name, entry.profile)

    def action_switch(self) -> None:
        entry = self.selected
        if entry is not None:
            known = list(self.seat.bank_folder.profiles)
            now = self._profile_of(entry)
            self._profiles[entry.name] = known[(known.index(now) + 1) % len(known)]
            self.show_entries()

    def action_accept(self) -> None:
        if self.selected is None:
            self.refuse("There is no file to choose. Esc goes back.")
        elif self._looking:
            self.refuse("A file is being looked at. Wait for what it says.")
        else:
            self._looking = True
            self.say(f"Looking at all of {shown(self.selected.name)} ...")
            self.errands.beside(self, self._look(self.selected))

    async def _look(self, entry: FoundFile) -> None:
        seat, person = self.seat, self.seat.person
        try:
            opened = await seat.runner.folder(
                partial(seat.bank_folder.open, person, entry.name, self._profile_of(entry))
            )
        finally:
            self._looking = False
        if not self.is_attached or not self.is_current:
            opened.close()
            return
        self.say("")
        self.app.push_screen(DryRunScreen(seat, self.errands, entry.name, opened), self._after)

    def _after(self, said: str | None) -> None:
        if said is not None:
            self.dismiss(said)

    def refused(self, refusal: DomainError) -> None:
        if self.is_attached:
            super().refused(refusal)


class DryRunScreen(LinesScreen[str]):
    """What the file would do, in money and words; Y carries it out. Answers what was done."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["carry_out"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "carry_out", "back", "scroll")

    def __init__(self, seat: Seat, errands: Errands, name: str, file: FileBeforeRun) -> None:
        super().__init__(seat, errands)
        self._file_name = name
        self._file = file
        self._under_way = False

    def body(self) -> ComposeResult:
        told, would = self._file.told, self._file.forecast
        amount = self.seat.shown_with_currency
        yield Label(
            f"{shown(self._file_name)}: {told.head.message} {shown(told.head.bank_file_id)}",
            classes="title",
            markup=False,
        )
        yield Label(
            f" {would.entries} entries, {amount(told.paid)} paid in, {amount(told.back)} taken back",
            id="hint",
            markup=False,
        )
        yield Listing(
            (
                Column(title="What it would do", flexible=True),
                Column(title="Entries", width=9, right=True),
                Column(title="Amount", width=18, right=True),
            ),
            id="forecast",
        )

    def on_mount(self) -> None:
        listing = self.query_one(Listing)
        listing.selectable = False
        listing.show(list(self._rows()))
        if self._file.stopped is None:
            self.say("Nothing is done yet. Y carries it out; Esc leaves it.")
        else:
            problems, entries = self._file.forecast.problems, self._file.forecast.entries
            self.refuse(
                f"STOPPED: {problems} of {entries} entries have problems. Ask the bank; Y wants a second person."
            )

    def _rows(self) -> Iterator[Row]:
        told, would = self._file.told, self._file.forecast

        def row(what: str, tally: Tally, *, strong: bool = False) -> Row:
            return Row(
                key=what,
                cells=(what, str(tally.count), self.seat.shown_with_currency(tally.amount)),
                strong=strong,
            )

        for outcome, tally in would.outcomes.items():
            yield row(OUTCOMES[outcome], tally, strong=outcome is EntryOutcome.PARKED)
        for reason, tally in would.reasons.items():
            yield row(f"  because: {shown(reason)}", tally)
        for remark, tally in would.remarks.items():
            yield row(f"  of these: {remark.replace('_', ' ')}", tally)
        for tally in would.fees.values():
            yield row("Fees, each a bill of its account", tally)
        if told.charges:
            charges = Tally(amount=told.charges, count=1)
            yield row("Charges of the bank, which nothing posts", charges)
        if told.left_out:
            yield Row(key="left", cells=("No payments to us, left out", str(told.left_out), ""))
        yield Row(key="problems", cells=("Problems", str(would.problems), ""), strong=bool(would.problems))

    def action_back(self) -> None:
        if self._under_way:
            self.refuse("It is being carried out. Wait for its end.")
        else:
            super().action_back()

    def action_find(self) -> None:
        self.action_back()

    def action_carry_out(self) -> None:
        if self._under_way:
            self.refuse("It is being carried out. Wait for its end.")
            return
        self._under_way = True
        self.errands.beside(self, self._carry_out())

    def approved(self, said: str) -> None:
        self.action_carry_out()

    async def _carry_out(self) -> None:
        seat, file = self.seat, self._file
        try:
            run = await seat.deed(partial(file.begin, above_threshold=file.stopped is not None))
            done, parked = run.done, 0
            while True:
                plans = await seat.runner.till(partial(file.carry_on, AT_ONCE))
                await seat.runner.cache(partial(catch_up, seat.desk))
                done += len(plans)
                parked += sum(plan.outcome is EntryOutcome.PARKED for plan in plans)
                if self.is_attached:
                    self.say(f"{done:,} of {run.entries:,} entries are carried out ...")
                if len(plans) < AT_ONCE:
                    break
            try:
                result = f"The result is in {await seat.runner.folder(file.write_result)}."
            except Refused as refusal:
                result = refusal.message
        finally:
            self._under_way = False
        if self.is_attached:
            wait = "waits" if parked == 1 else "wait"
            waits = f" {parked} {wait} for a person (P)." if parked else ""
            self.dismiss(f"{shown(self._file_name)} is carried out, {run.entries} entries.{waits} {result}")

    def on_unmount(self) -> None:
        self._file.close()

    def refused(self, refusal: DomainError) -> None:
        if self.is_attached:
            super().refused(refusal)
