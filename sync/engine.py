"""The sync engine: brings the outbox to central exactly once, in order for each queue, and pulls what central tells.

At least once, with a look-up by our own key before any retry after an unknown outcome, and a receiver that knows the key:
that is what "exactly once" means here. A row that central refuses for good is parked and shown, and holds up only its own
queue's later rows no longer than that. No thread, no clock of its own. Source: reliability.md sections 2 and 3.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from pos.domain.errors import Refused
from pos.domain.payment_mode import PaymentModes
from pos.domain.ports import Clock, Randomness, Runner
from pos.store import outbox
from pos.store.cache import CacheStore
from pos.store.home import Identity
from pos.store.moved import Kept, is_moving
from pos.store.outbox import MOVED, MOVED_REFUND, REFUND, OutboxRow
from pos.store.refunds_across import REFUND_ACROSS
from pos.store.unit_of_work import TillStore
from sync.approvals_elsewhere import CentralApprovals
from sync.client import CentralClient
from sync.compose import Speaker, compose
from sync.heads import Heads
from sync.inbound import Inbound, KeepCheques, PullReport
from sync.messages import MESSAGES
from sync.outcomes import (
    Accepted,
    Conflict,
    Later,
    LookUpOutcome,
    NotThere,
    RefusedForGood,
    SendOutcome,
    Unknown,
    Unreachable,
)
from sync.refund_wire import ANNOUNCED, is_move
from sync.releases import Releases
from sync.retold import retold
from sync.retry import RETRY_AFTER_MAX_S, RetryRule
from sync.roster import Roster, RosterPorts
from sync.second_persons import SecondPersons
from sync.sessions import Sessions
from sync.shift_totals import ShiftTotals

Result = TypeVar("Result")
Outcome = TypeVar("Outcome")

BATCH_MAX = 500
QUEUES_AT_ONCE = 8
IDLE_POLL_S = 1
NOTHING = b"{}"
"""The body of a row that is never sent."""
REFUNDS = (REFUND, REFUND_ACROSS, MOVED_REFUND)
"""The kinds that a server of the standard takes as refunds."""
FOR_OTHERS = (MOVED, MOVED_REFUND)
"""The kinds that our central, which takes moves as they are, is not told."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncParts:
    """What the engine works with: the two stores, the ports, the client and the rules.

    ``boot`` names the machine's run in which the monotonic clock counts.
    """

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
    stale_after_days: int
    boot: str = ""


@dataclass(slots=True)
class _Round:
    """One pass over the due rows. ``unreachable`` ends it for every queue, and so does ``until_s`` (monotonic).

    ``named`` are rows whose payment only the server's id tells from others, where that id has just become known.
    ``places`` None: central was not asked yet what it has a place for.
    """

    until_s: float | None
    acknowledged: int = 0
    parked: int = 0
    unreachable: str | None = None
    heard: bool = field(default=False)
    named: list[OutboxRow] = field(default_factory=list)
    places: frozenset[str] | None = None


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
            parts.till, parts.cache, parts.client, parts.clock, parts.runner, keep_cheques=keep_cheques
        )
        self._turn = asyncio.Lock()
        self._quiet_until_s = 0.0
        parts.client.heed = self._keep_quiet
        self._releases = Releases(
            parts.client, parts.till, parts.retry, parts.clock, parts.randomness, parts.runner
        )
        self.state = SyncState()
        self._shift_totals = ShiftTotals(parts.client, parts.till, parts.identity, runner=parts.runner)
        self._roster = Roster(
            parts.client,
            parts.till,
            parts.cache,
            parts.identity,
            ports=RosterPorts(clock=parts.clock, randomness=parts.randomness, runner=parts.runner),
        )
        self._heads = Heads(parts.client, parts.till, parts.identity, clock=parts.clock, runner=parts.runner)
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
            return await self._one_round(_Round(until_s=until_s))

    async def _one_round(self, this_round: _Round) -> PushReport:
        now = self._parts.clock.now()
        rows = await self._till(lambda: self._due(now))
        gate = asyncio.Semaphore(QUEUES_AT_ONCE)

        async def one_queue(chain: Sequence[OutboxRow]) -> None:
            async with gate:
                for row in chain:
                    if self._ended(this_round) or not await self._deliver(row, this_round):
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
            await self._tell_head()
            if "people" in self._inbound.announced and self.quiet_s() == 0:
                self.sessions.people_changed(await self._roster.take())
        return report

    async def _tell_head(self) -> None:
        """What central has a place for, as it said at the last pull; the first pull of a process tells the first."""
        if "heads" in self._inbound.announced and self.quiet_s() == 0:
            await self._heads.tell()
        if "shiftTotals" in self._inbound.announced and self.quiet_s() == 0:
            await self._shift_totals.tell()
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

    def _ended(self, this_round: _Round) -> bool:
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

    async def _deliver(self, row: OutboxRow, this_round: _Round) -> bool:
        """One row on its way. True: the queue's next row may follow."""
        by_standard = False
        if row.kind in FOR_OTHERS or (row.kind == REFUND and await self._is_moving(row)):
            asked = await self._ask_places(row, this_round)
            if asked is not None:
                return asked
            by_standard = not self._has_place(ANNOUNCED, this_round)
            if by_standard and await self._parts.runner.read(lambda: self._is_of_ours(row)):
                return await self._not_taken_now(row, this_round)
            if row.kind in FOR_OTHERS and not by_standard:
                return await self._keep(row, NOTHING, this_round)
        try:
            body = (
                row.body if row.body is not None else await self._till(lambda: self._freeze(row, by_standard))
            )
        except Refused as refusal:
            # What cannot be composed (a mode that is gone from the settings) holds up nothing else.
            return await self._settle(row, RefusedForGood(refusal.message), this_round)
        if isinstance(body, Kept):
            return await self._keep(row, NOTHING, this_round)
        if body is None:
            # What it is about has just been parked: what became of it can wait.
            return True
        if row.kind in MESSAGES:
            return await self._deliver_message(row, body, this_round)
        if by_standard and row.kind == REFUND and is_move(body):
            # Composed for a central of ours, which is another's now.
            return await self._keep(row, body, this_round)
        if row.state in ("sent", "unknown"):
            found = await self._find(row)
            if not isinstance(found, NotThere):
                return await self._settle(row, _as_told(found, by_standard), this_round)
            if self._ended(this_round):
                return False
        await self._till(lambda: self._mark_sent(row))
        client = self._parts.client
        send = client.send_refund if row.kind in REFUNDS else client.send_payment
        outcome = await send(row.correlator_id, body)
        if isinstance(outcome, Conflict):
            return await self._settle_conflict(row, body, outcome, this_round, by_standard)
        return await self._settle(row, _as_told(outcome, by_standard), this_round)

    async def _find(self, row: OutboxRow) -> LookUpOutcome:
        client = self._parts.client
        find = client.find_refund if row.kind in REFUNDS else client.find_payment
        return await find(row.correlator_id)

    async def _ask_places(self, row: OutboxRow, this_round: _Round) -> bool | None:
        """Once a round, what this server has a place for; what becomes of the row where it gave no answer to that."""
        if this_round.places is not None:
            return None
        told = await self._parts.client.places()
        if isinstance(told, Unknown):
            # Only the question is without an answer; the message itself has not left.
            told = Later(told.reason, told.retry_after_s)
        if isinstance(told, Unreachable | Later):
            return await self._settle(row, told, this_round)
        this_round.places = told
        return False if self._ended(this_round) else None

    def _has_place(self, announced: str, this_round: _Round) -> bool:
        return this_round.places is not None and announced in this_round.places

    async def _not_taken_now(self, row: OutboxRow, this_round: _Round) -> bool:
        """A gateway answered, or an older central of ours: it would never hear of it."""
        return await self._settle(row, Later("central does not take this now", None), this_round)

    async def _keep(self, row: OutboxRow, body: bytes, this_round: _Round) -> bool:
        """The server has no place for the row, or needs none."""
        at = self._parts.clock.now()
        await self._till(
            lambda: self._write(lambda connection: outbox.mark_kept(connection, row.outbox_id, body, at=at))
        )
        this_round.acknowledged += 1
        return True

    async def _deliver_message(self, row: OutboxRow, body: bytes, this_round: _Round) -> bool:
        """Our central knows it by its key, so that sending again needs no look-up; another server has no place for it."""
        message = MESSAGES[row.kind]
        asked = await self._ask_places(row, this_round)
        if asked is not None:
            return asked
        if not self._has_place(message.announced, this_round):
            if await self._parts.runner.read(lambda: self._is_of_ours(row)):
                return await self._not_taken_now(row, this_round)
            return await self._keep(row, body, this_round)
        await self._till(lambda: self._mark_sent(row))
        outcome = await self._parts.client.tell(message.resource, row.correlator_id, body)
        # What our central refuses it refuses otherwise: this says that somebody has the request already.
        return await self._settle(
            row, Unknown(outcome.reason) if isinstance(outcome, Conflict) else outcome, this_round
        )

    async def _settle_conflict(
        self, row: OutboxRow, body: bytes, conflict: Conflict, this_round: _Round, by_standard: bool
    ) -> bool:
        """409 may mean "I have it": look, unless quiet was asked for meanwhile. What is not there needs a person.

        A number that a copy of this till has used for another payment is given up for one of the enrolment that the till
        has begun since; before that the payment waits for it, parked.
        """
        if self._ended(this_round):
            return await self._settle(row, Unknown(conflict.reason), this_round)
        found = await self._find(row)
        if isinstance(found, NotThere):
            own = self._parts.identity
            again = retold(body, own.epoch) if conflict.number_taken and row.kind == outbox.PAYMENT else None
            if again is None:
                return await self._settle(row, RefusedForGood(conflict.reason), this_round)
            outcome = await self._parts.client.send_payment(row.correlator_id, again)
            if isinstance(outcome, Conflict):
                outcome = RefusedForGood(outcome.reason)
            return await self._settle(row, _as_told(outcome, by_standard), this_round)
        return await self._settle(replace(row, state="unknown"), _as_told(found, by_standard), this_round)

    async def _settle(self, row: OutboxRow, outcome: SendOutcome | LookUpOutcome, this_round: _Round) -> bool:
        at = self._parts.clock.now()
        match outcome:
            case Accepted(payment=seen):
                this_round.acknowledged += 1
                this_round.heard = True
                if seen.applied_change is None:
                    this_round.named.append(row)
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
                    attempts=row.attempts + 1,
                    unknown=unknown,
                    reason=reason,
                    next_attempt_at=at + timedelta(milliseconds=delay_ms),
                    at=at,
                )
            )
        )

    def _freeze(self, row: OutboxRow, by_standard: bool) -> bytes | Kept | None:
        """Compose the body and keep it before it is ever sent; None for what waits for its leg, KEPT where none is sent."""
        parts = self._parts
        speaker = Speaker(identity=parts.identity, modes=parts.modes, company=parts.operator_company)
        with parts.till.read() as connection:
            body = compose(connection, row, speaker, by_standard=by_standard)
        if isinstance(body, bytes):
            frozen = body
            self._write(lambda connection: outbox.freeze_body(connection, row.outbox_id, frozen))
        return body

    async def _is_moving(self, row: OutboxRow) -> bool:
        def ask() -> bool:
            with self._parts.till.read() as connection:
                return is_moving(connection, row.outbox_id)

        return await self._parts.runner.read(ask)

    def _is_of_ours(self, row: OutboxRow) -> bool:
        """Whether what ``row`` is about lies at a central of our own."""
        if self._parts.client.addresses.own is None:
            return False
        with self._parts.till.read() as connection:
            return outbox.counts_changes(connection, row)

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
        self.state.problem, self.state.barred = problem, self._parts.client.barred


def _as_told(outcome: Outcome, by_standard: bool) -> Outcome:
    """A move that was told in two messages is known by the payments that the server lists, whatever it counts."""
    if by_standard and isinstance(outcome, Accepted):
        return replace(outcome, payment=replace(outcome.payment, applied_change=None))
    return outcome
