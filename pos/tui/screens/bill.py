"""A bill from its summary lines down to its rates, with the sums shown to agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.bill import SummaryLine
from pos.domain.money import Money
from pos.till.enquiries import BillView, rates_of_line, rates_total
from pos.tui.errands import Errands
from pos.tui.screens.lines import LinesScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, cut, shown
from pos.tui.widgets.listing import Listing, Row


class BillScreen(LinesScreen[bool]):
    """The summary lines; Enter on one shows its rates. Answers True: straight to the find box."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "Rates")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "find", "accept", "back", "scroll")

    def __init__(self, seat: Seat, errands: Errands, view: BillView, payer_name: str) -> None:
        super().__init__(seat, errands)
        self._view = view
        self._payer_name = payer_name

    def body(self) -> ComposeResult:
        bill = self._view.bill.bill
        heading = Text(no_wrap=True, overflow="crop")
        heading.append(
            f" Bill {shown(bill.bill_no)}  {shown(bill.account)}  {cut(shown(self._payer_name), 40)}  "
            f"{bill.amount_due.currency}",
            "bold",
        )
        owed = f"amount {self.seat.shown(bill.amount_due)}   open {self.seat.shown(self._view.bill.open)}"
        dates = f" of {bill.bill_date.isoformat()}   due {bill.due_date.isoformat()}   "
        if len(dates) + len(owed) > self.app.size.width:
            dates = f" due {bill.due_date.isoformat()}   "
        heading.append(f"\n{dates}{owed}")
        if self._view.bill.disputed:
            heading.append(f"   disputed {self.seat.shown(self._view.bill.disputed)}", "bold")
        yield Label(heading, id="heading", markup=False)
        yield Listing(
            (
                Column(title="Line", flexible=True),
                Column(title="Net", width=12, right=True),
                Column(title="Tax", width=10, right=True),
                Column(title="Amount", width=12, right=True),
                Column(title="Rates", width=5, right=True),
            ),
            id="lines",
        )
        yield Label(Text(self._sums()), id="sums", markup=False)

    def on_mount(self) -> None:
        self.query_one(Listing).show([self._row(line, depth) for line, depth in self._nested(None, 0)])
        if not self._view.rates_known:
            self.say("The rates behind these lines have not been pulled yet.")
        elif self._view.lines_are_ours:
            self.say("Central sent no lines: the rates are grouped here. Enter shows the rates of a line.")
        else:
            self.say("Enter shows the rates behind a line.")

    def _nested(self, parent_id: str | None, depth: int) -> Iterator[tuple[SummaryLine, int]]:
        for line in self._view.lines:
            if line.parent_id == parent_id:
                yield line, depth
                if depth < _DEPTH_MAX:
                    yield from self._nested(line.line_id, depth + 1)

    def _row(self, line: SummaryLine, depth: int) -> Row:
        return Row(
            key=line.line_id,
            cells=(
                "  " * depth + line.name,
                self.seat.shown(line.tax_excluded),
                self.seat.shown(line.tax),
                self.seat.shown(line.tax_included),
                str(len(rates_of_line(self._view, line))),
            ),
            strong=depth == 0,
        )

    def _sums(self) -> str:
        sums, lines = self._view.sums, f"lines {self.seat.shown(self._view.sums.lines_total)}"
        if self._view.lines_are_ours:
            # Lines made of the rates cannot differ from them.
            sums, lines = replace(sums, lines_total=sums.rates_total), "lines of ours"
        if not self._view.rates_known:
            return f" {lines}   bill {self.seat.shown(sums.bill_total)}   rates not known yet"
        figures = (
            f" {lines} = rates {self.seat.shown(sums.rates_total)} = bill {self.seat.shown(sums.bill_total)}"
        )
        if sums.agree:
            return f"{figures}   sums agree"
        return f"{figures.replace('=', '/')}   DIFFER by {self.seat.shown(sums.difference)}"

    def action_accept(self) -> None:
        selected = self.query_one(Listing).selected
        line = next((line for line in self._view.lines if line.line_id == selected), None)
        if line is None or not self._view.rates_known:
            self.refuse("The rates behind this line have not been pulled yet. Esc goes back.")
        else:
            self.app.push_screen(RatesScreen(self.seat, self.errands, self._view, line), self._after_rates)

    def action_find(self) -> None:
        self.dismiss(True)

    def _after_rates(self, to_find: bool | None) -> None:
        if to_find:
            self.dismiss(True)


_DEPTH_MAX = 6
"""Deeper nesting is not a bill, it's a fault."""


class RatesScreen(LinesScreen[bool]):
    """The applied billing rates behind one line."""

    def __init__(self, seat: Seat, errands: Errands, view: BillView, line: SummaryLine) -> None:
        super().__init__(seat, errands)
        self._view = view
        self._line = line

    def body(self) -> ComposeResult:
        bill = self._view.bill.bill
        heading = Text(no_wrap=True, overflow="crop")
        heading.append(f" Bill {shown(bill.bill_no)}  {cut(shown(self._line.name), 50)}", "bold")
        heading.append(f"\n line amount {self._line.tax_included}")
        yield Label(heading, id="heading", markup=False)
        yield Listing(
            (
                Column(title="Date", width=10),
                Column(title="Rate", flexible=True),
                Column(title="Net", width=12, right=True),
                Column(title="Tax", width=10, right=True),
                Column(title="Amount", width=12, right=True),
            ),
            id="rates",
        )
        yield Label(Text(self._sum()), id="sums", markup=False)

    def on_mount(self) -> None:
        self.query_one(Listing).show(
            [
                Row(
                    key=rate.rate_id,
                    cells=(
                        "" if rate.on is None else rate.on.isoformat(),
                        f"DISPUTED {rate.name}" if rate.disputed else rate.name,
                        self.seat.shown(rate.tax_excluded),
                        self.seat.shown(rate.tax),
                        self.seat.shown(rate.tax_included),
                    ),
                )
                for rate in rates_of_line(self._view, self._line)
            ]
        )

    def action_find(self) -> None:
        self.dismiss(True)

    def _sum(self) -> str:
        of_rates: Money = rates_total(self._view, self._line)
        of_line = self._line.tax_included
        if of_rates == of_line:
            return f" rates {self.seat.shown(of_rates)} = line {self.seat.shown(of_line)}   sums agree"
        return f" rates {self.seat.shown(of_rates)} / line {self.seat.shown(of_line)}   SUMS DIFFER"
