"""What a fault of the program may leave behind: one line of kind and place, no value, no core file.

Source: reliability.md sections 2 (43, 49) and 5.
"""

from __future__ import annotations

import logging
import resource
import sys
import threading
from types import TracebackType

from pos.domain.encode import crash_lines, log_line


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
    sys.excepthook = _tell_fault
    threading.excepthook = _tell_fault_of_thread
    handler = logging.StreamHandler()
    handler.setFormatter(PrivateFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _tell_fault(_kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    print("\n".join(crash_lines(fault, trace)), file=sys.stderr, flush=True)


def _tell_fault_of_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        _tell_fault(told.exc_type, told.exc_value, told.exc_traceback)
