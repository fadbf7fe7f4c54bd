"""What every test may ask for, and how hard the tests try.

One fact that is tried at many points, as a fault at each of thirty-six moments, is marked ``sweep(every)``: the plain run
takes every so many-th of its points, and all of them with SWEEPS=all, as the gate does.
"""

import gc
import itertools
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples at every run: a red build is red again when looked at. The gate takes those of "ci"; "long" looks for
# new ones.
settings.register_profile("plain", max_examples=20, derandomize=True, deadline=None, print_blob=True)
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take of each sweep the points of this run."""
    if os.environ.get("SWEEPS") == "all":
        return
    seen: Counter[str] = Counter()
    left_out = []
    for item in list(items):
        sweep = item.get_closest_marker("sweep")
        if sweep is None:
            continue
        points = item.nodeid.partition("[")[0]
        if seen[points] % sweep.args[0]:
            left_out.append(item)
        seen[points] += 1
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        dropped = set(left_out)
        items[:] = [item for item in items if item not in dropped]


COLLECTED_EVERY = 20
_tests = itertools.count(1)


def pytest_collection_finish() -> None:
    """What is loaded by now stays; a tenth of all time went into looking through it for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def pytest_runtest_logfinish() -> None:
    """A store in memory is few objects and much memory: counting objects alone would let hundreds of them lie."""
    if next(_tests) % COLLECTED_EVERY == 0:
        gc.collect()
