"""TMF678 v4 customerBill and appliedCustomerBillingRate, read only."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.answers import answer_list, answer_one
from sync.central.bills import BILLS, RATES
from sync.central.desk import CentralDesk
from sync.central.query import Collection


def bill_routes(desk: CentralDesk) -> list[Route]:
    """The routes of both resources."""
    return [*_read_routes(desk, BILLS), *_read_routes(desk, RATES)]


def _read_routes(desk: CentralDesk, of: Collection) -> list[Route]:
    async def collection(request: Request) -> Response:
        return answer_list(desk, request, of)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, of)

    return [
        Route(of.path, collection, methods=["GET"]),
        Route(f"{of.path}/{{id}}", one, methods=["GET"]),
    ]
