"""How far a till of the shop is with its day: what it tells of itself, and what the cash office heard of it last.

Nothing of it is money that was taken: an open drawer is still to be counted. Source: domain.md 3.9 and rule 55.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pos.domain.money import Money

FRESH_FOR = timedelta(minutes=15)
"""A till that was heard of longer ago may be anywhere in its day by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TillStanding:
    """``shift``: number and person of the open one. ``open_days``: business days that are not closed, the oldest first.

    ``waiting`` and ``parked`` are rows that central has not got, or refused; ``bags`` are on the way to another till.
    """

    shift: int | None = None
    operator: str = ""
    open_days: tuple[date, ...] = ()
    waiting: int = 0
    parked: int = 0
    bags: int = 0
    bags_amount: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTill:
    """Another till of the shop, as central last heard of it."""

    terminal: str
    standing: TillStanding
    heard_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Whether it can be relied on still."""
        return _is_fresh(self.heard_at, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTills:
    """All that central told, and when it did; ``asked_at`` None: it never answered."""

    tills: tuple[OtherTill, ...] = ()
    asked_at: datetime | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Whether central answered lately."""
        return self.asked_at is not None and _is_fresh(self.asked_at, now)


def _is_fresh(heard_at: datetime, now: datetime) -> bool:
    """What is yet to come was written before the clock was set back: how long ago, nobody knows."""
    return timedelta() <= now - heard_at <= FRESH_FOR
