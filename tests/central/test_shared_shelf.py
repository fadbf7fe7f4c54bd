"""One rate of a client for all of central's processes, kept in a file that they share."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.machine import MachineClock
from sync.central.http import shared_shelf
from sync.central.http.limits import Buckets, Limits, OwnShelf
from sync.central.http.shared_shelf import SharedShelf, make_shelf
from tests.central.test_limits import StandingClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "buckets.sqlite"
    make_shelf(made)
    return made


@pytest.fixture
def two(path: Path) -> Iterator[tuple[SharedShelf, SharedShelf]]:
    shelves = SharedShelf(path), SharedShelf(path)
    yield shelves
    for shelf in shelves:
        shelf.close()


def test_a_client_has_one_rate_whichever_process_it_comes_to(two: tuple[SharedShelf, SharedShelf]) -> None:
    clock = StandingClock()
    one, other = (Buckets(Limits(per_s=1, burst=3), clock, shelf) for shelf in two)

    assert [one.take("a"), other.take("a"), one.take("a"), other.take("a"), other.take("b")] == [
        0,
        0,
        0,
        1,
        0,
    ]
    other.spend("b", 7)
    assert one.take("b") == 6
    clock.at_s += 1
    assert [other.take("a"), one.take("a")] == [0, 1]


@given(deeds=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 9), st.integers(0, 5)), max_size=30))
def test_a_shared_rate_is_what_one_process_alone_would_count(deeds: list[tuple[str, float, int]]) -> None:
    clock = StandingClock()
    folder = TemporaryDirectory()
    make_shelf(Path(folder.name) / "buckets.sqlite")
    shared = SharedShelf(Path(folder.name) / "buckets.sqlite")
    alone, together = (Buckets(Limits(per_s=2, burst=4), clock, shelf) for shelf in (OwnShelf(), shared))
    for client, wait_s, spent in deeds:
        clock.at_s += wait_s
        assert together.take(client) == alone.take(client)
        for buckets in (together, alone):
            buckets.spend(client, spent)
    shared.close()
    folder.cleanup()


def test_no_request_is_counted_by_no_process_though_they_count_at_once_and_one_is_killed(path: Path) -> None:
    limits, each = Limits(per_s=1, burst=100_000), 300
    started = MachineClock("UTC").monotonic_s()
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            buckets = Buckets(limits, MachineClock("UTC"), SharedShelf(path))
            while number == 3:
                # Until it is killed.
                buckets.take("b")
            for _ in range(each):
                buckets.take("a")
            os._exit(0)
        children.append(child)
    for child in children[:3]:
        os.waitpid(child, 0)
    os.kill(children[3], signal.SIGKILL)
    os.waitpid(children[3], 0)

    with closing(sqlite3.connect(path)) as file:
        left = sorted(left for (left,) in file.execute("SELECT left FROM bucket"))
    filled = MachineClock("UTC").monotonic_s() - started
    assert len(left) == 2
    assert any(100_000 - 3 * each <= one <= 100_000 - 3 * each + filled for one in left)


def test_the_client_that_was_quiet_longest_makes_room(
    two: tuple[SharedShelf, SharedShelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_shelf, "CLIENTS_MAX", 3)
    clock = StandingClock()
    buckets = Buckets(Limits(per_s=1, burst=1), clock, two[0])
    for client in "abcd":
        clock.at_s += 0.1
        assert buckets.take(client) == 0

    assert len(two[0]) == 3
    assert [buckets.take(client) for client in "dcba"] == [1, 1, 1, 0]


def test_a_file_that_cannot_be_used_lets_everybody_pass(
    two: tuple[SharedShelf, SharedShelf], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_shelf, "LOCKED_S", 0)
    shelf = SharedShelf(path)
    buckets = Buckets(Limits(per_s=1, burst=1), StandingClock(), shelf)
    holding = sqlite3.connect(path, isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")

    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]

    holding.execute("ROLLBACK")
    assert [buckets.take("a") for _ in range(3)] == [0, 1, 1]
    holding.close()
    shelf.close()


def test_no_client_and_no_address_stands_in_the_file(
    two: tuple[SharedShelf, SharedShelf], path: Path
) -> None:
    Buckets(Limits(), StandingClock(), two[0]).take("address 192.0.2.77")

    found = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"bucket" in found
    assert b"192.0.2" not in found
