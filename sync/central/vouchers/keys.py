"""The keys that our own vouchers are signed with: made at the first need, told to tills by their public half.

The private half stands in central's own store: whoever can read that store can sign vouchers, so its file belongs to
central's user alone. A key that has become known is withdrawn; tills then take nothing signed by it without central.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from pos.domain.ports import Randomness
from pos.domain.signature import KEY_BYTES, bytes_of, key_id_of, letters_of, public_key_of
from pos.domain.signed_voucher import read_public_key
from sync.wire_json import BadField


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that vouchers are signed with."""

    key_id: str
    private_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyShown:
    """A key as people and tills are told of it. ``signs`` False: only its public half is here."""

    key_id: str
    public_key: str
    made_at: str
    withdrawn_at: str | None
    signs: bool


def make_key(connection: Connection, randomness: Randomness, *, at: datetime) -> SigningKey:
    """A new key; what is issued from now on is signed with it, and the older ones go on being good."""
    private_key = randomness.token_bytes(KEY_BYTES)
    public_key = public_key_of(private_key)
    key = SigningKey(key_id=key_id_of(public_key), private_key=private_key)
    connection.execute(
        INSERT_KEY,
        {
            "id": key.key_id,
            "public_key": letters_of(public_key),
            "private_key": letters_of(private_key),
            "made_at": _utc(at),
        },
    )
    return key


def current_key(connection: Connection, randomness: Randomness, *, at: datetime) -> SigningKey:
    """The newest key that signs and was not withdrawn; made now where there is none."""
    row = connection.execute(NEWEST_KEY).first()
    if row is None:
        return make_key(connection, randomness, at=at)
    return _signing(row.id, row.private_key)


def key_of(connection: Connection, key_id: str) -> SigningKey | None:
    """The key of this id, withdrawn or not; None where it cannot sign here."""
    row = connection.execute(FIND_KEY, {"id": key_id}).first()
    return None if row is None or row.private_key is None else _signing(row.id, row.private_key)


def withdraw_key(connection: Connection, key_id: str, *, at: datetime) -> bool:
    """Let nothing signed by it count without central any more. False: no such key, or it was withdrawn before."""
    return connection.execute(WITHDRAW_KEY, {"id": key_id, "at": _utc(at)}).rowcount == 1


def list_keys(connection: Connection) -> list[KeyShown]:
    """Every key, oldest first."""
    return [
        KeyShown(
            key_id=row.id,
            public_key=row.public_key,
            made_at=row.made_at,
            withdrawn_at=row.withdrawn_at,
            signs=row.private_key is not None,
        )
        for row in connection.execute(LIST_KEYS)
    ]


def load_keys(connection: Connection, rows: Sequence[Mapping[str, Any]], *, at: str) -> None:
    """Public keys from a fixture: their vouchers are signed elsewhere. Raises BadField naming the row."""
    for index, row in enumerate(rows):
        letters = row.get("public_key")
        public_key = read_public_key(letters) if isinstance(letters, str) else None
        if public_key is None or not isinstance(letters, str):
            raise BadField(f"voucher_keys[{index}].public_key", "must be a public key in letters")
        key_id = key_id_of(public_key)
        if connection.execute(FIND_KEY, {"id": key_id}).first() is None:
            connection.execute(
                INSERT_KEY, {"id": key_id, "public_key": letters, "private_key": None, "made_at": at}
            )
        if row.get("withdrawn") is True:
            connection.execute(WITHDRAW_KEY, {"id": key_id, "at": at})


def _signing(key_id: str, letters: str) -> SigningKey:
    private_key = bytes_of(letters, KEY_BYTES)
    assert private_key is not None, "central wrote it itself"
    return SigningKey(key_id=key_id, private_key=private_key)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


INSERT_KEY = text(
    "INSERT INTO voucher_key (id, public_key, private_key, made_at)"
    " VALUES (:id, :public_key, :private_key, :made_at)"
)
NEWEST_KEY = text(
    "SELECT id, private_key FROM voucher_key WHERE private_key IS NOT NULL AND withdrawn_at IS NULL"
    " ORDER BY made_at DESC, id LIMIT 1"
)
FIND_KEY = text("SELECT id, private_key FROM voucher_key WHERE id = :id")
WITHDRAW_KEY = text("UPDATE voucher_key SET withdrawn_at = :at WHERE id = :id AND withdrawn_at IS NULL")
LIST_KEYS = text(
    "SELECT id, public_key, private_key, made_at, withdrawn_at FROM voucher_key ORDER BY made_at, id"
)
