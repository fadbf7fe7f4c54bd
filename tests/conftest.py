"""What every test may ask for, and how hard the tests try.

Of a fact that is tried at more than POINTS_MAX points, as a card number behind each of two hundred separators, the plain run
takes so many, spread evenly, and fewer where each point opens a store or starts a screen, a central or a process. Of a fact
marked ``sweep(every)`` no more than every so many-th is taken, as its points take long; but all (``sweep(1)``) where each of
them is a fact of its own, as that a table is append-only. With SWEEPS=all, as in the gate, all points are taken.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from tests.builders.homes import ForkingPos

ROOT = Path(__file__).resolve().parent.parent

# The HTTP library asks at every request whether this one is there, which takes as long as a short answer of central's.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# The same examples at every run: a red build is red again when looked at. The gate takes those of "ci"; "long" looks for
# new ones.
settings.register_profile("plain", max_examples=12, derandomize=True, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=50, derandomize=True, deadline=None, print_blob=True)
settings.register_profile("long", max_examples=2_000, deadline=None, print_blob=True)
# For the thousands of runs of mutmut (pyproject.toml): whether it fails is all that is asked, not the smallest example.
settings.register_profile(
    "mutation",
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "plain"))


@pytest.fixture(scope="session")
def tmf_specs() -> Path:
    """The folder of the TM Forum's own API definitions, which are not ours to redistribute."""
    folder = Path(os.environ.get("TMF_SPECS") or ROOT.parent / "shared" / "tmf")
    if not folder.is_dir():
        pytest.skip(
            f"NOT TESTED against the TM Forum's definitions: no folder {folder}; name it in TMF_SPECS"
        )
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share, and no other run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def pos() -> Iterator[ForkingPos]:
    """A process that has loaded the program and forks a command at each call; one for all tests of a worker."""
    # Only who starts one loads all the program.
    from tests.builders.homes import forking_pos

    with forking_pos() as server:
        yield server


POINTS_MAX = 6
SLOW_POINTS_MAX = {"store": 3, "till": 3, "central": 2, "faults": 2, "journeys": 2, "tui": 2, "wire": 2}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take of each fact the points of this run; at least one of each."""
    if os.environ.get("SWEEPS") == "all":
        return
    facts = {item: item.nodeid.partition("[")[0] for item in items}
    points = Counter(facts.values())
    seen: Counter[str] = Counter()
    left_out = []
    for item, fact in facts.items():
        sweep = item.get_closest_marker("sweep")
        most = SLOW_POINTS_MAX.get(item.path.parent.name, POINTS_MAX)
        every = -(-points[fact] // most)
        if sweep is not None:
            every = 1 if sweep.args[0] == 1 else max(every, sweep.args[0])
        if seen[fact] % every:
            left_out.append(item)
        seen[fact] += 1
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = set(left_out)
        items[:] = [item for item in items if item not in dropped]


COLLECTED_EVERY = 20
_tests = itertools.count(1)
_trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of the GNU C library; elsewhere memory goes back to the system by itself or not at all."""


def pytest_collection_finish() -> None:
    """What is loaded by now stays; a tenth of all time went into looking through it for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def pytest_sessionfinish() -> None:
    """A server that was started for the tests ends with them."""
    # Only who started one has loaded it.
    if (server := sys.modules.get("tests.builders.postgres")) is not None:
        server.stop_postgres()


def pytest_runtest_logfinish() -> None:
    """A store in memory is few objects and much memory: counting objects alone would let hundreds of them lie.

    Nearly all that is left was loaded by these tests and stays: it is looked through once, not every time. But a store
    needs two rounds, as what the first one finalises comes back for a moment, and what lies there when it is frozen lies
    there for good. The holes they leave between smaller objects are given back, or a worker grows to gigabytes.
    """
    if next(_tests) % COLLECTED_EVERY == 0:
        gc.collect()
        gc.collect()
        gc.freeze()
        if _trim is not None:
            _trim(0)
