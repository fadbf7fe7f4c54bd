"""Time, chance, threads, network and the database come in through ports.

One table says which names may be used by which adapters only. The scan reads source, so that a rule holds on the
line that nobody's test reaches. The simulation can replay a day at the counter only while this holds.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pos", "sync", "receipts")

MACHINE = "pos/machine.py"
WIRE_CLIENT = "sync/link.py"
CARD_CLIENT = "pos/cards/nexo.py"
SERVER_LOG = "sync/central/http/request_log.py"
LISTENER_CLIENT = "sync/central/hub/listener_client.py"
# Temporary databases that nobody else can open, and that go with their connections.
SEEN_REFERENCES = "pos/store/seen_references.py"
REHEARSAL = "pos/store/told_before.py"
# What the processes of one central share while they live; nothing of it outlives them.
SHARED_SHELF = "sync/central/http/shared_shelf.py"
LEDGER_CLIENT = "sync/ledger/endpoint.py"
TILL_DATABASE = "pos/store/database.py"
CENTRAL_DATABASE = "sync/central/store/on_sqlite.py"
CENTRAL_SERVER = "sync/central/store/on_postgresql.py"
PRINTER = "receipts/printer.py"


@dataclass(frozen=True, slots=True)
class Port:
    """Names that reach past a port, and the adapters that may. A module's name covers all that it holds."""

    subject: str
    names: tuple[str, ...]
    allowed_in: tuple[str, ...] = ()


PORTS = (
    Port(
        "clock",
        (
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.datetime.today",
            "datetime.date.today",
            "time.time",
            "time.time_ns",
            "time.monotonic",
            "time.monotonic_ns",
            "time.perf_counter",
            "time.perf_counter_ns",
            "time.process_time",
            "time.localtime",
            "time.gmtime",
            "time.sleep",
            "asyncio.sleep",
            # The database has a clock as well.
            "sqlalchemy.func.now",
            "sqlalchemy.func.current_timestamp",
            "sqlalchemy.func.current_date",
        ),
        (MACHINE,),
    ),
    Port(
        "chance and ids",
        (
            "random",
            "secrets",
            "os.urandom",
            "os.getrandom",
            "uuid.uuid1",
            "uuid.uuid4",
            "uuid.uuid6",
            "uuid.uuid7",
            "sqlalchemy.func.random",
        ),
        (MACHINE,),
    ),
    Port(
        "threads and processes",
        (
            "_thread",
            "threading.Thread",
            "threading.Timer",
            "multiprocessing",
            "concurrent.futures.ThreadPoolExecutor",
            "concurrent.futures.ProcessPoolExecutor",
            "concurrent.futures.thread",
            "concurrent.futures.process",
            "asyncio.to_thread",
            # On any loop, whatever it is called.
            "*.run_in_executor",
            # Textual's way of starting one.
            "work(thread=True)",
        ),
        # No payment waits for the line that a server's log has of it.
        (MACHINE, SERVER_LOG),
    ),
    # The wire's one client, the card terminal's and that for listeners: httpx and its continuation must stay one line apart.
    Port("network client", ("httpx", "httpx2"), (WIRE_CLIENT, CARD_CLIENT, LISTENER_CLIENT, LEDGER_CLIENT)),
    Port("other network clients", ("http.client", "urllib.request", "requests", "aiohttp")),
    # A receipt printer on the network is written to directly.
    Port("socket", ("socket", "asyncio.open_connection", "asyncio.start_server"), (PRINTER,)),
    # One place opens each database and sets what makes it safe.
    Port(
        "store opener",
        (
            "sqlite3.connect",
            "sqlalchemy.create_engine",
            "sqlalchemy.engine.create_engine",
            "sqlalchemy.ext.asyncio.create_async_engine",
        ),
        (TILL_DATABASE, CENTRAL_DATABASE, CENTRAL_SERVER, SEEN_REFERENCES, REHEARSAL, SHARED_SHELF),
    ),
    # SQLite keeps these as binary floats, whatever the column says.
    Port(
        "inexact columns",
        (
            "sqlalchemy.Float",
            "sqlalchemy.Double",
            "sqlalchemy.REAL",
            "sqlalchemy.Numeric",
            "sqlalchemy.DECIMAL",
        ),
    ),
)

# No float on the money path. Asking `isinstance(value, float)` in order to refuse one is how money defends itself.
NO_FLOAT_IN = "pos/domain/"


@dataclass(frozen=True, slots=True)
class Breach:
    path: str
    line: int
    name: str
    subject: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name} ({self.subject})"


def _bindings(tree: ast.Module) -> dict[str, str]:
    """What each imported name of the module stands for; a function's own imports count for the whole module."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                bound[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return bound


def _full_name(node: ast.expr, bound: dict[str, str]) -> str | None:
    """`dt.now` as `datetime.datetime.now`; None for what doesn't start at an imported name."""
    if isinstance(node, ast.Name):
        return bound.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _full_name(node.value, bound)
        return f"{owner}.{node.attr}" if owner else None
    return None


def _uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and full name of each import and each use of an imported name, called or handed on."""
    bound = _bindings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Name | ast.Attribute):
            if name := _full_name(node, bound):
                yield node.lineno, name
            if isinstance(node, ast.Attribute):
                yield node.lineno, f"*.{node.attr}"
        elif isinstance(node, ast.Call) and any(
            word.arg == "thread" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
            for word in node.keywords
        ):
            yield node.lineno, "work(thread=True)"


def _floats(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, repr(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno, "float()"


def breaches(source: str, path: str) -> list[Breach]:
    """Each use in `source` of a name that `path`, relative to the root, has no right to; one for each line and name."""
    tree = ast.parse(source, path)
    found = {
        (line, name, port.subject)
        for line, name in _uses(tree)
        for port in PORTS
        if path not in port.allowed_in
        and any(name == forbidden or name.startswith(f"{forbidden}.") for forbidden in port.names)
    }
    if path.startswith(NO_FLOAT_IN):
        found |= {(line, name, "no float on the money path") for line, name in _floats(tree)}
    return [Breach(path, line, name, subject) for line, name, subject in sorted(found)]


@pytest.mark.parametrize("package", PACKAGES)
def test_only_the_adapters_reach_past_the_ports(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules, f"nothing to read in {package}"

    found = [
        str(breach)
        for module in modules
        for breach in breaches(module.read_text(encoding="utf-8"), module.relative_to(ROOT).as_posix())
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "subject"),
    [
        ("import datetime\nstamp = datetime.datetime.now()", "clock"),
        ("from datetime import datetime\nstamp = datetime.now()", "clock"),
        ("from datetime import datetime as dt, UTC\nstamp = dt.now(UTC)", "clock"),
        ("import datetime as d\nstamp = d.datetime.utcnow()", "clock"),
        ("from datetime import date\nday = date.today()", "clock"),
        ("import datetime\nday = datetime.datetime.today()", "clock"),
        ("import time\nt = time.time()", "clock"),
        ("import time as t\nt.time_ns()", "clock"),
        ("from time import monotonic", "clock"),
        ("def wait():\n    import time\n    time.sleep(1)", "clock"),
        ("import time\ndef spell(clock=time.perf_counter): ...", "clock"),
        ("import asyncio\nasync def wait(): await asyncio.sleep(1)", "clock"),
        ("from sqlalchemy import func\ncolumn = func.now()", "clock"),
        ("import random", "chance and ids"),
        ("from random import choice", "chance and ids"),
        ("import secrets", "chance and ids"),
        ("import os\nsalt = os.urandom(16)", "chance and ids"),
        ("import uuid\nkey = uuid.uuid4()", "chance and ids"),
        ("from uuid import uuid1\nkey = uuid1()", "chance and ids"),
        (
            "from dataclasses import field\nfrom uuid import uuid4\nkey = field(default_factory=uuid4)",
            "chance and ids",
        ),
        ("import threading\nthreading.Thread(target=print).start()", "threads and processes"),
        ("from threading import Timer", "threads and processes"),
        ("from concurrent.futures import ThreadPoolExecutor", "threads and processes"),
        ("import concurrent.futures as cf\npool = cf.ThreadPoolExecutor(1)", "threads and processes"),
        ("import asyncio\nasync def go(): await asyncio.to_thread(print)", "threads and processes"),
        ("async def go(loop): await loop.run_in_executor(None, print)", "threads and processes"),
        ("from textual import work\n@work(thread=True)\ndef load(self): ...", "threads and processes"),
        ("import multiprocessing", "threads and processes"),
        ("import httpx", "network client"),
        ("import httpx2 as httpx", "network client"),
        ("from httpx import AsyncClient", "network client"),
        ("from urllib.request import urlopen", "other network clients"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 9100))", "socket"),
        ("import sqlite3\nsqlite3.connect(':memory:')", "store opener"),
        ("from sqlalchemy import create_engine", "store opener"),
        ("import sqlalchemy as sa\nengine = sa.create_engine('sqlite://')", "store opener"),
        ("import sqlalchemy as sa\namount = sa.Column(sa.Numeric(12, 3))", "inexact columns"),
    ],
)
def test_a_planted_breach_is_found(source: str, subject: str) -> None:
    found = breaches(source, "pos/till/take_payment.py")

    assert {breach.subject for breach in found} == {subject}


@pytest.mark.parametrize("source", ["rate = 0.05", "def paid(text): return float(text)", "share = 1e-2"])
def test_a_float_in_the_domain_is_found(source: str) -> None:
    assert [breach.subject for breach in breaches(source, "pos/domain/money.py")] == [
        "no float on the money path"
    ]
    assert not breaches(source, "sync/retry.py")


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, date, datetime, timedelta\nday = datetime(2026, 1, 2, tzinfo=UTC).date()",
        "from datetime import date\nday = date.fromisoformat('2026-01-02')",
        "async def wait(clock): await clock.sleep(1); return clock.now()",
        "def stamp(time): return time.time()",
        "from .time import sleep\nsleep(1)",
        "from uuid import UUID\nkey = UUID(int=1)",
        "import threading\nlock = threading.Lock()",
        "from hmac import compare_digest",
        "import asyncio\nasync def go(): await asyncio.gather()",
        "import sqlite3\nclass Row(sqlite3.Row): ...",
        "from sqlalchemy import BigInteger, func\ntotal = func.sum",
        "from textual import work\n@work(exclusive=True, thread=False)\nasync def load(self): ...",
        "def refuse(value): return isinstance(value, float)",
        "from urllib.parse import quote\nimport http",
        "randomly = 'import random; time.time()'",
    ],
)
def test_a_good_neighbour_is_left_alone(source: str) -> None:
    assert not breaches(source, "pos/domain/money.py")


@pytest.mark.parametrize(
    ("source", "adapter"),
    [
        ("import time\nfrom datetime import UTC, datetime\ndatetime.now(UTC), time.monotonic()", MACHINE),
        ("import secrets, uuid\nuuid.uuid4()", MACHINE),
        ("from concurrent.futures import ThreadPoolExecutor", MACHINE),
        ("import httpx", WIRE_CLIENT),
        ("import httpx", CARD_CLIENT),
        ("import socket", PRINTER),
        ("import sqlite3\nsqlite3.connect('till.db')", TILL_DATABASE),
        ("from sqlalchemy import create_engine", CENTRAL_DATABASE),
        ("from sqlalchemy import create_engine", CENTRAL_SERVER),
    ],
)
def test_an_adapter_may_reach_past_its_own_port_only(source: str, adapter: str) -> None:
    others = {MACHINE, WIRE_CLIENT, CARD_CLIENT, PRINTER, TILL_DATABASE, CENTRAL_DATABASE, CENTRAL_SERVER} - {
        adapter
    }
    if adapter in (WIRE_CLIENT, CARD_CLIENT):
        others -= {WIRE_CLIENT, CARD_CLIENT}
    opens_a_store = adapter in (TILL_DATABASE, CENTRAL_DATABASE, CENTRAL_SERVER)
    if opens_a_store:
        others -= {TILL_DATABASE, CENTRAL_DATABASE, CENTRAL_SERVER}

    assert not breaches(source, adapter)
    assert all(breaches(source, other) for other in others)
