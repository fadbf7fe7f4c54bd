"""A text as the squares of a QR code, for every form of paper that can draw. Source: ISO/IEC 18004."""

from __future__ import annotations

from collections.abc import Sequence

QUIET = 4
"""The margin that a reader needs on each side, in squares."""

DOTS_PER_MM = 8
"""Of a receipt printer's head (203 dpi)."""
SQUARE_DOTS_MIN = 3
"""Under three eighths of a millimetre a square is lost in the grain of thermal paper."""


def squares(text: str) -> Sequence[Sequence[bool]]:
    """The rows of the code without its margin; True is dark. Capitals and digits take the least room."""
    # ReportLab takes a tenth of a second to load: a paper without a code does not pay for it.
    from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    side = range(code.getModuleCount())
    return [[bool(code.isDark(row, column)) for column in side] for row in side]


def dots(text: str, *, width_dots: int, side_mm: int | None = None) -> tuple[int, bytes]:
    """The code in the middle of ``width_dots`` (a multiple of 8): its rows and their bytes, dark is 1.

    As large as fits, or ``side_mm`` wide where that is less, but never with squares that a scanner can't tell apart.
    """
    dark = squares(text)
    across = len(dark) + 2 * QUIET
    scale = width_dots // across
    if side_mm is not None:
        scale = min(scale, max(side_mm * DOTS_PER_MM // across, SQUARE_DOTS_MIN))
    left = (width_dots - scale * len(dark)) // 2
    margin = bytes(width_dots // 8)
    rows = []
    for row in dark:
        bits = "0" * left + "".join(("1" if square else "0") * scale for square in row)
        packed = int(bits.ljust(width_dots, "0"), 2).to_bytes(width_dots // 8, "big")
        rows += [packed] * scale
    quiet = [margin] * (QUIET * scale // 2)
    rows = [*quiet, *rows, *quiet]
    return len(rows), b"".join(rows)
