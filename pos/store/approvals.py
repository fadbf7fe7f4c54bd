"""Requests for a second person, their approvals and what these were used for: three tables that only grow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.approval import Wanted
from pos.domain.lock_out import Moment
from pos.store.times import from_utc_text, utc_text
from pos.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants a second person for. ``used``: it was approved and done."""

    request_id: str
    act: str
    requester: str
    accounts: frozenset[str]
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval that was not used yet: of whom, when, and until when."""

    approval_id: str
    approver: str
    given: Moment
    expires: datetime


def request_approval(
    unit: UnitOfWork, wanted: Wanted, *, requester: str, reason: str | None, terminal: str, at: datetime
) -> str:
    """The id of the request for exactly this; asked again it is the same one, until it is used."""
    known = unit.connection.exec_driver_sql(
        "SELECT request_id FROM approval_request AS asked WHERE content_digest = ? AND requester = ? AND NOT EXISTS "
        "(SELECT 1 FROM approval JOIN approval_use USING (approval_id) WHERE approval.request_id = asked.request_id)",
        (wanted.digest, requester),
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
        },
    )
    return request_id


def request_by_id(connection: Connection, request_id: str) -> Request | None:
    """The request of this id."""
    row = connection.exec_driver_sql(
        "SELECT act, requester, accounts, EXISTS (SELECT 1 FROM approval JOIN approval_use USING (approval_id) "
        "WHERE approval.request_id = asked.request_id) FROM approval_request AS asked WHERE request_id = ?",
        (request_id,),
    ).first()
    if row is None:
        return None
    return Request(
        request_id=request_id,
        act=row[0],
        requester=row[1],
        accounts=frozenset(str(row[2]).split()),
        used=bool(row[3]),
    )


def write_approval(unit: UnitOfWork, request_id: str, approval: Approval, *, terminal: str) -> None:
    """Keep that somebody approved a request."""
    unit.insert(
        "approval",
        {
            "approval_id": approval.approval_id,
            "request_id": request_id,
            "approver": approval.approver,
            "terminal": terminal,
            "at_utc": utc_text(approval.given.wall),
            "at_ms": round(approval.given.monotonic_s * 1000),
            "boot": approval.given.boot,
            "expires_at_utc": utc_text(approval.expires),
        },
    )


def approvals_for(connection: Connection, digest: str, requester: str) -> list[Approval]:
    """What was approved of this content for this requester and not used yet, the latest first."""
    rows = connection.exec_driver_sql(
        "SELECT approval_id, approver, approval.at_utc, at_ms, boot, expires_at_utc FROM approval "
        "JOIN approval_request USING (request_id) LEFT JOIN approval_use USING (approval_id) "
        "WHERE content_digest = ? AND requester = ? AND deed_id IS NULL ORDER BY approval.at_utc DESC",
        (digest, requester),
    )
    return [
        Approval(
            approval_id=row[0],
            approver=row[1],
            given=Moment(wall=from_utc_text(row[2]), monotonic_s=row[3] / 1000, boot=row[4]),
            expires=from_utc_text(row[5]),
        )
        for row in rows
    ]


def use_approval(unit: UnitOfWork, approval_id: str, *, deed_id: str, at: datetime) -> None:
    """It is used, and never again."""
    unit.insert("approval_use", {"approval_id": approval_id, "deed_id": deed_id, "at_utc": utc_text(at)})
