"""Homes on disk, and the command ``pos`` on them as a process of its own, in a fraction of its start-up time.

    with forking_pos() as pos:                        # one process has loaded the program ...
        ended = pos.run("--home", str(home), "script", "-", "--user", "1001", pin="135790", stdin=lines)
        with pos.start(...) as held:                  # ... and each command is a fork of it, before it has run anything
            held.tell('{"ref": ...}'); held.answer()

A fork has its own memory, files and exit code, and can be killed or traced like any process; only the loading of modules
is shared. ``plain_pos`` starts the program from nothing instead. Run as a program, this file is the process that forks.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Any

from pos.bootstrap.homes import Machine, NewHome, make_home, real_machine
from pos.bootstrap.key_files import read_key, read_keys
from pos.domain.ports import PinHasher
from pos.fixture import example_fixture, parse_fixture
from pos.machine import Argon2PinHasher, MachineClock, MachineRandomness
from pos.store.database import Database
from pos.store.high_water import HighWater
from pos.store.unit_of_work import TillStore
from sync.central.operating.fixture import load_fixture
from sync.central.schema.opening import open_central
from sync.central.tills.terminals import make_terminal_code
from sync.wire_json import dumps, loads

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
"""How long a process may be silent before a test fails."""

CASHIER, CASHIER_PIN = "1001", "135790"
SUPERVISOR, SUPERVISOR_PIN = "2002", "731846"
NO_CENTRAL = "http://127.0.0.1:1"
"""Nobody listens on port 1: central is down."""

LOADED = (
    "_strptime",
    "alembic.command",
    "argon2",
    "h11",
    "pos.bootstrap.approvals_now",
    "pos.bootstrap.cards",
    "pos.bootstrap.doctor",
    "pos.bootstrap.ledger",
    "pos.bootstrap.store_check",
    "pos.bootstrap.whole_check",
    "pos.cli.main",
    "pos.cli.main_job",
    "pos.domain.check_hours",
    "pos.till.balances",
    "pos.till.cheque_register",
    "pos.till.enquiries",
    "pos.till.script",
    "pos.till.verify",
    "pos.till.verify_paper",
    "reportlab.lib.fonts",
    "reportlab.pdfbase.ttfonts",
    "reportlab.pdfgen.canvas",
    "sqlalchemy.dialects.sqlite",
    "sync.central.serve",
    "sync.ledger.delivery",
    "sync.ledger.endpoint",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
)
"""What the commands load, some of it only when it is needed."""


# --- homes ---------------------------------------------------------------------------------------------------


def example_home(folder: Path, *, central: str = NO_CENTRAL, terminal: str = "T1") -> Path:
    """A home of the real machine's making with the worked example's people, accounts and bills."""
    shutil.copytree(_home_of(terminal).name, folder, dirs_exist_ok=True)
    if central != NO_CENTRAL:
        point_at(folder, central)
    return folder


@cache
def _home_of(terminal: str) -> TemporaryDirectory[str]:
    """A home is made once and copied."""
    fixture = parse_fixture(dumps(example_fixture()), source="example")
    new = NewHome(terminal=terminal, central_url=NO_CENTRAL, epoch=1, fixture=fixture)
    made = TemporaryDirectory(prefix="home-")
    make_home(Path(made.name), new, machine=quick_machine(Path(made.name)))
    return made


def quick_machine(home: Path) -> Machine:
    """The real machine, but that its PINs cost next to nothing."""
    return replace(real_machine(), pin_hasher=QuickPinHasher(home))


class QuickPinHasher(PinHasher):
    """Hashes of the real kind that cost next to nothing: a hash says itself what to check it takes, at every sign-in.

    The demonstration and ``pos init`` hash at full cost.
    """

    def __init__(self, home: Path) -> None:
        self._home = home

    def _real(self) -> Argon2PinHasher:
        pepper = read_key(self._home / "keys" / "pepper.key")
        return Argon2PinHasher(pepper, memory_kib=64, rounds=1, lanes=1)

    def hash(self, pin: str) -> str:
        return self._real().hash(pin)

    def matches(self, pin_hash: str | None, pin: str) -> bool:
        return self._real().matches(pin_hash, pin)


def example_central(folder: Path) -> str:
    """The database URL of a central that has the worked example's accounts and bills."""
    folder.mkdir(mode=0o700, exist_ok=True)
    url = f"sqlite:///{folder / 'central.db'}"
    store = open_central(url)
    try:
        load_fixture(store, loads(dumps(example_fixture())))
    finally:
        store.close()
    return url


def point_at(home: Path, central: str) -> None:
    """Give a home another address of central, as an operator moves a server."""
    keys = read_keys(home / "keys")
    store = TillStore(Database(home / "till.db"), keys, water=HighWater(home / "high-water", keys.chain))
    with store.transaction() as unit:
        unit.connection.exec_driver_sql("UPDATE home SET value = ? WHERE name = 'central_url'", (central,))
    store.close()


# --- processes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended: what it said and how. ``status`` is negative for a signal."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON, one object a line; a last line cut short by a kill is left out."""
        return [json.loads(line) for line in self.out.splitlines(keepends=True) if line.endswith("\n")]

    @property
    def last(self) -> dict[str, Any]:
        """The last line."""
        return self.lines[-1]


class Running:
    """A command under way."""

    def __init__(self, pid: int, server: ForkingPos, gate: int, pipes: Sequence[int]) -> None:
        self.pid = pid
        self._server = server
        self._gate: int | None = gate
        self._in, self._out, self._err = (
            os.fdopen(pipes[0], "w", encoding="utf-8"),
            os.fdopen(pipes[1], encoding="utf-8"),
            os.fdopen(pipes[2], encoding="utf-8"),
        )

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.kill()
        for stream in (self._in, self._out, self._err):
            with suppress(OSError):
                stream.close()

    def begin(self) -> None:
        """Let it run; until then it waits, so that a tracer can take hold of it."""
        if self._gate is not None:
            os.write(self._gate, b"!")
            os.close(self._gate)
            self._gate = None

    def tell(self, line: str) -> None:
        """One line on its standard input."""
        self.begin()
        self._in.write(line + "\n")
        self._in.flush()

    def answer(self) -> dict[str, Any]:
        """The next line of its standard output."""
        self.begin()
        line = self._out.readline()
        assert line, f"it ended without an answer: {self._err.read()}"
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self, stdin: str = "") -> Ended:
        """Give it the rest of its input, read all that it says, and wait for its end."""
        self.begin()
        with suppress(BrokenPipeError):
            self._in.write(stdin)
            self._in.close()
        out, err = _read_all(self._out, self._err)
        return Ended(status=self._server.status_of(self.pid), out=out, err=err)

    def has_died(self) -> bool:
        """Whether it has ended by now. It must have no more to say."""
        with selectors.DefaultSelector() as output:
            output.register(self._out, selectors.EVENT_READ)
            if not output.select(0):
                return False
        assert self._out.read() == ""
        return self._server.status_of(self.pid) != 0

    def kill(self) -> None:
        """kill -9, if it is still there."""
        if self._gate is not None:
            os.close(self._gate)
            self._gate = None
        if not self._server.has_ended(self.pid):
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._server.status_of(self.pid)


class ForkingPos:
    """The process that forks, seen from the test."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._socket.settimeout(PATIENCE_S)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._ended: dict[int, int] = {}
        self._forked: list[int] = []

    def close(self) -> None:
        """End it; commands that still run were killed by their own ``with``."""
        self._socket.close()
        self._process.wait(PATIENCE_S)

    def start(self, *arguments: str, pin: str | None = CASHIER_PIN) -> Running:
        """A command that waits for its first input, or for ``begin``. ``pin`` comes on descriptor 3 (``--pin-fd 3``)."""
        pairs = [os.pipe() for _ in range(5)]
        (in_read, in_write), (out_read, out_write), (err_read, err_write), (pin_read, pin_write), gate = pairs
        if pin is not None:
            os.write(pin_write, f"{pin}\n".encode())
        os.close(pin_write)
        theirs = [in_read, out_write, err_write, pin_read, gate[0]]
        socket.send_fds(self._socket, [json.dumps(arguments).encode()], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        while not self._forked:
            self._listen()
        return Running(self._forked.pop(), self, gate[1], (in_write, out_read, err_read))

    def run(self, *arguments: str, pin: str | None = CASHIER_PIN, stdin: str = "") -> Ended:
        """A command from its start to its end."""
        with self.start(*arguments, pin=pin) as running:
            return running.end(stdin)

    def script(
        self, home: Path, acts: Sequence[Mapping[str, Any]], *, user: str = CASHIER, pin: str = CASHIER_PIN
    ) -> Ended:
        """``pos script -`` with these lines."""
        lines = "".join(json.dumps(act, ensure_ascii=False) + "\n" for act in acts)
        return self.run(*script_arguments(home, user), pin=pin, stdin=lines)

    def status_of(self, pid: int) -> int:
        """Wait for the end of ``pid``: its exit code, or minus the signal."""
        while pid not in self._ended:
            self._listen()
        return self._ended[pid]

    def has_ended(self, pid: int) -> bool:
        """Whether its end was seen already."""
        return pid in self._ended

    def _listen(self) -> None:
        told = self._socket.recv(200)
        assert told, "the process that forks is gone"
        message = json.loads(told)
        if "status" in message:
            self._ended[message["pid"]] = message["status"]
        else:
            self._forked.append(message["pid"])


@contextmanager
def forking_pos() -> Iterator[ForkingPos]:
    """A process that has loaded the program and forks a command at each call."""
    server = ForkingPos()
    try:
        yield server
    finally:
        server.close()


def script_arguments(home: Path, user: str = CASHIER, *more: str, file: str = "-") -> list[str]:
    """``pos script`` on a home, with the PIN on descriptor 3."""
    return ["--home", str(home), "script", file, "--user", user, "--pin-fd", "3", *more]


def plain_pos(*arguments: str) -> Ended:
    """``python -m pos`` from nothing."""
    ended = subprocess.run(
        [sys.executable, "-m", "pos", *arguments],
        cwd=ROOT,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ended(status=ended.returncode, out=ended.stdout.decode(), err=ended.stderr.decode())


def terminal_code(db_url: str, terminal: str) -> str:
    """A one-time code that enrols ``terminal`` at this central."""
    store = open_central(db_url)
    try:
        return make_terminal_code(store, terminal, clock=MachineClock("UTC"), randomness=MachineRandomness())
    finally:
        store.close()


def _read_all(out: IO[str], err: IO[str]) -> tuple[str, str]:
    """Both streams to their end, neither of them waiting for the other."""
    said: dict[int, bytes] = {out.fileno(): b"", err.fileno(): b""}
    # What a reader of lines has taken already belongs to the answers it gave.
    with selectors.DefaultSelector() as open_streams:
        for stream in said:
            open_streams.register(stream, selectors.EVENT_READ)
        while open_streams.get_map():
            ready = open_streams.select(PATIENCE_S)
            assert ready, "the process says nothing and does not end"
            for key, _ in ready:
                piece = os.read(key.fd, 65536)
                said[key.fd] += piece
                if not piece:
                    open_streams.unregister(key.fd)
    return said[out.fileno()].decode(), said[err.fileno()].decode()


# --- the process that forks ----------------------------------------------------------------------------------


def _end(status: int) -> None:
    """End as a process does, but leave what was loaded to the system: taking it down piece by piece is half of the time."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def serve_forks(connection: socket.socket) -> None:
    """Fork a command for each request until the test is gone; never runs anything itself."""
    import ctypes
    import importlib

    for module in LOADED:
        importlib.import_module(module)
    from pos.cli.main import commands, run
    from pos.settings import read_settings
    from pos.store.schema_check import migrated_catalogue

    # What every command would work out anew from the source alone.
    commands()
    read_settings()
    migrated_catalogue()
    # What is loaded stays: no child looks through it for garbage, which would copy every page of it.
    gc.collect()
    gc.freeze()
    watched = selectors.DefaultSelector()
    watched.register(connection, selectors.EVENT_READ)
    while True:
        for key, _ in watched.select():
            if key.data is not None:
                pid = key.data
                _, wait_status = os.waitpid(pid, 0)
                watched.unregister(key.fd)
                os.close(key.fd)
                ended = {"pid": pid, "status": os.waitstatus_to_exitcode(wait_status)}
                connection.send(json.dumps(ended).encode())
                continue
            request, descriptors, _, _ = socket.recv_fds(connection, 65536, 5)
            if not request:
                return
            pid = os.fork()
            if pid == 0:
                watched.close()
                connection.close()
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, 20 + number)
                os.closerange(0, 20)
                for number in range(5):
                    os.dup2(20 + number, number)
                os.closerange(5, 40)
                # The tracer is a process of the test's, no parent of ours.
                ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
                if os.read(4, 1) == b"":
                    os._exit(99)
                os.close(4)
                _end(run(json.loads(request)))
            for descriptor in descriptors:
                os.close(descriptor)
            watched.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
            connection.send(json.dumps({"pid": pid}).encode())


if __name__ == "__main__":
    serve_forks(socket.socket(fileno=int(sys.argv[1])))
