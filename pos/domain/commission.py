"""A dealer's commission on what the dealer buys, and the tax withheld of it: figured once, line by line, half up.

At the sale and net, the dealer pays less; at the sale and gross, it is credited to the dealer's account; at settlement it
is owed until the back office settles it. Gross is shown in every case. Source: domain.md rule 59.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pos.domain.money import Money


class CommissionAt(StrEnum):
    """When a commission is earned: with the sale, or when the back office settles it."""

    SALE = "sale"
    SETTLEMENT = "settlement"


class Settlement(StrEnum):
    """How it is paid at the sale: the dealer pays less, or has it on the dealer account."""

    NET = "net"
    GROSS = "gross"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTerms:
    """What holds for one line: per cent of its amount with tax, and per cent of the commission that is withheld."""

    percent: Decimal
    withholding_percent: Decimal
    at: CommissionAt
    settlement: Settlement

    @property
    def is_deducted(self) -> bool:
        """Whether the dealer pays less for it."""
        return self.at is CommissionAt.SALE and self.settlement is Settlement.NET

    @property
    def is_credited(self) -> bool:
        """Whether the sale puts it on the dealer's account."""
        return self.at is CommissionAt.SALE and self.settlement is Settlement.GROSS


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """What a line of ``gross`` earns. Both parts are frozen with the sale and never figured again."""

    gross: Money
    commission: Money
    withheld: Money
    terms: LineTerms

    @property
    def paid_out(self) -> Money:
        """What the dealer gets of it."""
        return self.commission - self.withheld

    @property
    def deducted(self) -> Money:
        """What the dealer pays less than ``gross``."""
        return self.paid_out if self.terms.is_deducted else self.paid_out - self.paid_out


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionRule:
    """A percentage for some items: by code, or by its beginning and ``*``; no items: for all."""

    percent: Decimal
    items: tuple[str, ...] = ()

    def holds_for(self, item: str) -> bool:
        """Whether the rule names this item."""
        return not self.items or any(
            item.startswith(named[:-1]) if named.endswith("*") else item == named for named in self.items
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionTerms:
    """The terms of a class of dealers: the first rule that names an item is the item's."""

    rules: Sequence[CommissionRule] = ()
    withholding_percent: Decimal = Decimal(0)
    at: CommissionAt = CommissionAt.SALE
    settlement: Settlement = Settlement.NET

    def for_item(self, item: str) -> LineTerms | None:
        """What this item earns; None: nothing."""
        rule = next((rule for rule in self.rules if rule.holds_for(item)), None)
        if rule is None or not rule.percent:
            return None
        return LineTerms(
            percent=rule.percent,
            withholding_percent=self.withholding_percent,
            at=self.at,
            settlement=self.settlement,
        )


def commission_on(gross: Money, terms: LineTerms) -> Commission:
    """The commission on a line's amount and what is withheld of it, each rounded half up to the minor unit."""
    commission = _share(gross, terms.percent)
    return Commission(
        gross=gross,
        commission=commission,
        withheld=_share(commission, terms.withholding_percent),
        terms=terms,
    )


def _share(amount: Money, percent: Decimal) -> Money:
    # In whole numbers: a percentage has at most four decimals.
    scaled = int(percent * 10_000)
    return Money((2 * amount.minor * scaled + 1_000_000) // 2_000_000, amount.currency)
