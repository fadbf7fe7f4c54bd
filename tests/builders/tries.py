"""How hard a property test tries, as a share of what this run's profile says (tests/conftest.py)."""

from __future__ import annotations

from hypothesis import settings

LEAST = 6


def examples(times: float) -> int:
    """As many examples as the profile takes, ``times`` over."""
    profile = settings.default
    assert profile is not None, "tests/conftest.py loads one"
    return max(LEAST, round(times * profile.max_examples))
