"""Words set on a page: their width, where their lines break, and the runs of letters that a canvas draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from receipts.document import Align
from receipts.glyphs import Face, Glyphs
from receipts.layout import wrapped
from receipts.righttoleft import turned

LEADING = 1.3
"""A line's height by its letters' size."""


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one face, set from ``x_pt``, their baseline ``drop_pt`` below the top of their strip."""

    x_pt: float
    drop_pt: float
    size_pt: float
    face: Face
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Cleaned text in one size, in its stored order."""

    text: str
    glyphs: Glyphs
    size_pt: float

    @property
    def width_pt(self) -> float:
        return self.glyphs.width_pt(self.text, self.size_pt)

    @property
    def height_pt(self) -> float:
        return self.size_pt * LEADING

    def sized_to_fit(self, room_pt: float, *, size_pt_min: float) -> Words:
        """Smaller, but never below ``size_pt_min``, if that lets it stand on one line."""
        if self.width_pt <= room_pt:
            return self
        return replace(self, size_pt=max(size_pt_min, self.size_pt * room_pt / self.width_pt))

    def lines(self, room_pt: float, lines_max: int | None = None) -> Iterator[Words]:
        def width_pt(part: str) -> float:
            return self.glyphs.width_pt(part, self.size_pt)

        # A hair of tolerance: sums of floats must not break a line that was sized to fit.
        for line in wrapped(self.text, room_pt + 0.01, width_pt, lines_max=lines_max):
            yield replace(self, text=line)

    def runs(
        self, left_pt: float = 0, room_pt: float = 0, align: Align = Align.LEFT, *, top_pt: float = 0
    ) -> Iterator[Run]:
        """This line as pieces of one face each, within ``room_pt`` from ``left_pt``; room matters where it is not left."""
        spare_pt = room_pt - self.width_pt
        x_pt = left_pt + {Align.LEFT: 0.0, Align.CENTRE: spare_pt / 2, Align.RIGHT: spare_pt}[align]
        drop_pt = top_pt + self.size_pt
        glyphs = (self.glyphs[letter] for letter in turned(self.text))
        for (face, is_mark), group in groupby(glyphs, key=lambda glyph: (glyph.face, glyph.back > 0)):
            if face is None:
                continue
            together = list(group)
            # Marks go one by one, each back over the same letter.
            pieces = [[glyph] for glyph in together] if is_mark else [together]
            for piece in pieces:
                text = "".join(glyph.text for glyph in piece)
                yield Run(x_pt - piece[0].back * self.size_pt / 1000, drop_pt, self.size_pt, face, text)
                x_pt += sum(glyph.width for glyph in piece) * self.size_pt / 1000
