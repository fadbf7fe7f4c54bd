"""Tells central what became of bags of cash at this till, and hears from it what became of them elsewhere.

It needs no queue and loses nothing: what central has of the shop's bags is held against the books at every pull, and what
it lacks is told by an id that it knows again. What it refuses of what was accepted here is kept and shown.
Source: domain.md 3.9; reliability.md section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pos.domain.errors import Refused
from pos.domain.ports import Clock, Runner
from pos.domain.shop_bag import AcceptedBag, AcceptedState, BagAtCentral, BagPaper, SentBag, SentState
from pos.store.cache import CacheStore
from pos.store.home import Identity
from pos.store.other_tills import put_bags_to_come
from pos.store.shop_bags import accepted_bags, happenings, note_arrival, note_refused, sent_bags
from pos.store.unit_of_work import TillStore, UnitOfWork
from sync.client import CentralClient
from sync.outcomes import OwnAnswer
from sync.shop.bag_wire import read_bag
from sync.teller import Teller
from sync.told import clean_told
from sync.wire_json import WireJsonError, money_json

PATH = "shopBag"
LISTED_MAX = 500
OWN_MAX = 200
REASON_MAX = 200
NOT_KEPT = "Central has not kept it: another bag left with this paper."
ON_THE_WAY = "on_the_way"


@dataclass(slots=True, kw_only=True)
class _Own:
    sent: Sequence[SentBag]
    accepted: Sequence[AcceptedBag]


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What is to be written here of what central said."""

    notes: list[Callable[[UnitOfWork], None]] = field(default_factory=list)
    is_whole: bool = True


class ShopBags:
    """Nothing ever waits for it. ``is_office``: other tills send their bags here."""

    def __init__(
        self,
        client: CentralClient,
        till: TillStore,
        cache: CacheStore,
        identity: Identity,
        *,
        clock: Clock,
        runner: Runner,
        is_office: bool,
    ) -> None:
        self._client = client
        self._till = till
        self._cache = cache
        self._identity = identity
        self._clock = clock
        self._runner = runner
        self._is_office = is_office
        self._teller: Teller[int] = Teller(clock)
        self._teller.told = None if is_office else 0
        self._answered: set[str] = set()
        self._lists_all = False

    def ask_again(self) -> None:
        """What became of bags elsewhere may be news by now; a till that has nothing to do with any asks nothing."""
        if self._teller.told != 0 or self._is_office:
            self._teller.told = None

    async def tell(self) -> None:
        """Never raises for the network."""
        await self._teller.tell(await self._runner.read(self._happened), self._exchange)

    async def _exchange(self) -> bool:
        there = await self._listed()
        if there is None:
            return False
        own, heard = await self._runner.read(self._own), _Heard()
        for sent in own.sent:
            await self._of_sent(sent, there, heard)
        for accepted in own.accepted:
            await self._of_accepted(accepted, there, heard)
        if heard.notes:
            await self._runner.till(lambda: self._note(heard))
        here = {bag.paper.number for bag in own.accepted if bag.state is AcceptedState.ACCEPTED}
        to_come = [
            bag
            for bag in there.values()
            if bag.state == ON_THE_WAY
            and bag.terminal != self._identity.terminal
            and bag.paper.number not in here
        ]
        await self._runner.cache(lambda: self._keep_to_come(to_come))
        return heard.is_whole

    async def _listed(self) -> dict[str, BagAtCentral] | None:
        """The shop's bags that changed last, by paper; None: central does not say."""
        query = {"shop": self._identity.shop.shop, "sort": "-changeNumber", "limit": str(LISTED_MAX)}
        answer = await self._client.ask_own("GET", PATH, query=query)
        if not isinstance(answer, OwnAnswer) or answer.status != 200 or not isinstance(answer.told, list):
            return None
        found = [bag for bag in map(_read, answer.told) if bag is not None]
        self._lists_all = len(answer.told) < LISTED_MAX
        if self._lists_all:
            # It is all of them: what is not among them central does not have, whatever it said before.
            self._answered.clear()
        return {bag.paper.number: bag for bag in found}

    async def _of_sent(self, sent: SentBag, listed: Mapping[str, BagAtCentral], heard: _Heard) -> None:
        there: BagAtCentral | None = listed.get(sent.paper.number)
        if there is None or not there.is_told:
            there = await self._tell("sent", sent.sending_id, sent.paper, sent.at_utc, heard) or there
        if (
            sent.state is SentState.RECALLED
            and not sent.arrived_at
            and (there is None or there.state == ON_THE_WAY)
        ):
            there = (
                await self._tell("recalled", sent.sending_id, sent.paper, sent.back_at_utc, heard) or there
            )
        if there is None:
            return
        if (there.accepted_by, there.counted) != (sent.arrived_at, sent.counted):
            accepted = there if there.acceptance else None
            heard.notes.append(partial(self._note_arrival, sent.sending_id, accepted))

    async def _of_accepted(
        self, accepted: AcceptedBag, listed: Mapping[str, BagAtCentral], heard: _Heard
    ) -> None:
        there = listed.get(accepted.paper.number)
        stands = there is not None and there.acceptance == accepted.acceptance_id
        # It may stand still where it is too long ago to be listed; who told it already is not asked again.
        may_stand = stands or (there is None and not self._lists_all)
        if accepted.state is AcceptedState.UNDONE and may_stand:
            await self._tell("undone", accepted.acceptance_id, accepted.paper, accepted.undone_at_utc, heard)
        if accepted.state is not AcceptedState.ACCEPTED or stands:
            return
        refused: list[str] = []
        found = await self._tell(
            "accepted",
            accepted.acceptance_id,
            accepted.paper,
            accepted.at_utc,
            heard,
            refused,
            counted=money_json(accepted.counted),
        )
        if found is not None and found.acceptance != accepted.acceptance_id:
            refused.append(NOT_KEPT)
        for reason in refused:
            heard.notes.append(partial(self._note_refused, accepted.acceptance_id, reason))

    async def _tell(
        self,
        deed: str,
        of: str,
        paper: BagPaper,
        at: str,
        heard: _Heard,
        refused: list[str] | None = None,
        **more: object,
    ) -> BagAtCentral | None:
        """The bag as it is at central then; None where it did not answer, refused it, or has answered it before."""
        step = f"{deed} {of}"
        if step in self._answered:
            return None
        body = {
            "id": of,
            "deed": deed,
            "terminal": self._identity.terminal,
            "paper": paper.number,
            "shop": self._identity.shop.shop,
            "bag": paper.bag,
            "amount": money_json(paper.amount),
            "at": at,
            **more,
        }
        answer = await self._client.ask_own("POST", PATH, body=body)
        if not isinstance(answer, OwnAnswer) or answer.status not in (200, 201, 409):
            heard.is_whole = False
            return None
        self._answered.add(step)
        if answer.status == 409:
            if refused is not None:
                said = answer.told.get("message") if isinstance(answer.told, Mapping) else None
                refused.append(clean_told(said if isinstance(said, str) else answer.reason, limit=REASON_MAX))
            return None
        return _read(answer.told)

    def _note(self, heard: _Heard) -> None:
        with self._till.transaction() as unit:
            for note in heard.notes:
                note(unit)

    def _note_arrival(self, sending_id: str, there: BagAtCentral | None, unit: UnitOfWork) -> None:
        note_arrival(unit, sending_id, there, at=self._clock.now())

    def _note_refused(self, acceptance_id: str, reason: str, unit: UnitOfWork) -> None:
        note_refused(unit, acceptance_id, reason, at=self._clock.now())

    def _happened(self) -> int:
        with self._till.read() as connection:
            return happenings(connection)

    def _own(self) -> _Own:
        with self._till.read() as connection:
            return _Own(
                sent=sent_bags(connection, limit=OWN_MAX), accepted=accepted_bags(connection, limit=OWN_MAX)
            )

    def _keep_to_come(self, bags: Sequence[BagAtCentral]) -> None:
        with self._cache.write() as connection:
            put_bags_to_come(connection, bags)


def _read(told: object) -> BagAtCentral | None:
    """None where it makes no sense."""
    try:
        return read_bag(told)
    except (WireJsonError, Refused):
        return None
