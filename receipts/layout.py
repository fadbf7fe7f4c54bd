"""How words are fitted to a paper: cleaning, cells, wrapping. Both renderers use it, each with its own measure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

TEXT_LENGTH_MAX = 1000
"""No single text of a paper is longer; the fields it comes from are all shorter."""

MARKS_MAX = 8
"""Combining marks on one letter. Living scripts need up to four; hundreds are an attack on the line above."""

BANNER_LINES_MAX = 4
"""Lines of one text in a banner."""

ELLIPSIS = "…"

# ZWNJ and ZWJ: Persian and several Indic names are spelt with them.
_JOINERS = "\u200c\u200d"
# Other: control, format (bidi overrides among them), surrogate; separators: line and paragraph.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARK_CATEGORIES = frozenset({"Mn", "Me"})


def cleaned(text: str) -> str:
    """``text`` as it may reach a paper: what could steer a printer, a terminal or a reader's eye becomes ``?``.

    Names were cleaned when they were entered; this is the second lock. Runs of blanks become one blank, so that a
    name cannot be spread out to look like a line of the receipt.
    """
    kept: list[str] = []
    marks = 0
    for character in text[:TEXT_LENGTH_MAX]:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARK_CATEGORIES else 0
        if marks > MARKS_MAX + 1:
            continue
        if marks > MARKS_MAX or (category in _REFUSED_CATEGORIES and character not in _JOINERS):
            character = "?"
        kept.append(character)
    if len(text) > TEXT_LENGTH_MAX:
        kept.append(ELLIPSIS)
    return " ".join(word for word in "".join(kept).split(" ") if word)


def cells(text: str) -> int:
    """How many columns ``text`` takes on a fixed-width paper: wide characters two, combining ones none."""
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if character < "\u0300":
        return 1
    if character in _JOINERS or unicodedata.category(character) in _MARK_CATEGORIES:
        return 0
    if "\u1160" <= character <= "\u11ff":
        # Hangul vowels and finals are drawn inside the syllable that their first letter began.
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrapped(
    text: str, limit: float, measure: Callable[[str], float], *, lines_max: int | None = None
) -> list[str]:
    """``text`` in lines no wider than ``limit`` by ``measure``; at least one line, which may be empty.

    A word that is too wide by itself is broken between letters, never between a letter and its marks. More lines
    than ``lines_max``: the last one ends in an ellipsis.
    """
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if measure(joined) <= limit:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for letter in _letters(word):
            if lines[-1] and measure(lines[-1] + letter) > limit:
                lines.append("")
            lines[-1] += letter
    if lines_max is None or len(lines) <= lines_max:
        return lines
    return [*lines[: lines_max - 1], _shortened(lines[lines_max - 1], limit, measure)]


def _shortened(line: str, limit: float, measure: Callable[[str], float]) -> str:
    letters = list(_letters(line))
    while letters and measure("".join(letters) + ELLIPSIS) > limit:
        letters.pop()
    return "".join(letters).rstrip(" ") + ELLIPSIS


def _letters(word: str) -> Iterator[str]:
    """Each letter with the marks and joiners that belong to it."""
    letter = ""
    for character in word:
        belongs = unicodedata.category(character).startswith("M") or character in _JOINERS
        if letter and not belongs and not letter.endswith("\u200d"):
            yield letter
            letter = ""
        letter += character
    if letter:
        yield letter
