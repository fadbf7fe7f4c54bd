"""The people of this till and of all others: what was changed here is told to central, and what it says is done here.

Nothing waits for it, and it needs no queue: central says of which deed it heard last, and what was done since lies in the
books. Nothing that central says is done before it has heard of all that was changed here. Source: reliability.md 5.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pos.domain.ports import Clock, Randomness, Runner
from pos.domain.role import Role
from pos.store.cache import CacheStore, marker, set_marker
from pos.store.home import Identity
from pos.store.people import roster
from pos.store.person_changes import TOLD_AT_ONCE, changes_after, last_place, place_of
from pos.store.times import utc_text
from pos.store.unit_of_work import TillStore
from pos.till.roster import CENTRAL, PersonSaid, RosterDesk, obey_roster
from sync.client import CentralClient
from sync.outcomes import OwnAnswer, Page
from sync.teller import Teller

PATH = "personChange"
KNOWN = "known"
MARKER = "people"
PAGE = 200
PAGES_MAX = 500

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterPorts:
    """What it counts time, draws and runs with."""

    clock: Clock
    randomness: Randomness
    runner: Runner


class Roster:
    """How far central has heard of what was changed here, so that nothing is asked while nothing is new."""

    def __init__(
        self,
        client: CentralClient,
        till: TillStore,
        cache: CacheStore,
        identity: Identity,
        *,
        ports: RosterPorts,
    ) -> None:
        self._client = client
        self._till = till
        self._cache = cache
        self._identity = identity
        self._ports = ports
        self._heard: int | None = None
        self._teller: Teller[int] = Teller(ports.clock)

    async def tell(self) -> None:
        """Tell what was changed since the last change that central heard of. Never raises for the network.

        A terminal that central has heard nothing from in this enrolment tells all, and then everybody who is here.
        """
        last = await self._ports.runner.read(self._last)
        await self._teller.tell(last, partial(self._tell_since, last))

    async def _tell_since(self, last: int) -> bool:
        if self._heard is None:
            heard = await self._ask_heard()
            if heard is None:
                return False
            place, is_known = heard
        else:
            place, is_known = self._heard, True
        while place < last:
            bodies = await self._ports.runner.read(partial(self._changes, place))
            if not await self._send([body for _, body in bodies]):
                return False
            place = bodies[-1][0]
        if not is_known:
            people = await self._ports.runner.read(partial(self._people, place))
            if people is None:
                return False
            for start in range(0, len(people), TOLD_AT_ONCE):
                if not await self._send(people[start : start + TOLD_AT_ONCE]):
                    return False
        self._heard = place
        return True

    async def take(self) -> list[str]:
        """Do here what central says; the users who are others by it. Never raises for the network."""
        told_up_to = self._heard
        if told_up_to is None:
            return []
        since = await self._ports.runner.read(self._marker)
        said: list[PersonSaid] = []
        newest: int | None = None
        before: Page | None = None
        offset = 0
        for _ in range(PAGES_MAX):
            page = await self._client.people(offset=offset, limit=PAGE, changed_after=since)
            if not isinstance(page, Page):
                return []
            newest = page.change if before is None else newest
            said += [person for person in map(_read, page.rows) if person is not None]
            offset += len(page.rows)
            if page.ends(offset=offset, before=before):
                break
            before = page
        desk = RosterDesk(
            till=self._till,
            terminal=self._identity.terminal,
            clock=self._ports.clock,
            randomness=self._ports.randomness,
        )
        changed: list[str] | None = []
        if said:
            changed = await self._ports.runner.till(lambda: obey_roster(desk, said, told_up_to=told_up_to))
        if changed is not None and newest is not None and newest != since:
            reached = newest
            await self._ports.runner.cache(lambda: self._keep_marker(reached))
        return changed or []

    async def _ask_heard(self) -> tuple[int, bool] | None:
        """The place of the last change that central heard of, and whether it knows everybody; None: it does not say."""
        identity = self._identity
        query = {
            "terminal": identity.terminal, "epoch": str(identity.epoch), "sort": "-changeNumber", "limit": "1",
        }  # fmt: skip
        answer = await self._client.ask_own("GET", PATH, query=query)
        if not isinstance(answer, OwnAnswer) or answer.status != 200 or not isinstance(answer.told, list):
            return None
        last = answer.told[0] if answer.told else None
        deed_id = last.get("deedId") if isinstance(last, Mapping) else None
        if not isinstance(deed_id, str):
            return 0, False
        return await self._ports.runner.read(lambda: self._place(deed_id))

    def _place(self, deed_id: str) -> tuple[int, bool]:
        """Everybody is known once the last of the roster was told; a change told after that is told without them."""
        with self._till.read() as connection:
            kind, _, rest = deed_id.partition(":")
            if kind == KNOWN:
                _epoch, place, user = rest.split(":")
                entries = roster(connection)
                return int(place), bool(entries) and entries[-1].person.user == user
            found = place_of(connection, deed_id)
        return (0, False) if found is None else (found, False)

    async def _send(self, changes: Sequence[Body]) -> bool:
        if not changes:
            return True
        body = {"terminal": self._identity.terminal, "epoch": self._identity.epoch, "changes": list(changes)}
        answer = await self._client.ask_own("POST", PATH, body=body)
        return isinstance(answer, OwnAnswer) and answer.status in (200, 201)

    def _last(self) -> int:
        with self._till.read() as connection:
            return last_place(connection)

    def _changes(self, after: int) -> list[tuple[int, Body]]:
        with self._till.read() as connection:
            return [
                (
                    change.place,
                    {
                        "deedId": change.deed_id,
                        "user": change.user,
                        "act": change.act,
                        "roles": list(change.roles),
                        "active": change.active,
                        "operator": change.operator,
                        "decidedAt": change.decided_at,
                    },
                )
                for change in changes_after(connection, after)
            ]

    def _people(self, place: int) -> list[Body] | None:
        """Everybody as known; under the same place it is the same telling. None: something was changed since."""
        now = utc_text(self._ports.clock.now())
        with self._till.read() as connection:
            if last_place(connection) != place:
                return None
            return [
                {
                    "deedId": f"{KNOWN}:{self._identity.epoch}:{place}:{entry.person.user}",
                    "user": entry.person.user,
                    "act": KNOWN,
                    "roles": sorted(entry.person.roles),
                    "active": entry.active,
                    "operator": CENTRAL,
                    "decidedAt": now,
                }
                for entry in roster(connection)
            ]

    def _marker(self) -> int | None:
        with self._cache.read() as connection:
            text = marker(connection, MARKER)
        return None if text is None else int(text)

    def _keep_marker(self, change: int) -> None:
        with self._cache.write() as connection:
            set_marker(connection, MARKER, str(change))


def _read(row: Any) -> PersonSaid | None:
    """None for a row that cannot be read. A role that this program does not know was nobody's here."""
    if not isinstance(row, Mapping):
        return None
    user, active, taken = row.get("id"), row.get("active"), row.get("rolesTaken")
    if not isinstance(user, str) or not isinstance(active, bool) or not isinstance(taken, list):
        return None
    roles = frozenset(Role(one) for one in taken if isinstance(one, str) and one in set(Role))
    return PersonSaid(user=user, active=active, roles_taken=roles)
