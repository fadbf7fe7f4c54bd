"""The key files of a home: made once, each of mode 0600, read at every open."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pos.domain.ports import Randomness
from pos.store.database import StoreError
from pos.store.till_keys import TillKeys

KEY_BYTES = 32
PUBLIC_BITS = 0o077
NAMES = ("chain", "pepper", "marks", "sign")


def make_keys(folder: Path, randomness: Randomness) -> None:
    """Make the keys of a new home. A broken-off attempt left its keys and no books: they serve."""
    for name in NAMES:
        if not (folder / f"{name}.key").exists():
            write_key(folder / f"{name}.key", randomness.token_bytes(KEY_BYTES))


def add_later_keys(folder: Path, randomness: Randomness) -> None:
    """What a home of an older program lacks. What it kept of secrets was made with the chain's key, so that one stays."""
    if not (folder / "marks.key").exists():
        write_key(folder / "marks.key", read_key(folder / "chain.key"))
    if not (folder / "sign.key").exists():
        write_key(folder / "sign.key", randomness.token_bytes(KEY_BYTES))


def read_keys(folder: Path) -> TillKeys:
    """The keys of a home. Raises StoreError where one is missing, damaged or for others to read."""
    former = {
        int(path.stem.removeprefix("chain-")): read_key(path)
        for path in sorted(folder.glob("chain-*.key"))
        if path.stem.removeprefix("chain-").isdecimal()
    }
    return TillKeys(
        chain=read_key(folder / "chain.key"),
        marks=read_key(folder / "marks.key"),
        sign=read_key(folder / "sign.key"),
        former=former,
    )


def write_key(path: Path, key: bytes) -> None:
    """Write a key to a new file, to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(handle, key.hex().encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def read_key(path: Path) -> bytes:
    """A key from its file. Raises StoreError where it is missing, damaged or for others to read."""
    if not path.is_file():
        raise StoreError("key_missing", f"The key {path.name} is missing from this home.", exit_code=6)
    if stat.S_IMODE(path.stat().st_mode) & PUBLIC_BITS:
        raise StoreError(
            "key_mode_too_wide", f"Other users can read {path.name}. Set its mode to 0600.", exit_code=1
        )
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError("key_damaged", f"The key {path.name} is damaged.", exit_code=6)
    return key
