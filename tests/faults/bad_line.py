"""A line to central that can be bad: an HTTP proxy of the tests that forwards, loses, cuts or answers by itself.

One test says, request by request, what becomes of it. What passed is written down.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import parse_qs, urlsplit


class Fate(Enum):
    """What becomes of a request."""

    PASSES = "forwarded, and the answer brought back"
    NEVER_ARRIVES = "the connection is cut before central hears of it"
    ANSWER_LOST = "central carries it out; the connection is cut before its answer"
    ANSWER_CUT = "central carries it out; half of its answer comes back"
    ANSWER_GARBLED = "central carries it out; what comes back is no JSON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The line answers instead of central, which hears nothing."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came in. ``key`` is the payment's own, sent or looked up; ``at_s`` is the till's time."""

    method: str
    path: str
    key: str | None
    body: bytes
    at_s: float

    @property
    def sends_a_payment(self) -> bool:
        return self.method == "POST" and self.path.endswith("/payment")

    @property
    def looks_up(self) -> bool:
        return self.method == "GET" and self.path.endswith("/payment")


@dataclass(slots=True, kw_only=True)
class BadLine:
    """The proxy. ``fate_of`` is asked once for each request."""

    upstream: str
    fate_of: Callable[[Request], Fate | Answer]
    now_s: Callable[[], float] = lambda: 0.0
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    def sent(self, key: str) -> list[Request]:
        """Every try to send the payment of this key."""
        return [request for request in self.requests if request.sends_a_payment and request.key == key]

    def looked_up(self, key: str) -> list[Request]:
        """Every look-up of this key."""
        return [request for request in self.requests if request.looks_up and request.key == key]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the till, request after request."""
        here = asyncio.current_task()
        assert here is not None
        self.connections.add(here)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._one(reader, writer):
                pass
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head, body = await _message(reader)
        request = self._noted(head, body)
        fate = self.fate_of(request)
        if isinstance(fate, Answer):
            lines = [f"{name}: {value}" for name, value in fate.headers]
            lines += [f"Content-Length: {len(fate.body)}", "Content-Type: application/json"]
            writer.write("\r\n".join([f"HTTP/1.1 {fate.status} X", *lines, "", ""]).encode() + fate.body)
            await writer.drain()
            return True
        if fate is Fate.NEVER_ARRIVES:
            return False
        answer_head, answer_body = await self._forward(head, body)
        if fate is Fate.ANSWER_LOST:
            return False
        if fate is Fate.ANSWER_GARBLED:
            answer_body = b"<" * len(answer_body)
        if fate is Fate.ANSWER_CUT:
            answer_body = answer_body[: len(answer_body) // 2]
        writer.write(answer_head + answer_body)
        await writer.drain()
        return fate is not Fate.ANSWER_CUT

    async def _forward(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        target = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        try:
            writer.write(head + body)
            await writer.drain()
            return await _message(reader)
        finally:
            writer.close()

    def _noted(self, head: bytes, body: bytes) -> Request:
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        parts = urlsplit(target)
        looked_up = parse_qs(parts.query).get("correlatorId")
        sent = re.search(rb"(?im)^idempotency-key: *(\S+)\r$", head)
        key = looked_up[0] if looked_up else (sent[1].decode() if sent else None)
        request = Request(method=method, path=parts.path, key=key, body=body, at_s=self.now_s())
        self.requests.append(request)
        return request


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of one request or answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)\r$", head)
    return head, await reader.readexactly(int(length[1])) if length else b""


@asynccontextmanager
async def bad_line(
    upstream: str, fate_of: Callable[[Request], Fate | Answer], now_s: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[BadLine]:
    """The proxy on a free port."""
    line = BadLine(upstream=upstream, fate_of=fate_of, now_s=now_s)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0, limit=1 << 20)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        # The till has closed its ends, or is about to: each connection sees that and ends.
        await asyncio.gather(*line.connections)
        await server.wait_closed()


def problem(status: int, reason: str) -> Answer:
    """An error as a TMF server tells it."""
    body = json.dumps({"code": "badRequest", "reason": reason}).encode()
    return Answer(status=status, body=body)
