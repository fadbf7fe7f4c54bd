"""How fast central takes payments: durable, validated POSTs a second, beside the least that could do so.

    ./run python -m tests.benchmarks.central_posts [--payments 3000] [--rounds 5] [--connections 32]

The measure is a bare Starlette app that reads the JSON and keeps it in SQLite with full syncing, the requests of one turn
of the loop in one commit. Both servers are processes of their own on loopback, take turns, and get the same bodies from
the same client. What is told is the median of the rounds' ratios, by the clock and by processor time, which a busy machine
changes less. Source: performance.md, bar 29.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sync.central.operating.fixture import load_fixture
from sync.central.schema.opening import open_central
from sync.wire_json import loads

ACCOUNTS = 500
PATH = "/tmf-api/paymentManagement/v4/payment"


def bodies(count: int, *, run: str) -> list[bytes]:
    """Payments of one bill each, as a till sends them: about 1.1 kB.

    No two of an account are over the same sum: what looks like a payment told twice is more work, and rare.
    """

    def sum_of(number: int) -> float:
        return (1_250 + number // ACCOUNTS + 100 * int(run)) / 1000

    return [
        json.dumps(
            {
                "correlatorId": f"{run}-{number}-1",
                "name": "Bill payment",
                "account": {"id": f"BA-{number % ACCOUNTS}", "@referredType": "BillingAccount"},
                "channel": {"id": "store-042", "name": "Store 42", "@referredType": "Channel"},
                "payer": {
                    "id": f"BA-{number % ACCOUNTS}",
                    "role": "customer",
                    "@referredType": "BillingAccount",
                },
                "totalAmount": {"unit": "KWD", "value": sum_of(number)},
                "paymentMethod": {"@type": "Cash", "@baseType": "PaymentMethod", "name": "cash"},
                "paymentItem": [
                    {
                        "item": {"id": f"CB-{number % ACCOUNTS}", "@referredType": "CustomerBill"},
                        "totalAmount": {"unit": "KWD", "value": sum_of(number)},
                    }
                ],
                "paymentDate": "2026-11-21T10:00:00.000000+00:00",
                "paymentEventId": f"{run}-{number}",
                "receiptNumber": f"S042-T1-{run}-{number:08}",
                "terminal": "T1",
                "epoch": 1,
                "sequence": number + 1_000_000 * int(run),
                "leg": 1,
                "shiftId": "S042-T1-17",
                "businessDate": "2026-11-21",
                "operator": "1001",
                "@type": "Payment",
            }
        ).encode()
        for number in range(count)
    ]


def fixture() -> dict[str, object]:
    """Subscribers with one bill each, larger than all that is paid."""
    accounts = [
        {
            "account": f"BA-{number}", "kind": "subscriber", "name": f"Holder {number}", "phone": None,
            "currency": "KWD", "customer": f"C-{number}", "status": "active", "cash_only": False,
            "dunning_stage": 0, "credit": "0.000",
        }
        for number in range(ACCOUNTS)
    ]  # fmt: skip
    owed = {"unit": "KWD", "value": 1_000_000}
    bills = [
        {
            "id": f"CB-{number}", "billNo": f"N{number}", "billDate": "2026-11-01T00:00:00Z",
            "paymentDueDate": "2026-11-15T00:00:00Z", "state": "sent", "amountDue": owed, "remainingAmount": owed,
            "taxExcludedAmount": owed, "taxIncludedAmount": owed,
            "billingAccount": {"id": f"BA-{number}", "@referredType": "BillingAccount"},
            "billDocument": [{"id": f"D-{number}", "@referredType": "Attachment"}],
        }
        for number in range(ACCOUNTS)
    ]  # fmt: skip
    return {"accounts": accounts, "bills": bills}


async def post_all(port: int, posts: Sequence[bytes], connections: int) -> float:
    """Seconds for all posts over so many connections. Raises where one is not answered with 201."""
    waiting = iter(posts)

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for body in waiting:
                writer.write(
                    b"POST %s HTTP/1.1\r\nHost: central\r\nContent-Type: application/json;charset=utf-8\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (PATH.encode(), len(body), body)
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                answer = await reader.readexactly(length)
                if not head.startswith(b"HTTP/1.1 201"):
                    raise RuntimeError(f"refused: {head.splitlines()[0]!r} {answer[:300]!r}")
        finally:
            writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return time.perf_counter() - began


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def serve_bare(db: str, port: int) -> None:
    """The measure: Starlette, ``json.loads``, one insert, a commit a turn of the loop."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    store = sqlite3.connect(db, isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute("CREATE TABLE payment (id TEXT PRIMARY KEY, account TEXT, amount BIGINT, body TEXT)")
    waiting: list[tuple[tuple[object, ...], asyncio.Future[None]]] = []

    def commit() -> None:
        taken, waiting[:] = waiting[:], []
        store.execute("BEGIN IMMEDIATE")
        store.executemany("INSERT INTO payment VALUES (?, ?, ?, ?)", (row for row, _ in taken))
        store.execute("COMMIT")
        for _, done in taken:
            done.set_result(None)

    async def post(request: Request) -> Response:
        raw = await request.body()
        body = json.loads(raw)
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        minor = round(body["totalAmount"]["value"] * 1000)
        waiting.append(((body["correlatorId"], body["account"]["id"], minor, raw.decode()), done))
        if len(waiting) == 1:
            loop.call_soon(commit)
        await done
        return Response(raw, 201, media_type="application/json")

    app = Starlette(routes=[Route(PATH, post, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off")


def started(command: list[str], port: int) -> subprocess.Popen[bytes]:
    """A server process that answers on its port."""
    server = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while server.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.05)
    raise RuntimeError(f"the server ended with {server.returncode}")


def processor_s(server: subprocess.Popen[bytes]) -> float:
    """Processor time that a server has taken by now: a busy machine changes it less than the clock's."""
    user, system = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, *, db_url: str, payments: int, rounds: int, connections: int) -> None:
    bare_port, central_port = free_port(), free_port()
    here = ["-m", "tests.benchmarks.central_posts"]
    store = open_central(db_url)
    load_fixture(store, loads(json.dumps(fixture()).encode()))
    store.close()
    open_to_all = ["--no-auth", "--requests-per-s", "100000", "--burst", "1000000"]
    command = ["-m", "pos", "central", "serve", "--db", db_url, "--port", str(central_port), *open_to_all]
    bare = started([*here, "--serve", str(folder / "bare.db"), "--port", str(bare_port)], bare_port)
    central = started(command, central_port)
    ratios: list[float] = []
    by_processor: list[float] = []
    try:
        for number in range(rounds + 1):
            posts = bodies(payments, run=str(number))
            rates, costs = [], []
            for port, server in ((bare_port, bare), (central_port, central)):
                before_s = processor_s(server)
                rates.append(payments / asyncio.run(post_all(port, posts, connections)))
                costs.append((processor_s(server) - before_s) / payments * 1e6)
            kept = "" if number else "  (warming up, not counted)"
            print(
                f"bare {rates[0]:6.0f}/s, {costs[0]:4.0f} us of processor  "
                f"central {rates[1]:6.0f}/s, {costs[1]:4.0f} us  {rates[1] / rates[0]:.3f}{kept}"
            )
            if number:
                ratios.append(rates[1] / rates[0])
                by_processor.append(costs[0] / costs[1])
    finally:
        for server in (bare, central):
            server.terminate()
            server.wait()
    for kind, found in (("clock", ratios), ("processor time", by_processor)):
        spread = f"{min(found):.3f} to {max(found):.3f}"
        middle = statistics.median(found)
        print(f"central / bare at {connections} connections, by {kind}: {middle:.3f} ({spread})")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--payments", type=int, default=3_000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--connections", type=int, default=32)
    asked.add_argument("--db-url", default=os.environ.get("TEST_PG_URL"))
    asked.add_argument("--serve")
    asked.add_argument("--port", type=int)
    given = asked.parse_args()
    if given.serve is not None:
        serve_bare(given.serve, given.port)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(
            Path(folder),
            db_url=given.db_url or f"sqlite:///{folder}/central.db",
            payments=given.payments,
            rounds=given.rounds,
            connections=given.connections,
        )


if __name__ == "__main__":
    main()
