"""TMF676 v4 refund: list, one, the POST that undoes, pays back or moves; and what of a payment may still be refunded."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.api.payments import created
from sync.central.http.answers import answer_list, answer_one, json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import idempotency_key
from sync.central.payments.incoming import read_correlator
from sync.central.payments.payments import find_twin
from sync.central.refunds.holds import refundable_receipt
from sync.central.refunds.incoming_refund import read_refund
from sync.central.refunds.refunds import (
    REFUNDS,
    TWINS,
    RefundReceipt,
    receive_refund,
    refund_with_href,
    refundable,
    stored_refund,
)
from sync.central.vouchers.issuers import let_go_if_undone
from sync.central.wire.dealer_view import stored_key
from sync.central.wire.errors import ApiError
from sync.central.wire.links import REFUND_PATH, REFUNDABLE_PATH, RESOURCE_ID


def refund_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the refund resource, and of what is left to refund."""

    async def collection(request: Request) -> Response:
        if request.method == "POST":
            return await _post_refund(desk, request)
        return await answer_list(desk, request, REFUNDS)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, REFUNDS)

    async def left(request: Request) -> Response:
        return _refundable(desk, request)

    return [
        Route(REFUND_PATH, collection, methods=["GET", "POST"]),
        Route(f"{REFUND_PATH}/{{id}}", one, methods=["GET"]),
        Route(REFUNDABLE_PATH, left, methods=["GET"]),
    ]


async def _post_refund(desk: CentralDesk, request: Request) -> Response:
    """Carry a refund out once; the same key or correlatorId with the same bytes answers the first answer again, for ever.

    From the body to the commit nothing waits: of two that together are more than the payment the second is refused.
    """
    raw = await read_body(request)
    body = read_object(raw)
    key, correlator_id = idempotency_key(request), stored_key(read_correlator(body))
    body_sha256 = hashlib.sha256(raw).hexdigest()
    with let_go_if_undone(desk.issuers) as issuers, desk.store.write() as connection:
        twin = find_twin(
            connection,
            idempotency_key=key,
            correlator_id=correlator_id,
            body_sha256=body_sha256,
            among=TWINS,
        )
        if twin is not None:
            return created(stored_refund(twin, desk.links), replayed=True)
        receipt = RefundReceipt(
            idempotency_key=key,
            body_sha256=body_sha256,
            refund_id=new_id(desk.clock, desk.randomness),
            received_at=desk.clock.now(),
        )
        told = replace(read_refund(body), correlator_id=correlator_id)
        stored = receive_refund(connection, told, receipt, issuers)
    return created(refund_with_href(stored, desk.links), replayed=False)


def _refundable(desk: CentralDesk, request: Request) -> Response:
    """Of one payment by its id, or of all legs of a receipt."""
    asked = request.query_params.multi_items()
    name, value = asked[0] if len(asked) == 1 else ("", "")
    look = {"payment.id": refundable, "receiptNumber": refundable_receipt}.get(name)
    if look is None:
        raise ApiError(
            400, "bad_query", "Ask for one: payment.id=... or receiptNumber=...", field="payment.id"
        )
    found = None
    if RESOURCE_ID.fullmatch(value) is not None:
        with desk.store.read() as connection:
            found = look(connection, value)
    if found is None:
        code = "not_found" if name == "payment.id" else "refund_unknown_receipt"
        raise ApiError(404, code, "There is no such payment.")
    return json_answer(found)
