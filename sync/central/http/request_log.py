"""The log of central: one line of JSON a request, from a fixed list of fields, none of them a person's.

A payment never waits for its log line: a thread of its own writes, and where nobody takes the lines in they are dropped and
counted. Source: reliability.md sections 2 (43, 49) and 5.5.
"""

from __future__ import annotations

import logging
import queue
import threading
from datetime import UTC
from typing import TextIO

from pos.domain.encode import fault_place
from pos.domain.ports import Clock
from sync.central.http.watch import Visit
from sync.wire_json import dumps

WAITING_MAX = 10_000
CLOSE_WAIT_S = 2


class RequestLog:
    """Writes to ``out``, which stays open. Times are UTC; ``ms`` is a whole number of milliseconds."""

    def __init__(self, out: TextIO, clock: Clock) -> None:
        self._out = out
        self._clock = clock
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._in_hand = 0
        """So many lines are being written."""
        self.dropped = 0
        self._writer = threading.Thread(target=self._write, name="request log", daemon=True)
        self._writer.start()

    def request(self, visit: Visit) -> None:
        """One request that has ended."""
        self._put(
            {
                "event": "request",
                "request_id": visit.request_id,
                "method": visit.method,
                "route": visit.route,
                "status": visit.status,
                "code": visit.code,
                "ms": round(visit.took_s * 1000),
                "bytes_in": visit.bytes_in,
                "bytes_out": visit.bytes_out,
                "client": visit.client,
                "fault": visit.fault,
                "place": visit.place,
            }
        )

    def event(self, event: str) -> None:
        """Something of the process itself, such as ``stopping``."""
        self._put({"event": event})

    def library(self, *, level: str, logger: str, fault: str | None, place: str | None) -> None:
        """That a library had something to say, and where; its words may hold what a client sent."""
        self._put({"event": "library", "level": level, "logger": logger, "fault": fault, "place": place})

    def close(self) -> None:
        """Write what waits, for at most two seconds."""
        self._lines.put(None)
        self._writer.join(CLOSE_WAIT_S)

    def _put(self, fields: dict[str, object]) -> None:
        time = self._clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
        line = {"time": time} | {name: value for name, value in fields.items() if value is not None}
        if self.dropped:
            line["dropped"] = self.dropped
        if self._lines.qsize() + self._in_hand < WAITING_MAX:
            self._lines.put(dumps(line).decode() + "\n")
        else:
            self.dropped += 1

    def _write(self) -> None:
        more = True
        while more:
            lines = [self._lines.get()]
            while lines[-1] is not None and not self._lines.empty():
                lines.append(self._lines.get())
            more = lines[-1] is not None
            told = [line for line in lines if line is not None]
            self._in_hand = len(told)
            try:
                self._out.write("".join(told))
                self._out.flush()
            except (OSError, ValueError):
                # The disk is full, or whoever read it has gone: central serves on.
                self.dropped += len(told)
            self._in_hand = 0


class LibraryLog(logging.Handler):
    """The server library's own warnings, as lines of ``log`` without their words."""

    def __init__(self, log: RequestLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fault = place = None
        if record.exc_info and record.exc_info[0] is not None:
            fault = record.exc_info[0].__name__
            place = fault_place(record.exc_info[2])
        self._log.library(level=record.levelname, logger=record.name, fault=fault, place=place)
