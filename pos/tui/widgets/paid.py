"""What was just taken: the change in large digits, what was paid and sold, and the receipt itself."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Label

from pos.domain.receipt import Copy, ReceiptFacts
from pos.tui.seat import Seat
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.columns import cut, shown

SALE_LINES_MAX = 4


class PaidPanel(Horizontal):
    """Stands below the find box until the next thing is typed."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(id="paid")
        self._seat = seat

    def compose(self) -> ComposeResult:
        with Vertical(id="paid-left"):
            yield BigAmount("CHANGE", id="change")
            yield Label("", id="paid-facts", markup=False)
        with VerticalScroll(id="paid-paper", can_focus=False):
            yield Label("", id="paper", markup=False)

    def tell(self, receipt: ReceiptFacts) -> None:
        """Show this receipt."""
        self.query_one("#change", BigAmount).tell(self._seat.shown(receipt.change))
        self.query_one("#paid-facts", Label).update(Text("\n".join(_facts(self._seat, receipt))))
        self.query_one("#paper", Label).update(Text(self._seat.preview(receipt, Copy())))

    def turn(self, by: int) -> None:
        """Turn the receipt by pages."""
        paper = self.query_one("#paid-paper", VerticalScroll)
        paper.scroll_relative(y=by * max(paper.size.height - 2, 1), animate=False)


def _facts(seat: Seat, receipt: ReceiptFacts) -> Iterator[str]:
    yield f"Paid {seat.shown_with_currency(receipt.total)}"
    for tender in receipt.tenders:
        yield f"  {tender.label} {seat.shown(tender.amount)}"
    for line in receipt.sale[:SALE_LINES_MAX]:
        yield f"  {line.quantity} x {cut(shown(line.name), 24)}"
    if len(receipt.sale) > SALE_LINES_MAX:
        yield f"  and {len(receipt.sale) - SALE_LINES_MAX} more"
    if receipt.credit:
        yield f"On account {seat.shown(receipt.credit)}"
    if receipt.provisional:
        yield "PROVISIONAL:"
        for note in receipt.provisional:
            yield f" {shown(seat.in_words(note))}"
    for note in receipt.notes:
        yield shown(seat.in_words(note))
    yield ""
    yield f"Receipt {receipt.receipt_number}"
    yield "PgUp PgDn turn it."
