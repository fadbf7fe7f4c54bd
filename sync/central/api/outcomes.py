"""What became of a payment that was provisional: a resource of our own, told once and known by the till's key."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.http.answers import json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.payments.bank_receipts import OutcomeReceipt, decide, find_outcome, read_outcome
from sync.central.payments.cheque_clearing import clear, find_clearing, is_clearing
from sync.central.store.database import next_change
from sync.central.wire.links import OUTCOME_PATH


def outcome_routes(desk: CentralDesk) -> list[Route]:
    """The route that takes outcomes."""

    async def outcomes(request: Request) -> Response:
        raw, body = await read_told(request, key="correlatorId")
        body_sha256 = hashlib.sha256(raw).hexdigest()
        told = None if is_clearing(body) else read_outcome(body)
        with desk.store.write() as connection:
            known = (
                find_clearing(connection, body, body_sha256=body_sha256)
                if told is None
                else find_outcome(connection, told.correlator_id, body_sha256=body_sha256)
            )
            if known is not None:
                return json_answer(known, headers={"X-Idempotent-Replay": "true"})
            receipt = OutcomeReceipt(
                outcome_id=new_id(desk.clock, desk.randomness),
                body_sha256=body_sha256,
                received_at=desk.clock.now(),
                change=next_change(connection),
            )
            resource = clear(connection, body, receipt) if told is None else decide(connection, told, receipt)
        return json_answer(resource, status=201)

    return [Route(OUTCOME_PATH, outcomes, methods=["POST"])]
