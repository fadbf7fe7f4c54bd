"""How long wrong tries lock: by the clock that cannot be set where there is one, else by the wall clock.

Source: reliability.md 5.2 and invariant 46.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_TRIES = 4
"""So many wrong tries in a row lock nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Now, by both clocks. ``boot`` names the run of the machine in which ``monotonic_s`` counts."""

    wall: datetime
    monotonic_s: float
    boot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Locked since ``since`` for ``length``."""

    since: Moment
    length: timedelta

    def left(self, now: Moment) -> timedelta:
        """How long it still holds; nothing, or less, where it is over. Never more than its own length.

        In the machine's own run setting the clock changes nothing. After another start the wall clock decides: one that
        stands before the lock begins it anew.
        """
        if now.boot == self.since.boot and now.monotonic_s >= self.since.monotonic_s:
            return self.length - timedelta(seconds=now.monotonic_s - self.since.monotonic_s)
        return min(self.length, self.length - (now.wall - self.since.wall))

    def must_begin_anew(self, now: Moment) -> bool:
        """Whether only the wall clock is left to go by and it stands before the lock: from now on this start counts."""
        another_run = now.boot != self.since.boot or now.monotonic_s < self.since.monotonic_s
        return another_run and now.wall < self.since.wall


def lock_for(failures: int, minutes: tuple[int, ...], *, free: int, now: Moment) -> Lock | None:
    """The lock that the wrong try number ``failures`` sets: none for the first ``free``, then longer with each."""
    over = failures - free - 1
    if over < 0:
        return None
    return Lock(since=now, length=timedelta(minutes=minutes[min(over, len(minutes) - 1)]))
