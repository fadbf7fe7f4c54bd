"""TMF676 v4 payment: list, one, and the POST that is the reason for all of this."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.http.answers import (
    answer_list,
    answer_one,
    json_answer,
    json_text_answer,
    read_body,
    read_written,
)
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import idempotency_key
from sync.central.payments.acceptance import require_accepted
from sync.central.payments.incoming import read_correlator, read_incoming
from sync.central.payments.known import read_known
from sync.central.payments.payments import (
    NUMBER_TAKEN,
    PAYMENTS,
    Receipt,
    answer_kept,
    find_twin,
    receive,
    stored_resource,
    with_href,
)
from sync.central.tills.terminals import note_clone
from sync.central.vouchers.issuers import VoucherIssuer, let_go_if_undone
from sync.central.wire.callers import client_asking
from sync.central.wire.dealer_view import dealer_asking, require_dealers_own, stored_key, without_counts
from sync.central.wire.errors import ApiError
from sync.central.wire.links import PAYMENT_PATH
from sync.central.wire.query import Resource
from sync.wire_json import loads


def payment_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the payment resource."""

    async def collection(request: Request) -> Response:
        if request.method == "POST":
            return await _post_payment(desk, request)
        return await answer_list(desk, request, PAYMENTS)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, PAYMENTS)

    return [
        Route(PAYMENT_PATH, collection, methods=["GET", "POST"]),
        Route(f"{PAYMENT_PATH}/{{id}}", one, methods=["GET"]),
    ]


async def _post_payment(desk: CentralDesk, request: Request) -> Response:
    """Store and apply a payment once.

    The same key or correlatorId with the same bytes answers the first answer again, for ever and unchecked: a rule that
    came later must not refuse what was accepted. Each is carried out after the other, so twins cannot meet.
    """
    raw = await read_body(request)
    body, written = read_written(raw)
    key, correlator_id = idempotency_key(request), stored_key(read_correlator(body))
    body_sha256 = hashlib.sha256(raw).hexdigest()

    def store(connection: Connection, issuers: Mapping[str, VoucherIssuer]) -> Response:
        twin = find_twin(
            connection, idempotency_key=key, correlator_id=correlator_id, body_sha256=body_sha256
        )
        if twin is not None:
            return created(stored_resource(twin, desk.links), replayed=True)
        receipt = Receipt(
            idempotency_key=key,
            body_sha256=body_sha256,
            payment_id=new_id(desk.clock, desk.randomness),
            received_at=desk.clock.now(),
        )
        require_dealers_own(connection, body)
        incoming = read_incoming(body, correlator_id=correlator_id, written=written)
        known = read_known(connection, incoming)
        require_accepted(connection, incoming, known, desk.modes)
        kept = receive(connection, incoming, receipt, issuers, known=known, tolerance=desk.tolerance)
        if dealer_asking() is not None:
            return created(with_href(loads(kept), desk.links), replayed=False)
        return json_text_answer(
            answer_kept(kept, desk.links),
            status=201,
            headers={"Location": desk.links.payment(receipt.payment_id)},
        )

    try:
        if "voucherHold" in body or "voucherTaken" in body:
            # Its issuer is told before the commit, so it shares the commit with nobody.
            with let_go_if_undone(desk.issuers) as issuers, desk.store.write() as connection:
                return store(connection, issuers)
        return await desk.group.write(lambda connection: store(connection, {}))
    except ApiError as refused:
        if refused.code == NUMBER_TAKEN:
            _tell_of_clone(desk, body)
        raise


def _tell_of_clone(desk: CentralDesk, body: Mapping[str, Any]) -> None:
    """The back office hears of it once; nothing of the payment itself was stored."""
    with desk.store.write() as connection:
        note_clone(connection, body["terminal"], body["epoch"], actor=client_asking(), at=desk.clock.now())


def created(resource: Resource, *, replayed: bool) -> Response:
    """What was stored now, or before (``replayed``), with its address."""
    resource, headers = without_counts(resource), {"Location": resource["href"]}
    if replayed:
        headers["X-Idempotent-Replay"] = "true"
    return json_answer(resource, status=201, headers=headers)
