"""A line of a paper as dots, for letters that a receipt printer has no code for.

Each letter is set into the cell that the printer's own letters would take, so that columns stay straight. Pillow is
loaded by the first such line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from receipts.glyphs import Glyphs
from receipts.layout import cells
from receipts.righttoleft import turned

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

CELL_DOTS = 12
"""Width of a printer's letter, 203 dots to the inch."""

LINE_DOTS = 30
"""Height of a line, as printers space their own."""

_SIZE_DOTS = 20  # the shipped font then fills its cell
_BASELINE_DOTS = 20


def ink(words: Sequence[tuple[int, str]], *, columns: int, glyphs: Glyphs) -> bytes:
    """Cleaned ``words``, each from its column, as LINE_DOTS rows of columns * CELL_DOTS dots; a bit that is set is black.

    Each row is padded to whole bytes. Raises PrinterUnavailable if a font cannot be used.
    """
    # Only a name in another script needs it.
    from PIL import Image, ImageDraw

    image = Image.new("1", (columns * CELL_DOTS, LINE_DOTS))
    draw = ImageDraw.Draw(image)
    for column, text in words:
        left = column * CELL_DOTS
        for letter in turned(glyphs.shaped(text)):
            glyph, room = glyphs[letter], cells(letter) * CELL_DOTS
            if glyph.face is not None:
                font = _font(glyph.face.path)
                width = round(font.getlength(glyph.text))
                # A mark goes back over the letter before it; a narrow letter stands in the middle of its cell.
                at = left - width if glyph.back else left + (room - width) // 2
                draw.text((at, _BASELINE_DOTS), glyph.text, fill=1, font=font, anchor="ls")
            left += room
    return image.tobytes()


@lru_cache(maxsize=32)
def _font(path: str) -> FreeTypeFont:
    from PIL import ImageFont

    # The letters are joined and turned already; the other engine would do it again, where it is installed.
    return ImageFont.truetype(path, _SIZE_DOTS, layout_engine=ImageFont.Layout.BASIC)
