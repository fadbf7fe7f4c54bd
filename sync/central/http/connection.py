"""One client's connection: what is no HTTP is answered in JSON as well, and nobody keeps it open by saying nothing.

The server library waits for ever for the rest of a request, and refuses in plain text.
"""

from __future__ import annotations

import asyncio
import ipaddress
import sys
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sync.central.http.answers import MEDIA_TYPE
from sync.central.wire.errors import ApiError, error_body
from sync.wire_json import dumps

CONNECTIONS_MAX = 1_000
HEADERS_BYTES_MAX = 16_384
REQUEST_S = 45
"""Longer than a body may take, so that a slow body is refused by name before."""


def shared_among(of_address: int) -> type[ClientConnection]:
    """Connections of which no more than so many may come from one address."""

    class Shared(ClientConnection):
        of_address_max = of_address

    return Shared


class ClientConnection(H11Protocol):
    """As the library's own, with an end to its patience."""

    patience_s: float = REQUEST_S
    of_address_max: int = CONNECTIONS_MAX

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience: asyncio.TimerHandle | None = None
        self.network = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, _SentAtOnce(transport, self.loop)))
        self.network = network_of(self.client[0] if self.client else "")
        if len(self.connections) > CONNECTIONS_MAX:
            # Once for a flood, not for each of it.
            if len(self.connections) == CONNECTIONS_MAX + 1:
                self.logger.warning("Too many connections.")
            transport.abort()
        elif self._of_this_address() > self.of_address_max:
            transport.abort()
        else:
            self._wait_for_request()

    def _of_this_address(self) -> int:
        """How many connections there are from where this one comes from."""
        return sum(getattr(one, "network", None) == self.network for one in self.connections)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_request()

    def send_400_response(self, msg: str) -> None:
        # The library calls this while it handles the fault, which knows the better status.
        fault = sys.exception()
        status = fault.error_status_hint if isinstance(fault, h11.RemoteProtocolError) else 400
        self._refuse(
            ApiError(431, "headers_too_large", f"The headers are larger than {HEADERS_BYTES_MAX} bytes.")
            if status == 431
            else ApiError(400, "bad_http", "This is no HTTP request.")
        )

    def _wait_for_request(self) -> None:
        """The client owes us the rest of a request, or its first one: it has so long for it and not for each part."""
        state = self.conn.their_state
        if state is h11.IDLE:
            owed = self.cycle is None or bool(self.conn.trailing_data[0])
        else:
            owed = state is h11.SEND_BODY
        if not owed:
            self._stop_waiting()
        elif self._patience is None:
            self._patience = self.loop.call_later(self.patience_s, self._run_out)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _run_out(self) -> None:
        if not self.transport.is_closing():
            self._refuse(
                ApiError(408, "request_too_slow", f"No whole request within {self.patience_s} seconds.")
            )

    def _refuse(self, error: ApiError) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = dumps(error_body(error))
            headers = [
                ("content-type", MEDIA_TYPE),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            for event in (
                h11.Response(status_code=error.status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def network_of(address: str) -> str:
    """The address, or of IPv6 the 64 bits that whoever has one address has all of."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return found.ipv4_mapped.compressed if found.ipv4_mapped else found.exploded[:19]


class _SentAtOnce:
    """A transport that sends all that one turn of the loop writes in one piece: an answer's head goes with its body."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not data:
            return
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and not self._transport.is_closing():
            self._transport.write(b"".join(waiting))
