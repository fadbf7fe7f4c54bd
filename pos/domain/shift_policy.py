"""What the shop asks of a shift: its float, its count, and from which difference on another person signs for it.

Source: domain.md 3.8.
"""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftPolicy:
    """All in minor units of the shop's currency.

    Cash that differs by up to ``tolerance_minor`` closes without a reason and is signed off by nobody. A role with the right
    ``limit`` signs off up to ``accept_minor`` (None: any sum). A float of more than ``float_alone_minor`` wants a second
    person (None: none does). ``denominations`` are the notes and coins, the largest first; ``by_denomination``: floats and
    counts are told in them.
    """

    tolerance_minor: int = 0
    accept_minor: int | None = None
    float_alone_minor: int | None = None
    denominations: tuple[int, ...] = ()
    by_denomination: bool = False

    def tolerates(self, difference: Money) -> bool:
        """Whether cash that differs by so much counts as agreeing."""
        return abs(difference.minor) <= self.tolerance_minor
