"""Cash that goes into or out of an open drawer without a payment: pickups, loans, paid in, paid out, and no sale.

Source: domain.md 1 (Till and cash office); reliability.md section 2 (23, 30).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.posting import JournalLine, Ledger, credit, debit

OTHER = "other"
"""The reason that wants its words."""

PAID_IN_REASONS = {"found": "cash_over_short", "other": "sundry_income"}
PAID_OUT_REASONS = {
    "postage": "petty_expenses",
    "supplies": "petty_expenses",
    "transport": "petty_expenses",
    "other": "petty_expenses",
}


class MoveKind(StrEnum):
    """What was done at the drawer. PICKUP and LOAN are to and from the safe; NO_SALE only opened it."""

    PICKUP = "pickup"
    LOAN = "loan"
    PAID_IN = "paid_in"
    PAID_OUT = "paid_out"
    NO_SALE = "no_sale"

    @property
    def sign(self) -> int:
        """1 into the drawer, -1 out of it, 0 neither."""
        return _SIGN[self]

    @property
    def is_with_safe(self) -> bool:
        """Whether the cash stays the shop's, in the safe or in the till."""
        return self in (MoveKind.PICKUP, MoveKind.LOAN)


_SIGN = {
    MoveKind.PICKUP: -1,
    MoveKind.LOAN: 1,
    MoveKind.PAID_IN: 1,
    MoveKind.PAID_OUT: -1,
    MoveKind.NO_SALE: 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMove:
    """One such move. ``amount`` is never negative; ``undoes`` is the id of the move that this one takes back.

    ``number`` is that of its paper, None where nothing moved. ``reason`` is a code of the settings, ``text`` in words.
    """

    move_id: str
    number: str | None
    kind: MoveKind
    amount: Money
    reason: str | None
    text: str | None
    ledger_account: str | None
    operator: str
    undoes: str | None = None
    undone: bool = False

    @property
    def into_drawer(self) -> Money:
        """What the drawer has more by it, or (negative) less."""
        sign = -self.kind.sign if self.undoes else self.kind.sign
        return self.amount if sign > 0 else -self.amount if sign < 0 else self.amount - self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMovePolicy:
    """What is paid in and out for, with the ledger account of each reason, and from what on a second person is wanted.

    A role with the right ``limit`` moves so much alone between drawer and safe (``safe_alone_minor``), and in or out for a
    reason (``paid_alone_minor``), in the shop's currency.
    """

    paid_in: Mapping[str, str] = field(default_factory=lambda: dict(PAID_IN_REASONS))
    paid_out: Mapping[str, str] = field(default_factory=lambda: dict(PAID_OUT_REASONS))
    safe_alone_minor: int = 0
    paid_alone_minor: int = 0

    def reasons(self, kind: MoveKind) -> Mapping[str, str]:
        """The reasons that ``kind`` is done for; none for what needs no such reason."""
        return {MoveKind.PAID_IN: self.paid_in, MoveKind.PAID_OUT: self.paid_out}.get(kind, {})

    def alone_minor(self, kind: MoveKind) -> int:
        """So much of ``kind`` one person moves alone."""
        return self.safe_alone_minor if kind.is_with_safe else self.paid_alone_minor

    def ledger_account(self, kind: MoveKind, reason: str | None, text: str | None) -> str | None:
        """What stands against the drawer in the books; None for what moves nothing.

        Raises Refused ``unknown_reason`` or ``reason_missing``.
        """
        if kind is MoveKind.NO_SALE:
            return None
        if kind.is_with_safe:
            return Ledger.SAFE
        known = self.reasons(kind)
        if reason is None or reason not in known:
            raise Refused(
                "unknown_reason",
                f"The reason is one of {', '.join(known)}.",
                field="reason",
                allowed=list(known),
            )
        if reason == OTHER and not text:
            raise Refused("reason_missing", "Say in words what it is for.", field="text")
        return known[reason]


def move_lines(move: CashMove) -> list[JournalLine]:
    """The drawer against the safe or the reason's account; nothing for a drawer that was only opened."""
    change = move.into_drawer
    if move.ledger_account is None or change.minor == 0:
        return []
    if change.minor > 0:
        return [debit(Ledger.CASH_IN_TILL, change), credit(move.ledger_account, change)]
    return [debit(move.ledger_account, -change), credit(Ledger.CASH_IN_TILL, -change)]


def move_series(receipt_series: str) -> str:
    """The series of these papers beside a series of receipts."""
    return f"{receipt_series}-CM"
