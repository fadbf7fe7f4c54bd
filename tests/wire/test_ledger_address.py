"""A batch goes to the accounting system's address over TLS alone, and only what that system itself says counts."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.till.ledger_batches import make_batches
from sync.central.http.tls import TlsFiles as ServerFiles
from sync.ledger.delivery import NotYet, Parcel, parcel_of
from sync.ledger.endpoint import Endpoint
from sync.ledger.files import BatchForm
from tests.builders.authorities import Authority
from tests.builders.ledger import counted_day
from tests.builders.tills import BACK_OFFICE, TODAY

Reply = Callable[[bytes], bytes]
"""From a request's body to the bytes of the answer, after which the connection ends."""


@pytest.fixture(scope="module")
def parcel() -> Parcel:
    (batch,) = make_batches(counted_day(), BACK_OFFICE, TODAY)
    return parcel_of(batch, BatchForm.CSV)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Books:
    """An accounting system: the batches that it has, by number, and how often each was brought."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.brought: list[tuple[str, bytes]] = []
        self.heads: list[str] = []

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/batches"


def answer(status: str, body: str = "", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return (head + body).encode()


def _always(given: bytes, _: bytes) -> bytes:
    return given


@asynccontextmanager
async def accounting(reply: Reply | list[Reply], files: ServerFiles) -> AsyncIterator[Books]:
    """A real TLS server, which answers each request by the next of ``reply``, the last one for ever."""
    replies = reply if isinstance(reply, list) else [reply]
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(files.cert, files.key)
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(fields["content-length"]))
        books.heads.append(head)
        books.brought.append((fields["idempotency-key"], body))
        writer.write(replies[min(len(books.brought), len(replies)) - 1](body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secured)
    books = Books(server.sockets[0].getsockname()[1])
    try:
        yield books
    finally:
        server.close()
        await asyncio.gather(*[task for task in serving if task is not None], return_exceptions=True)


async def bring(parcel: Parcel, url: str, ca_file: str) -> Delivery | NotYet:
    endpoint = Endpoint(url, ca_file=ca_file, token="secret-7")
    try:
        return await endpoint.post(parcel)
    finally:
        await endpoint.close()


def acknowledged(parcel: Parcel, reference: str | None = None) -> Delivery:
    return Delivery(
        state=DeliveryState.ACKNOWLEDGED,
        way=DeliveryWay.HTTPS,
        file_digest=parcel.file_digest,
        reference=reference,
    )


async def test_a_batch_goes_to_an_accounting_system_of_the_operators_own_authority(
    parcel: Parcel, authority: Authority
) -> None:
    taken = answer("201 Created", '{"reference": "GL-118"}')
    async with accounting(lambda _: taken, authority.server("localhost")) as books:
        outcome = await bring(parcel, books.url, authority.certificate)

    assert outcome == acknowledged(parcel, "GL-118")
    assert books.brought == [(parcel.number.lower(), parcel.content)]
    assert "Authorization: Bearer secret-7" in books.heads[0]


async def test_another_authoritys_certificate_gets_no_batch(
    parcel: Parcel, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    async with accounting(lambda _: answer("201 Created"), stranger.server("localhost")) as books:
        outcome = await bring(parcel, books.url, authority.certificate)

    assert outcome == NotYet(
        reason="It cannot be reached: nobody whom this till trusts has issued the accounting system's certificate."
    )
    assert books.brought == []


@pytest.mark.parametrize(
    ("name", "valid", "why"),
    [
        ("other.example", None, "the accounting system's certificate is for another address"),
        (
            "localhost",
            (datetime(2001, 1, 1, tzinfo=UTC), datetime(2002, 1, 1, tzinfo=UTC)),
            "the accounting system's certificate has run out",
        ),
    ],
)
async def test_a_certificate_for_another_address_or_time_gets_no_batch(
    name: str, valid: tuple[datetime, datetime] | None, why: str, parcel: Parcel, authority: Authority
) -> None:
    async with accounting(lambda _: answer("201 Created"), authority.server(name, valid=valid)) as books:
        outcome = await bring(parcel, books.url, authority.certificate)

    assert (outcome, books.brought) == (NotYet(reason=f"It cannot be reached: {why}."), [])


async def test_an_answer_that_is_cut_off_is_no_answer(parcel: Parcel, authority: Authority) -> None:
    whole = answer("201 Created", '{"reference": "GL-118"}')
    for cut in (b"", whole[:20], whole[:-5]):
        async with accounting(partial(_always, cut), authority.server("localhost")) as books:
            outcome = await bring(parcel, books.url, authority.certificate)

        assert isinstance(outcome, NotYet), cut
        assert outcome.reason.startswith("It cannot be reached: "), cut
        assert len(books.brought) == 1


async def test_a_batch_is_brought_again_under_the_same_number_after_its_answer_was_lost(
    parcel: Parcel, authority: Authority
) -> None:
    def has_it(body: bytes) -> bytes:
        assert body == parcel.content
        return answer("409 Conflict", f'{{"sha256": "{parcel.file_digest}", "reference": "GL-118"}}')

    async with accounting([lambda _: b"", has_it], authority.server("localhost")) as books:
        first = await bring(parcel, books.url, authority.certificate)
        second = await bring(parcel, books.url, authority.certificate)

    assert isinstance(first, NotYet)
    assert second == acknowledged(parcel, "GL-118")
    assert books.brought[0] == books.brought[1]


async def test_neither_batch_nor_token_follows_a_redirection(parcel: Parcel, authority: Authority) -> None:
    files = authority.server("localhost")
    async with accounting(lambda _: answer("201 Created"), files) as elsewhere:
        moved = f"HTTP/1.1 308 Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n".encode()
        async with accounting(lambda _: moved, files) as books:
            outcome = await bring(parcel, books.url, authority.certificate)

    assert outcome == NotYet(
        reason="It answered 308: it has moved. Nothing is sent to an address that is not set."
    )
    assert (len(books.brought), elsewhere.brought) == (1, [])


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted"])
async def test_a_sign_in_page_acknowledges_nothing(status: str, parcel: Parcel, authority: Authority) -> None:
    page = answer(status, "<html>Sign in</html>", "text/html; charset=utf-8")
    async with accounting(lambda _: page, authority.server("localhost")) as books:
        outcome = await bring(parcel, books.url, authority.certificate)

    assert outcome == NotYet(
        reason=f"It answered {status[:3]} with a page for people, which acknowledges nothing."
    )


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "204 No Content"])
async def test_a_yes_without_words_is_an_acknowledgement(
    status: str, parcel: Parcel, authority: Authority
) -> None:
    bare = f"HTTP/1.1 {status}\r\n{'' if '204' in status else 'Content-Length: 0'}\r\n\r\n"
    yes = bare.replace("\r\n\r\n\r\n", "\r\n\r\n").encode()
    async with accounting(lambda _: yes, authority.server("localhost")) as books:
        outcome = await bring(parcel, books.url, authority.certificate)

    assert outcome == acknowledged(parcel)


@pytest.mark.parametrize(
    "status", ["203 Non-Authoritative Information", "206 Partial Content", "207 Multi-Status"]
)
async def test_a_yes_of_somebody_between_is_no_acknowledgement(
    status: str, parcel: Parcel, authority: Authority
) -> None:
    async with accounting(lambda _: answer(status, "{}"), authority.server("localhost")) as books:
        outcome = await bring(parcel, books.url, authority.certificate)

    assert outcome == NotYet(reason=f"It answered {status[:3]}.")
