"""The clients of central: tills, dealers' systems, programs of others. A secret is shown once; its digest is kept.

A secret and a token are 256 random bits: a plain digest of them needs no salt and no slow hash.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, text

from pos.domain.errors import Refused
from pos.domain.ports import Randomness
from sync.central.access.audit import AuditEvent, note
from sync.central.wire.callers import USUAL_SCOPES, Caller, ClientKind, Scope

SECRET_BYTES = 32
ID_BYTES = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """``secret_sha256`` of a client that has a secret (empty: it waits for a new one), ``public_key`` (base64url) of one
    that signs.
    """

    caller: Caller
    name: str
    secret_sha256: str | None
    public_key: str | None
    made_at: str
    revoked_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """Shown once."""

    client_id: str
    secret: str
    kind: ClientKind
    scopes: frozenset[Scope]


def make_client(
    connection: Connection,
    name: str,
    *,
    dealer: str | None,
    scopes: Collection[str],
    at: datetime,
    randomness: Randomness,
) -> NewClient:
    """A client with a secret; of a dealer, where one is named. ``scopes`` empty: the usual ones of its kind.

    Raises Refused ``bad_client``, ``client_exists``, ``unknown_dealer`` or ``bad_scope``.
    """
    if _NAME.fullmatch(name) is None:
        raise Refused("bad_client", "A client's name has up to 64 plain letters, digits, dots and dashes.")
    if connection.execute(FIND_BY_NAME, {"name": name}).one_or_none() is not None:
        raise Refused("client_exists", f"There is a client {name}. Revoke it first.", name=name)
    if dealer is not None and connection.execute(FIND_DEALER, {"id": dealer}).one_or_none() is None:
        raise Refused("unknown_dealer", f"There is no dealer {dealer} here.", dealer=dealer)
    kind = ClientKind.FOREIGN if dealer is None else ClientKind.DEALER
    allowed = _scopes_of(scopes, kind)
    client_id, secret = (
        f"{'d' if dealer else 'c'}-{_letters(randomness, ID_BYTES)}",
        _letters(randomness, SECRET_BYTES),
    )
    caller = Caller(client_id=client_id, kind=kind, scopes=allowed, dealer=dealer)
    insert_client(connection, caller, name=name, secret_sha256=digest(secret), public_key=None, at=at)
    note(connection, AuditEvent.CLIENT_MADE, client_id, at=at, detail=" ".join(sorted(allowed)))
    return NewClient(client_id=client_id, secret=secret, kind=kind, scopes=allowed)


def insert_client(
    connection: Connection,
    caller: Caller,
    *,
    name: str,
    secret_sha256: str | None,
    public_key: str | None,
    at: datetime,
) -> None:
    """Keep a client, in the caller's write transaction."""
    connection.execute(
        INSERT,
        {
            "id": caller.client_id,
            "name": name,
            "kind": str(caller.kind),
            "scopes": " ".join(sorted(caller.scopes)),
            "dealer": caller.dealer,
            "terminal": caller.terminal,
            "epoch": caller.epoch,
            "secret_sha256": secret_sha256,
            "public_key": public_key,
            "made_at": _utc(at),
        },
    )


def revoke_client(connection: Connection, name: str, *, at: datetime) -> str:
    """The client of this name gets no token any more, and those that it has are void; its id.

    Raises Refused ``unknown_client``.
    """
    found = connection.execute(FIND_BY_NAME, {"name": name}).one_or_none()
    if found is None:
        raise Refused("unknown_client", f"There is no client {name} that could be revoked.", name=name)
    void(connection, str(found.id), at=at)
    note(connection, AuditEvent.CLIENT_REVOKED, str(found.id), at=at)
    return str(found.id)


def renew_client(connection: Connection, name: str, *, at: datetime, randomness: Randomness) -> NewClient:
    """A new secret for the client of this name; the one before, and the tokens that it brought, are void.

    It stays the same client: what it posted before it is known by still. Raises Refused ``unknown_client``.
    """
    found = connection.execute(FIND_BY_NAME, {"name": name}).one_or_none()
    if found is None:
        raise Refused("unknown_client", f"There is no client {name} that could be renewed.", name=name)
    client, secret = find_client(connection, str(found.id)), _letters(randomness, SECRET_BYTES)
    assert client is not None
    connection.execute(RENEW, {"id": found.id, "secret_sha256": digest(secret)})
    connection.execute(VOID_TOKENS, {"id": found.id})
    note(connection, AuditEvent.CLIENT_RENEWED, str(found.id), at=at)
    known = client.caller
    return NewClient(client_id=known.client_id, secret=secret, kind=known.kind, scopes=known.scopes)


def void(connection: Connection, client_id: str, *, at: datetime) -> None:
    """Revoke by id, in the caller's write transaction."""
    connection.execute(REVOKE, {"id": client_id, "at": _utc(at)})
    connection.execute(VOID_TOKENS, {"id": client_id})


def find_client(connection: Connection, client_id: str) -> Client | None:
    """Revoked ones too."""
    row = connection.execute(FIND, {"id": client_id}).one_or_none()
    return None if row is None else client_of(row)


def list_clients(connection: Connection) -> Iterator[Client]:
    """All but the tills', by name; revoked ones too."""
    for row in connection.execute(READ_ALL):
        yield client_of(row)


def client_of(row: Row[tuple[object, ...]]) -> Client:
    """From a row of the client's columns."""
    return Client(
        caller=caller_of(row),
        name=row.name,
        secret_sha256=row.secret_sha256,
        public_key=row.public_key,
        made_at=row.made_at,
        revoked_at=row.revoked_at,
    )


def caller_of(
    row: Row[tuple[object, ...]], scopes: str | None = None, *, of_terminal: str | None = None
) -> Caller:
    """From a row of the client's columns; ``scopes`` of a token that has fewer than its client.

    ``of_terminal``: the dealer whose terminal it is.
    """
    # A scope that this program does not know allows nothing here.
    known = frozenset(map(str, Scope))
    written = row.scopes if scopes is None else scopes
    return Caller(
        client_id=row.id,
        name=row.name,
        kind=ClientKind(row.kind),
        scopes=frozenset(Scope(one) for one in written.split() if one in known),
        terminal=row.terminal,
        epoch=row.epoch,
        dealer=row.dealer or of_terminal,
    )


def digest(secret: str) -> str:
    """What is kept of a secret or a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret(randomness: Randomness) -> str:
    """256 random bits in letters."""
    return _letters(randomness, SECRET_BYTES)


def _letters(randomness: Randomness, count: int) -> str:
    return b32encode(randomness.token_bytes(count)).decode().rstrip("=").lower()


def _scopes_of(asked: Collection[str], kind: ClientKind) -> frozenset[Scope]:
    """What only tills do is nobody else's, also when asked for."""
    if not asked:
        return USUAL_SCOPES[kind]
    may_ask = frozenset(Scope) - {Scope.TILL}
    if kind is ClientKind.DEALER:
        may_ask = USUAL_SCOPES[kind]
    unknown = sorted(set(asked) - set(map(str, may_ask)))
    if unknown:
        allowed = ", ".join(sorted(may_ask))
        raise Refused("bad_scope", f"{unknown[0]} is no scope of such a client. It may have: {allowed}.")
    return frozenset(Scope(one) for one in asked)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


COLUMNS = (
    "api_client.id, name, kind, api_client.scopes, dealer, terminal, epoch, secret_sha256, public_key, made_at,"
    " revoked_at"
)
INSERT = text(
    "INSERT INTO api_client (id, name, kind, scopes, dealer, terminal, epoch, secret_sha256, public_key, made_at)"
    " VALUES (:id, :name, :kind, :scopes, :dealer, :terminal, :epoch, :secret_sha256, :public_key, :made_at)"
)
FIND = text(f"SELECT {COLUMNS} FROM api_client WHERE id = :id")
FIND_BY_NAME = text(
    "SELECT id FROM api_client WHERE name = :name AND kind <> 'terminal' AND revoked_at IS NULL"
)
READ_ALL = text(f"SELECT {COLUMNS} FROM api_client WHERE kind <> 'terminal' ORDER BY name, made_at, id")
FIND_DEALER = text("SELECT id FROM account WHERE id = :id AND kind = 'dealer'")
REVOKE = text("UPDATE api_client SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL")
RENEW = text("UPDATE api_client SET secret_sha256 = :secret_sha256 WHERE id = :id")
VOID_TOKENS = text("DELETE FROM access_token WHERE client_id = :id")
