"""Events, made in the transaction that they tell of: none without its commit, no commit without them.

The store's own triggers note what a transaction touched (``event_due``), so that no writer can forget it. Before the commit
each noted resource is read as it stands now and compared with what it was; who wants the event has it waiting from then on.
A program that writes past this (a database shell) leaves its notes, and the next transaction makes the events. A note that
no event can be made of is set aside: money is not refused over it (``set_aside``).

Addresses are written without the server's name and completed at each delivery, so that a moved server moves its links.
Source: reliability.md sections 1 (transactional outbox) and 2.3; tmf.md section 2.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from pos.domain.money import Money, currency
from pos.domain.ports import Clock
from sync.central.bills.bills import BILLS
from sync.central.bills.on_demand import BILLS_ON_DEMAND
from sync.central.hub.event_types import Api, Change, Kind, envelope
from sync.central.hub.query import Conditions, read_query, wants
from sync.central.hub.set_aside import set_aside
from sync.central.payments.payments import PAYMENTS, with_href
from sync.central.refunds.refunds import REFUNDS, refund_with_href
from sync.central.store.driver_sql import straight
from sync.central.wire.callers import asked_by
from sync.central.wire.errors import ApiError
from sync.central.wire.links import Links
from sync.central.wire.listing import fetch_one
from sync.central.wire.query import Resource
from sync.wire_json import dumps, loads, money_json

HERE = "central:"
"""Stands in a waiting event for this server's own address."""

COLLECTIONS = {
    Kind.PAYMENT: PAYMENTS,
    Kind.REFUND: REFUNDS,
    Kind.BILL: BILLS,
    Kind.BILL_ON_DEMAND: BILLS_ON_DEMAND,
}
STATE_OF = {"status": "statusDate"}
"""The attribute that is a payment's or refund's state, and the one that only dates it."""


class EventRecorder:
    """Makes the events of each write transaction; ``told`` is set when there are new ones to send."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.told = asyncio.Event()

    def __call__(self, connection: Connection) -> None:
        due = straight(connection).execute(READ_DUE).all()
        if due:
            # Whoever's request it was: an event is told as central sees it.
            with asked_by(None):
                record_events(connection, due, at=self._clock.now())
            self.told.set()


def record_events(connection: Connection, due: Sequence[Row[Any]], *, at: datetime) -> None:
    """Turn notes of touched resources into events that wait for whoever wants them."""
    quick = straight(connection)
    listeners = [(row.id, Api(row.api), _conditions(row)) for row in quick.execute(READ_LISTENERS)]
    written = utc_text(at)
    for note in due:
        quick.execute(BEGIN_NOTE)
        try:
            _record(connection, note, listeners, written)
        except Exception as error:
            if isinstance(error, SQLAlchemyError) and not isinstance(error, IntegrityError | DataError):
                # The store itself fails, and with it the transaction.
                raise
            quick.execute(UNDO_NOTE)
            set_aside(connection, note, error, number=_next_number(quick), at=at)
        quick.execute(END_NOTE)
        quick.execute(FORGET_DUE, {"kind": note.kind, "resource_id": note.resource_id})


def _record(
    connection: Connection, note: Row[Any], listeners: Sequence[tuple[str, Api, Conditions]], written: str
) -> None:
    kind = Kind(note.kind)
    for change, resource, field_path in _told(connection, kind, note):
        event = envelope(kind, change, resource, at=written, field_path=field_path)
        wanting = [
            hub_id
            for hub_id, api, conditions in listeners
            if api is kind.api and wants(conditions, kind, event)
        ]
        if wanting:
            _keep(straight(connection), kind, event, wanting)


def complete(event: bytes | str, links: Links) -> bytes:
    """The event as it is sent: with this server's own addresses."""
    return dumps(_addressed(loads(event), links.base_url))


def utc_text(moment: datetime) -> str:
    """A moment as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _conditions(listener: Row[Any]) -> Conditions:
    """A query that is no longer understood asks for everything: a payment is not refused over it."""
    try:
        return read_query(Api(listener.api), listener.query)
    except ApiError:
        return ()


def _told(
    connection: Connection, kind: Kind, note: Row[Any]
) -> Iterator[tuple[Change, Resource, str | None]]:
    """What became of the resource since the note was made: change, resource and, of a value, which one."""
    now = fetch_one(connection, COLLECTIONS[kind], note.resource_id, Links(HERE))
    if now is None:
        if note.was is not None and Change.DELETE in kind.changes:
            yield Change.DELETE, _as_it_was(kind, note), None
    elif note.was is None:
        yield Change.CREATE, now, None
    elif kind.api is Api.BILL:
        if note.was != now["state"]:
            yield Change.STATE, now, None
    else:
        yield from _changes(_as_it_was(kind, note), now)


def _changes(was: Resource, now: Resource) -> Iterator[tuple[Change, Resource, str | None]]:
    changed = [name for name in (was | now) if was.get(name) != now.get(name)]
    for state, its_date in STATE_OF.items():
        if state in changed:
            yield Change.STATE, now, None
            changed = [name for name in changed if name not in (state, its_date)]
    for name in changed:
        yield Change.ATTRIBUTE, now, name


def _as_it_was(kind: Kind, note: Row[Any]) -> Resource:
    body: Resource = loads(note.was)
    if kind is Kind.REFUND:
        return refund_with_href(body, Links(HERE))
    if note.was_minor:
        unit = currency(body["totalAmount"]["unit"])
        body["refundedAmount"] = money_json(Money(note.was_minor, unit))
    return with_href(body, Links(HERE))


def _keep(connection: Connection, kind: Kind, event: Resource, wanting: list[str]) -> None:
    number = _next_number(connection)
    resource = f"{kind}:{event['event'][kind.attribute]['id']}"
    # By its content as well as its number: a store that was restored counts again from an older number, and what is
    # another event then must not be taken for one that a listener has.
    digest = hashlib.sha256(str(number).encode() + b"\n" + dumps(event)).hexdigest()
    event_id = f"evt-{digest[:32]}"
    connection.execute(
        INSERT_EVENT,
        {
            "number": number,
            "id": event_id,
            "type": event["eventType"],
            "resource": resource,
            "occurred_at": event["eventTime"],
            "body": dumps({"eventId": event_id, **event}).decode(),
        },
    )
    for hub_id in wanting:
        connection.execute(INSERT_DELIVERY, {"hub_id": hub_id, "number": number, "resource": resource})


def _next_number(connection: Connection) -> int:
    return int(connection.execute(NEXT_NUMBER).scalar_one())


def _addressed(value: Any, base_url: str, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _addressed(one, base_url, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_addressed(one, base_url, name) for one in value]
    if isinstance(value, str) and name in _ADDRESSES and value.startswith(HERE):
        return base_url + value.removeprefix(HERE)
    return value


_ADDRESSES = frozenset({"href", "@schemaLocation", "url"})

MAY_LISTEN = "NOT EXISTS (SELECT 1 FROM api_client WHERE id = hub.client_id AND revoked_at IS NOT NULL)"
"""Whose client was revoked is told nothing more, not even what waits."""
IS_LET_IN = "NOT EXISTS (SELECT 1 FROM api_client WHERE id = hub.client_id AND secret_sha256 = '')"
"""Whose client waits for a new secret, after a restore, is told what waits once it has one: it may have been put out."""

BEGIN_NOTE, UNDO_NOTE, END_NOTE = (text(f"{deed} SAVEPOINT note") for deed in ("", "ROLLBACK TO", "RELEASE"))
READ_DUE = text("SELECT kind, resource_id, was, was_minor FROM event_due ORDER BY kind, resource_id")
FORGET_DUE = text("DELETE FROM event_due WHERE kind = :kind AND resource_id = :resource_id")
READ_LISTENERS = text(f"SELECT id, api, query FROM hub WHERE state = 'active' AND {MAY_LISTEN} ORDER BY id")
NEXT_NUMBER = text("UPDATE event_counter SET value = value + 1 WHERE one = 1 RETURNING value")
INSERT_EVENT = text(
    "INSERT INTO event (number, id, type, resource, occurred_at, body)"
    " VALUES (:number, :id, :type, :resource, :occurred_at, :body)"
)
# The next of a resource waits until the one before is acknowledged.
INSERT_DELIVERY = text(
    "INSERT INTO event_delivery (hub_id, event_number, resource, state) VALUES (:hub_id, :number, :resource,"
    " CASE WHEN EXISTS (SELECT 1 FROM event_delivery WHERE hub_id = :hub_id AND resource = :resource)"
    " THEN 'held' ELSE 'waiting' END)"
)
