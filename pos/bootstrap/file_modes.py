"""Whether a home is its owner's alone: every folder 0700, every file 0600, nothing of somebody else's, nothing by a link.

The folder ``config`` is looked at where the settings are read: only there a wrong setting can be named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pos.store.database import StoreError

FOR_OTHERS = 0o077
ENTRIES_MAX = 10_000
"""Looked at in one folder: a till that has printed to files for years is opened without waiting for each of them."""


def refuse_wide(home: Path) -> None:
    """Raises StoreError ``..._mode_too_wide``, ``not_your_home`` or ``link_in_home`` for what others could use."""
    _refuse(home, home.stat(), home)
    for path, found in _entries(home, home):
        _refuse(path, found, home)


def _entries(folder: Path, home: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below ``folder``; what goes away meanwhile, as a file of a closing store does, is passed over."""
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number == ENTRIES_MAX:
                return
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if folder == home and entry.name == "config":
                continue
            yield Path(entry.path), found
            if stat.S_ISDIR(found.st_mode):
                # A folder that others cannot enter keeps what is in it; it is looked at all the same.
                yield from _entries(Path(entry.path), home)


def _refuse(path: Path, found: os.stat_result, home: Path) -> None:
    inside = path.relative_to(home)
    if found.st_uid != os.geteuid():
        raise StoreError(
            "not_your_home",
            f"{path.name} belongs to another user. A till's home is its user's alone.",
            exit_code=1,
        )
    if stat.S_ISLNK(found.st_mode):
        raise StoreError(
            "link_in_home",
            f"{path.name} is a link. Nothing in a till's home may lead elsewhere.",
            exit_code=1,
        )
    if stat.S_IMODE(found.st_mode) & FOR_OTHERS:
        raise _too_wide(path, found, inside)


def _too_wide(path: Path, found: os.stat_result, inside: Path) -> StoreError:
    if not inside.parts:
        return StoreError(
            "home_mode_too_wide", f"Other users can open {path}. Set its mode to 0700.", exit_code=1
        )
    folder = stat.S_ISDIR(found.st_mode)
    part = "key" if inside.parts[0] == "keys" and not folder else "store" if ".db" in path.name else "file"
    return StoreError(
        f"{part}_mode_too_wide",
        f"Other users can {'open' if folder else 'read'} {inside}. Set its mode to {'0700' if folder else '0600'}.",
        exit_code=1,
    )
