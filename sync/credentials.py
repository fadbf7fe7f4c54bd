"""How a till shows who it is where tokens are given: at our central by a signature, at a foreign server by a secret.

Source: RFC 6749 section 4.4, RFC 7523 section 2.2.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote_plus

from pos.domain.ports import Clock, Randomness
from sync.oauth import ASSERTION_TYPE, AUDIENCE, key_text

GRANT = {"grant_type": "client_credentials"}
ASSERTION_LIVES_S = 120
JTI_BYTES = 16


class Credentials(Protocol):
    """``ask`` gives the form and the headers of a request for a token."""

    @property
    def token_url(self) -> str: ...

    def ask(self) -> tuple[Mapping[str, str], Mapping[str, str]]: ...

    def time_is(self, server_s: int) -> bool:
        """The server's own time (POSIX seconds). Whether asking anew by it may help."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A client id and its secret, in the header."""

    token_url: str
    client_id: str
    secret: str = field(repr=False)

    def ask(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return GRANT, {"Authorization": "Basic " + b64encode(pair.encode()).decode()}

    def time_is(self, server_s: int) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class Signature:
    """The till's own Ed25519 key (32 bytes). It signs by its own clock, or by central's once that was told."""

    token_url: str
    client_id: str
    private_key: bytes = field(repr=False)
    clock: Clock
    randomness: Randomness
    ahead_s: int = 0

    def ask(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        # Loaded when a token is needed: most commands of a till never ask for one.
        import jwt
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        at_s = int(self.clock.now().timestamp()) + self.ahead_s
        stated = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": AUDIENCE,
            "iat": at_s,
            "exp": at_s + ASSERTION_LIVES_S,
            "jti": key_text(self.randomness.token_bytes(JTI_BYTES)),
        }
        key = Ed25519PrivateKey.from_private_bytes(self.private_key)
        signed = jwt.encode(stated, key, algorithm="EdDSA")
        return {**GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}, {}

    def time_is(self, server_s: int) -> bool:
        before = self.ahead_s
        self.ahead_s = server_s - int(self.clock.now().timestamp())
        return self.ahead_s != before
