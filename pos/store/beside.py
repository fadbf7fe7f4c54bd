"""What is written beside the books while another process owns them: tries at a PIN, and what was refused.

A command that only reads works beside an open till and must not write ``till.db``. It adds lines to one small file, under a
lock, before it checks a PIN; the owner takes them into the books, and only then are they gone from the file.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pos.store.times import from_utc_text

BYTES_MAX = 1_000_000
"""A larger file holds more tries than anybody makes; nothing is added to it, so no PIN is checked."""

FORMS = (
    frozenset({"try", "at", "subject"}),
    frozenset({"right"}),
    frozenset({"refused", "at", "user", "act", "code"}),
)
"""What the lines say: a try at a PIN, that it was right after all, and what was refused."""

Line = Mapping[str, str]


class Beside:
    """The file at ``path``, made when something is first written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take into the books; asked before every deed, so it only looks at the size."""
        try:
            return self._path.stat().st_size == 0
        except OSError:
            return True

    @contextmanager
    def held(self) -> Iterator[HeldBeside]:
        """The file, with nobody else at it. Raises OSError where the disk refuses."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield HeldBeside(handle)
        finally:
            os.close(handle)


class HeldBeside:
    """The locked file."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def lines(self) -> list[Line]:
        """What was written and not yet taken into the books; one that was cut off by a crash, or is none, is left out."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        text = b""
        while len(text) < BYTES_MAX and (piece := os.read(self._handle, 65536)):
            text += piece
        return [line for line in map(_line, text.splitlines()) if line is not None]

    def add(self, line: Line) -> None:
        """One line more, on the disk before this returns. Raises OSError."""
        end = os.lseek(self._handle, 0, os.SEEK_END)
        if end > BYTES_MAX:
            raise OSError("the file beside the books is full")
        # Behind a line that was cut off a new one begins.
        os.write(self._handle, b"\n" + json.dumps(dict(line), ensure_ascii=True).encode() + b"\n")
        os.fsync(self._handle)

    def clear(self) -> None:
        """All of it is in the books."""
        os.ftruncate(self._handle, 0)
        os.fsync(self._handle)


def _line(text: bytes) -> Line | None:
    try:
        found: Any = json.loads(text)
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            return None
        if not any(form <= found.keys() for form in FORMS):
            return None
        if "at" in found:
            from_utc_text(found["at"])
    except (ValueError, RecursionError):
        return None
    return found
