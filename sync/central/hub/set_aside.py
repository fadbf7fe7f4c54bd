"""Notes of touched resources that no event can be made of: kept apart, counted and found, until somebody tries them again.

A fault of this program or of a row would otherwise undo every transaction from then on, each with its money.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.encode import fault_place
from sync.central.access.audit import AuditEvent, note

LOGGER = "counterfoil.central.events"
_log = logging.getLogger(LOGGER)


def set_aside(connection: Connection, due: Row[Any], error: Exception, *, number: int, at: datetime) -> None:
    """Keep the note under the number that its event would have had, in the transaction that it tells of.

    Only the fault's class and place are kept: its words may hold what a client sent.
    """
    fault = f"{type(error).__name__} at {fault_place(error.__traceback__)}"
    connection.execute(
        INSERT,
        {
            "number": number,
            "kind": due.kind,
            "resource_id": due.resource_id,
            "was": due.was,
            "was_minor": due.was_minor,
            "fault": fault,
            "at_utc": at.astimezone(UTC).isoformat(timespec="microseconds"),
        },
    )
    subject = f"{due.kind}:{due.resource_id}"
    note(connection, AuditEvent.EVENT_SET_ASIDE, subject, at=at, detail=fault)
    _log.error("An event cannot be made.", exc_info=error)


def put_back(connection: Connection) -> None:
    """Have the next commit of a central make these events, of each resource from what it was before the first of them."""
    connection.execute(PUT_BACK)
    connection.execute(FORGET)


def count_set_aside(connection: Connection) -> int:
    return int(connection.execute(COUNT).scalar_one())


def list_set_aside(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Kind of resource, its id and the fault, in order."""
    for row in connection.execute(READ):
        yield row.kind, row.resource_id, row.fault


INSERT = text(
    "INSERT INTO event_set_aside (number, kind, resource_id, was, was_minor, fault, at_utc)"
    " VALUES (:number, :kind, :resource_id, :was, :was_minor, :fault, :at_utc)"
)
PUT_BACK = text(
    "INSERT INTO event_due (kind, resource_id, was, was_minor)"
    " SELECT kind, resource_id, was, was_minor FROM event_set_aside AS one WHERE NOT EXISTS (SELECT 1"
    " FROM event_set_aside AS earlier WHERE earlier.kind = one.kind AND earlier.resource_id = one.resource_id"
    " AND earlier.number < one.number) ON CONFLICT (kind, resource_id) DO NOTHING"
)
FORGET = text("DELETE FROM event_set_aside")
COUNT = text("SELECT count(*) FROM event_set_aside")
READ = text("SELECT kind, resource_id, fault FROM event_set_aside ORDER BY number")
