"""How hard a property test tries, as a share of what this run's profile says (tests/conftest.py)."""

from __future__ import annotations

from hypothesis import settings

LEAST = 6
PLAIN_MOST = 24
"""So many the plain run takes of a long search; the gate's profile takes all of them."""


def examples(times: float) -> int:
    """As many examples as the profile takes, ``times`` over."""
    profile = settings.default
    assert profile is not None, "tests/conftest.py loads one"
    wanted = max(LEAST, round(times * profile.max_examples))
    return min(wanted, PLAIN_MOST) if profile is settings.get_profile("plain") else wanted
