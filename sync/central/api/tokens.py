"""OAuth2 client credentials: a client gives its secret, or a statement that it signed, and gets a token for ten minutes.

Source: RFC 6749 sections 2.3.1, 4.4 and 5; RFC 7523 sections 2.2 and 3. An unknown client, a revoked one and a wrong secret
get the same answer after the same work.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.access.audit import AuditEvent, note
from sync.central.access.clients import Client, digest, find_client
from sync.central.access.tokens import count_try, give_token, use_once, wait_s
from sync.central.http.desk import CentralDesk
from sync.central.wire.callers import Scope
from sync.central.wire.links import TOKEN_PATH
from sync.oauth import ASSERTION_TYPE, AUDIENCE
from sync.wire_json import dumps

BODY_MAX = 8_192
FIELDS_MAX = 20
CLAIMS = ["iss", "sub", "aud", "exp", "iat", "jti"]
JTI_MAX = 200
ASSERTION_LIVES_MAX = timedelta(minutes=5)
CLOCKS_DIFFER = timedelta(seconds=60)
"""How far a client's clock may be off central's. A till whose clock is worse is told central's, and asks by it."""
NO_DIGEST = digest("")
NO_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
"""A public key that nobody signs with here (RFC 8037, appendix A): an unknown client costs the same work as a known one."""

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenRefused(Exception):
    """An answer of RFC 6749 section 5.2. ``wrong``: it counts as a wrong try of the client."""

    def __init__(
        self,
        error: str,
        why: str,
        *,
        status: int = 400,
        wrong: bool = False,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(why)
        self.error, self.why, self.status, self.wrong = error, why, status, wrong
        self.headers, self.more = dict(headers or {}), dict(more or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What a client showed of itself. ``basic``: in the header, so that the refusal names that way in its own."""

    client_id: str
    secret: str | None = None
    assertion: str | None = None
    basic: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Basic realm="counterfoil"'} if self.basic else {}


def token_routes(desk: CentralDesk) -> list[Route]:
    """The token endpoint."""

    async def token(request: Request) -> Response:
        try:
            return _answer(200, _give(desk, request, await _form(request)))
        except TokenRefused as refused:
            told = {"error": refused.error, "error_description": refused.why, **refused.more}
            return _answer(refused.status, told, refused.headers)

    return [Route(TOKEN_PATH, token, methods=["POST"])]


def _answer(status: int, told: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        dumps(told),
        status_code=status,
        headers={**NO_STORE, **(headers or {})},
        media_type="application/json;charset=utf-8",
    )


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TokenRefused("invalid_request", "Send a form (application/x-www-form-urlencoded).")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            raise TokenRefused("invalid_request", "The form is too long.", status=413)
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=FIELDS_MAX
        )
    except (ValueError, UnicodeDecodeError):
        raise TokenRefused("invalid_request", "The form cannot be read.") from None
    form = dict(fields)
    if len(form) != len(fields):
        raise TokenRefused("invalid_request", "A field is given twice.")
    return form


def _give(desk: CentralDesk, request: Request, form: Mapping[str, str]) -> dict[str, object]:
    shown = _shown(request, form)
    at = desk.clock.now()
    source = f"{shown.client_id}\n{request.client.host if request.client else ''}"
    with desk.store.read() as connection:
        wait = wait_s(connection, source, at=at)
    if wait:
        raise TokenRefused(
            "temporarily_unavailable",
            "Too many wrong tries. Wait.",
            status=429,
            headers={"Retry-After": str(wait)},
        )
    try:
        with desk.store.write() as connection:
            client = _proven(connection, shown, at=at)
            token = give_token(
                connection, client.caller, _wanted(form, client), at=at, randomness=desk.randomness
            )
    except TokenRefused as refused:
        if refused.wrong:
            _count(desk, shown, source, at)
        raise
    return {
        "access_token": token.token,
        "token_type": "Bearer",
        "expires_in": token.lives_s,
        "scope": " ".join(sorted(token.scopes)),
    }


def _count(desk: CentralDesk, shown: _Shown, source: str, at: datetime) -> None:
    """Only of a client that there is an event tells: what anybody may invent must not fill the store."""
    with desk.store.write() as connection:
        count_try(connection, source, at=at)
        if find_client(connection, shown.client_id) is not None:
            note(connection, AuditEvent.TOKEN_REFUSED, shown.client_id, at=at)


def _shown(request: Request, form: Mapping[str, str]) -> _Shown:
    """Raises TokenRefused where it is none of the three ways, or more than one."""
    given = request.headers.getlist("authorization")
    ways = bool(given) + ("client_secret" in form) + ("client_assertion" in form)
    if ways != 1 or len(given) > 1:
        if ways == 0:
            raise TokenRefused("invalid_client", "Send the client's id and secret.", status=401)
        raise TokenRefused("invalid_request", "Show who you are in one way.")
    if form.get("grant_type") != "client_credentials":
        missing = "grant_type" not in form
        raise TokenRefused(
            "invalid_request" if missing else "unsupported_grant_type", "The grant is client_credentials."
        )
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}.")
        return _Shown(client_id=_issuer(form), assertion=form["client_assertion"])
    if given:
        return _basic(given[0], form)
    if not form.get("client_id"):
        raise TokenRefused("invalid_request", "client_id is missing.")
    return _Shown(client_id=form["client_id"], secret=form["client_secret"])


def _basic(header: str, form: Mapping[str, str]) -> _Shown:
    kind, _, encoded = header.partition(" ")
    try:
        pair = b64decode(encoded.strip(), validate=True).decode("ascii")
    except (Base64Error, UnicodeDecodeError, ValueError):
        pair = ""
    client_id, colon, secret = pair.partition(":")
    shown = _Shown(client_id=unquote_plus(client_id), secret=unquote_plus(secret), basic=True)
    if kind.lower() != "basic" or not colon or form.get("client_id", shown.client_id) != shown.client_id:
        raise TokenRefused(
            "invalid_client", "The client's id and secret cannot be read.", status=401, headers=shown.headers
        )
    return shown


def _issuer(form: Mapping[str, str]) -> str:
    """Whose statement it says it is; nothing is believed yet."""
    claims = _claims(form["client_assertion"], None)
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or form.get("client_id", issuer) != issuer:
        raise TokenRefused("invalid_client", "The statement names no client.", status=401)
    return issuer


def _proven(connection: Connection, shown: _Shown, *, at: datetime) -> Client:
    client = find_client(connection, shown.client_id)
    if shown.assertion is None:
        kept = NO_DIGEST if client is None or client.secret_sha256 is None else client.secret_sha256
        proven = hmac.compare_digest(digest(shown.secret or ""), kept) and kept != NO_DIGEST
    else:
        key = NO_KEY if client is None or client.public_key is None else client.public_key
        claims = _claims(shown.assertion, key)
        proven = bool(claims) and key != NO_KEY
    if client is None or not proven or client.revoked_at is not None:
        raise TokenRefused(
            "invalid_client", "There is no such client.", status=401, wrong=True, headers=shown.headers
        )
    if shown.assertion is not None:
        _require_fresh(connection, client, claims, at=at)
    return client


def _claims(assertion: str, key: str | None) -> dict[str, Any]:
    """What it states; nothing where it is not signed by ``key`` (None: not asked)."""
    # Loaded when needed: a central without terminals that sign has no use for it.
    import jwt
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from jwt.types import Options

    # Times are judged by central's clock, not by the library's look at the machine's.
    unasked = Options(verify_exp=False, verify_nbf=False, verify_iat=False, verify_aud=False)
    try:
        if key is None:
            return jwt.decode(assertion, options={**unasked, "verify_signature": False})
        public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key + "="))
        return jwt.decode(assertion, public, algorithms=["EdDSA"], options={**unasked, "require": CLAIMS})
    except (jwt.InvalidTokenError, ValueError):
        return {}


def _require_fresh(
    connection: Connection, client: Client, claims: Mapping[str, Any], *, at: datetime
) -> None:
    """A statement is for central, of this moment, and used once. Raises TokenRefused."""
    issued, expires, jti = claims["iat"], claims["exp"], claims["jti"]
    for_us = claims["sub"] == claims["iss"] == client.caller.client_id and AUDIENCE in _audience(claims)
    formed = type(issued) is int and type(expires) is int and isinstance(jti, str) and 0 < len(jti) <= JTI_MAX
    if not for_us or not formed:
        raise TokenRefused("invalid_client", "The statement is not for this central.", status=401, wrong=True)
    now_s, apart_s = at.timestamp(), CLOCKS_DIFFER.total_seconds()
    lives_s = ASSERTION_LIVES_MAX.total_seconds()
    if expires < now_s - apart_s or issued > now_s + apart_s or expires > now_s + lives_s + apart_s:
        # Its key is known, so it may know the time: a till whose clock is wrong asks again by central's.
        raise TokenRefused(
            "invalid_client",
            "The statement is not of this time.",
            status=401,
            more={"server_time": int(now_s)},
        )
    until = datetime.fromtimestamp(expires, UTC) + CLOCKS_DIFFER
    if not use_once(connection, client.caller.client_id, jti, until=until, at=at):
        raise TokenRefused("invalid_client", "The statement was used before.", status=401, wrong=True)


def _audience(claims: Mapping[str, Any]) -> list[Any]:
    named = claims["aud"]
    return named if isinstance(named, list) else [named]


def _wanted(form: Mapping[str, str], client: Client) -> frozenset[Scope]:
    """All that the client may, or what it asks of that."""
    asked = frozenset(form.get("scope", "").split())
    if not asked:
        return client.caller.scopes
    if not asked <= frozenset(map(str, client.caller.scopes)):
        raise TokenRefused("invalid_scope", "This client may not have that scope.")
    return frozenset(Scope(one) for one in asked)
