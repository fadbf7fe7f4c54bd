"""A home of the worked example."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.builders.homes import example_home


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
