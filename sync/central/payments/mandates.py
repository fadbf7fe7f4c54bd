"""Direct-debit mandates of the operator's terminals: each step is told once, and the last that arrives holds everywhere.

What is ended stays so. A reference is of one account; another terminal that registered it for another is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.mandate import MandateState
from pos.domain.tender import plain_reference
from sync.central.http.answers import answer_list, answer_one, json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.store.database import next_change
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text
from sync.central.wire.links import MANDATE_PATH, RESOURCE_ID, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import BadField

TEXT_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMandate:
    """A valid step. ``bank_account`` and ``holder`` empty: they were purged."""

    correlator_id: str
    mandate_id: str
    mandate: str
    account_id: str
    state: MandateState
    signed_on: date
    holder: str
    bank_account: str
    bic: str
    reason: str | None
    terminal: str
    operator: str
    decided_at: str
    registered_at: str


def mandate_routes(desk: CentralDesk) -> list[Route]:
    """The routes that take steps and list mandates."""

    async def told(request: Request) -> Response:
        raw, body = await read_told(request, key="correlatorId")
        sha256 = hashlib.sha256(raw).hexdigest()
        step = read_mandate(body)
        with desk.store.write() as connection:
            known = connection.execute(FIND_STEP, {"key": step.correlator_id}).one_or_none()
            if known is not None:
                refuse_other_body(known.received_sha256, sha256)
            else:
                _receive(connection, step, desk, sha256)
            row = connection.execute(FIND, {"id": step.mandate_id}).one()
            (resource,) = _compose(connection, [row], desk.links)
        if known is not None:
            return json_answer(resource, headers={"X-Idempotent-Replay": "true"})
        return json_answer(resource, status=201)

    async def listed(request: Request) -> Response:
        return await answer_list(desk, request, MANDATES)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, MANDATES)

    return [
        Route(MANDATE_PATH, told, methods=["POST"]),
        Route(MANDATE_PATH, listed, methods=["GET"]),
        Route(f"{MANDATE_PATH}/{{id}}", one, methods=["GET"]),
    ]


def read_mandate(body: Mapping[str, object]) -> IncomingMandate:
    """Raises BadField with what is missing, of a wrong type or impossible."""
    correlator_id, mandate = needed_text(body, "correlatorId"), needed_text(body, "mandate")
    if RESOURCE_ID.fullmatch(correlator_id) is None:
        raise BadField("correlatorId", "must be plain letters, digits, dots and dashes")
    plain = plain_reference(mandate)
    if not plain or len(mandate) > TEXT_MAX:
        raise BadField("mandate", "must have letters or digits")
    try:
        state = MandateState(needed_text(body, "state"))
    except ValueError:
        raise BadField("state", "must be active, suspended or ended") from None
    try:
        signed_on = date.fromisoformat(needed_text(body, "signedOn"))
    except ValueError:
        raise BadField("signedOn", "must be a day, as 2026-11-21") from None
    return IncomingMandate(
        correlator_id=correlator_id,
        mandate_id=plain,
        mandate=mandate,
        account_id=needed_text(as_mapping(body.get("account"), field="account"), "id", field="account.id"),
        state=state,
        signed_on=signed_on,
        holder=_text_or_empty(body, "holder"),
        bank_account=_text_or_empty(body, "bankAccount"),
        bic=_text_or_empty(body, "bic"),
        reason=plain_text(body, "reason"),
        terminal=needed_text(body, "terminal"),
        operator=needed_text(body, "operator"),
        decided_at=_moment(body, "decidedAt"),
        registered_at=_moment(body, "registeredAt"),
    )


def _moment(body: Mapping[str, object], name: str) -> str:
    told = needed_text(body, name)
    try:
        if datetime.fromisoformat(told).tzinfo is not None:
            return told
    except ValueError:
        pass
    raise BadField(name, "must be a moment with its zone, as 2026-11-21T10:15:00+03:00")


def _text_or_empty(body: Mapping[str, object], name: str) -> str:
    return plain_text(body, name) or "" if body.get(name) != "" else ""


def _receive(connection: Connection, told: IncomingMandate, desk: CentralDesk, sha256: str) -> None:
    """Raises ApiError 422 ``mandate_of_other_account``."""
    before = connection.execute(FIND, {"id": told.mandate_id}).one_or_none()
    if before is not None and before.account_id != told.account_id:
        raise ApiError(
            422,
            "mandate_of_other_account",
            "A mandate of this reference is registered for another account.",
            field="account.id",
        )
    change = next_change(connection)
    if before is None or before.state != MandateState.ENDED:
        values = {
            "id": told.mandate_id,
            "mandate": told.mandate if before is None else before.mandate,
            "account_id": told.account_id,
            "state": str(told.state),
            "signed_on": told.signed_on.isoformat(),
            "holder": told.holder,
            "bank_account": told.bank_account,
            "bic": told.bic,
            "reason": told.reason,
            "terminal": told.terminal,
            "operator": told.operator,
            "decided_at": told.decided_at,
            "registered_at": told.registered_at,
            "change_number": change,
        }
        connection.execute(INSERT if before is None else UPDATE, values)
    else:
        # It is told again, so that its teller hears that it is over.
        connection.execute(TOUCH, {"id": told.mandate_id, "change_number": change})
    connection.execute(
        INSERT_STEP,
        {
            "key": told.correlator_id,
            "mandate_id": told.mandate_id,
            "state": str(told.state),
            "reason": told.reason,
            "terminal": told.terminal,
            "operator": told.operator,
            "decided_at": told.decided_at,
            "change_number": change,
            "received_at": desk.clock.now().isoformat(),
            "sha256": sha256,
        },
    )


def _compose(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    return [
        {
            "id": row.id,
            "href": links.of(MANDATE_PATH, row.id),
            "mandate": row.mandate,
            "account": {"id": row.account_id},
            "state": row.state,
            "signedOn": row.signed_on,
            "holder": row.holder,
            "bankAccount": row.bank_account,
            "bic": row.bic,
            "reason": row.reason,
            "terminal": row.terminal,
            "operator": row.operator,
            "decidedAt": row.decided_at,
            "registeredAt": row.registered_at,
            "change": row.change_number,
            "@type": "CounterfoilMandate",
        }
        for row in rows
    ]


_COLUMNS = (
    "id, mandate, account_id, state, signed_on, holder, bank_account, bic, reason, terminal, operator, decided_at,"
    " registered_at, change_number"
)
FIND = text(f"SELECT {_COLUMNS} FROM mandate WHERE id = :id")
INSERT = text(
    f"INSERT INTO mandate ({_COLUMNS}) VALUES (:id, :mandate, :account_id, :state, :signed_on, :holder, :bank_account,"
    " :bic, :reason, :terminal, :operator, :decided_at, :registered_at, :change_number)"
)
UPDATE = text(
    "UPDATE mandate SET state = :state, signed_on = :signed_on, holder = :holder, bank_account = :bank_account, bic = :bic,"
    " reason = :reason, terminal = :terminal, operator = :operator, decided_at = :decided_at,"
    " change_number = :change_number WHERE id = :id"
)
TOUCH = text("UPDATE mandate SET change_number = :change_number WHERE id = :id")
FIND_STEP = text("SELECT received_sha256 FROM mandate_step WHERE correlator_id = :key")
INSERT_STEP = text(
    "INSERT INTO mandate_step (correlator_id, mandate_id, state, reason, terminal, operator, decided_at, change_number,"
    " received_at, received_sha256) VALUES (:key, :mandate_id, :state, :reason, :terminal, :operator, :decided_at,"
    " :change_number, :received_at, :sha256)"
)

MANDATES = Collection(
    path=MANDATE_PATH,
    table="mandate",
    select=f"SELECT {_COLUMNS} FROM mandate",
    attributes=frozenset(
        {
            "id", "href", "mandate", "account", "state", "signedOn", "holder", "bankAccount", "bic", "reason", "terminal",
            "operator", "decidedAt", "registeredAt", "change", "@type",
        }
    ),
    columns={
        "id": Column("id"),
        "account.id": Column("account_id"),
        "state": Column("state"),
        "terminal": Column("terminal"),
        "change": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "change": "change_number"},
    default_order="id",
    compose=_compose,
)  # fmt: skip
