"""What central notes of each request while it passes: its id, how long it took, what became of it.

The id is the client's own ``X-Request-Id`` where that is plain, and is answered in the same header. Nothing else of what a
client sends is noted: the route stands for the path, and neither query nor body is looked at.
Source: reliability.md section 5.5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pos.domain.encode import fault_place
from pos.domain.pan_guard import holds_card_number
from pos.domain.ports import Clock, Randomness

REQUEST_ID = "X-Request-Id"
_ID_HEADER = REQUEST_ID.lower().encode()
UNMATCHED = "unmatched"
OTHER_METHOD = "OTHER"
_SCOPE_CODE = "counterfoil.code"
CLIENT = "counterfoil.client"
"""Where in the scope the authenticated client's id stands."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONG_NUMBER = re.compile(r"[0-9]{7}")
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request as it may be told to anybody. ``status`` None: it ended unanswered; ``code`` is that of a refusal.

    ``fault`` and ``place`` name a fault of the program by its class and its line. ``replayed``: told again, not done again.
    """

    request_id: str
    method: str
    route: str
    status: int | None
    code: str | None
    replayed: bool
    took_s: float
    bytes_in: int
    bytes_out: int
    client: str | None
    fault: str | None
    place: str | None


class Watch:
    """Outermost: it sees what every other part answers, and answers what they raise.

    ``refusal_of`` makes an answer of an error that is an outcome; what it makes none of is told as ``internal_error`` and
    raised on, to the server. ``tell`` is called once each request has ended.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: Clock,
        randomness: Randomness,
        tell: Sequence[Callable[[Visit], None]],
        refusal_of: Callable[[Scope, Exception], ASGIApp | None],
        internal_error: Callable[[], ASGIApp],
    ) -> None:
        self._app = app
        self._refusal_of = refusal_of
        self._internal_error = internal_error
        self._clock = clock
        self._tell = tell
        # Letters, so that no id is ever taken for a number of a card or a phone.
        self._run = randomness.token_bytes(8).hex().translate(_LETTERS)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or f"{self._run}-{next(self._numbers)}"
        seen = _Seen(scope, receive, send, request_id)
        fault: Exception | None = None
        started = self._clock.monotonic_s()
        try:
            await self._app(scope, seen.receive, seen.send)
        except Exception as error:
            refusal = None if seen.status is not None else self._refusal_of(scope, error)
            fault = error if refusal is None else None
            if seen.status is None:
                await (refusal or self._internal_error())(scope, seen.receive, seen.send)
            if fault is not None:
                raise
        finally:
            visit = Visit(
                request_id=request_id,
                method=scope["method"] if scope["method"] in _METHODS else OTHER_METHOD,
                route=_route(scope),
                status=seen.status,
                code="internal_error" if fault is not None else scope.get(_SCOPE_CODE),
                replayed=seen.replayed,
                took_s=self._clock.monotonic_s() - started,
                bytes_in=seen.bytes_in,
                bytes_out=seen.bytes_out,
                client=scope.get(CLIENT),
                fault=None if fault is None else type(fault).__name__,
                place=None if fault is None else fault_place(fault.__traceback__),
            )
            for tell in self._tell:
                tell(visit)


class _Seen:
    """The request's messages on their way in and out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self.status: int | None = None
        self.replayed = False
        self.bytes_in = 0
        self.bytes_out = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.replayed = (b"x-idempotent-replay", b"true") in message["headers"]
            message["headers"].append((_ID_HEADER, self._request_id.encode()))
            if self._scope["app"].state.stopping:
                # The client's next request then goes where work is still taken.
                MutableHeaders(scope=message)["Connection"] = "close"
        self.bytes_out += len(message.get("body", b""))
        await self._send(message)


def note_code(scope: Scope, code: str) -> None:
    """Why the request under way is refused: one of our own codes, never a word of the client's."""
    scope[_SCOPE_CODE] = code


def _given_id(scope: Scope) -> str | None:
    """The client's own id, unless it could hide a number of a card, a phone or an account."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _ID_HEADER), "")
    if _PLAIN.fullmatch(given) is None or holds_card_number(given):
        return None
    return given if _UUID.fullmatch(given) or _LONG_NUMBER.search(given) is None else None


def _route(scope: Scope) -> str:
    """The template, such as ``/counterfoil/v1/account/{id}``; a path that no route has is the client's own words."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else UNMATCHED
