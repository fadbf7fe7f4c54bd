"""Requests for a second person, their approvals and what these were used for: tables that only grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pos.domain.approval import OPEN_FOR, RequestState, Wanted
from pos.domain.lock_out import Moment
from pos.store.times import from_utc_text, utc_text
from pos.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants a second person for. ``what`` in words; ``answered_by`` approved it, or said no.

    ``offline``: it was approved while central was silent. ``elsewhere``: only somebody at another terminal may;
    ``shared``: other terminals are asked.
    """

    request_id: str
    act: str
    what: str
    requester: str
    reason: str | None
    accounts: frozenset[str]
    not_by: frozenset[str]
    terminal: str
    at: datetime
    state: RequestState
    answered_by: str | None = None
    expires: datetime | None = None
    offline: bool = False
    elsewhere: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval that was not used yet: of whom, at which terminal, when, and until when.

    ``offline``: central was silent then.
    """

    approval_id: str
    approver: str
    given: Moment
    expires: datetime
    terminal: str
    offline: bool = False


_NOT_CLOSED = """
    NOT EXISTS (SELECT 1 FROM approval_declined AS said_no WHERE said_no.request_id = asked.request_id)
    AND NOT EXISTS (SELECT 1 FROM approval AS other JOIN approval_use USING (approval_id)
        WHERE other.request_id = asked.request_id)
    """
"""Of a request ``asked``: it was neither declined nor done."""


def request_approval(
    unit: UnitOfWork, wanted: Wanted, *, requester: str, reason: str | None, terminal: str, at: datetime
) -> str:
    """The id of the request for exactly this; asked again it is the same one, until it is done, declined or lapsed."""
    known = unit.connection.exec_driver_sql(
        "SELECT request_id FROM approval_request AS asked "
        f"WHERE content_digest = ? AND requester = ? AND at_utc > ? AND {_NOT_CLOSED}",
        (wanted.digest, requester, utc_text(at - OPEN_FOR)),
    ).scalar()
    if known is not None:
        return str(known)
    # The table only grows: its length is its own counter.
    number = unit.connection.exec_driver_sql("SELECT count(*) + 1 FROM approval_request").scalar_one()
    request_id = f"R-{number}"
    unit.insert(
        "approval_request",
        {
            "request_id": request_id,
            "act": wanted.act,
            "content_digest": wanted.digest,
            "accounts": " ".join(sorted(wanted.accounts)),
            "requester": requester,
            "reason": reason,
            "terminal": terminal,
            "at_utc": utc_text(at),
            "what": wanted.what,
            "not_by": " ".join(sorted(wanted.not_by)) or None,
            "elsewhere": 1 if wanted.elsewhere else None,
        },
    )
    if wanted.elsewhere:
        unit.insert("approval_shared", {"request_id": request_id, "at_utc": utc_text(at)})
    return request_id


_REQUESTS = """
    SELECT asked.request_id, act, coalesce(what, ''), requester, asked.reason, accounts, asked.terminal, asked.at_utc,
        decliner, approver, expires_at_utc,
        EXISTS (SELECT 1 FROM approval AS given JOIN approval_use USING (approval_id)
            WHERE given.request_id = asked.request_id),
        not_by, approval.offline, elsewhere,
        EXISTS (SELECT 1 FROM approval_shared WHERE approval_shared.request_id = asked.request_id)
    FROM approval_request AS asked
    LEFT JOIN approval_declined USING (request_id)
    LEFT JOIN approval ON approval.rowid =
        (SELECT max(rowid) FROM approval AS given WHERE given.request_id = asked.request_id)
    """


def request_by_id(connection: Connection, request_id: str, *, now: datetime) -> Request | None:
    """The request of this id."""
    row = connection.exec_driver_sql(f"{_REQUESTS} WHERE asked.request_id = ?", (request_id,)).first()
    return None if row is None else _read(row, now)


def requests_since(connection: Connection, since: datetime, *, now: datetime, limit: int) -> list[Request]:
    """The requests made after ``since``, the latest first."""
    rows = connection.exec_driver_sql(
        f"{_REQUESTS} WHERE asked.at_utc > ? ORDER BY asked.at_utc DESC, asked.rowid DESC LIMIT ?",
        (utc_text(since), limit),
    )
    return [_read(row, now) for row in rows]


def _read(row: Sequence[Any], now: datetime) -> Request:
    at, expires = from_utc_text(row[7]), None if row[10] is None else from_utc_text(row[10])
    if row[11]:
        state = RequestState.DONE
    elif row[8] is not None:
        state = RequestState.DECLINED
    elif expires is not None and now < expires:
        state = RequestState.APPROVED
    else:
        state = RequestState.OPEN if now - at < OPEN_FOR else RequestState.LAPSED
    return Request(
        request_id=row[0],
        act=row[1],
        what=row[2],
        requester=row[3],
        reason=row[4],
        accounts=frozenset(str(row[5]).split()),
        terminal=row[6],
        at=at,
        state=state,
        answered_by=row[8] or row[9],
        not_by=frozenset(str(row[12] or "").split()),
        expires=expires,
        offline=bool(row[13]),
        elsewhere=bool(row[14]),
        shared=bool(row[15]),
    )


def write_approval(unit: UnitOfWork, request_id: str, approval: Approval) -> None:
    """Keep that somebody approved a request."""
    unit.insert(
        "approval",
        {
            "approval_id": approval.approval_id,
            "request_id": request_id,
            "approver": approval.approver,
            "terminal": approval.terminal,
            "at_utc": utc_text(approval.given.wall),
            # Rounded down: what is done at once must not come before it.
            "at_ms": int(approval.given.monotonic_s * 1000),
            "boot": approval.given.boot,
            "expires_at_utc": utc_text(approval.expires),
            "offline": 1 if approval.offline else None,
        },
    )


def write_declined(
    unit: UnitOfWork,
    request_id: str,
    *,
    decliner: str,
    reason: str,
    terminal: str,
    deed_id: str,
    at: datetime,
) -> None:
    """Keep that somebody said no to a request."""
    unit.insert(
        "approval_declined",
        {
            "request_id": request_id,
            "decliner": decliner,
            "reason": reason,
            "terminal": terminal,
            "deed_id": deed_id,
            "at_utc": utc_text(at),
        },
    )


def approvals_for(connection: Connection, digest: str, requester: str) -> list[Approval]:
    """What was approved of this content for this requester, the latest first.

    A request that is done or declined is over, however often it was approved.
    """
    rows = connection.exec_driver_sql(
        "SELECT approval_id, approver, approval.at_utc, at_ms, boot, expires_at_utc, approval.terminal FROM approval "
        "JOIN approval_request AS asked USING (request_id) "
        f"WHERE content_digest = ? AND requester = ? AND {_NOT_CLOSED} ORDER BY approval.at_utc DESC",
        (digest, requester),
    )
    return [
        Approval(
            approval_id=row[0],
            approver=row[1],
            given=Moment(wall=from_utc_text(row[2]), monotonic_s=row[3] / 1000, boot=row[4]),
            expires=from_utc_text(row[5]),
            terminal=row[6],
        )
        for row in rows
    ]


def use_approval(unit: UnitOfWork, approval_id: str, *, deed_id: str, at: datetime) -> None:
    """It is used, and never again."""
    unit.insert("approval_use", {"approval_id": approval_id, "deed_id": deed_id, "at_utc": utc_text(at)})


def note_approved_entry(unit: UnitOfWork, entry_id: str, approval_id: str) -> None:
    """What was booked by an approval, by the id of the correction."""
    unit.insert("approved_entry", {"entry_id": entry_id, "approval_id": approval_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts:
    """Who let something be booked: asked by whom, approved by whom, where and when, and whether central was silent."""

    request_id: str
    requester: str
    approver: str
    terminal: str
    at: datetime
    offline: bool


def approval_of_entry(connection: Connection, entry_id: str) -> ApprovalFacts | None:
    """The approval by which an entry was booked; None where nobody was asked."""
    row = connection.exec_driver_sql(
        "SELECT request_id, requester, approver, terminal, at_utc, offline FROM v_approval WHERE entry_id = ?",
        (entry_id,),
    ).first()
    if row is None:
        return None
    return ApprovalFacts(
        request_id=row[0],
        requester=row[1],
        approver=row[2],
        terminal=row[3],
        at=from_utc_text(row[4]),
        offline=bool(row[5]),
    )
