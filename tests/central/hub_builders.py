"""A listener that writes down what it is told, a clock that stands until it is moved, and the delivery between them."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from pos.domain.signature import is_signed
from sync.central.app import make_app
from sync.central.hub.delivery import EventDelivery
from sync.central.hub.events import EventRecorder
from sync.central.hub.listener_client import ListenerClient
from sync.central.hub.listeners import ListenerHosts
from sync.central.store.database import CentralStore
from sync.central.wire.links import Links
from sync.wire_json import dumps, loads
from tests.central.central_builders import BASE_URL, CountedRandomness

PAYMENT_HUB = "/tmf-api/paymentManagement/v4/hub"
BILL_HUB = "/tmf-api/customerBillManagement/v4/hub"
HUB_KEY = "/counterfoil/v1/hubKey"
HEADERS = {"content-type": "application/json;charset=utf-8"}

LOST = 0
"""As an answer: the listener has the event, and its answer never comes."""


class HeldClock:
    """Stands still until it is moved; who sleeps wakes when it has come to be time."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._now.timestamp()

    async def sleep(self, delay_s: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + timedelta(seconds=delay_s), woken))
        await woken

    def move(self, **by: float) -> None:
        self._now += timedelta(**by)
        due = [woken for at, woken in self._sleepers if at <= self._now]
        self._sleepers = [(at, woken) for at, woken in self._sleepers if at > self._now]
        for woken in due:
            if not woken.done():
                woken.set_result(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One event as a listener was told it."""

    at: datetime
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = loads(self.body)
        return told

    @property
    def about(self) -> str:
        """Which resource."""
        (resource,) = self.event["event"].values()
        return str(resource["id"])

    def is_signed_by(self, public_key: str) -> bool:
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        return any(
            is_signed(
                b64decode(public_key.removeprefix("whpk_")), b64decode(one.removeprefix("v1a,")), signed
            )
            for one in self.headers["webhook-signature"].split(" ")
        )


class Listener:
    """An ASGI app that keeps everything and answers as ``answers`` says, 201 by itself."""

    def __init__(self, clock: HeldClock) -> None:
        self._clock = clock
        self.heard: list[Heard] = []
        self.answers: Callable[[Heard], int] = lambda _heard: 201
        self.more_headers: list[tuple[bytes, bytes]] = []
        self.hold: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        heard = Heard(
            at=self._clock.now(), host=headers["host"], path=scope["path"], headers=headers, body=body
        )
        self.heard.append(heard)
        if self.hold is not None:
            await self.hold.wait()
        status = self.answers(heard)
        if status == LOST:
            raise ConnectionResetError
        await send({"type": "http.response.start", "status": status, "headers": self.more_headers})
        await send({"type": "http.response.body", "body": b""})

    @property
    def types(self) -> list[str]:
        return [one.event["eventType"] for one in self.heard]


class ByHost(httpx.AsyncBaseTransport):
    """Takes each request to the listener of its host; where there is none nobody answers."""

    def __init__(self, listeners: Mapping[str, Listener]) -> None:
        self._transports = {host: httpx.ASGITransport(app=app) for host, app in listeners.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = self._transports.get(request.headers["host"])
        if transport is None:
            raise httpx.ConnectError("nobody is there")
        return await transport.handle_async_request(request)


@dataclass(slots=True, kw_only=True)
class Central:
    """Central over a store, with the HTTP client of whoever speaks to it."""

    store: CentralStore
    clock: HeldClock
    client: httpx.AsyncClient
    recorder: EventRecorder
    hosts: ListenerHosts
    addresses: dict[str, Sequence[str]]

    @asynccontextmanager
    async def telling(self, *, dies: bool = False, **listeners: Listener) -> AsyncIterator[EventDelivery]:
        """Events are delivered within the block, to listeners by the name of their host; at its end it may just die."""
        transport = ByHost({name.replace("_", "."): app for name, app in listeners.items()})

        async def resolve(host: str, _port: int) -> Sequence[str]:
            return self.addresses.get(host, ["127.0.0.1"])

        sending = ListenerClient(self.hosts, transport=transport, resolve=resolve)
        delivery = EventDelivery(
            self.store,
            sending,
            self.recorder,
            clock=self.clock,
            randomness=CountedRandomness(),
            links=Links(BASE_URL),
        )
        running = asyncio.create_task(delivery.run())
        try:
            yield delivery
        finally:
            if dies:
                running.cancel()
            delivery.stop()
            await asyncio.gather(running, return_exceptions=dies)

    async def pass_time(self, until: Callable[[], bool], *, step_s: float = 1, at_most: int = 2_000) -> None:
        """Let what can happen happen, and move the clock, until it is so."""
        for _ in range(at_most):
            await quiet()
            if until():
                return
            self.clock.move(seconds=step_s)
        raise AssertionError("it never came to be so")

    def left(self) -> list[tuple[str, str]]:
        """What is not acknowledged: state and resource, in order."""
        with self.store.read() as connection:
            rows = connection.execute(
                text("SELECT state, resource FROM event_delivery ORDER BY hub_id, event_number")
            )
            return [(row.state, row.resource) for row in rows]

    def nothing_left(self) -> bool:
        return self.left() == []


async def quiet() -> None:
    """Let every task go on until it waits for the clock."""
    for _ in range(60):
        await asyncio.sleep(0)


@asynccontextmanager
async def central_over(
    store: CentralStore, clock: HeldClock | None = None, *, hosts: ListenerHosts | None = None
) -> AsyncIterator[Central]:
    clock = clock or HeldClock()
    hosts = hosts or ListenerHosts()
    recorder = EventRecorder(clock)
    app = make_app(
        store,
        clock=clock,
        randomness=CountedRandomness(),
        base_url=BASE_URL,
        listeners=hosts,
        recorder=recorder,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        yield Central(store=store, clock=clock, client=client, recorder=recorder, hosts=hosts, addresses={})


async def ask_to_listen(
    client: httpx.AsyncClient,
    callback: object = "http://localhost/events",
    *,
    hub: str = PAYMENT_HUB,
    **more: object,
) -> httpx.Response:
    return await client.post(hub, content=dumps({"callback": callback, **more}), headers=HEADERS)


async def listen(
    client: httpx.AsyncClient,
    callback: str = "http://localhost/events",
    *,
    hub: str = PAYMENT_HUB,
    **more: object,
) -> str:
    """The id of a subscription that central took."""
    answer = await ask_to_listen(client, callback, hub=hub, **more)
    assert answer.status_code == 201, answer.text
    return str(loads(answer.content)["id"])


def kept_events(store: CentralStore) -> list[dict[str, Any]]:
    """Every event that waits for somebody, in order."""
    with store.read() as connection:
        return [
            loads(body)
            for body in connection.execute(text("SELECT body FROM event ORDER BY number")).scalars()
        ]
