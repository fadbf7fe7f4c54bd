"""Tells central every batch of this till, so that the operator's feed is whole and a second delivery is seen.

Nothing waits for it, and it needs no queue: central says which batch it heard of last, and what was made since lies in the
books. Where central does not know that one of ours, all are told again; what it has changes nothing. One that it refuses for
good is set aside with its reason, and those after it are told; each start of the program tells it once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pos.domain.ledger_feed import LedgerBatch
from pos.domain.ports import Clock, Runner
from pos.domain.text_guard import clean_foreign
from pos.store.home import Identity
from pos.store.ledger_batches import batch_by_number, batches_after, last_sequence, sequence_of
from pos.store.ledger_deliveries import note_told, set_aside
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient
from sync.ledger.wire import told_batch, told_in_parts
from sync.outcomes import OwnAnswer
from sync.teller import Teller

PATH = "ledgerBatch"
REASON_MAX = 200
ANOTHER_BATCH = 409
"""Central has another batch under the number: nothing that this till could tell again changes that."""


class BatchesTold:
    """Tells of every batch made since the last that central heard of."""

    def __init__(
        self, client: CentralClient, till: TillStore, identity: Identity, *, clock: Clock, runner: Runner
    ) -> None:
        self._client = client
        self._till = till
        self._identity = identity
        self._clock = clock
        self._runner = runner
        self._teller: Teller[int] = Teller(clock)
        self._teller.told = 0
        self._aside: dict[str, str] | None = None
        """What was set aside and need not be told again in this run; None: that is still to be done."""

    async def tell(self) -> None:
        """Never raises for the network."""
        await self._teller.tell(await self._runner.read(self._made), self._tell_since)

    async def _tell_since(self) -> bool:
        heard = await self._heard()
        if heard is None or not await self._tell_aside_again():
            return False
        while batches := await self._runner.read(partial(self._after, heard)):
            for batch in batches:
                if not await self._tell(batch):
                    return False
                heard = batch.sequence
        return True

    async def _tell_aside_again(self) -> bool:
        """Once in a run: the refusal may have been of an older central, or the batch in its place was taken away."""
        if self._aside is not None:
            return True
        aside = await self._runner.read(self._read_aside)
        for number in aside:
            batch = await self._runner.read(partial(self._batch, number))
            if batch is not None and not await self._tell(batch, before=aside[number]):
                return False
        self._aside = await self._runner.read(self._read_aside)
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

    async def _tell(self, batch: LedgerBatch, *, before: str | None = None) -> bool:
        """Whether it is done with: central keeps it, or will not have it. ``before``: why it would not the last time."""
        if self._aside is not None and batch.number in self._aside:
            return True
        answer = await self._answer_to(batch)
        if not isinstance(answer, OwnAnswer):
            return False
        if answer.status in (200, 201):
            if before is not None:
                await self._runner.till(partial(self._note, batch.number, None))
            return True
        if not (answer.for_good or answer.status == ANOTHER_BATCH):
            return False
        reason = clean_foreign(answer.reason, limit=REASON_MAX) or str(answer.status)
        if reason != before:
            await self._runner.till(partial(self._note, batch.number, reason))
        if self._aside is not None:
            self._aside[batch.number] = reason
        return True

    async def _answer_to(self, batch: LedgerBatch) -> object:
        """What central says last of the batch. A great one goes in parts, after a break from where central got to."""
        told, heard = told_batch(batch), 0
        while True:
            answer = await self._client.ask_own("POST", PATH, body=next(told_in_parts(told, heard=heard)))
            before, heard = heard, _lines_heard(answer, batch)
            if heard <= before:
                return answer

    def _note(self, number: str, refusal: str | None) -> None:
        with self._till.transaction() as unit:
            note_told(unit, number, refusal, at=self._clock.now())

    def _made(self) -> int:
        with self._till.read() as connection:
            return last_sequence(connection)

    def _read_aside(self) -> dict[str, str]:
        with self._till.read() as connection:
            return set_aside(connection)

    def _batch(self, number: str) -> LedgerBatch | None:
        with self._till.read() as connection:
            return batch_by_number(connection, number)

    def _sequence(self, number: str) -> int:
        with self._till.read() as connection:
            return sequence_of(connection, number)

    def _after(self, sequence: int) -> list[LedgerBatch]:
        with self._till.read() as connection:
            return batches_after(connection, sequence)


def _lines_heard(answer: object, batch: LedgerBatch) -> int:
    """How many of the lines central has of a batch that is not whole there; 0 where it does not say."""
    if not isinstance(answer, OwnAnswer) or answer.status != 202 or not isinstance(answer.told, Mapping):
        return 0
    heard = answer.told.get("linesHeard")
    return heard if type(heard) is int and 0 < heard < len(batch.lines) else 0
