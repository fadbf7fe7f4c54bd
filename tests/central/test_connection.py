"""What a client's connection is like beside the limits on it."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from sync.central.http.connection import ClientConnection


class Sent(asyncio.Transport):
    """The pieces in which something leaves; None where the connection was closed."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.pieces: list[bytes | None] = []

    def write(self, data: Any) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.pieces.append(None)

    def is_closing(self) -> bool:
        return None in self.pieces


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"paid"})


async def pieces_of(*asked: bytes) -> list[bytes | None]:
    config = uvicorn.Config(answer, lifespan="off", log_config=None, access_log=False)
    config.load()
    state, sent = ServerState(), Sent()
    connection = ClientConnection(config=config, server_state=state, app_state={})
    connection.connection_made(sent)
    for request in asked:
        connection.data_received(request)
        while state.tasks:
            await asyncio.gather(*state.tasks)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    pieces = list(sent.pieces)
    connection.connection_lost(None)
    return pieces


async def test_an_answer_leaves_in_one_piece() -> None:
    [first, second] = await pieces_of(*[b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"] * 2)
    for answered in (first, second):
        assert answered is not None
        assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answered.endswith(b"\r\n\r\npaid")


async def test_an_answer_leaves_before_its_connection_closes() -> None:
    [answered, closed] = await pieces_of(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (answered or b"").endswith(b"\r\n\r\npaid")
    assert closed is None
