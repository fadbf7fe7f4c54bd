"""One operator at two tills: the last sign-in wins, and this till learns when it was another's.

Nothing waits for it: without central, or at a foreign one, nothing happens. Source: domain.md rule 27.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import quote

from pos.domain.ports import Clock
from sync.client import CentralClient
from sync.outcomes import OwnAnswer
from sync.told import clean_told

ASK_EVERY_S = 10


class Sessions:
    """What this till tells of its sign-in, and what it hears of a later one."""

    def __init__(self, client: CentralClient, clock: Clock, terminal: str) -> None:
        self._client = client
        self._clock = clock
        self._terminal = terminal
        self._operator: str | None = None
        self._since_s = 0.0
        self._told = False
        self._next_s = 0.0
        self._taken_by: str | None = None
        self._is_other = False

    def seated(self, operator: str | None) -> None:
        """Somebody has just signed in or unlocked here; None: nobody sits here any more."""
        self._operator, self._since_s = operator, self._clock.monotonic_s()
        self._told, self._taken_by, self._next_s = False, None, 0.0
        self._is_other = False

    def taken_by(self) -> str | None:
        """The terminal where the operator who sits here signed in later."""
        return self._taken_by

    def people_changed(self, users: Collection[str]) -> None:
        """Central had these disabled, let in again, or roles taken from them."""
        self._is_other = self._is_other or self._operator in users

    def is_another(self) -> bool:
        """Whether the person who sits here may do other things since, or nothing."""
        return self._is_other

    async def exchange(self) -> None:
        """Tell the sign-in once, then ask every so often for a later one. Never raises for the network."""
        operator, now_s = self._operator, self._clock.monotonic_s()
        if operator is None or self._taken_by is not None or now_s < self._next_s:
            return
        self._next_s = now_s + ASK_EVERY_S
        latest = await self._latest(operator, int(now_s - self._since_s))
        if latest is None or operator != self._operator:
            # No answer, or another person sits here by now.
            return
        self._told = True
        if latest != self._terminal:
            self._taken_by = latest

    async def _latest(self, operator: str, seconds_ago: int) -> str | None:
        """The terminal of the last sign-in, after this one was told; None: no answer, or none that can be read."""
        path = f"session/{quote(operator, safe='')}"
        if self._told:
            answer = await self._client.ask_own("GET", path)
        else:
            body = {"terminal": self._terminal, "secondsAgo": seconds_ago}
            answer = await self._client.ask_own("PUT", path, body=body)
        if not isinstance(answer, OwnAnswer) or answer.status != 200 or not isinstance(answer.told, Mapping):
            return None
        found = answer.told.get("terminal")
        return clean_told(found, limit=64) if isinstance(found, str) else None
