"""Dealers' bank receipts that wait for the bank, or that it did not bear out; the back office decides on them here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.bank_receipt import (
    REASON_LABELS,
    BankReceipt,
    BankReceiptState,
    RejectReason,
    uncleared_until,
    value_date,
)
from pos.till.bank_receipts import (
    bank_receipts,
    reject_bank_receipt,
    unblock_dealer,
    verify_bank_receipt,
)
from pos.till.papers import show_receipt
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import LinesScreen, RegisterScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import Field
from pos.tui.widgets.listing import ROWS_MAX, Listing, Row

REASON_MAX = 200


class BankReceiptsScreen(RegisterScreen[None, BankReceipt]):
    """Enter shows the receipt; Y verifies it, N rejects it with a reason, U lets a blocked dealer go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["verify", "reject", "unblock"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back", "verify", "reject", "unblock", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Dealer", width=10),
        Column(title="Paper", flexible=True),
        Column(title="Value date", width=10),
        Column(title="Amount", width=12, right=True),
        Column(title="State", width=9),
    )
    FACTS_LINES = 3

    async def found(self) -> Sequence[BankReceipt]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: bank_receipts(desk, person, limit=ROWS_MAX))

    def heading(self) -> str:
        waiting = sum(receipt.state is BankReceiptState.PRESENTED for receipt in self.entries)
        rejected = len(self.entries) - waiting
        return f"Bank receipts of dealers: {waiting} wait for the bank, {rejected} rejected"

    def row(self, entry: BankReceipt) -> Row:
        mode = self.seat.desk.modes[entry.mode]
        paper = [entry.details.get(name, "") for name in ("reference", "bank", "branch")]
        dated = value_date(mode, entry.details)
        return Row(
            key=entry.tender_id,
            cells=(
                entry.dealer,
                " / ".join(part for part in paper if part),
                "" if dated is None else dated.isoformat(),
                self.seat.shown(entry.amount),
                "waits" if entry.state is BankReceiptState.PRESENTED else str(entry.state).upper(),
            ),
            strong=entry.state is BankReceiptState.REJECTED,
        )

    def facts(self, entry: BankReceipt | None) -> str:
        if entry is None:
            return "No bank receipt waits."
        mode = self.seat.desk.modes[entry.mode]
        until = uncleared_until(mode, entry.details, today=self.seat.desk.clock.now().date())
        uncleared = "" if until is None else f"  UNCLEARED until {until}"
        why = "" if entry.reason is None else f"\nRejected: {_reason_label(entry.reason)}"
        return (
            f"{mode.label}, receipt {entry.receipt_number} tender {entry.place}, taken by "
            f"{entry.taken_by} {self.seat.clock_time(entry.taken_at)}{uncleared}{why}"
        )

    def action_accept(self) -> None:
        if self.selected is not None:
            self.errand(self._show(self.selected.receipt_number))

    async def _show(self, number: str) -> None:
        seat = self.seat
        facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, number))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))

    def action_verify(self) -> None:
        receipt = self.selected
        if receipt is None:
            self.refuse("No bank receipt waits.")
            return
        question = (
            f"Has the bank {receipt.amount} of {receipt.dealer}, reference "
            f"{shown(receipt.details.get('reference', ''))}?"
        )
        self.ask(question, lambda: self.errand(self._verify(receipt)))

    async def _verify(self, receipt: BankReceipt) -> None:
        desk, person = self.seat.desk, self.seat.person
        await self.seat.deed(
            partial(verify_bank_receipt, desk, person, receipt.receipt_number, tender=receipt.place)
        )
        await self.load(f"{self.seat.shown(receipt.amount)} of {receipt.dealer} is verified.")

    def action_reject(self) -> None:
        receipt = self.selected
        if receipt is None:
            self.refuse("No bank receipt waits.")
            return

        def chosen(reason: str | None) -> None:
            if reason is not None:
                self.errand(self._reject(receipt, reason))

        self.app.push_screen(RejectReasonScreen(self.seat, self.errands, receipt), chosen)

    async def _reject(self, receipt: BankReceipt, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        await self.seat.deed(
            partial(reject_bank_receipt, desk, person, receipt.receipt_number, reason, tender=receipt.place)
        )
        await self.load(
            f"Rejected: {receipt.dealer} owes {self.seat.shown(receipt.amount)} and brings no other for now."
        )

    def action_unblock(self) -> None:
        receipt = self.selected
        if receipt is None or receipt.state is not BankReceiptState.REJECTED:
            self.refuse("Choose a rejected receipt: its dealer can be let go on.")
            return
        dealer = receipt.dealer

        def answered(reason: str | None) -> None:
            if reason:
                self.errand(self._unblock(dealer, reason))

        self.app.push_screen(UnblockScreen(self.seat, self.errands, dealer), answered)

    async def _unblock(self, dealer: str, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        await self.seat.deed(lambda: unblock_dealer(desk, person, dealer, reason))
        await self.load(f"{dealer} may bring bank receipts again.")


def _reason_label(code: str) -> str:
    try:
        return REASON_LABELS[RejectReason(code)]
    except ValueError:
        return shown(code)


class RejectReasonScreen(LinesScreen[str]):
    """Answers the code of the reason, chosen by number or with the arrows."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, receipt: BankReceipt) -> None:
        super().__init__(seat, errands)
        self._receipt = receipt

    def body(self) -> ComposeResult:
        title = f"Reject {self._receipt.amount} of {shown(self._receipt.dealer)}. Why? Press the number"
        yield Label(title, classes="title", markup=False)
        yield Listing((Column(title="No", width=3), Column(title="Reason", flexible=True)), id="reasons")

    def on_mount(self) -> None:
        self.query_one(Listing).show(
            [
                Row(key=str(reason), cells=(str(number), label))
                for number, (reason, label) in enumerate(REASON_LABELS.items(), start=1)
            ]
        )
        self.say("The money becomes the dealer's debt. Esc leaves it as it is.")

    def on_key(self, event: events.Key) -> None:
        if event.character is None or event.character not in "0123456789":
            return
        number = int(event.character)
        if 1 <= number <= len(REASON_LABELS):
            self.dismiss(str(list(REASON_LABELS)[number - 1]))
        else:
            self.refuse(f"There is no reason {number}.")

    def action_accept(self) -> None:
        self.dismiss(self.query_one(Listing).selected)


class UnblockScreen(FormScreen[str]):
    """Answers why a dealer may go on."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back")

    def __init__(self, seat: Seat, errands: Errands, dealer: str) -> None:
        super().__init__(seat, errands)
        self._dealer = dealer

    def body(self) -> ComposeResult:
        yield Label(f"Let {shown(self._dealer)} go on", classes="title", markup=False)
        yield Field("Reason", id="unblock-reason", limit=REASON_MAX, note="how it was settled")

    def send(self) -> None:
        reason = self.query_one("#unblock-reason", Field).value.strip()
        if reason:
            self.dismiss(reason)
        else:
            self.refuse("Say how it was settled, then Enter.")
