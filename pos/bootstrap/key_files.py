"""The key files of a home: made once, each of mode 0600, read at every open."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from pos.domain.ports import Randomness
from pos.domain.signature import public_key_of
from pos.store.database import StoreError
from pos.store.till_keys import NewestKey, TillKeys, fingerprint_of

KEY_BYTES = 32
PUBLIC_BITS = 0o077
NAMES = ("chain", "pepper", "marks", "sign")

CHANGED: Mapping[str, Callable[[bytes, NewestKey], bool]] = {
    "chain": lambda key, told: fingerprint_of(key) == told.fingerprint,
    "sign": lambda key, told: public_key_of(key).hex() == told.public_key,
}
"""The keys that can be changed, and whether one is what the store names. PINs and codes are looked for by the others."""


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


def place_next(folder: Path, before: NewestKey, randomness: Randomness) -> TillKeys:
    """Write other keys beside those in force, and these under their number; all of it on the disk when this returns."""
    keys = read_keys(folder)
    chain, sign = randomness.token_bytes(KEY_BYTES), randomness.token_bytes(KEY_BYTES)
    for name, key in ((f"chain-{before.number}", keys.chain), ("chain-next", chain), ("sign-next", sign)):
        path = folder / f"{name}.key"
        # What a broken-off change left behind was never in force.
        path.unlink(missing_ok=True)
        write_key(path, key)
    _flush(folder)
    return TillKeys(
        chain=chain, marks=keys.marks, sign=sign, former={**keys.former, before.number: keys.chain}
    )


def settle_keys(folder: Path, told: NewestKey | None) -> None:
    """Finish a change of keys that was broken off: as the store names them, or as if it had never begun."""
    beside = {name: folder / f"{name}-next.key" for name in CHANGED if (folder / f"{name}-next.key").exists()}
    for name, path in beside.items():
        if _is_named(name, path, told):
            os.replace(path, folder / f"{name}.key")
        else:
            path.unlink()
    if beside:
        _flush(folder)


def _is_named(name: str, path: Path, told: NewestKey | None) -> bool:
    """Whether the store names the key of this file. One that was cut off by a crash is none."""
    with suppress(StoreError):
        return told is not None and CHANGED[name](read_key(path), told)
    return False


def _in_force(folder: Path, name: str, told: NewestKey | None) -> bytes:
    beside = folder / f"{name}-next.key"
    named = beside.is_file() and _is_named(name, beside, told)
    return read_key(beside if named else folder / f"{name}.key")


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def read_keys(folder: Path, told: NewestKey | None = None) -> TillKeys:
    """The keys of a home. ``told`` is what its store names: in a change that was broken off, one may lie beside its place.

    Raises StoreError where one is missing, damaged or for others to read.
    """
    former = {
        int(path.stem.removeprefix("chain-")): read_key(path)
        for path in sorted(folder.glob("chain-*.key"))
        if path.stem.removeprefix("chain-").isdecimal()
    }
    return TillKeys(
        chain=_in_force(folder, "chain", told),
        marks=read_key(folder / "marks.key"),
        sign=_in_force(folder, "sign", told),
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
