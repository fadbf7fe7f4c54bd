"""Who listens: subscriptions as they are made, ended, stopped and started again, and how each stands.

Source: tmf.md section 2 (hub); reliability.md section 1 (no endless silent retry).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, text

from sync.central.access.audit import AuditEvent, note
from sync.central.hub.event_types import Api
from sync.central.hub.events import utc_text
from sync.central.hub.listeners import ListenerHosts
from sync.central.hub.query import read_query
from sync.central.hub.set_aside import put_back
from sync.central.wire.errors import ApiError

LISTENERS_MAX = 50
"""Each costs work with every payment, and connections of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a listener asked for, checked; ``client_id`` '' where central asks for no token."""

    client_id: str
    api: Api
    callback: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerShown:
    """A subscription as the operator sees it. ``waiting`` is still to be acknowledged, ``dead`` is tried no more."""

    hub_id: str
    api: Api
    callback: str
    query: str
    state: str
    made_at: str
    delivered: int
    delivered_at: str | None
    waiting: int
    dead: int
    oldest_at: str | None
    failing_since: str | None
    last_error: str | None


def read_subscription(
    api: Api, body: Mapping[str, object], hosts: ListenerHosts, *, client_id: str
) -> Subscription:
    """An EventSubscriptionInput. Raises ApiError 400, naming the attribute; others than the two are ignored."""
    callback = hosts.require(body.get("callback"))
    query = body.get("query")
    if query is None:
        query = ""
    if not isinstance(query, str):
        raise ApiError(400, "bad_field", "query must be text.", field="query")
    read_query(api, query)
    return Subscription(client_id=client_id, api=api, callback=callback, query=query)


def subscribe(connection: Connection, wanted: Subscription, *, hub_id: str, at: datetime) -> None:
    """Tell this listener from the next commit on.

    Raises ApiError 409 ``already_listening`` with the id of the same subscription: made again under a new id it would be
    told everything twice, and who lost the first answer learns its id by this one. 403 ``too_many_listeners``.
    """
    same = {
        "client_id": wanted.client_id,
        "api": wanted.api.value,
        "callback": wanted.callback,
        "query": wanted.query,
    }
    known = connection.execute(FIND_SAME, same).one_or_none()
    if known is not None:
        raise ApiError(
            409,
            "already_listening",
            "This callback listens already with this query.",
            field="callback",
            more={"id": known.id},
        )
    if connection.execute(COUNT).scalar_one() >= LISTENERS_MAX:
        raise ApiError(403, "too_many_listeners", f"There are {LISTENERS_MAX} listeners, which is the most.")
    connection.execute(INSERT, {**same, "id": hub_id, "made_at": utc_text(at)})
    # Where it leads, without the path: that may be its secret.
    where = urlsplit(wanted.callback)
    detail = f"{wanted.api} {where.scheme}://{where.netloc}"
    note(connection, AuditEvent.LISTENER_MADE, hub_id, at=at, actor=wanted.client_id, detail=detail)


def unsubscribe(
    connection: Connection,
    hub_id: str,
    *,
    at: datetime,
    api: Api | None = None,
    client_id: str | None = None,
) -> bool:
    """Tell it nothing more, not even what waits. False: no such subscription (in that API, of that client)."""
    row = connection.execute(FIND, {"id": hub_id}).one_or_none()
    if row is None or row.api != (api or row.api) or row.client_id != (client_id or row.client_id):
        return False
    forget(connection, hub_id)
    note(connection, AuditEvent.LISTENER_ENDED, hub_id, at=at, actor=client_id or "")
    return True


def forget(connection: Connection, hub_id: str) -> None:
    """The subscription is gone, with all that waits for it alone."""
    connection.execute(FORGET_DELIVERIES, {"id": hub_id})
    connection.execute(FORGET_EVENTS)
    connection.execute(FORGET, {"id": hub_id})


def try_again(connection: Connection, hub_id: str, *, at: datetime) -> int | None:
    """Start a stopped listener, and send at once all that waits or was given up; how many. None: no such subscription.

    What happened while it was stopped was not kept for it. What no event could be made of is tried again for everybody.
    """
    if connection.execute(FIND, {"id": hub_id}).one_or_none() is None:
        return None
    connection.execute(START, {"id": hub_id})
    connection.execute(REVIVE, {"id": hub_id})
    put_back(connection)
    note(connection, AuditEvent.LISTENER_STARTED, hub_id, at=at)
    return int(connection.execute(COUNT_LEFT, {"id": hub_id}).scalar_one())


def list_listeners(connection: Connection) -> list[ListenerShown]:
    """Every subscription, oldest first."""
    return [
        ListenerShown(
            hub_id=row.id,
            api=Api(row.api),
            callback=row.callback,
            query=row.query,
            state=row.state,
            made_at=row.made_at,
            delivered=row.delivered,
            delivered_at=row.delivered_at,
            waiting=row.waiting,
            dead=row.dead,
            oldest_at=row.oldest_at,
            failing_since=row.failing_since,
            last_error=row.last_error,
        )
        for row in connection.execute(LIST)
    ]


FIND_SAME = text(
    "SELECT id FROM hub WHERE client_id = :client_id AND api = :api AND callback = :callback AND query = :query"
)
FIND = text("SELECT api, client_id FROM hub WHERE id = :id")
COUNT = text("SELECT count(*) FROM hub")
INSERT = text(
    "INSERT INTO hub (id, client_id, api, callback, query, made_at)"
    " VALUES (:id, :client_id, :api, :callback, :query, :made_at)"
)
FORGET = text("DELETE FROM hub WHERE id = :id")
FORGET_DELIVERIES = text("DELETE FROM event_delivery WHERE hub_id = :id")
FORGET_EVENTS = text(
    "DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM event_delivery WHERE event_number = event.number)"
)
START = text(
    "UPDATE hub SET state = 'active', failures = 0, failing_since = NULL, rest_until = '' WHERE id = :id"
)
# Not what is on its way now: told twice at once, it could come after its follower.
REVIVE = text(
    "UPDATE event_delivery SET state = CASE WHEN state = 'dead' THEN 'waiting' ELSE state END, due_at = '',"
    " attempts = 0, first_tried_at = NULL WHERE hub_id = :id AND (state = 'dead' OR last_error IS NOT NULL)"
)
COUNT_LEFT = text("SELECT count(*) FROM event_delivery WHERE hub_id = :id")
LIST = text(
    "SELECT hub.*, (SELECT count(*) FROM event_delivery WHERE hub_id = hub.id AND state <> 'dead') AS waiting,"
    " (SELECT count(*) FROM event_delivery WHERE hub_id = hub.id AND state = 'dead') AS dead,"
    " (SELECT occurred_at FROM event WHERE number = (SELECT min(event_number) FROM event_delivery"
    " WHERE hub_id = hub.id)) AS oldest_at FROM hub ORDER BY made_at, id"
)
