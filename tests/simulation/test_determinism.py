"""The same seed is the same run: in this process, in another, and whatever its hashes are seeded with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.plan import plan_for
from tests.simulation.world import simulate

ROOT = Path(__file__).parents[2]
SEED, ANOTHER_SEED = 1654, 155
"""Small ones, in which somebody dies and the weather is bad."""
HASH_SEED = "4242"
"""Not the one of this process, which was drawn."""


def hash_in_another_process() -> str:
    """The last word of what the command tells of the seed."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--from", str(SEED), "--seeds", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": HASH_SEED},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.split()[-1]


def test_simulation_is_deterministic() -> None:
    plan = plan_for(SEED)
    assert plan.crash_rate > 0
    assert plan.climate.rates

    first = simulate(SEED).trace_hash

    assert hash_in_another_process() == first
    assert simulate(ANOTHER_SEED).trace_hash != first, "another seed is another run"
