"""A process that forks commands, and a home of the worked example."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.homes import ForkingPos, example_home, forking_pos


@pytest.fixture(scope="session")
def pos() -> Iterator[ForkingPos]:
    with forking_pos() as server:
        yield server


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which nothing has happened yet. Nobody opens it; it is copied."""
    return example_home(tmp_path_factory.mktemp("first") / "home")


@pytest.fixture
def home(first_home: Path, tmp_path: Path) -> Path:
    """A copy of the first home."""
    copy = tmp_path / "home"
    shutil.copytree(first_home, copy)
    return copy
