"""Access tokens: ten minutes each, random, kept as digests in central's own store.

They are not signed statements: a store that every request reads anyway answers "may it still?" at once, so that a client
which is revoked is out with its next request, at every worker alike, and no signing key has to be kept or changed. A look-up
costs less than checking a signature would.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from pos.domain.ports import Randomness
from sync.central.access.clients import COLUMNS, caller_of, digest, new_secret
from sync.central.wire.callers import Caller, Scope

TOKEN_LIVES = timedelta(minutes=10)
TRIES_WITHIN = timedelta(minutes=5)
TRIES_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Given once; ``scopes`` may be fewer than the client's."""

    token: str
    scopes: frozenset[Scope]
    lives_s: int


def give_token(
    connection: Connection, to: Caller, scopes: frozenset[Scope], *, at: datetime, randomness: Randomness
) -> Token:
    """A token for ``to``, in the caller's write transaction; those that have run out are swept away."""
    token = new_secret(randomness)
    connection.execute(SWEEP_TOKENS, {"at": _utc(at)})
    connection.execute(
        INSERT_TOKEN,
        {
            "token_sha256": digest(token),
            "client_id": to.client_id,
            "scopes": " ".join(sorted(scopes)),
            "expires_at": _utc(at + TOKEN_LIVES),
        },
    )
    return Token(token=token, scopes=scopes, lives_s=int(TOKEN_LIVES.total_seconds()))


def caller_with(connection: Connection, token: str, *, at: datetime) -> Caller | None:
    """Whose token it is; None for one that was never given, has run out or is void."""
    row = connection.execute(FIND_TOKEN, {"token_sha256": digest(token), "at": _utc(at)}).one_or_none()
    return None if row is None else caller_of(row, row.token_scopes, of_terminal=row.dealer_of_terminal)


def use_once(connection: Connection, client_id: str, jti: str, *, until: datetime, at: datetime) -> bool:
    """Whether a signed request for a token comes for the first time; it is remembered until it has run out."""
    connection.execute(SWEEP_ASSERTIONS, {"at": _utc(at)})
    used = {"client_id": client_id, "jti_sha256": digest(jti), "expires_at": _utc(until)}
    return connection.execute(USE_ASSERTION, used).rowcount == 1


def wait_s(connection: Connection, source: str, *, at: datetime) -> int:
    """Seconds until ``source`` may try again; 0: now. Ten wrong tries within five minutes are enough."""
    tried = {"source_sha256": _source(source), "since": _utc(at - TRIES_WITHIN)}
    row = connection.execute(COUNT_TRIES, tried).one()
    if row.tries < TRIES_MAX:
        return 0
    free_at = datetime.fromisoformat(row.first_at) + TRIES_WITHIN
    return max(int((free_at - at).total_seconds()) + 1, 1)


def count_try(connection: Connection, source: str, *, at: datetime) -> None:
    """One wrong try more, in the caller's write transaction; what is too old to count is swept away."""
    connection.execute(SWEEP_TRIES, {"since": _utc(at - TRIES_WITHIN)})
    connection.execute(INSERT_TRY, {"source_sha256": _source(source), "at_utc": _utc(at)})


def _source(source: str) -> str:
    # Whoever tries may write anything: the digest bounds it, and no secret typed as a name is kept.
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


INSERT_TOKEN = text(
    "INSERT INTO access_token (token_sha256, client_id, scopes, expires_at)"
    " VALUES (:token_sha256, :client_id, :scopes, :expires_at)"
)
SWEEP_TOKENS = text("DELETE FROM access_token WHERE expires_at <= :at")
FIND_TOKEN = text(
    f"SELECT {COLUMNS}, access_token.scopes AS token_scopes,"
    " (SELECT till.dealer FROM terminal AS till WHERE till.id = api_client.terminal) AS dealer_of_terminal"
    " FROM access_token"
    " JOIN api_client ON api_client.id = access_token.client_id"
    " WHERE token_sha256 = :token_sha256 AND expires_at > :at AND revoked_at IS NULL"
)
SWEEP_ASSERTIONS = text("DELETE FROM used_assertion WHERE expires_at <= :at")
USE_ASSERTION = text(
    "INSERT INTO used_assertion (client_id, jti_sha256, expires_at) VALUES (:client_id, :jti_sha256, :expires_at)"
    " ON CONFLICT (client_id, jti_sha256) DO NOTHING"
)
COUNT_TRIES = text(
    "SELECT count(*) AS tries, min(at_utc) AS first_at FROM token_try"
    " WHERE source_sha256 = :source_sha256 AND at_utc > :since"
)
SWEEP_TRIES = text("DELETE FROM token_try WHERE at_utc <= :since")
INSERT_TRY = text("INSERT INTO token_try (source_sha256, at_utc) VALUES (:source_sha256, :at_utc)")
