"""What happened to central itself: who may speak to it, and what was changed by hand. Written once, never altered.

An event names a client, terminal, listener, key, user or bill by its id; no secret, no person's name and no amount is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, text

LISTED_MAX = 10_000


class AuditEvent(StrEnum):
    CLIENT_MADE = "client_made"
    CLIENT_REVOKED = "client_revoked"
    CLIENT_RENEWED = "client_renewed"
    TOKEN_REFUSED = "token_refused"
    CODE_MADE = "code_made"
    ENROLLED = "enrolled"
    ENROLMENT_REFUSED = "enrolment_refused"
    TERMINAL_RETIRED = "terminal_retired"
    TERMINAL_LOST = "terminal_lost"
    CLONE_FENCED = "clone_fenced"
    BILL_CHANGED = "bill_changed"
    LISTENER_MADE = "listener_made"
    LISTENER_ENDED = "listener_ended"
    LISTENER_STOPPED = "listener_stopped"
    LISTENER_STARTED = "listener_started"
    EVENT_SET_ASIDE = "event_set_aside"
    HUB_KEY_MADE = "hub_key_made"
    HUB_KEY_WITHDRAWN = "hub_key_withdrawn"
    PERSON_DISABLED = "person_disabled"
    PERSON_ENABLED = "person_enabled"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """One event. ``subject``: what it is about; ``actor``: the client that did it, empty for the operator's own hand."""

    number: int
    at: str
    event: str
    subject: str
    actor: str
    detail: str


def note(
    connection: Connection,
    event: AuditEvent,
    subject: str,
    *,
    at: datetime,
    actor: str = "",
    detail: str = "",
) -> None:
    """Write it, in the caller's write transaction."""
    connection.execute(
        INSERT,
        {
            "at_utc": at.astimezone(UTC).isoformat(timespec="microseconds"),
            "event": str(event),
            "subject": subject,
            "actor": actor,
            "detail": detail,
        },
    )


def events(connection: Connection, *, after: int = 0, subject: str | None = None) -> Iterator[Audited]:
    """In the order in which they were written; all after number ``after``, at most ten thousand."""
    asked = {"after": after, "subject": subject, "most": LISTED_MAX}
    for row in connection.execute(READ, asked):
        yield Audited(
            number=row.number,
            at=row.at_utc,
            event=row.event,
            subject=row.subject,
            actor=row.actor,
            detail=row.detail,
        )


INSERT = text(
    "INSERT INTO central_audit (number, at_utc, event, subject, actor, detail)"
    " SELECT coalesce(max(number), 0) + 1, :at_utc, :event, :subject, :actor, :detail FROM central_audit"
)
READ = text(
    "SELECT number, at_utc, event, subject, actor, detail FROM central_audit WHERE number > :after"
    " AND (CAST(:subject AS TEXT) IS NULL OR subject = :subject) ORDER BY number LIMIT :most"
)
