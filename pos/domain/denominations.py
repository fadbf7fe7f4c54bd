"""Cash told by its notes and coins: how many of each, and what they sum to. Source: domain.md 3.8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, parse_amount

PIECES_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """So many notes or coins of one value."""

    value: Money
    pieces: int

    @property
    def amount(self) -> Money:
        """What they are together."""
        return Money(self.value.minor * self.pieces, self.value.currency)


def read_pieces(
    told: Sequence[tuple[str, int]], in_currency: Currency, *, known: Sequence[int], decimal_marks: str = "."
) -> list[Pieces]:
    """Values as texts with how many of each, the largest first; ``known`` are the shop's, none: any value.

    Raises Refused ``unknown_denomination``, ``named_twice``, ``bad_pieces`` or what ``parse_amount`` raises.
    """
    read: dict[int, Pieces] = {}
    for text, pieces in told:
        value = parse_amount(text, in_currency, decimal_marks=decimal_marks)
        if known and value.minor not in known:
            raise Refused("unknown_denomination", f"There is no note or coin of {value}.", field="pieces")
        if value.minor in read:
            raise Refused("named_twice", f"{value} stands in this count twice. Count it in one.")
        if not 0 <= pieces <= PIECES_MAX:
            raise Refused("bad_pieces", "Count notes and coins in whole numbers.", field="pieces")
        if pieces:
            read[value.minor] = Pieces(value=value, pieces=pieces)
    return [read[minor] for minor in sorted(read, reverse=True)]


def require_sum(pieces: Sequence[Pieces], cash: Money) -> None:
    """Raises Refused ``pieces_differ`` where notes and coins do not make ``cash``."""
    summed = sum(one.amount.minor for one in pieces)
    if summed != cash.minor:
        made = Money(summed, cash.currency)
        raise Refused(
            "pieces_differ",
            f"The notes and coins make {made}, not {cash}. Count again.",
            pieces=made.plain(),
            cash=cash.plain(),
            currency=cash.currency.code,
        )
