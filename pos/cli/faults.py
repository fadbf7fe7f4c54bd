"""What a fault of the program may leave behind: one line of kind and place, no value, no core file.

Source: reliability.md sections 2 (43, 49) and 5.
"""

from __future__ import annotations

import ctypes
import logging
import resource
import sys
import threading
from contextlib import suppress
from types import TracebackType

from pos.domain.encode import crash_lines, log_line

PR_SET_DUMPABLE = 4
"""Of Linux's prctl(2)."""


class PrivateFormatter(logging.Formatter):
    """One line of log, made harmless; a fault is told by its kind and place alone."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [log_line(f"{record.levelname} {record.name}: {record.getMessage()}")]
        if record.exc_info and record.exc_info[1] is not None:
            lines += crash_lines(record.exc_info[1], record.exc_info[2])
        return "\n".join(lines)


def keep_faults_private() -> None:
    """For the whole process: no core file, and no fault or log line that tells what somebody typed."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _let_nobody_look_in()
    sys.excepthook = tell_fault
    threading.excepthook = _tell_fault_of_thread
    handler = logging.StreamHandler()
    handler.setFormatter(PrivateFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _let_nobody_look_in() -> None:
    """No dump through a pipe either, for which that limit does not count; nor may another process of this user read here."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, ctypes.c_ulong(0), 0, 0, 0)


def tell_fault(_kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """A fault of the program on standard error, by its kind and place."""
    print("\n".join(crash_lines(fault, trace)), file=sys.stderr, flush=True)


def _tell_fault_of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        tell_fault(told.exc_type, told.exc_value, told.exc_traceback)
