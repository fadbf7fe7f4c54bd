"""What stands on a paper, before anyone knows how wide the paper is: a list of plain elements.

``compose`` makes a document from facts; ``text`` and ``pdf`` set it. An element holds finished words and finished
amounts, so that no renderer decides anything about money.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Align(StrEnum):
    """On which side of the paper a line of text stands."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


class Emphasis(StrEnum):
    """How loud a line is. Plain text has one size and shows none of it; the words must do without."""

    PLAIN = "plain"
    BOLD = "bold"
    LARGE = "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words that wrap. Past ``lines_max`` the rest is given up for an ellipsis; None: every word is set."""

    text: str
    align: Align = Align.LEFT
    emphasis: Emphasis = Emphasis.PLAIN
    indent: int = 0
    lines_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A named value, as in ``Account  100200300``: labels in one column, values in another, both to the left."""

    label: str
    value: str
    lines_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A label and an amount. The label wraps; the amount stands at the right edge and is never cut."""

    label: str
    amount: str
    emphasis: Emphasis = Emphasis.PLAIN
    indent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """A framed notice that nobody overlooks: the first line is loud, the others explain it."""

    headline: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the paper."""

    heavy: bool = False


@dataclass(frozen=True, slots=True)
class Blank:
    """Some air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A text for a scanner, drawn as a QR code. Plain text shows none of it; what a person needs of it stands beside.

    ``side_mm`` is how wide it is with its margin, as near as whole dots allow; None: as wide as the paper takes it.
    """

    text: str
    side_mm: int | None = None


Element = Text | Field | Row | Banner | Rule | Blank | Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One paper. ``title`` is made of numbers only: it goes into a PDF's metadata, where a name has no place."""

    title: str
    elements: tuple[Element, ...]


class NotPrintable(ValueError):
    """These facts cannot be put on paper; the text says why and holds no name, so that it may be stored and shown."""
