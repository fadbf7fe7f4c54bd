"""A till signs for its token, renews it unseen, and says plainly when central lets it do nothing."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from pos.store.outbox import retry_parked
from sync.addresses import TMF676_PATH, TMF678_PATH, Addresses
from sync.central.access.gate import Access
from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.tills.terminals import (
    Ending,
    Enrolling,
    end_terminal,
    enrol,
    list_terminals,
    make_terminal_code,
)
from sync.client import CentralClient
from sync.credentials import Secret, Signature
from sync.oauth import key_text
from sync.outcomes import Accepted, Later, Unreachable
from sync.retold import RETOLD_FROM
from tests.builders.tills import SeededRandomness
from tests.builders.wire import BASE_URL, MEDIA_TYPE, TIMEOUT_S, Wire, make_wire
from tests.wire.test_outcomes import DEALER

TOKEN_URL = f"{BASE_URL}/oauth2/token"
KEY = bytes([7]) * 32


async def guarded_wire() -> Wire:
    """A till that knows its accounts, beside a central that asks for tokens."""
    wire = await make_wire()
    app = make_app(
        wire.central,
        clock=wire.clock,
        randomness=SeededRandomness("central with tokens"),
        base_url=BASE_URL,
        modes=wire.desk.modes,
        access=Access(),
    )
    wire.network.leads_to = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return wire


def enrolled(wire: Wire, key: bytes = KEY, *, dealer: str | None = None) -> int:
    """By a one-time code, with the key's public half; the epoch."""
    terminal = wire.desk.identity.terminal
    code = make_terminal_code(
        wire.central,
        terminal,
        clock=wire.clock,
        randomness=SeededRandomness(f"code {key!r}"),
        dealer=dealer,
    )
    public = key_text(Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw())
    with wire.central.write() as connection:
        epoch = enrol(
            connection,
            Enrolling(terminal=terminal, code=code, public_key=public),
            at=wire.clock.now(),
        )
    assert epoch is not None
    return epoch


def signs(wire: Wire, epoch: int, key: bytes = KEY, *, clock: Any = None) -> None:
    """The till's process begins anew, in this enrolment and with this key."""
    wire.desk = replace(wire.desk, identity=replace(wire.desk.identity, epoch=epoch))
    wire.credentials = Signature(
        token_url=TOKEN_URL,
        client_id=f"{wire.desk.identity.terminal}:{epoch}",
        private_key=key,
        clock=clock or wire.clock,
        randomness=wire.desk.randomness,
    )
    wire.restart()


def sends_parked_again(wire: Wire) -> None:
    """As whoever enrols a till anew does in the same deed."""
    with wire.desk.till.transaction() as unit:
        retry_parked(unit.connection, at=wire.clock.now())


def tokens_asked(wire: Wire) -> int:
    return sum(request.path == "/oauth2/token" for request in wire.network.requests)


async def test_a_till_gets_one_token_and_speaks_with_it() -> None:
    wire = await guarded_wire()
    signs(wire, enrolled(wire))
    wire.pay("BA-1", "5.000")
    report = await wire.engine.push()
    assert (report.acknowledged, report.waiting) == (1, 0)
    assert (await wire.engine.pull()).problem is None
    assert tokens_asked(wire) == 1
    assert wire.engine.state.barred is None


async def test_a_dealers_till_sells_and_hears_as_any_and_of_no_other_dealer() -> None:
    wire = await guarded_wire()
    load_fixture(wire.central, {"accounts": [DEALER, {**DEALER, "account": "D-2"}]})
    signs(wire, enrolled(wire, dealer="D-1"))
    before = wire.credit_minor("BA-1")
    wire.pay("BA-1", "5.000")
    report = await wire.engine.push()
    assert (report.acknowledged, report.parked, report.waiting) == (1, 0, 0)
    pulled = await wire.engine.pull()
    assert (pulled.problem, pulled.skipped) == (None, 0)
    assert wire.credit_minor("BA-1") == before + 5_000
    assert {"D-1", "D-2"} & wire.credits().keys() == {"D-1"}
    with wire.central.read() as connection:
        assert connection.execute(text("SELECT dealer FROM payment")).scalars().all() == ["D-1"]


async def test_a_token_that_ran_out_is_renewed_unseen() -> None:
    wire = await guarded_wire()
    signs(wire, enrolled(wire))
    assert (await wire.engine.pull()).problem is None
    await wire.clock.sleep(11 * 60)
    wire.pay("BA-1", "5.000")
    assert (await wire.engine.push()).acknowledged == 1
    assert tokens_asked(wire) == 2


async def test_a_till_whose_clock_is_years_off_signs_by_centrals() -> None:
    wire = await guarded_wire()
    epoch = enrolled(wire)

    class Wrong:
        def now(self) -> Any:
            return wire.clock.now().replace(year=2019)

    signs(wire, epoch, clock=Wrong())
    assert (await wire.engine.pull()).problem is None
    assert tokens_asked(wire) == 2


async def test_a_retired_till_keeps_its_money_and_says_that_it_is_barred() -> None:
    wire = await guarded_wire()
    signs(wire, enrolled(wire))
    assert (await wire.engine.pull()).problem is None
    with wire.central.write() as connection:
        end_terminal(connection, wire.desk.identity.terminal, Ending.LOST, at=wire.clock.now())
    wire.pay("BA-1", "5.000")
    report = await wire.engine.push()
    assert (report.acknowledged, report.parked, report.waiting) == (0, 0, 1)
    assert wire.engine.state.online is True
    assert wire.engine.state.barred == "401 no_token Central does not know this till, or not any more."
    assert (await wire.engine.pull()).problem == wire.engine.state.barred

    epoch = enrolled(wire, bytes([8]) * 32)
    signs(wire, epoch, bytes([8]) * 32)
    await wire.clock.sleep(600)
    assert (await wire.engine.push()).acknowledged == 1
    assert wire.engine.state.barred is None


async def test_a_till_without_a_key_waits_and_takes_central_for_no_foreign_server() -> None:
    """A home that was made before tills had keys."""
    wire = await guarded_wire()
    wire.pay("BA-1", "5.000")
    report = await wire.engine.push()
    assert (report.parked, report.waiting) == (0, 1)
    assert wire.engine.state.barred == "401 token_missing Send a token."
    assert isinstance(await wire.client.announced(), Later)
    assert isinstance(await wire.client.places(), Later)


async def test_a_key_serves_at_a_central_that_gives_no_tokens() -> None:
    wire = await make_wire()
    signs(wire, 1)
    wire.pay("BA-1", "5.000")
    assert (await wire.engine.push()).acknowledged == 1
    assert tokens_asked(wire) == 1


async def test_what_a_copy_of_the_till_took_the_number_of_arrives_once_after_a_new_enrolment() -> None:
    """reliability.md, invariant 11: the second is fenced, and its money is not lost."""
    original, copy = await guarded_wire(), await make_wire(seed="copy")
    copy.central, copy.network, copy.clock = original.central, original.network, original.clock
    epoch = enrolled(original)
    for wire, amount in ((original, "5.000"), (copy, "7.000")):
        signs(wire, epoch)
        wire.pay("BA-1", amount)
    assert (await original.engine.push()).acknowledged == 1
    fenced = await copy.engine.push()
    assert (fenced.acknowledged, fenced.parked) == (0, 1)
    with original.central.read() as connection:
        assert [one.cloned_at is not None for one in list_terminals(connection)] == [True]

    again = enrolled(original, bytes([9]) * 32)
    signs(copy, again, bytes([9]) * 32)
    sends_parked_again(copy)
    copy.pay("BA-1", "8.000")
    assert (await copy.engine.drain(timeout_s=60)).waiting == 0
    assert set(copy.states()) == {"acknowledged"}
    with original.central.read() as connection:
        found = connection.execute(text("SELECT epoch, sequence, amount_minor FROM payment")).all()
    assert sorted(tuple(row) for row in found) == [
        (epoch, 1, 5_000),
        (again, 1, 8_000),
        (again, epoch * RETOLD_FROM + 1, 7_000),
    ]


# --- a foreign server ----------------------------------------------------------------------------------------


class GivesTokens(httpx.AsyncBaseTransport):
    """A server of someone else that gives tokens for a secret, in the way of the standard."""

    def __init__(
        self, *, first_serves: bool = True, answer: Callable[[], httpx.Response] | None = None
    ) -> None:
        self.first_serves = first_serves
        self.answer = answer
        self.given = 0
        self.shown: list[str | None] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            if self.answer is not None:
                return self.answer()
            pair = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
            assert pair == "till-7:s3cret%2B"
            assert parse_qs((await request.aread()).decode()) == {"grant_type": ["client_credentials"]}
            self.given += 1
            return httpx.Response(200, json={"access_token": f"token-{self.given}", "token_type": "Bearer"})
        self.shown.append(request.headers.get("authorization"))
        if not self.first_serves and self.shown[-1] == "Bearer token-1":
            return httpx.Response(401)
        return httpx.Response(201, json={"id": "F-1"})


def foreign(server: GivesTokens) -> CentralClient:
    return CentralClient(
        Addresses.of(
            central="", payment="http://foreign.test" + TMF676_PATH, bill="http://foreign.test" + TMF678_PATH
        ),
        timeout_s=TIMEOUT_S,
        media_type=MEDIA_TYPE,
        transport=server,
        credentials=Secret(token_url="http://foreign.test/token", client_id="till-7", secret="s3cret+"),
    )


@pytest.mark.parametrize("first_serves", [True, False])
async def test_a_foreign_server_is_shown_a_token_for_the_tills_secret(first_serves: bool) -> None:
    server = GivesTokens(first_serves=first_serves)
    client = foreign(server)
    for key in ("one", "two"):
        assert isinstance(await client.send_payment(key, b"{}"), Accepted)
    assert server.given == (1 if first_serves else 2)
    assert set(server.shown[1:]) == {f"Bearer token-{server.given}"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda: httpx.Response(401, json={"error": "invalid_client"}), Later),
        (lambda: httpx.Response(200, content=b"<h1>"), Later),
        (lambda: httpx.Response(503), Unreachable),
    ],
)
async def test_without_a_token_nothing_is_sent_and_nothing_is_lost(
    answer: Callable[[], httpx.Response], outcome: type[object]
) -> None:
    server = GivesTokens(answer=answer)
    assert isinstance(await foreign(server).send_payment("one", b"{}"), outcome)
    assert server.shown == []
