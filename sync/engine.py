"""The sync engine: brings the outbox to central exactly once, in order for each queue, and pulls what central tells.

A row that central refuses for good is parked and shown, and holds up only its own queue's later rows no longer than that.
No thread, no clock of its own. Source: reliability.md sections 2 and 3.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pos.store import outbox
from pos.store.outbox import OutboxRow
from pos.till.mandates_elsewhere import MandatesDesk
from sync.approvals_elsewhere import CentralApprovals
from sync.delivery import Delivery, Round, SyncParts
from sync.heads import Heads
from sync.inbound import Inbound, KeepCheques, PullReport
from sync.ledger.told import BatchesTold
from sync.mandates import MandatesShared
from sync.releases import Releases
from sync.retry import RETRY_AFTER_MAX_S
from sync.roster import Roster, RosterPorts
from sync.second_persons import SecondPersons
from sync.sessions import Sessions
from sync.shift_totals import ShiftTotals
from sync.shop.bags import ShopBags
from sync.shop.tills import ShopTills

BATCH_MAX = 500
QUEUES_AT_ONCE = 8
IDLE_POLL_S = 1


@dataclass(slots=True, kw_only=True)
class SyncState:
    """What the status line tells of the wire. Online means that central answered, not that a cable is in.

    ``barred``: it answered that this till may do nothing.
    """

    online: bool | None = None
    since: datetime | None = None
    problem: str | None = None
    barred: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """One round: rows acknowledged, parked, and still waiting for central."""

    acknowledged: int
    parked: int
    waiting: int
    unreachable: str | None


class SyncEngine:
    """Pushes and pulls. One engine for one home; its owner runs it in one asyncio loop."""

    def __init__(self, parts: SyncParts) -> None:
        self._parts = parts
        keep_cheques = KeepCheques(
            terminal=parts.identity.terminal,
            epoch=parts.identity.epoch,
            stale_after_days=parts.stale_after_days,
        )
        self._inbound = Inbound(
            parts.till,
            parts.cache,
            parts.client,
            parts.clock,
            parts.runner,
            keep_cheques=keep_cheques,
            boot=parts.boot,
        )
        self._delivery = Delivery(parts, self._ended)
        self._turn = asyncio.Lock()
        self._quiet_until_s = 0.0
        parts.client.heed = self._keep_quiet
        self._releases = Releases(
            parts.client, parts.till, parts.retry, parts.clock, parts.randomness, parts.runner
        )
        self.state = SyncState()
        self._shift_totals = ShiftTotals(
            parts.client, parts.till, parts.identity, clock=parts.clock, runner=parts.runner
        )
        self._batches = BatchesTold(
            parts.client, parts.till, parts.identity, clock=parts.clock, runner=parts.runner
        )
        self._roster = Roster(
            parts.client,
            parts.till,
            parts.cache,
            parts.identity,
            ports=RosterPorts(clock=parts.clock, randomness=parts.randomness, runner=parts.runner),
        )
        self._mandates = MandatesShared(
            parts.client,
            MandatesDesk(
                till=parts.till,
                terminal=parts.identity.terminal,
                clock=parts.clock,
                randomness=parts.randomness,
            ),
            parts.cache,
            epoch=parts.identity.epoch,
            runner=parts.runner,
        )
        self._heads = Heads(parts.client, parts.till, parts.identity, clock=parts.clock, runner=parts.runner)
        self._shop_bags = ShopBags(
            parts.client,
            parts.till,
            parts.cache,
            parts.identity,
            clock=parts.clock,
            runner=parts.runner,
            is_office=parts.cash_office == parts.identity.terminal,
        )
        self._shop_tills = ShopTills(
            parts.client,
            parts.till,
            parts.cache,
            parts.identity,
            clock=parts.clock,
            runner=parts.runner,
            cash_office=parts.cash_office,
        )
        self._second_persons = SecondPersons(
            CentralApprovals(parts.client),
            parts.till,
            parts.identity,
            clock=parts.clock,
            runner=parts.runner,
            boot=parts.boot,
        )
        self.sessions = Sessions(parts.client, parts.clock, parts.identity.terminal)

    async def push(self) -> PushReport:
        """Send what is due once. Never raises for the network."""
        return await self._push(until_s=None)

    async def _push(self, *, until_s: float | None) -> PushReport:
        # Two rounds at once would send the same rows.
        async with self._turn:
            return await self._one_round(Round(until_s=until_s))

    async def _one_round(self, this_round: Round) -> PushReport:
        now = self._parts.clock.now()
        rows = await self._parts.runner.till(lambda: self._due(now))
        gate = asyncio.Semaphore(QUEUES_AT_ONCE)

        async def one_queue(chain: Sequence[OutboxRow]) -> None:
            async with gate:
                for row in chain:
                    if self._ended(this_round) or not await self._delivery.deliver(row, this_round):
                        return

        try:
            async with asyncio.TaskGroup() as group:
                for chain in rows.values():
                    group.create_task(one_queue(chain))
        except* Exception as faults:
            # The store's first fault says it all; a group of them would be met by nobody.
            raise faults.exceptions[0] from None
        await self._releases.run(lambda: self._ended(this_round))
        self._note(this_round)
        if this_round.named:
            await self._parts.runner.cache(lambda: self._inbound.catch_up(this_round.named))
        if not self._ended(this_round):
            await self._second_persons.exchange()
            await self._tell_head()
        queue = await self._parts.runner.read(self._queue)
        return PushReport(
            acknowledged=this_round.acknowledged,
            parked=this_round.parked,
            waiting=queue.waiting,
            unreachable=this_round.unreachable,
        )

    async def pull(self) -> PullReport:
        """Bring accounts, bills and rates into the cache. Never raises for the network."""
        quiet_s = self.quiet_s()
        if quiet_s > 0:
            problem = f"central asked not to be asked for {quiet_s:.0f} s"
            return PullReport(accounts=0, bills=0, rates=0, skipped=0, problem=problem)
        report = await self._inbound.pull()
        refused = self._parts.client.barred is not None
        self._heard(refused or report.problem is None, report.problem)
        if report.problem is None:
            self._shop_bags.ask_again()
            await self._tell_head()
            if "shopTills" in self._inbound.announced and self.quiet_s() == 0:
                await self._shop_tills.exchange()
            if "mandates" in self._inbound.announced and self.quiet_s() == 0:
                await self._mandates.take()
            if "people" in self._inbound.announced and self.quiet_s() == 0:
                self.sessions.people_changed(await self._roster.take())
        return report

    async def _tell_head(self) -> None:
        """What central has a place for, as it said at the last pull; the first pull of a process tells the first."""
        if "heads" in self._inbound.announced and self.quiet_s() == 0:
            await self._heads.tell()
        if "shiftTotals" in self._inbound.announced and self.quiet_s() == 0:
            await self._shift_totals.tell()
        if "ledgerBatches" in self._inbound.announced and self.quiet_s() == 0:
            await self._batches.tell()
        if "shopBags" in self._inbound.announced and self.quiet_s() == 0:
            await self._shop_bags.tell()
        if "mandates" in self._inbound.announced and self.quiet_s() == 0:
            await self._mandates.tell()
        if "personChanges" in self._inbound.announced and self.quiet_s() == 0:
            await self._roster.tell()

    async def drain(self, *, timeout_s: int) -> PushReport:
        """Push until nothing waits or ``timeout_s`` seconds have passed; parked rows wait for a person, not for this.

        So does everything where central lets this till do nothing.
        """
        deadline = self._parts.clock.monotonic_s() + timeout_s
        acknowledged = parked = 0
        while True:
            report = await self._push(until_s=deadline)
            acknowledged += report.acknowledged
            parked += report.parked
            left_s = deadline - self._parts.clock.monotonic_s()
            if report.waiting == 0 or left_s <= 0 or self.state.barred is not None:
                return PushReport(
                    acknowledged=acknowledged,
                    parked=parked,
                    waiting=report.waiting,
                    unreachable=report.unreachable,
                )
            wait_s = max(await self._wait_s(), self.quiet_s())
            if report.unreachable is not None:
                wait_s = max(wait_s, self._parts.retry.delay_s_min)
            await self._parts.clock.sleep(min(left_s, wait_s))

    def now(self) -> SyncState:
        """The state of this moment, for the status line."""
        return self.state

    async def keep_syncing(self) -> None:
        """Push as rows come due and pull every so often, until cancelled.

        A fault of the program or the store is shown in the state and tried again: the till goes on selling without a wire,
        and its rows stay.
        """
        clock = self._parts.clock
        next_pull = clock.monotonic_s()
        while True:
            try:
                await self.push()
                if clock.monotonic_s() >= next_pull:
                    next_pull = clock.monotonic_s() + self._parts.pull_every_s
                    await self.pull()
                if "session" in self._inbound.announced:
                    await self.sessions.exchange()
            except Exception as fault:  # the loop's outermost edge
                self._heard(False, f"{type(fault).__name__}: the wire has a fault")
                await clock.sleep(self._parts.retry.delay_s_max)
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
        """Due rows by queue, in order."""
        with self._parts.till.read() as connection:
            due = outbox.due(connection, now=now, limit=BATCH_MAX)
        chains: dict[str, list[OutboxRow]] = {}
        for row in due:
            chains.setdefault(row.queue, []).append(row)
        return chains

    def _ended(self, this_round: Round) -> bool:
        """Whether no further request may leave in this round."""
        too_late = this_round.until_s is not None and self._parts.clock.monotonic_s() >= this_round.until_s
        return this_round.unreachable is not None or too_late or self.quiet_s() > 0

    def _keep_quiet(self, retry_after_s: int) -> None:
        """Retry-After is asked of the client, not of one row: nothing leaves by itself before it."""
        until_s = self._parts.clock.monotonic_s() + min(retry_after_s, RETRY_AFTER_MAX_S)
        self._quiet_until_s = max(self._quiet_until_s, until_s)

    def quiet_s(self) -> float:
        """For how many seconds central asked to hear nothing that nobody waits for."""
        return max(self._quiet_until_s - self._parts.clock.monotonic_s(), 0.0)

    def _note(self, this_round: Round) -> None:
        if this_round.unreachable is not None:
            self._heard(False, this_round.unreachable)
        elif this_round.heard:
            self._heard(True, None)

    def _heard(self, answered: bool, problem: str | None) -> None:
        if self.state.online != answered:
            self.state.online, self.state.since = answered, self._parts.clock.now()
        self.state.problem, self.state.barred = problem, self._parts.client.barred
