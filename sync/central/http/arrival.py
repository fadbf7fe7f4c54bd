"""What stands before every handler: no client takes more than its share, and what comes with a request beside its body
(address, query and headers) holds no card number.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote_plus

from starlette.types import ASGIApp, Receive, Scope, Send

from pos.domain.arrival import refuse_cards_in
from pos.domain.errors import Refused
from pos.domain.pan_guard import may_hold_card_number, refuse_card_number
from sync.central.http.limits import charge, charge_stray
from sync.central.wire.errors import card_number_refused
from sync.central.wire.links import HEALTH_PATH, METRICS_PATH, READY_PATH

_NOT_OF_THE_CLIENT = (b"host", b"content-length", b"traceparent", b"tracestate")

_NOT_COUNTED = frozenset((HEALTH_PATH, READY_PATH, METRICS_PATH))


class Arrival:
    """Raises ApiError before anything is read; the body is judged where it is (``answers.read_object``).

    ``charge_address``: for a central without tokens, where a client is known by its address.
    """

    def __init__(self, app: ASGIApp, *, charge_address: bool) -> None:
        self._app = app
        self._charge_address = charge_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self._charge_address and scope["path"] not in _NOT_COUNTED:
                charge(scope, None)
            try:
                _refuse_cards_beside_body(scope)
            except Refused as refusal:
                charge_stray(scope)
                raise card_number_refused(refusal) from None
        await self._app(scope, receive, send)


def _refuse_cards_beside_body(scope: Scope) -> None:
    if may_hold_card_number(scope["path"]):
        refuse_cards_in([*scope["path"].split("/")], whole="path")
    if scope["query_string"]:
        query = scope["query_string"].decode("latin-1")
        refuse_cards_in([unquote_plus(query), *parse_qsl(query, keep_blank_values=True)], whole="query")
    for name, value in scope["headers"]:
        if name not in _NOT_OF_THE_CLIENT:
            refuse_card_number(value.decode("latin-1"), field=name.decode("latin-1")[:200])
