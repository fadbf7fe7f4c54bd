"""Four eyes: what one person asks and another approves, bound to its content.

Source: domain.md rule 33; reliability.md 5.3.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from pos.domain.errors import Refused

APPROVED_FOR = timedelta(minutes=5)
"""An approval that is not used by then is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a second person is asked for: an act with exactly this content, of these accounts."""

    act: str
    digest: str
    accounts: Collection[str] = ()


class ApprovalNeeded(Refused):
    """Nothing was done: another person must approve exactly this. ``request`` is told once it is written down."""

    def __init__(self, message: str, wanted: Wanted, **details: object) -> None:
        super().__init__("approval_required", message, act=wanted.act, **details)
        self.wanted = wanted
