"""Words of the token endpoint that both ends use."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

PUBLIC_KEY_BYTES = 32

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUDIENCE = "urn:counterfoil:central"
"""Whom a till's signed statement is for. No address: a till may reach central by the name of a proxy."""


def terminal_client(terminal: str, epoch: int) -> str:
    """A till's client id: each enrolment is a client of its own."""
    return f"{terminal}:{epoch}"


def key_text(raw: bytes) -> str:
    """A key as it travels: base64url without padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def is_public_key(text: str) -> bool:
    """Whether it can be an Ed25519 public key."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=")
    except (Base64Error, ValueError):
        return False
    return len(raw) == PUBLIC_KEY_BYTES and key_text(raw) == text
