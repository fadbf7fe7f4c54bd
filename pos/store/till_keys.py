"""The secrets of a home, which lie beside the store and never in it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field


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


def fingerprint_of(key: bytes) -> str:
    """What the store may know of a key: enough to tell another one."""
    return hmac.digest(key, b"counterfoil chain key", hashlib.sha256).hex()
