"""Bringing events to listeners: at least once each, in order for each resource, until acknowledged or given up visibly.

A delivery is taken by moving the time at which it is due behind the longest that sending can take: a worker that dies leaves
it to be taken again, and of two workers only one moves it. A listener that fails as a whole rests as a whole, and is tried
with one event at a time until it answers; none waits for another, and no payment waits for any.
Source: reliability.md sections 1 (webhooks, transactional outbox) and 2.10.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from pos.domain.ports import Clock, Randomness
from sync.central.access.audit import AuditEvent, note
from sync.central.hub.event_types import listener_path
from sync.central.hub.events import IS_LET_IN, MAY_LISTEN, EventRecorder, complete, utc_text
from sync.central.hub.keys import private_keys, require_key, signature_headers
from sync.central.hub.listener_client import TIMEOUT_S, Acknowledged, ListenerClient, NotTaken, Outcome
from sync.central.hub.set_aside import LOGGER
from sync.central.store.database import CentralStore
from sync.central.wire.links import Links
from sync.retry import RetryRule

AT_ONCE = 4
"""Events on their way to one listener at a time, of as many resources."""
TAKEN_S = 3 * TIMEOUT_S
"""How long a delivery belongs to who took it; sending ends long before."""
POLL_S = 1
"""How soon the events of another worker are seen; one's own are seen at once."""
STOP_S = 5
GIVE_UP_DAYS = 7
RULE = RetryRule(delay_s_min=2, delay_s_max=3600)

_log = logging.getLogger(LOGGER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One event for one listener, taken to be sent now."""

    hub_id: str
    number: int
    callback: str
    event_id: str
    event_type: str
    body: str
    attempts: int
    keys: tuple[bytes, ...]


class EventDelivery:
    """Runs beside the server in its loop. Store calls are made inline and are short."""

    def __init__(
        self,
        store: CentralStore,
        client: ListenerClient,
        recorder: EventRecorder,
        *,
        clock: Clock,
        randomness: Randomness,
        links: Links,
        give_up_days: int = GIVE_UP_DAYS,
    ) -> None:
        self._store = store
        self._client = client
        self._told = recorder.told
        self._clock = clock
        self._randomness = randomness
        self._links = links
        self._give_up_after = timedelta(days=give_up_days)
        self._under_way: dict[asyncio.Task[Outcome], Taken] = {}
        self._stopping = False

    async def run(self) -> None:
        """Send what is due until ``stop``. A store that cannot be used now is tried again."""
        try:
            while not self._stopping:
                self._told.clear()
                try:
                    self._step()
                except Exception as error:
                    # The store cannot be used now, or a fault of our own: what waits is kept, and tried again.
                    _log.error("Events wait.", exc_info=error)
                await self._wait()
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=STOP_S)
            with suppress(SQLAlchemyError):
                self._step()
        finally:
            # What has not ended is taken to have failed and is due again; the listener knows a double by its id.
            for task in self._under_way:
                task.cancel()
            await self._client.close()

    def stop(self) -> None:
        """Take nothing more; ``run`` ends when what is under way has ended, or soon."""
        self._stopping = True
        self._told.set()

    async def _wait(self) -> None:
        """Until there is something to do: new events, an answer, or the time for a look."""
        told = asyncio.create_task(self._told.wait())
        look = asyncio.create_task(self._clock.sleep(POLL_S))
        try:
            # What has ended and could not be written down is tried again at the next look.
            under_way = {task for task in self._under_way if not task.done()}
            await asyncio.wait({told, look, *under_way}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (told, look):
                task.cancel()

    async def _send(self, taken: Taken) -> Outcome:
        body = complete(taken.body, self._links)
        headers = signature_headers(taken.keys, event_id=taken.event_id, at=self._clock.now(), body=body) | {
            "Content-Type": "application/json;charset=utf-8",
            "User-Agent": "counterfoil",
        }
        callback = taken.callback.rstrip("/").removesuffix("/listener")
        return await self._client.post(callback + listener_path(taken.event_type), headers=headers, body=body)

    def _step(self) -> None:
        """Write down how those ended that have, and take what is due; one transaction for both, and none for nothing."""
        ended = [task for task in self._under_way if task.done()]
        now = self._clock.now()
        if not ended and not self._is_any_due(now):
            return
        with self._store.write() as connection:
            for task in ended:
                self._settle(connection, self._under_way[task], _outcome_of(task), now)
            taken = [] if self._stopping else self._take(connection, now)
        for task in ended:
            del self._under_way[task]
        for one in taken:
            self._under_way[asyncio.create_task(self._send(one))] = one

    def _is_any_due(self, now: datetime) -> bool:
        with self._store.read() as connection:
            # Notes of a program that made no events of them: the recorder does before any commit.
            return bool(self._room(connection, now)) or connection.execute(ANY_NOTE).first() is not None

    def _room(self, connection: Connection, now: datetime) -> dict[str, int]:
        """The listeners that something is due for, and how many more each may have now."""
        busy = Counter(taken.hub_id for task, taken in self._under_way.items() if not task.done())
        due = connection.execute(HUBS_DUE, {"now": utc_text(now)})
        room = {hub.id: (1 if hub.failures else AT_ONCE) - busy[hub.id] for hub in due}
        return {hub_id: at_most for hub_id, at_most in room.items() if at_most > 0}

    def _take(self, connection: Connection, now: datetime) -> list[Taken]:
        room = self._room(connection, now)
        if not room:
            return []
        require_key(connection, self._randomness, at=now)
        keys = private_keys(connection)
        return [
            taken
            for hub_id, at_most in room.items()
            for taken in _take_of(connection, hub_id, at_most, now, keys)
        ]

    def _settle(self, connection: Connection, taken: Taken, outcome: Outcome, now: datetime) -> None:
        match outcome:
            case Acknowledged():
                _acknowledged(connection, taken, now)
            case NotTaken():
                self._not_taken(connection, taken, outcome, now)

    def _not_taken(self, connection: Connection, taken: Taken, outcome: NotTaken, now: datetime) -> None:
        given_up = utc_text(now - self._give_up_after)
        values = {
            "hub_id": taken.hub_id,
            "number": taken.number,
            "error": outcome.reason,
            "given_up": given_up,
        }
        due_at = self._after(now, taken.attempts, outcome)
        connection.execute(PUT_OFF, {**values, "due_at": due_at})
        connection.execute(GIVE_UP, values)
        if not outcome.whole:
            return
        failures = connection.execute(COUNT_FAILURE, {**values, "now": utc_text(now)}).scalar_one_or_none()
        if failures is not None:
            rest_until = self._after(now, failures, outcome)
            connection.execute(REST, {"hub_id": taken.hub_id, "rest_until": rest_until})
            if connection.execute(STOP, values).rowcount == 1:
                note(connection, AuditEvent.LISTENER_STOPPED, taken.hub_id, at=now)

    def _after(self, now: datetime, attempts: int, outcome: NotTaken) -> str:
        jitter = self._randomness.token_bytes(1)[0]
        delay_ms = RULE.delay_ms(attempts, jitter=jitter, retry_after_s=outcome.retry_after_s)
        return utc_text(now + timedelta(milliseconds=delay_ms))


def _take_of(
    connection: Connection, hub_id: str, at_most: int, now: datetime, keys: tuple[bytes, ...]
) -> Sequence[Taken]:
    asked = {"hub_id": hub_id, "now": utc_text(now), "at_most": at_most}
    taken: list[Taken] = []
    for row in connection.execute(FIND_DUE, asked).all():
        until = utc_text(now + timedelta(seconds=TAKEN_S))
        took = connection.execute(
            TAKE,
            {
                "hub_id": hub_id,
                "number": row.number,
                "seen": row.due_at,
                "until": until,
                "now": utc_text(now),
            },
        )
        if took.rowcount == 1:
            taken.append(
                Taken(
                    hub_id=hub_id,
                    number=row.number,
                    callback=row.callback,
                    event_id=row.id,
                    event_type=row.type,
                    body=row.body,
                    attempts=row.attempts + 1,
                    keys=keys,
                )
            )
    return taken


def _outcome_of(task: asyncio.Task[Outcome]) -> Outcome:
    """A fault of our own concerns that event only; the others go on."""
    error = task.exception()
    if error is None:
        return task.result()
    _log.error("An event cannot be sent.", exc_info=error)
    return NotTaken(reason="It cannot be sent.", whole=False)


def _acknowledged(connection: Connection, taken: Taken, now: datetime) -> None:
    values = {"hub_id": taken.hub_id, "number": taken.number}
    row = connection.execute(END_DELIVERY, values).one_or_none()
    if row is None:
        # The listener left meanwhile, or another worker was told so as well.
        return
    connection.execute(NEXT_OF_RESOURCE, {"hub_id": taken.hub_id, "resource": row.resource})
    connection.execute(END_EVENT, values)
    connection.execute(COUNT_DELIVERED, {**values, "now": utc_text(now)})


ANY_NOTE = text("SELECT 1 FROM event_due LIMIT 1")
HUBS_DUE = text(
    f"SELECT id, failures FROM hub WHERE state = 'active' AND rest_until <= :now AND {MAY_LISTEN}"
    f" AND {IS_LET_IN} AND EXISTS (SELECT 1 FROM event_delivery WHERE hub_id = hub.id AND state = 'waiting'"
    " AND due_at <= :now) ORDER BY id"
)
FIND_DUE = text(
    "SELECT event.number, event.id, event.type, event.body, hub.callback, due_at, attempts FROM event_delivery"
    " JOIN event ON event.number = event_number JOIN hub ON hub.id = hub_id"
    " WHERE hub_id = :hub_id AND event_delivery.state = 'waiting' AND due_at <= :now"
    " ORDER BY due_at, event_number LIMIT :at_most"
)
TAKE = text(
    "UPDATE event_delivery SET due_at = :until, attempts = attempts + 1, last_error = NULL,"
    " first_tried_at = coalesce(first_tried_at, :now)"
    " WHERE hub_id = :hub_id AND event_number = :number AND state = 'waiting' AND due_at = :seen"
)
END_DELIVERY = text(
    "DELETE FROM event_delivery WHERE hub_id = :hub_id AND event_number = :number RETURNING resource"
)
NEXT_OF_RESOURCE = text(
    "UPDATE event_delivery SET state = 'waiting' WHERE hub_id = :hub_id AND state = 'held'"
    " AND event_number = (SELECT min(event_number) FROM event_delivery"
    " WHERE hub_id = :hub_id AND resource = :resource)"
)
END_EVENT = text(
    "DELETE FROM event WHERE number = :number"
    " AND NOT EXISTS (SELECT 1 FROM event_delivery WHERE event_number = :number)"
)
COUNT_DELIVERED = text(
    "UPDATE hub SET delivered = delivered + 1, delivered_at = :now, failures = 0, failing_since = NULL,"
    " rest_until = '', last_error = NULL WHERE id = :hub_id"
)
PUT_OFF = text(
    "UPDATE event_delivery SET due_at = :due_at, last_error = :error"
    " WHERE hub_id = :hub_id AND event_number = :number AND state = 'waiting'"
)
GIVE_UP = text(
    "UPDATE event_delivery SET state = 'dead'"
    " WHERE hub_id = :hub_id AND event_number = :number AND state = 'waiting' AND first_tried_at < :given_up"
)
# Several that were under way together are one failure of the listener.
COUNT_FAILURE = text(
    "UPDATE hub SET failures = failures + 1, failing_since = coalesce(failing_since, :now), last_error = :error"
    " WHERE id = :hub_id AND rest_until <= :now RETURNING failures"
)
REST = text("UPDATE hub SET rest_until = :rest_until WHERE id = :hub_id")
# Nothing at all was acknowledged for so long.
STOP = text(
    "UPDATE hub SET state = 'stopped' WHERE id = :hub_id AND state = 'active' AND failing_since IS NOT NULL"
    " AND failing_since < :given_up"
)
