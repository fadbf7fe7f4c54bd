"""A second person at another terminal: what is asked for there, and what is answered, both by way of central.

Source: domain.md 3.6 and rule 33; reliability.md 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Elsewhere(StrEnum):
    """How central has a request. APPROVED: it can be done until the answer is too old. CLOSED: it was done, or is not
    wanted any more. LAPSED: nobody answered in time.
    """

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    CLOSED = "closed"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRequest:
    """A request as its own terminal tells it to central, under the same id for ever. ``asked_ago``: so long ago.

    ``digest`` is of its exact content: an answer repeats it.
    """

    central_id: str
    terminal: str
    epoch: int
    request_id: str
    act: str
    what: str
    digest: str
    requester: str
    reason: str | None
    accounts: frozenset[str]
    not_by: frozenset[str]
    asked_ago: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """What somebody at a terminal says to a request of another, under an id of its own. ``ago``: how long ago.

    ``reason``: why not.
    """

    answer_id: str
    central_id: str
    digest: str
    approved: bool
    user: str
    terminal: str
    reason: str | None
    ago: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestElsewhere:
    """A request of another terminal as central tells it, with the answer that stands (None: none does)."""

    central_id: str
    terminal: str
    request_id: str
    act: str
    what: str
    digest: str
    requester: str
    reason: str | None
    accounts: frozenset[str]
    not_by: frozenset[str]
    at: datetime
    state: Elsewhere
    answer: GivenAnswer | None


@dataclass(frozen=True, slots=True)
class AnswerRefused:
    """Central does not keep the answer: another came before, or it is not this person's to give."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class CentralSilent:
    """No answer that can be read: nobody knows whether it arrived, and the same may be sent again."""

    reason: str


class ApprovalExchange(Protocol):
    """Where terminals ask and answer one another: central, behind the wire. None of these raises for the network."""

    async def requests(self) -> list[RequestElsewhere] | CentralSilent:
        """What waits for a second person at all terminals, or was answered lately; the latest first."""
        ...

    async def share(self, asked: SharedRequest) -> RequestElsewhere | AnswerRefused | CentralSilent:
        """Have central show a request, and hear what became of it. The same one again changes nothing."""
        ...

    async def answer(self, given: GivenAnswer) -> RequestElsewhere | AnswerRefused | CentralSilent:
        """Give an answer; the first one stands. The same one again changes nothing."""
        ...

    async def close(self, central_id: str) -> bool:
        """It is not wanted any more; False: central did not answer."""
        ...
