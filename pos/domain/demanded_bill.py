"""A bill on demand: what of an account is not billed yet becomes a bill at once, and central alone makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class BillDemanded:
    """Central took it on. ``bill_id`` None: the bill is still to come."""

    account: str
    demand_id: str
    bill_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRefused:
    """There is no bill, and why."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillUnanswered:
    """Nobody knows whether there is one."""

    reason: str


DemandOutcome = BillDemanded | BillRefused | BillUnanswered


class BillPress(Protocol):
    """Whoever makes bills on demand."""

    async def demand(self, account: str, key: str) -> DemandOutcome:
        """Ask for the bill of ``account``; the same ``key`` again asks for the same bill."""
        ...
