"""Time that passes only when nobody has anything left to do.

The loop's selector never waits: what it was asked to wait is added to the clock. A day at five counters takes as long as
the work in it, and two runs of one seed see the same moments.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

Outcome = TypeVar("Outcome")

OPENING = datetime(2026, 11, 21, 8, 0, tzinfo=ZoneInfo("Asia/Kuwait"))
"""The wall clock when a simulation begins."""


class NothingWillHappen(Exception):
    """Everybody waits for somebody else, and no timer is set."""


class _PatientSelector(selectors.SelectSelector):
    """Waits for nothing: time jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingWillHappen("no timer is set and nobody is ready")
        self.now_s += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time. It has no files and no sockets."""

    def __init__(self) -> None:
        self._patient = _PatientSelector()
        super().__init__(self._patient)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._patient.now_s


def run_in_virtual_time(main: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Run ``main`` to its end in a loop of its own; what it left running is cancelled."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        left = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()


class WallClock:
    """The clock port of one machine; ``skew_s`` is how far its wall clock is from the right time."""

    def __init__(self, *, skew_s: float = 0.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._skew_s = skew_s

    def now(self) -> datetime:
        return OPENING + timedelta(microseconds=round((self._loop.time() + self._skew_s) * 1_000_000))

    def monotonic_s(self) -> float:
        return self._loop.time()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
