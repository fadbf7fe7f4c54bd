"""Arabic and Hebrew for a renderer that sets letters one by one from the left: joined shapes, and lines turned round.

Enough for names on a receipt. The shapes are Unicode's presentation forms; the turning is the part of the Unicode
bidirectional algorithm that a line of left-to-right paper with some right-to-left words needs. Vowel signs on
right-to-left letters are left out: fixed-width fonts cannot place them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

_LAM = "\u0644"
_TATWEEL = "\u0640"
_STRONG_RIGHT = frozenset({"R", "AL"})
_STRONG_LEFT = "L"
_NUMBER = frozenset({"EN", "AN"})
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_OPENING, _CLOSING = "([{", ")]}"
_DIGITS = re.compile(r"[0-9\u0660-\u0669\u06f0-\u06f9]+(?:[.,/:-][0-9\u0660-\u0669\u06f0-\u06f9]+)*")


def has_right_to_left(text: str) -> bool:
    """Whether any letter of ``text`` runs from the right."""
    return any(
        unicodedata.bidirectional(character) in _STRONG_RIGHT for character in text if character > "\u058f"
    )


def shaped(text: str, has_glyph: Callable[[str], bool]) -> str:
    """``text`` in its stored order with Arabic letters in the shape that their neighbours ask for.

    A shape that ``has_glyph`` denies stays the plain letter.
    """
    letters = [letter for letter in text if not _is_vowel_sign(letter)]
    result: list[str] = []
    index = 0
    while index < len(letters):
        taken = 1
        letter = letters[index]
        if letter == _LAM and index + 1 < len(letters) and letter + letters[index + 1] in _shapes():
            # Lam and alef are always written as one.
            letter, taken = letter + letters[index + 1], 2
        before = index > 0 and _joins_onward(letters[index - 1])
        after = index + taken < len(letters) and _joins_back(letters[index + taken])
        shape = _shape(letter, before=before, after=after)
        result.append(shape if has_glyph(shape) else letter)
        index += taken
    return "".join(result)


def turned(line: str) -> str:
    """``line`` in the order in which its letters stand on the paper, from the left."""
    if not has_right_to_left(line):
        return line
    result: list[str] = []
    start = 0
    while start < len(line):
        end = _end_of_right_to_left(line, start)
        if end == start:
            result.append(line[start])
            start += 1
            continue
        result.append(_reversed(line[start:end]))
        start = end
    return "".join(result)


def _end_of_right_to_left(line: str, start: int) -> int:
    """Where the right-to-left stretch that begins at ``start`` ends: after its last strong letter or number.

    A bracket round the last of them belongs to it.
    """
    if unicodedata.bidirectional(line[start]) not in _STRONG_RIGHT:
        return start
    end = start + 1
    opened: list[int] = []
    for index in range(start + 1, len(line)):
        direction = unicodedata.bidirectional(line[index])
        if direction == _STRONG_LEFT:
            break
        if direction in _STRONG_RIGHT or direction in _NUMBER:
            end = index + 1
        elif line[index] in _OPENING:
            opened.append(index)
        elif line[index] in _CLOSING and opened and opened.pop() < end:
            end = index + 1
    return end


def _reversed(stretch: str) -> str:
    backwards = stretch[::-1].translate(_MIRRORED)
    # Numbers are read from the left in every script.
    return _DIGITS.sub(lambda digits: digits[0][::-1], backwards)


def _is_vowel_sign(letter: str) -> bool:
    return letter > "\u0590" and unicodedata.category(letter) == "Mn" and "\u0591" <= letter <= "\u08ff"


def _joins_onward(letter: str) -> bool:
    return letter == _TATWEEL or "initial" in _shapes().get(letter, {})


def _joins_back(letter: str) -> bool:
    return letter == _TATWEEL or "final" in _shapes().get(letter, {})


def _shape(letter: str, *, before: bool, after: bool) -> str:
    shapes = _shapes().get(letter)
    if shapes is None:
        return letter
    after = after and "initial" in shapes
    before = before and "final" in shapes
    wanted = {
        (True, True): "medial",
        (True, False): "final",
        (False, True): "initial",
        (False, False): "isolated",
    }
    return shapes.get(wanted[before, after], letter)


@lru_cache(maxsize=1)
def _shapes() -> Mapping[str, Mapping[str, str]]:
    """Letter (or lam with alef) -> name of the position -> presentation form, from the character database."""
    shapes: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        position, *parts = unicodedata.decomposition(chr(code)).split() or [""]
        letter = "".join(chr(int(part, 16)) for part in parts)
        if position and (len(letter) == 1 or letter.startswith(_LAM)):
            shapes.setdefault(letter, {})[position.strip("<>")] = chr(code)
    return shapes
