"""What every test may ask for, and how hard the property tests try."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples at every run: a red build is red again when looked at. HYPOTHESIS_PROFILE=long looks for new ones.
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
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def tmf_specs() -> Path:
    """The folder of the TM Forum's own API definitions, which are not ours to redistribute."""
    folder = Path(os.environ.get("TMF_SPECS") or ROOT.parent / "shared" / "tmf")
    if not folder.is_dir():
        pytest.skip(
            f"NOT TESTED against the TM Forum's definitions: no folder {folder}; name it in TMF_SPECS"
        )
    return folder
