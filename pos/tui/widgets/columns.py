"""Text in columns of a terminal: names are cut with an ellipsis by display width, amounts never."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from pos.domain.text_guard import clean_foreign

SHOWN_MAX = 200
NARROWEST = 4


def shown(text: str) -> str:
    """A text from outside, made harmless for a terminal."""
    return clean_foreign(text, limit=SHOWN_MAX)


def width_of(text: str) -> int:
    """The most columns that ``text`` takes. Vowel signs of Indian scripts have one at most terminals, none at others."""
    return cell_len(text) + loose_signs(text)


def loose_signs(text: str) -> int:
    """How many signs of ``text`` take a column here and none there."""
    return 0 if text.isascii() else sum(unicodedata.category(sign) == "Mc" for sign in text)


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns, with an ellipsis where something is missing."""
    if width_of(text) <= width:
        return text
    kept = set_cell_size(text, max(width - 1, 0))
    while width_of(kept) > max(width - 1, 0):
        kept = kept[:-1]
    return kept.rstrip() + "…" if width > 0 else ""


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """``text`` in exactly ``width`` columns; to the right it is an amount and is never cut."""
    kept = text if right else cut(text, width)
    blanks = " " * max(width - width_of(kept), 0)
    return blanks + kept if right else kept + blanks


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``width`` 0: as wide as its widest cell. ``flexible``: takes what the others leave. ``right``: an amount."""

    title: str
    width: int = 0
    right: bool = False
    flexible: bool = False


def widths(columns: Sequence[Column], rows: Iterable[Sequence[str]], room: int) -> list[int]:
    """How wide each column becomes in ``room`` columns with a blank between them."""
    found = [max(column.width, width_of(column.title)) for column in columns]
    for row in rows:
        for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
            if column.right or (column.width == 0 and not column.flexible):
                found[place] = max(found[place], width_of(cell))
    _narrow(columns, found, room)
    fixed = sum(width for width, column in zip(found, columns, strict=True) if not column.flexible)
    left = max(room - fixed - (len(columns) - 1), 1)
    return [left if column.flexible else width for width, column in zip(found, columns, strict=True)]


def _narrow(columns: Sequence[Column], found: list[int], room: int) -> None:
    """Where amounts leave no room, the widest of the others gives way, a column at a time: its texts end in an ellipsis."""
    may = [place for place, column in enumerate(columns) if not column.right and not column.flexible]
    least = 1 + len(columns) - 1
    while (
        may
        and sum(width for width, column in zip(found, columns, strict=True) if not column.flexible) + least
        > room
    ):
        widest = max(may, key=lambda place: found[place])
        if found[widest] <= NARROWEST:
            return
        found[widest] -= 1


def line(columns: Sequence[Column], sizes: Sequence[int], cells: Sequence[str]) -> str:
    """One row."""
    parts = (
        fitted(cell, size, right=column.right)
        for column, size, cell in zip(columns, sizes, cells, strict=True)
    )
    return " ".join(parts)


def spread(left: str, right: str, width: int) -> str:
    """``left`` and ``right`` at the two ends of a line; only the left is cut."""
    # What the terminal takes for a loose sign more than the framework pushes what stands last over the edge.
    edge = 1 if loose_signs(left) else 0
    room = max(width - width_of(right) - 1 - edge, 0)
    return fitted(left, room) + " " + right
