"""A terminal of the shop: a home on disk, its lives one after another, the cashier in front of it and the wire behind it.

Everything between the keys and the network is the product's own: the home is made and opened by ``bootstrap``, the
engine and the client are the real ones. The cashier outlives the program and remembers what it said.
"""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pos.bootstrap.homes import HomePaths, Machine, NewHome, OpenTill, make_home, open_till
from pos.bootstrap.wire import make_client, make_engine
from pos.domain.ports import PrinterUnavailable
from pos.machine import InlineRunner
from pos.till.payment_order import PaymentOrder
from sync.client import CentralClient
from sync.engine import SyncEngine
from tests.builders.tills import CheapPinHasher, SeededRandomness, SettableClock
from tests.simulation.central import BASE_URL
from tests.simulation.expectation import Refusal, Taken
from tests.simulation.mortal import CrashPoint, Fate, Files, MortalDatabase, ProcessDied, Step
from tests.simulation.shop import CASHIER, SUPERVISOR, shop_fixture
from tests.simulation.trace import Trace
from tests.simulation.violation import InvariantBroken, leaves_of
from tests.simulation.virtual_time import OPENING, WallClock
from tests.simulation.weather import Line

if TYPE_CHECKING:
    from tests.simulation.world import World

RETRY_S_MAX = 60
SETTINGS = f"""
[sync]
retry_delay_s_max = {RETRY_S_MAX}
[payments]
resolve_alone_up_to = "1000"
"""
"""A row waits at most a minute between two tries, so that a healed wire is empty soon."""

OUTCOMES_WATCHED = ("send_payment", "find_payment")


class Printer:
    """The printer port: paper that comes out, or not."""

    def __init__(self, drawn: random.Random, rate: float) -> None:
        self._drawn = drawn
        self.rate = rate
        self.papers: dict[str, bytes] = {}
        self.jams = 0

    def put(self, *, name: str, content: bytes) -> None:
        """Raises PrinterUnavailable as often as the plan says."""
        if self.rate and self._drawn.random() < self.rate:
            self.jams += 1
            raise PrinterUnavailable("no paper")
        before = self.papers.setdefault(name, content)
        if before != content:
            raise InvariantBroken(
                "27 reprint_identical_marked_counted", f"{name} was printed with other words"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A payment whose receipt the cashier has seen."""

    order: PaymentOrder
    receipt_number: str
    shift_number: int
    outcome: Taken


@dataclass(slots=True, kw_only=True)
class Memory:
    """What the cashier knows, whatever became of the program. ``in_doubt``: the program died while it booked."""

    booked: dict[str, Booked] = field(default_factory=dict)
    in_doubt: dict[str, tuple[PaymentOrder, Taken | Refusal]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    papers: int = 0
    vouchers_used: list[str] = field(default_factory=list)


class Terminal:
    """One till with its cashier. ``life`` counts the times that its program was started."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.memory = Memory()
        self.drawn = random.Random(f"{world.plan.seed} {name}")
        # Some ways to pay are a supervisor's.
        self.person = self.drawn.choice((CASHIER, CASHIER, SUPERVISOR))
        self.deeds_left = world.plan.deeds_each
        self.life = 0
        self.deaths = 0
        plan = world.plan
        self.printer = Printer(random.Random(f"{plan.seed} {name} printer"), plan.printer_fault_rate)
        self.folder = world.folder / name
        self.paths = HomePaths(home=self.folder)
        _unpack(_home_files(name), self.folder)
        self._files = Files([self.paths.till_db, self.paths.cache_db])
        self._randomness = SeededRandomness(f"{plan.seed} {name} ids")
        self._crashes = random.Random(f"{plan.seed} {name} crashes")
        self._skew_s = self.drawn.uniform(-plan.skew_s, plan.skew_s)
        self._fate: Fate | None = None
        self._till: OpenTill | None = None
        self._client: CentralClient | None = None
        self._engine: SyncEngine | None = None

    # --- one life ----------------------------------------------------------------------------------------------

    @property
    def till(self) -> OpenTill:
        """The opened home of this life."""
        assert self._till is not None, "the program runs"
        return self._till

    @property
    def engine(self) -> SyncEngine:
        """The sync engine of this life."""
        assert self._engine is not None, "the program runs"
        return self._engine

    @property
    def client(self) -> CentralClient:
        """The client of this life."""
        assert self._client is not None, "the program runs"
        return self._client

    def open(self) -> None:
        """Start the program over what the last life left. Raises ProcessDied: it may die while it starts."""
        self._files.restore()
        self.life += 1
        fate = Fate(self._files, self._crashes, rate=self.world.plan.crash_rate, died=self._died)
        if self.world.healed:
            fate.spare()
        self._fate = fate
        machine = Machine(
            randomness=self._randomness,
            clock_of=lambda _zone: WallClock(skew_s=self._skew_s),
            open_store=partial(MortalDatabase, fate=fate, stepped=partial(self._stepped, self.life)),
            printer_of=lambda _folder: self.printer,
            transport=Line(self.world.network, self.world.trace, terminal=self.name, life=self.life),
            pin_hasher=CheapPinHasher(),
        )
        self._till = open_till(self.folder, machine=machine)
        self._client = make_client(self._till)
        _watch(self._client, self.world.trace)
        self._engine = make_engine(self._till, self._client, runner=InlineRunner())
        self.world.trace.note(self.name, f"life {self.life}")

    def wake(self) -> None:
        """Start the program unless it runs. A terminal that nobody has closed works on."""
        if self.is_dead:
            self.close()
            self.open()

    def close(self) -> None:
        """Throw the objects of this life away."""
        if self._till is not None:
            self._till.close()
        self._till = self._client = self._engine = self._fate = None

    def heal(self) -> None:
        """Nothing happens to this terminal any more."""
        self.printer.rate = 0.0
        if self._fate is not None:
            self._fate.spare()

    def kill(self) -> None:
        """The power goes."""
        if self._fate is not None:
            self._fate.end("till", CrashPoint.IDLE)

    @property
    def is_dead(self) -> bool:
        return self._fate is None or self._fate.dead

    def _died(self, where: str, point: CrashPoint) -> None:
        self.deaths += 1
        self.world.trace.met("crash", f"{where}, {point}")
        self.world.trace.note(self.name, f"dies in {where}: {point}")

    def _stepped(self, life: int, steps: list[Step]) -> None:
        self.world.log.steps(self.name, life, steps)

    # --- life after life ---------------------------------------------------------------------------------------

    async def work(self, at_counter: Callable[[Terminal], Awaitable[None]]) -> None:
        """Live until the counter has no more deeds; what dies is started again after a while."""
        while self.deeds_left > 0:
            try:
                self.open()
                await self._live(at_counter)
            except ProcessDied:
                self.close()
                await asyncio.sleep(self.drawn.choice((0.5, 5.0, 30.0)))
        if self.drawn.random() < 0.3:
            self.close()

    async def _live(self, at_counter: Callable[[Terminal], Awaitable[None]]) -> None:
        """Counter and wire side by side, until the counter is done or the process is dead."""
        tasks = [
            asyncio.create_task(part, name=f"{self.name}.{self.life} {title}")
            for title, part in (
                ("counter", _as_coroutine(at_counter(self))),
                ("wire", self._keep_wire()),
                ("power", self._lose_power()),
            )
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        self.judge(ended)

    def judge(self, ended: list[BaseException | None]) -> None:
        """Raise what ended a part of the program: a broken invariant, its death, or a fault that it must not have."""
        faults = [leaf for fault in ended if fault is not None for leaf in leaves_of(fault)]
        for fault in faults:
            if isinstance(fault, InvariantBroken):
                raise fault
        if self.is_dead:
            raise ProcessDied
        for fault in faults:
            if not isinstance(fault, asyncio.CancelledError):
                told = "".join(traceback.format_exception(fault)[-3:])
                raise InvariantBroken("0 no_fault_escapes", f"{self.name}: {told}") from fault

    async def _keep_wire(self) -> None:
        """Push and pull in the ways that the program has, now this way, now that."""
        habits = self.drawn.choices(HABITS, k=3)
        while True:
            await self.drawn.choice(habits)(self)
            problem = self.engine.now().problem or ""
            if problem.endswith("the wire has a fault"):
                raise InvariantBroken("0 no_fault_escapes", f"{self.name}: {problem}")

    async def _lose_power(self) -> None:
        every_s = self.world.plan.kill_every_s
        await asyncio.sleep(self.drawn.expovariate(1 / every_s) if every_s else 1e9)
        self.kill()


async def _as_coroutine(awaited: Awaitable[None]) -> None:
    await awaited


async def _push(terminal: Terminal) -> None:
    await terminal.engine.push()
    await asyncio.sleep(terminal.drawn.uniform(0.5, 10))


async def _push_and_pull(terminal: Terminal) -> None:
    await terminal.engine.push()
    await terminal.engine.pull()
    await asyncio.sleep(terminal.drawn.uniform(2, 30))


async def _drain(terminal: Terminal) -> None:
    await terminal.engine.drain(timeout_s=terminal.drawn.randint(1, 30))
    await asyncio.sleep(terminal.drawn.uniform(0.5, 20))


async def _keep_syncing(terminal: Terminal) -> None:
    """As the open screen does it, broken off in the middle as by its end."""
    syncing = asyncio.ensure_future(terminal.engine.keep_syncing())
    try:
        await asyncio.wait((syncing,), timeout=terminal.drawn.uniform(1, 8))
    finally:
        syncing.cancel()
        (ended,) = await asyncio.gather(syncing, return_exceptions=True)
    if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
        raise ended


HABITS: tuple[Callable[[Terminal], Awaitable[None]], ...] = (
    _push,
    _push_and_pull,
    _drain,
    _keep_syncing,
)


def _watch(client: CentralClient, trace: Trace) -> None:
    """Count what the engine is told."""

    def watched(call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def counted(*arguments: object) -> object:
            outcome = await call(*arguments)
            trace.met("outcome", type(outcome).__name__)
            return outcome

        return counted

    for name in OUTCOMES_WATCHED:
        setattr(client, name, watched(getattr(client, name)))


@cache
def _home_files(name: str) -> Mapping[str, bytes]:
    """A new home as ``pos init`` makes it, file by file."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / name
        machine = Machine(
            randomness=SeededRandomness(f"keys of {name}"),
            clock_of=lambda _zone: SettableClock(OPENING),
            pin_hasher=CheapPinHasher(),
        )
        new = NewHome(terminal=name, central_url=BASE_URL, epoch=1, fixture=shop_fixture())
        make_home(home, new, machine=machine)
        (home / "config").mkdir()
        (home / "config" / "till.toml").write_text(SETTINGS)
        return {
            str(path.relative_to(home)): path.read_bytes()
            for path in sorted(home.rglob("*"))
            if path.is_file() and not path.name.endswith("-shm")
        }


def _unpack(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
