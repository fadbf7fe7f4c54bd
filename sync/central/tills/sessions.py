"""Who sits at which till: the last sign-in of each operator, so that the other till can lock.

A till says how long ago the sign-in was, so that neither its clock nor a telling that comes late puts it after another.
A dealer has operators of its own. Source: domain.md rule 27.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.http.answers import json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.wire.dealer_view import stored_key
from sync.central.wire.errors import ApiError
from sync.central.wire.fields import plain_text
from sync.central.wire.links import RESOURCE_ID, SESSION_PATH
from sync.wire_json import BadField

AGO_MAX_S = 7 * 24 * 3600


def session_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the session."""

    async def told(request: Request) -> Response:
        return _tell(desk, _operator(request), read_object(await read_body(request)))

    async def asked(request: Request) -> Response:
        return _latest(desk, _operator(request))

    path = f"{SESSION_PATH}/{{operator}}"
    return [Route(path, told, methods=["PUT"]), Route(path, asked, methods=["GET"])]


def _operator(request: Request) -> str:
    operator: str = request.path_params["operator"]
    if RESOURCE_ID.fullmatch(operator) is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return operator


def _tell(desk: CentralDesk, operator: str, body: Mapping[str, object]) -> Response:
    """A sign-in; the answer is the latest one, which may be another terminal's."""
    terminal, ago_s = plain_text(body, "terminal"), body.get("secondsAgo")
    if terminal is None or RESOURCE_ID.fullmatch(terminal) is None:
        raise BadField("terminal", "must be plain letters, digits, dots and dashes")
    if type(ago_s) is not int or not 0 <= ago_s <= AGO_MAX_S:
        raise BadField("secondsAgo", f"must be a whole number up to {AGO_MAX_S}")
    signed_in_at = (desk.clock.now() - timedelta(seconds=ago_s)).isoformat(timespec="microseconds")
    with desk.store.write() as connection:
        connection.execute(
            TELL, {"operator": stored_key(operator), "terminal": terminal, "signed_in_at": signed_in_at}
        )
    return _latest(desk, operator)


def _latest(desk: CentralDesk, operator: str) -> Response:
    with desk.store.read() as connection:
        row = connection.execute(FIND, {"operator": stored_key(operator)}).one_or_none()
    if row is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return json_answer(
        {
            "operator": operator,
            "terminal": row.terminal,
            "signedInAt": row.signed_in_at,
            "@type": "CounterfoilSession",
        }
    )


TELL = text(
    "INSERT INTO session (operator, terminal, signed_in_at) VALUES (:operator, :terminal, :signed_in_at)"
    " ON CONFLICT (operator) DO UPDATE SET terminal = excluded.terminal, signed_in_at = excluded.signed_in_at"
    " WHERE excluded.signed_in_at >= session.signed_in_at"
)
FIND = text("SELECT operator, terminal, signed_in_at FROM session WHERE operator = :operator")
