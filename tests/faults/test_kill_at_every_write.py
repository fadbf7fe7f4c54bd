"""kill -9 at writes and flushes spread over all of a script of four payments: reliability.md invariants 2, 3, 24 and 26.

FAULT_POINTS (10) says at how many of them; as many as there are, or more, means at every one.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.homes import Ended, ForkingPos
from tests.faults.four_payments import (
    AMOUNTS,
    REFS,
    Whole,
    assert_all_printed,
    assert_sound_and_printable,
    booked,
    receipt_numbers,
    send_again,
)
from tests.faults.tracing import Undisturbed, death_at, run_traced, spread

POINTS = int(os.environ.get("FAULT_POINTS", "10"))
PORTIONS = min(POINTS, 10 if POINTS <= 100 else POINTS // 10)
"""The points are dealt out to so many tests, so that all workers have some."""


def test_an_undisturbed_run_books_four_payments(
    undisturbed: Undisturbed,
) -> None:
    points, payments = undisturbed.points, undisturbed.payments
    assert {ref: whole["receipt"][0][1] for ref, whole in payments.items()} == AMOUNTS
    assert [len(payments[ref]["outbox"]) for ref in REFS] == [1, 1, 2, 1]
    assert len([point for point in points if point.call == "fdatasync"]) >= 5, "a flush for each commit"


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_killed_at_any_write_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    portion: int,
    pos: ForkingPos,
    undisturbed: Undisturbed,
    new_home: Callable[[], Path],
) -> None:
    for point in spread(undisturbed.points, POINTS)[portion::PORTIONS]:
        home = new_home()
        ended = run_traced(pos, home, *death_at(point))
        assert ended.status == -signal.SIGKILL, f"{point} was never reached: {ended}"
        assert_nothing_lost(home, ended, undisturbed.payments)
        shutil.rmtree(home)


def assert_nothing_lost(home: Path, ended: Ended, expected: dict[str, Whole]) -> None:
    """After the death: acknowledged payments are there, whole, once; sending all again completes the rest."""
    acknowledged = {line["ref"]: line["receipt"] for line in ended.lines if line["act"] == "pay"}
    there = booked(home)
    # At most the payment under way at the death may be there without its answer, and never without those before it.
    assert list(there) in (list(REFS[: len(acknowledged)]), list(REFS[: len(acknowledged) + 1]))
    assert there == {ref: expected[ref] for ref in there}
    numbers = receipt_numbers(home)
    assert {ref: numbers[ref] for ref in acknowledged} == acknowledged
    assert_sound_and_printable(home)

    answers = {str(answer["ref"]): answer for answer in send_again(home)}
    assert [answer["ok"] for answer in answers.values()] == [True] * 5
    assert {ref for ref in REFS if answers[ref].get("replayed")} == set(there)
    assert {ref: answers[ref]["receipt"] for ref in acknowledged} == acknowledged
    assert booked(home) == expected
    assert_sound_and_printable(home)
    assert_all_printed(home)
