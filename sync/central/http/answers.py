"""HTTP in and out: bounded strict bodies in, exact JSON and paging headers out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pos.domain.arrival import refuse_cards_in
from pos.domain.errors import Refused
from sync.central.http.desk import CentralDesk
from sync.central.http.limits import (
    BODY_DIGIT_GROUPS_MAX,
    BODY_MEMBERS_MAX,
    Limits,
    charge_bytes,
    charge_comparisons,
    limits_of,
    who_asks,
)
from sync.central.http.patience import within
from sync.central.store.database import current_change
from sync.central.wire.callers import told_by_own_terminal
from sync.central.wire.dealer_view import as_seen, hides_counts
from sync.central.wire.errors import ApiError, card_number_refused, error_body
from sync.central.wire.links import RESOURCE_ID
from sync.central.wire.listing import Page, at_once, fetch_one, read_page
from sync.central.wire.query import Collection, ListQuery, parse_fields, parse_list_query, select_fields
from sync.wire_json import WireJsonError, compact, dumps, loads

MEDIA_TYPE = "application/json;charset=utf-8"

_DIGITS = re.compile(rb"[0-9]+")
_CHARSET = r"\s*(;\s*charset\s*=\s*\"?utf-8\"?\s*)?;?"
_JSON_TYPE = re.compile(rf"application/json{_CHARSET}", re.IGNORECASE)
_PATCH_TYPE = re.compile(rf"application/(merge-patch\+)?json{_CHARSET}", re.IGNORECASE)


def json_answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Exact JSON in the media type that the specification declares."""
    return json_text_answer(dumps(value), status=status, headers=headers)


def json_text_answer(text: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """As ``json_answer``, of what is JSON already."""
    return Response(text, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def error_answer(error: ApiError) -> Response:
    """The TMF error body of a refusal."""
    return json_answer(error_body(error), status=error.status, headers=error.headers)


def answering(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """``endpoint`` as it is served; what it raises is answered further out (``refusals``)."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await endpoint(Request(scope, receive, send))
        await answer(scope, receive, send)

    return served


async def read_body(request: Request, *, at_most: int | None = None) -> bytes:
    """The body's bytes. Raises ApiError 415 for another media type, 413 for a body over the limit, before reading more,
    and 408 for one that is not here in time. ``at_most``: so many bytes, where the limit is more.
    """
    if _JSON_TYPE.fullmatch(request.headers.get("content-type", "").strip()) is None:
        raise ApiError(
            415, "unsupported_media_type", "Send application/json or application/json;charset=utf-8."
        )
    return await _read_bounded(request, at_most)


async def read_patch(request: Request) -> bytes:
    """As ``read_body``, for a PATCH: a JSON merge patch, also where it is called plain JSON."""
    if _PATCH_TYPE.fullmatch(request.headers.get("content-type", "").strip()) is None:
        raise ApiError(
            415,
            "unsupported_media_type",
            "Send application/merge-patch+json or application/json.",
            headers={"Accept-Patch": "application/merge-patch+json, application/json"},
        )
    return await _read_bounded(request)


async def _read_bounded(request: Request, at_most: int | None = None) -> bytes:
    limits = limits_of(request)
    if at_most is not None:
        limits = replace(limits, body_bytes=min(limits.body_bytes, at_most))
    try:
        return await within(limits.body_s, _bytes_of(request, limits))
    except TimeoutError:
        raise ApiError(
            408,
            "body_too_slow",
            f"The body was not here within {limits.body_s} seconds.",
            headers={"Connection": "close"},
        ) from None


async def _bytes_of(request: Request, limits: Limits) -> bytes:
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and (len(told) > 15 or int(told) > limits.body_bytes):
        raise _too_large(limits)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect()
        part = message.get("body", b"")
        size += len(part)
        if size > limits.body_bytes:
            raise _too_large(limits)
        parts.append(part)
        more = message.get("more_body", False)
    charge_bytes(request.scope, size)
    return b"".join(parts)


def _too_large(limits: Limits) -> ApiError:
    return ApiError(413, "body_too_large", f"The body is larger than {limits.body_bytes} bytes.")


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object, strictly, without a card number in any key or value. Raises ApiError 400.

    Where there is a token, a terminal that the object names is the token's: else ApiError 403. A till's names its own.
    """
    value, _ = _read_object(body)
    return value


def read_written(body: bytes) -> tuple[dict[str, Any], str | None]:
    """As ``read_object``, with the text of the object as ``dumps`` writes it; None where that takes writing it."""
    value, was_changed = _read_object(body)
    return value, None if was_changed else compact(body.decode())


def _read_object(body: bytes) -> tuple[dict[str, Any], bool]:
    """The object, and whether it says more than its bytes."""
    try:
        value = loads(body)
    except WireJsonError as error:
        raise ApiError(400, "bad_json", f"The body is {error}.") from None
    if not isinstance(value, dict):
        raise ApiError(400, "bad_json", "The body must be a JSON object.")
    _refuse_many_members(body, value)
    _refuse_many_digits(body)
    try:
        refuse_cards_in(value, whole="body", written=body.decode())
    except Refused as refusal:
        raise card_number_refused(refusal) from None
    return value, told_by_own_terminal(value)


def _refuse_many_members(body: bytes, value: object) -> None:
    # Each member has a comma or a bracket before it, so most bodies need no walk, and short ones no count.
    if (
        len(body) <= BODY_MEMBERS_MAX
        or body.count(b",") + body.count(b"[") + body.count(b"{") <= BODY_MEMBERS_MAX
    ):
        return
    left, members = [value], 0
    while left:
        found = left.pop()
        inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        left.extend(inner)
        members += len(inner)
    if members > BODY_MEMBERS_MAX:
        raise ApiError(
            400, "bad_json", f"The body has more than {BODY_MEMBERS_MAX} keys and entries of lists."
        )


def _refuse_many_digits(body: bytes) -> None:
    if len(body) > BODY_DIGIT_GROUPS_MAX and len(_DIGITS.findall(body)) > BODY_DIGIT_GROUPS_MAX:
        raise ApiError(400, "bad_json", f"The body has more than {BODY_DIGIT_GROUPS_MAX} groups of digits.")


async def answer_list(desk: CentralDesk, request: Request, collection: Collection) -> Response:
    """One page with its counts, its neighbours and the change number at which it was read."""
    collection = as_seen(collection)
    query = parse_list_query(request.query_params.multi_items(), collection, desk.links)

    def read(connection: Connection) -> Generator[int, None, tuple[Page, int]]:
        page = yield from read_page(connection, collection, query, desk.links)
        return page, current_change(connection)

    if query.row_by_row and desk.store.reads_aside:
        page, change = await desk.turns.read(
            desk.store.read,
            read,
            client=who_asks(request.scope),
            took=partial(charge_comparisons, request.scope),
        )
    else:
        with desk.store.read() as connection:
            page, change = at_once(read(connection))
    headers = {
        "X-Total-Count": str(page.total),
        "X-Result-Count": str(len(page.rows)),
        **({} if hides_counts() else {"X-Change-Number": str(change)}),
        "Link": _page_links(desk, request, collection, query, total=page.total),
    }
    return json_answer(page.rows, headers=headers)


def answer_one(desk: CentralDesk, request: Request, collection: Collection) -> Response:
    """The resource that the path names. Raises ApiError 404 for an unknown id and for what cannot be one."""
    collection = as_seen(collection)
    fields = parse_fields(request.query_params.multi_items(), collection)
    resource_id = request.path_params["id"]
    resource = None
    if RESOURCE_ID.fullmatch(resource_id) is not None:
        with desk.store.read() as connection:
            resource = fetch_one(connection, collection, resource_id, desk.links)
    if resource is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return json_answer(select_fields(resource, fields))


def _page_links(
    desk: CentralDesk, request: Request, collection: Collection, query: ListQuery, *, total: int
) -> str:
    others = [
        (name, value) for name, value in request.query_params.multi_items() if name not in ("offset", "limit")
    ]
    step = max(query.limit, 1)
    last = max(total - 1, 0) // step * step
    offsets = {"self": query.offset, "first": 0, "last": last}
    if query.offset + query.limit < total:
        offsets["next"] = query.offset + query.limit
    if query.offset > 0:
        offsets["prev"] = max(query.offset - step, 0)
    return ", ".join(
        f"<{desk.links.base_url}{collection.path}?"
        f'{urlencode([*others, ("offset", offset), ("limit", query.limit)])}>; rel="{relation}"'
        for relation, offset in offsets.items()
    )
