"""Reads a QR code as a telephone does, from its squares alone: versions 2 and 3, which have one block and one inner mark.

It mends no errors: a code that a program drew has none. Source: ISO/IEC 18004.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
FORMAT_MASK = 0b101_0100_0001_0010

Squares = Sequence[Sequence[bool]]

MASKS: Sequence[Callable[[int, int], bool]] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)


def read_squares(dark: Squares) -> str:
    """The text of a code of capitals, digits and signs."""
    assert len(dark) in (25, 29), "a version that this reader knows"
    bits = "".join(map(str, map(int, _bits(dark))))
    assert bits.startswith("0010"), "letters and digits"
    count, bits = int(bits[4:13], 2), bits[13:]
    text = ""
    while count > 1:
        first, second = divmod(int(bits[:11], 2), len(SIGNS))
        text, bits, count = text + SIGNS[first] + SIGNS[second], bits[11:], count - 2
    return text + SIGNS[int(bits[:6], 2)] if count else text


def _bits(dark: Squares) -> Iterator[bool]:
    """The squares that hold data, in their order, with the mask taken off."""
    side = len(dark)
    mask = MASKS[_format(dark) >> 10 & 7]
    for right in (*range(side - 1, 6, -2), 5, 3, 1):
        upward = (right + 1) & 2 == 0
        for step in range(side):
            row = side - 1 - step if upward else step
            for column in (right, right - 1):
                if not _is_fixed(row, column, side):
                    yield dark[row][column] != mask(row, column)


def _format(dark: Squares) -> int:
    places = [(8, column) for column in (0, 1, 2, 3, 4, 5, 7, 8)] + [
        (row, 8) for row in (7, 5, 4, 3, 2, 1, 0)
    ]
    return int("".join(str(int(dark[row][column])) for row, column in places), 2) ^ FORMAT_MASK


def _is_fixed(row: int, column: int, side: int) -> bool:
    if row == 6 or column == 6:
        return True
    corner = (row < 9 and (column < 9 or column >= side - 8)) or (row >= side - 8 and column < 9)
    return corner or (side - 9 <= row <= side - 5 and side - 9 <= column <= side - 5)
