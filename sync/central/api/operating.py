"""What whoever runs central asks it: whether it lives, whether it may be sent work, and its figures."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.http.answers import json_answer
from sync.central.http.desk import CentralDesk
from sync.central.hub.figures import hub_figures
from sync.central.operating.metrics import MEDIA_TYPE, Metrics
from sync.central.schema.migrate import HEAD, READ_VERSION
from sync.central.store.database import current_change
from sync.central.wire.errors import ApiError
from sync.central.wire.links import HEALTH_PATH, METRICS_PATH, READY_PATH

READY_AGAIN_S = 2


def operating_routes(desk: CentralDesk, metrics: Metrics) -> list[Route]:
    """The routes beside the APIs."""

    async def health(_request: Request) -> Response:
        """The process lives; restarting it would help nothing."""
        return json_answer({"status": "pass"})

    async def ready(request: Request) -> Response:
        return _ready(desk, stopping=request.app.state.stopping)

    async def figures(_request: Request) -> Response:
        try:
            with desk.store.read() as connection:
                metrics.store_is_at(current_change(connection))
                metrics.events_are_at(hub_figures(connection))
        except SQLAlchemyError:
            metrics.store_is_at(None)
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return [
        Route(HEALTH_PATH, health, methods=["GET"]),
        Route(READY_PATH, ready, methods=["GET"]),
        Route(METRICS_PATH, figures, methods=["GET"]),
    ]


def _ready(desk: CentralDesk, *, stopping: bool) -> Response:
    """Work may be sent here. Raises ApiError 503 while it stops, and where the store is not at this program's version."""
    again = {"Retry-After": str(READY_AGAIN_S)}
    if stopping:
        raise ApiError(503, "stopping", "Central is stopping. Send work elsewhere.", headers=again)
    with desk.store.read() as connection:
        version = connection.execute(READ_VERSION).scalar_one()
    if version != HEAD:
        raise ApiError(503, "store_version", f"The store is of version {version}, not {HEAD}.", headers=again)
    return json_answer({"status": "pass", "storeVersion": version})
