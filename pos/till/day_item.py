"""One thing that is not done at the end of a business day."""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DayItem:
    """Something that is not done. ``stops``: the day is not closed before it is; ``where``: the way to it on the screen."""

    code: str
    said: str
    stops: bool
    where: str = ""
    count: int | None = None
    amount: Money | None = None

    @property
    def first(self) -> str:
        """To whoever wants to close the day: this comes first."""
        where = f" ({self.where})" if self.where else ""
        return f"{self.said}{where}. The day is closed after that."
