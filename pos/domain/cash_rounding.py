"""Cash rounding: what the smallest coin does to the cash leg of a payment, and to nothing else.

The cash that is still wanted after the other tenders is rounded, never a bill and never a line. It is symmetric, and a
payer who has the exact small coins may pay unrounded. Source: domain.md rules 2 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pos.domain.money import Money, round_to_coin, zero


class Difference(StrEnum):
    """What becomes of the difference: an account of its own (the bill shows paid), or it stays with the customer."""

    ACCOUNT = "account"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashRounding:
    """How a shop rounds cash. ``coin_minor`` is its smallest coin in minor units; 1: nothing is rounded."""

    coin_minor: int = 1
    difference: Difference = Difference.ACCOUNT

    def due(self, wanted: Money) -> Money:
        """What is asked for in cash where ``wanted`` is missing."""
        return round_to_coin(wanted, self.coin_minor)

    def completes(self, coins: Money, wanted: Money, *, foreign: Money) -> bool:
        """Whether ``coins``, beside ``foreign`` notes at their value, are all that coins can make of ``wanted``."""
        return (coins + foreign).minor > 0 and coins >= self.due(wanted - foreign)

    def change(self, coins: Money, wanted: Money, *, foreign: Money) -> Money:
        """What goes back in coins where ``coins`` and ``foreign`` notes were given; all where nothing was wanted."""
        cash = coins + foreign
        over = cash - wanted
        if wanted.minor <= 0:
            return cash
        if over.minor <= 0:
            return zero(cash.currency)
        whole_coins = coins.minor % self.coin_minor == 0
        back = coins - self.due(wanted - foreign) if whole_coins else round_to_coin(over, self.coin_minor)
        return max(zero(cash.currency), min(back, cash))


NO_ROUNDING = CashRounding()
