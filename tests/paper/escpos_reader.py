"""Reads the bytes for a receipt printer back. Anything but the few commands of a paper is a fault, not skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

INITIALISE = b"\x1b@"
SINGLE_BYTE_LETTERS = b"\x1c."
ENDS = (b"\x1dVB\x00", b"\x1bd\x05")
REAL_TIME = re.compile(rb"\x10[\x04\x05\x14]")


@dataclass(frozen=True)
class Written:
    """A line of letters, and how they are set."""

    letters: bytes
    bold: bool = False
    tall: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Drawn:
    """A line of dots: a row of bytes each; ``scale`` 1 doubles the width, 2 the height."""

    width_dots: int
    rows: tuple[bytes, ...]
    scale: int

    @property
    def is_blank(self) -> bool:
        return not any(map(any, self.rows))


@dataclass(frozen=True)
class Paper:
    """What a printer was told. ``page`` None: no code page was chosen."""

    page: int | None
    lines: tuple[Written | Drawn, ...]
    end: bytes

    def text(self, codec: str) -> str:
        """The written lines; a drawn one is told as ``[drawn]``."""
        told = (line.letters.decode(codec) if isinstance(line, Written) else "[drawn]" for line in self.lines)
        return "".join(f"{line}\n" for line in told)


def read(stream: bytes) -> Paper:
    """Fails on the first byte that has no place in a paper."""
    assert not REAL_TIME.search(stream), "a printer obeys this wherever it stands"
    (end,) = [end for end in ENDS if stream.endswith(end)]
    body = stream.removesuffix(end)
    opening = INITIALISE + SINGLE_BYTE_LETTERS
    assert body.startswith(opening), "a paper begins with a printer set back to its defaults"
    body, page = body.removeprefix(opening), None
    if body.startswith(b"\x1bt"):
        page, body = body[2], body[3:]
    return Paper(page, tuple(_lines(body)), end)


def _lines(body: bytes) -> Iterator[Written | Drawn]:
    bold, size = 0, 0
    while body:
        match body[:2]:
            case b"\x1bE":
                bold, body = body[2], body[3:]
                assert bold in (0, 1)
            case b"\x1d!":
                size, body = body[2], body[3:]
                assert size in (0x00, 0x01, 0x11)
            case b"\x1dv":
                drawn, body = _drawn(body)
                yield drawn
            case _:
                letters, feed, body = body.partition(b"\n")
                assert feed, "a line that no line feed ends"
                assert all(byte >= 0x20 and byte != 0x7F for byte in letters), "a command among the letters"
                yield Written(letters, bold=bold == 1, tall=size & 0x01 > 0, wide=size & 0x10 > 0)


def _drawn(body: bytes) -> tuple[Drawn, bytes]:
    head, body = body[:8], body[8:]
    assert head[:3] == b"\x1dv0"
    scale, width, height = head[3], int.from_bytes(head[4:6], "little"), int.from_bytes(head[6:8], "little")
    assert scale in (0, 2, 3)
    assert len(body) >= width * height > 0
    rows = tuple(body[row * width : (row + 1) * width] for row in range(height))
    return Drawn(width * 8, rows, scale), body[width * height :]
