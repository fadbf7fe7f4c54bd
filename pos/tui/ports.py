"""What the screen is handed in from above: it knows neither the wire nor the paper."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery
from pos.domain.receipt import Copy, ReceiptFacts
from pos.domain.role import Person
from pos.domain.voucher import VoucherIssued, VoucherPress


class SyncState(Protocol):
    """Whether central answers. ``online`` None: not asked yet; ``since`` (aware): when it became so.

    ``barred``: why it answers only that this till may do nothing.
    """

    @property
    def online(self) -> bool | None: ...

    @property
    def since(self) -> datetime | None: ...

    @property
    def barred(self) -> str | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAskedYet:
    """The state of a till that has not tried to reach central."""

    online: bool | None = None
    since: datetime | None = None
    barred: str | None = None


class Sessions(Protocol):
    """Where the person who sits here signed in last."""

    def seated(self, operator: str | None) -> None:
        """Somebody has signed in or unlocked here; None: nobody sits here any more."""
        ...

    def taken_by(self) -> str | None:
        """The terminal of a later sign-in of the same person."""
        ...

    def is_another(self) -> bool:
        """Whether central has changed what the person who sits here may do."""
        ...


class OneTill:
    """For a till that hears of no other."""

    def seated(self, operator: str | None) -> None:
        """Nobody is told."""

    def taken_by(self) -> str | None:
        """Nothing is heard."""
        return None

    def is_another(self) -> bool:
        """Nobody else changes the people."""
        return False


class CheckFound(Protocol):
    """What the last check of the whole store found. ``damage`` None: its file is sound."""

    @property
    def findings(self) -> int: ...

    @property
    def damage(self) -> str | None: ...


Preview = Callable[[ReceiptFacts, Copy], str]
"""The text of a receipt, as it would be printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherIssue:
    """What a till needs to issue vouchers: central, which signs them, and the paper of one that was just issued.

    ``print_slip`` answers why the slip did not come out, None if it did.
    """

    press: VoucherPress
    slip_text: Callable[[VoucherIssued], str]
    print_slip: Callable[[VoucherIssued], Awaitable[str | None]]


AfterCommit = Callable[[], Awaitable[None]]
"""What follows a commit and moves no money: the print queue."""

OpenDrawer = Callable[[], Awaitable[str | None]]
"""Let the cash drawer spring open; what to tell the cashier if it did not."""

AskSyncState = Callable[[], SyncState]

KeepSyncing = Callable[[], Awaitable[None]]
"""The sync engine, for as long as the screen is open."""

KeepCards = Callable[[], Awaitable[None]]
"""Reversals and open outcomes of the card terminal, for as long as the screen is open."""

KeepChecking = Callable[[Callable[[CheckFound], None]], Awaitable[None]]
"""Has the whole store checked when it is time, for as long as the screen is open, and tells what was found last."""

BringBatches = Callable[[Person, str | None], AsyncIterator[tuple[str, Delivery | str]]]
"""Bring the ledger batches that wait, or the one of a number, to the accounting system: each with what is to be noted of it,
or why it could not be brought."""


async def bring_nothing(_person: Person, _number: str | None) -> AsyncIterator[tuple[str, Delivery | str]]:
    """For a till without a way to the accounting system. Raises Refused ``not_delivered_here``."""
    raise Refused("not_delivered_here", "No batch can be brought to the accounting system from here.")
    yield  # An iterator, as the others are.
