"""The one cleaning function for every string from outside, in its two manners.

What a person or a script *types* is refused when it holds what no honest text holds (``clean_entry``). What a *server*
tells is kept readable, because a bill must not vanish over one bad character (``clean_foreign``). A name with a terminal
sequence in it once changed a real terminal's title; one with printer bytes opens the drawer.
Source: reliability.md sections 0.4 and 4.
"""

from __future__ import annotations

import re
import unicodedata

from pos.domain.errors import Refused
from pos.domain.pan_guard import refuse_card_number

MAX_COMBINING_RUN = 6
"""Marks stacked on one letter: more than any living script needs."""

_BIDI_CONTROLS = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)))
_JOINERS = frozenset("\u200c\u200d")
_ZERO_WIDTH = frozenset("\u200b\u2060\ufeff\u180e\u00ad")
_SEPARATORS = frozenset("\u2028\u2029")


def _is_forbidden(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Cn", "Co")
        or character in _BIDI_CONTROLS
        or character in _ZERO_WIDTH
        or character in _SEPARATORS
    )


def _joiner_is_in_place(text: str, index: int) -> bool:
    """A joiner is honest between two letters or marks (Persian, Hindi, emoji families), nowhere else."""
    if index == 0 or index == len(text) - 1:
        return False
    return all(unicodedata.category(text[near])[0] in "LMS" for near in (index - 1, index + 1))


def _first_fault(text: str) -> int | None:
    run = 0
    for index, character in enumerate(text):
        if _is_forbidden(character) or (character in _JOINERS and not _joiner_is_in_place(text, index)):
            return index
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MAX_COMBINING_RUN:
            return index
    return None


def clean_entry(text: str, *, field: str, limit: int) -> str:
    """A name, note or reason as typed: NFC, blanks at the ends removed, everything else unchanged.

    Raises Refused ``text_too_long``, ``bad_text`` (control, bidirectional and invisible characters, towers of marks) or
    ``card_number_refused``. The message names the field, never repeats the text.
    """
    if len(text) > 4 * limit:
        raise Refused("text_too_long", f"{field} is longer than {limit} characters.", field=field)
    normal = unicodedata.normalize("NFC", text).strip(" ")
    if len(normal) > limit:
        raise Refused("text_too_long", f"{field} is longer than {limit} characters.", field=field)
    if _first_fault(normal) is not None:
        raise Refused("bad_text", f"{field} has characters that cannot be kept. Type it again.", field=field)
    refuse_card_number(normal, field=field)
    return normal


def clean_reference(text: str, *, field: str, limit: int) -> str:
    """An id, serial or reference: visible ASCII only, blanks at the ends removed; zeros in front stay.

    Raises Refused ``text_too_long``, ``bad_reference`` or ``card_number_refused``.
    """
    stripped = text.strip(" ") if len(text) <= 4 * limit else text
    if len(stripped) > limit:
        raise Refused("text_too_long", f"{field} is longer than {limit} characters.", field=field)
    if re.fullmatch(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", stripped) is None:
        raise Refused("bad_reference", f"{field} may hold plain letters, digits and signs only.", field=field)
    refuse_card_number(stripped, field=field)
    return stripped


def clean_foreign(text: str, *, limit: int) -> str:
    """What a server told, made harmless: NFC, each bad character shown as U+FFFD, cut at ``limit``. Never raises."""
    if text.isascii() and text.isprintable():
        # Most of what a server tells, and harmless as it is: a first pull reads some hundred thousand such texts.
        return text[:limit].strip(" ")
    normal = unicodedata.normalize("NFC", text[: 4 * limit])
    kept: list[str] = []
    run = 0
    for index, character in enumerate(normal[:limit]):
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MAX_COMBINING_RUN:
            continue
        bad = _is_forbidden(character) or (character in _JOINERS and not _joiner_is_in_place(normal, index))
        kept.append("\ufffd" if bad else character)
    return "".join(kept).strip(" ")


def fold(text: str) -> str:
    """A name as it is searched: without accents and case, so that ``muller`` finds ``Müller``."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
