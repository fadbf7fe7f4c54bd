"""Holding what is to be paid back of another terminal's payment, and letting it go: a resource of our own."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.money import Money
from sync.central.http.answers import json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.refunds.holds import LEGS_MAX, RefundHoldAsked, hold_refund, release_refund_hold
from sync.central.wire.errors import ApiError
from sync.central.wire.fields import as_mapping, needed_text, positive
from sync.central.wire.links import REFUND_HOLD_PATH, RESOURCE_ID
from sync.wire_json import BadField


def refund_hold_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the hold."""

    async def holds(request: Request) -> Response:
        asked = _read_asked((await read_told(request, key="id"))[1])
        with desk.store.write() as connection:
            held, again = hold_refund(connection, asked, at=desk.clock.now())
        return json_answer(held, status=200 if again else 201)

    async def one(request: Request) -> Response:
        hold_id = request.path_params["id"]
        if RESOURCE_ID.fullmatch(hold_id) is None:
            raise ApiError(404, "not_found", "There is no resource of this id.")
        with desk.store.write() as connection:
            release_refund_hold(connection, hold_id, at=desk.clock.now())
        return Response(status_code=204)

    return [
        Route(REFUND_HOLD_PATH, holds, methods=["POST"]),
        Route(f"{REFUND_HOLD_PATH}/{{id}}", one, methods=["DELETE"]),
    ]


def _read_asked(body: Mapping[str, object]) -> RefundHoldAsked:
    hold_id = needed_text(body, "id", field="id")
    if RESOURCE_ID.fullmatch(hold_id) is None:
        raise BadField("id", "must be plain letters, digits, dots and dashes")
    return RefundHoldAsked(
        hold_id=hold_id,
        terminal=needed_text(body, "terminal", field="terminal"),
        operator=needed_text(body, "operator", field="operator"),
        receipt_number=needed_text(body, "receiptNumber", field="receiptNumber"),
        legs=_read_legs(body.get("legs")),
        own=body.get("own") is True,
    )


def _read_legs(told: object) -> tuple[tuple[str, Money], ...]:
    if not isinstance(told, list) or not 0 < len(told) <= LEGS_MAX:
        raise BadField("legs", f"must be a list of 1 to {LEGS_MAX} legs")
    legs: dict[str, Money] = {}
    for index, entry in enumerate(told):
        leg = as_mapping(entry, field=f"legs[{index}]")
        paid = as_mapping(leg.get("payment"), field=f"legs[{index}].payment")
        payment_id = needed_text(paid, "id", field=f"legs[{index}].payment.id")
        if payment_id in legs:
            raise BadField(f"legs[{index}].payment.id", "stands there twice")
        legs[payment_id] = positive(leg.get("amount"), field=f"legs[{index}].amount")
    return tuple(legs.items())
