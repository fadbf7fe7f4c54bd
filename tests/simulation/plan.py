"""What a seed decides before anything happens: how many tills, how bad the weather, who dies how often.

Swarm testing: each seed leaves out some kinds of trouble altogether, so that none hides behind another, and some seeds
have no trouble at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.simulation.shop import TERMINALS
from tests.simulation.weather import Climate, Fault

LATENCIES_S = ((0.005, 0.02), (0.02, 0.4), (0.1, 3.0), (0.5, 9.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a person, or the shrinker, has taken away from a seed's plan, to see what is needed for it to fail."""

    terminals: int = len(TERMINALS)
    deeds: int = 100
    without: frozenset[Fault] = frozenset()
    nobody_dies: bool = False

    @property
    def arguments(self) -> Iterator[str]:
        """As they are typed."""
        if self.terminals < len(TERMINALS):
            yield f"--terminals {self.terminals}"
        if self.deeds < 100:
            yield f"--deeds {self.deeds}"
        yield from (f"--without {fault.name}" for fault in sorted(self.without))
        if self.nobody_dies:
            yield "--nobody-dies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run. Rates are chances: of a death in a transaction, of a printer's fault at a paper."""

    seed: int
    limits: Limits
    terminals: int
    deeds_each: int
    think_s: float
    climate: Climate
    crash_rate: float
    kill_every_s: float
    central_crash_rate: float
    central_kill_every_s: float
    printer_fault_rate: float
    skew_s: float


def plan_for(seed: int, limits: Limits = Limits()) -> Plan:
    """The plan of a seed, less what ``limits`` take away."""
    plan = _drawn(seed)
    rates = {fault: rate for fault, rate in plan.climate.rates.items() if fault not in limits.without}
    plan = replace(
        plan,
        limits=limits,
        terminals=min(plan.terminals, limits.terminals),
        deeds_each=min(plan.deeds_each, limits.deeds),
        climate=replace(plan.climate, rates=rates),
    )
    if not limits.nobody_dies:
        return plan
    return replace(plan, crash_rate=0.0, kill_every_s=0.0, central_crash_rate=0.0, central_kill_every_s=0.0)


def shrunk(seed: int, fails: Callable[[Limits], bool]) -> Limits:
    """The least that still ``fails``, taking away one thing after another; a dozen or two runs."""
    best = Limits()

    def tried(limits: Limits) -> None:
        nonlocal best
        if limits != best and fails(limits):
            best = limits

    tried(replace(best, nobody_dies=True))
    for terminals in (1, 2, 3, 4):
        if best.terminals > terminals:
            tried(replace(best, terminals=terminals))
    for fault in plan_for(seed).climate.rates:
        tried(replace(best, without=best.without | {fault}))
    for deeds in (1, 2, 3, 4, 6):
        if best.deeds > deeds:
            tried(replace(best, deeds=deeds))
    return best


def _drawn(seed: int) -> Plan:
    drawn = random.Random(f"plan {seed}")
    calm = drawn.random() < 0.08
    dying = not calm and drawn.random() < 0.6
    central_dying = not calm and drawn.random() < 0.4
    return Plan(
        seed=seed,
        limits=Limits(),
        terminals=drawn.choice((3, 3, 3, 3, 4, 4, 5, 6)),
        deeds_each=drawn.randint(3, 8),
        think_s=drawn.choice((0.5, 4.0, 12.0)),
        climate=Climate() if calm else _climate(drawn),
        crash_rate=drawn.choice((0.01, 0.03, 0.07)) if dying else 0.0,
        kill_every_s=drawn.choice((0.0, 60.0, 200.0)) if dying else 0.0,
        central_crash_rate=drawn.choice((0.02, 0.1)) if central_dying else 0.0,
        central_kill_every_s=drawn.choice((0.0, 60.0)) if central_dying else 0.0,
        printer_fault_rate=0.0 if calm else drawn.choice((0.0, 0.2, 0.7)),
        skew_s=0.0 if calm else drawn.choice((0.0, 0.0, 5.0, 600.0)),
    )


def _climate(drawn: random.Random) -> Climate:
    kinds = drawn.sample(list(Fault), drawn.randint(0, 8))
    if drawn.random() < 0.25:
        # What asks for patience shows little unless it comes often.
        kinds = [Fault.BUSY, Fault.AWAY, *(kind for kind in kinds if kind not in (Fault.BUSY, Fault.AWAY))]
    badness = drawn.choice((0.15, 0.35, 0.6))
    return Climate(
        rates=_shares(drawn, kinds, badness),
        latency_s=drawn.choice(LATENCIES_S),
        retry_after_s=drawn.choice(((1, 5), (2, 40), (20, 90))),
        outages=drawn.choice((0.0, 0.0, 0.02)),
    )


def _shares(drawn: random.Random, kinds: list[Fault], badness: float) -> Mapping[Fault, float]:
    """``badness`` is the chance of any fault; each kind has its own share of it."""
    weights = [drawn.uniform(0.2, 1.0) for _ in kinds]
    whole = sum(weights) or 1.0
    return {kind: badness * weight / whole for kind, weight in zip(kinds, weights, strict=True)}
