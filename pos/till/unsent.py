"""What central has not acknowledged: to look at, and to send again what it had refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pos.domain.money import Money
from pos.domain.role import Person
from pos.store import outbox
from pos.store.leg_shown import leg_shown
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """A leg that central has not acknowledged, or what became of one (``outcome``), as a person reads it.

    ``reason`` is central's word or the fault.
    """

    receipt_number: str
    account: str
    amount: Money
    mode: str
    state: str
    attempts: int
    taken_at: datetime
    next_attempt_at: datetime | None
    reason: str | None
    outcome: str | None = None


def unsent(desk: Desk, person: Person, *, limit: int = 500) -> list[Unsent]:
    """What waits for central: parked legs first, for they want a person, then the others in order."""
    require_enquiry(desk, person)
    with desk.till.read() as connection:
        rows = outbox.unsent(connection, limit)
        legs = [(row, leg_shown(connection, row)) for row in rows]
    return [
        Unsent(
            receipt_number=leg.receipt_number,
            account=row.account,
            amount=leg.amount,
            mode=leg.mode,
            state=row.state,
            attempts=row.attempts,
            taken_at=leg.taken_at,
            next_attempt_at=row.next_attempt_at,
            reason=row.reason,
            outcome=leg.outcome,
        )
        for row, leg in legs
        if person.may_see(row.account)
    ]


def send_again(desk: Desk, person: Person, *, memo: Memo | None = None) -> int:
    """Let every parked leg be sent again, once what central refused is mended; how many there were.

    Raises NotAuthorised.
    """

    def work(deed: Deed) -> int:
        return outbox.retry_parked(deed.unit.connection, at=deed.at)

    return perform(desk, person, "resolve_conflict", work, memo=memo)
