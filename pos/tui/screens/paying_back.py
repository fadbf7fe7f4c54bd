"""Paying back and moving what a payment brought: how much, where to, why by number; then a second person, then done."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Label

from pos.domain.bill import OpenBill
from pos.domain.correction import CorrectionReason, TakenPayment
from pos.domain.errors import DomainError, Refused
from pos.domain.money import Money
from pos.domain.unfinished import Unfinished
from pos.till.correction_entry import Corrected
from pos.till.paid_back_elsewhere import undo
from pos.till.refund_across import give_up, pay_back
from pos.till.refunds import ACT as REFUND
from pos.till.refunds import RefundOrder
from pos.till.transfers import (
    REALLOCATE,
    TRANSFER,
    Move,
    MoveOrder,
    preview_reallocation,
    preview_transfer,
    reallocate,
    transfer,
)
from pos.tui.errands import Errands
from pos.tui.patience import LEFT
from pos.tui.screens.correction import REASONS, numbered_reasons
from pos.tui.screens.form import FormScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, DIGITS, Field

ACCOUNT_MAX = 40
TEXT_MAX = 200
BILLS_SHOWN_MAX = 4


class _MoneyScreen(FormScreen[Corrected]):
    """What refunds and transfers share: the amount, and the reason by its number."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")
    OFFERS: ClassVar[str]
    """The act that it is about."""

    def __init__(self, seat: Seat, errands: Errands, taken: TakenPayment, most: Money) -> None:
        super().__init__(seat, errands)
        self.taken = taken
        self.most = most

    def unfinished(self) -> Unfinished | None:
        return Unfinished(what=self.OFFERS, subject=self.taken.receipt_number, shown=self.most)

    def _amount(self) -> Field:
        return Field(
            f"Amount, {self.most.currency}",
            id="amount",
            value=self.seat.as_typed(self.most) if self.most else "",
            pattern=AMOUNT,
            limit=AMOUNT_MAX,
            note=f"at most {self.seat.shown(self.most)}",
        )

    def _why(self) -> ComposeResult:
        yield Field("Reason", id="reason", pattern=DIGITS, limit=1, note="its number")
        yield Field("In words", id="text", limit=TEXT_MAX, note="may stay empty")
        yield Label(numbered_reasons(), id="reasons", markup=False)

    def typed(self, name: str) -> str:
        """What stands in a field."""
        return self.query_one(f"#{name}", Field).value.strip()

    def reason(self) -> CorrectionReason:
        """Raises Refused ``bad_reason``."""
        typed = self.typed("reason")
        if not typed or not 1 <= int(typed) <= len(REASONS):
            raise Refused("bad_reason", f"Type a number from 1 to {len(REASONS)}.", field="reason")
        return REASONS[int(typed) - 1]

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        raise NotImplementedError

    def done(self, corrected: Corrected) -> None:
        """It is booked: its paper is printed, and the drawer opens where cash goes out."""
        self.errands.paper_waits()
        if corrected.opens_drawer:
            self.errands.drawer_opens()
        self.dismiss(corrected)

    def field_of(self, refusal: DomainError) -> Field | None:
        told = str(refusal.details.get("field", "")).lower()
        named = {"bad_reason": "reason", "reason_required": "text", "same_account": "account"}
        wanted = named.get(refusal.code) or (told if told in {"amount", "account", "reason"} else None)
        if wanted is None and "amount" in refusal.code:
            wanted = "amount"
        if wanted is None and "account" in refusal.code:
            wanted = "account"
        if wanted is None and "bill" in refusal.code:
            wanted = "bill"
        return next((field for field in self.fields if field.id == wanted), None)


class RefundScreen(_MoneyScreen):
    """Pays back; cash goes out of this drawer, other ways are owed until the back office confirms them.

    ``elsewhere``: another terminal took it, so that central is asked first.
    """

    OFFERS = REFUND

    def __init__(
        self, seat: Seat, errands: Errands, taken: TakenPayment, most: Money, *, elsewhere: bool = False
    ) -> None:
        super().__init__(seat, errands, taken, most)
        self._elsewhere = elsewhere

    def body(self) -> ComposeResult:
        of = f"{shown(self.taken.receipt_number)} of {shown(self.taken.payer_account)}"
        yield Label(f"Refund of receipt {of}", classes="title", markup=False)
        yield self._amount()
        yield from self._why()

    async def _send(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        order = RefundOrder(
            receipt=self.taken.receipt_number,
            amount=self.typed("amount"),
            reason=str(self.reason()),
            text=self.typed("text"),
            decimal_marks=self.seat.decimal_marks,
        )
        if self._elsewhere:
            self.say("Central is asked whether it may be paid back here...")
        central, runner = self.seat.central_now, self.seat.runner
        self.done(await self.seat.asked(pay_back(desk, person, order, central, runner)))

    def refused(self, refusal: DomainError) -> None:
        if refusal.code == LEFT:
            self._let_go()
        super().refused(refusal)

    def action_back(self) -> None:
        """Whoever leaves wants no answer any more."""
        if self._elsewhere:
            self._let_go()
        super().action_back()

    def _let_go(self) -> None:
        """What central may hold for it is let go, beside."""
        seat, receipt = self.seat, self.taken.receipt_number
        self.errands.beside(self, give_up(seat.desk, receipt, seat.refunds, seat.runner))


class _MoveScreen(_MoneyScreen):
    """The first Enter at the end shows what it does, the second does it."""

    _seen: MoveOrder | None = None

    def order(self) -> MoveOrder:
        """What is typed. Raises Refused ``bad_reason``."""
        raise NotImplementedError

    def look(self, order: MoveOrder) -> Move:
        """What it would do."""
        raise NotImplementedError

    def move(self, order: MoveOrder) -> Corrected:
        """Do it."""
        raise NotImplementedError

    async def _send(self) -> None:
        order = self.order()
        if order != self._seen:
            move = await self.seat.look(lambda: self.look(order))
            self._seen = order
            self._sending = False
            self.query_one("#preview", Label).update(Text("\n".join(self._lines(move))))
            self.say("This is what it does. Enter once more moves it, Esc leaves it.")
            return
        seat, receipt = self.seat, self.taken.receipt_number
        act = TRANSFER if self.OFFERS == TRANSFER else REALLOCATE
        deed = partial(self.move, order)
        self.done(
            await seat.asked(undo(seat.desk, seat.person, act, receipt, deed, seat.central_now, seat.runner))
        )

    def _lines(self, move: Move) -> list[str]:
        amount = self.seat.shown
        off = [
            f" Bill {part.bill_no} of {part.account} open again: {amount(share)}"
            if part.bill_no is not None
            else f" Off the credit of {part.account}: {amount(share)}"
            for part, share in move.undone
        ]
        on = [
            f" Bill {part.bill_no} of {part.account} paid: {amount(part.amount)}"
            if part.bill_no is not None
            else f" Credit on {part.account}: {amount(part.amount)}"
            for part in move.goes_to
        ]
        return [*off, *on]


class TransferScreen(_MoveScreen):
    """Moves money to another account."""

    OFFERS = TRANSFER

    def body(self) -> ComposeResult:
        of = f"{shown(self.taken.receipt_number)} of {shown(self.taken.payer_account)}"
        yield Label(f"Transfer of receipt {of}", classes="title", markup=False)
        yield Field("To account", id="account", limit=ACCOUNT_MAX)
        yield self._amount()
        yield from self._why()
        yield Label("", id="preview", markup=False)

    def order(self) -> MoveOrder:
        return MoveOrder(
            receipt=self.taken.receipt_number,
            account=self.typed("account"),
            amount=self.typed("amount"),
            reason=str(self.reason()),
            text=self.typed("text"),
            decimal_marks=self.seat.decimal_marks,
        )

    def look(self, order: MoveOrder) -> Move:
        return preview_transfer(self.seat.desk, self.seat.person, order)

    def move(self, order: MoveOrder) -> Corrected:
        return transfer(self.seat.desk, self.seat.person, order)


class ReallocateScreen(_MoveScreen):
    """Sets money against another bill of its account, or keeps it there as credit."""

    OFFERS = REALLOCATE

    def __init__(
        self, seat: Seat, errands: Errands, taken: TakenPayment, most: Money, bills: Sequence[OpenBill]
    ) -> None:
        super().__init__(seat, errands, taken, most)
        self._bills = bills

    def body(self) -> ComposeResult:
        of = f"{shown(self.taken.receipt_number)} of {shown(self.taken.payer_account)}"
        yield Label(f"Other bills for receipt {of}", classes="title", markup=False)
        yield Label(self._open(), id="open-bills", markup=False)
        yield Field("To bill", id="bill", limit=ACCOUNT_MAX, note="empty: as credit")
        yield self._amount()
        yield from self._why()
        yield Label("", id="preview", markup=False)

    def _open(self) -> str:
        if not self._bills:
            return " No bill is open there: it may be kept as credit."
        named = [
            f"{bill.bill.bill_no} {self.seat.shown(bill.open)}" for bill in self._bills[:BILLS_SHOWN_MAX]
        ]
        more = len(self._bills) - len(named)
        return " Open: " + ", ".join([*named, f"and {more} more"] if more else named)

    def order(self) -> MoveOrder:
        bill, amount = self.typed("bill"), self.typed("amount")
        return MoveOrder(
            receipt=self.taken.receipt_number,
            amount=None if bill else amount,
            bills=[(bill, amount)] if bill else (),
            reason=str(self.reason()),
            text=self.typed("text"),
            decimal_marks=self.seat.decimal_marks,
        )

    def look(self, order: MoveOrder) -> Move:
        return preview_reallocation(self.seat.desk, self.seat.person, order)

    def move(self, order: MoveOrder) -> Corrected:
        return reallocate(self.seat.desk, self.seat.person, order)
