"""Asking for a second person at another terminal, and answering: a resource of our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.approval import OPEN_FOR
from sync.central.http.answers import json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.tills.approvals import (
    IncomingAnswer,
    IncomingRequest,
    close_request,
    keep_answer,
    keep_request,
    requests_of_a_day,
)
from sync.central.wire.errors import ApiError
from sync.central.wire.fields import needed_text, plain_text
from sync.central.wire.links import APPROVAL_PATH, RESOURCE_ID
from sync.wire_json import BadField

PEOPLE_MAX, ACCOUNTS_MAX = 20, 50
TOLD_AS_TEXT = ("terminal", "request", "act", "what", "contentDigest", "requester")


def approval_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the request, and of its answer."""

    async def requests(request: Request) -> Response:
        now = desk.clock.now()
        if request.method == "GET":
            with desk.store.read() as connection:
                return json_answer(requests_of_a_day(connection, now=now))
        _, body = await read_told(request, key="id")
        request_id, told = _read_request(body)
        asked = IncomingRequest(
            request_id=request_id, terminal=str(told["terminal"]), asked_at=now - _ago(body), body=told
        )
        with desk.store.write() as connection:
            kept, again = keep_request(connection, asked, now=now)
        return json_answer(kept, status=200 if again else 201)

    async def one(request: Request) -> Response:
        with desk.store.write() as connection:
            close_request(connection, _id(request), now=desk.clock.now())
        return Response(status_code=204)

    async def answer(request: Request) -> Response:
        request_id, now = _id(request), desk.clock.now()
        _, body = await read_told(request, key="id")
        approved = body.get("approved")
        if not isinstance(approved, bool):
            raise BadField("approved", "must be true or false")
        given = IncomingAnswer(
            answer_id=_plain_id(body),
            digest=needed_text(body, "contentDigest", field="contentDigest"),
            approved=approved,
            user=needed_text(body, "user", field="user"),
            terminal=needed_text(body, "terminal", field="terminal"),
            reason=plain_text(body, "reason"),
            given_at=now - _ago(body),
        )
        with desk.store.write() as connection:
            kept, again = keep_answer(connection, request_id, given, now=now)
        return json_answer(kept, status=200 if again else 201)

    return [
        Route(APPROVAL_PATH, requests, methods=["GET", "POST"]),
        Route(f"{APPROVAL_PATH}/{{id}}", one, methods=["DELETE"]),
        Route(f"{APPROVAL_PATH}/{{id}}/answer", answer, methods=["POST"]),
    ]


def _id(request: Request) -> str:
    found: str = request.path_params["id"]
    if RESOURCE_ID.fullmatch(found) is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return found


def _plain_id(body: Mapping[str, object]) -> str:
    found = needed_text(body, "id", field="id")
    if RESOURCE_ID.fullmatch(found) is None:
        raise BadField("id", "must be plain letters, digits, dots, colons and dashes")
    return found


def _ago(body: Mapping[str, object]) -> timedelta:
    """A till says how long ago, so that its clock has to be right for nobody."""
    ago_s, most_s = body.get("secondsAgo"), int(OPEN_FOR.total_seconds())
    if type(ago_s) is not int or not 0 <= ago_s <= most_s:
        raise BadField("secondsAgo", f"must be a whole number up to {most_s}")
    return timedelta(seconds=ago_s)


def _read_request(body: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    told: dict[str, object] = {name: needed_text(body, name, field=name) for name in TOLD_AS_TEXT}
    epoch = body.get("epoch")
    if type(epoch) is not int or epoch < 0:
        raise BadField("epoch", "must be a whole number")
    told["epoch"] = epoch
    told["reason"] = plain_text(body, "reason")
    told["accounts"] = _texts(body, "accounts", ACCOUNTS_MAX)
    told["notBy"] = _texts(body, "notBy", PEOPLE_MAX)
    return _plain_id(body), told


def _texts(body: Mapping[str, object], name: str, most: int) -> list[str]:
    found = body.get(name, [])
    if not isinstance(found, list) or len(found) > most:
        raise BadField(name, f"must be a list of at most {most} texts")
    return [needed_text({name: one}, name, field=f"{name}[{index}]") for index, one in enumerate(found)]
