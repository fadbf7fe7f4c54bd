"""Tells central how far this till's books have come; nothing ever waits for it. Source: reliability.md section 0.8.

The head goes with each round of the engine, and before it the heads at which shifts were closed while central was away:
those lie in the books, beside the shift's signature, and need no queue of their own. Central says which head it heard last,
and is told this till's own mark of that link: had it come from another store of this name, the two would differ there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pos.domain.ports import Clock, Runner
from pos.domain.signature import letters_of
from pos.store.chain import head
from pos.store.home import Identity
from pos.store.shift_signatures import heads_since
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient
from sync.outcomes import OwnAnswer, Unknown, Unreachable
from sync.teller import Teller

PATH = "head"


def mark_letters(mark: str) -> str:
    """A mark of the chain as it travels: digits in a row could be taken for a card number."""
    return letters_of(bytes.fromhex(mark))


class Heads:
    """Tells the last link where it is another than before."""

    def __init__(
        self, client: CentralClient, till: TillStore, identity: Identity, *, clock: Clock, runner: Runner
    ) -> None:
        self._client = client
        self._till = till
        self._identity = identity
        self._runner = runner
        self._teller: Teller[tuple[int, str]] = Teller(clock)

    async def tell(self) -> None:
        """Never raises for the network."""
        here = await self._runner.read(self._head)
        await self._teller.tell(here, partial(self._tell_up_to, here))

    async def _tell_up_to(self, here: tuple[int, str]) -> bool:
        """Each link that central must hear, in order: one that came after a later one would look like an older store."""
        heard = await self._heard()
        if heard is None:
            return False
        links = await self._runner.read(lambda: self._links(heard, here))
        for number, mark in links:
            if not await self._tell(number, mark, after=heard):
                return False
        return True

    async def _heard(self) -> int | None:
        """The number of the last link that this enrolment told, 0 for none; None: central does not say."""
        epoch = self._identity.epoch
        query = {"terminal": self._identity.terminal, "epoch": str(epoch), "limit": "1"}
        told = _heads_in(await self._client.ask_own("GET", PATH, query=query))
        return None if told is None else max((number for at, number, _ in told if at == epoch), default=0)

    async def _tell(self, number: int, mark: str, *, after: int) -> bool:
        """Whether central keeps it, also where it has another. ``after``: the last number that it had heard before."""
        body = {
            "terminal": self._identity.terminal,
            "epoch": self._identity.epoch,
            "chainNumber": number,
            "mark": mark_letters(mark),
            "after": after,
        }
        answer = await self._client.ask_own("POST", PATH, body=body)
        return isinstance(answer, OwnAnswer) and answer.status in (200, 201, 409)

    def _links(self, heard: int, here: tuple[int, str]) -> list[tuple[int, str]]:
        """What central heard last in this store's own words, the closes since, and the last link."""
        with self._till.read() as connection:
            found = heads_since(connection, heard)
        told = self._teller.told
        if told is not None and told[0] == heard:
            found.pop(heard, None)
        return sorted((found | dict([here])).items())

    def _head(self) -> tuple[int, str]:
        with self._till.read() as connection:
            return head(connection)


async def heads_of(client: CentralClient, terminal: str) -> list[tuple[int, int, str]] | None:
    """(epoch, number, mark in letters) of what this terminal told; None: no answer, or none that can be read."""
    return _heads_in(await client.ask_own("GET", PATH, query={"terminal": terminal}, may_be_long=True))


def _heads_in(answer: OwnAnswer | Unknown | Unreachable) -> list[tuple[int, int, str]] | None:
    told = answer.told if isinstance(answer, OwnAnswer) and answer.status == 200 else None
    if not isinstance(told, list):
        return None
    return [
        (row["epoch"], row["chainNumber"], row["mark"])
        for row in told
        if isinstance(row, Mapping)
        and type(row.get("epoch")) is int
        and type(row.get("chainNumber")) is int
        and isinstance(row.get("mark"), str)
    ]
