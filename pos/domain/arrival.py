"""What comes in whole (a script's line, a posted body, a file of test data): looked at once, before anything reads it.

Every key and every value is looked at, also those that nothing asks for: a model that refuses an unknown field would tell
its name. Source: domain.md rule 44.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from pos.domain.pan_guard import (
    holds_card_number,
    may_hold_card_number,
    refuse_card_number,
    refuse_security_code,
)

_SHORT = 64
_SOUND_MAX = 20_000
_Path = tuple["_Path", str] | None
"""Where a value stands, from its end: a link is made for each value, a text for the one that is refused."""


def refuse_cards_in(value: object, *, whole: str, written: str | None = None) -> None:
    """Raises Refused ``card_number_refused`` where a key, a text or a number of parsed JSON holds a card number.

    ``field`` is the dotted path of what holds it, or ``whole`` where its own name does; no digit of it is told.
    ``written`` is the JSON text that ``value`` was read from: nearly every one holds nothing like it, and is not walked.
    """
    if written is not None and not may_hold_card_number(written):
        return
    left: list[tuple[object, _Path]] = [(value, None)]
    sound: set[str] = set()
    while left:
        found, path = left.pop()
        if isinstance(found, str):
            _refuse_new(found, sound, path, whole)
        elif isinstance(found, dict | Mapping):
            for key, inner in found.items():
                _refuse_new(str(key), sound, path, whole)
                left.append((inner, (path, f".{key}")))
            _refuse_codes_by_name(found, path, whole)
        elif isinstance(found, list | tuple):
            left.extend((inner, (path, f"[{index}]")) for index, inner in enumerate(found))
        elif isinstance(found, Decimal):
            # As it will be kept: an exponent is written out.
            _refuse_new(f"{found:f}", sound, path, whole)
        elif found is not None and not isinstance(found, bool):
            _refuse_new(str(found), sound, path, whole)


def _refuse_codes_by_name(found: Mapping[Any, object], path: _Path, whole: str) -> None:
    """A security code is three digits: what says that they are one is the name of their field, or a ``name`` beside them."""
    for key, inner in found.items():
        for value in inner if isinstance(inner, list | tuple) else (inner,):
            if isinstance(value, str | int | Decimal):
                refuse_security_code(str(key), str(value), field=_place((path, f".{key}"), whole))
    name, value = found.get("name"), found.get("value")
    if isinstance(name, str) and isinstance(value, str | int | Decimal):
        refuse_security_code(name, str(value), field=_place((path, ".value"), whole))


def _refuse_new(text: str, sound: set[str], path: _Path, whole: str) -> None:
    """Names, units and types stand in a file some hundred thousand times."""
    if text in sound:
        return
    if holds_card_number(text):
        refuse_card_number(text, field=_place(path, whole))
    if len(text) <= _SHORT and len(sound) < _SOUND_MAX:
        sound.add(text)


_NAME = re.compile(r"[A-Za-z_@][A-Za-z0-9_]{0,39}")


def field_named(part: str | int) -> str:
    """A part of a field's path as it may be told back; whoever wrote what no field is called knows what it was."""
    return str(part) if isinstance(part, int) or _NAME.fullmatch(part) else "?"


def refuse_cards_among(texts: Iterable[str], *, field: str) -> None:
    """Raises Refused where one of ``texts``, or several that follow each other, hold a card number."""
    kept = list(texts)
    for text in (*kept, " ".join(kept)):
        refuse_card_number(text, field=field)


def _place(path: _Path, whole: str) -> str:
    """Such as ``payer.name``; in a list that is the whole, ``path[2]``."""
    names: list[str] = []
    while path is not None:
        path, name = path
        names.append(name)
    place = "".join(reversed(names))
    return (place.removeprefix(".") if place.startswith(".") else f"{whole}{place}")[:200]
