"""How much of central one client may take: how often, how much, how slowly; every refusal is a TMF error body."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from pos.domain.payment_mode import PaymentModes
from sync.central.app import make_app
from sync.central.http.connection import HEADERS_BYTES_MAX, ClientConnection, shared_among
from sync.central.http.limits import (
    BODY_DIGIT_GROUPS_MAX,
    BODY_MEMBERS_MAX,
    BYTES_A_REQUEST,
    CLIENTS_MAX,
    Buckets,
    Limits,
    OwnShelf,
)
from sync.central.http.watch import Visit
from sync.central.operating.fixture import load_fixture
from sync.central.payments.payments import list_payments
from sync.central.store.database import CentralStore
from sync.central.wire.fields import MAX_ITEMS
from sync.wire_json import dumps
from tests.central.auth_builders import ask_token, bearer, client_of, guarded
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    PAYMENT,
    CountedRandomness,
    SteppingClock,
    bill,
    item,
    kwd,
    payment,
)

JSON = {"content-type": "application/json"}


class StandingClock(SteppingClock):
    """Moves only when told."""

    def __init__(self) -> None:
        super().__init__()
        self.at_s = 0.0

    def monotonic_s(self) -> float:
        return self.at_s


@pytest.fixture
def standing() -> StandingClock:
    return StandingClock()


def limited(
    store: CentralStore, limits: Limits, clock: SteppingClock, address: str = "192.0.2.1"
) -> httpx.AsyncClient:
    app = make_app(store, clock=clock, randomness=CountedRandomness(), base_url=BASE_URL, limits=limits)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, client=(address, 1)), base_url=BASE_URL)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a TMF error body."""
    told = answer.json()
    assert answer.headers["content-type"].startswith("application/json")
    assert (told["@type"], told["status"]) == ("Error", str(answer.status_code))
    assert told["reason"]
    assert told["message"]
    return answer.status_code, told["code"]


# --- how often -----------------------------------------------------------------------------------------------------


async def test_a_client_over_its_rate_is_told_when_to_come_again(
    store: CentralStore, standing: StandingClock
) -> None:
    async with limited(store, Limits(per_s=2, burst=3), standing) as client:
        assert [(await client.get(BILL)).status_code for _ in range(3)] == [200] * 3
        refused = await client.get(BILL)
        assert refusal(refused) == (429, "too_many_requests")
        assert refused.headers["retry-after"] == "1"
        standing.at_s += 1
        assert [(await client.get(BILL)).status_code for _ in range(3)] == [200, 200, 429]


async def test_one_client_over_its_rate_takes_nothing_of_another(
    store: CentralStore, standing: StandingClock
) -> None:
    buckets = Buckets(Limits(per_s=1, burst=1), standing)

    assert [buckets.take("a"), buckets.take("a"), buckets.take("b")] == [0, 1, 0]


async def test_clients_behind_one_address_have_a_rate_each_and_who_tries_tokens_has_the_addresses(
    store: CentralStore, standing: StandingClock
) -> None:
    """A shop's tills, or a whole country's behind one proxy, have one address."""
    one, other = (client_of(store, name, standing) for name in ("one", "other"))
    seen: list[Visit] = []
    async with guarded(store, standing, limits=Limits(per_s=1, burst=4), tell=[seen.append]) as server:
        of_one, of_other = await bearer(server, one), await bearer(server, other)
        assert [(await server.get(PAYMENT, headers=of_one)).status_code for _ in range(5)] == [200] * 4 + [
            429
        ]
        assert (await server.get(PAYMENT, headers=of_other)).status_code == 200
        guessed = {"authorization": "Bearer guessed"}
        assert [(await server.get(PAYMENT, headers=guessed)).status_code for _ in range(3)] == [401, 401, 429]
        assert (await ask_token(server, one)).status_code == 429
        assert (await server.get(PAYMENT, headers=of_other)).status_code == 200
        assert (await server.get("/ready")).status_code == 200

    assert [visit.client for visit in seen if visit.status == 200 and visit.route == PAYMENT] == [
        *[one.client_id] * 4,
        *[other.client_id] * 2,
    ]


CARD = "4111111111111111"


@pytest.mark.parametrize(
    ("path", "usual"),
    [
        ("/nowhere", 404),
        ("/tmf-api/nowhere?a=1", 404),
        (f"{PAYMENT}?payer.id={CARD}", 400),
        (f"/{CARD}", 400),
    ],
)
async def test_what_no_route_takes_counts_as_a_request_of_whoever_sent_it(
    store: CentralStore, standing: StandingClock, path: str, usual: int
) -> None:
    one, other = (client_of(store, name, standing) for name in ("one", "other"))
    async with guarded(store, standing, limits=Limits(per_s=1, burst=5)) as server:
        of_one, of_other = await bearer(server, one), await bearer(server, other)
        asked = [(await server.get(path, headers=of_one)).status_code for _ in range(6)]
        assert asked == [usual] * 5 + [429]
        assert (await server.get(PAYMENT, headers=of_one)).status_code == 429
        assert (await server.get(PAYMENT, headers=of_other)).status_code == 200
        nobodys = [(await server.get(path)).status_code for _ in range(4)]
        assert nobodys == [usual] * 3 + [429], "two tokens were asked for from this address"
        assert (await server.get(PAYMENT, headers=of_other)).status_code == 200


async def test_a_method_that_no_route_takes_counts_as_a_request(
    store: CentralStore, standing: StandingClock
) -> None:
    async with guarded(store, standing, limits=Limits(per_s=1, burst=2)) as server:
        asked = [(await server.delete(PAYMENT)).status_code for _ in range(3)]

    assert asked == [405, 405, 429]


async def test_without_tokens_what_no_route_takes_counts_once(
    store: CentralStore, standing: StandingClock
) -> None:
    async with limited(store, Limits(per_s=1, burst=3), standing) as client:
        assert [(await client.get("/nowhere")).status_code for _ in range(4)] == [404, 404, 404, 429]


async def test_whether_central_is_ready_can_be_asked_at_any_rate(
    store: CentralStore, standing: StandingClock
) -> None:
    async with limited(store, Limits(per_s=1, burst=1), standing) as client:
        for path in ("/health", "/ready", "/metrics") * 3:
            assert (await client.get(path)).status_code == 200


@given(
    waits=st.lists(st.floats(min_value=0, max_value=100), max_size=60),
    per_s=st.integers(1, 50),
    burst=st.integers(1, 50),
)
def test_no_client_gets_more_than_its_burst_and_what_its_time_brings(
    waits: list[float], per_s: int, burst: int
) -> None:
    clock = StandingClock()
    buckets = Buckets(Limits(per_s=per_s, burst=burst), clock)
    taken = 0
    for wait_s in waits:
        clock.at_s += wait_s
        told = buckets.take("a")
        assert told >= 0
        taken += told == 0
        if told:
            clock.at_s += told
            assert buckets.take("a") == 0, "who comes when told is served"
            taken += 1
    assert taken <= burst + clock.at_s * per_s + 1e-6


def test_clients_without_number_do_not_fill_the_memory(standing: StandingClock) -> None:
    shelf = OwnShelf()
    buckets = Buckets(Limits(), standing, shelf)

    for number in range(CLIENTS_MAX + 50):
        buckets.take(str(number))

    assert len(shelf) == CLIENTS_MAX


# --- how much ------------------------------------------------------------------------------------------------------


async def test_a_body_over_the_limit_is_refused_by_its_length_alone_and_while_it_comes(
    store: CentralStore, standing: StandingClock
) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            read.append(1)
            yield b" " * 1_000

    async with limited(store, Limits(body_bytes=5_000), standing) as client:
        told = await client.post(PAYMENT, content=b" " * 5_001, headers=JSON)
        assert refusal(told) == (413, "body_too_large")
        untold = await client.post(PAYMENT, content=body(), headers=JSON)
        assert refusal(untold) == (413, "body_too_large")


async def test_a_body_of_countless_members_is_refused(client: httpx.AsyncClient) -> None:
    many: dict[str, Any] = {f"k{number}": 1 for number in range(BODY_MEMBERS_MAX + 1)}
    nested = {"a": [[1] * 100] * (BODY_MEMBERS_MAX // 100)}
    for body in (many, nested):
        answer = await client.post(PAYMENT, content=dumps(body), headers=JSON)
        assert refusal(answer) == (400, "bad_json")
        assert "keys and entries" in answer.json()["message"]


async def test_a_body_with_many_commas_in_its_texts_is_taken(
    client: httpx.AsyncClient, modes: PaymentModes
) -> None:
    body = payment(description="," * (BODY_MEMBERS_MAX + 1))

    refused = await client.post(PAYMENT, content=dumps(body), headers=JSON)

    assert "keys and entries" not in refused.text


async def test_a_body_of_countless_groups_of_digits_is_refused(client: httpx.AsyncClient) -> None:
    """Each would be held against the shapes of cards."""
    body = payment(description="11-" * (BODY_DIGIT_GROUPS_MAX + 1))

    answer = await client.post(PAYMENT, content=dumps(body), headers=JSON)

    assert refusal(answer) == (400, "bad_json")
    assert "groups of digits" in answer.json()["message"]


async def test_the_largest_payment_with_an_id_of_each_item_is_taken_by_the_usual_limits(
    store: CentralStore, standing: StandingClock
) -> None:
    ids = [f"CB-{number:012}" for number in range(MAX_ITEMS)]
    load_fixture(store, {"bills": [bill(one, "1.000") for one in ids]})
    items = [
        {"id": str(uuid5(NAMESPACE_URL, one)), **item(one, "1.000"), "taxAmount": kwd("0.000")} for one in ids
    ]
    async with limited(store, Limits(), standing) as client:
        answer = await client.post(
            PAYMENT, content=dumps(payment(f"{MAX_ITEMS}.000", paymentItem=items)), headers=JSON
        )

    assert answer.status_code == 201, answer.text


async def test_a_large_body_counts_as_many_requests(store: CentralStore, standing: StandingClock) -> None:
    small, large = (dumps(payment(description="x" * size)) for size in (BYTES_A_REQUEST, 20_000))
    async with limited(store, Limits(per_s=1, burst=10), standing) as client:
        for _ in range(3):
            assert (await client.post(PAYMENT, content=small, headers=JSON)).status_code == 201
        assert (await client.post(PAYMENT, content=large, headers=JSON)).status_code == 201
        refused = await client.post(PAYMENT, content=small, headers=JSON)
        assert refusal(refused) == (429, "too_many_requests")

    assert int(refused.headers["retry-after"]) in range(10, 18), "twenty kilobytes, less what was there"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a":1,"a":2}', "same key twice"),
        (b'{"x":{"b":1,"\\u0062":2}}', "same key twice"),
        (b"[" * 1_000, ""),
        (b'{"a":' * 1_000 + b"1" + b"}" * 1_000, "nested deeper"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":1e400}', "exponent"),
        (b'{"a":' + b"9" * 5_000 + b"}", "digits"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", ""),
    ],
)
async def test_json_that_readers_understand_in_two_ways_or_not_at_all_is_refused(
    client: httpx.AsyncClient, body: bytes, said: str
) -> None:
    answer = await client.post(PAYMENT, content=body, headers=JSON)

    assert refusal(answer) == (400, "bad_json")
    assert said in answer.json()["message"]


@pytest.mark.parametrize(
    "given_type", [None, "text/plain", "application/json; charset=latin-1", "application/xml"]
)
async def test_another_media_type_is_refused(client: httpx.AsyncClient, given_type: str | None) -> None:
    headers = {} if given_type is None else {"content-type": given_type}

    assert refusal(await client.post(PAYMENT, content=b"{}", headers=headers)) == (
        415,
        "unsupported_media_type",
    )


# --- how slowly ----------------------------------------------------------------------------------------------------


async def test_a_body_that_does_not_come_in_time_is_refused(
    store: CentralStore, standing: StandingClock
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with limited(store, Limits(body_s=0), standing) as client:
        answer = await client.post(PAYMENT, content=body(), headers=JSON)

    assert refusal(answer) == (408, "body_too_slow")


# --- on the line ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def on_a_line(
    store: CentralStore, *, patience_s: float, then_s: float | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a central that waits so long for the first request, and ``then_s`` from the second on."""
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, h11_max_incomplete_event_size=HEADERS_BYTES_MAX
    )
    config.load()

    class Impatient(ClientConnection):
        pass

    Impatient.patience_s = patience_s
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Impatient(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            if then_s is not None:
                writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.readuntil(b"}")
                Impatient.patience_s = then_s
            yield reader, writer
        finally:
            writer.close()


async def answered(reader: asyncio.StreamReader) -> tuple[int, str]:
    """The status and the code of what comes until the other side closes."""
    async with asyncio.timeout(20):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    told = json.loads(body)
    assert told["@type"] == "Error"
    assert head.startswith(f"HTTP/1.1 {told['status']} ".encode())
    return int(told["status"]), told["code"]


NO_HURRY = 60.0


async def test_one_address_has_its_share_of_the_connections_and_no_more(store: CentralStore) -> None:
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    state, shared = ServerState(), shared_among(2)
    server = await asyncio.get_running_loop().create_server(
        lambda: shared(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    host, port = server.sockets[0].getsockname()

    async def is_served(of: str) -> asyncio.StreamWriter | None:
        """The line, where it is answered on."""
        reader, writer = await asyncio.open_connection(host, port, local_addr=(of, 0))
        with suppress(OSError, asyncio.IncompleteReadError):
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(20):
                await reader.readuntil(b"}")
            return writer
        writer.close()
        return None

    async with server:
        lines = [await is_served("127.0.0.1") for _ in range(3)]
        assert [line is not None for line in lines] == [True, True, False]
        other = await is_served("127.0.0.2")
        assert other is not None
        for line in (lines[0], other):
            assert line is not None
            line.close()
        async with asyncio.timeout(20):
            while len(state.connections) > 1:
                await asyncio.sleep(0)
        again = await is_served("127.0.0.1")
        assert again is not None
        for line in (lines[1], again):
            assert line is not None
            line.close()


async def test_what_is_no_http_is_answered_in_json(store: CentralStore) -> None:
    async with on_a_line(store, patience_s=NO_HURRY) as (reader, writer):
        writer.write(b"hello\r\n\r\n")
        assert await answered(reader) == (400, "bad_http")


async def test_headers_over_the_limit_are_refused(store: CentralStore) -> None:
    async with on_a_line(store, patience_s=NO_HURRY) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 2 * HEADERS_BYTES_MAX)
        assert await answered(reader) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHos",
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /h",
    ],
)
async def test_a_request_that_never_comes_whole_ends_its_connection(
    store: CentralStore, begun: bytes
) -> None:
    async with on_a_line(store, patience_s=0.01) as (reader, writer):
        writer.write(begun)
        async with asyncio.timeout(20):
            told = await reader.read()

    assert b"request_too_slow" in told


async def test_a_body_that_never_comes_whole_ends_its_connection_and_is_not_taken(
    store: CentralStore,
) -> None:
    body = dumps(payment())
    head = f"POST {PAYMENT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    async with on_a_line(store, patience_s=0.01) as (reader, writer):
        writer.write(head.encode() + body[:-1])
        async with asyncio.timeout(20):
            await reader.read()

    assert list(list_payments(store)) == []


async def test_a_client_that_is_served_may_think_as_long_as_it_likes_between_requests(
    store: CentralStore,
) -> None:
    """The till keeps its connection; only what was begun must come."""
    async with on_a_line(store, patience_s=NO_HURRY, then_s=0) as (reader, writer):
        for _ in range(3):
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(20):
                assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
            for _ in range(20):
                # Turns of the loop that the server shares: whatever is due happens.
                await asyncio.sleep(0)
