"""A document as bytes for a receipt printer (ESC/POS), 58 or 80 mm wide.

Only the commands of this file ever reach the printer. Text is written in one code page; a line with a letter that the
page lacks is printed as dots. The pulse that opens a drawer is no part of a paper: a paper that waited, or is printed
again, must not open it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from receipts.document import Code, Document, Emphasis
from receipts.glyphs import BOLD_FONT, PLAIN_FONT, Glyphs, glyphs_from
from receipts.lines import Line, set_in_lines
from receipts.qr import dots
from receipts.raster import CELL_DOTS, LINE_DOTS, ink

PaperWidth = Literal[58, 80]
"""In millimetres."""

COLUMNS: Mapping[PaperWidth, int] = MappingProxyType({58: 32, 80: 48})

CODE_PAGES: Mapping[str, tuple[int | None, str]] = MappingProxyType(
    {
        "WPC1252": (16, "cp1252"),
        "PC437": (0, "cp437"),
        "PC850": (2, "cp850"),
        "PC852": (18, "cp852"),
        "PC858": (19, "cp858"),
        "PC866": (17, "cp866"),
        # For a printer whose pages are unknown: whatever has an accent is printed as dots.
        "ASCII": (None, "ascii"),
    }
)
"""The printer's number of each page (ESC t) and our codec for it."""

_INITIALISE = b"\x1b@"
_NO_DOUBLE_BYTE_LETTERS = b"\x1c."
"""Printers sold in East Asia otherwise take two bytes above 127 for one of their own letters."""
_SELECT_CODE_PAGE = b"\x1bt"
_BOLD = b"\x1bE"
_SIZE = b"\x1d!"
_RASTER = b"\x1dv0"
_FEED_AND_CUT = b"\x1dVB\x00"
_FEED_TO_TEAR_OFF = b"\x1bd\x05"
_LINE_FEED = b"\n"

_TALL = 0x01
_WIDE = 0x10

_REAL_TIME_COMMAND = re.compile(rb"\x10(?=[\x04\x05\x14])")
"""A printer obeys these wherever they stand, even among the dots of a picture; one of them opens the drawer."""


def render_escpos(
    document: Document,
    *,
    paper_mm: PaperWidth = 80,
    code_page: str = "WPC1252",
    cuts: bool = True,
    fallback_fonts: Sequence[str | Path] = (),
) -> bytes:
    """``document`` for a printer; the same document gives the same bytes.

    ``code_page`` is a key of CODE_PAGES. ``cuts`` False: the paper is fed on to where it is torn off. A line that the
    page cannot write is set in the shipped font, in the first of ``fallback_fonts`` (TrueType files) for letters that
    it lacks, else in boxes. Raises PrinterUnavailable if a font file cannot be used.
    """
    return b"".join(_Setter(paper_mm, code_page, tuple(fallback_fonts)).commands(document, cuts=cuts))


@dataclass(frozen=True)
class _Setter:
    paper_mm: PaperWidth
    code_page: str
    fallback_fonts: tuple[str | Path, ...]

    def commands(self, document: Document, *, cuts: bool) -> Iterator[bytes]:
        number, codec = CODE_PAGES[self.code_page]
        yield _INITIALISE + _NO_DOUBLE_BYTE_LETTERS
        if number is not None:
            yield _SELECT_CODE_PAGE + bytes([number])
        style = _style(Line())
        for line in set_in_lines(document, COLUMNS[self.paper_mm], enlarge=True):
            if line.code is not None:
                yield self._scanned(line.code)
                continue
            written = _written(line.text, codec)
            if written is None:
                yield self._drawn(line)
                continue
            if written and _style(line) != style:
                style = _style(line)
                yield style
            yield written + _LINE_FEED
        yield _FEED_AND_CUT if cuts else _FEED_TO_TEAR_OFF

    def _drawn(self, line: Line) -> bytes:
        columns = COLUMNS[self.paper_mm] // (2 if line.wide else 1)
        glyphs = self._plain if line.emphasis is Emphasis.PLAIN else self._bold
        drawn = ink(line.words, columns=columns, glyphs=glyphs)
        # Bit 0 doubles the width, bit 1 the height.
        scale = (1 if line.wide else 0) | (2 if line.emphasis is Emphasis.LARGE else 0)
        size = (columns * CELL_DOTS // 8).to_bytes(2, "little") + LINE_DOTS.to_bytes(2, "little")
        # One dot more beside it is not seen, and the command is none.
        return _RASTER + bytes([scale]) + size + _REAL_TIME_COMMAND.sub(b"\x18", drawn)

    def _scanned(self, code: Code) -> bytes:
        width_dots = COLUMNS[self.paper_mm] * CELL_DOTS
        height, drawn = dots(code.text, width_dots=width_dots, side_mm=code.side_mm)
        size = (width_dots // 8).to_bytes(2, "little") + height.to_bytes(2, "little")
        return _RASTER + b"\x00" + size + _REAL_TIME_COMMAND.sub(b"\x18", drawn)

    @cached_property
    def _plain(self) -> Glyphs:
        return glyphs_from([PLAIN_FONT, *self.fallback_fonts])

    @cached_property
    def _bold(self) -> Glyphs:
        return glyphs_from([BOLD_FONT, *self.fallback_fonts])


def _written(text: str, codec: str) -> bytes | None:
    """``text`` in the code page, or None if it cannot be written there. No byte of it is a command."""
    try:
        # A no-break space groups digits; the line is broken already, and not every page has one.
        written = unicodedata.normalize("NFC", text).replace("\u00a0", " ").rstrip().encode(codec)
    except UnicodeEncodeError:
        return None
    return written if all(byte >= 0x20 and byte != 0x7F for byte in written) else None


def _style(line: Line) -> bytes:
    size = (_TALL if line.emphasis is Emphasis.LARGE else 0) | (_WIDE if line.wide else 0)
    return _BOLD + bytes([line.emphasis is not Emphasis.PLAIN]) + _SIZE + bytes([size])
