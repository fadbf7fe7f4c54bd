"""What the audit rows say of time: when the last deed was, and whether the clock was seen to by a person since."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from pos.store.times import from_utc_text, utc_text

CONFIRM_CLOCK = "confirm_clock"
CLOCK_BEHIND = "clock_behind"

# The index by time is walked from its end; what lies before the last confirmation was written by a clock that was wrong.
_LATEST = (
    "SELECT at_utc FROM audit WHERE +audit_id >= (SELECT coalesce(max(audit_id), 0) FROM audit "
    "WHERE act = ? AND result = 'ok') ORDER BY at_utc DESC LIMIT 1"
)


def latest_deed_at(connection: Connection) -> datetime | None:
    """The latest moment (UTC) at which anything was done here since a person last confirmed the clock."""
    found = connection.exec_driver_sql(_LATEST, (CONFIRM_CLOCK,)).scalar_one_or_none()
    return None if found is None else from_utc_text(str(found))


def is_deed_audited(connection: Connection, deed_id: str) -> bool:
    """Whether the deed has its audit row."""
    return connection.exec_driver_sql("SELECT 1 FROM audit WHERE deed_id = ?", (deed_id,)).first() is not None


def is_audited(connection: Connection, act: str, shift_id: str) -> bool:
    """Whether the shift has an audit row of this act."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM audit WHERE act = ? AND shift_id = ? LIMIT 1", (act, shift_id)
    ).first()
    return found is not None


def days_with_deeds(connection: Connection, *, after: datetime) -> int:
    """On how many days (UTC) something was done here after ``after``; what was refused is no deed."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(DISTINCT substr(at_utc, 1, 10)) FROM audit WHERE at_utc > ? AND result = 'ok'",
            (utc_text(after),),
        ).scalar_one()
    )


def let_in_at(connection: Connection, act: str, user: str) -> datetime | None:
    """When somebody last did ``act`` about ``user``, who has closed no shift since; None: never, or before that."""
    row = connection.exec_driver_sql(
        "SELECT at_utc FROM audit WHERE act = ?1 AND subject = ?2 AND result = 'ok' AND audit_id > coalesce(("
        "SELECT max(audit_id) FROM audit WHERE act = 'close_shift' AND operator = ?2 AND result = 'ok'), 0) "
        "ORDER BY audit_id DESC LIMIT 1",
        (act, user),
    ).first()
    return None if row is None else from_utc_text(row[0])
