"""Bounced cheques: a resource of our own, told once and known by the till's key; collections reads what came of each."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.http.answers import answer_list, answer_one, json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.refunds.dishonour_legs import IncomingLeg, find_leg_told, is_of_a_leg, read_leg, receive_leg
from sync.central.refunds.dishonours import (
    DISHONOURS,
    DishonourReceipt,
    find_told,
    read_dishonour,
    receive_dishonour,
)
from sync.central.store.database import next_change
from sync.central.wire.links import DISHONOUR_PATH


def dishonour_routes(desk: CentralDesk) -> list[Route]:
    """The routes that take bounces and list them."""

    async def told(request: Request) -> Response:
        raw, body = await read_told(request, key="correlatorId")
        body_sha256 = hashlib.sha256(raw).hexdigest()
        bounce = read_leg(body) if is_of_a_leg(body) else read_dishonour(body)
        with desk.store.write() as connection:
            find = find_leg_told if isinstance(bounce, IncomingLeg) else find_told
            known = find(connection, bounce.correlator_id, body_sha256=body_sha256)
            if known is not None:
                return json_answer(known, headers={"X-Idempotent-Replay": "true"})
            receipt = DishonourReceipt(
                body_sha256=body_sha256, received_at=desk.clock.now(), change=next_change(connection)
            )
            resource = (
                receive_leg(connection, bounce, receipt)
                if isinstance(bounce, IncomingLeg)
                else receive_dishonour(connection, bounce, receipt)
            )
        return json_answer(resource, status=201)

    async def listed(request: Request) -> Response:
        return await answer_list(desk, request, DISHONOURS)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, DISHONOURS)

    return [
        Route(DISHONOUR_PATH, told, methods=["POST"]),
        Route(DISHONOUR_PATH, listed, methods=["GET"]),
        Route(f"{DISHONOUR_PATH}/{{id}}", one, methods=["GET"]),
    ]
