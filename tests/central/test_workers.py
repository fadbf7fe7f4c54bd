"""Several processes of central on one port and one PostgreSQL database: who is killed is replaced, and nothing is lost."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.schema.opening import open_central
from sync.wire_json import dumps
from tests.builders.central_stores import StoreKind
from tests.builders.homes import plain_pos
from tests.central.central_builders import PAYMENT, item, payment, with_a_small_operator

ROOT = Path(__file__).resolve().parents[2]
POSTS = int(os.environ.get("CENTRAL_POSTS", "400"))
"""20000 for a long run."""

SENDERS = 4
POSTS_BETWEEN_KILLS = max(50, POSTS // 100)
PATIENCE_S = 60

pytestmark = pytest.mark.kept_in("postgresql")


@contextmanager
def two_workers(db_url: str, *more: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The watching process and the address, once both workers answer."""
    command = [
        sys.executable,
        "-m",
        "pos",
        "central",
        "serve",
        "--db",
        db_url,
        "--port",
        "0",
        "--workers",
        "2",
    ]
    rates = ["--no-auth", "--requests-per-s", "100000", "--burst", "1000000", "--log", os.devnull]
    process = subprocess.Popen(
        [*command, *rates, *more], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read().decode()
        yield process, f"http://127.0.0.1:{json.loads(line)['port']}"
    finally:
        process.kill()
        process.communicate()


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(child) for child in children.split()]


def post_until_acknowledged(client: httpx.Client, correlator: str, lost: list[str]) -> None:
    """As a till does: the same bytes again until the answer comes."""
    body = dumps(payment("0.001", correlatorId=correlator, paymentItem=[item("CB-1", "0.001")]))
    while True:
        try:
            answer = client.post(PAYMENT, content=body, headers={"content-type": "application/json"})
        except httpx.TransportError:
            lost.append(correlator)
            continue
        if answer.status_code == 201:
            return
        assert answer.status_code == 503, answer.text


def test_each_acknowledged_payment_is_there_once_whichever_worker_was_killed(empty_url: str) -> None:
    store = open_central(empty_url)
    with_a_small_operator(store)
    correlators = [f"c-{number}" for number in range(POSTS)]
    waiting, acknowledged, lost = iter(correlators), list[str](), list[str]()
    one_at_a_time, kills, drawn = threading.Lock(), list[int](), random.Random(76)

    with two_workers(empty_url) as (process, address):

        def send() -> None:
            with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
                while correlator := next_one():
                    post_until_acknowledged(client, correlator, lost)
                    with one_at_a_time:
                        acknowledged.append(correlator)
                        if len(acknowledged) % POSTS_BETWEEN_KILLS == 0:
                            kill_one()

        def next_one() -> str | None:
            with one_at_a_time:
                return next(waiting, None)

        def kill_one() -> None:
            if alive := workers_of(process):
                kills.append(drawn.choice(alive))
                os.kill(kills[-1], signal.SIGKILL)

        senders = [threading.Thread(target=send, daemon=True) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert len(workers_of(process)) <= 2
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err.decode()

    assert sorted(acknowledged) == sorted(correlators)
    assert sorted(str(row.correlator_id) for row in list_payments(store)) == sorted(correlators)
    assert len(set(kills)) >= POSTS // POSTS_BETWEEN_KILLS // 2
    assert verify_central(store) == []
    print(f"{POSTS} posts, {len(kills)} kills, {len(lost)} answers lost")
    store.close()


def test_workers_end_when_who_watches_them_is_killed(empty_url: str) -> None:
    with two_workers(empty_url) as (process, _):
        workers = [os.pidfd_open(worker) for worker in workers_of(process)]
        process.kill()
        ended = [bool(select.select([worker], [], [], PATIENCE_S)[0]) for worker in workers]
    assert ended == [True, True]
    for worker in workers:
        os.close(worker)


def test_workers_that_cannot_open_the_store_say_why(store_kind: StoreKind) -> None:
    ended = plain_pos(
        "--json",
        "central",
        "serve",
        "--db",
        "postgresql://central@127.0.0.1:1/central",
        "--port",
        "0",
        "--no-auth",
        "--workers",
        "2",
    )
    assert ended.status == 6
    assert "central_store_unavailable" in ended.out + ended.err


@pytest.mark.parametrize(
    ("more", "code"),
    [(["--db", "sqlite://"], "workers_need_postgresql"), (["--issuers", "."], "issuers_need_one_worker")],
)
def test_several_workers_need_postgresql_and_no_issuers_list(
    empty_url: str, more: list[str], code: str
) -> None:
    db = [] if "--db" in more else ["--db", empty_url]
    ended = plain_pos("--json", "central", "serve", *db, *more, "--port", "0", "--no-auth", "--workers", "2")
    assert (ended.status, code in ended.out + ended.err) == (3, True)


def test_whichever_worker_is_asked_tells_what_all_have_counted(empty_url: str) -> None:
    store = open_central(empty_url)
    with_a_small_operator(store)
    store.close()
    with two_workers(empty_url) as (_, address):
        for number in range(20):
            # On a line of its own each, so that both have some of them.
            with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
                post_until_acknowledged(client, f"c-{number}", [])
        told = [httpx.get(f"{address}/metrics", timeout=PATIENCE_S).text for _ in range(10)]

    taken = 'counterfoil_central_posts_total{code="",outcome="accepted",resource="payment"} 20.0'
    assert [taken in one for one in told] == [True] * 10


def test_a_client_has_one_rate_whichever_worker_it_comes_to(empty_url: str) -> None:
    open_central(empty_url).close()
    with two_workers(empty_url, "--requests-per-s", "1", "--burst", "20") as (_, address):
        begun_s = time.monotonic()
        told = [httpx.get(f"{address}{PAYMENT}", timeout=PATIENCE_S).status_code for _ in range(60)]
        took_s = time.monotonic() - begun_s

    assert set(told) <= {200, 429}
    assert told.count(200) <= 20 + took_s, "each worker alone would take as many"
