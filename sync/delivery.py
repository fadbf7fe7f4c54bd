"""One row of the outbox on its way: composed once, sent, and settled by what central answers.

At least once, with a look-up by our own key before any retry after an unknown outcome, and a receiver that knows the key:
that is what "exactly once" means here. Source: reliability.md sections 2 and 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
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
from sync.client import CentralClient
from sync.compose import Speaker, compose
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
from sync.retold import retold
from sync.retry import RetryRule

Result = TypeVar("Result")
Outcome = TypeVar("Outcome")

NOTHING = b"{}"
"""The body of a row that is never sent."""
REFUNDS = (REFUND, REFUND_ACROSS, MOVED_REFUND)
"""The kinds that a server of the standard takes as refunds."""
FOR_OTHERS = (MOVED, MOVED_REFUND)
"""The kinds that our central, which takes moves as they are, is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncParts:
    """What the engine works with: the two stores, the ports, the client and the rules.

    ``boot`` names the machine's run in which the monotonic clock counts, ``cash_office`` the shop's, if it has one.
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
    cash_office: str = ""


@dataclass(slots=True)
class Round:
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


class Delivery:
    """Brings rows on their way. ``ended``: whether no further request may leave in a round."""

    def __init__(self, parts: SyncParts, ended: Callable[[Round], bool]) -> None:
        self._parts = parts
        self._ended = ended

    async def deliver(self, row: OutboxRow, this_round: Round) -> bool:
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

    async def _ask_places(self, row: OutboxRow, this_round: Round) -> bool | None:
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

    def _has_place(self, announced: str, this_round: Round) -> bool:
        return this_round.places is not None and announced in this_round.places

    async def _not_taken_now(self, row: OutboxRow, this_round: Round) -> bool:
        """A gateway answered, or an older central of ours: it would never hear of it."""
        return await self._settle(row, Later("central does not take this now", None), this_round)

    async def _keep(self, row: OutboxRow, body: bytes, this_round: Round) -> bool:
        """The server has no place for the row, or needs none."""
        at = self._parts.clock.now()
        await self._till(
            lambda: self._write(lambda connection: outbox.mark_kept(connection, row.outbox_id, body, at=at))
        )
        this_round.acknowledged += 1
        return True

    async def _deliver_message(self, row: OutboxRow, body: bytes, this_round: Round) -> bool:
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
        self, row: OutboxRow, body: bytes, conflict: Conflict, this_round: Round, by_standard: bool
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

    async def _settle(self, row: OutboxRow, outcome: SendOutcome | LookUpOutcome, this_round: Round) -> bool:
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
            return (
                outbox.counts_changes(connection, row)
                if row.payment_event_id
                else outbox.last_counted(connection)
            )

    def _mark_sent(self, row: OutboxRow) -> None:
        at = self._parts.clock.now()
        self._write(lambda connection: outbox.mark_sent(connection, row.outbox_id, at=at))

    def _write(self, write: Callable[[Connection], None]) -> None:
        with self._parts.till.transaction() as unit:
            write(unit.connection)

    async def _till(self, call: Callable[[], Result]) -> Result:
        return await self._parts.runner.till(call)


def _as_told(outcome: Outcome, by_standard: bool) -> Outcome:
    """A move that was told in two messages is known by the payments that the server lists, whatever it counts."""
    if by_standard and isinstance(outcome, Accepted):
        return replace(outcome, payment=replace(outcome.payment, applied_change=None))
    return outcome
