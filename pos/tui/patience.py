"""Waiting for central before money goes back, no longer than whoever sits here wants to.

Central is asked with the keys held back, for the screen may not be another one when the answer comes. Esc ends the
waiting: nothing is done then, and what central may hold is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pos.domain.errors import Refused
from pos.domain.refund_across import HoldOutcome, LookUpOutcome, RefundAsked, RefundDesk

Answer = TypeVar("Answer")

SAID_AFTER_S = 0.5
"""An answer that comes sooner needs no word."""
LEFT = "left_waiting"


class Patience:
    """Central as a ``RefundDesk`` whose questions can be left. ``told`` is called where one takes longer than a moment."""

    def __init__(self, central: RefundDesk, told: Callable[[], None]) -> None:
        self._central = central
        self._told = told
        self._left: asyncio.Event | None = None

    @property
    def waits(self) -> bool:
        """Whether a question is without its answer now."""
        return self._left is not None

    def leave(self) -> None:
        """Wait no longer: the deed that asked ends as Refused ``left_waiting``."""
        if self._left is not None:
            self._left.set()

    async def find(self, receipt_number: str) -> LookUpOutcome:
        """The payment of a receipt. Raises Refused ``left_waiting``."""
        return await self._unless_left(self._central.find(receipt_number))

    async def hold(self, asked: RefundAsked) -> HoldOutcome:
        """Hold it, or tell again what is held under this id. Raises Refused ``left_waiting``: central may hold it."""
        return await self._unless_left(self._central.hold(asked))

    async def release(self, hold_id: str) -> bool:
        """Let go of a hold. Nobody waits for this: it is tried again by itself."""
        return await self._central.release(hold_id)

    async def _unless_left(self, question: Awaitable[Answer]) -> Answer:
        left = self._left = asyncio.Event()
        asked, gone = asyncio.ensure_future(question), asyncio.ensure_future(left.wait())
        word = asyncio.get_running_loop().call_later(SAID_AFTER_S, self._told)
        try:
            await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                return asked.result()
            raise Refused(LEFT, "You left before central answered: nothing was done.")
        finally:
            self._left = None
            word.cancel()
            for task in (asked, gone):
                task.cancel()
