"""What a till tells our central beside the outbox: nothing waits for it, and it lies in the books until it was told.

Whoever tells something asks central what it heard last, and tells what came since; how far that went is all that is kept
here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from pos.domain.ports import Clock

Place = TypeVar("Place")

AGAIN_AFTER_S = 10
"""Where central did not take it; the deeds that it belongs to wait longer."""


class Teller(Generic[Place]):
    """Up to where central was told, so that a till in which nothing happens asks nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._again_s = 0.0
        self.told: Place | None = None

    async def tell(self, here: Place, tell_since: Callable[[], Awaitable[bool]]) -> None:
        """``tell_since`` where ``here`` is another place than the last that was told; it answers whether all was taken."""
        if here == self.told or self._clock.monotonic_s() < self._again_s:
            return
        if await tell_since():
            self.told = here
        else:
            self._again_s = self._clock.monotonic_s() + AGAIN_AFTER_S
