"""What comes with a request beside its body (address, query and headers) holds no card number."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote_plus

from starlette.types import ASGIApp, Receive, Scope, Send

from pos.domain.arrival import refuse_cards_in
from pos.domain.errors import Refused
from sync.central.answers import error_answer
from sync.central.errors import card_number_refused
from sync.central.watch import note_code

_NOT_OF_THE_CLIENT = (b"host", b"content-length", b"traceparent", b"tracestate")


class CardGuard:
    """Answers 400 itself; the body is judged where it is read (``answers.read_object``)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                _refuse_cards_beside_body(scope)
            except Refused as refusal:
                refused = card_number_refused(refusal)
                note_code(scope, refused.code)
                await error_answer(refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refuse_cards_beside_body(scope: Scope) -> None:
    query = scope["query_string"].decode("latin-1")
    refuse_cards_in([*scope["path"].split("/")], whole="path")
    refuse_cards_in([unquote_plus(query), *parse_qsl(query, keep_blank_values=True)], whole="query")
    for name, value in scope["headers"]:
        if name not in _NOT_OF_THE_CLIENT:
            refuse_cards_in(value.decode("latin-1"), whole=name.decode("latin-1"))
