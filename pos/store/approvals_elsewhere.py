"""Requests that other terminals are asked for too, and what was answered here to theirs: tables that only grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from pos.domain.approval import APPROVED_FOR, OPEN_FOR, RequestState
from pos.domain.approval_elsewhere import GivenAnswer, RequestElsewhere, SharedRequest
from pos.domain.lock_out import Moment
from pos.store.approvals import Approval, request_by_id, write_approval, write_declined
from pos.store.home import Identity
from pos.store.times import from_utc_text, utc_text
from pos.store.unit_of_work import UnitOfWork

KEPT = "kept"
"""Central keeps the answer; any other outcome is the code of why it does not."""
TOO_LATE = "answer_too_old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A request that central shows elsewhere, as it stands here."""

    asked: SharedRequest
    state: RequestState


def share_request(unit: UnitOfWork, request_id: str, *, at: datetime) -> None:
    """From now on central is told of it; once is enough."""
    if not is_shared(unit.connection, request_id):
        unit.insert("approval_shared", {"request_id": request_id, "at_utc": utc_text(at)})


def is_shared(connection: Connection, request_id: str) -> bool:
    """Whether other terminals are asked."""
    found = connection.exec_driver_sql("SELECT 1 FROM approval_shared WHERE request_id = ?", (request_id,))
    return found.first() is not None


def central_id(identity: Identity, request_id: str) -> str:
    """What a request of this terminal is called at central; after a new enrolment the numbers begin anew."""
    return f"{identity.terminal}:{identity.epoch}:{request_id}"


def shared_requests(connection: Connection, identity: Identity, *, now: datetime) -> list[Shared]:
    """What was shared within a day, and a little longer, so that what has lapsed is closed too. The oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT request_id, content_digest FROM approval_shared JOIN approval_request USING (request_id) "
        "WHERE approval_request.at_utc > ? ORDER BY approval_request.at_utc",
        (utc_text(now - OPEN_FOR - timedelta(hours=1)),),
    ).all()
    found = []
    for request_id, digest in rows:
        request = request_by_id(connection, request_id, now=now)
        assert request is not None, "it was just joined"
        asked = SharedRequest(
            central_id=central_id(identity, request_id),
            terminal=identity.terminal,
            epoch=identity.epoch,
            request_id=request_id,
            act=request.act,
            what=request.what or request.act,
            digest=digest,
            requester=request.requester,
            reason=request.reason,
            accounts=request.accounts,
            not_by=request.not_by,
            asked_ago=now - request.at,
        )
        found.append(Shared(asked=asked, state=request.state))
    return found


def hear_answer(unit: UnitOfWork, shared: Shared, answer: GivenAnswer, *, now: Moment) -> bool:
    """Keep what was answered at another terminal, once; False where it is none of this request, or too old.

    An approval counts from when it was given there: by how long ago that was, whatever either clock says.
    """
    asked = shared.asked
    if (
        answer.digest != asked.digest
        or answer.terminal == asked.terminal
        or answer.user in asked.not_by | {asked.requester}
        or shared.state in (RequestState.DONE, RequestState.DECLINED)
        or _is_known(unit.connection, answer.answer_id)
    ):
        return False
    if not answer.approved:
        write_declined(
            unit,
            asked.request_id,
            decliner=answer.user,
            reason=answer.reason or "",
            terminal=answer.terminal,
            deed_id=answer.answer_id,
            at=now.wall,
        )
        return True
    if answer.ago >= APPROVED_FOR:
        return False
    given = Moment(
        wall=now.wall - answer.ago, monotonic_s=now.monotonic_s - answer.ago.total_seconds(), boot=now.boot
    )
    approval = Approval(
        approval_id=answer.answer_id,
        approver=answer.user,
        given=given,
        expires=given.wall + APPROVED_FOR,
        terminal=answer.terminal,
    )
    write_approval(unit, asked.request_id, approval)
    return True


def _is_known(connection: Connection, answer_id: str) -> bool:
    found = connection.exec_driver_sql(
        "SELECT 1 FROM approval WHERE approval_id = ?1 UNION ALL "
        "SELECT 1 FROM approval_declined WHERE deed_id = ?1",
        (answer_id,),
    )
    return found.first() is not None


# --- answers to others -------------------------------------------------------------------------------------------------


def write_answer(unit: UnitOfWork, request: RequestElsewhere, answer: GivenAnswer, *, at: datetime) -> None:
    """Keep what somebody here says to a request of another terminal; ``at`` is now."""
    unit.insert(
        "approval_answer",
        {
            "answer_id": answer.answer_id,
            "central_id": request.central_id,
            "content_digest": request.digest,
            "act": request.act,
            "what": request.what,
            "requester": request.requester,
            "approved": int(answer.approved),
            "operator": answer.user,
            "reason": answer.reason,
            "at_utc": utc_text(at),
        },
    )


def settle_answer(unit: UnitOfWork, answer_id: str, outcome: str, *, at: datetime) -> None:
    """Keep what central made of an answer, once."""
    known = unit.connection.exec_driver_sql(
        "SELECT 1 FROM approval_answer_told WHERE answer_id = ?", (answer_id,)
    ).first()
    if known is None:
        unit.insert(
            "approval_answer_told", {"answer_id": answer_id, "outcome": outcome, "at_utc": utc_text(at)}
        )


def untold_answers(connection: Connection, terminal: str, *, now: datetime) -> list[GivenAnswer]:
    """Answers that central has not acknowledged, the oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT answer_id, central_id, content_digest, approved, operator, reason, at_utc FROM approval_answer "
        "WHERE answer_id NOT IN (SELECT answer_id FROM approval_answer_told) ORDER BY at_utc, answer_id"
    )
    return [_read_answer(row, terminal, now) for row in rows]


def _read_answer(row: Sequence[Any], terminal: str, now: datetime) -> GivenAnswer:
    return GivenAnswer(
        answer_id=row[0],
        central_id=row[1],
        digest=row[2],
        approved=bool(row[3]),
        user=row[4],
        terminal=terminal,
        reason=row[5],
        ago=max(now - from_utc_text(row[6]), timedelta(0)),
    )
