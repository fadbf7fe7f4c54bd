"""A full and a failing disk: reliability.md section 3.4. What is answered is true, also after the next start.

FAULT_POINTS (10) says how many faults are tried in all, half of them a disk that stays full or broken.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.homes import Ended, ForkingPos, script_arguments
from tests.faults.four_payments import (
    ACTS,
    REFS,
    Whole,
    assert_all_printed,
    assert_sound_and_printable,
    booked,
    raw,
    send_again,
)
from tests.faults.tracing import Point, Undisturbed, error_at, run_traced, spread, traced

POINTS = max(int(os.environ.get("FAULT_POINTS", "10")), 10)
FULL, FLUSH, READ = ("pwrite64", "ENOSPC"), ("fdatasync", "EIO"), ("pread64", "EIO")
ONCE, A_WHILE, FOR_GOOD = "", "..{}", "+"
WHILE_CALLS = 5
ROOM_BYTES = 250_000

ANSWERS = {"ok", "store_write_failed", "outcome_unknown"}
NO_START = {*ANSWERS, "store_cannot_be_opened", "store_unreadable", "store_damaged", "cache_damaged"} - {"ok"}
"""How a script that could not begin, or go on, says so."""


def code_of(line: dict[str, object]) -> str:
    """``ok`` or the error's code."""
    error = line.get("error")
    return str(error["code"]) if isinstance(error, dict) else "ok"


def assert_honest(home: Path, ended: Ended, expected: dict[str, Whole]) -> None:
    """Each answer is one of those promised and agrees with the books; the script sent again books the rest, once."""
    answers = {str(line["ref"]): code_of(line) for line in ended.lines}
    assert "Traceback" not in ended.err
    if len(answers) < len(ACTS):
        assert any(f"[{code}]" in ended.err for code in NO_START), ended
    shift_is_open = answers.get("f0") == "ok"
    allowed = ANSWERS if shift_is_open else {"no_open_shift"}
    assert set(answers[ref] for ref in answers if ref != "f0") <= allowed, answers

    there = booked(home)
    told_ok = {ref for ref in REFS if answers.get(ref) == "ok"}
    unknown = {ref for ref in REFS if answers.get(ref) == "outcome_unknown"}
    assert told_ok <= set(there) <= told_ok | unknown, (answers, set(there))
    assert there == {ref: expected[ref] for ref in there}
    assert_sound_and_printable(home)

    again = {str(answer["ref"]): answer for answer in send_again(home)}
    assert [answer["ok"] for answer in again.values()] == [True] * len(ACTS), again
    assert {ref for ref in REFS if again[ref].get("replayed")} == set(there)
    assert booked(home) == expected
    assert_sound_and_printable(home)
    assert_all_printed(home)


@pytest.mark.parametrize("how_long", [ONCE, A_WHILE, FOR_GOOD], ids=["once", "a while", "for good"])
@pytest.mark.parametrize(
    ("fault", "share"), [(FULL, 9), (FLUSH, 9), (READ, 18)], ids=["full", "no flush", "no read"]
)
def test_a_disk_that_fails_is_never_taken_for_one_that_kept_a_payment(
    fault: tuple[str, str],
    share: int,
    how_long: str,
    pos: ForkingPos,
    undisturbed: Undisturbed,
    new_home: Callable[[], Path],
) -> None:
    call, error = fault
    of_call = [point for point in undisturbed.points + undisturbed.reads if point.call == call]
    assert len(of_call) > POINTS // share
    for point in spread(of_call, POINTS // share):
        home = new_home()
        until = how_long.format(point.number + WHILE_CALLS)
        ended = run_traced(pos, home, *error_at(point, error, until=until))
        assert_honest(home, ended, undisturbed.payments)
        shutil.rmtree(home)


def test_a_refused_payment_leaves_nothing_but_its_audit_row(
    pos: ForkingPos, undisturbed: Undisturbed, home: Path
) -> None:
    # The last flush of the deeds is that of the fourth payment's commit, after its shift and three others.
    flushes = [point for point in undisturbed.points if point.call == "fdatasync"]
    before_paper = undisturbed.points.index(Point("fsync", 1))
    commits = [point for point in flushes if undisturbed.points.index(point) < before_paper]
    fourth = commits[-2]
    ended = run_traced(pos, home, *error_at(fourth, "EIO"))
    assert [code_of(line) for line in ended.lines] == ["ok"] * 4 + ["store_write_failed"]
    assert (ended.status, set(booked(home))) == (3, {"f1", "f2", "f3"})
    with raw(home) as books:
        refusals = books.execute("SELECT act, result, reason_code FROM audit WHERE result <> 'ok'").fetchall()
    assert refusals == [("pay", "refused", "store_write_failed")]


def test_a_payment_that_could_turn_up_after_the_next_start_is_not_called_refused(
    pos: ForkingPos, undisturbed: Undisturbed, home: Path
) -> None:
    """The commit was written but not flushed, and no later write takes its place in the write-ahead log."""
    first_payment = Point("fdatasync", 6)
    position = undisturbed.points.index(first_payment)
    writes_before = len([point for point in undisturbed.points[:position] if point.call == "pwrite64"])
    faults = [
        *("-o", "/dev/null", "-e", "trace=fdatasync,pwrite64"),
        *("-e", f"inject=fdatasync:error=EIO:when={first_payment.number}+"),
        *("-e", f"inject=pwrite64:error=EIO:when={writes_before + 1}+"),
    ]
    with pos.start(*script_arguments(home)) as running, traced(running, *faults):
        answers = []
        for act in ACTS[:2]:
            running.tell(json.dumps(act))
            answers.append(code_of(running.answer()))
        running.kill()
    assert answers == ["ok", "outcome_unknown"]
    assert set(booked(home)) == {"f1"}, "it did turn up"
    again = send_again(home)
    assert [bool(answer.get("replayed")) for answer in again] == [True, True, False, False, False]
    assert booked(home) == undisturbed.payments


@pytest.mark.parametrize(
    ("call", "error"), [("fsync", "EIO"), ("renameat", "ENOSPC"), ("unlink", "EIO"), ("ftruncate", "EIO")]
)
def test_a_disk_that_refuses_papers_and_leftovers_costs_no_payment(
    call: str, error: str, pos: ForkingPos, undisturbed: Undisturbed, home: Path
) -> None:
    last = [point for point in undisturbed.points if point.call == call][-1]
    ended = run_traced(pos, home, *error_at(Point(call, max(last.number - 1, 1)), error, until=FOR_GOOD))
    assert ([code_of(line) for line in ended.lines], ended.status) == (["ok"] * 5, 0), ended.err
    assert_honest(home, ended, undisturbed.payments)


def test_a_disk_without_room_refuses_and_one_with_room_takes_the_rest(
    pos: ForkingPos, undisturbed: Undisturbed, home: Path
) -> None:
    """No call is tampered with: the process may write no file longer than a payment or two."""
    with pos.start(*script_arguments(home)) as running:
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
        ended = running.end("".join(json.dumps(act) + "\n" for act in ACTS))
    codes = [code_of(line) for line in ended.lines]
    assert codes[0] == "ok"
    assert codes[-1] == "store_write_failed"
    assert_honest(home, ended, undisturbed.payments)
