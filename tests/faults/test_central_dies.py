"""Central killed, mute, slow and talking nonsense: every leg arrives exactly once (reliability.md invariants 1, 4, 7, 10).

The till sends from a home on the real disk to a central that is a process of its own. Where a test moves the till's
clock, a wait of minutes passes at once.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pos.bootstrap.homes import open_till, real_machine
from pos.bootstrap.wire import make_client, make_engine
from pos.domain.role import Person, Role
from pos.machine import InlineRunner
from pos.till.script import Script
from pos.till.verify import verify_books
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.engine import PushReport
from tests.builders.homes import CASHIER, ForkingPos, Running, example_central, point_at
from tests.builders.tills import SettableClock, machine
from tests.faults.bad_line import Answer, BadLine, Fate, Request, bad_line, problem
from tests.faults.four_payments import raw
from tests.faults.tracing import Point, death_at, traced

PAYMENTS = 12
LEGS = 15
"""Every fourth payment is split in two."""

LONG_S = 10_000_000
"""A drain that gives up for nothing but a clock that does not move."""

ACCOUNTS = ("BA-1001", "BA-1002", "D-12", "BA-1003", "BA-1001", "D-13")


def a_payment(number: int) -> dict[str, Any]:
    """A payment that leaves something on account, whatever is owed."""
    account = ACCOUNTS[number % len(ACCOUNTS)]
    tenders = [{"mode": "cash", "amount": f"{number + 30}.250"}]
    if number % 4 == 0:
        tenders.append(
            {"mode": "cheque", "amount": f"{number + 1}.500", "serial": f"{number:06d}", "bank": "001"}
        )
    kind = "dealer" if account.startswith("D-") else "subscriber"
    return {
        "ref": f"c{number}",
        "act": "pay",
        "payer": {"kind": kind, "account": account},
        "overpayment": "credit",
        "tenders": tenders,
    }


def with_payments(home: Path, central: str, count: int = PAYMENTS) -> Path:
    """A home in which ``count`` payments wait for this central."""
    point_at(home, central)
    cashier = Person(user=CASHIER, name="A. Kumar", roles=frozenset({Role.CASHIER}))
    with open_till(home, machine=real_machine()) as till:
        script = Script(till.desk, cashier)
        acts = [{"ref": "open", "act": "open_shift", "float": {"amount": "20"}}]
        answers = [script.run_line(json.dumps(act)) for act in acts + [a_payment(n) for n in range(count)]]
    assert [answer["ok"] for answer in answers] == [True] * (count + 1), answers
    return home


@pytest.fixture
def central_db(tmp_path: Path) -> str:
    return example_central(tmp_path / "central")


def a_free_port() -> int:
    """A port that nobody listens on. Central takes the same one each time it is started again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Central:
    """Central as a process, started again on its own port as often as it dies."""

    def __init__(self, pos: ForkingPos, db_url: str) -> None:
        self._pos = pos
        self._db_url = db_url
        self._port = a_free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    @contextmanager
    def running(self, *, dies_at: Point | None = None) -> Iterator[Running]:
        """Serving; ``dies_at``: until it makes this write or flush."""
        arguments = ("central", "serve", "--no-auth", "--db", self._db_url, "--port", str(self._port))
        with self._pos.start(*arguments, pin=None) as process:
            if dies_at is None:
                assert process.answer()["event"] == "listening"
                yield process
                return
            with traced(process, *death_at(dies_at)):
                assert process.answer()["event"] == "listening"
                yield process

    def payments(self) -> list[dict[str, Any]]:
        """What ``pos central payments --json`` tells."""
        ended = self._pos.run("central", "payments", "--db", self._db_url, "--json", pin=None)
        assert ended.status == 0, ended.err
        return ended.lines


@pytest.fixture
def central(pos: ForkingPos, central_db: str) -> Central:
    return Central(pos, central_db)


def legs_of(home: Path, state: str = "acknowledged") -> list[tuple[object, ...]]:
    """The legs whose outbox rows are in this state: what central must have, once."""
    with raw(home) as books:
        return books.execute(
            "SELECT correlator_id, terminal, epoch, sequence, receipt_number, leg.account, leg.amount_minor "
            "FROM outbox JOIN leg USING (payment_event_id, leg) JOIN payment_event USING (payment_event_id) "
            "WHERE outbox.state = ? ORDER BY correlator_id",
            (state,),
        ).fetchall()


def assert_all_arrived_once(home: Path, central: Central, central_db: str, legs: int = LEGS) -> None:
    """Every leg is at central exactly once and acknowledged; both sides' books are sound."""
    theirs = sorted(
        (
            row["correlator_id"],
            row["terminal"],
            row["epoch"],
            row["sequence"],
            row["receipt_number"],
            row["account"],
            int(row["amount"].replace(".", "")),
        )
        for row in central.payments()
    )
    assert theirs == legs_of(home)
    assert len(theirs) == legs
    store = open_central(central_db)
    try:
        assert verify_central(store) == []
    finally:
        store.close()
    with open_till(home, machine=real_machine(), read_only=True) as till:
        assert verify_books(till.desk) == []


async def drained(home: Path, clock: SettableClock) -> PushReport:
    """The engine sends until nothing waits; its waits pass at once."""
    with open_till(home, machine=machine(clock)) as till:
        async with make_client(till) as client:
            return await make_engine(till, client, runner=InlineRunner()).drain(timeout_s=LONG_S)


# --- killed --------------------------------------------------------------------------------------------------


class StartsCentralAgain(SettableClock):
    """While the till waits for its next try, somebody starts central again."""

    def __init__(self, start: Callable[[], None]) -> None:
        super().__init__()
        self._start = start

    async def sleep(self, delay_s: float) -> None:
        self._start()
        await super().sleep(delay_s)


@pytest.mark.parametrize("seed", range(2))
async def test_central_killed_again_and_again_at_its_flushes_has_every_leg_once(
    seed: int, pos: ForkingPos, central: Central, central_db: str, home: Path
) -> None:
    with_payments(home, central.url)
    chance = random.Random(seed)
    # A post is one or two flushes, so the deaths come before all legs have arrived.
    deaths = [Point("fdatasync", chance.randint(1, 4)) for _ in range(4)]
    lives: list[Running] = []

    with ExitStack() as held:

        def start() -> None:
            if not lives or lives[-1].has_died():
                dies_at = deaths.pop(0) if deaths else None
                lives.append(held.enter_context(central.running(dies_at=dies_at)))

        start()
        report = await drained(home, StartsCentralAgain(start))
    assert (report.acknowledged, report.waiting, report.parked) == (LEGS, 0, 0)
    assert [pos.status_of(life.pid) for life in lives[:-1]] == [-signal.SIGKILL] * 4
    assert_all_arrived_once(home, central, central_db)


def test_the_sync_command_outlives_central(
    pos: ForkingPos, central: Central, central_db: str, home: Path
) -> None:
    """Real time, real processes, nobody between them: central dies at its third flush and is started again."""
    with_payments(home, central.url)
    with pos.start("--home", str(home), "--json", "sync", "--drain", "--timeout", "60", pin=None) as sync:
        with central.running(dies_at=Point("fdatasync", 3)) as first:
            sync.begin()
            assert pos.status_of(first.pid) == -signal.SIGKILL
        with central.running():
            ended = sync.end()
            compared = pos.run("--home", str(home), "--json", "verify", "--central", pin=None)
    assert (ended.status, ended.last["ok"], ended.last["waiting"]) == (0, True, 0), ended
    assert (compared.status, compared.lines) == (0, [{"ok": True, "findings": 0}])
    assert_all_arrived_once(home, central, central_db)


# --- a bad line ----------------------------------------------------------------------------------------------


async def drained_over(
    central: Central,
    home: Path,
    fate_of: Callable[[Request], Fate | Answer],
    *,
    payments: int = PAYMENTS,
) -> tuple[PushReport, BadLine]:
    """All is sent over a line on which each request has its fate."""
    clock = SettableClock()
    with central.running():
        async with bad_line(central.url, fate_of, clock.monotonic_s) as line:
            with_payments(home, line.url, payments)
            report = await drained(home, clock)
    return report, line


class Once:
    """A fate for the first sending of each payment; everything else passes."""

    def __init__(self, fate: Fate | Answer) -> None:
        self._fate = fate
        self._met: set[str | None] = set()

    def __call__(self, request: Request) -> Fate | Answer:
        if not request.sends_a_payment or request.key in self._met:
            return Fate.PASSES
        self._met.add(request.key)
        return self._fate


@pytest.mark.parametrize("fate", [Fate.ANSWER_LOST, Fate.ANSWER_CUT, Fate.ANSWER_GARBLED])
async def test_a_payment_whose_answer_was_lost_is_looked_up_and_not_sent_again(
    fate: Fate, central: Central, central_db: str, home: Path
) -> None:
    report, line = await drained_over(central, home, Once(fate))
    assert (report.acknowledged, report.waiting, report.parked) == (LEGS, 0, 0)
    for key, *_ in legs_of(home):
        assert len(line.sent(str(key))) == 1
        assert len(line.looked_up(str(key))) == 1
    assert_all_arrived_once(home, central, central_db)


async def test_a_payment_that_never_arrived_is_looked_up_then_sent_again_with_the_same_bytes(
    central: Central, central_db: str, home: Path
) -> None:
    report, line = await drained_over(central, home, Once(Fate.NEVER_ARRIVES))
    assert (report.acknowledged, report.waiting) == (LEGS, 0)
    for key, *_ in legs_of(home):
        of_key = [request for request in line.requests if request.key == key]
        assert [request.method for request in of_key[:3]] == ["POST", "GET", "POST"]
        assert of_key[0].body == of_key[2].body != b""
    assert_all_arrived_once(home, central, central_db)


@pytest.mark.parametrize("seed", range(3))
async def test_over_a_line_that_fails_at_every_other_request_all_arrives_once(
    seed: int, central: Central, central_db: str, home: Path
) -> None:
    chance = random.Random(seed)
    fates: list[Fate | Answer] = [
        *([Fate.PASSES] * 6),
        Fate.NEVER_ARRIVES,
        Fate.ANSWER_LOST,
        Fate.ANSWER_CUT,
        Fate.ANSWER_GARBLED,
        problem(503, "overloaded"),
        problem(429, "slow down"),
    ]
    met: set[Fate | Answer] = set()
    heals_after = 80

    def fate_of(request: Request) -> Fate | Answer:
        nonlocal heals_after
        heals_after -= 1
        fate = chance.choice(fates) if heals_after > 0 else Fate.PASSES
        met.add(fate)
        return fate

    report, line = await drained_over(central, home, fate_of)
    assert (report.acknowledged, report.waiting, report.parked) == (LEGS, 0, 0)
    assert met == set(fates)
    for key, *_ in legs_of(home):
        assert len({request.body for request in line.sent(str(key))}) == 1, "the same bytes at every try"
    assert_all_arrived_once(home, central, central_db)


async def test_after_429_nothing_is_sent_before_the_time_that_central_named(
    central: Central, central_db: str, home: Path
) -> None:
    wait_s = 47
    busy = Answer(status=429, headers=(("Retry-After", str(wait_s)),))
    report, line = await drained_over(central, home, Once(busy), payments=2)
    assert (report.acknowledged, report.waiting) == (3, 0)
    for key, *_ in legs_of(home):
        first, second = line.sent(str(key))
        assert wait_s <= second.at_s - first.at_s < wait_s + 10
        between = [
            request
            for request in line.requests
            if request.key == key and first.at_s < request.at_s < second.at_s
        ]
        assert between == []
    assert_all_arrived_once(home, central, central_db, legs=3)


async def test_503_may_come_after_the_commit_so_the_payment_is_looked_up_first(
    central: Central, central_db: str, home: Path
) -> None:
    report, line = await drained_over(central, home, Once(problem(503, "overloaded")), payments=2)
    assert (report.acknowledged, report.waiting) == (3, 0)
    for key, *_ in legs_of(home):
        of_key = [request.method for request in line.requests if request.key == key]
        assert of_key[:3] == ["POST", "GET", "POST"]
    assert_all_arrived_once(home, central, central_db, legs=3)


async def test_400_parks_its_row_and_the_others_go_on(
    pos: ForkingPos, central: Central, central_db: str, home: Path
) -> None:
    refused: list[str | None] = []

    def fate_of(request: Request) -> Fate | Answer:
        # The first payment that is sent, so that another of the same account is behind it.
        if request.sends_a_payment and not refused:
            refused.append(request.key)
        bad = request.sends_a_payment and request.key == refused[0]
        return problem(400, "account is closed") if bad else Fate.PASSES

    report, line = await drained_over(central, home, fate_of)
    assert (report.acknowledged, report.parked, report.waiting) == (LEGS - 1, 1, 0)
    assert len(line.sent(str(refused[0]))) == 1, "what central will not take is not sent again"
    (parked,) = legs_of(home, "parked")
    assert parked[0] == refused[0]
    assert parked[5] in {leg[5] for leg in legs_of(home)}, "its account's other payments went on"
    assert_all_arrived_once(home, central, central_db, legs=LEGS - 1)
    shown = pos.run("--home", str(home), "--json", "outbox", pin=None).lines
    assert [(row["correlator_id"], row["state"]) for row in shown] == [(refused[0], "parked")]
    assert "account is closed" in shown[0]["reason"]


async def test_a_line_that_is_down_leaves_every_row_waiting_and_asks_less_and_less_often(
    central: Central, home: Path
) -> None:
    clock = SettableClock()
    async with bad_line(central.url, lambda _: Fate.NEVER_ARRIVES, clock.monotonic_s) as line:
        with_payments(home, line.url, 2)
        with open_till(home, machine=machine(clock)) as till:
            async with make_client(till) as client:
                report = await make_engine(till, client, runner=InlineRunner()).drain(timeout_s=7_200)
    assert (report.acknowledged, report.waiting) == (0, 3)
    gaps = [
        later.at_s - sooner.at_s
        for key in {request.key for request in line.requests}
        for sooner, later in zip(
            [request for request in line.requests if request.key == key],
            [request for request in line.requests if request.key == key][1:],
            strict=False,
        )
    ]
    assert max(gaps) <= 300, "every row is tried again within the longest wait"
    assert len(line.requests) < 200, "two hours of a dead line"


def test_nothing_is_lost_by_syncing_with_nobody_there(pos: ForkingPos, home: Path) -> None:
    with_payments(home, f"http://127.0.0.1:{a_free_port()}", 2)
    ended = pos.run("--home", str(home), "--json", "sync", "--once", pin=None)
    assert (ended.status, ended.last["error"]["code"]) == (7, "central_unreachable")
    assert len(legs_of(home, "waiting")) == 3


def test_the_line_of_these_tests_brings_back_what_central_says(central: Central) -> None:
    """A check of the tests' own tool."""

    async def asked() -> bytes:
        async with bad_line(central.url, lambda _: Fate.PASSES) as line:
            port = int(line.url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            answer = await reader.readuntil(b"\r\n")
            writer.close()
            await writer.wait_closed()
            return answer

    with central.running():
        assert asyncio.run(asked()) == b"HTTP/1.1 200 OK\r\n"
