"""The keys that events are signed with, and the signature as Standard Webhooks writes it.

Ed25519 (``v1a``), so that no secret is shared with a listener or kept for it: the public halves are published, and the
private ones stand in central's own store beside those that sign vouchers. Every key that was not withdrawn signs, so that
listeners can change from one to the next while both are good.
Source: standardwebhooks.com, the signature scheme of asymmetric keys.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pos.domain.ports import Randomness
from pos.domain.signature import KEY_BYTES, key_id_of, public_key_of, sign
from sync.central.access.audit import AuditEvent, note
from sync.central.hub.events import utc_text

PUBLIC_PREFIX = "whpk_"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubKey:
    """A key as listeners and people are told of it; ``public_key`` as ``whpk_`` and base64."""

    key_id: str
    public_key: str
    made_at: str
    withdrawn_at: str | None


def make_key(connection: Connection, randomness: Randomness, *, at: datetime) -> str:
    """A new key, which signs from now on beside the others; its id."""
    private_key = randomness.token_bytes(KEY_BYTES)
    public_key = public_key_of(private_key)
    key_id = key_id_of(public_key)
    connection.execute(
        INSERT_KEY,
        {
            "id": key_id,
            "public_key": b64encode(public_key).decode(),
            "private_key": b64encode(private_key).decode(),
            "made_at": utc_text(at),
        },
    )
    note(connection, AuditEvent.HUB_KEY_MADE, key_id, at=at)
    return key_id


def require_key(connection: Connection, randomness: Randomness, *, at: datetime) -> None:
    """See to it that there is one that signs."""
    if connection.execute(READ_PRIVATE).first() is None:
        make_key(connection, randomness, at=at)


def withdraw_key(connection: Connection, key_id: str, *, at: datetime) -> bool:
    """Sign with it no more. False: no such key, or it was withdrawn before."""
    if connection.execute(WITHDRAW_KEY, {"id": key_id, "at": utc_text(at)}).rowcount == 0:
        return False
    note(connection, AuditEvent.HUB_KEY_WITHDRAWN, key_id, at=at)
    return True


def list_keys(connection: Connection) -> list[HubKey]:
    """Every key, oldest first."""
    return [
        HubKey(
            key_id=row.id,
            public_key=PUBLIC_PREFIX + row.public_key,
            made_at=row.made_at,
            withdrawn_at=row.withdrawn_at,
        )
        for row in connection.execute(LIST_KEYS)
    ]


def private_keys(connection: Connection) -> tuple[bytes, ...]:
    """The keys that sign now, newest first."""
    return tuple(b64decode(row.private_key) for row in connection.execute(READ_PRIVATE))


def signature_headers(keys: tuple[bytes, ...], *, event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a delivery: its id, when it was sent (so that an old one is not played again), the signatures."""
    sent_at = int(at.timestamp())
    signed = f"{event_id}.{sent_at}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join("v1a," + b64encode(sign(key, signed)).decode() for key in keys),
    }


INSERT_KEY = text(
    "INSERT INTO hub_key (id, public_key, private_key, made_at)"
    " VALUES (:id, :public_key, :private_key, :made_at)"
)
READ_PRIVATE = text("SELECT private_key FROM hub_key WHERE withdrawn_at IS NULL ORDER BY made_at DESC, id")
WITHDRAW_KEY = text("UPDATE hub_key SET withdrawn_at = :at WHERE id = :id AND withdrawn_at IS NULL")
LIST_KEYS = text("SELECT id, public_key, made_at, withdrawn_at FROM hub_key ORDER BY made_at, id")
