"""How the events stand that wait for listeners: figures for whoever watches central, and what cannot be so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from sync.central.hub.set_aside import count_set_aside


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFigures:
    """``waiting`` events to be sent still, one for each listener that wants it; ``dead`` are tried no more.

    ``set_aside`` are what no event could be made of.
    """

    waiting: int
    dead: int
    set_aside: int
    stopped: int


def hub_figures(connection: Connection) -> HubFigures:
    """Of all listeners together."""
    by_state = {row.state: int(row.events) for row in connection.execute(COUNT_BY_STATE)}
    return HubFigures(
        waiting=by_state.get("waiting", 0) + by_state.get("held", 0),
        dead=by_state.get("dead", 0),
        set_aside=count_set_aside(connection),
        stopped=int(connection.execute(COUNT_STOPPED).scalar_one()),
    )


def hub_faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """Subscription and what is wrong: an event that nothing would ever send, or that could be sent before its time."""
    for row in connection.execute(HELD_BEHIND_NOTHING):
        yield row.hub_id, f"Event {row.event_number} waits for one that is not there."
    for row in connection.execute(NOT_HELD):
        yield row.hub_id, f"Event {row.event_number} does not wait for the one before it of its resource."


COUNT_BY_STATE = text("SELECT state, count(*) AS events FROM event_delivery GROUP BY state")
COUNT_STOPPED = text("SELECT count(*) FROM hub WHERE state = 'stopped'")
_EARLIER = (
    "EXISTS (SELECT 1 FROM event_delivery AS earlier WHERE earlier.hub_id = one.hub_id"
    " AND earlier.resource = one.resource AND earlier.event_number < one.event_number)"
)
HELD_BEHIND_NOTHING = text(
    "SELECT hub_id, event_number FROM event_delivery AS one"
    f" WHERE state = 'held' AND NOT {_EARLIER} ORDER BY hub_id, event_number"
)
NOT_HELD = text(
    "SELECT hub_id, event_number FROM event_delivery AS one"
    f" WHERE state <> 'held' AND {_EARLIER} ORDER BY hub_id, event_number"
)
