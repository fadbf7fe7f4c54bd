"""The keys of a home beside a backup, sealed under a passphrase: who finds both files can neither sell nor sign.

scrypt makes a passphrase dear to guess (32 MiB a try); AES-256-GCM seals. Source: reliability.md section 5.5.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from pos.domain.errors import Refused

MIN_PASSPHRASE = 12
_COST = {"n": 2**15, "r": 8, "p": 1}
_MAX_MEMORY = 64 * 2**20
_ABOUT = b"counterfoil keys 1"


def seal_keys(keys: Mapping[str, bytes], passphrase: str, *, salt: bytes, nonce: bytes) -> bytes:
    """``keys`` by the names of their files, as the text of the sealed file. ``salt`` 16 and ``nonce`` 12 random bytes.

    Raises Refused ``bad_passphrase`` for a short one.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise Refused("bad_passphrase", f"The passphrase needs at least {MIN_PASSPHRASE} characters.")
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plain = json.dumps({name: key.hex() for name, key in sorted(keys.items())}).encode()
    box = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, plain, _ABOUT)
    told = {"form": 1, "salt": salt.hex(), "nonce": nonce.hex(), "box": box.hex()}
    return json.dumps(told).encode() + b"\n"


def open_keys(sealed: bytes, passphrase: str) -> dict[str, bytes]:
    """The keys again. Raises Refused ``bad_passphrase``, also for a file that is damaged or none."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    wrong = Refused("bad_passphrase", "This passphrase does not open the keys, or their file is damaged.")
    try:
        told = json.loads(sealed)
        salt, nonce, box = (bytes.fromhex(told[name]) for name in ("salt", "nonce", "box"))
        plain = AESGCM(_stretched(passphrase, salt)).decrypt(nonce, box, _ABOUT)
        return {str(name): bytes.fromhex(key) for name, key in json.loads(plain).items()}
    except (ValueError, KeyError, TypeError, AttributeError, InvalidTag) as error:
        raise wrong from error


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        passphrase.encode("utf-8", "surrogateescape"), salt=salt, maxmem=_MAX_MEMORY, dklen=32, **_COST
    )
