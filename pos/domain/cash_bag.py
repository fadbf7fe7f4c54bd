"""A bag of cash on its way from the safe to the bank: sealed and numbered, told on a deposit slip, counted again there.

Source: domain.md 3.3, 3.9 (the safe, cash in transit, the bank).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pos.domain.money import Money


class BagState(StrEnum):
    """Where a bag is. One that leaves a slip again is sealed as before; opened: its cash is loose in the safe again.

    Sent: it left for another till of the shop.
    """

    SEALED = "sealed"
    BATCHED = "batched"
    LODGED = "lodged"
    CREDITED = "credited"
    OPENED = "opened"
    SENT = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashBag:
    """A sealed bag. ``number`` is the one printed on it; ``amount`` is what was counted into it, in the shop's currency."""

    bag_id: str
    number: str
    amount: Money
    sealed_on: date
    sealed_by: str
    state: BagState = BagState.SEALED
    slip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedBag:
    """A bag as the bank counted it: what it credited may be less or more than was put in."""

    bag: CashBag
    credited: Money

    @property
    def over_short(self) -> Money:
        """What the bank found more (positive) or less than was put in."""
        return self.credited - self.bag.amount
