"""TLS is agreed on before a connection counts as a client's: so many at once, so many of one address, and not for long.

The server library would begin any number of them and wait a minute for each, with a socket for each.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from sync.central.http.connection import network_of

HANDSHAKES_MAX = 200
HANDSHAKE_S = 10

Made = Callable[..., asyncio.Protocol]
"""Makes what serves a connection, as the server library asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeLimits:
    """How many are under way at once, in all and of one address (of IPv6: one network), and how long each may take."""

    of_address: int
    most: int = HANDSHAKES_MAX
    within_s: float = HANDSHAKE_S


def agreed_first(made: Made, context: ssl.SSLContext, limits: HandshakeLimits) -> Made:
    """Makes what serves a connection once TLS is agreed on."""
    under_way: list[str] = []

    def first(**named: Any) -> asyncio.Protocol:
        return _Handshake(lambda: made(**named), context, under_way, limits)

    return first


class _Handshake(asyncio.Protocol):
    """A connection until TLS is agreed on."""

    def __init__(
        self,
        made: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
        under_way: list[str],
        limits: HandshakeLimits,
    ) -> None:
        self._made = made
        self._context = context
        self._under_way = under_way
        self._limits = limits
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw = cast(asyncio.Transport, transport)
        peer = raw.get_extra_info("peername")
        address = network_of(str(peer[0])) if peer else ""
        of_address = self._under_way.count(address)
        if len(self._under_way) >= self._limits.most or of_address >= self._limits.of_address:
            raw.abort()
            return
        self._under_way.append(address)
        # What comes before TLS takes over waits in the socket.
        raw.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._agree(raw, address))

    async def _agree(self, raw: asyncio.Transport, address: str) -> None:
        early = _Early()
        try:
            agreed = await asyncio.get_running_loop().start_tls(
                raw, early, self._context, server_side=True, ssl_handshake_timeout=self._limits.within_s
            )
        except OSError:
            # Who did not agree, or took too long, is told so by TLS itself.
            raw.abort()
            return
        finally:
            self._under_way.remove(address)
        if agreed is not None:
            early.go_on(self._made(), agreed)


class _Early(asyncio.Protocol):
    """What a client sends right behind its handshake is there before anybody knows that this has ended."""

    def __init__(self) -> None:
        self._came: list[bytes] = []
        self._ended = False
        self._lost: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self._came.append(data)

    def eof_received(self) -> None:
        self._ended = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.append(exc)

    def go_on(self, serving: asyncio.Protocol, transport: asyncio.Transport) -> None:
        """``serving`` has the connection from here on, and all that came."""
        transport.set_protocol(serving)
        serving.connection_made(transport)
        for data in self._came:
            serving.data_received(data)
        if self._ended:
            serving.eof_received()
        for exc in self._lost:
            serving.connection_lost(exc)
