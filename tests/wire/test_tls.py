"""Till and central over TLS: who is trusted, who is let in, and what a till says where it is not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from pos.domain.errors import Refused
from sync.addresses import Addresses
from sync.central.api.own import ANNOUNCEMENT
from sync.central.app import make_app
from sync.central.http.connection import ClientConnection
from sync.central.http.handshakes import HandshakeLimits, agreed_first
from sync.central.http.tls import ServerTls
from sync.central.schema.opening import open_central
from sync.client import CentralClient
from sync.outcomes import Unknown, Unreachable
from sync.transport_security import TlsFiles
from tests.builders.authorities import Authority
from tests.central.central_builders import CountedRandomness, SteppingClock

HERE = "127.0.0.1"
LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2090, 1, 1, tzinfo=UTC), datetime(2091, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


FEW = HandshakeLimits(of_address=3)
NEIGHBOURS, ELSEWHERE = ("2001:db8:0:7::1", "2001:db8:0:7::2", "2001:db8:0:7::3"), "2001:db8:0:8::1"


@asynccontextmanager
async def central(tls: ServerTls, limits: HandshakeLimits = FEW) -> AsyncIterator[int]:
    """A central in this loop; its port."""
    store = open_central("sqlite://")
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness())
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    made = agreed_first(ClientConnection, tls.context, limits)
    server = await asyncio.get_running_loop().create_server(
        lambda: made(config=config, server_state=state, app_state={}), HERE, 0
    )
    async with server:
        yield int(server.sockets[0].getsockname()[1])
    store.close()


async def asked(port: int, files: TlsFiles, *, host: str = HERE) -> object:
    """What a till hears that asks central what it can do."""
    addresses = Addresses.of(central=f"https://{host}:{port}")
    async with CentralClient(addresses, timeout_s=10, media_type="application/json", tls=files) as client:
        return await client.announced()


async def test_a_till_that_trusts_the_operators_authority_is_answered(authority: Authority) -> None:
    async with central(ServerTls(authority.server(HERE))) as port:
        told = await asked(port, TlsFiles(ca_file=authority.certificate))

    assert isinstance(told, dict)
    assert told["idempotencyKey"] is True


async def test_a_till_speaks_to_no_central_whose_issuer_it_does_not_trust(
    authority: Authority, stranger: Authority
) -> None:
    nobody = Unreachable("nobody whom this till trusts has issued central's certificate")
    async with central(ServerTls(authority.server(HERE))) as port:
        assert await asked(port, TlsFiles(ca_file=stranger.certificate)) == nobody
        assert await asked(port, TlsFiles()) == nobody


@pytest.mark.parametrize(
    ("names", "valid", "why"),
    [
        ((HERE,), LONG_AGO, "central's certificate has run out"),
        ((HERE,), FAR_AHEAD, "central's certificate is not valid yet; look at this till's clock"),
        (("127.0.0.9",), None, "central's certificate is for another address"),
        (("central.example",), None, "central's certificate is for another address"),
    ],
)
async def test_a_till_says_what_is_wrong_with_centrals_certificate(
    authority: Authority, names: tuple[str, ...], valid: tuple[datetime, datetime] | None, why: str
) -> None:
    async with central(ServerTls(authority.server(*names, valid=valid))) as port:
        assert await asked(port, TlsFiles(ca_file=authority.certificate)) == Unreachable(why)


@pytest.mark.parametrize("limits", [FEW, HandshakeLimits(of_address=9, most=3)])
async def test_no_more_clients_than_so_many_hold_central_up_by_saying_nothing(
    authority: Authority, limits: HandshakeLimits
) -> None:
    """Before TLS is agreed on nobody is a client yet, and each of them has a socket."""
    till = TlsFiles(ca_file=authority.certificate)
    async with central(ServerTls(authority.server(HERE)), limits) as port:
        silent = [await asyncio.open_connection(HERE, port) for _ in range(3)]
        assert await asked(port, till) != ANNOUNCEMENT
        for _, writer in silent:
            writer.close()
        async with asyncio.timeout(10):
            while await asked(port, till) != ANNOUNCEMENT:
                pass


class Silent(asyncio.Transport):
    """Whoever has connected and says nothing."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 50_000, 0, 0)})
        self.is_let_in = True

    def abort(self) -> None:
        self.is_let_in = False

    def pause_reading(self) -> None: ...


async def test_who_has_a_network_of_addresses_holds_central_up_no_longer_than_who_has_one(
    authority: Authority,
) -> None:
    context = ServerTls(authority.server(HERE)).context
    made = agreed_first(asyncio.Protocol, context, HandshakeLimits(of_address=2))
    before, connected = asyncio.all_tasks(), [Silent(address) for address in (*NEIGHBOURS, ELSEWHERE)]
    for transport in connected:
        made().connection_made(transport)
    assert [transport.is_let_in for transport in connected] == [True, True, False, True]
    for handshake in asyncio.all_tasks() - before:
        handshake.cancel()


async def test_a_client_that_agrees_on_nothing_is_let_go(authority: Authority) -> None:
    limits = HandshakeLimits(of_address=3, within_s=0.05)
    async with central(ServerTls(authority.server(HERE)), limits) as port:
        reader, writer = await asyncio.open_connection(HERE, port)
        async with asyncio.timeout(10):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        assert await asked(port, TlsFiles(ca_file=authority.certificate)) == ANNOUNCEMENT


async def test_a_central_of_another_name_at_the_same_address_is_not_taken_for_ours(
    authority: Authority,
) -> None:
    async with central(ServerTls(authority.server("central.example"))) as port:
        told = await asked(port, TlsFiles(ca_file=authority.certificate), host="localhost")

    assert told == Unreachable("central's certificate is for another address")


async def test_where_central_asks_for_certificates_only_a_till_with_one_of_its_authority_gets_in(
    authority: Authority, stranger: Authority
) -> None:
    async with central(ServerTls(authority.server(HERE, client_ca=True))) as port:
        with_own = authority.client("T2")
        assert isinstance(await asked(port, with_own), dict)
        of_stranger = stranger.client("T2")
        foreign = TlsFiles(
            ca_file=authority.certificate,
            client_cert=of_stranger.client_cert,
            client_key=of_stranger.client_key,
        )
        for files in (TlsFiles(ca_file=authority.certificate), foreign):
            refused = await asked(port, files)
            assert isinstance(refused, Unknown | Unreachable)
            assert "certificate" in refused.reason


async def test_a_till_whose_files_are_gone_goes_on_without_central(
    authority: Authority, tmp_path: Path
) -> None:
    async with central(ServerTls(authority.server(HERE))) as port:
        told = await asked(port, TlsFiles(ca_file=str(tmp_path / "gone.pem")))
        no_pem = tmp_path / "no.pem"
        no_pem.write_text("hello")
        also = await asked(port, TlsFiles(ca_file=str(no_pem)))

    assert told == Unreachable("the TLS files of this till cannot be used (No such file or directory)")
    assert isinstance(also, Unreachable)


async def test_a_renewed_certificate_is_taken_without_a_stop(authority: Authority) -> None:
    files = authority.server(HERE, valid=LONG_AGO)
    tls = ServerTls(files)
    async with central(tls) as port:
        assert isinstance(await asked(port, TlsFiles(ca_file=authority.certificate)), Unreachable)
        renewed = authority.server(HERE)
        renewed.cert.rename(files.cert)
        renewed.key.rename(files.key)
        tls.reload()
        assert isinstance(await asked(port, TlsFiles(ca_file=authority.certificate)), dict)


def test_a_renewed_pair_that_does_not_fit_leaves_the_old_one(authority: Authority) -> None:
    files, other = authority.server(HERE), authority.server(HERE)
    tls = ServerTls(files)
    other.cert.rename(files.cert)

    with pytest.raises(Refused) as refusal:
        tls.reload()

    assert refusal.value.code == "bad_tls_files"


def test_central_offers_nothing_older_than_tls_1_2(authority: Authority) -> None:
    assert ServerTls(authority.server(HERE)).context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_both_newer_versions_are_spoken(authority: Authority, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=authority.certificate)
    context.minimum_version = context.maximum_version = version
    async with central(ServerTls(authority.server(HERE))) as port:
        _, writer = await asyncio.open_connection(HERE, port, ssl=context)
        spoken = writer.get_extra_info("ssl_object").version()
        writer.close()
        await writer.wait_closed()

    assert spoken == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]


def test_a_key_that_everybody_can_read_is_refused(authority: Authority) -> None:
    files = authority.server(HERE)
    files.key.chmod(0o644)

    with pytest.raises(Refused) as refusal:
        ServerTls(files)

    assert refusal.value.code == "bad_tls_files"
    assert "chmod 600" in refusal.value.message


@pytest.mark.parametrize("wrong", ["cert", "key", "client_ca"])
def test_files_that_are_no_pem_are_refused(authority: Authority, wrong: str) -> None:
    files = authority.server(HERE, client_ca=True)
    no_pem = files.cert.with_suffix(".txt")
    no_pem.write_text("hello")
    no_pem.chmod(0o600)
    changed = replace(files, **{wrong: no_pem})

    with pytest.raises(Refused) as refusal:
        ServerTls(changed)

    assert refusal.value.code == "bad_tls_files"
