"""What central holds for a payment or refund that did not come: let go in each round of the wire, the oldest first.

One that central keeps waits longer each time, alone. Source: reliability.md section 3.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from pos.domain.ports import Clock, Randomness, Runner
from pos.store import refunds_across, vouchers
from pos.store.unit_of_work import TillStore
from sync.client import CentralClient
from sync.refunds_elsewhere import CentralRefunds
from sync.retry import RetryRule
from sync.vouchers import CentralVouchers

RELEASES_FAILED_MAX = 3
"""Holds that central does not let go of end the round: each may take its time-out."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A hold that waits to be let go, of a voucher or (``refund``) of another terminal's payment."""

    hold_id: str
    refund: bool


@dataclass(slots=True)
class _Release:
    """How often central did not let go of a hold, and when it is asked again (monotonic seconds)."""

    failed: int = 0
    after_s: float = 0.0


class Releases:
    """Lets go of what was given up. One for one engine."""

    def __init__(
        self,
        client: CentralClient,
        till: TillStore,
        retry: RetryRule,
        clock: Clock,
        randomness: Randomness,
        runner: Runner,
    ) -> None:
        self._client = client
        self._till = till
        self._retry = retry
        self._clock = clock
        self._randomness = randomness
        self._runner = runner
        self._tried: dict[_Held, _Release] = {}

    async def run(self, ended: Callable[[], bool]) -> None:
        """Ask once for each whose time has come, until ``ended`` says that no more may leave."""
        if await self._runner.read(self._has_open_refunds):
            await self._runner.till(self._abandon_stale)
        holds = await self._runner.read(self._holds)
        self._tried = {held: self._tried.get(held, _Release()) for held in holds}
        failed = 0
        for held, release in self._tried.items():
            if ended() or failed == RELEASES_FAILED_MAX:
                return
            if self._clock.monotonic_s() < release.after_s:
                continue
            if await self._let_go(held):
                await self._runner.till(partial(self._released, held))
                continue
            failed += 1
            release.failed += 1
            jitter = self._randomness.token_bytes(1)[0]
            delay_ms = self._retry.delay_ms(release.failed, jitter=jitter)
            release.after_s = self._clock.monotonic_s() + delay_ms / 1000

    def _let_go(self, held: _Held) -> Awaitable[bool]:
        if held.refund:
            return CentralRefunds(self._client).release(held.hold_id)
        return CentralVouchers(self._client).release(held.hold_id)

    def _holds(self) -> list[_Held]:
        with self._till.read() as connection:
            return [_Held(hold_id, False) for hold_id in vouchers.holds_to_release(connection)] + [
                _Held(hold_id, True) for hold_id in refunds_across.holds_to_release(connection)
            ]

    def _has_open_refunds(self) -> bool:
        with self._till.read() as connection:
            return refunds_across.has_open_holds(connection)

    def _abandon_stale(self) -> None:
        at = self._clock.now()
        self._write(lambda connection: refunds_across.abandon_stale_holds(connection, at=at))

    def _released(self, held: _Held) -> None:
        at = self._clock.now()
        mark = refunds_across.mark_released if held.refund else vouchers.mark_released
        self._write(lambda connection: mark(connection, held.hold_id, at=at))

    def _write(self, write: Callable[[Connection], None]) -> None:
        with self._till.transaction() as unit:
            write(unit.connection)
