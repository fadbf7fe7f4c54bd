"""A person's time at the till: since when, and when the PIN was last typed. Source: reliability.md 5.2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pos.domain.lock_out import Moment
from pos.domain.role import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """How long a session lasts, how fresh the PIN is for sensitive acts, and for which.

    ``roster``: how old what is known of the people may be while central does not answer; None: as old as it is.
    """

    lasts: timedelta = timedelta(hours=12)
    fresh_pin: timedelta = timedelta(minutes=5)
    fresh_acts: frozenset[str] = frozenset()
    roster: timedelta | None = None
    first_pin: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who sits here. ``pin_is_first``: nothing may be done before a PIN of the own is chosen."""

    person: Person
    began: Moment
    pin_typed: Moment
    pin_is_first: bool = False
    ended: bool = False

    def is_over(self, policy: SessionPolicy, now: Moment) -> bool:
        """Whether it ended, or has lasted as long as one may."""
        return self.ended or elapsed(self.began, now) >= policy.lasts

    def wants_pin(self, act: str, policy: SessionPolicy, now: Moment) -> bool:
        """Whether ``act`` is one for which the PIN was typed too long ago."""
        return act in policy.fresh_acts and elapsed(self.pin_typed, now) > policy.fresh_pin


def elapsed(since: Moment, now: Moment) -> timedelta:
    """The longer of what both clocks say: a machine that slept counted no seconds, a clock that was set back counts none."""
    passed = timedelta(seconds=now.monotonic_s - since.monotonic_s)
    return max(passed, now.wall - since.wall)
