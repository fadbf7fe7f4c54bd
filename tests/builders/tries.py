"""How hard a test tries that goes through much: as a share of what this run's settings say (tests/conftest.py)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

from hypothesis import settings

Point = TypeVar("Point")

LEAST = 6
PLAIN_MOST = 24
"""So many the plain run takes of a long search; the gate's profile takes all of them."""


def examples(times: float) -> int:
    """As many examples as the profile takes, ``times`` over."""
    profile = settings.default
    assert profile is not None, "tests/conftest.py loads one"
    wanted = max(LEAST, round(times * profile.max_examples))
    return min(wanted, PLAIN_MOST) if profile is settings.get_profile("plain") else wanted


def every(so_many: int, asked: Iterable[Point]) -> list[Point]:
    """Every so many-th of a long list that one test goes through; all with SWEEPS=all, as in the gate."""
    return list(asked)[:: 1 if os.environ.get("SWEEPS") == "all" else so_many]
