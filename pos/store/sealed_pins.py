"""PINs of prepaid cards that wait for their paper: sealed, so that no copy of the store gives one away.

The key is the home's own, beside the store and never in it; the place of a PIN is part of the seal, so that none can be put
in place of another. Source: domain.md rule 58; reliability.md section 5.5.
"""

from __future__ import annotations

import hashlib
import hmac

from pos.store.database import StoreError

_ABOUT = b"counterfoil pin to print 1"
_SEALED = "s1:"
NONCE_BYTES = 12


def seal_pin(marks: bytes, pin: str, place: str, *, nonce: bytes) -> str:
    """``pin`` under the home's key ``marks``; ``place`` says whose it is, ``nonce`` is 12 random bytes."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    box = AESGCM(_key(marks)).encrypt(nonce, pin.encode("utf-8", "surrogatepass"), place.encode())
    return _SEALED + (nonce + box).hex()


def open_pin(marks: bytes, kept: str, place: str) -> str:
    """The PIN again; one from before PINs were sealed is as it was kept. Raises StoreError ``store_altered``."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not kept.startswith(_SEALED):
        return kept
    try:
        raw = bytes.fromhex(kept.removeprefix(_SEALED))
        plain = AESGCM(_key(marks)).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode())
        return plain.decode("utf-8", "surrogatepass")
    except (ValueError, InvalidTag) as error:
        raise StoreError(
            "store_altered", "A PIN that waits for its paper was altered.", exit_code=6
        ) from error


def pin_place(payment_event_id: str, line: int, place: int) -> str:
    """Where a PIN belongs."""
    return f"{payment_event_id}/{line}/{place}"


def _key(marks: bytes) -> bytes:
    return hmac.new(marks, _ABOUT, hashlib.sha256).digest()
