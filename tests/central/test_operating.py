"""What whoever runs central asks it: does it live, is it ready, what are its figures; and how it stops."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from pos.cli.main import run
from pos.domain.payment_mode import PaymentModes
from sync.central.app import make_app
from sync.central.payments.payments import list_payments
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.wire.links import REFUND_PATH
from sync.wire_json import dumps
from tests.builders.authorities import Authority
from tests.builders.homes import ROOT
from tests.central.central_builders import (
    BASE_URL,
    PAYMENT,
    CountedRandomness,
    SteppingClock,
    payment,
    post,
)

JSON = {"content-type": "application/json"}
PATIENCE_S = 60
"""With a process that other work keeps from its turn."""
REQUESTS, POSTS = "counterfoil_central_requests_total", "counterfoil_central_posts_total"


async def figures(client: httpx.AsyncClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels, in the order of the labels' names."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_central_lives_and_is_ready_with_its_store(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "pass"}
    assert (await client.get("/ready")).json()["status"] == "pass"


async def test_a_central_without_its_store_lives_and_is_not_ready(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    with store.write() as connection:
        connection.execute(text("ALTER TABLE central_version RENAME TO gone"))
        connection.execute(text("ALTER TABLE change_counter RENAME TO gone_too"))

    assert (await client.get("/health")).status_code == 200
    refused = await client.get("/ready")
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
    assert refused.headers["retry-after"] == "2"
    assert (await figures(client))["counterfoil_central_store_up", ()] == 0


async def test_a_store_that_a_newer_program_has_brought_forward_is_not_ready(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE central_version SET version_num = '9999'"))

    refused = await client.get("/ready")
    assert (refused.status_code, refused.json()["code"]) == (503, "store_version")


async def test_requests_are_counted_by_route_and_status(client: httpx.AsyncClient) -> None:
    await client.get("/counterfoil/v1/account/BA-1")
    await client.get("/counterfoil/v1/account/BA-404")
    await client.get("/counterfoil/v1/account/BA-405")
    await client.request("SPAM", "/nowhere/BA-1")

    counted = await figures(client)
    route = "/counterfoil/v1/account/{id}"
    assert counted[REQUESTS, ("GET", route, "200")] == 1
    assert counted[REQUESTS, ("GET", route, "404")] == 2
    assert counted[REQUESTS, ("OTHER", "unmatched", "404")] == 1
    assert counted["counterfoil_central_request_seconds_count", ("GET", route)] == 3


async def test_payments_and_refunds_are_counted_by_what_became_of_them(client: httpx.AsyncClient) -> None:
    await post(client, payment(correlatorId="c-1"))
    await post(client, payment(correlatorId="c-1"))
    await client.post(PAYMENT, content=dumps(payment(correlatorId="c-1", description="x")), headers=JSON)
    await client.post(PAYMENT, content=b"{", headers=JSON)
    await client.post(REFUND_PATH, content=b"{", headers=JSON)

    counted = await figures(client)
    assert {labels: value for (name, labels), value in counted.items() if name == POSTS} == {
        ("", "accepted", "payment"): 1,
        ("", "replayed", "payment"): 1,
        ("key_reused", "refused", "payment"): 1,
        ("bad_json", "refused", "payment"): 1,
        ("bad_json", "refused", "refund"): 1,
    }


async def test_what_the_store_has_and_how_long_it_kept_waiting_is_told(client: httpx.AsyncClient) -> None:
    before = await figures(client)
    await post(client, payment())
    after = await figures(client)

    change = ("counterfoil_central_change_number", ())
    assert after[change] == before[change] + 1
    waits = ("counterfoil_central_store_wait_seconds_count", ("write",))
    assert after[waits] == before[waits] + 1
    assert after["counterfoil_central_store_up", ()] == 1


async def test_no_value_of_a_payment_is_among_the_figures(client: httpx.AsyncClient) -> None:
    canary = "Zq9xCanary"
    for name in payment():
        await client.post(PAYMENT, content=dumps(payment() | {name: canary}), headers=JSON)
    await client.get(f"/{canary}?{canary}", headers={"X-Request-Id": canary, "User-Agent": canary})

    assert canary not in (await client.get("/metrics")).text


async def test_a_central_that_stops_is_not_ready_and_says_so_while_it_still_serves(
    store: CentralStore, modes: PaymentModes
) -> None:
    app = make_app(
        store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL, modes=modes
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        app.state.stopping = True
        refused = await client.get("/ready")
        taken = await client.post(PAYMENT, content=dumps(payment()), headers=JSON)

    assert (refused.status_code, refused.json()["code"]) == (503, "stopping")
    assert (taken.status_code, taken.headers["connection"]) == (201, "close")


# --- as a process --------------------------------------------------------------------------------------------------


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command and its port; it logs to ``central.log``."""
    command = [
        sys.executable,
        "-m",
        "pos",
        "central",
        "serve",
        "--no-auth",
        "--port",
        "0",
        "--log",
        str(folder / "central.log"),
    ]
    process = subprocess.Popen(
        [*command, "--db", f"sqlite:///{folder / 'central.db'}", *options], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["port"]
    finally:
        process.kill()
        process.communicate()


def answer_on(line: socket.socket) -> str:
    """What comes until the other side closes."""
    parts: list[bytes] = []
    while part := line.recv(65_536):
        parts.append(part)
    return b"".join(parts).decode()


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "central.log").read_text("utf-8").splitlines()]


def test_a_payment_that_is_half_sent_when_central_is_stopped_is_taken(tmp_path: Path) -> None:
    method = {"@type": "Cash", "name": "cash"}
    body = dumps(payment(paymentMethod=method))
    with (
        served(tmp_path) as (process, port),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as line,
    ):
        head = f"POST {PAYMENT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body[:10])
        # Its answer tells that central has read what came before it.
        httpx.get(f"http://127.0.0.1:{port}/health", timeout=PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        while "stopping" not in [line["event"] for line in logged(tmp_path)]:
            assert process.poll() is None
        line.sendall(body[10:])
        assert answer_on(line).startswith("HTTP/1.1 201 ")
        assert process.wait(timeout=PATIENCE_S) == 0

    store = open_central(f"sqlite:///{tmp_path / 'central.db'}")
    assert len(list(list_payments(store))) == 1
    store.close()
    assert [line["event"] for line in logged(tmp_path)] == ["request", "stopping", "request"]


def test_a_central_that_drains_says_so_and_serves_until_a_second_signal(tmp_path: Path) -> None:
    with served(tmp_path, "--drain-s", "300") as (process, port):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert client.get("/ready").status_code == 200
            process.send_signal(signal.SIGTERM)
            while (ready := client.get("/ready")).status_code == 200:
                pass
            assert (ready.status_code, ready.json()["code"]) == (503, "stopping")
            assert client.get(PAYMENT).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_the_figures_of_the_process_are_told_too(tmp_path: Path) -> None:
    with served(tmp_path) as (_, port):
        told = httpx.get(f"http://127.0.0.1:{port}/metrics").text

    assert "process_resident_memory_bytes" in told
    assert "counterfoil_central_log_lines_dropped 0.0" in told


def test_the_command_serves_over_tls_and_takes_a_renewed_certificate_on_sighup(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.server(
        "127.0.0.1", valid=(datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))
    )
    trusted = ssl.create_default_context(cafile=authority.certificate)
    with (
        served(tmp_path, "--tls-cert", str(files.cert), "--tls-key", str(files.key)) as (process, port),
        httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted) as client,
    ):
        with pytest.raises(httpx.ConnectError, match="expired"):
            client.get("/health")
        renewed = authority.server("127.0.0.1")
        renewed.key.rename(files.key)
        renewed.cert.rename(files.cert)
        process.send_signal(signal.SIGHUP)
        while "tls_reloaded" not in [line["event"] for line in logged(tmp_path)]:
            assert process.poll() is None
        assert client.get("/health").status_code == 200
        taken = client.post(
            PAYMENT, content=dumps(payment(paymentMethod={"@type": "Cash", "name": "cash"})), headers=JSON
        )
        assert taken.headers["location"].startswith(f"https://127.0.0.1:{port}/")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"http://127.0.0.1:{port}/health")


@pytest.mark.parametrize(
    ("options", "ends_with"),
    [
        (["--tls-cert", "CERT"], 2),
        (["--client-ca", "CERT"], 2),
        (["--base-url", "central.example"], 2),
        (["--tls-cert", "CERT", "--tls-key", "/no/such/key.pem"], 3),
        (["--log", "/no/such/folder/central.log"], 3),
    ],
)
def test_options_that_do_not_serve_stop_the_start_before_a_store_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], ends_with: int
) -> None:
    cert = Authority(tmp_path).certificate
    db = tmp_path / "central.db"

    ended = run(
        ["central", "serve", "--db", f"sqlite:///{db}", *(cert if one == "CERT" else one for one in options)]
    )

    assert ended == ends_with
    assert not db.exists()


WORKERS = """
import os
from sync.central.operating.shared_figures import shared_figures
with shared_figures():
    from sync.central.operating.metrics import Metrics
    from sync.central.http.watch import Visit
    for dropped in (1, 2, 4):
        worker = os.fork()
        if worker == 0:
            metrics = Metrics()
            metrics.of_process(log_dropped=lambda: dropped)
            metrics.store_is_at(100 + dropped)
            metrics.waited("write", 0.5)
            for _ in range(dropped):
                metrics.count(Visit(request_id="r", method="GET", route="/ready", status=200, code=None, replayed=False,
                    took_s=0.1, bytes_in=0, bytes_out=0, client=None, fault=None, place=None))
            os._exit(0)
        os.waitpid(worker, 0)
    print(Metrics().text().decode())
"""


def test_whichever_of_several_processes_is_asked_tells_the_figures_of_all() -> None:
    told = subprocess.run(
        [sys.executable, "-c", WORKERS], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout

    assert f'{REQUESTS}{{method="GET",route="/ready",status="200"}} 7.0' in told
    assert 'counterfoil_central_store_wait_seconds_count{kind="write"} 3.0' in told
    assert "counterfoil_central_change_number 104.0" in told
    assert "counterfoil_central_store_up 1.0" in told
    assert "counterfoil_central_log_lines_dropped 7.0" in told
