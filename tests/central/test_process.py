"""Central as a real process: it says when it listens, stops when asked, and forgets nothing when it is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest

from pos.domain.errors import Refused
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.schema.opening import open_central
from sync.central.serve import refuse_open_host, serve
from sync.central.store.promises import StoreUnavailable
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    CENTRAL_PROGRAM,
    PAYMENT,
    ROOT,
    CountedRandomness,
    SteppingClock,
    central_process,
    item,
    payment,
    small_operator,
)


def keep_posting(address: str, sender: int, acknowledged: list[str], unknown: list[str]) -> None:
    """Post one payment after another until the server is gone."""
    with httpx.Client(base_url=address, timeout=10) as client:
        for number in range(10_000):
            correlator = f"{sender}-{number}"
            body = payment("1.000", correlatorId=correlator, paymentItem=[item("CB-1", "1.000")])
            try:
                answer = client.post(
                    PAYMENT, content=dumps(body), headers={"content-type": "application/json"}
                )
            except httpx.TransportError:
                unknown.append(correlator)
                return
            if answer.status_code == 201:
                acknowledged.append(correlator)


def test_killed_in_the_middle_of_posts_it_has_every_acknowledged_payment_once(empty_url: str) -> None:
    db_url = empty_url
    store = open_central(db_url)
    load_fixture(store, small_operator())
    store.close()
    acknowledged: list[str] = []
    unknown: list[str] = []
    with central_process(db_url) as (process, address):
        senders = [
            threading.Thread(target=keep_posting, args=(address, sender, acknowledged, unknown))
            for sender in range(4)
        ]
        for sender in senders:
            sender.start()
        while len(acknowledged) < 60 and any(sender.is_alive() for sender in senders):
            senders[0].join(timeout=0.005)
        process.send_signal(signal.SIGKILL)
        for sender in senders:
            sender.join()
    assert len(acknowledged) >= 60
    with central_process(db_url) as (_, address), httpx.Client(base_url=address, timeout=10) as client:
        for correlator in acknowledged:
            rows = loads(client.get(PAYMENT, params={"correlatorId": correlator}).content)
            assert [row["correlatorId"] for row in rows] == [correlator]
        for correlator in unknown:
            body = dumps(payment("1.000", correlatorId=correlator, paymentItem=[item("CB-1", "1.000")]))
            answer = client.post(PAYMENT, content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 201
    store = open_central(db_url)
    try:
        stored = [row.correlator_id for row in list_payments(store)]
        assert sorted(stored, key=str) == sorted(acknowledged + unknown)
        assert verify_central(store) == []
    finally:
        store.close()


def test_sigterm_ends_it_quietly(tmp_path: Path) -> None:
    with central_process(f"sqlite:///{tmp_path / 'central.db'}") as (process, address):
        assert httpx.get(f"{address}/health").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_it_ends_with_whoever_started_it_for_itself(tmp_path: Path) -> None:
    """A demonstration whose window is closed leaves no server behind."""
    db = f"sqlite:///{tmp_path / 'central.db'}"
    command = [
        sys.executable,
        "-m",
        "pos",
        "central",
        "serve",
        "--until-stdin-ends",
        "--port",
        "0",
        "--db",
        db,
    ]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
            process.stdin.close()
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()


def test_a_store_that_cannot_be_opened_ends_it_with_an_error(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CENTRAL_PROGRAM, f"sqlite:///{tmp_path}/no/such/central.db"],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stdout == b""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "central.example", ""])
def test_a_host_that_others_could_reach_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(Refused) as refusal:
        serve(
            f"sqlite:///{tmp_path / 'central.db'}",
            host=host,
            port=0,
            clock=SteppingClock(),
            randomness=CountedRandomness(),
        )
    assert refusal.value.code == "not_loopback"
    assert not (tmp_path / "central.db").exists()


@pytest.mark.parametrize(
    ("host", "authenticated", "secured", "refused"),
    [
        ("127.0.0.1", False, False, False),
        ("::1", True, False, False),
        ("localhost", False, True, False),
        ("192.168.1.5", False, True, True),
        ("192.168.1.5", True, False, True),
        ("192.168.1.5", True, True, False),
        ("central.example", False, False, True),
    ],
)
def test_beyond_this_machine_central_needs_tokens_and_tls(
    host: str, authenticated: bool, secured: bool, refused: bool
) -> None:
    """A token that travels in the clear is anybody's."""
    with pytest.raises(Refused, match="loopback host only") if refused else nullcontext():
        refuse_open_host(host, authenticated=authenticated, secured=secured)


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with (
        central_process(f"sqlite:///{tmp_path / 'one.db'}") as (_, address),
        pytest.raises(Refused) as refusal,
    ):
        serve(
            f"sqlite:///{tmp_path / 'two.db'}",
            host="127.0.0.1",
            port=int(address.rpartition(":")[2]),
            clock=SteppingClock(),
            randomness=CountedRandomness(),
        )
    assert refusal.value.code == "address_unavailable"


def test_the_store_error_is_not_a_refusal_by_a_rule() -> None:
    assert StoreUnavailable("x").exit_code == 6


def test_the_command_serves_the_shipped_acceptance_matrix(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pos", "central", "serve", "--no-auth", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--db", f"sqlite:///{tmp_path / 'central.db'}"], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        method = {"@type": "BankAccountTransfer", "name": "bank_cash"}
        payer = {"id": "BA-1", "role": "subscriber", "@referredType": "BillingAccount"}
        answer = httpx.post(
            f"http://127.0.0.1:{port}{PAYMENT}",
            content=dumps(payment(paymentMethod=method, payer=payer)),
            headers={"content-type": "application/json"},
        )
        assert (answer.status_code, loads(answer.content)["code"]) == (400, "mode_not_for_payer")
    finally:
        process.kill()
        process.communicate()


def test_the_command_logs_a_line_of_json_a_request_to_a_file_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "central.log"
    command = [sys.executable, "-m", "pos", "central", "serve", "--port", "0", "--log", str(log)]
    process = subprocess.Popen(
        [*command, "--db", f"sqlite:///{tmp_path / 'central.db'}"], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        httpx.get(f"http://127.0.0.1:{port}/health", headers={"X-Request-Id": "r-1"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.communicate()
    line, stopped = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert stopped["event"] == "stopping"
    assert (line["request_id"], line["route"], line["status"]) == ("r-1", "/health", 200)
    assert log.stat().st_mode & 0o777 == 0o600
