"""Tells central how far this till's books have come; nothing ever waits for it. Source: reliability.md section 0.8."""

from __future__ import annotations

from pos.domain.ports import Runner
from pos.domain.signature import letters_of
from pos.store.chain import head
from pos.store.home import Identity
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient


def mark_letters(mark: str) -> str:
    """A mark of the chain as it travels: digits in a row could be taken for a card number."""
    return letters_of(bytes.fromhex(mark))


class Heads:
    """What was told last, so that a till in which nothing happens tells nothing."""

    def __init__(self, client: CentralClient, till: TillStore, identity: Identity, runner: Runner) -> None:
        self._client = client
        self._till = till
        self._identity = identity
        self._runner = runner
        self._told: tuple[int, str] | None = None

    async def tell(self) -> None:
        """Tell the last link where it is another than before. Never raises for the network."""
        here = await self._runner.read(self._head)
        if here == self._told:
            return
        number, mark = here
        identity = self._identity
        if await self._client.tell_head(identity.terminal, identity.epoch, number, mark_letters(mark)):
            self._told = here

    def _head(self) -> tuple[int, str]:
        with self._till.read() as connection:
            return head(connection)
