"""Tells central how far this till's books have come; nothing ever waits for it. Source: reliability.md section 0.8.

The head goes with each round of the engine, and before it the heads at which shifts were closed while central was away:
those lie in the books, beside the shift's signature, and need no queue of their own. Central says which head it heard last,
and is told this till's own mark of that link: had it come from another store of this name, the two would differ there.
"""

from __future__ import annotations

from pos.domain.ports import Clock, Runner
from pos.domain.signature import letters_of
from pos.store.chain import head
from pos.store.home import Identity
from pos.store.shift_signatures import heads_since
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient, Later, Unknown, Unreachable

AGAIN_AFTER_S = 10
"""Where central did not take a head; the deeds that it belongs to wait longer."""


def mark_letters(mark: str) -> str:
    """A mark of the chain as it travels: digits in a row could be taken for a card number."""
    return letters_of(bytes.fromhex(mark))


class Heads:
    """What was told last, so that a till in which nothing happens tells nothing."""

    def __init__(
        self, client: CentralClient, till: TillStore, identity: Identity, *, clock: Clock, runner: Runner
    ) -> None:
        self._client = client
        self._till = till
        self._identity = identity
        self._clock = clock
        self._runner = runner
        self._told: tuple[int, str] | None = None
        self._again_s = 0.0

    async def tell(self) -> None:
        """Tell the last link where it is another than before. Never raises for the network."""
        here = await self._runner.read(self._head)
        if here == self._told or self._clock.monotonic_s() < self._again_s:
            return
        if await self._tell_up_to(here) is None:
            self._told = here
        else:
            self._again_s = self._clock.monotonic_s() + AGAIN_AFTER_S

    async def _tell_up_to(self, here: tuple[int, str]) -> Later | Unknown | Unreachable | None:
        """Each link that central must hear, in order: one that came after a later one would look like an older store."""
        identity = self._identity
        heard = await self._client.last_head(identity.terminal, identity.epoch)
        if not isinstance(heard, int):
            return heard
        links = await self._runner.read(lambda: self._links(heard, here))
        for number, mark in links:
            problem = await self._client.tell_head(
                identity.terminal, identity.epoch, number, mark_letters(mark), after=heard
            )
            if problem is not None:
                return problem
        return None

    def _links(self, heard: int, here: tuple[int, str]) -> list[tuple[int, str]]:
        """What central heard last in this store's own words, the closes since, and the last link."""
        with self._till.read() as connection:
            found = heads_since(connection, heard)
        if self._told is not None and self._told[0] == heard:
            found.pop(heard, None)
        return sorted((found | dict([here])).items())

    def _head(self) -> tuple[int, str]:
        with self._till.read() as connection:
            return head(connection)
