"""A text as the squares of a QR code, for every form of paper that can draw. Source: ISO/IEC 18004."""

from __future__ import annotations

from collections.abc import Sequence

QUIET = 4
"""The margin that a reader needs on each side, in squares."""


def squares(text: str) -> Sequence[Sequence[bool]]:
    """The rows of the code without its margin; True is dark. Capitals and digits take the least room."""
    # ReportLab takes a tenth of a second to load: a paper without a code does not pay for it.
    from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    side = range(code.getModuleCount())
    return [[bool(code.isDark(row, column)) for column in side] for row in side]


def dots(text: str, *, width_dots: int) -> tuple[int, bytes]:
    """The code in the middle of ``width_dots`` (a multiple of 8), as large as fits: its rows and their bytes, dark is 1."""
    dark = squares(text)
    scale = width_dots // (len(dark) + 2 * QUIET)
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
