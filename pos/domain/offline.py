"""How much of a way to pay is taken while central doesn't answer: within these limits the company bears the loss.

Source: domain.md rules 51 and 52; reliability.md section 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from pos.domain.money import Money, total


class Limit(StrEnum):
    """What an offline limit counts."""

    ITEM = "item"
    CUSTOMER = "customer"
    SHIFT_TOTAL = "shift_total"
    COUNT = "count"
    HOURS = "hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineLimits:
    """The limits of one way to pay; None, or 0 for ``count`` and ``hours``: not limited."""

    item: Money | None = None
    customer: Money | None = None
    shift_total: Money | None = None
    count: int = 0
    hours: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflinePolicy:
    """``after``: so long central may be silent before the till counts as offline; one without a central never does.

    ``limits`` by the mode's code.
    """

    has_central: bool = False
    after: timedelta = timedelta(minutes=10)
    limits: Mapping[str, OfflineLimits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineUse:
    """What was taken of one way to pay since central last answered, and how long ago that was (None: nobody knows)."""

    customer: Money
    shift_total: Money
    count: int
    silent_for: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """Which limit is in the way, where it stands, and how much of it is left: amounts, or numbers as text."""

    limit: Limit
    cap: Money | int
    left: Money | int


def exceeded(limits: OfflineLimits, use: OfflineUse, tenders: Sequence[Money]) -> Exceeded | None:
    """The first limit that ``tenders`` more of this way to pay would break; without any: one that is used up already."""
    if limits.hours and use.silent_for is not None and use.silent_for >= timedelta(hours=limits.hours):
        return Exceeded(limit=Limit.HOURS, cap=limits.hours, left=0)
    more = max(len(tenders), 1)
    if limits.count and use.count + more > limits.count:
        return Exceeded(limit=Limit.COUNT, cap=limits.count, left=max(limits.count - use.count, 0))
    for item in tenders:
        if limits.item is not None and item > limits.item:
            return Exceeded(limit=Limit.ITEM, cap=limits.item, left=limits.item)
    sums = (
        (Limit.CUSTOMER, limits.customer, use.customer),
        (Limit.SHIFT_TOTAL, limits.shift_total, use.shift_total),
    )
    for limit, cap, used in sums:
        if cap is None:
            continue
        wanted = total(tenders, cap.currency)
        if used + wanted > cap or (not tenders and used >= cap):
            return Exceeded(limit=limit, cap=cap, left=cap - used if used < cap else cap - cap)
    return None
