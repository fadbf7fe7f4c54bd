"""What the screen is handed in from above: it knows neither the wire nor the paper."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pos.domain.bank_file import EntryPlan, FileHead, Forecast
from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery
from pos.domain.money import Money
from pos.domain.receipt import Copy, ReceiptFacts
from pos.domain.role import Person
from pos.domain.voucher import VoucherIssued, VoucherPress
from pos.store.bank_files import KnownFile


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file of a bank in its folder, and what it would be read as."""

    name: str
    bytes: int
    changed_at: datetime
    profile: str


class FileHeading(Protocol):
    """What a file says of itself, in the shop's money."""

    @property
    def head(self) -> FileHead: ...

    @property
    def paid(self) -> Money: ...

    @property
    def back(self) -> Money: ...

    @property
    def charges(self) -> Money: ...

    @property
    def left_out(self) -> int: ...


class FileBeforeRun(Protocol):
    """A file that was looked at, with what it would do. ``stopped``: why it is not carried out by one person alone."""

    @property
    def told(self) -> FileHeading: ...

    @property
    def forecast(self) -> Forecast: ...

    @property
    def stopped(self) -> str | None: ...

    def begin(self, *, above_threshold: bool) -> KnownFile:
        """Write that its run begins, or find where it was cut short."""
        ...

    def carry_on(self, count: int) -> Sequence[EntryPlan]:
        """Carry out its next entries; fewer than ``count``: those were the last."""
        ...

    def write_result(self) -> str:
        """Write what was made of each entry; answers the name of the file."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class BankFolder(Protocol):
    """Where the bank's files are laid down. Each may take as long as its file is large."""

    @property
    def profiles(self) -> Sequence[str]: ...

    def files(self, person: Person) -> Sequence[FoundFile]:
        """Those that are there, the newest first."""
        ...

    def open(self, person: Person, name: str, profile: str) -> FileBeforeRun:
        """Look at all of one, and at what it would do."""
        ...


class NoBankFolder:
    """For a till that is handed no folder."""

    profiles: Sequence[str] = ()

    def files(self, _person: Person) -> Sequence[FoundFile]:
        """Raises Refused ``no_folder``."""
        raise Refused("no_folder", "No file of a bank can be carried out from here.")

    def open(self, _person: Person, _name: str, _profile: str) -> FileBeforeRun:
        """Raises Refused ``no_folder``."""
        raise Refused("no_folder", "No file of a bank can be carried out from here.")


BringBatches = Callable[[Person, str | None], AsyncIterator[tuple[str, Delivery | str]]]
"""Bring the ledger batches that wait, or the one of a number, to the accounting system: each with what is to be noted of it,
or why it could not be brought."""


async def bring_nothing(_person: Person, _number: str | None) -> AsyncIterator[tuple[str, Delivery | str]]:
    """For a till without a way to the accounting system. Raises Refused ``not_delivered_here``."""
    raise Refused("not_delivered_here", "No batch can be brought to the accounting system from here.")
    yield  # An iterator, as the others are.
