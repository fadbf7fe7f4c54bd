"""The cash office: what is done with a drawer, the safe and the day, each by a number that never changes."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.cash_move import MoveKind
from pos.till.cash_moves import CashMoved
from pos.till.count_sheet import print_count_sheet
from pos.till.counted import slips_taken
from pos.till.day import DayClosed
from pos.till.drawer_count import currencies_taken
from pos.till.hand_over import HandedOver, HandOverAccepted, HandOverUndone, offered_here, undo_hand_over
from pos.till.safe import SafeCounted
from pos.tui.keys import OFFICE, action
from pos.tui.screens.bank_files import BankFilesScreen
from pos.tui.screens.cash_moves import CashMoveScreen, CashMovesScreen, named
from pos.tui.screens.day import DayScreen, SafeCountScreen
from pos.tui.screens.hand_over import AcceptScreen, HandOverScreen, said_of
from pos.tui.screens.ledger_batches import LedgerBatchesScreen
from pos.tui.screens.lines import LinesScreen
from pos.tui.screens.mandates import MandatesScreen
from pos.tui.screens.reason import ReasonScreen
from pos.tui.screens.shop_bags import ShopBagsScreen
from pos.tui.screens.z_reports import ZReportsScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class OfficeScreen(LinesScreen[bool]):
    """Opens each of its screens and says what came of it. Answers True where the person is to leave the seat."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")
    _begun = ""
    """A point leads to the numbers beyond ten."""

    def body(self) -> ComposeResult:
        yield Label("Cash office: press the number", classes="title", markup=False)
        yield Listing((Column(title="No", width=3), Column(title="What", flexible=True)), id="office")

    def on_mount(self) -> None:
        self.query_one(Listing).show(
            [Row(key=entry.number, cells=(entry.number.replace(".", ". "), entry.label)) for entry in OFFICE]
        )

    async def on_key(self, event: events.Key) -> None:
        if event.character is None or event.character not in "0123456789.":
            return
        event.stop()
        if event.character == ".":
            self._begun = "."
            self.say("More: the number after the point.")
        else:
            number, self._begun = self._begun + event.character, ""
            await self._open(number)

    async def action_accept(self) -> None:
        await self._open(self.query_one(Listing).selected or "")

    async def _open(self, number: str) -> None:
        entry = next((one for one in OFFICE if one.number == number), None)
        if entry is None:
            self.refuse(f"There is nothing under {number}.")
        else:
            await self.run_action(action(entry))

    def action_find(self) -> None:
        self.dismiss(False)

    # --- cash in and out ----------------------------------------------------------------------------------------

    def _move(self, kind: MoveKind) -> None:
        self.app.push_screen(CashMoveScreen(self.seat, self.errands, kind), self._moved)

    def _moved(self, done: CashMoved | None) -> None:
        if done is None:
            return
        move = done.move
        if move.number is None:
            self.say("The drawer is open. It is counted, with your reason.")
            return
        amount = self.seat.shown_with_currency(move.amount)
        self.say(f"{named(move.kind)} of {amount}: {move.number} is being printed for both to sign.")

    def action_pickup(self) -> None:
        self._move(MoveKind.PICKUP)

    def action_loan(self) -> None:
        self._move(MoveKind.LOAN)

    def action_paid_in(self) -> None:
        self._move(MoveKind.PAID_IN)

    def action_paid_out(self) -> None:
        self._move(MoveKind.PAID_OUT)

    def action_no_sale(self) -> None:
        self._move(MoveKind.NO_SALE)

    def action_undo_cash_move(self) -> None:
        self.app.push_screen(CashMovesScreen(self.seat, self.errands))

    # --- handing over -------------------------------------------------------------------------------------------

    def action_hand_over(self) -> None:
        """Whose shift it is hands it over or takes it back; anybody else accepts what is offered."""
        shift = self.seat.shift
        if shift is None:
            self.refuse("No shift is open. Menu . 1 opens one.")
        elif not self.seat.owns_the_shift:
            self.errand(self._accept())
        elif shift.offered_to is None:
            self.errand(self._count_for_another())
        else:
            warning = f"Shift {shift.number} waits for user {shift.offered_to}. Take it back?"
            self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), self._take_back)

    async def _count_for_another(self) -> None:
        foreign = await self.seat.look(lambda: currencies_taken(self.seat.desk))
        slips = await self.seat.look(lambda: slips_taken(self.seat.desk))
        self.app.push_screen(HandOverScreen(self.seat, self.errands, foreign, slips), self._handed_over)

    def _handed_over(self, done: HandedOver | None) -> None:
        if done is not None:
            self.dismiss(True)

    def _take_back(self, reason: str | None) -> None:
        if reason:
            self.errand(self._undo(reason))

    async def _undo(self, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        undone = await self.seat.deed(partial(undo_hand_over, desk, person, reason))
        await self.seat.see_shift()
        self.say(f"Shift {undone.shift_number} is yours as before.")

    async def _accept(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        offer = await self.seat.look(partial(offered_here, desk, person))
        if offer is None:
            self.refuse("No shift is handed over here: whose it is does that, here too.")
        else:
            self.app.push_screen(AcceptScreen(self.seat, self.errands, offer), self._accepted)

    def _accepted(self, done: HandOverAccepted | HandOverUndone | None) -> None:
        if done is not None:
            self.say(said_of(self.seat, done))

    # --- bags ---------------------------------------------------------------------------------------------------

    def action_shop_bags(self) -> None:
        self.app.push_screen(ShopBagsScreen(self.seat, self.errands))

    # --- counting -----------------------------------------------------------------------------------------------

    def action_count_sheet(self) -> None:
        self.errand(self._print_count_sheet())

    async def _print_count_sheet(self) -> None:
        sheet = await self.seat.deed(partial(print_count_sheet, self.seat.desk, self.seat.person))
        self.errands.paper_waits()
        self.say(f"{sheet.number} is being printed, to count on.")

    # --- reports ------------------------------------------------------------------------------------------------

    def action_z_reports(self) -> None:
        self.app.push_screen(ZReportsScreen(self.seat, self.errands))

    def action_mandates(self) -> None:
        self.app.push_screen(MandatesScreen(self.seat, self.errands))

    def action_bank_files(self) -> None:
        self.app.push_screen(BankFilesScreen(self.seat, self.errands))

    def action_ledger_batches(self) -> None:
        self.app.push_screen(LedgerBatchesScreen(self.seat, self.errands))

    # --- safe and day -------------------------------------------------------------------------------------------

    def action_safe_count(self) -> None:
        self.app.push_screen(SafeCountScreen(self.seat, self.errands), self._safe_counted)

    def _safe_counted(self, done: SafeCounted | None) -> None:
        if done is None:
            return
        if done.is_first:
            said = "The safe's books begin with it."
        elif done.difference:
            said = f"It was {self.seat.over_or_short(done.difference)}, which is booked."
        else:
            said = "It agrees."
        self.say(f"{done.number}: {self.seat.shown_with_currency(done.counted)} counted. {said}")

    def action_close_day(self) -> None:
        self.app.push_screen(DayScreen(self.seat, self.errands), self._day_closed)

    def _day_closed(self, done: DayClosed | None) -> None:
        if done is not None:
            gross = self.seat.shown_with_currency(done.gross)
            self.say(f"Business day {done.day} is closed: {gross}. {done.number} is being printed.")
