"""A closed shift: what was expected in its drawer, what was counted, and the difference."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pos.domain.foreign_cash import ForeignClosing
from pos.domain.money import Money, total
from pos.domain.shift_policy import ShiftPolicy
from pos.store.shifts import Declared, ExpectedTender


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustClosed:
    """The operator's purse at a dealer's till, when the shift was closed."""

    expected: Money
    counted: Money

    @property
    def over_short(self) -> Money:
        return self.counted - self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftClosed:
    """The closed shift with what was expected, counted and the difference, in the shop's own cash.

    ``counted_cash`` holds what was ``declared`` apart. ``foreign`` is each other currency that was taken or counted.
    ``trust`` is the operator's purse at a dealer's till; None: there is none. ``z_number`` is its report's;
    ``needs_acceptance``: another person signs for a difference.
    """

    shift_id: str
    number: int
    business_date: date
    float_: Money
    expected_cash: Money
    counted_cash: Money
    over_short: Money
    payments: int
    taken: tuple[ExpectedTender, ...]
    declared: tuple[Declared, ...] = ()
    foreign: tuple[ForeignClosing, ...] = ()
    trust: TrustClosed | None = None
    z_number: str = ""
    needs_acceptance: bool = False

    @property
    def difference(self) -> Money:
        """What the shift is over or short in all, in its currency."""
        shorts = [self.over_short, *(one.over_short for one in self.foreign)]
        shorts += [] if self.trust is None else [self.trust.over_short]
        return total(shorts, self.float_.currency)

    def agrees_within(self, policy: ShiftPolicy) -> bool:
        """Whether the cash is what was expected, in every currency and in every purse, or near enough for the shop."""
        in_purse = self.trust is None or policy.tolerates(self.trust.over_short)
        in_foreign = all(one.counted == one.expected for one in self.foreign)
        return policy.tolerates(self.over_short) and in_foreign and in_purse
