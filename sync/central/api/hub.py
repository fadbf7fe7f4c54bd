"""The hubs of TMF676 and TMF678: listeners come and go; and the public keys by which they know that central told them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.http.answers import json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.hub.event_types import Api
from sync.central.hub.keys import list_keys, require_key
from sync.central.hub.listeners import ListenerHosts
from sync.central.hub.subscriptions import read_subscription, subscribe, unsubscribe
from sync.central.wire.callers import caller
from sync.central.wire.errors import ApiError
from sync.central.wire.links import BILL_HUB_PATH, HUB_KEY_PATH, PAYMENT_HUB_PATH, RESOURCE_ID


def hub_routes(desk: CentralDesk, hosts: ListenerHosts) -> list[Route]:
    """The routes of both hubs and of the keys."""

    async def keys(_request: Request) -> Response:
        return _keys(desk)

    return [
        *_hub(desk, hosts, Api.PAYMENT, PAYMENT_HUB_PATH),
        *_hub(desk, hosts, Api.BILL, BILL_HUB_PATH),
        Route(HUB_KEY_PATH, keys, methods=["GET"]),
    ]


def _hub(desk: CentralDesk, hosts: ListenerHosts, api: Api, path: str) -> list[Route]:
    async def listen(request: Request) -> Response:
        return await _listen(desk, hosts, api, path, request)

    async def leave(request: Request) -> Response:
        return _leave(desk, api, request.path_params["id"])

    return [
        Route(path, listen, methods=["POST"]),
        Route(f"{path}/{{id}}", leave, methods=["DELETE"]),
    ]


async def _listen(desk: CentralDesk, hosts: ListenerHosts, api: Api, path: str, request: Request) -> Response:
    body = read_object(await read_body(request))
    wanted = read_subscription(api, body, hosts, client_id=_client_id() or "")
    at, hub_id = desk.clock.now(), new_id(desk.clock, desk.randomness)
    try:
        with desk.store.write() as connection:
            subscribe(connection, wanted, hub_id=hub_id, at=at)
            require_key(connection, desk.randomness, at=at)
    except ApiError as error:
        if "id" in error.more:
            error.headers["Location"] = desk.links.of(path, str(error.more["id"]))
        raise
    shown = {"id": hub_id, "callback": wanted.callback, "query": wanted.query}
    return json_answer(shown, status=201, headers={"Location": desk.links.of(path, hub_id)})


def _leave(desk: CentralDesk, api: Api, hub_id: str) -> Response:
    ended = False
    if RESOURCE_ID.fullmatch(hub_id) is not None:
        with desk.store.write() as connection:
            ended = unsubscribe(connection, hub_id, at=desk.clock.now(), api=api, client_id=_client_id())
    if not ended:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return Response(status_code=204)


def _client_id() -> str | None:
    """Who asks; None where no token is asked for. A subscription is its maker's alone."""
    asking = caller()
    return None if asking is None else asking.client_id


def _keys(desk: CentralDesk) -> Response:
    with desk.store.read() as connection:
        keys = list_keys(connection)
    return json_answer(
        [
            {
                "id": key.key_id,
                "publicKey": key.public_key,
                "madeAt": key.made_at,
                "@type": "CounterfoilHubKey",
            }
            for key in keys
            if key.withdrawn_at is None
        ]
    )
