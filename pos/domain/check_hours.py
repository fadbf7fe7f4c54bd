"""When the whole store is checked beside the selling: once a night, and at the latest after so many hours.

Source: reliability.md section 2 (31).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SETTLED = timedelta(minutes=5)
"""A till that was just opened has customers waiting; what was missed at night waits for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHours:
    """``night_hour``: the hour of the shop's night; ``every``: the most that may pass between two checks of an open till."""

    night_hour: int = 3
    every: timedelta = timedelta(hours=24)

    def is_due(self, last: datetime | None, now: datetime, *, open_for: timedelta) -> bool:
        """Whether to check now. ``last`` is when it was done last (aware, None: never), ``now`` the shop's own time."""
        if last is not None and last > now:
            # The clock was ahead once: that check says nothing of today.
            last = None
        begins = now.replace(hour=self.night_hour, minute=0, second=0, microsecond=0)
        if now.hour == self.night_hour and (last is None or last < begins):
            return True
        return open_for >= SETTLED and (last is None or now - last >= self.every)
