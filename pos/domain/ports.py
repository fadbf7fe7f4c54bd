"""The ports through which the outside world comes in: clock, randomness, network, disk, printer, card terminal.

The real ones are in ``pos.machine`` and ``sync.link``; the simulation brings its own. Nothing else in the product
may ask the machine for the time, for randomness or for a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from pos.domain.card import CardAsked, CardOutcome, ReversalOutcome, TerminalReference, TotalsOutcome
from pos.domain.money import Currency

Result = TypeVar("Result")


class Clock(Protocol):
    """Wall time and monotonic time. Wall time may jump; monotonic time may not."""

    def now(self) -> datetime:
        """The wall clock as an aware datetime in the shop's zone (so that the UTC offset is known)."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary start; never goes back. For time-outs only, never for money."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait without holding up anything else."""
        ...


class Randomness(Protocol):
    """Unpredictable bytes: ids, salts, keys, jitter."""

    def token_bytes(self, count: int) -> bytes:
        """``count`` bytes nobody can guess."""
        ...


class Runner(Protocol):
    """Where store calls run: a thread for each file in production, inline in tests and in the simulation."""

    async def till(self, call: Callable[[], Result]) -> Result:
        """Run on the one writer of the till's file."""
        ...

    async def cache(self, call: Callable[[], Result]) -> Result:
        """Run on the one writer of the cache."""
        ...

    async def read(self, call: Callable[[], Result]) -> Result:
        """Run a read-only enquiry."""
        ...

    async def paper(self, call: Callable[[], Result]) -> Result:
        """Make or print a paper: it may take long, and nothing else waits for it."""
        ...

    async def drawer(self, call: Callable[[], Result]) -> Result:
        """Open the drawer, behind nothing."""
        ...

    async def folder(self, call: Callable[[], Result]) -> Result:
        """Use a folder that may lie on a network: it may take long, and nothing else waits for it."""
        ...


class Printer(Protocol):
    """Takes one rendered paper. Raises ``PrinterUnavailable`` when it cannot; money never depends on it."""

    def put(self, *, name: str, content: bytes) -> None:
        """Deliver ``content`` under ``name`` (a file name made of a receipt number, never of user text)."""
        ...


class Drawer(Protocol):
    """The cash drawer. Raises ``PrinterUnavailable`` when it cannot be reached; money never depends on it."""

    def open(self) -> None:
        """Let it spring open now; never later, when nobody stands there."""
        ...


class PrinterUnavailable(Exception):
    """The paper did not come out; the row stays in the print queue."""


class PinHasher(Protocol):
    """How PINs are hashed; the real one is argon2id with the home's pepper."""

    def hash(self, pin: str) -> str:
        """A salted hash to keep."""
        ...

    def matches(self, pin_hash: str | None, pin: str) -> bool:
        """Whether ``pin`` is the one behind ``pin_hash``; takes as long for an unknown person (None)."""
        ...


class CardTerminal(Protocol):
    """A payment terminal for cards, on the wire. No method ever raises for the network: every fault is an outcome.

    An attempt is known to it by our own id, so that it can be asked about again.
    """

    @property
    def terminal_id(self) -> str:
        """What it is called on slips."""
        ...

    async def authorise(self, asked: CardAsked) -> CardOutcome:
        """Have the card charged with the whole amount; once for an attempt, never again."""
        ...

    async def abort(self, asked: CardAsked) -> None:
        """Ask it to stop; what came of the attempt is told by the answer to ``authorise``."""
        ...

    async def status(self, asked: CardAsked) -> CardOutcome:
        """What became of the attempt, if the terminal knows."""
        ...

    async def reverse(
        self, asked: CardAsked, reference: TerminalReference | None, *, number: int
    ) -> ReversalOutcome:
        """Undo an approved attempt: the reversal of this number, from 1, once. CardNotReached: it was not sent."""
        ...

    async def reversal_status(self, asked: CardAsked, *, number: int) -> ReversalOutcome:
        """What became of the reversal of this number; ReversalRefused also where the terminal never heard of it."""
        ...

    async def reconcile(self, in_currency: Currency, *, previous: bool = False) -> TotalsOutcome:
        """Close its period and tell the totals; ``previous``: those of the period closed last, once more."""
        ...
