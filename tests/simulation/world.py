"""One run: a shop, its central and the weather between them, from the plan of a seed to the last check.

First the storm, until every cashier has done all deeds; then the weather heals, and everything that was promised must
have come true within some virtual minutes.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from pos.bootstrap import homes
from pos.bootstrap.wire import compare_with_central
from pos.settings import Settings, read_settings
from pos.store import outbox
from pos.till.cash_office import current_shift
from sync import inbound
from tests.simulation import invariants
from tests.simulation.central import BASE_URL, CentralProcess
from tests.simulation.counter import first_look, keep_counter
from tests.simulation.deeds import print_queue, weights_for
from tests.simulation.drawer import close_with_count
from tests.simulation.listeners import Listeners
from tests.simulation.mortal import ProcessDied
from tests.simulation.plan import Plan, plan_for
from tests.simulation.shop import TERMINALS
from tests.simulation.swapped import swapped
from tests.simulation.terminals import RETRY_S_MAX, Terminal
from tests.simulation.trace import Coverage, Trace
from tests.simulation.violation import InvariantBroken, leaves_of, require
from tests.simulation.virtual_time import run_in_virtual_time
from tests.simulation.weather import Network
from tests.simulation.wire_log import WireLog

HEAL_WAITS_S = (1, 2, 4, 8, 15, 30, 60)
"""Pushes so long after one another: within two minutes after the weather has healed nothing waits any more."""

TELL_S_MAX = 3_700
"""The longest rest of a listener, and one more try."""

STORM_S_MAX = 7_200
"""A storm that lasts longer has hung."""

MEMORY_FOLDER = Path("/dev/shm")

PAGE_SMALL = 3
"""So few rows a page, that a few bills make three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """Why a run failed."""

    invariant: str
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended. ``broken`` None: everything held."""

    plan: Plan
    broken: Broken | None
    trace_hash: str
    coverage: Coverage
    totals: Counter[str]
    virtual_s: float
    wall_s: float

    @property
    def replay(self) -> str:
        """The command that shows this run again."""
        return " ".join(
            (
                f"./run python -m tests.simulation --from {self.plan.seed} --seeds 1",
                *self.plan.limits.arguments,
            )
        )

    @property
    def told(self) -> str:
        """One line: how it ended and how to see it again."""
        if self.broken is None:
            return f"seed {self.plan.seed}: held, {self.trace_hash}"
        return f"seed {self.plan.seed}: {self.broken.invariant}: {self.broken.facts}\n    {self.replay}"


class World:
    """Everything of one run."""

    def __init__(self, plan: Plan, folder: Path, trace: Trace) -> None:
        self.plan = plan
        self.folder = folder
        self.trace = trace
        self.log = WireLog(trace)
        self.healed = False
        self.deed_weights = weights_for(plan.seed)
        self.listeners = Listeners(plan.seed, trace)
        self.central = CentralProcess(
            folder,
            random.Random(f"{plan.seed} central"),
            trace,
            seed=f"{plan.seed} central ids",
            rate=plan.central_crash_rate,
            listeners=self.listeners,
        )
        weather = random.Random(f"{plan.seed} weather")
        self.network = Network(self.central, weather, plan.climate, trace, self.log)
        self.terminals = [Terminal(self, name) for name in TERMINALS[: plan.terminals]]

    def longest_wait(self) -> timedelta:
        """No row may be told to wait longer than this."""
        return timedelta(seconds=max(RETRY_S_MAX, self.plan.climate.retry_after_s[1]))

    async def run(self) -> None:
        """Storm, healing, and every check. Raises InvariantBroken."""
        self.central.open()
        try:
            await self._storm()
            await self._heal()
        finally:
            for terminal in self.terminals:
                terminal.close()
            self.central.close()

    # --- the storm ---------------------------------------------------------------------------------------------

    async def _storm(self) -> None:
        around = [
            asyncio.create_task(self._tend_central(), name="central's operator"),
            asyncio.create_task(self._cut_lines(), name="the digger"),
        ]
        try:
            async with asyncio.timeout(STORM_S_MAX), asyncio.TaskGroup() as shop:
                for terminal in self.terminals:
                    shop.create_task(terminal.work(keep_counter), name=terminal.name)
        except TimeoutError:
            raise InvariantBroken("0 no_fault_escapes", "the storm does not end: somebody hangs") from None
        finally:
            for task in around:
                task.cancel()
            await asyncio.gather(*around, return_exceptions=True)

    async def _tend_central(self) -> None:
        """Central dies at times, and somebody starts it again."""
        drawn = random.Random(f"{self.plan.seed} central's operator")
        every_s = self.plan.central_kill_every_s
        next_kill_s = drawn.expovariate(1 / every_s) if every_s else float("inf")
        while True:
            await asyncio.sleep(1)
            if asyncio.get_running_loop().time() >= next_kill_s:
                self.central.kill()
                next_kill_s += drawn.expovariate(1 / every_s)
            if not self.central.is_up:
                await asyncio.sleep(drawn.choice((1, 10, 40)))
                self.central.open()

    async def _cut_lines(self) -> None:
        """A line is dug up at times."""
        drawn = random.Random(f"{self.plan.seed} the digger")
        while True:
            await asyncio.sleep(5)
            for terminal in self.terminals:
                if drawn.random() < self.plan.climate.outages:
                    until_s = asyncio.get_running_loop().time() + drawn.uniform(5, 90)
                    self.network.cut(terminal.name, until_s)

    # --- the healing -------------------------------------------------------------------------------------------

    async def _heal(self) -> None:
        self.trace.note("weather", "heals")
        self.healed = True
        self.network.heal()
        self.listeners.heal()
        self.central.rate = 0.0
        self.central.open()
        for terminal in self.terminals:
            terminal.heal()
            terminal.wake()
            first_look(terminal)
            self._retry_parked(terminal)
        async with asyncio.TaskGroup() as group:
            for terminal in self.terminals:
                group.create_task(_empty_queue(terminal), name=terminal.name)
        await self.network.settle()
        await self._tell_the_rest()
        await self._check()

    async def _tell_the_rest(self) -> None:
        """A listener that failed rests ever longer, and what died on its way belongs to the dead for half a minute."""
        for _ in range(TELL_S_MAX):
            if self.listeners.have_all():
                return
            await asyncio.sleep(1)

    def _retry_parked(self, terminal: Terminal) -> None:
        """Somebody has spoken to the gateway's people and lets the parked rows be sent again."""
        desk = terminal.till.desk
        with desk.till.transaction() as unit:
            again = outbox.retry_parked(unit.connection, at=desk.clock.now())
        if again:
            self.trace.note(terminal.name, f"{again} parked rows again")

    async def _check(self) -> None:
        store = self.central.store
        assert store is not None
        for terminal in self.terminals:
            invariants.check_queue_is_empty(terminal)
        invariants.check_central(store, self.terminals)
        self.listeners.check(store, BASE_URL)
        invariants.check_vouchers(store, self.terminals)
        await invariants.check_key_reuse(self.central)
        for terminal in self.terminals:
            problem = await _whole_pull(terminal)
            require(problem is None, "0 no_fault_escapes", f"{terminal.name}: its pull ends early: {problem}")
            invariants.check_screen(terminal, store)
            shift = current_shift(terminal.till.desk)
            if shift is not None:
                close_with_count(terminal, shift)
            print_queue(terminal)
            invariants.check_books(terminal)
            invariants.check_papers(terminal)
            invariants.check_verified(terminal)
        first = self.terminals[0]
        differing = await compare_with_central(first.till.desk, first.client)
        require(not differing, "1 committed_payment_reaches_central_exactly_once", f"{differing}")
        self.trace.note("world", invariants.last_state(store, self.terminals))


async def _empty_queue(terminal: Terminal) -> None:
    """What is still there after the last push has waited too long, and a check says so."""
    for wait_s in HEAL_WAITS_S:
        report = await terminal.engine.push()
        if report.waiting == 0:
            return
        await asyncio.sleep(wait_s)
    await terminal.engine.push()


async def _whole_pull(terminal: Terminal) -> str | None:
    """Pull all there is; the problem that is still there when no wait can be left of the storm's."""
    for wait_s in (*HEAL_WAITS_S, 0):
        report = await terminal.engine.pull()
        if report.problem is None:
            break
        await asyncio.sleep(wait_s)
    return report.problem


def simulate(planned: Plan | int, *, tell: Callable[[str], None] | None = None) -> Result:
    """Run a plan, or the plan of a seed. ``tell`` is given every line of the trace."""
    plan = plan_for(planned) if isinstance(planned, int) else planned
    trace = Trace(tell)
    totals: Counter[str] = Counter()
    broken: Broken | None = None
    began_s = perf_counter()
    ended_s = [0.0]

    async def main() -> None:
        world = World(plan, Path(folder), trace)
        try:
            await world.run()
        finally:
            ended_s[0] = asyncio.get_running_loop().time()
            totals.update(
                requests=world.log.requests,
                payments=sum(len(terminal.memory.booked) for terminal in world.terminals),
                terminal_deaths=sum(terminal.deaths for terminal in world.terminals),
                central_deaths=world.central.deaths,
                lives=sum(terminal.life for terminal in world.terminals),
            )

    with _store_folder() as folder, _tuned():
        try:
            run_in_virtual_time(main())
        except BaseException as fault:
            broken = _why(fault)
    return Result(
        plan=plan,
        broken=broken,
        trace_hash=trace.hash,
        coverage=trace.coverage,
        totals=totals,
        virtual_s=ended_s[0],
        wall_s=perf_counter() - began_s,
    )


def _why(fault: BaseException) -> Broken:
    """The broken invariant behind whatever came out; anything else is a fault of its own kind."""
    for leaf in leaves_of(fault):
        if isinstance(leaf, InvariantBroken):
            return Broken(invariant=leaf.name, facts=leaf.facts)
        if isinstance(leaf, KeyboardInterrupt | SystemExit):
            raise fault
    leaf = next(leaves_of(fault))
    if isinstance(leaf, ProcessDied):
        return Broken(invariant="0 no_fault_escapes", facts="somebody died after the storm")
    raise fault


@contextmanager
def _store_folder() -> Iterator[str]:
    """A folder in memory where there is one: no disk is simulated, so none need be waited for."""
    place = MEMORY_FOLDER if MEMORY_FOLDER.is_dir() else None
    with TemporaryDirectory(prefix="counterfoil-", dir=place) as folder:
        yield folder


@contextmanager
def _tuned() -> Iterator[None]:
    """What makes a run richer or quicker and no promise weaker.

    Pulls take several pages, as they do where there are many accounts. The settings' files, which nobody changes, are
    read once. What is garbage is collected between the runs.
    """
    gc.disable()
    try:
        with swapped(inbound, "PAGE", PAGE_SMALL), swapped(homes, "read_settings", _settings_read_once):
            yield
    finally:
        gc.enable()
        gc.collect(1)


@cache
def _settings_of_homes(_text: str) -> list[Settings]:
    return []


def _settings_read_once(*, option: Path | None = None, home: Path | None = None) -> Settings:
    """The settings of a home whose own file says what another's said that was read before."""
    own = None if home is None else home / "config" / "till.toml"
    known = _settings_of_homes(own.read_text() if own is not None and own.exists() else "")
    if not known:
        known.append(read_settings(option=option, home=home))
    return known[0]
