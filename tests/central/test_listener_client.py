"""One try at a listener: called where its name stands for, known by its certificate, never waited for without end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from sync.central.hub.listener_client import Acknowledged, ListenerClient, NotTaken, Outcome
from sync.central.hub.listeners import ListenerHosts, listener_hosts

HERE = listener_hosts(["bss.example", "127.0.0.0/8"])
UNREACHED = NotTaken(reason="It cannot be reached (ConnectError).", whole=True)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@asynccontextmanager
async def answering(
    answer: bytes, *, cert: trustme.LeafCert | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port that answers every request so, and what was asked there."""
    asked: list[bytes] = []
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head + await reader.readexactly(len(BODY)))
        writer.write(answer)
        if not answer:
            await reader.read()
        writer.close()
        await writer.wait_closed()

    secured = None
    if cert is not None:
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert.configure_cert(secured)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secured)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
        await asyncio.gather(*[task for task in serving if task is not None])


async def called_here(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


BODY = b'{"eventId":"evt-1"}'
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"


async def post(
    url: str, hosts: ListenerHosts = HERE, *, ca: Path | None = None, timeout_s: float = 10
) -> Outcome:
    client = ListenerClient(hosts, ca=ca, resolve=called_here, timeout_s=timeout_s)
    try:
        return await client.post(url, headers={"webhook-id": "evt-1"}, body=BODY)
    finally:
        await client.close()


async def test_a_listener_is_called_at_its_address_and_by_its_name(authority: trustme.CA, ca: Path) -> None:
    async with answering(TAKEN, cert=authority.issue_cert("bss.example")) as (port, asked):
        outcome = await post(f"https://bss.example:{port}/tmf/listener/paymentCreateEvent", ca=ca)
    [request] = asked

    assert outcome == Acknowledged()
    assert request.startswith(b"POST /tmf/listener/paymentCreateEvent HTTP/1.1\r\n")
    assert f"Host: bss.example:{port}\r\n".encode() in request
    assert request.endswith(BODY)


async def test_a_certificate_of_another_name_is_refused(authority: trustme.CA, ca: Path) -> None:
    async with answering(TAKEN, cert=authority.issue_cert("other.example", "127.0.0.1")) as (port, asked):
        assert await post(f"https://bss.example:{port}/", ca=ca) == UNREACHED

    assert asked == []


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: trustme.CA) -> None:
    async with answering(TAKEN, cert=authority.issue_cert("bss.example")) as (port, asked):
        assert await post(f"https://bss.example:{port}/") == UNREACHED

    assert asked == []


async def test_a_listener_on_this_machine_is_called_without_tls() -> None:
    async with answering(TAKEN) as (port, _):
        assert await post(f"http://localhost:{port}/", ListenerHosts()) == Acknowledged()
        assert await post(f"http://localhost:{port}/", listener_hosts(["localhost"])) == Acknowledged()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NotTaken(reason="It answered 400.", whole=False)),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", NotTaken(reason="It answered 404.", whole=True)),
        (
            b"HTTP/1.1 429 Slow\r\nRetry-After: 17\r\n\r\n",
            NotTaken(reason="It answered 429.", whole=True, retry_after_s=17),
        ),
        (
            b"HTTP/1.1 503 No\r\nRetry-After: Sat, 21 Nov 2026 10:00:00 GMT\r\n\r\n",
            NotTaken(reason="It answered 503.", whole=True),
        ),
        (
            b"HTTP/1.1 307 There\r\nLocation: http://localhost/\r\n\r\n",
            NotTaken(reason="It answered 307.", whole=True),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n", Acknowledged()),
        (b"\x00garbage", NotTaken(reason="It cannot be reached (RemoteProtocolError).", whole=True)),
    ],
)
async def test_only_a_2xx_is_an_acknowledgement(answer: bytes, outcome: Outcome) -> None:
    async with answering(answer) as (port, _):
        assert await post(f"http://localhost:{port}/", ListenerHosts()) == outcome


async def test_a_listener_that_says_nothing_is_left() -> None:
    async with answering(b"") as (port, _):
        outcome = await post(f"http://localhost:{port}/", ListenerHosts(), timeout_s=0.05)

    assert outcome == NotTaken(reason="It did not answer in time.", whole=True)


async def test_a_name_that_nobody_knows_is_an_outcome() -> None:
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    client = ListenerClient(HERE, resolve=unknown)
    outcome = await client.post("https://bss.example/", headers={}, body=BODY)
    await client.close()

    assert outcome == NotTaken(reason="It cannot be reached (OSError).", whole=True)
