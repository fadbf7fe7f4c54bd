"""Every promise holds in every seed, and the seeds together have met all there is to be met.

``SIMULATION_SEEDS=2000`` tries more of them; the whole gate takes 200. A seed that breaks a promise says which command
shows it again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.coverage import never_met
from tests.simulation.world import simulate

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "4"))
CHUNK = 5
CHUNKS = [range(first, min(first + CHUNK, SEEDS + 1)) for first in range(1, SEEDS + 1, CHUNK)]
ENOUGH_SEEDS = 200
"""Fewer than these may miss something by bad luck."""


@pytest.fixture(scope="session")
def met_folder(run_folder: Path) -> Path:
    """Where every worker of this test run leaves what its chunks have met."""
    folder = run_folder / "simulation"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_every_promise_holds_in_any_weather(seeds: range, met_folder: Path) -> None:
    results = [simulate(seed) for seed in seeds]

    broken = [result.told for result in results if result.broken is not None]
    assert not broken, "\n".join(broken)
    coverage: Counter[str] = sum((result.coverage for result in results), Counter())
    (met_folder / f"{seeds[0]}.part").write_text(json.dumps(coverage))
    (met_folder / f"{seeds[0]}.part").rename(met_folder / f"{seeds[0]}.json")
    _the_last_chunk_asks_what_was_never_met(met_folder)


def _the_last_chunk_asks_what_was_never_met(met_folder: Path) -> None:
    """Chunks run in any order on any worker; whoever finds all of them there adds them up."""
    told = [json.loads(path.read_text()) for path in met_folder.glob("*.json")]
    if len(told) < len(CHUNKS) or len(CHUNKS) * CHUNK < ENOUGH_SEEDS:
        return
    coverage: Counter[str] = sum((Counter(part) for part in told), Counter())
    assert not never_met(coverage), "a fault, a state or a deed that no seed brings about shows nothing"
