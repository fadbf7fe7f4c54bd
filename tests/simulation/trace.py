"""What happened, in order, as one hash; and how often each thing happened that a run must have met.

Two runs of one seed are the same when their hashes are. Nothing that differs between two processes (addresses, the
order of a set, real time) may be told here.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

Coverage: TypeAlias = "Counter[str]"
"""How often each thing was met, as ``fault/lost answer``, ``outcome/Unknown``, ``step/sent > parked``."""


class Trace:
    """The events of one run. ``tell`` is given each line, to be read by a person."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._digest = hashlib.sha256()
        self._tell = tell
        self.coverage: Coverage = Counter()
        self.lines = 0

    def note(self, who: str, what: str) -> None:
        """Something happened at this virtual moment."""
        line = f"{asyncio.get_running_loop().time():12.6f} {who:8} {what}"
        self._digest.update(line.encode() + b"\n")
        self.lines += 1
        if self._tell is not None:
            self._tell(line)

    def met(self, kind: str, what: str) -> None:
        """Count something that a run must meet."""
        self.coverage[f"{kind}/{what}"] += 1

    @property
    def hash(self) -> str:
        return self._digest.hexdigest()
