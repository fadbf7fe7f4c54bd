"""Ed25519 signatures, and bytes written in letters: what is signed is scanned, typed and kept without a single digit.

Letters alone are never taken for a card number, and no O is read as a zero. Source: RFC 8032; domain.md 3.5.
"""

from __future__ import annotations

import hashlib

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEY_ID_BYTES = 4

_BASE = 26
_FIRST = ord("A")


def public_key_of(private_key: bytes) -> bytes:
    """The public half of a private key of 32 bytes."""
    # The library takes longer to load than a sale takes, and few sales need it.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, message: bytes) -> bytes:
    """The signature (64 bytes) of ``message``; the same key and message always give the same one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private_key).sign(message)


def is_signed(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the holder of the private half signed ``message``; False too for a key that is none."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id_of(public_key: bytes) -> str:
    """A short name of a public key, in letters: it follows from the key itself."""
    return letters_of(hashlib.sha256(public_key).digest()[:KEY_ID_BYTES])


def letters_of(data: bytes) -> str:
    """``data`` in the letters A to Z; as many letters for as many bytes, whatever they are."""
    number = int.from_bytes(data, "big")
    letters = []
    for _ in range(letters_for(len(data))):
        number, place = divmod(number, _BASE)
        letters.append(chr(_FIRST + place))
    return "".join(reversed(letters))


def bytes_of(letters: str, count: int) -> bytes | None:
    """The ``count`` bytes that were written as ``letters``; None where these are no such letters."""
    if len(letters) != letters_for(count) or any(not "A" <= letter <= "Z" for letter in letters):
        return None
    number = 0
    for letter in letters:
        number = number * _BASE + ord(letter) - _FIRST
    return number.to_bytes(count, "big") if number < 1 << (8 * count) else None


def letters_for(count: int) -> int:
    """How many letters ``count`` bytes take."""
    needed, room = 0, 1
    while room < 1 << (8 * count):
        needed, room = needed + 1, room * _BASE
    return needed
