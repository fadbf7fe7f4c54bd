"""A central that asks for tokens, its clients, and tills that sign for theirs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pos.domain.payment_mode import PaymentModes
from pos.domain.ports import Clock, Randomness
from sync.central.access.clients import NewClient, make_client
from sync.central.access.gate import Access
from sync.central.app import make_app
from sync.central.store.database import CentralStore
from sync.central.wire.links import TOKEN_PATH
from sync.oauth import ASSERTION_TYPE, AUDIENCE, key_text
from sync.wire_json import loads
from tests.builders.own_document import hold_to_document
from tests.central.central_builders import BASE_URL, CountedRandomness

GRANT = {"grant_type": "client_credentials"}


@asynccontextmanager
async def guarded(
    store: CentralStore,
    clock: Clock,
    modes: PaymentModes | None = None,
    randomness: Randomness | None = None,
    **more: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """Spoken to without a token; each request may bring its own."""
    app = make_app(
        store,
        clock=clock,
        randomness=randomness or CountedRandomness(),
        base_url=BASE_URL,
        modes=modes,
        access=Access(),
        **more,
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url=BASE_URL,
        event_hooks={"response": [hold_to_document]},
    ) as opened:
        yield opened


class OtherRandomness(CountedRandomness):
    """The operator's own commands and the server draw from the same machine, never the same bytes."""

    def __init__(self, begin: int = 1_000_000) -> None:
        super().__init__()
        self._count = begin


def client_of(
    store: CentralStore,
    name: str,
    clock: Clock,
    *,
    dealer: str | None = None,
    scopes: tuple[str, ...] = (),
    randomness: Randomness | None = None,
) -> NewClient:
    """A client that the operator made."""
    with store.write() as connection:
        return make_client(
            connection,
            name,
            dealer=dealer,
            scopes=scopes,
            at=clock.now(),
            randomness=randomness or OtherRandomness(sum(name.encode()) * 1_000),
        )


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


async def ask_token(server: httpx.AsyncClient, made: NewClient, **form: str) -> httpx.Response:
    return await server.post(TOKEN_PATH, data={**GRANT, **form}, headers=basic(made.client_id, made.secret))


async def bearer(server: httpx.AsyncClient, made: NewClient) -> dict[str, str]:
    """The header that a client sends from now on."""
    answer = await ask_token(server, made)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {loads(answer.content)['access_token']}"}


def public_of(key: Ed25519PrivateKey) -> str:
    return key_text(key.public_key().public_bytes_raw())


def assertion(
    key: Ed25519PrivateKey, client_id: str, at_s: int, *, jti: str = "1", **claims: object
) -> dict[str, str]:
    """The form of a till that signs for its token."""
    stated: Mapping[str, Any] = {
        "iss": client_id,
        "sub": client_id,
        "aud": AUDIENCE,
        "iat": at_s,
        "exp": at_s + 120,
        "jti": jti,
        **claims,
    }
    signed = jwt.encode(dict(stated), key, algorithm="EdDSA")
    return {**GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
