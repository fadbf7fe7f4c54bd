"""Tells central how far this till is with its day, and at the shop's cash office hears it of the others.

Only where the shop has a cash office. Nothing waits for it: what was not told is told at the next pull as it is then.
Source: domain.md 3.9 and rule 55.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pos.domain.money import total
from pos.domain.ports import Clock, Runner
from pos.domain.till_standing import OtherTill, TillStanding
from pos.store.cache import CacheStore
from pos.store.days import days_to_close
from pos.store.home import Identity
from pos.store.other_tills import put_other_tills
from pos.store.outbox import queue
from pos.store.shifts import open_shift
from pos.store.shop_bags import bags_on_the_way
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient
from sync.outcomes import OwnAnswer
from sync.shop.till_wire import DAYS_MAX, read_standing, standing_json
from sync.told import clean_told
from sync.wire_json import WireJsonError

PATH = "shopTill"
TILLS_MAX = 200
TERMINAL_MAX = 64
SECONDS_MAX = 2**31


class ShopTills:
    """``cash_office``: the terminal that is it; empty: there is none, and nobody is told anything."""

    def __init__(
        self,
        client: CentralClient,
        till: TillStore,
        cache: CacheStore,
        identity: Identity,
        *,
        clock: Clock,
        runner: Runner,
        cash_office: str,
    ) -> None:
        self._client = client
        self._till = till
        self._cache = cache
        self._identity = identity
        self._clock = clock
        self._runner = runner
        self._cash_office = cash_office

    async def exchange(self) -> None:
        """Never raises for the network."""
        if not self._cash_office:
            return
        standing = await self._runner.read(self._standing)
        identity = self._identity
        body = {"terminal": identity.terminal, "shop": identity.shop.shop, **standing_json(standing)}
        await self._client.ask_own("POST", PATH, body=body)
        if self._cash_office == identity.terminal:
            await self._hear()

    async def _hear(self) -> None:
        query = {"shop": self._identity.shop.shop, "limit": str(TILLS_MAX)}
        answer = await self._client.ask_own("GET", PATH, query=query)
        if not isinstance(answer, OwnAnswer) or answer.status != 200 or not isinstance(answer.told, list):
            return
        tills = [till for till in map(self._read, answer.told) if till is not None]
        others = [till for till in tills if till.terminal != self._identity.terminal]
        await self._runner.cache(lambda: self._keep(others))

    def _read(self, told: object) -> OtherTill | None:
        """None where it makes no sense. How long ago it was is by central's clock, when it was by ours."""
        if not isinstance(told, Mapping):
            return None
        terminal, ago = told.get("terminal"), told.get("secondsAgo")
        if not isinstance(terminal, str) or type(ago) is not int or not 0 <= ago <= SECONDS_MAX:
            return None
        try:
            standing = read_standing(told)
        except WireJsonError:
            return None
        return OtherTill(
            terminal=clean_told(terminal, limit=TERMINAL_MAX),
            standing=standing,
            heard_at=self._clock.now() - timedelta(seconds=ago),
        )

    def _standing(self) -> TillStanding:
        with self._till.read() as connection:
            shift, waiting = open_shift(connection), queue(connection)
            bags = bags_on_the_way(connection)
            return TillStanding(
                shift=None if shift is None else shift.number,
                operator="" if shift is None else shift.operator,
                open_days=tuple(days_to_close(connection)[:DAYS_MAX]),
                waiting=waiting.waiting,
                parked=waiting.parked,
                bags=len(bags),
                bags_amount=total((bag.paper.amount for bag in bags), self._identity.currency)
                if bags
                else None,
            )

    def _keep(self, others: list[OtherTill]) -> None:
        with self._cache.write() as connection:
            put_other_tills(connection, others, at=self._clock.now())
