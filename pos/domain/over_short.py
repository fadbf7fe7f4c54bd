"""What was counted more or less than expected, as people say it: an amount and a word, no sign."""

from __future__ import annotations

from pos.domain.money import Money


def word_of(difference: Money) -> str:
    """``over``, ``short`` or ``exact``."""
    if difference.minor == 0:
        return "exact"
    return "over" if difference.minor > 0 else "short"


def size_of(difference: Money) -> Money:
    """The amount without its sign."""
    return -difference if difference.minor < 0 else difference
