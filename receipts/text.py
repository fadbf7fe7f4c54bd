"""A document as plain text: for the screen, for a log of papers, for a line printer."""

from __future__ import annotations

from receipts.document import Document
from receipts.lines import COLUMNS_MIN, set_in_lines

WIDTH = 42
"""Columns of an 80 mm roll in its usual font."""

WIDTH_MIN = COLUMNS_MIN


def render_text(document: Document, width: int = WIDTH) -> str:
    """``document`` in lines of at most ``width`` columns, without trailing blanks, ending with a newline.

    Columns are counted as a terminal does it: wide characters two, combining marks none. Raises ValueError if
    ``width`` is under WIDTH_MIN.
    """
    lines = (line for line in set_in_lines(document, width) if line.code is None)
    return "".join(f"{line.text.rstrip()}\n" for line in lines)
