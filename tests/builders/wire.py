"""A till, a central and the network between them, all in one process and one loop.

    wire = make_wire(accounts=3)             # the cache is filled by a real pull
    wire.pay("BA-1", "5.000")                # booked at the till, not sent yet
    wire.network.script(Fault.LOST_ANSWER)   # what happens to the next requests, one each
    await wire.engine.push()

Till, engine, client and central are the real ones; only what lies between the client and central's app is a test's part.
Time is virtual: a sleep moves the clock, and so does a request that nobody answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Any, cast

import httpx
from sqlalchemy import text

from pos.domain.payment_event import Overpayment
from pos.machine import InlineRunner
from pos.store.cache import open_cache
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.payment_order import TenderOrder
from sync.addresses import TMF676_PATH, TMF678_PATH, Addresses
from sync.central.app import make_app
from sync.central.http.limits import Limits
from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.central.wire.links import (
    HEAD_PATH,
    LEDGER_BATCH_PATH,
    PERSON_CHANGE_PATH,
    PERSON_PATH,
    SHIFT_TOTAL_PATH,
    SHOP_BAG_PATH,
    SHOP_TILL_PATH,
)
from sync.client import CentralClient
from sync.credentials import Credentials
from sync.delivery import SyncParts
from sync.engine import SyncEngine
from sync.link import BODY_MAX
from sync.retry import RetryRule
from sync.wire_json import dumps, loads
from tests.builders.central_stores import Fill, store_of_its_own
from tests.builders.tills import SeededRandomness, SettableClock, cash, make_till, opened, pay, rows, wish
from tests.central.central_builders import account, bill, kwd, line, rate

BASE_URL = "http://central.test"
MEDIA_TYPE = "application/json;charset=utf-8"
TIMEOUT_S = 10
RETRY = RetryRule(delay_s_min=1, delay_s_max=300)


class VirtualClock(SettableClock):
    """Sleeping moves the clock and lets the others go on; ``reached`` waits for a moment of it."""

    async def sleep(self, delay_s: float) -> None:
        self.advance(seconds=delay_s)
        await asyncio.sleep(0)

    async def reached(self, monotonic_s: float) -> None:
        while self.monotonic_s() < monotonic_s:
            await asyncio.sleep(0)


class Fault(StrEnum):
    """What may happen to one request on its way and to its answer."""

    NONE = "none"
    REFUSED = "refused"
    LOST_REQUEST = "lost request"
    LOST_ANSWER = "lost answer"
    LATE = "arrives after the client gave up"
    TWICE = "twice"
    SLOW = "slow"
    BUSY = "429 with Retry-After"
    AWAY = "503 with Retry-After"
    FAILED = "500 before anything was done"
    FAILED_AFTER = "500 after the commit"
    GARBAGE = "a page in another language than JSON"
    CUT_OFF = "half an answer"
    REDIRECTED = "redirected"
    ACCEPTED = "202"
    OTHER_PAYMENT = "an answer about another payment"
    TOO_LONG = "an answer without end"
    CONFLICT = "409, nothing stored"
    CONFLICT_AFTER = "409, stored"
    BAD = "400"
    HANGS = "no answer while the process lives"
    HANGS_AFTER = "stored, no answer while the process lives"


RETRY_AFTER_S = {Fault.BUSY: 30, Fault.AWAY: 20}

NEVER_ARRIVES = frozenset(
    (
        Fault.REFUSED,
        Fault.LOST_REQUEST,
        Fault.BUSY,
        Fault.AWAY,
        Fault.FAILED,
        Fault.REDIRECTED,
        Fault.CONFLICT,
        Fault.BAD,
    )
)
SURVIVED = tuple(
    fault for fault in Fault if fault not in (Fault.CONFLICT, Fault.BAD, Fault.HANGS, Fault.HANGS_AFTER)
)
"""After any of these a payment needs no person."""

SWARM = tuple(fault for fault in SURVIVED if fault not in (Fault.NONE, Fault.TOO_LONG))
"""What chance may do. The answer without end is slow to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as the client sent it, whatever became of it."""

    at_s: float
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    fault: Fault

    @property
    def is_payment(self) -> bool:
        return self.method == "POST" and self.path.endswith("/payment")

    @property
    def is_look_up(self) -> bool:
        return self.method == "GET" and self.path.endswith("/payment")

    @property
    def correlator(self) -> str:
        """Of the payment that is posted or looked for."""
        if self.is_look_up:
            return self.query["correlatorId"]
        found = loads(self.body)["correlatorId"]
        assert isinstance(found, str)
        return found


class EndlessBody(httpx.AsyncByteStream):
    """More than a client may read."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk = b" " * (1 << 20)
        for _ in range(BODY_MAX // len(chunk) + 1):
            yield chunk


class HalfBody(httpx.AsyncByteStream):
    """The connection breaks in the middle of the answer."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx.RemoteProtocolError("the peer closed the connection")


class Network(httpx.AsyncBaseTransport):
    """Carries requests to central's app and does to them what its script, or chance, says; without either, nothing."""

    def __init__(self, app: Any, clock: SettableClock) -> None:
        self.app = app
        self.leads_to: httpx.AsyncBaseTransport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._clock = clock
        self._script: deque[Fault] = deque()
        self.fault_of: Callable[[httpx.Request], Fault] = lambda _request: Fault.NONE
        self.before: Callable[[httpx.Request], None] = lambda _request: None
        self.requests: list[Request] = []
        self.heads: list[Request] = []
        """How far the books have come, and the people, go beside all else that is sent: no script is for it, and nobody
        counts it."""
        self.late: list[httpx.Request] = []

    def script(self, *faults: Fault) -> None:
        """What happens to the next requests, one each; afterwards ``fault_of`` decides again."""
        self._script.extend(faults)

    def next(self, fault: Fault) -> None:
        """What happens to the very next request, before all that is scripted."""
        self._script.appendleft(fault)

    def chance(self, seed: int, *, rate: float, faults: Sequence[Fault] = SWARM) -> None:
        """From now on one request in so many meets one of ``faults``."""
        drawn = random.Random(seed)

        def fault_of(_request: httpx.Request) -> Fault:
            return drawn.choice(faults) if drawn.random() < rate else Fault.NONE

        self.fault_of = fault_of

    def down(self) -> None:
        """Nobody listens."""
        self.fault_of = lambda _request: Fault.REFUSED

    def heal(self) -> None:
        """From now on nothing happens to a request."""
        self._script.clear()
        self.fault_of = lambda _request: Fault.NONE

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.is_payment]

    @property
    def look_ups(self) -> list[Request]:
        return [request for request in self.requests if request.is_look_up]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        is_head = request.url.path in (
            HEAD_PATH,
            SHIFT_TOTAL_PATH,
            LEDGER_BATCH_PATH,
            SHOP_BAG_PATH,
            SHOP_TILL_PATH,
            PERSON_PATH,
            PERSON_CHANGE_PATH,
        )
        fault = self._script.popleft() if self._script and not is_head else self.fault_of(request)
        (self.heads if is_head else self.requests).append(
            Request(
                at_s=self._clock.monotonic_s(),
                method=request.method,
                path=request.url.path,
                query=dict(request.url.params),
                headers=dict(request.headers),
                body=body,
                fault=fault,
            )
        )
        if not is_head:
            self.before(request)
        return await self._carry(request, fault)

    async def deliver_late(self) -> None:
        """What the client gave up on arrives after all; nobody waits for the answers."""
        while self.late:
            await self._deliver(self.late.pop(0))

    async def _carry(self, request: httpx.Request, fault: Fault) -> httpx.Response:
        if fault in NEVER_ARRIVES:
            return self._turned_away(request, fault)
        if fault is Fault.HANGS:
            await asyncio.Event().wait()
        if fault is Fault.LATE:
            self.late.append(request)
            self._time_out(request)
        answer = await self._deliver(request)
        match fault:
            case Fault.HANGS_AFTER:
                await asyncio.Event().wait()
            case Fault.LOST_ANSWER:
                self._time_out(request)
            case Fault.TWICE:
                return await self._deliver(request)
            case Fault.SLOW:
                self._clock.advance(seconds=TIMEOUT_S - 1)
            case Fault.FAILED_AFTER:
                return httpx.Response(500, json={"code": "internal_error", "reason": "Internal error"})
            case Fault.CONFLICT_AFTER:
                return httpx.Response(409, json={"code": "exists", "reason": "Conflict"})
            case Fault.GARBAGE:
                return httpx.Response(answer.status_code, html="<h1>Wi-Fi of the Grand Hotel</h1>")
            case Fault.CUT_OFF:
                return httpx.Response(answer.status_code, stream=HalfBody(answer.content))
            case Fault.ACCEPTED:
                return httpx.Response(202)
            case Fault.OTHER_PAYMENT:
                return _about_another(answer)
            case Fault.TOO_LONG:
                return httpx.Response(answer.status_code, stream=EndlessBody())
        return answer

    def _turned_away(self, request: httpx.Request, fault: Fault) -> httpx.Response:
        match fault:
            case Fault.REFUSED:
                raise httpx.ConnectError("connection refused", request=request)
            case Fault.LOST_REQUEST:
                self._time_out(request)
            case Fault.BUSY | Fault.AWAY:
                status = 429 if fault is Fault.BUSY else 503
                return httpx.Response(status, headers={"Retry-After": str(RETRY_AFTER_S[fault])})
            case Fault.REDIRECTED:
                return httpx.Response(307, headers={"Location": f"http://elsewhere.test{request.url.path}"})
        status = {Fault.FAILED: 500, Fault.CONFLICT: 409, Fault.BAD: 400}[fault]
        return httpx.Response(status, json={"code": f"scripted_{status}", "reason": "No"})

    def _time_out(self, request: httpx.Request) -> None:
        self._clock.advance(seconds=TIMEOUT_S)
        raise httpx.ReadTimeout("nobody answered", request=request)

    async def _deliver(self, request: httpx.Request) -> httpx.Response:
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        answer = await self.leads_to.handle_async_request(copy)
        await answer.aread()
        return answer


def _about_another(answer: httpx.Response) -> httpx.Response:
    """A payment that is not the one that was sent; a list is left as it is."""
    found = loads(answer.content)
    if not isinstance(found, dict):
        return answer
    other = {**found, "id": "P-of-somebody-else", "correlatorId": "of-somebody-else"}
    return httpx.Response(answer.status_code, content=dumps(other))


# --- the parties ---------------------------------------------------------------------------------------------


def account_no(number: int) -> str:
    return f"BA-{number}"


def operator(accounts: int = 3, bills_each: int = 1) -> dict[str, Any]:
    """Accounts BA-1, BA-2 ... with bills N1-1, N1-2 ... of 10.000 KWD, each with a line and two rates."""
    told: dict[str, Any] = {"accounts": [], "bills": [], "rates": []}
    for number in range(1, accounts + 1):
        told["accounts"].append(account(account_no(number)))
        for place in range(1, bills_each + 1):
            bill_id = f"{number}-{place}"
            told["bills"].append(
                bill(
                    bill_id,
                    "10.000",
                    account=account_no(number),
                    billSummaryLine=[line(f"L{bill_id}", "10.000", rates=[f"R{bill_id}a", f"R{bill_id}b"])],
                )
            )
            told["rates"] += [
                rate(f"R{bill_id}a", bill_id, "12.000"),
                rate(f"R{bill_id}b", bill_id, "-2.000"),
            ]
    return told


@dataclass(slots=True)
class Wire:
    """Everything between a counter and central."""

    desk: Desk
    clock: VirtualClock
    central: CentralStore
    network: Network
    retry: RetryRule = RETRY
    addresses: Addresses = field(default_factory=lambda: Addresses.of(central=BASE_URL))
    credentials: Credentials | None = None
    client: CentralClient = field(init=False)
    engine: SyncEngine = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The process dies and comes back: what it held in memory is gone, the files are as committed."""
        self.client = CentralClient(
            self.addresses,
            timeout_s=TIMEOUT_S,
            media_type=MEDIA_TYPE,
            transport=self.network,
            credentials=self.credentials,
        )
        self.engine = SyncEngine(
            SyncParts(
                till=self.desk.till,
                cache=self.desk.cache,
                identity=self.desk.identity,
                modes=self.desk.modes,
                operator_company=self.desk.policy.operator_company,
                client=self.client,
                clock=self.clock,
                randomness=self.desk.randomness,
                runner=InlineRunner(),
                retry=self.retry,
                pull_every_s=60,
                stale_after_days=self.desk.policy.cheques.stale_after_days,
                boot=self.desk.boot,
                cash_office=self.desk.policy.cash_office,
            )
        )

    def pay(
        self,
        account: str,
        amount: str,
        *bills: str,
        tender: TenderOrder | None = None,
        each: str | None = None,
    ) -> str:
        """Take a payment for these bills, or on account without any; the rest is credit. Its event's id."""
        taken = pay(
            self.desk,
            tender or cash(amount),
            account=account,
            allocate=[wish(bill_no, each) for bill_no in bills] or [wish(account=account, amount=amount)],
            overpayment=Overpayment.CREDIT,
        )
        catch_up(self.desk)
        return taken.payment_event_id

    def watch_states(self) -> None:
        """From now on every change of a row's state is noted, as the store sees it."""
        with self.desk.till.database.write() as connection:
            connection.exec_driver_sql(
                "CREATE TEMP TABLE IF NOT EXISTS state_step (outbox_id INTEGER, was TEXT, is_now TEXT, reason TEXT)"
            )
            connection.exec_driver_sql(
                "CREATE TEMP TRIGGER IF NOT EXISTS note_step AFTER UPDATE OF state ON main.outbox BEGIN "
                "INSERT INTO state_step VALUES (NEW.outbox_id, OLD.state, NEW.state, NEW.reason); END"
            )

    def steps(self) -> list[tuple[str, str]]:
        """Every noted change: from, to."""
        with self.desk.till.read() as connection:
            found = connection.exec_driver_sql("SELECT was, is_now FROM state_step ORDER BY rowid")
            return [(str(row[0]), str(row[1])) for row in found]

    async def crash_in(self, fault: Fault) -> None:
        """The process dies while the next request hangs (``HANGS`` or ``HANGS_AFTER``), and comes back."""
        self.network.next(fault)
        asked = len(self.network.requests)
        round_ = asyncio.create_task(self.engine.push())
        while len(self.network.requests) == asked:
            await asyncio.sleep(0)
        for _ in range(100):  # central's app takes some turns of the loop
            await asyncio.sleep(0)
        round_.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await round_
        self.restart()

    def outbox(self) -> list[dict[str, Any]]:
        return sorted(rows(self.desk, "v_outbox"), key=lambda row: str(row["outbox_id"]).zfill(9))

    def states(self) -> list[str]:
        return [str(row["state"]) for row in self.outbox()]

    def legs(self) -> list[tuple[str, str, int]]:
        """Every leg the till committed: correlator, account, minor units."""
        with self.desk.till.read() as connection:
            found = connection.exec_driver_sql(
                "SELECT correlator_id, leg.account, leg.amount_minor FROM leg JOIN outbox USING (payment_event_id, leg) "
                "WHERE kind = 'payment' ORDER BY outbox_id"
            )
            return [(str(row[0]), str(row[1]), int(row[2])) for row in found]

    def at_central(self) -> list[tuple[str, str, int]]:
        """Every payment central holds, in the order of their effect."""
        return payments_at(self.central)

    def open_amounts(self) -> dict[str, int]:
        """What the cache's view shows as open, by bill (minor units)."""
        with self.desk.cache.read() as connection:
            found = connection.exec_driver_sql("SELECT bill_no, open_minor FROM v_bill")
            return {str(row[0]): int(row[1]) for row in found}

    def credits(self) -> dict[str, int]:
        """The credit that the cache's view shows, by account (minor units)."""
        with self.desk.cache.read() as connection:
            found = connection.exec_driver_sql("SELECT account, credit_minor FROM v_account")
            return {str(row[0]): int(row[1]) for row in found}

    def open_minor(self, bill_no: str) -> int:
        """What the cache's view shows as open."""
        return int(str(self.look("SELECT open_minor FROM v_bill WHERE bill_no = ?", bill_no)))

    def credit_minor(self, account: str) -> int:
        return int(str(self.look("SELECT credit_minor FROM v_account WHERE account = ?", account)))

    def look(self, statement: str, *values: object) -> object:
        """One value of the cache."""
        with self.desk.cache.read() as connection:
            return connection.exec_driver_sql(statement, values).scalar_one()

    def told(self, statement: str, **values: object) -> None:
        """Central's own staff changes something; central counts it as a change."""
        with self.central.write() as connection:
            connection.execute(text("UPDATE change_counter SET value = value + 1"))
            connection.execute(text(statement), values)


def payments_at(central: CentralStore) -> list[tuple[str, str, int]]:
    with central.read() as connection:
        found = connection.execute(
            text("SELECT correlator_id, account_id, amount_minor FROM payment ORDER BY change_number")
        )
        return [(str(row[0]), str(row[1]), int(row[2])) for row in found]


@cache
def _with_an_operator(accounts: int, bills_each: int) -> Fill:
    """The same function for the same data, so that a store is filled with it once."""
    return lambda store: cast(None, load_fixture(store, operator(accounts, bills_each)))


def unfilled_wire(
    *,
    accounts: int = 3,
    bills_each: int = 1,
    seed: str = "wire",
    retry: RetryRule = RETRY,
    own: bool = True,
    tolerance: str = "",
    limits: Limits | None = None,
) -> Wire:
    """A till with an open shift and an empty cache beside a central with an operator's data.

    ``own`` False: the till knows only the two standard APIs, as of a foreign server.
    """
    clock = VirtualClock()
    desk = replace(make_till(clock=clock, seed=seed), cache=open_cache(None))
    opened(desk)
    central = store_of_its_own(_with_an_operator(accounts, bills_each))
    app = make_app(
        central,
        clock=clock,
        randomness=SeededRandomness(f"central of {seed}"),
        base_url=BASE_URL,
        modes=desk.modes,
        tolerance=tolerance,
        limits=limits,
    )
    addresses = Addresses.of(central=BASE_URL)
    if not own:
        addresses = Addresses.of(central="", payment=BASE_URL + TMF676_PATH, bill=BASE_URL + TMF678_PATH)
    return Wire(desk, clock, central, Network(app, clock), retry, addresses)


async def make_wire(
    *,
    accounts: int = 3,
    bills_each: int = 1,
    seed: str = "wire",
    retry: RetryRule = RETRY,
    own: bool = True,
    tolerance: str = "",
) -> Wire:
    """As ``unfilled_wire``, after a first pull; the network has forgotten its requests."""
    wire = unfilled_wire(
        accounts=accounts, bills_each=bills_each, seed=seed, retry=retry, own=own, tolerance=tolerance
    )
    report = await wire.engine.pull()
    assert report.problem is None, report
    wire.network.requests.clear()
    return wire


# --- a foreign server ----------------------------------------------------------------------------------------


class ForeignServer(httpx.AsyncBaseTransport):
    """A TMF676/TMF678 server of someone else: it keeps what it is posted, and its manners are the test's.

    ``filters``: whether it obeys ``correlatorId``; ``pages``: ``offset`` and ``limit`` (of at most ``page_max``);
    ``counts``: whether it says X-Total-Count; ``beyond``: its answer beyond the end.
    """

    def __init__(
        self,
        *,
        filters: bool = True,
        pages: bool = True,
        counts: bool = True,
        page_max: int = 1000,
        status: int = 200,
        beyond: int = 200,
    ) -> None:
        self.filters, self.pages, self.counts = filters, pages, counts
        self.page_max, self.status, self.beyond = page_max, status, beyond
        self.payments: list[dict[str, Any]] = []
        self.bills: list[Any] = []
        self.rates: list[Any] = []
        self.refused: Mapping[str, int] = {}
        self.answer_of: Callable[[dict[str, Any]], dict[str, Any]] = lambda stored: stored
        self.loses_answers = False
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        self.requests.append(request)
        name = request.url.path.rpartition("/")[2]
        query = dict(request.url.params)
        if request.method == "POST":
            stored = {**loads(body), "id": f"F-{len(self.payments) + 1}"}
            self.payments.append(stored)
            if self.loses_answers:
                raise httpx.ReadTimeout("nobody answered", request=request)
            return httpx.Response(201, content=dumps(self.answer_of(stored)))
        for parameter, status in self.refused.items():
            if parameter in query or parameter == name:
                return httpx.Response(status, json={"code": "60", "reason": "no"})
        lists: dict[str, list[Any]] = {
            "payment": [self.answer_of(stored) for stored in self.payments],
            "customerBill": self.bills,
            "appliedCustomerBillingRate": self.rates,
        }
        if name not in lists:
            return httpx.Response(404)
        return self._list(lists[name], query)

    def _list(self, found: list[Any], query: Mapping[str, str]) -> httpx.Response:
        if self.filters and "correlatorId" in query:
            found = [row for row in found if row.get("correlatorId") == query["correlatorId"]]
        if self.filters and "bill.id" in query:
            found = [row for row in found if row["bill"]["id"] == query["bill.id"]]
        headers = {"X-Total-Count": str(len(found))} if self.counts else {}
        if not self.pages:
            return httpx.Response(self.status, headers=headers, content=dumps(found))
        offset, limit = int(query["offset"]), min(int(query["limit"]), self.page_max)
        if found and offset >= len(found) and self.beyond == 416:
            return httpx.Response(416, headers={"Content-Range": f"items */{len(found)}"})
        return httpx.Response(self.status, headers=headers, content=dumps(found[offset : offset + limit]))

    def asked_for(self, name: str) -> int:
        return sum(
            request.method == "GET" and request.url.path.endswith("/" + name) for request in self.requests
        )


def foreign_client(server: httpx.AsyncBaseTransport, *, media_type: str = MEDIA_TYPE) -> CentralClient:
    """The client of a till that knows only the two standard APIs."""
    addresses = Addresses.of(central="", payment="http://foreign.test/pay", bill="http://foreign.test/bills")
    return CentralClient(addresses, timeout_s=TIMEOUT_S, media_type=media_type, transport=server)


def foreign_bill(bill_id: str, amount: str, *, account: str = "F-1", **more: object) -> dict[str, object]:
    """A bill without summary lines and change numbers."""
    return bill(bill_id, amount, account=account, **more)


def applied(payment_id: str, amount: str, **more: object) -> dict[str, object]:
    """An appliedPayment entry."""
    return {"appliedAmount": kwd(amount), "payment": {"id": payment_id, **more}}


def correlators(requests: Iterable[Request]) -> list[str]:
    return [request.correlator for request in requests]
