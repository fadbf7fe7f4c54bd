"""What lies between the tills and central: a network that may do anything but invent.

Messages are carried by the network itself, not by who sent them: a request goes on its way though its sender gave up or
died, arrives late, twice, after another, or never. Which of all this a run has is drawn from its seed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from enum import StrEnum

import httpx

from sync.wire_json import dumps, loads
from tests.simulation.central import CentralProcess, Gone
from tests.simulation.trace import Trace
from tests.simulation.virtual_time import OPENING
from tests.simulation.wire_log import Sent, WireLog

MESSAGE_S_MAX = 60.0
"""No message is longer on its way than this, so that a storm has an end."""


class Fault(StrEnum):
    """What may happen to one request on its way and to its answer."""

    NO_CONNECTION = "no connection"
    LOST_REQUEST = "request lost"
    LOST_ANSWER = "answer lost after the commit"
    BROKEN_OFF = "connection broken after the commit"
    TWICE = "delivered twice"
    LATE = "arrives after the client gave up"
    LATE_ANSWER = "answer comes after the client gave up"
    BUSY = "429 with Retry-After"
    BUSY_PLAIN = "429"
    AWAY = "503 with a date to retry after"
    AWAY_PLAIN = "503"
    FAILED = "500 before anything was done"
    FAILED_AFTER = "500 after the commit"
    GARBAGE = "a page in another language than JSON"
    WRONG_JSON = "JSON of another shape"
    OTHER_PAYMENT = "an answer about another payment"
    CUT_OFF = "half an answer, then a broken connection"
    TRUNCATED = "half an answer"
    REDIRECTED = "redirected"
    ACCEPTED = "202"
    CONFLICT = "409, nothing stored"
    CONFLICT_AFTER = "409, stored"
    FORBIDDEN = "403 of a gateway"


TURNED_AWAY = frozenset(
    (
        Fault.BUSY,
        Fault.BUSY_PLAIN,
        Fault.AWAY,
        Fault.AWAY_PLAIN,
        Fault.FAILED,
        Fault.REDIRECTED,
        Fault.CONFLICT,
        Fault.FORBIDDEN,
    )
)
"""Answered on the way: central hears nothing."""

STATUS: Mapping[Fault, int] = {
    Fault.BUSY: 429,
    Fault.BUSY_PLAIN: 429,
    Fault.AWAY: 503,
    Fault.AWAY_PLAIN: 503,
    Fault.FAILED: 500,
    Fault.FAILED_AFTER: 500,
    Fault.REDIRECTED: 307,
    Fault.ACCEPTED: 202,
    Fault.CONFLICT: 409,
    Fault.CONFLICT_AFTER: 409,
    Fault.FORBIDDEN: 403,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """The weather of one run. ``rates``: the chance of each fault; ``latency_s``: from, to, one way."""

    rates: Mapping[Fault, float] = field(default_factory=dict)
    latency_s: tuple[float, float] = (0.01, 0.05)
    retry_after_s: tuple[int, int] = (2, 40)
    outages: float = 0.0


CALM = Climate()


class _HalfBody(httpx.AsyncByteStream):
    """The connection breaks in the middle of the answer."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx.RemoteProtocolError("the peer closed the connection")


class Network:
    """All lines between the tills and central."""

    def __init__(
        self, central: CentralProcess, drawn: random.Random, climate: Climate, trace: Trace, log: WireLog
    ) -> None:
        self.climate = climate
        self.log = log
        self._central = central
        self._drawn = drawn
        self._trace = trace
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._messages = 0
        self._down_until_s: dict[str, float] = {}

    def cut(self, terminal: str, until_s: float) -> None:
        """The line of one till is dead until then."""
        self._down_until_s[terminal] = until_s

    def heal(self) -> None:
        """From now on nothing happens to a request; what is under way still arrives as it was fated to."""
        self.climate = CALM
        self._down_until_s.clear()

    async def settle(self) -> None:
        """Until the last message has arrived."""
        while self._under_way:
            await asyncio.sleep(1.0)

    def fault_for(self, sent: Sent) -> Fault | None:
        """What happens to this request."""
        if self._down_until_s.get(sent.terminal, 0.0) > asyncio.get_running_loop().time():
            return Fault.NO_CONNECTION
        rates = self.climate.rates
        if not rates:
            return None
        place = self._drawn.random()
        for fault, rate in rates.items():
            place -= rate
            if place < 0:
                return fault
        return None

    def latency_s(self) -> float:
        """One way, this time."""
        return self._drawn.uniform(*self.climate.latency_s)

    def retry_after(self, fault: Fault) -> dict[str, str]:
        """The header of an answer that asks for patience: seconds, or a date beside the server's own."""
        if fault not in (Fault.BUSY, Fault.AWAY):
            return {}
        wait_s = self._drawn.randint(*self.climate.retry_after_s)
        if fault is Fault.BUSY:
            return {"Retry-After": str(wait_s)}
        # Only the two dates of the answer count: the server's clock is an hour wrong.
        now = OPENING + timedelta(hours=1, seconds=int(asyncio.get_running_loop().time()))
        return {
            "Date": format_datetime(now),
            "Retry-After": format_datetime(now + timedelta(seconds=wait_s)),
        }

    def carry(
        self, sent: Sent, request: httpx.Request, fault: Fault | None
    ) -> asyncio.Future[httpx.Response]:
        """Put the request on its way; the first answer that comes back is the one."""
        answer: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
        # Whoever waits may be gone by then.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        copies = 2 if fault is Fault.TWICE else 1
        for _ in range(copies):
            delay_s = self.latency_s()
            if fault is Fault.LATE:
                delay_s += self._drawn.uniform(sent.timeout_s, MESSAGE_S_MAX)
            self._messages += 1
            message = self._messages
            task = asyncio.create_task(self._message(sent, request, answer, delay_s, fault))
            self._under_way[message] = task
            task.add_done_callback(lambda _done, message=message: self._under_way.pop(message, None))  # type: ignore[misc]
        return answer

    async def _message(
        self,
        sent: Sent,
        request: httpx.Request,
        answer: asyncio.Future[httpx.Response],
        delay_s: float,
        fault: Fault | None,
    ) -> None:
        await asyncio.sleep(delay_s)
        try:
            response = await self._central.handle(request)
        except Gone as gone:
            if fault is Fault.TWICE or gone.heard:
                _fail(answer, httpx.ReadError("the peer has gone", request=request))
            else:
                _fail(answer, httpx.ConnectError("nobody listens", request=request))
            return
        self._trace.note("central", f"{sent.name} -> {response.status_code}")
        back_s = self.latency_s()
        if fault is Fault.LATE_ANSWER:
            back_s += sent.timeout_s
        await asyncio.sleep(back_s)
        if fault is Fault.BROKEN_OFF:
            _fail(answer, httpx.ReadError("connection reset", request=request))
        elif fault is not Fault.LOST_ANSWER and not answer.done():
            answer.set_result(response)


def _fail(answer: asyncio.Future[httpx.Response], error: httpx.TransportError) -> None:
    if not answer.done():
        answer.set_exception(error)


class Line(httpx.AsyncBaseTransport):
    """The line of one terminal in one of its lives: the transport port of its client."""

    def __init__(self, network: Network, trace: Trace, *, terminal: str, life: int) -> None:
        self._network = network
        self._trace = trace
        self._terminal = terminal
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        network, log = self._network, self._network.log
        sent = log.leaves(request, body, terminal=self._terminal, life=self._life)
        fault = network.fault_for(sent)
        if fault is not None:
            self._trace.met("fault", fault)
        self._trace.note(self._terminal, f"{sent.name} {sent.digest} ({fault or 'well'})")
        try:
            response = await self._answer(sent, request, fault)
        except httpx.TransportError as error:
            self._trace.note(self._terminal, f"{sent.name} <- {type(error).__name__}")
            log.fails(sent, error)
            raise
        self._trace.note(self._terminal, f"{sent.name} <- {response.status_code}")
        log.answers(sent, response, whole=fault is not Fault.CUT_OFF)
        return response

    async def _answer(self, sent: Sent, request: httpx.Request, fault: Fault | None) -> httpx.Response:
        network = self._network
        if fault is Fault.NO_CONNECTION:
            await asyncio.sleep(network.latency_s())
            raise httpx.ConnectError("connection refused", request=request)
        if fault is Fault.LOST_REQUEST:
            await asyncio.sleep(sent.timeout_s)
            raise httpx.ReadTimeout("nobody answered", request=request)
        if fault in TURNED_AWAY:
            await asyncio.sleep(network.latency_s())
            return httpx.Response(
                STATUS[fault],
                headers=network.retry_after(fault) | {"Location": "http://elsewhere.test/"},
                json={"code": "gateway", "reason": "No"},
            )
        try:
            async with asyncio.timeout(sent.timeout_s):
                response = await network.carry(sent, request, fault)
        except TimeoutError:
            raise httpx.ReadTimeout("nobody answered", request=request) from None
        return response if fault is None else _spoiled(response, fault)


def _spoiled(response: httpx.Response, fault: Fault) -> httpx.Response:
    """What the fault makes of a good answer."""
    status = response.status_code
    match fault:
        case Fault.FAILED_AFTER | Fault.CONFLICT_AFTER | Fault.ACCEPTED:
            return httpx.Response(STATUS[fault], json={"code": "gateway", "reason": "No"})
        case Fault.GARBAGE:
            return httpx.Response(status, html="<h1>Wi-Fi of the Grand Hotel</h1>")
        case Fault.WRONG_JSON:
            return httpx.Response(status, json={"id": 7} if response.content.startswith(b"[") else [[]])
        case Fault.OTHER_PAYMENT:
            return _about_another(response)
        case Fault.CUT_OFF:
            return httpx.Response(status, headers=response.headers, stream=_HalfBody(response.content))
        case Fault.TRUNCATED:
            return httpx.Response(status, content=response.content[: len(response.content) // 2])
    return response


def _about_another(response: httpx.Response) -> httpx.Response:
    """A payment that is not the one that was sent; a list, or nothing, is left as it is."""
    found = loads(response.content) if response.content else None
    if not isinstance(found, dict):
        return response
    other = {**found, "id": "P-of-somebody-else", "correlatorId": "of-somebody-else"}
    return httpx.Response(response.status_code, content=dumps(other))
