"""The sync engine: brings the outbox to central exactly once, in order for each account, and pulls what central tells.

At least once, with a look-up by our own key before any retry after an unknown outcome, and a receiver that knows the key:
that is what "exactly once" means here. A row that central refuses for good is parked and shown, and holds up only its own
account's later rows no longer than that. No thread, no clock of its own. Source: reliability.md sections 2 and 3.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from pos.domain.payment_mode import PaymentModes
from pos.domain.ports import Clock, Randomness, Runner
from pos.store import outbox
from pos.store.cache import CacheStore
from pos.store.home import Identity
from pos.store.outbox import OutboxRow
from pos.store.unit_of_work import TillStore
from sync.client import (
    Accepted,
    CentralClient,
    Conflict,
    Later,
    LookUpOutcome,
    NotThere,
    RefusedForGood,
    SendOutcome,
    Unknown,
    Unreachable,
)
from sync.inbound import Inbound, PullReport
from sync.retry import RetryRule
from sync.tmf676.payment import payment_body

Result = TypeVar("Result")

BATCH_MAX = 500
ACCOUNTS_AT_ONCE = 8
IDLE_POLL_S = 1


@dataclass(slots=True, kw_only=True)
class SyncState:
    """What the status line tells of the wire. Online means that central answered, not that a cable is in."""

    online: bool | None = None
    since: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """One round: rows acknowledged, parked, and still waiting for central."""

    acknowledged: int
    parked: int
    waiting: int
    unreachable: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncParts:
    """What the engine works with: the two stores, the ports, the client and the rules."""

    till: TillStore
    cache: CacheStore
    identity: Identity
    modes: PaymentModes
    operator_company: str
    client: CentralClient
    clock: Clock
    randomness: Randomness
    runner: Runner
    retry: RetryRule
    pull_every_s: int


@dataclass(slots=True)
class _Round:
    """One pass over the due rows. ``unreachable`` ends it for every account."""

    acknowledged: int = 0
    parked: int = 0
    unreachable: str | None = None
    heard: bool = field(default=False)


class SyncEngine:
    """Pushes and pulls. One engine for one home; its owner runs it in one asyncio loop."""

    def __init__(self, parts: SyncParts) -> None:
        self._parts = parts
        self._inbound = Inbound(parts.till, parts.cache, parts.client, parts.clock, parts.runner)
        self.state = SyncState()

    async def push(self) -> PushReport:
        """Send what is due once. Never raises for the network."""
        now = self._parts.clock.now()
        rows = await self._till(lambda: self._due(now))
        this_round = _Round()
        gate = asyncio.Semaphore(ACCOUNTS_AT_ONCE)

        async def one_account(chain: Sequence[OutboxRow]) -> None:
            async with gate:
                for row in chain:
                    if this_round.unreachable is not None or not await self._deliver(row, this_round):
                        return

        async with asyncio.TaskGroup() as group:
            for chain in rows.values():
                group.create_task(one_account(chain))
        self._note(this_round)
        queue = await self._parts.runner.read(self._queue)
        return PushReport(
            acknowledged=this_round.acknowledged,
            parked=this_round.parked,
            waiting=queue.waiting,
            unreachable=this_round.unreachable,
        )

    async def pull(self) -> PullReport:
        """Bring accounts, bills and rates into the cache. Never raises for the network."""
        report = await self._inbound.pull()
        self._heard(report.problem is None, report.problem)
        return report

    async def drain(self, *, timeout_s: int) -> PushReport:
        """Push until nothing waits or ``timeout_s`` seconds have passed; parked rows wait for a person, not for this."""
        deadline = self._parts.clock.monotonic_s() + timeout_s
        acknowledged = parked = 0
        while True:
            report = await self.push()
            acknowledged += report.acknowledged
            parked += report.parked
            left_s = deadline - self._parts.clock.monotonic_s()
            if report.waiting == 0 or left_s <= 0:
                return PushReport(
                    acknowledged=acknowledged,
                    parked=parked,
                    waiting=report.waiting,
                    unreachable=report.unreachable,
                )
            await self._parts.clock.sleep(min(left_s, await self._wait_s()))

    async def keep_syncing(self) -> None:
        """Push as rows come due and pull every so often, until cancelled."""
        clock = self._parts.clock
        next_pull = clock.monotonic_s()
        while True:
            await self.push()
            if clock.monotonic_s() >= next_pull:
                await self.pull()
                next_pull = clock.monotonic_s() + self._parts.pull_every_s
            await clock.sleep(IDLE_POLL_S)

    def _queue(self) -> outbox.Queue:
        with self._parts.till.read() as connection:
            return outbox.queue(connection)

    async def _wait_s(self) -> float:
        """Until the next row comes due; at least a moment, so that a clock that stands still starves nobody."""
        queue = await self._parts.runner.read(self._queue)
        if queue.next_attempt_at is None:
            return 0.05
        wait = (queue.next_attempt_at - self._parts.clock.now()) / timedelta(seconds=1)
        return min(max(wait, 0.05), self._parts.retry.delay_s_max)

    def _due(self, now: datetime) -> dict[str, list[OutboxRow]]:
        """Due rows by account, in order; a row behind one that is not due yet waits for it."""
        with self._parts.till.read() as connection:
            unsent = outbox.unsent(connection, BATCH_MAX)
        chains: dict[str, list[OutboxRow]] = {}
        blocked: set[str] = set()
        for row in unsent:
            if row.state == "parked" or row.account in blocked:
                continue
            if row.next_attempt_at is not None and row.next_attempt_at > now:
                blocked.add(row.account)
                continue
            chains.setdefault(row.account, []).append(row)
        return chains

    async def _deliver(self, row: OutboxRow, this_round: _Round) -> bool:
        """One row on its way. True: the account's next row may follow."""
        body = row.body if row.body is not None else await self._till(lambda: self._freeze(row))
        if row.state in ("sent", "unknown"):
            found = await self._parts.client.find_payment(row.correlator_id)
            if not isinstance(found, NotThere):
                return await self._settle(row, found, this_round)
        await self._till(lambda: self._mark_sent(row))
        outcome = await self._parts.client.send_payment(row.correlator_id, body)
        if isinstance(outcome, Conflict):
            return await self._settle_conflict(row, outcome, this_round)
        return await self._settle(row, outcome, this_round)

    async def _settle_conflict(self, row: OutboxRow, conflict: Conflict, this_round: _Round) -> bool:
        """409 may mean "I have it": look. What is not there needs a person."""
        found = await self._parts.client.find_payment(row.correlator_id)
        if isinstance(found, NotThere):
            return await self._settle(row, RefusedForGood(conflict.reason), this_round)
        return await self._settle(row, found, this_round)

    async def _settle(self, row: OutboxRow, outcome: SendOutcome | LookUpOutcome, this_round: _Round) -> bool:
        at = self._parts.clock.now()
        match outcome:
            case Accepted(payment=seen):
                this_round.acknowledged += 1
                this_round.heard = True
                await self._till(
                    lambda: self._write(
                        lambda connection: outbox.mark_acknowledged(
                            connection,
                            row.outbox_id,
                            server_id=seen.id,
                            server_href=seen.href,
                            applied_change=seen.applied_change,
                            at=at,
                        )
                    )
                )
                return True
            case RefusedForGood(reason=reason):
                this_round.parked += 1
                this_round.heard = True
                await self._till(
                    lambda: self._write(
                        lambda connection: outbox.mark_parked(connection, row.outbox_id, reason=reason, at=at)
                    )
                )
                return True
            case Unreachable(reason=reason):
                this_round.unreachable = reason
                was_unknown = row.state in ("sent", "unknown")
                await self._again(row, unknown=was_unknown, reason=reason, retry_after_s=None, at=at)
                return False
            case Later(reason=reason, retry_after_s=wait):
                this_round.heard = True
                was_unknown = row.state in ("sent", "unknown")
                await self._again(row, unknown=was_unknown, reason=reason, retry_after_s=wait, at=at)
                return False
            case Unknown(reason=reason, retry_after_s=wait):
                await self._again(row, unknown=True, reason=reason, retry_after_s=wait, at=at)
                return False
            case _:
                raise AssertionError("every outcome is settled above")

    async def _again(
        self, row: OutboxRow, *, unknown: bool, reason: str, retry_after_s: int | None, at: datetime
    ) -> None:
        jitter = self._parts.randomness.token_bytes(1)[0]
        delay_ms = self._parts.retry.delay_ms(row.attempts + 1, jitter=jitter, retry_after_s=retry_after_s)
        await self._till(
            lambda: self._write(
                lambda connection: outbox.mark_again(
                    connection,
                    row.outbox_id,
                    unknown=unknown,
                    reason=reason,
                    next_attempt_at=at + timedelta(milliseconds=delay_ms),
                    at=at,
                )
            )
        )

    def _freeze(self, row: OutboxRow) -> bytes:
        """Compose the body and keep it before it is ever sent."""
        parts = self._parts
        with parts.till.read() as connection:
            facts = outbox.leg_facts(connection, row, parts.identity, parts.modes, parts.operator_company)
        body = payment_body(facts)
        self._write(lambda connection: outbox.freeze_body(connection, row.outbox_id, body))
        return body

    def _mark_sent(self, row: OutboxRow) -> None:
        at = self._parts.clock.now()
        self._write(lambda connection: outbox.mark_sent(connection, row.outbox_id, at=at))

    def _write(self, write: Callable[[Connection], None]) -> None:
        with self._parts.till.transaction() as unit:
            write(unit.connection)

    async def _till(self, call: Callable[[], Result]) -> Result:
        return await self._parts.runner.till(call)

    def _note(self, this_round: _Round) -> None:
        if this_round.unreachable is not None:
            self._heard(False, this_round.unreachable)
        elif this_round.heard:
            self._heard(True, None)

    def _heard(self, answered: bool, problem: str | None) -> None:
        if self.state.online != answered:
            self.state.online, self.state.since = answered, self._parts.clock.now()
        self.state.problem = problem
