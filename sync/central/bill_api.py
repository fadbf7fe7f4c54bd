"""TMF678 v4 customerBill, of which only the state can be changed, and appliedCustomerBillingRate, read only."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.answers import answer_list, answer_one, json_answer, read_object, read_patch
from sync.central.bill_states import asked_state, change_state
from sync.central.bills import BILLS, RATES
from sync.central.desk import CentralDesk
from sync.central.errors import ApiError
from sync.central.links import RESOURCE_ID
from sync.central.listing import fetch_one
from sync.central.query import Collection


def bill_routes(desk: CentralDesk) -> list[Route]:
    """The routes of both resources."""

    async def bill(request: Request) -> Response:
        if request.method == "PATCH":
            return await _patch_bill(desk, request)
        return answer_one(desk, request, BILLS)

    async def rate(request: Request) -> Response:
        return answer_one(desk, request, RATES)

    return [
        _listed(desk, BILLS),
        Route(f"{BILLS.path}/{{id}}", bill, methods=["GET", "PATCH"]),
        _listed(desk, RATES),
        Route(f"{RATES.path}/{{id}}", rate, methods=["GET"]),
    ]


def _listed(desk: CentralDesk, of: Collection) -> Route:
    async def collection(request: Request) -> Response:
        return answer_list(desk, request, of)

    return Route(of.path, collection, methods=["GET"])


async def _patch_bill(desk: CentralDesk, request: Request) -> Response:
    """Set the state by a JSON merge patch; answers the whole bill."""
    state = asked_state(read_object(await read_patch(request)))
    bill_id = request.path_params["id"]
    shown = None
    if RESOURCE_ID.fullmatch(bill_id) is not None:
        with desk.store.write() as connection:
            change_state(connection, bill_id, state, at=desk.clock.now())
            shown = fetch_one(connection, BILLS, bill_id, desk.links)
    if shown is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return json_answer(shown)
