"""What banks told of payments in their files, where a slip at the counter says otherwise or there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.imported_record import RecordState
from pos.store.imports import BookedSlip, ToldRecord
from pos.till.imports import REASON_MAX, RecordOutcome, confirm_match, open_records, record_beside_slip
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import LinesScreen, RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import Field
from pos.tui.widgets.listing import ROWS_MAX, Listing, Row

WITHOUT_SLIP = "No slip of it was taken here. It is kept to be posted with its file; its slip is refused now."


class BankRecordsScreen(RegisterScreen[None, ToldRecord]):
    """Looking changes nothing; Enter lays the record beside its slip."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Date", width=10),
        Column(title="Account", width=10),
        Column(title="Amount", width=12, right=True),
        Column(title="Way", flexible=True),
        Column(title="Slip", width=17),
        Column(title="Differs in", width=10),
    )
    FACTS_LINES = 0

    async def found(self) -> Sequence[ToldRecord]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: open_records(desk, person, limit=ROWS_MAX))

    async def load(self, said: str = "") -> None:
        await super().load()
        self.say(said or ("Enter shows both sides." if self.entries else "No record waits."))

    def heading(self) -> str:
        differing = sum(record.known.state is RecordState.DIFFERS for record in self.entries)
        kept = len(self.entries) - differing
        return (
            f"Records of bank files: {differing} differ from their slips\n"
            f"{kept} without a slip, kept to be posted"
        )

    def row(self, entry: ToldRecord) -> Row:
        known = entry.known
        return Row(
            key=known.record_id,
            cells=(
                known.record_date,
                known.account,
                self.seat.shown(known.amount),
                self.seat.desk.modes[known.mode].label,
                known.receipt or "none",
                "BOTH" if len(_differing(entry)) > 1 else "".join(_differing(entry)).upper(),
            ),
            strong=known.state is RecordState.DIFFERS,
        )

    def action_accept(self) -> None:
        if self.selected is None:
            self.refuse("There is no record to show. Esc goes back.")
        else:
            self.errand(self._show(self.selected.known.record_id))

    async def _show(self, record_id: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        record, slip = await self.seat.look(partial(record_beside_slip, desk, person, record_id))
        self.app.push_screen(BothSidesScreen(self.seat, self.errands, record, slip), self._after)

    def _after(self, confirmed: RecordOutcome | None) -> None:
        if confirmed is not None:
            amount = self.seat.shown_with_currency(confirmed.amount)
            self.errand(
                self.load(f"{amount} of the bank and receipt {confirmed.receipt} are one payment now.")
            )


class BothSidesScreen(LinesScreen[RecordOutcome]):
    """The record beside its slip, line by line; Y says that they are one payment, with a reason or without."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["same"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "same", "scroll")

    def __init__(self, seat: Seat, errands: Errands, record: ToldRecord, slip: BookedSlip | None) -> None:
        super().__init__(seat, errands)
        self._record = record
        self._slip = slip

    def body(self) -> ComposeResult:
        known = self._record.known
        mode = self.seat.desk.modes[known.mode]
        amount = self.seat.shown_with_currency(known.amount)
        yield Label(f"{mode.label}: {amount} for {shown(known.account)}", classes="title", markup=False)
        yield Listing(
            (
                Column(title="", width=16),
                Column(title="The bank's record", width=27),
                Column(title="The slip at the counter", flexible=True),
            ),
            id="both-sides",
        )

    def on_mount(self) -> None:
        listing = self.query_one(Listing)
        listing.selectable = False
        listing.show(list(self._rows()))
        if self._slip is None:
            self.keys_are(("help", "back", "scroll"))
            self.say(WITHOUT_SLIP)
        else:
            said = " and ".join(_differing(self._record))
            self.say(f"They differ in {said} (*). Y: one payment all the same. Esc leaves it waiting.")

    def _rows(self) -> Iterator[Row]:
        record, slip = self._record, self._slip
        known, differing = record.known, _differing(record)
        mode, amount = self.seat.desk.modes[known.mode], self.seat.shown_with_currency

        def row(name: str, told: str, booked: str = "", *, key: str = "") -> Row:
            return Row(key=name, cells=(name, told, booked), marked=key in differing)

        yield row("Amount", amount(known.amount), "" if slip is None else amount(slip.amount), key="amount")
        yield row("Account", known.account, "" if slip is None else _for_whom(slip), key="account")
        yield row("Bill", known.bill_no or "none is named", "" if slip is None else ", ".join(slip.bills))
        for field in mode.fields:
            if field.name in record.details or (slip is not None and field.name in slip.details):
                yield row(
                    field.label,
                    record.details.get(field.name, ""),
                    "" if slip is None else slip.details.get(field.name, ""),
                )
        clock_time = self.seat.clock_time
        yield row(
            "Came in",
            f"{clock_time(record.imported_at)} by {record.imported_by}",
            "none is known" if slip is None else f"{clock_time(slip.taken_at)} by {slip.taken_by}",
        )
        if slip is not None:
            yield row("Receipt", "", slip.receipt_number)

    def action_same(self) -> None:
        if self._slip is None:
            self.refuse("There is no slip that it could be one payment with. Esc goes back.")
        else:
            screen = SamePaymentScreen(self.seat, self.errands, self._record, self._slip)
            self.app.push_screen(screen, self._answered)

    def _answered(self, confirmed: RecordOutcome | None) -> None:
        if confirmed is not None:
            self.dismiss(confirmed)


class SamePaymentScreen(FormScreen[RecordOutcome]):
    """Why the record and the slip are one payment; nothing need be typed."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back")

    def __init__(self, seat: Seat, errands: Errands, record: ToldRecord, slip: BookedSlip) -> None:
        super().__init__(seat, errands)
        self._record = record
        self._slip = slip

    def body(self) -> ComposeResult:
        known, slip = self._record.known, self._slip
        told, booked = self.seat.shown_with_currency(known.amount), self.seat.shown(slip.amount)
        yield Label(
            f"One payment: {told} of the bank, {booked} at the counter", classes="title", markup=False
        )
        yield Label(
            f"The slip stands as it was booked, for {shown(_for_whom(slip))}; nothing more is posted.",
            id="hint",
            markup=False,
        )
        yield Field("Reason", id="match-reason", limit=REASON_MAX, note="may stay empty")

    def on_mount(self) -> None:
        self.say("Enter confirms that they are one payment. Esc leaves the record waiting.")

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._confirm())

    async def _confirm(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        reason = self.query_one("#match-reason", Field).value.strip() or None
        self.dismiss(
            await self.seat.deed(partial(confirm_match, desk, person, self._record.known.record_id, reason))
        )


def _for_whom(slip: BookedSlip) -> str:
    """The accounts that the money went to, and who paid where that is none of them."""
    accounts = ", ".join(slip.accounts)
    return accounts if slip.payer in slip.accounts else f"{accounts}, paid by {slip.payer}"


def _differing(record: ToldRecord) -> list[str]:
    """In what a record that waits for a person differs from its slip."""
    if record.known.state is not RecordState.DIFFERS or record.reason is None:
        return []
    return record.reason.split(",")
