"""What a payment does to an account in collection: whether it clears what is overdue, and when service comes back.

Only money that is final restores anything: cash and cards at once, a cheque when it is cleared, or at once for a class of
accounts that the shop trusts. Source: domain.md rules 16 and 17.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pos.domain.allocation import may_be_paid
from pos.domain.bill import OpenBill
from pos.domain.payment_event import PaymentEvent
from pos.domain.payment_mode import ModeKind

SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidBefore:
    """A leg of an earlier payment on the account that isn't final yet, and what it waits for."""

    correlator_id: str
    final_when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunned:
    """An account as it stood in collection when it was paid. ``stage`` is put back if the money bounces.

    ``clearing_legs`` are the correlator ids of the legs that together clear all that is overdue, those of earlier payments
    that aren't final among them; none: something stays overdue. ``waits_for`` says what they wait for; empty: nothing.
    """

    account: str
    status: str
    stage: int
    clearing_legs: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()

    @property
    def clears(self) -> bool:
        return bool(self.clearing_legs)

    @property
    def note(self) -> str | None:
        """What the receipt says; None: nothing comes of this payment."""
        if not self.clears:
            return None
        when = " and ".join(self.waits_for) or "now"
        if self.status == SUSPENDED:
            return f"Account {self.account}: service is restored {when}."
        return f"Account {self.account}: nothing is overdue any more; collection ends {when}."


def is_dunned(status: str, stage: int) -> bool:
    """Whether an account is in collection, or its service is suspended; a closed one has no service to restore."""
    return status == SUSPENDED or (stage > 0 and status != "closed")


def clearing(
    before: Dunned,
    event_id: str,
    event: PaymentEvent,
    bills: Iterable[OpenBill],
    *,
    paid_before: Sequence[PaidBefore],
    today: date,
    trusted: bool,
) -> Dunned:
    """What ``event`` does to the overdue ones of the account's open ``bills``. A disputed bill is not overdue.

    ``trusted``: the account's class is one whose cheques count as final. Who pays most by a cheque and the rest in cash
    waits for the cheque, also where the cheque came in an earlier payment (``paid_before``).
    """
    overdue = {
        bill.bill.bill_no: bill.open
        for bill in bills
        if bill.is_open and bill.bill.due_date < today and may_be_paid(bill)
    }
    paid = {part.bill_no: part.amount for part in event.allocations if part.bill_no in overdue}
    if not overdue or paid != overdue:
        return before
    tenders = {part.tender for part in event.funded if part.allocation.bill_no in overdue}
    own = [
        f"{event_id}-{number}"
        for number, leg in enumerate(event.legs, start=1)
        if leg.tender in tenders and leg.account == before.account
    ]
    waits = [
        event.tenders[place].mode.final_when
        for place in sorted(tenders)
        if not (trusted and event.tenders[place].mode.kind is ModeKind.CHEQUE)
    ] + [one.final_when for one in paid_before]
    return replace(
        before,
        clearing_legs=(*own, *(one.correlator_id for one in paid_before)),
        waits_for=tuple(dict.fromkeys(text for text in waits if text)),
    )
