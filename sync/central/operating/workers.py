"""Central as several processes over one PostgreSQL database and one port: who dies is started again, and nothing is lost.

What must be one is the store's business: each write has it alone, so which process a request comes to makes no difference.
The first process alone tells listeners of events. This one only watches: it speaks to nobody and holds no store.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from pos.domain.encode import crash_lines
from pos.domain.errors import DomainError, Refused
from sync.central.store.promises import StoreUnavailable
from sync.wire_json import dumps

AGAIN_S = 1
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a process is given: the port's socket, a pipe that ends when the watching process does, and its part."""

    socket: Any
    lifeline: int
    tells_listeners: bool


def watch_workers(
    count: int, serve: Callable[[Worker, TextIO], None], *, socket: Any, out: TextIO | None = None
) -> None:
    """Run ``serve`` in ``count`` processes until SIGTERM or SIGINT; SIGHUP is handed on.

    ``serve`` writes one line when it answers; once each has, the first one's line goes to ``out`` (default: standard
    output). From then on a process that ends is started again, until it answers. Before that, one that does not get so far
    ends all: raises what it refused with, or Refused ``worker_ended``.
    """
    _Watch(count, serve, socket, out or sys.stdout).run()


class _Watch:
    def __init__(self, count: int, serve: Callable[[Worker, TextIO], None], socket: Any, out: TextIO) -> None:
        self._serve = serve
        self._socket = socket
        self._out = out
        self._count = count
        self._places: dict[int, int] = {}
        """Which worker a process is, by its number."""
        self._stopping = False
        self._lifeline, self._held = os.pipe()

    def run(self) -> None:
        before = {number: signal.signal(number, self._hand_on) for number in FORWARDED}
        try:
            lines = [self._start(place) for place in range(self._count)]
            self._out.write(lines[0])
            self._out.flush()
            while self._places:
                ended, _ = os.waitpid(-1, 0)
                place = self._places.pop(ended, None)
                if place is not None:
                    self._replace(place)
        finally:
            # Whoever still runs sees its lifeline end.
            os.close(self._held)
            while self._places:
                ended, _ = os.waitpid(-1, 0)
                self._places.pop(ended, None)
            os.close(self._lifeline)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hand_on(self, number: int, _frame: object) -> None:
        self._stopping = self._stopping or number != signal.SIGHUP
        for process in list(self._places):
            os.kill(process, number)

    def _replace(self, place: int) -> None:
        while not self._stopping:
            try:
                self._start(place)
                return
            except (DomainError, OSError) as error:
                # The database may be away for a while, the machine full, or whoever killed the last one goes on.
                why = error.message if isinstance(error, DomainError) else error.strerror
                sys.stderr.write(f"A worker cannot start: {why}\n")
                sys.stderr.flush()
                select.select([], [], [], AGAIN_S)

    def _start(self, place: int) -> str:
        """The line that the new process says it answers with."""
        told, tell = os.pipe()
        with os.fdopen(told, "rb") as reading:
            try:
                process = self._fork(place, told, tell)
            finally:
                os.close(tell)
            line = reading.readline().decode(errors="replace")
        found = _spoken(line)
        if found.get("event") == "listening":
            return line
        os.waitpid(process, 0)
        del self._places[process]
        if found.get("code") == "central_store_unavailable":
            raise StoreUnavailable(found["message"])
        if found.get("event") == "refused":
            raise Refused(found["code"], found["message"])
        raise Refused("worker_ended", "A worker of central ended before it could serve.")

    def _fork(self, place: int, told: int, tell: int) -> int:
        """The new process's number. Raises OSError where the machine has none left."""
        # A signal between the fork and the note of its process would not reach it.
        signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)
        try:
            process = os.fork()
            if process == 0:
                os.close(told)
                os.close(self._held)
                self._work(place, tell)
            self._places[process] = place
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        return process

    def _work(self, place: int, tell: int) -> None:
        """The new process, to its end."""
        code = 1
        try:
            for number in FORWARDED:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
            with os.fdopen(tell, "w", encoding="utf-8") as out:
                try:
                    worker = Worker(socket=self._socket, lifeline=self._lifeline, tells_listeners=place == 0)
                    self._serve(worker, out)
                    code = 0
                except DomainError as error:
                    refused = {"event": "refused", "code": error.code, "message": error.message}
                    out.write(dumps(refused).decode() + "\n")
        except BaseException as error:
            # It has nobody above it: what it does not print here nobody sees.
            sys.stderr.write("\n".join(crash_lines(error, error.__traceback__)) + "\n")
        finally:
            sys.stderr.flush()
            os._exit(code)


def _spoken(line: str) -> dict[str, Any]:
    """What a process said of itself; nothing where it was killed before the end of its line."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
