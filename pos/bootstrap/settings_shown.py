"""The settings that hold, each with the file it came from, and none of the secrets among them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pos.domain.pan_guard import mask_card_number
from pos.settings import RIGHTS, Settings

MASKED = "***"
_SECRET = re.compile(r"(?:^|[._])(?:password|passphrase|secret|token|credential)s?$")
_CODES_OF = "vouchers.preauthorised"
"""Who knows the first and last code of a range knows codes that the till takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSetting:
    """One key. ``source`` None: no file says it, so it is as the program has it."""

    file: str
    key: str
    value: object
    source: Path | None


def shown_settings(settings: Settings) -> Iterator[ShownSetting]:
    """Every key of every file, in the files' order."""
    for file, source in settings.sources.items():
        if file == "till.toml":
            yield from _till(settings, source)
        else:
            for key, value in _flat(_read(source)):
                yield ShownSetting(file=file, key=key, value=_harmless(key, value), source=source)


def _till(settings: Settings, source: Path) -> Iterator[ShownSetting]:
    told = {key for key, _ in _flat(_read(source))}
    trusted = {key for key, _ in _flat(_read(settings.rights))}
    for key, value in _flat(settings.till.model_dump(mode="json")):
        table, _, name = key.partition(".")
        of_rights = table in RIGHTS and (not RIGHTS[table] or name.partition(".")[0] in RIGHTS[table])
        if of_rights and key in trusted:
            found: Path | None = settings.rights
        else:
            found = source if key in told else None
        yield ShownSetting(file="till.toml", key=key, value=_harmless(key, value), source=found)


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Tables within tables as one key with dots; an empty one, and a list, is a value."""
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _harmless(key: str, value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _harmless(f"{key}.{name}", part) for name, part in value.items()}
    if isinstance(value, list):
        return [_harmless(key, part) for part in value]
    if value and (_SECRET.search(key) or key in (f"{_CODES_OF}.first", f"{_CODES_OF}.last")):
        return MASKED
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = mask_card_number(str(value))
    return _without_secrets(text) if "://" in text else text


def _without_secrets(url: str) -> str:
    """An address may carry a password before its host, or a token behind its path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASKED
    host = parts.netloc.rpartition("@")[2]
    netloc = host if host == parts.netloc else f"{MASKED}@{host}"
    return urlunsplit((parts.scheme, netloc, parts.path, MASKED if parts.query else "", ""))
