"""Which day a deed belongs to: the day a shift is opened on, and the open day that a posting goes to.

Source: domain.md rule 25.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta


def business_date(opened_at: datetime, day_starts: time) -> date:
    """The business date of a shift opened at this moment of the shop's own time: before ``day_starts`` it is yesterday's."""
    day = opened_at.date()
    return day - timedelta(days=1) if opened_at.time() < day_starts else day


def open_date(day: date, closed_through: date | None) -> date:
    """Where a posting of ``day`` goes: the day itself, or the first one after the period that is closed."""
    if closed_through is None or day > closed_through:
        return day
    return closed_through + timedelta(days=1)
