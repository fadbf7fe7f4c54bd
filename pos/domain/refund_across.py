"""Paying back a payment that another terminal took: central tells it and holds the money for this one before any goes out.

Only central knows what all terminals have done to a payment. Source: domain.md 3.6 and rule 32; reliability.md
invariant 37.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from pos.domain.correction import TakenPayment
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class LegElsewhere:
    """A leg of a payment as central has it: by ``payment_id`` there. ``may_go_back`` is what is free to be paid back now,
    ``refunded`` what was undone of it by anybody, ``cleared_at`` when a cheque's money became sure (None: no cheque).
    """

    leg: int
    payment_id: str
    account: str
    mode: str
    method_type: str
    amount: Money
    may_go_back: Money
    refunded: Money | None = None
    cleared_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenElsewhere:
    """A payment that another terminal took, or this one before its store was put back; where its money stands now."""

    taken: TakenPayment
    terminal: str
    legs: tuple[LegElsewhere, ...]

    @property
    def may_go_back(self) -> Money:
        """What of all of it may be paid back now."""
        return total((leg.may_go_back for leg in self.legs), self.taken.amount.currency)

    def held_until(self, cleared_by: datetime) -> TakenElsewhere:
        """The same, with nothing to be paid back yet of cheques that cleared after ``cleared_by``."""
        legs = tuple(
            replace(leg, may_go_back=zero(leg.amount.currency))
            if leg.cleared_at is not None and leg.cleared_at > cleared_by
            else leg
            for leg in self.legs
        )
        return replace(self, legs=legs)

    @property
    def left(self) -> Mapping[str, Money]:
        """What of each leg stands on bills and accounts, sure or not, by its id at central."""
        none = zero(self.taken.amount.currency)
        found = {leg.payment_id: none for leg in self.legs}
        for part in self.taken.parts:
            if part.purpose not in (Purpose.ITEMS, Purpose.SUSPENSE):
                found[part.tender_id] = found[part.tender_id] + part.left
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsked:
    """What central is to hold: so much of each leg, by its id there. ``hold_id`` is ours and makes a retry harmless.

    ``own``: the payment is in this till's own books.
    """

    hold_id: str
    terminal: str
    operator: str
    receipt_number: str
    legs: tuple[tuple[str, Money], ...]
    own: bool = False

    @property
    def amount(self) -> Money:
        """All of it."""
        return total((amount for _, amount in self.legs), self.legs[0][1].currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPart:
    """What a leg's money comes off, by the leg's id at central: a bill, or (without one) an account."""

    payment_id: str
    account: str
    bill_no: str | None
    bill_id: str | None
    purpose: Purpose
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundHeld:
    """Central holds it for this terminal, off these parts of the payment: of each leg what was asked."""

    parts: tuple[HeldPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundDenied:
    """Central said no: a stable code and a text fit for a cashier."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundUnanswered:
    """No answer: of an asking it is unknown whether the money is held."""

    reason: str


LookUpOutcome = TakenElsewhere | RefundDenied | RefundUnanswered
HoldOutcome = RefundHeld | RefundDenied | RefundUnanswered


class RefundDesk(Protocol):
    """Who knows the payments of all terminals: central, behind the wire. None of these raises for the network."""

    async def find(self, receipt_number: str) -> LookUpOutcome:
        """The payment of a receipt."""
        ...

    async def hold(self, asked: RefundAsked) -> HoldOutcome:
        """Hold it, or tell again what is held under this id."""
        ...

    async def release(self, hold_id: str) -> bool:
        """Let go of a hold, also of one that never arrived; False: central did not answer."""
        ...
