"""Requests for a second person that a till shows to the others, and what was answered there: the first answer stands.

An approval that is too old to be used leaves its request open for another. Nothing is done here: the till that asked does
it, once, by the answer that it hears. Source: domain.md rule 33; reliability.md 5.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.approval import APPROVED_FOR, OPEN_FOR
from pos.domain.approval_elsewhere import Elsewhere
from sync.central.wire.callers import require_own_terminal
from sync.central.wire.dealer_view import dealer_asking
from sync.central.wire.errors import ApiError
from sync.central.wire.query import Resource
from sync.wire_json import dumps, loads

LISTED_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRequest:
    """A request as a till tells it. ``body`` is what other tills are told of it."""

    request_id: str
    terminal: str
    asked_at: datetime
    body: Mapping[str, object]

    def sha256(self) -> str:
        """What tells two requests of one id apart."""
        return hashlib.sha256(dumps(dict(self.body))).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingAnswer:
    """An answer of another till."""

    answer_id: str
    digest: str
    approved: bool
    user: str
    terminal: str
    reason: str | None
    given_at: datetime


def keep_request(connection: Connection, asked: IncomingRequest, *, now: datetime) -> tuple[Resource, bool]:
    """Keep it, in the caller's transaction; the resource, and whether it was kept before.

    Raises ApiError 422 ``key_reused`` where the id was used for another request.
    """
    known = connection.execute(FIND, {"id": asked.request_id}).one_or_none()
    if known is not None and known.asked_sha256 != asked.sha256():
        raise ApiError(
            422, "key_reused", "This id was used for another request. Nothing was changed.", field="id"
        )
    if known is None:
        connection.execute(
            INSERT,
            {
                "id": asked.request_id,
                "terminal": asked.terminal,
                "body": dumps(dict(asked.body)).decode(),
                "asked_sha256": asked.sha256(),
                "asked_at": _utc(asked.asked_at),
            },
        )
    return _resource(connection, asked.request_id, now=now), known is not None


def keep_answer(
    connection: Connection, request_id: str, given: IncomingAnswer, *, now: datetime
) -> tuple[Resource, bool]:
    """Keep the first answer, in the caller's transaction; the request, and whether the very answer was kept before.

    Raises ApiError 404; 409 ``request_answered``, ``request_closed`` or ``request_lapsed``; 422 ``key_reused``,
    ``other_content``, ``same_terminal``, ``not_two_people`` or ``answer_too_old``.
    """
    asked = connection.execute(FIND, {"id": request_id}).one_or_none()
    if asked is None or not _is_of_own_shops(connection, asked.terminal):
        raise ApiError(404, "not_found", "There is no resource of this id.")
    before = connection.execute(FIND_ANSWER, {"id": given.answer_id}).one_or_none()
    if before is not None:
        if (before.request_id, before.person, bool(before.approved)) != (
            request_id,
            given.user,
            given.approved,
        ):
            raise ApiError(
                422, "key_reused", "This id was used for another answer. Nothing was changed.", field="id"
            )
        return _resource(connection, request_id, now=now), True
    body = loads(asked.body)
    _require_other(asked, body, given)
    if given.approved and now - given.given_at >= APPROVED_FOR:
        raise ApiError(422, "answer_too_old", "It was approved too long ago. Approve it again.")
    if _stands(connection, asked, given, now=now):
        return _resource(connection, request_id, now=now), True
    _require_open(connection, asked, now=now)
    connection.execute(
        INSERT_ANSWER,
        {
            "id": given.answer_id,
            "request_id": request_id,
            "number": connection.execute(COUNT_ANSWERS, {"id": request_id}).scalar_one() + 1,
            "approved": int(given.approved),
            "person": given.user,
            "terminal": given.terminal,
            "reason": given.reason,
            "given_at": _utc(given.given_at),
        },
    )
    return _resource(connection, request_id, now=now), False


def _require_other(asked: Row[Any], body: Mapping[str, Any], given: IncomingAnswer) -> None:
    """Another person at another terminal, about exactly this."""
    if given.digest != body["contentDigest"]:
        raise ApiError(422, "other_content", "It is not what was asked for.", field="contentDigest")
    if given.terminal == asked.terminal:
        raise ApiError(422, "same_terminal", "It was asked for at this very terminal.", field="terminal")
    if given.user == body["requester"] or given.user in body["notBy"]:
        raise ApiError(
            422, "not_two_people", f"User {given.user} asked for it, or took the payment.", field="user"
        )


def _stands(connection: Connection, asked: Row[Any], given: IncomingAnswer, *, now: datetime) -> bool:
    """Whether the same person has said the same before: where the first answer to it was lost it is said again."""
    state, answer = _state(connection, asked, now=now)
    said = Elsewhere.APPROVED if given.approved else Elsewhere.DECLINED
    return state is said and answer is not None and answer.person == given.user


def _require_open(connection: Connection, asked: Row[Any], *, now: datetime) -> None:
    state, answer = _state(connection, asked, now=now)
    if state is Elsewhere.OPEN:
        return
    if answer is not None and state in (Elsewhere.APPROVED, Elsewhere.DECLINED):
        said = "approved it" if answer.approved else "said no"
        raise ApiError(
            409, "request_answered", f"User {answer.person} at terminal {answer.terminal} {said} before."
        )
    if state is Elsewhere.CLOSED:
        raise ApiError(409, "request_closed", "It was done, or is not wanted any more.")
    raise ApiError(409, "request_lapsed", "It is too old: whoever wants it asks anew.")


def close_request(connection: Connection, request_id: str, *, now: datetime) -> None:
    """It was done, or is not wanted any more. One that is not here needs no closing.

    Raises ApiError 403 ``other_terminal`` where another terminal asked for it.
    """
    asked = connection.execute(FIND, {"id": request_id}).one_or_none()
    if asked is None or not _is_of_own_shops(connection, asked.terminal):
        return
    require_own_terminal({"terminal": asked.terminal})
    connection.execute(CLOSE, {"id": request_id, "at": _utc(now)})


def requests_of_a_day(connection: Connection, *, now: datetime) -> list[Resource]:
    """What was asked for within a day and is not closed, the latest first."""
    since = {"since": _utc(now - OPEN_FOR), "most": LISTED_MAX, "dealer": dealer_asking() or ""}
    return [_told(connection, row, now=now) for row in connection.execute(READ_OPEN, since).all()]


def _is_of_own_shops(connection: Connection, terminal: str) -> bool:
    """Whether the people there are those of whoever asks: the operator's, or the dealer's."""
    return str(connection.execute(DEALER_OF, {"id": terminal}).scalar() or "") == (dealer_asking() or "")


def _resource(connection: Connection, request_id: str, *, now: datetime) -> Resource:
    return _told(connection, connection.execute(FIND, {"id": request_id}).one(), now=now)


def _told(connection: Connection, asked: Row[Any], *, now: datetime) -> Resource:
    state, answer = _state(connection, asked, now=now)
    told: Resource = {
        "id": asked.id,
        **loads(asked.body),
        "askedAt": asked.asked_at,
        "state": str(state),
        "@type": "CounterfoilApprovalRequest",
    }
    if answer is not None and state in (Elsewhere.APPROVED, Elsewhere.DECLINED):
        told["answer"] = {
            "id": answer.id,
            "approved": bool(answer.approved),
            "user": answer.person,
            "terminal": answer.terminal,
            "reason": answer.reason,
            # How long ago, so that neither end's clock has to be right.
            "secondsAgo": max(int((now - datetime.fromisoformat(answer.given_at)).total_seconds()), 0),
        }
    return told


def _state(connection: Connection, asked: Row[Any], *, now: datetime) -> tuple[Elsewhere, Row[Any] | None]:
    answer = connection.execute(LAST_ANSWER, {"id": asked.id}).one_or_none()
    if asked.closed_at is not None:
        return Elsewhere.CLOSED, answer
    if answer is not None and not answer.approved:
        return Elsewhere.DECLINED, answer
    if answer is not None and _is_within(answer.given_at, APPROVED_FOR, now):
        return Elsewhere.APPROVED, answer
    return Elsewhere.OPEN if _is_within(asked.asked_at, OPEN_FOR, now) else Elsewhere.LAPSED, answer


def _is_within(at: str, lasts: timedelta, now: datetime) -> bool:
    return now - datetime.fromisoformat(at) < lasts


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


FIND = text(
    "SELECT id, terminal, body, asked_sha256, asked_at, closed_at FROM approval_request WHERE id = :id"
)
INSERT = text(
    "INSERT INTO approval_request (id, terminal, body, asked_sha256, asked_at)"
    " VALUES (:id, :terminal, :body, :asked_sha256, :asked_at)"
)
CLOSE = text("UPDATE approval_request SET closed_at = :at WHERE id = :id AND closed_at IS NULL")
READ_OPEN = text(
    "SELECT id, terminal, body, asked_sha256, asked_at, closed_at FROM approval_request"
    " WHERE closed_at IS NULL AND asked_at > :since AND coalesce((SELECT dealer FROM terminal"
    " WHERE terminal.id = approval_request.terminal), '') = :dealer ORDER BY asked_at DESC, id LIMIT :most"
)
DEALER_OF = text("SELECT dealer FROM terminal WHERE id = :id")
_ANSWER = "SELECT id, request_id, approved, person, terminal, reason, given_at FROM approval_answer"
FIND_ANSWER = text(f"{_ANSWER} WHERE id = :id")
LAST_ANSWER = text(f"{_ANSWER} WHERE request_id = :id ORDER BY number DESC LIMIT 1")
COUNT_ANSWERS = text("SELECT count(*) FROM approval_answer WHERE request_id = :id")
INSERT_ANSWER = text(
    "INSERT INTO approval_answer (id, request_id, number, approved, person, terminal, reason, given_at)"
    " VALUES (:id, :request_id, :number, :approved, :person, :terminal, :reason, :given_at)"
)
