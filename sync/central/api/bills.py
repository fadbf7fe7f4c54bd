"""TMF678 v4: customerBill, of which only the state can be changed, appliedCustomerBillingRate, read only, and
customerBillOnDemand; of v5 billCycle, read only.
"""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.access.audit import AuditEvent, note
from sync.central.api.payments import created
from sync.central.bills.bills import BILLS, RATES
from sync.central.bills.cycles import BILL_CYCLES
from sync.central.bills.on_demand import (
    BILLS_ON_DEMAND,
    TWINS,
    DemandReceipt,
    demand_with_addresses,
    make_on_demand,
    read_asked,
    stored_demand,
)
from sync.central.bills.states import asked_state, change_state
from sync.central.http.answers import answer_list, answer_one, json_answer, read_body, read_object, read_patch
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import idempotency_key
from sync.central.payments.incoming import read_correlator
from sync.central.payments.payments import find_twin
from sync.central.wire.callers import client_asking
from sync.central.wire.dealer_view import stored_key
from sync.central.wire.errors import ApiError
from sync.central.wire.links import RESOURCE_ID
from sync.central.wire.listing import fetch_one
from sync.central.wire.query import Collection


def bill_routes(desk: CentralDesk) -> list[Route]:
    """The routes of these resources."""

    async def bill(request: Request) -> Response:
        if request.method == "PATCH":
            return await _patch_bill(desk, request)
        return answer_one(desk, request, BILLS)

    async def rate(request: Request) -> Response:
        return answer_one(desk, request, RATES)

    async def demands(request: Request) -> Response:
        if request.method == "POST":
            return await _post_demand(desk, request)
        return await answer_list(desk, request, BILLS_ON_DEMAND)

    async def demand(request: Request) -> Response:
        return answer_one(desk, request, BILLS_ON_DEMAND)

    async def cycle(request: Request) -> Response:
        return answer_one(desk, request, BILL_CYCLES)

    return [
        _listed(desk, BILLS),
        Route(f"{BILLS.path}/{{id}}", bill, methods=["GET", "PATCH"]),
        _listed(desk, RATES),
        Route(f"{RATES.path}/{{id}}", rate, methods=["GET"]),
        Route(BILLS_ON_DEMAND.path, demands, methods=["GET", "POST"]),
        Route(f"{BILLS_ON_DEMAND.path}/{{id}}", demand, methods=["GET"]),
        _listed(desk, BILL_CYCLES),
        Route(f"{BILL_CYCLES.path}/{{id}}", cycle, methods=["GET"]),
    ]


def _listed(desk: CentralDesk, of: Collection) -> Route:
    async def collection(request: Request) -> Response:
        return await answer_list(desk, request, of)

    return Route(of.path, collection, methods=["GET"])


async def _patch_bill(desk: CentralDesk, request: Request) -> Response:
    """Set the state by a JSON merge patch; answers the whole bill."""
    state = asked_state(read_object(await read_patch(request)))
    bill_id = request.path_params["id"]
    shown = None
    if RESOURCE_ID.fullmatch(bill_id) is not None:
        with desk.store.write() as connection:
            at = desk.clock.now()
            changed = change_state(connection, bill_id, state, at=at)
            shown = fetch_one(connection, BILLS, bill_id, desk.links)
            if changed:
                note(
                    connection,
                    AuditEvent.BILL_CHANGED,
                    bill_id,
                    at=at,
                    actor=client_asking(),
                    detail=f"state {state}",
                )
    if shown is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return json_answer(shown)


async def _post_demand(desk: CentralDesk, request: Request) -> Response:
    """Make a bill once: the same key or correlatorId with the same bytes answers what came of it the first time."""
    raw = await read_body(request)
    body = read_object(raw)
    key, correlator_id = idempotency_key(request), stored_key(read_correlator(body))
    body_sha256 = hashlib.sha256(raw).hexdigest()
    with desk.store.write() as connection:
        twin = find_twin(
            connection,
            idempotency_key=key,
            correlator_id=correlator_id,
            body_sha256=body_sha256,
            among=TWINS,
        )
        if twin is not None:
            return created(stored_demand(twin, desk.links), replayed=True)
        receipt = DemandReceipt(
            idempotency_key=key,
            correlator_id=correlator_id,
            body_sha256=body_sha256,
            demand_id=new_id(desk.clock, desk.randomness),
            received_at=desk.clock.now(),
        )
        made = make_on_demand(connection, read_asked(body), receipt)
    return created(demand_with_addresses(made, desk.links), replayed=False)
