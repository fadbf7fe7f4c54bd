"""Tells central what each closed shift took, so that a payment which never arrives is missed there.

Nothing ever waits for it, and it needs no queue: central says which shift it heard of last, and what was closed since lies
in the books. A shift whose payments are still on their way is told as well: should the till be lost now, central knows
what was on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pos.domain.ports import Clock, Runner
from pos.store.home import Identity
from pos.store.shift_totals import ShiftTotal, closes, totals_after
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient
from sync.outcomes import OwnAnswer
from sync.teller import Teller
from sync.wire_json import money_json

PATH = "shiftTotal"


class ShiftTotals:
    """Tells of every shift closed since the last that central heard of."""

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
        await self._teller.tell(await self._runner.read(self._closes), self._tell_since)

    async def _tell_since(self) -> bool:
        heard = await self._heard()
        if heard is None:
            return False
        while totals := await self._runner.read(partial(self._totals, *heard)):
            for total in totals:
                if not await self._tell(total):
                    return False
                heard = (total.epoch, total.last)
        return True

    async def _heard(self) -> tuple[int, int] | None:
        """The enrolment and the last number of the last shift that central heard of; None: it does not say."""
        query = {"terminal": self._identity.terminal, "sort": "-epoch,-lastSequence", "limit": "1"}
        answer = await self._client.ask_own("GET", PATH, query=query)
        if not isinstance(answer, OwnAnswer) or answer.status != 200 or not isinstance(answer.told, list):
            return None
        if not answer.told:
            return 0, 0
        last = answer.told[0]
        known = last if isinstance(last, Mapping) else {}
        epoch, sequence = known.get("epoch"), known.get("lastSequence")
        return (epoch, sequence) if type(epoch) is int and type(sequence) is int else None

    async def _tell(self, total: ShiftTotal) -> bool:
        """Whether central keeps it. What it refuses for good is for its own office to look into: no use in repeating."""
        body = {
            "terminal": self._identity.terminal,
            "epoch": total.epoch,
            "shiftId": total.shift_id,
            "closedAt": total.closed_at,
            "firstSequence": total.first,
            "lastSequence": total.last,
            "payments": [
                {"count": legs, "totalAmount": money_json(amount)} for legs, amount in total.payments
            ],
        }
        answer = await self._client.ask_own("POST", PATH, body=body)
        return isinstance(answer, OwnAnswer) and answer.status in (200, 201, 409)

    def _closes(self) -> int:
        with self._till.read() as connection:
            return closes(connection)

    def _totals(self, epoch: int, sequence: int) -> list[ShiftTotal]:
        with self._till.read() as connection:
            return list(totals_after(connection, epoch, sequence))
