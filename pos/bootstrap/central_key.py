"""The key that a till signs with at central, in a file of its home: never in the store, never in a backup.

So a store that is carried off, or put back, speaks for nobody until central gives a new code.
"""

from __future__ import annotations

import json
import os
import stat
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from pathlib import Path

from pos.domain.errors import Refused
from pos.store.database import StoreError
from sync.oauth import key_text

KEY_BYTES = 32
SECRET_MAX = 1_000
PUBLIC_BITS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralKey:
    """Of one enrolment. ``private`` is an Ed25519 key of 32 bytes."""

    client_id: str
    epoch: int
    private: bytes = field(repr=False)


def write_central_key(path: Path, key: CentralKey) -> None:
    """Put it in the place of the one before, whole or not at all, to the disk."""
    told = {"client_id": key.client_id, "epoch": key.epoch, "private_key": key_text(key.private)}
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(json.dumps(told).encode())
        file.flush()
        os.fsync(file.fileno())
    os.rename(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_central_key(path: Path) -> CentralKey | None:
    """None for a home that was enrolled without one. Raises StoreError where it is damaged or for others to read."""
    if not path.is_file():
        return None
    if stat.S_IMODE(path.stat().st_mode) & PUBLIC_BITS:
        raise StoreError(
            "key_mode_too_wide", f"Other users can read {path.name}. Set its mode to 0600.", exit_code=1
        )
    try:
        told = json.loads(path.read_bytes())
        private = urlsafe_b64decode(told["private_key"] + "=")
        key = CentralKey(client_id=str(told["client_id"]), epoch=int(told["epoch"]), private=private)
    except (ValueError, KeyError, TypeError):
        key = None
    if key is None or len(key.private) != KEY_BYTES:
        raise StoreError(
            "key_damaged",
            f"The key {path.name} is damaged. Have the till enrolled anew (pos enrol).",
            exit_code=6,
        )
    return key


def read_secret_file(path: Path, *, key: str = "sync.client_secret_file") -> str:
    """Another server's secret for this till, without the line's end. Raises Refused ``bad_settings`` naming ``key``."""
    problem = "a file of mode 0600 with the secret alone in it"
    try:
        wide = stat.S_IMODE(path.stat().st_mode) & PUBLIC_BITS
        secret = "" if wide else path.read_text("ascii").strip()
    except (OSError, ValueError):
        secret = ""
    if not 0 < len(secret) <= SECRET_MAX or not secret.isprintable():
        raise Refused("bad_settings", f"{key}: {problem}", key=key)
    return secret
