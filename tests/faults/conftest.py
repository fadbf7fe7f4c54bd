"""One home that every fault gets a copy of, and what happens where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.builders.homes import ForkingPos, example_home
from tests.faults.four_payments import booked
from tests.faults.tracing import READS, WRITES, Undisturbed, noted_in, points_of, run_traced


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which nothing has happened yet. Nobody opens it; it is copied."""
    return example_home(tmp_path_factory.mktemp("first") / "home")


@pytest.fixture
def new_home(first_home: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes copies of the first home."""
    numbers = count(1)

    def copy() -> Path:
        home = tmp_path / f"home-{next(numbers)}"
        shutil.copytree(first_home, home)
        return home

    return copy


@pytest.fixture
def home(new_home: Callable[[], Path]) -> Path:
    """A copy of the first home."""
    return new_home()


@pytest.fixture(scope="session")
def undisturbed(pos: ForkingPos, first_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    home, log = folder / "home", folder / "writes.log"
    shutil.copytree(first_home, home)
    ended = run_traced(pos, home, *noted_in(log))
    assert (ended.status, [line["ok"] for line in ended.lines]) == (0, [True] * 5), ended.err
    return Undisturbed(points=points_of(log, WRITES), reads=points_of(log, READS), payments=booked(home))
