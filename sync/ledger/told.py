"""Tells central every batch of this till, so that the operator's feed is whole and a second delivery is seen.

Nothing waits for it, and it needs no queue: central says which batch it heard of last, and what was made since lies in the
books. Where central does not know that one of ours, all are told again; what it has changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pos.domain.ledger_feed import LedgerBatch
from pos.domain.ports import Clock, Runner
from pos.store.home import Identity
from pos.store.ledger_batches import batches_after, last_sequence, sequence_of
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient
from sync.ledger.wire import told_batch
from sync.outcomes import OwnAnswer
from sync.teller import Teller

PATH = "ledgerBatch"


class BatchesTold:
    """Tells of every batch made since the last that central heard of."""

    def __init__(
        self, client: CentralClient, till: TillStore, identity: Identity, *, clock: Clock, runner: Runner
    ) -> None:
        self._client = client
        self._till = till
        self._identity = identity
        self._runner = runner
        self._teller: Teller[int] = Teller(clock)
        self._teller.told = 0

    async def tell(self) -> None:
        """Never raises for the network."""
        await self._teller.tell(await self._runner.read(self._made), self._tell_since)

    async def _tell_since(self) -> bool:
        heard = await self._heard()
        if heard is None:
            return False
        while batches := await self._runner.read(partial(self._after, heard)):
            for batch in batches:
                if not await self._tell(batch):
                    return False
                heard = batch.sequence
        return True

    async def _heard(self) -> int | None:
        """The sequence of the last of our batches that central heard of, 0 where of none; None: it does not say."""
        query = {
            "terminal": self._identity.terminal,
            "sort": "-changeNumber",
            "limit": "1",
            "fields": "batch",
        }
        answer = await self._client.ask_own("GET", PATH, query=query)
        if not isinstance(answer, OwnAnswer) or answer.status != 200 or not isinstance(answer.told, list):
            return None
        last = answer.told[0] if answer.told else {}
        number = last.get("batch") if isinstance(last, Mapping) else None
        if not isinstance(number, str):
            return 0
        return await self._runner.read(partial(self._sequence, number))

    async def _tell(self, batch: LedgerBatch) -> bool:
        """Whether central keeps it. What it refuses for good is for its own office to look into: no use in repeating."""
        answer = await self._client.ask_own("POST", PATH, body=told_batch(batch))
        return isinstance(answer, OwnAnswer) and answer.status in (200, 201, 409)

    def _made(self) -> int:
        with self._till.read() as connection:
            return last_sequence(connection)

    def _sequence(self, number: str) -> int:
        with self._till.read() as connection:
            return sequence_of(connection, number)

    def _after(self, sequence: int) -> list[LedgerBatch]:
        with self._till.read() as connection:
            return batches_after(connection, sequence)
