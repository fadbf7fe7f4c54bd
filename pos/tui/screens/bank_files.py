"""Files of banks that were carried out here, and what was made of each entry; Enter leads from one to the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from pos.domain.bank_file import EntryOutcome
from pos.store.bank_files import KnownFile, OutcomeSum, ToldEntry
from pos.till.bank_runs import bank_files, entries_of, outcomes_of
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.bank_folder import FolderScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.parked_entries import ParkedEntriesScreen, SettleWaysScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import ROWS_MAX, Row

MARKED = (EntryOutcome.PARKED, EntryOutcome.DIFFERS)


class BankFilesScreen(RegisterScreen[None, KnownFile]):
    """The newest first; N carries another one out, P leads to what waits for a person in all of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["new_bank_file", "parked_entries"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "new_bank_file", "parked_entries", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Day", width=10),
        Column(title="File", flexible=True),
        Column(title="Message", width=9),
        Column(title="Entries", width=8, right=True),
        Column(title="State", width=9),
    )

    async def found(self) -> Sequence[KnownFile]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: bank_files(desk, person))

    def heading(self) -> str:
        cut = sum(not one.ended for one in self.entries)
        return f"Files of banks: {len(self.entries)}\n{cut} cut short"

    def row(self, entry: KnownFile) -> Row:
        return Row(
            key=entry.run_id,
            cells=(
                entry.business_date.isoformat(),
                entry.name,
                entry.message[:9],
                str(entry.entries),
                "ended" if entry.ended else "CUT SHORT",
            ),
            strong=not entry.ended,
        )

    def facts(self, entry: KnownFile | None) -> str:
        if entry is None:
            return "No file was carried out here yet."
        how_far = (
            "" if entry.ended else f"\nIt stopped behind entry {entry.done}: carry it out again to go on."
        )
        return f"The bank's number {shown(entry.bank_file_id)}, read as {entry.profile} by {entry.operator}{how_far}"

    def action_accept(self) -> None:
        if self.selected is None:
            self.refuse("There is no file to look into. Esc goes back.")
        else:
            self.app.push_screen(FileEntriesScreen(self.seat, self.errands, self.selected))

    def action_new_bank_file(self) -> None:
        self.app.push_screen(FolderScreen(self.seat, self.errands), self._after)

    def _after(self, said: str | None) -> None:
        if said is not None:
            self.errand(self.load(said))

    def action_parked_entries(self) -> None:
        self.app.push_screen(ParkedEntriesScreen(self.seat, self.errands))


class FileEntriesScreen(RegisterScreen[None, ToldEntry]):
    """What was parked first, then the others in the file's order; Enter on a parked one settles it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="No", width=6, right=True),
        Column(title="Reference", flexible=True),
        Column(title="Account", width=12),
        Column(title="Amount", width=12, right=True),
        Column(title="Outcome", width=11),
    )

    def __init__(self, seat: Seat, errands: Errands, file: KnownFile) -> None:
        super().__init__(seat, errands)
        self._file = file
        self._sums: Sequence[OutcomeSum] = ()

    async def found(self) -> Sequence[ToldEntry]:
        desk, person, run_id = self.seat.desk, self.seat.person, self._file.run_id
        self._sums = await self.seat.look(partial(outcomes_of, desk, person, run_id))
        return await self.seat.look(partial(entries_of, desk, person, run_id, limit=ROWS_MAX))

    def heading(self) -> str:
        amount = self.seat.shown_with_currency
        told = ", ".join(f"{one.count} {one.outcome} ({amount(one.amount)})" for one in self._sums)
        more = f", the first {ROWS_MAX} here" if len(self.entries) == ROWS_MAX else ""
        return (
            f"{shown(self._file.name)}: {self._file.entries} entries{more}\n{told or 'nothing was done yet'}"
        )

    def row(self, entry: ToldEntry) -> Row:
        outcome = entry.outcome if entry.settled is None else entry.settled.replace("_", " ")
        marked = entry.outcome in MARKED and entry.settled is None
        return Row(
            key=str(entry.number),
            cells=(
                str(entry.number),
                entry.reference,
                entry.account or "",
                self.seat.shown(entry.amount),
                outcome.upper() if marked else outcome,
            ),
            strong=marked,
        )

    def facts(self, entry: ToldEntry | None) -> str:
        if entry is None:
            return ""
        said = [f"{entry.kind}" + (f", reason {entry.reason_code}" if entry.reason_code else "")]
        said += [f"mandate {shown(entry.mandate)}"] if entry.mandate else []
        said += [f"bill {shown(entry.bill_no)}"] if entry.bill_no else []
        said += [entry.remarks.replace("_", " ")] if entry.remarks else []
        said += [entry.problem.replace("_", " ")] if entry.problem else []
        papers = [f"receipt {entry.receipt}"] if entry.receipt else []
        papers += [f"taken back by {entry.paper}"] if entry.paper else []
        papers += [f"fee {self.seat.shown_with_currency(entry.fee)}"] if entry.fee else []
        return f"{', '.join(said)}\n{', '.join(papers)}"

    def action_accept(self) -> None:
        entry = self.selected
        if entry is None or entry.outcome != EntryOutcome.PARKED:
            self.refuse("Only what was parked is settled. Esc goes back.")
            return
        screen = SettleWaysScreen(self.seat, self.errands, entry.run_id, entry.number)
        self.app.push_screen(screen, self._after)

    def _after(self, said: str | None) -> None:
        if said is not None:
            self.errand(self.load(said))
