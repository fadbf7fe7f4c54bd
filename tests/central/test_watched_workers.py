"""The process that watches central's workers: one that cannot be started is tried again, and the others serve on."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TextIO

import pytest

from sync.central.operating import workers
from sync.central.operating.workers import Worker, watch_workers

LISTENING = '{"event":"listening","host":"127.0.0.1","port":1}\n'


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "AGAIN_S", 0)


def served_by(starts: Path, *deeds: Callable[[TextIO], None]) -> Callable[[Worker, TextIO], None]:
    """Each process that gets so far takes the next deed; after the last one whoever comes ends them all."""

    def serve(_worker: Worker, out: TextIO) -> None:
        with starts.open("a") as counted:
            number = counted.write("x") and counted.tell() - 1
        if number < len(deeds):
            deeds[number](out)
            return
        answers(out)
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)

    return serve


def answers(out: TextIO) -> None:
    out.write(LISTENING)
    out.flush()


def dies_once_it_answers(out: TextIO) -> None:
    answers(out)
    os.kill(os.getpid(), signal.SIGKILL)


def dies_while_it_speaks(out: TextIO) -> None:
    out.write(LISTENING[:20])
    out.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def says_something_else(out: TextIO) -> None:
    out.write("[]\n")


def falls(_out: TextIO) -> None:
    raise MemoryError


@pytest.mark.parametrize("fault", [dies_while_it_speaks, says_something_else, falls])
def test_a_worker_that_fails_while_it_starts_is_tried_again(
    tmp_path: Path, fault: Callable[[TextIO], None]
) -> None:
    told, starts = StringIO(), tmp_path / "starts"

    watch_workers(1, served_by(starts, dies_once_it_answers, fault, fault), socket=None, out=told)

    assert told.getvalue() == LISTENING
    assert starts.read_text() == "xxxx"


def test_a_machine_that_has_no_process_left_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fork, asked, open_before = os.fork, list[int](), len(os.listdir("/proc/self/fd"))

    def crowded() -> int:
        asked.append(1)
        if len(asked) == 2:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()

    monkeypatch.setattr(os, "fork", crowded)
    starts = tmp_path / "starts"

    watch_workers(1, served_by(starts, dies_once_it_answers), socket=None, out=StringIO())

    assert starts.read_text() == "xx"
    assert "A worker cannot start: Resource temporarily unavailable" in capfd.readouterr().err
    assert len(os.listdir("/proc/self/fd")) == open_before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
