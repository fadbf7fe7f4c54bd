"""Four eyes: what one person asks and another approves, bound to its content.

Source: domain.md rule 33; reliability.md 5.3.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pos.domain.errors import Refused

APPROVED_FOR = timedelta(minutes=5)
"""An approval that is not used by then is none."""

OPEN_FOR = timedelta(hours=24)
"""A request that nobody answered by then is none: who still wants it asks anew."""


class RequestState(StrEnum):
    """What became of a request. APPROVED: it can be done until the approval is too old. LAPSED: nobody answered in time."""

    OPEN = "open"
    APPROVED = "approved"
    DONE = "done"
    DECLINED = "declined"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a second person is asked for: an act with exactly this content, of these accounts; ``what`` says it in words.

    ``not_by`` are the people who may not approve it beside who asks: they did what is to be corrected. ``elsewhere``: only
    somebody at another terminal may.
    """

    act: str
    digest: str
    what: str
    accounts: Collection[str] = ()
    not_by: Collection[str] = ()
    elsewhere: bool = False


class ApprovalNeeded(Refused):
    """Nothing was done: another person, of one of the roles ``approvers``, must approve exactly this.

    ``request`` is told once it is written down; ``who`` says why one is asked for and who may, for whom stands beside.
    """

    def __init__(self, message: str, wanted: Wanted, approvers: list[str], **details: object) -> None:
        super().__init__("approval_required", message, act=wanted.act, approvers=approvers, **details)
        self.wanted = wanted
        self.who = message
        self.approvers = approvers
