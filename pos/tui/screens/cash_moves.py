"""Cash in and out of the own open drawer beside payments: one form for each way, and the list to take one back from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.cash_move import CashMove, MoveKind
from pos.domain.errors import DomainError
from pos.till.cash_moves import (
    TEXT_MAX,
    CashMoved,
    CashMoveOrder,
    move_cash,
    moves_of_open_shift,
    undo_cash_move,
)
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.denominations import CashByPieces
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.reason import ReasonScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, DIGITS, Field
from pos.tui.widgets.listing import Row

TITLES = {
    MoveKind.PICKUP: "Pickup: cash of the drawer to the safe",
    MoveKind.LOAN: "Loan: cash of the safe into the drawer",
    MoveKind.PAID_IN: "Paid in: cash into the drawer that pays nothing",
    MoveKind.PAID_OUT: "Paid out: cash out of the drawer that is no refund",
    MoveKind.NO_SALE: "No sale: open the drawer without a payment",
}


def named(kind: MoveKind) -> str:
    """A kind as it is read."""
    return str(kind).replace("_", " ").capitalize()


class CashMoveScreen(CashByPieces[CashMoved], FormScreen[CashMoved]):
    """Answers the move that was booked."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["quantity"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "quantity", "back", "lock")
    CASH: ClassVar[str] = "#move-amount"

    def __init__(self, seat: Seat, errands: Errands, kind: MoveKind) -> None:
        super().__init__(seat, errands)
        self._kind = kind
        self._reasons = tuple(seat.desk.policy.cash_moves.reasons(kind))

    def body(self) -> ComposeResult:
        own = self.seat.desk.identity.currency.code
        yield Label(TITLES[self._kind], classes="title", markup=False)
        if self._kind is MoveKind.NO_SALE:
            yield Field("Reason", id="move-text", limit=TEXT_MAX, note="kept with your name")
            return
        yield Field(f"Amount, {own}", id="move-amount", pattern=AMOUNT, limit=AMOUNT_MAX)
        if self._reasons:
            yield Field("Reason", id="move-reason", pattern=DIGITS, limit=2, note="its number below")
        yield Field("For", id="move-text", limit=TEXT_MAX, note="may stay empty")
        if self._reasons:
            numbers = (
                f" {number} {shown(_words(reason))}" for number, reason in enumerate(self._reasons, start=1)
            )
            yield Label("\n".join(numbers), id="reasons", markup=False)

    def field_of(self, refusal: DomainError) -> Field | None:
        by_code = {"unknown_reason": "reason", "reason_missing": "text", "reason_required": "text"}
        name = by_code.get(
            refusal.code, "amount" if "amount" in refusal.code or "coins" in refusal.code else ""
        )
        return next(iter(self.query(f"#move-{name}").results(Field)), None) if name else None

    def action_quantity(self) -> None:
        if self._kind is not MoveKind.NO_SALE:
            super().action_quantity()

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        def value(name: str) -> str:
            return next((field.value.strip() for field in self.query(f"#move-{name}").results(Field)), "")

        order = CashMoveOrder(
            kind=self._kind,
            amount=value("amount"),
            reason=self._reason(value("reason")) if self._reasons else None,
            text=value("text"),
            decimal_marks=self.seat.decimal_marks,
            pieces=self.pieces_of(value("amount")),
        )
        done = await self.seat.deed(partial(move_cash, self.seat.desk, self.seat.person, order))
        self.errands.drawer_opens()
        self.errands.paper_waits()
        self.dismiss(done)

    def _reason(self, number: str) -> str | None:
        """The reason of this number; what is none is refused by the deed."""
        place = int(number or "0")
        return self._reasons[place - 1] if 1 <= place <= len(self._reasons) else None


def _words(reason: str) -> str:
    return reason.replace("_", " ").capitalize()


class CashMovesScreen(RegisterScreen[None, CashMove]):
    """What was moved in the own open shift, the last first; Enter takes the selected one back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "accept", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "scroll")
    HEADING: ClassVar[str] = "Cash moved in this shift. Enter takes the selected one back."
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Paper", width=24),
        Column(title="What", width=10),
        Column(title="For", flexible=True),
        Column(title="Drawer", width=12, right=True),
    )

    async def found(self) -> Sequence[CashMove]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: moves_of_open_shift(desk, person))

    def row(self, entry: CashMove) -> Row:
        what = "Taken back" if entry.undoes else named(entry.kind)
        why = " ".join(part for part in (_words(entry.reason or ""), entry.text or "") if part)
        return Row(
            key=entry.move_id, cells=(entry.number or "", what, why, self.seat.shown(entry.into_drawer))
        )

    def facts(self, entry: CashMove | None) -> str:
        if entry is None:
            return "No cash was moved in this shift."
        return "It was taken back." if entry.undone else ""

    def action_accept(self) -> None:
        move = self.selected
        if move is None or move.number is None:
            self.refuse("There is nothing to take back here. Esc goes back.")
            return
        number = move.number

        def answered(reason: str | None) -> None:
            if reason:
                self._taking_back = (number, reason)
                self.errand(self._take_back(number, reason))

        warning = (
            f"Take back {named(move.kind).lower()} {number} of {self.seat.shown_with_currency(move.amount)}?"
        )
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _take_back(self, number: str, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        done = await self.seat.deed(partial(undo_cash_move, desk, person, number, reason))
        self.errands.drawer_opens()
        self.errands.paper_waits()
        await self.load(f"{number} is taken back, {done.move.number} is being printed.")

    def approved(self, said: str) -> None:
        self.say(said)
        self.errand(self._take_back(*self._taking_back))

    _taking_back: tuple[str, str] = ("", "")
