"""A batch's lines by account, the postings that one of them sums, and the receipt that a posting was booked with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from pos.domain.ledger_feed import BatchLine, LedgerBatch, amount_or_empty
from pos.store.ledger_entries import Posting
from pos.store.times import from_utc_text
from pos.till.ledger_entries import behind, receipt_behind
from pos.tui.errands import Errands
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import ROWS_MAX, Listing, Row


class LedgerLinesScreen(RegisterScreen[None, BatchLine]):
    """Looking changes nothing; Enter leads on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Account"),
        Column(title="Name", flexible=True),
        Column(title="Of", width=16),
        Column(title="Debit", width=13, right=True),
        Column(title="Credit", width=13, right=True),
    )

    def __init__(self, seat: Seat, errands: Errands, batch: LedgerBatch) -> None:
        super().__init__(seat, errands)
        self._batch = batch

    async def found(self) -> Sequence[BatchLine]:
        return self._batch.lines

    def heading(self) -> str:
        batch = self._batch
        totals = " and ".join(self.seat.shown_with_currency(total.debit) for total in batch.totals)
        posted = (
            "" if batch.accounting_date == batch.business_date else f", posted on {batch.accounting_date}"
        )
        return f"{batch.number}{posted}\n{batch.entries} entries, {totals} on either side"

    def row(self, entry: BatchLine) -> Row:
        debit, credit = (
            self.seat.shown(amount) if amount_or_empty(amount) else ""
            for amount in (entry.debit, entry.credit)
        )
        return Row(key=str(entry.number), cells=(entry.code, entry.name, entry.category, debit, credit))

    def facts(self, entry: BatchLine | None) -> str:
        if entry is None:
            return ""
        amount = self.seat.shown_with_currency(entry.debit if entry.debit.minor else entry.credit)
        many = "1 posting" if entry.postings == 1 else f"{entry.postings} postings"
        moved = "" if entry.original_date is None else f" of the closed period, of {entry.original_date}"
        return f"{amount} of {many}{moved}: {shown(entry.name)}, {shown(entry.category)}.\nEnter shows them."

    def action_accept(self) -> None:
        if self.selected is not None:
            self.app.push_screen(PostingsScreen(self.seat, self.errands, self._batch.number, self.selected))


class PostingsScreen(RegisterScreen[None, Posting]):
    """What a line sums, a page of the books at a time; Enter shows the receipt."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Booked", width=16),
        Column(title="Receipt or slip", flexible=True),
        Column(title="For", width=14),
        Column(title="Amount", width=14, right=True),
    )
    FACTS_LINES = 1

    def __init__(self, seat: Seat, errands: Errands, number: str, line: BatchLine) -> None:
        super().__init__(seat, errands)
        self._number = number
        self._line = line
        self._begins = [(0, 0)]
        """The places after which each page that was turned to begins."""

    async def found(self) -> Sequence[Posting]:
        desk, person, after = self.seat.desk, self.seat.person, self._begins[-1]
        number, line = self._number, self._line.number
        return await self.seat.look(lambda: behind(desk, person, number, line, after=after, limit=ROWS_MAX))

    def heading(self) -> str:
        line = self._line
        amount = line.debit if line.debit.minor else line.credit
        side = "debit" if line.debit.minor else "credit"
        first = (len(self._begins) - 1) * ROWS_MAX
        part = (
            f"{first + 1} to {first + len(self.entries)} of {line.postings}"
            if line.postings > ROWS_MAX
            else f"{line.postings}"
        )
        return (
            f"{line.code} {shown(line.name)}: {self.seat.shown_with_currency(amount)} {side}\n"
            f"{shown(line.category)} on {self._number}: postings {part}"
        )

    def row(self, entry: Posting) -> Row:
        return Row(
            key=f"{entry.place[0]}-{entry.place[1]}",
            cells=(
                self.seat.clock_time(from_utc_text(entry.booked_at_utc)),
                entry.paper or "no paper",
                entry.account or "",
                self.seat.shown(entry.amount),
            ),
        )

    def facts(self, entry: Posting | None) -> str:
        return "PgDn at the end shows the next." if self._goes_on else ""

    @property
    def _goes_on(self) -> bool:
        return (len(self._begins) - 1) * ROWS_MAX + len(self.entries) < self._line.postings

    def action_page(self, by: int) -> None:
        listing = self.query_one(Listing)
        before = listing.place
        super().action_page(by)
        if listing.place != before:
            return
        if by > 0 and self._goes_on and self.entries:
            self._begins.append(self.entries[-1].place)
            self.errand(self.load())
        elif by < 0 and len(self._begins) > 1:
            self._begins.pop()
            self.errand(self.load())

    def action_accept(self) -> None:
        if self.selected is not None:
            self.errand(self._show(self.selected))

    async def _show(self, posting: Posting) -> None:
        seat = self.seat
        facts = await seat.look(lambda: receipt_behind(seat.desk, seat.person, posting))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))
