"""The simulation finds bugs: each of these is put in, and an invariant breaks within fifty seeds."""

from __future__ import annotations

import pytest

from tests.simulation.planted import PLANTS, Plant
from tests.simulation.world import simulate

SEEDS_MAX = 50


def finds(plant: Plant, seed: int) -> bool:
    """Whether the run of this seed breaks an invariant that is about this bug."""
    with plant.plant():
        result = simulate(seed)
    return result.broken is not None and result.broken.invariant.startswith(tuple(plant.seen_by))


@pytest.mark.sweep(6)
@pytest.mark.parametrize("name", list(PLANTS))
def test_a_planted_bug_is_found(name: str) -> None:
    first = PLANTS[name].from_seed

    assert any(finds(PLANTS[name], seed) for seed in range(first, first + SEEDS_MAX))


def test_a_bug_is_gone_when_it_is_pulled_out() -> None:
    for plant in PLANTS.values():
        with plant.plant():
            pass

    assert simulate(1).broken is None
