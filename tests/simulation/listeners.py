"""Other systems that listen at central: slow, silent, gone for a while, or forgetful of their answers, each in its own way.

What central must tell whom is taken from its commits as they happen; what was told, from what the listeners heard.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from sqlalchemy import Connection, text

from sync.central.hub.event_types import Api
from sync.central.hub.listener_client import TIMEOUT_S, ListenerClient
from sync.central.hub.listeners import ListenerHosts
from sync.central.hub.subscriptions import Subscription, subscribe
from sync.central.payments.payments import PAYMENTS
from sync.central.store.database import CentralStore
from sync.central.wire.links import Links
from sync.central.wire.listing import fetch_one
from sync.wire_json import dumps, loads
from tests.simulation.trace import Trace
from tests.simulation.violation import require
from tests.simulation.virtual_time import OPENING

SUBSCRIPTIONS = {
    "ledger": (Api.PAYMENT, ""),
    "fraud": (Api.PAYMENT, "eventType=PaymentCreateEvent"),
    "bills": (Api.BILL, ""),
}
"""Who listens, at which hub, and what for."""

MOODS = ("dead", "slow", "silent", "lost answer", "busy", "refused")
"""What a listener may do but acknowledge at once. Dead: nobody is there for a while."""


def let_them_listen(store: CentralStore) -> None:
    """As each of them asked for, before the shop opens."""
    with store.write() as connection:
        for name, (api, query) in SUBSCRIPTIONS.items():
            wanted = Subscription(client_id="", api=api, callback=f"http://localhost/{name}", query=query)
            subscribe(connection, wanted, hub_id=name, at=OPENING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One event that reached a listener."""

    event_id: str
    event_type: str
    resource: dict[str, object]

    @property
    def about(self) -> str:
        return str(self.resource["id"])


@dataclass(slots=True, kw_only=True)
class Listener:
    """``moods``: the chance of each thing that it may do, at an event."""

    name: str
    drawn: random.Random
    moods: dict[str, float]
    heard: list[Heard] = field(default_factory=list)
    dead_until_s: float = 0.0

    def mood(self, now_s: float) -> str:
        if now_s < self.dead_until_s:
            return "dead"
        at = self.drawn.random()
        for mood, chance in self.moods.items():
            at -= chance
            if at < 0:
                if mood == "dead":
                    self.dead_until_s = now_s + self.drawn.uniform(5, 120)
                return mood
        return "well"


class Listeners(httpx.AsyncBaseTransport):
    """All of them, and the way there."""

    def __init__(self, seed: int, trace: Trace) -> None:
        drawn = random.Random(f"{seed} listeners")
        self._trace = trace
        self._by_name = {
            name: _listener(name, random.Random(f"{seed} {name}"), drawn) for name in SUBSCRIPTIONS
        }
        self.committed: dict[str, list[tuple[str, str]]] = {name: [] for name in SUBSCRIPTIONS}
        """By listener what each commit made for it: event and resource, in order."""
        self._last_number = 0

    def client(self) -> ListenerClient:
        """Central's way to them, for one life."""
        return ListenerClient(ListenerHosts(), transport=self, resolve=_here)

    def heal(self) -> None:
        """Everybody is well from now on."""
        for listener in self._by_name.values():
            listener.moods, listener.dead_until_s = {}, 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """What becomes of one event on its way."""
        listener = self._by_name[request.url.path.split("/")[1]]
        body = loads(await request.aread())
        mood = listener.mood(asyncio.get_running_loop().time())
        self._trace.met("listener", mood)
        await asyncio.sleep(
            listener.drawn.uniform(0.01, 0.3) if mood != "slow" else listener.drawn.uniform(1, 9)
        )
        if mood == "dead":
            raise httpx.ConnectError("nobody is there", request=request)
        if mood == "busy":
            return httpx.Response(503, headers={"retry-after": str(listener.drawn.randint(1, 20))})
        if mood == "refused":
            return httpx.Response(400)
        (resource,) = body["event"].values()
        listener.heard.append(
            Heard(event_id=body["eventId"], event_type=body["eventType"], resource=resource)
        )
        self._trace.note(listener.name, f"hears {body['eventType']} {resource['id']}, {mood}")
        if mood == "silent":
            await asyncio.sleep(2 * TIMEOUT_S)
        if mood == "lost answer":
            raise httpx.ReadError("the line is cut", request=request)
        return httpx.Response(201)

    def note_commit(self, connection: Connection) -> None:
        """What central has promised to tell, just after a commit."""
        for row in connection.execute(NEW_DELIVERIES, {"after": self._last_number}):
            self.committed[row.hub_id].append((row.id, row.resource))
            self._last_number = max(self._last_number, row.number)

    # --- what was promised ---------------------------------------------------------------------------------------

    def have_all(self) -> bool:
        return all(
            {one.event_id for one in listener.heard} >= {event_id for event_id, _ in self.committed[name]}
            for name, listener in self._by_name.items()
        )

    def check(self, store: CentralStore, base_url: str) -> None:
        """Raises InvariantBroken."""
        for name, listener in self._by_name.items():
            promised = self.committed[name]
            told = {one.event_id for one in listener.heard}
            unheard = [event_id for event_id, _ in promised if event_id not in told]
            require(not unheard, "60 every_event_is_told", f"{name} never heard {unheard[:3]}")
            stray = told - {event_id for event_id, _ in promised}
            require(not stray, "61 no_event_without_its_commit", f"{name} heard {sorted(stray)[:3]}")
            _check_order(name, promised, listener.heard)
        with store.read() as connection:
            self._check_against(connection, base_url)

    def _check_against(self, connection: Connection, base_url: str) -> None:
        """What the ledger was told last of each payment is what central says of it, and of each it was told."""
        latest = {
            one.about: one.resource
            for one in self._by_name["ledger"].heard
            if one.event_type.startswith("Payment")
        }
        stored = {str(row.id) for row in connection.execute(READ_PAYMENTS)}
        require(
            set(latest) == stored,
            "60 every_event_is_told",
            f"the ledger knows {len(latest)} of {len(stored)}",
        )
        for payment_id, resource in sorted(latest.items()):
            now = fetch_one(connection, PAYMENTS, payment_id, Links(base_url))
            shown = None if now is None else loads(dumps(now))
            require(
                shown == resource, "62 the_last_event_is_the_truth", f"{payment_id}: {resource} is {shown}"
            )


def _listener(name: str, own: random.Random, drawn: random.Random) -> Listener:
    kinds = drawn.sample(MOODS, drawn.randint(0, 3))
    badness = drawn.choice((0.1, 0.3, 0.6))
    return Listener(name=name, drawn=own, moods={kind: badness / len(kinds) for kind in kinds})


def _check_order(name: str, promised: Sequence[tuple[str, str]], heard: Sequence[Heard]) -> None:
    """Of a resource the events come as they were committed; the same one again only until the next has come."""
    wanted: dict[str, list[str]] = {}
    for event_id, resource in promised:
        wanted.setdefault(resource, []).append(event_id)
    of_event = dict(promised)
    came: dict[str, list[str]] = {}
    for one in heard:
        ids = came.setdefault(of_event[one.event_id], [])
        if ids[-1:] != [one.event_id]:
            ids.append(one.event_id)
    for resource, ids in came.items():
        require(
            ids == wanted[resource],
            "63 events_come_in_the_order_of_their_resource",
            f"{name}: of {resource} came {ids}, not {wanted[resource]}",
        )


async def _here(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


NEW_DELIVERIES = text(
    "SELECT hub_id, event.number, event.id, event.resource FROM event_delivery JOIN event ON number = event_number"
    " WHERE number > :after ORDER BY number, hub_id"
)
READ_PAYMENTS = text("SELECT id FROM payment")
