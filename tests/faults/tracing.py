"""Faults by strace: which writes and flushes a process makes, and death or an error at the n-th of them.

Only system calls that change what is on the disk or what has been told are looked at. ``when`` counts each call by its own
name, and for each thread; a till without a screen writes from one thread.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.builders.homes import PATIENCE_S, Ended, ForkingPos, Running, script_arguments
from tests.faults.four_payments import LINES, Whole

WRITES = ("pwrite64", "fdatasync", "fsync", "ftruncate", "write", "unlink", "unlinkat", "rename", "renameat")
"""What SQLite, the receipts and the answers are written with here."""

READS = ("pread64",)
"""What SQLite reads with."""

# With a question mark strace passes over a call that this machine does not have.
_TRACED = ",".join(f"?{name}" for name in WRITES + READS)


@dataclass(frozen=True, slots=True)
class Point:
    """The ``number``-th call of this name, from 1."""

    call: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A run of the script without a fault: its writes and flushes in order, its reads, what it left in the books."""

    points: list[Point]
    reads: list[Point]
    payments: dict[str, Whole]


def require_strace() -> str:
    """strace's path. Skips the test, and says so, where there is none."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is missing (Debian package strace): NO FAULT WAS TRIED")
    return found


@contextmanager
def traced(running: Running, *options: str) -> Iterator[None]:
    """Take hold of a process that has not begun, and let it begin; at the end the tracer has ended too."""
    tracer = subprocess.Popen(
        [require_strace(), "-f", *options, "-p", str(running.pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stderr is not None
    try:
        said = tracer.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"strace may not trace here ({said.strip()}): NO FAULT WAS TRIED")
        running.begin()
        yield
    finally:
        running.kill()
        tracer.stderr.read()
        tracer.stderr.close()
        tracer.wait(PATIENCE_S)


def run_traced(pos: ForkingPos, home: Path, *options: str) -> Ended:
    """The script of four payments under strace."""
    with pos.start(*script_arguments(home)) as running, traced(running, *options):
        return running.end(LINES)


def noted_in(log: Path) -> list[str]:
    """The options with which ``traced`` only notes the calls."""
    return ["-o", str(log), "-e", f"trace={_TRACED}", "-e", "signal=none"]


def points_of(log: Path, calls: tuple[str, ...]) -> list[Point]:
    """Every one of these calls of a traced process, in order."""
    seen: Counter[str] = Counter()
    points: list[Point] = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        found = re.match(r"\d+ +(\w+)\(", line)
        if found is not None and found[1] in calls:
            seen[found[1]] += 1
            points.append(Point(found[1], seen[found[1]]))
    return points


def death_at(point: Point) -> list[str]:
    """The options with which the process dies by kill -9 as it makes this call; the call itself is not made."""
    inject = f"inject={point.call}:signal=SIGKILL:when={point.number}"
    return ["-o", "/dev/null", "-e", f"trace={point.call}", "-e", inject]


def error_at(point: Point, error: str, *, until: str = "") -> list[str]:
    """The options with which this call, and those after it up to ``until`` ("+": all), fail with ``error``."""
    inject = f"inject={point.call}:error={error}:when={point.number}{until}"
    return ["-o", "/dev/null", "-e", f"trace={point.call}", "-e", inject]


def spread(points: list[Point], count: int) -> list[Point]:
    """``count`` of the points, evenly from first to last; all of them where there are no more."""
    if count >= len(points):
        return points
    return [points[(2 * number + 1) * len(points) // (2 * count)] for number in range(count)]
