"""Events of central as a real process, to a listener on a port of its own, and the commands that look after them."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.cli.main import run
from sync.central.operating.fixture import load_fixture
from sync.central.schema.opening import open_central
from sync.wire_json import dumps, loads
from tests.builders.central_stores import StoreKind, store_url
from tests.central.central_builders import PAYMENT, payment, small_operator, with_a_small_operator
from tests.central.hub_builders import HEADERS, HUB_KEY, PAYMENT_HUB, Heard, HeldClock
from tests.central.refund_builders import REFUND, refund

ROOT = Path(__file__).resolve().parents[2]


class PortListener:
    """Listens on a loopback port; answers 503 until it is ``ready``."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.refused: queue.Queue[str] = queue.Queue()
        self.heard: queue.Queue[Heard] = queue.Queue()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                ready = listener.ready.is_set()
                self.send_response(204 if ready else 503)
                self.end_headers()
                if ready:
                    headers: Mapping[str, str] = {name.lower(): value for name, value in self.headers.items()}
                    at, host = HeldClock().now(), self.headers["host"]
                    listener.heard.put(Heard(at=at, host=host, path=self.path, headers=headers, body=body))
                else:
                    listener.refused.put(self.path)

            def log_message(self, *_: object) -> None:
                """Nothing on the screen."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://localhost:{self._server.server_address[1]}"

    @contextmanager
    def listening(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


@contextmanager
def served(db_url: str, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """Central as people start it, and a client of it."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pos",
            "central",
            "serve",
            "--no-auth",
            "--db",
            db_url,
            "--port",
            "0",
            "--log",
            str(log),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read().decode() if process.stderr else ""
        with httpx.Client(base_url=f"http://127.0.0.1:{json.loads(line)['port']}", timeout=20) as client:
            yield process, client
    finally:
        process.kill()
        process.communicate()


def let_the_time_pass_of_what_was_taken(db_url: str) -> int:
    """What a killed central was sending is due again, as it is half a minute later; how many."""
    with closing(open_central(db_url)) as store, store.write() as connection:
        return connection.execute(text("UPDATE event_delivery SET due_at = ''")).rowcount


def test_events_outlive_a_killed_central_and_a_listener_that_was_not_ready(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db_url = f"sqlite:///{tmp_path / 'central.db'}"
    log = tmp_path / "log"
    store = open_central(db_url)
    load_fixture(store, small_operator())
    store.close()
    listener = PortListener()

    def hub(*words: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert run(["--json", "central", "hub", *words, "--db", db_url]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    with listener.listening():
        with served(db_url, log) as (process, client):
            body = dumps({"callback": listener.address, "query": "eventType=PaymentCreateEvent"})
            subscription = loads(client.post(PAYMENT_HUB, content=body, headers=HEADERS).content)
            paid = [
                loads(client.post(PAYMENT, content=dumps(payment("1.000")), headers=HEADERS).content)["id"]
                for _ in range(5)
            ]
            assert listener.refused.get(timeout=30) == "/listener/paymentCreateEvent"
            process.send_signal(signal.SIGKILL)
            process.wait()
        [waiting] = hub("list")
        assert (waiting["id"], waiting["waiting"], waiting["state"]) == (subscription["id"], 5, "active")
        assert hub("retry", subscription["id"]) == [{"ok": True, "id": subscription["id"], "events": 5}]
        listener.ready.set()
        let_the_time_pass_of_what_was_taken(db_url)
        with served(db_url, log) as (process, client):
            heard = [listener.heard.get(timeout=60) for _ in paid]
            [key] = loads(client.get(HUB_KEY).content)
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0
        assert sorted(one.about for one in heard) == sorted(paid)
        assert all(one.is_signed_by(key["publicKey"]) for one in heard)
        [told] = hub("list")
        assert (told["waiting"], told["delivered"], told["last_error"]) == (0, 5, None)
        assert hub("remove", subscription["id"]) == [{"ok": True, "id": subscription["id"]}]
        assert hub("list") == []


@pytest.mark.kept_in("postgresql")
def test_two_centrals_over_one_store_tell_all_in_order_though_one_is_killed(
    store_kind: StoreKind, tmp_path: Path
) -> None:
    listener = PortListener()
    listener.ready.set()
    told: list[Heard] = []

    def deed(client: httpx.Client, number: int) -> str:
        posted = client.post(
            PAYMENT, content=dumps(payment("1.000", correlatorId=f"C-{number}")), headers=HEADERS
        )
        payment_id = str(loads(posted.content)["id"])
        back = client.post(REFUND, content=dumps(refund(payment_id, "0.400")), headers=HEADERS)
        assert back.status_code == 201
        return payment_id

    with (
        store_url(store_kind, tmp_path, with_a_small_operator) as db_url,
        listener.listening(),
        served(db_url, tmp_path / "log-1") as (first, at_first),
        served(db_url, tmp_path / "log-2") as (second, at_second),
    ):
        at_first.post(PAYMENT_HUB, content=dumps({"callback": listener.address}), headers=HEADERS)
        paid = [deed((at_first, at_second)[number % 2], number) for number in range(10)]
        first.send_signal(signal.SIGKILL)
        first.wait()
        paid += [deed(at_second, number) for number in range(10, 20)]
        while len({one.event["eventId"] for one in told}) < 3 * len(paid):
            try:
                told.append(listener.heard.get(timeout=3))
            except queue.Empty:
                # Only what the first had taken is left.
                assert let_the_time_pass_of_what_was_taken(db_url) > 0
        second.send_signal(signal.SIGTERM)
        assert second.wait() == 0

    of_payment: dict[str, list[str]] = {}
    for one in told:
        of_payment.setdefault(one.about, []).append(one.event["eventType"])
    for payment_id in paid:
        types = of_payment[payment_id]
        assert list(dict.fromkeys(types)) == ["PaymentCreateEvent", "PaymentAttributeValueChangeEvent"]
        assert types == sorted(types, reverse=True)


def test_who_does_not_listen_cannot_be_removed_or_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db_url = f"sqlite:///{tmp_path / 'central.db'}"

    for deed in ("remove", "retry"):
        assert run(["--json", "central", "hub", deed, "H-1", "--db", db_url]) == 3
        assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown_listener"


def test_keys_are_made_and_withdrawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db_url = f"sqlite:///{tmp_path / 'central.db'}"

    def keys(*words: str) -> list[tuple[str, str]]:
        assert run(["--json", "central", "hub", "key", *words]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [(row["key"], row["state"]) for row in rows]

    [(key, state)] = keys("make", "--db", db_url)
    assert state == "signs"
    assert keys("withdraw", "--db", db_url, key) == [(key, "withdrawn")]
    assert run(["--json", "central", "hub", "key", "withdraw", "--db", db_url, key]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown_key"


def test_a_listener_host_that_is_none_is_refused_before_central_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = f"sqlite:///{tmp_path / 'central.db'}"

    assert run(["--json", "central", "serve", "--db", db, "--listener-host", "http://bss.example/"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bad_listener_host"
    assert not (tmp_path / "central.db").exists()
