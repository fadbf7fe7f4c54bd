"""What became of a payment that was provisional: a resource of our own, told once and known by the till's key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.http.answers import json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.payments.bank_receipts import OutcomeReceipt, decide, find_outcome, read_outcome
from sync.central.payments.cheque_clearing import clear, find_clearing, is_clearing
from sync.central.payments.returned_cheques import find_return, is_return, note_return
from sync.central.store.database import next_change
from sync.central.wire.dealer_view import dealer_asking
from sync.central.wire.errors import operator_alone
from sync.central.wire.links import OUTCOME_PATH
from sync.central.wire.query import Resource


def outcome_routes(desk: CentralDesk) -> list[Route]:
    """The route that takes outcomes."""

    async def outcomes(request: Request) -> Response:
        raw, body = await read_told(request, key="correlatorId")
        body_sha256 = hashlib.sha256(raw).hexdigest()
        find, note = _way_of(body)
        with desk.store.write() as connection:
            known = find(connection, body, body_sha256=body_sha256)
            if known is not None:
                return json_answer(known, headers={"X-Idempotent-Replay": "true"})
            receipt = OutcomeReceipt(
                outcome_id=new_id(desk.clock, desk.randomness),
                body_sha256=body_sha256,
                received_at=desk.clock.now(),
                change=next_change(connection),
            )
            resource = note(connection, body, receipt)
        return json_answer(resource, status=201)

    return [Route(OUTCOME_PATH, outcomes, methods=["POST"])]


class _Find(Protocol):
    def __call__(
        self, connection: Connection, body: Mapping[str, object], *, body_sha256: str
    ) -> Resource | None: ...


_Note = Callable[[Connection, Mapping[str, object], OutcomeReceipt], Resource]


def _way_of(body: Mapping[str, object]) -> tuple[_Find, _Note]:
    """How an outcome is found again and noted: of a cheque that cleared, one that went back, or of a bank receipt."""
    if is_clearing(body):
        return find_clearing, clear
    if is_return(body):
        return find_return, note_return
    told = read_outcome(body)
    if dealer_asking() is not None:
        # Whoever presented a bank receipt does not say what the bank said of it.
        raise operator_alone()

    def find(connection: Connection, body: Mapping[str, object], *, body_sha256: str) -> Resource | None:
        return find_outcome(connection, told.correlator_id, body_sha256=body_sha256)

    def note(connection: Connection, _: Mapping[str, object], receipt: OutcomeReceipt) -> Resource:
        return decide(connection, told, receipt)

    return find, note
