"""Money that left suspense: a resource of our own, told once and known by the till's key."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.http.answers import json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.payments.transfers import TransferReceipt, find_transfer, move, read_transfer
from sync.central.store.database import next_change
from sync.central.wire.links import TRANSFER_PATH


def transfer_routes(desk: CentralDesk) -> list[Route]:
    """The route that takes transfers."""

    async def transfers(request: Request) -> Response:
        raw, body = await read_told(request, key="correlatorId")
        told = read_transfer(body)
        body_sha256 = hashlib.sha256(raw).hexdigest()
        with desk.store.write() as connection:
            known = find_transfer(connection, told.correlator_id, body_sha256=body_sha256)
            if known is not None:
                return json_answer(known, headers={"X-Idempotent-Replay": "true"})
            receipt = TransferReceipt(
                transfer_id=new_id(desk.clock, desk.randomness),
                body_sha256=body_sha256,
                received_at=desk.clock.now(),
                change=next_change(connection),
            )
            resource = move(connection, told, receipt)
        return json_answer(resource, status=201)

    return [Route(TRANSFER_PATH, transfers, methods=["POST"])]
