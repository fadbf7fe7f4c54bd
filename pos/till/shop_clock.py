"""The till's clock against its own books: a clock behind the last deed opens no shift until a person has looked at it.

An open shift goes on selling, with a warning and one audit row. Else a clock that was once wrong ahead would stop the till
for years. Source: domain.md rule 26.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from pos.domain.errors import Refused
from pos.domain.role import Person
from pos.store.audit import CLOCK_BEHIND, CONFIRM_CLOCK, is_audited, latest_deed_at
from pos.store.times import utc_text
from pos.till.desk import Deed, Desk, Memo, audit_beside, perform

SLACK = timedelta(minutes=1)
"""Clocks are set right by a moment all day long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockConfirmed:
    """A person has seen that the clock is right."""

    at: datetime


def clock_behind(connection: Connection, now: datetime) -> datetime | None:
    """The last deed, where the clock stands before it; None: the clock goes on from there as it should."""
    latest = latest_deed_at(connection)
    return latest if latest is not None and now < latest - SLACK else None


def require_clock(deed: Deed) -> None:
    """Raises Refused ``clock_behind``."""
    latest = clock_behind(deed.unit.connection, deed.at)
    if latest is not None:
        here = latest.astimezone(deed.at.tzinfo)
        raise Refused(
            "clock_behind",
            f"The clock says {deed.at:%Y-%m-%d %H:%M}, but the last deed here was at {here:%Y-%m-%d %H:%M}. "
            "Set it right, or have a supervisor confirm it.",
            clock=deed.at.isoformat(timespec="seconds"),
            last_deed=here.isoformat(timespec="seconds"),
        )


def note_clock(deed: Deed) -> None:
    """Money is taken all the same; that the clock stood behind is audited once a shift."""
    shift = deed.require_shift()
    connection = deed.unit.connection
    if clock_behind(connection, deed.at) is not None and not is_audited(
        connection, CLOCK_BEHIND, shift.shift_id
    ):
        audit_beside(deed, CLOCK_BEHIND, "warned")


def confirm_clock(desk: Desk, person: Person, *, memo: Memo | None = None) -> ClockConfirmed:
    """``person`` has compared the clock with another and vouches for it: from now on the books go on from here.

    Raises NotAuthorised.
    """

    def work(deed: Deed) -> ClockConfirmed:
        deed.subject = utc_text(deed.at)
        return ClockConfirmed(at=deed.at)

    return perform(desk, person, CONFIRM_CLOCK, work, memo=memo)
