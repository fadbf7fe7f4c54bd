"""Dealers at the counter: on what terms goods leave before their money is sure, and how a dealer stands.

Source: domain.md 3.4 and rule 58.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pos.domain.commission import CommissionTerms
from pos.domain.money import Money, zero

NO_COMMISSION = CommissionTerms()


class Release(StrEnum):
    """Whether items with serial numbers leave on a bank receipt at once, or only when the bank has confirmed it."""

    NOW = "now"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerTerms:
    """What holds for a class of dealers. ``unverified_cap`` None: the dealer's own credit limit."""

    unverified_cap: Money | None = None
    release: Release = Release.NOW
    commission: CommissionTerms = NO_COMMISSION


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerPolicy:
    """The shop's terms: ``standard``, and those of some classes by name.

    ``block_after_rejection``: no further bank receipt of a dealer while one stands rejected. ``trust_apart``: bill money in
    a dealer's own till is kept apart as the operator's.
    """

    standard: DealerTerms
    classes: Mapping[str, DealerTerms]
    block_after_rejection: bool = True
    trust_apart: bool = True

    def terms(self, dealer_class: str) -> DealerTerms:
        """The terms of a class, the standard ones where it has none of its own."""
        return self.classes.get(dealer_class, self.standard)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerStanding:
    """How a dealer stands. ``unverified``: bank receipts that no bank has confirmed; ``open_orders``: goods that left
    on other money which is not sure yet; ``owed``: what the dealer's account is below zero."""

    cap: Money
    unverified: Money
    open_orders: Money
    owed: Money
    blocked: bool

    @property
    def used(self) -> Money:
        return self.unverified + self.open_orders + self.owed

    @property
    def left(self) -> Money:
        """For how much goods may still leave on bank receipts."""
        return max(self.cap - self.used, zero(self.cap.currency))
