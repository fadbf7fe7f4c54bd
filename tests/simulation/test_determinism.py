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


def hash_in_a_process(hash_seed: str) -> str:
    """The last word of what the command tells of the seed."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--from", str(SEED), "--seeds", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
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

    assert {hash_in_a_process("1"), hash_in_a_process("4242")} == {first}
    assert simulate(ANOTHER_SEED).trace_hash != first, "another seed is another run"
