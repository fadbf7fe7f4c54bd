"""When a home was last checked whole and last backed up: small files beside the store, for the screen and ``pos doctor``.

They prove nothing to who doubts: the check itself is run again for that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pos.store.times import from_utc_text, utc_text

NAMED_MAX = 5
BYTES_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LastCheck:
    """A check of the whole store. ``damage`` None: the file is sound; ``named`` are the first of its ``findings``."""

    at: datetime
    findings: int
    named: tuple[str, ...] = ()
    damage: str | None = None

    @property
    def is_sound(self) -> bool:
        """Nothing was found."""
        return self.damage is None and self.findings == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBackup:
    """A backup that was made whole. ``findings``: what was wrong with the rows in it."""

    at: datetime
    findings: int


def note_check(path: Path, check: LastCheck) -> None:
    """Keep what a check found. Never raises for the disk: what was found is told all the same."""
    _write(
        path,
        {
            "at_utc": utc_text(check.at),
            "findings": check.findings,
            "named": list(check.named[:NAMED_MAX]),
            "damage": check.damage,
        },
    )


def last_check(path: Path) -> LastCheck | None:
    """What the last check found; None where there was none, or its file cannot be read."""
    told = _read(path)
    with suppress(KeyError, TypeError, ValueError):
        damage = told["damage"]
        return LastCheck(
            at=from_utc_text(told["at_utc"]),
            findings=int(told["findings"]),
            named=tuple(str(one) for one in told["named"][:NAMED_MAX]),
            damage=None if damage is None else str(damage),
        )
    return None


def note_backup(path: Path, backup: LastBackup) -> None:
    """Keep that a backup was made. Never raises for the disk."""
    _write(path, {"at_utc": utc_text(backup.at), "findings": backup.findings})


def last_backup(path: Path) -> LastBackup | None:
    """The last backup; None where none was made here, or its file cannot be read."""
    told = _read(path)
    with suppress(KeyError, TypeError, ValueError):
        return LastBackup(at=from_utc_text(told["at_utc"]), findings=int(told["findings"]))
    return None


def _write(path: Path, told: Mapping[str, object]) -> None:
    """In one step: whoever reads beside finds the one or the other."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(dict(told), file)
            os.rename(part, path)
        finally:
            part.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(BYTES_MAX))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
