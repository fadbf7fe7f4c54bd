"""The secrets of a home, which lie beside the store and never in it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class TillKeys:
    """``chain`` keys the marks of the chain, ``marks`` what is kept of secrets (PINs, voucher codes); ``sign`` is the
    private half of the terminal's Ed25519 key. ``former`` are the chain keys that were changed since, by their number.

    ``marks`` is never changed: what was kept of a code once is looked for for ever.
    """

    chain: bytes = field(repr=False)
    marks: bytes = field(repr=False)
    sign: bytes = field(repr=False)
    former: Mapping[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestKey:
    """What the store says of the keys in force: enough to tell them from others."""

    number: int
    from_chain_no: int
    fingerprint: str
    public_key: str


def newest_key(connection: Connection) -> NewestKey | None:
    """The keys that the store was written with last; None for a store of an older program, which names none."""
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_schema WHERE name = 'chain_key'").first():
        return None
    row = connection.exec_driver_sql(
        "SELECT number, from_chain_no, fingerprint, public_key FROM chain_key ORDER BY number DESC LIMIT 1"
    ).first()
    if row is None:
        return None
    return NewestKey(number=row[0], from_chain_no=row[1], fingerprint=row[2], public_key=row[3])


def fingerprint_of(key: bytes) -> str:
    """What the store may know of a key: enough to tell another one."""
    return hmac.digest(key, b"counterfoil chain key", hashlib.sha256).hex()
