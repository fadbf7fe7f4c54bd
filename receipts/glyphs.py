"""Which font a letter is printed from: the shipped ones, then those that a shop adds for letters they lack."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from pos.domain.ports import PrinterUnavailable
from receipts.righttoleft import has_right_to_left, shaped

_FONT_FOLDER = Path(__file__).parent / "fonts"
PLAIN_FONT = _FONT_FOLDER / "DejaVuSansMono.ttf"
BOLD_FONT = _FONT_FOLDER / "DejaVuSansMono-Bold.ttf"
_NO_GLYPH = "□"
_MARKS = ("Mn", "Me")


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One font: its file, its name in ReportLab, the width of each letter it has, in thousandths of its size."""

    path: str
    name: str
    width_by_code: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Glyph:
    """How one letter is printed: ``text`` in ``face``; ``face`` None: not at all. Marks have no width of their own."""

    face: Face | None
    text: str
    width: float
    back: float = 0.0


class Glyphs(dict[str, Glyph]):
    """The glyph of each letter, looked up in the faces in their order and kept while one paper is set."""

    def __init__(self, faces: Iterable[Face]) -> None:
        super().__init__()
        self._faces = tuple(faces)

    def __missing__(self, letter: str) -> Glyph:
        category = unicodedata.category(letter)
        face = self._face_with(letter)
        if face is not None:
            width = face.width_by_code[ord(letter)]
            # Fixed-width fonts give a mark a cell of its own; it belongs over the letter before it.
            glyph = Glyph(face, letter, 0.0, back=width) if category in _MARKS else Glyph(face, letter, width)
        elif category in _MARKS or category == "Cf":
            glyph = Glyph(None, "", 0.0)
        else:
            box = self._face_with(_NO_GLYPH)
            assert box is not None, "the shipped font, which has the box, is always among the faces"
            glyph = Glyph(box, _NO_GLYPH, box.width_by_code[ord(_NO_GLYPH)])
        self[letter] = glyph
        return glyph

    @property
    def first_face(self) -> Face:
        return self._faces[0]

    def has(self, letter: str) -> bool:
        return self._face_with(letter) is not None

    def shaped(self, text: str) -> str:
        """``text`` in its stored order with its letters composed, Arabic ones joined where the fonts can."""
        text = unicodedata.normalize("NFC", text)
        return shaped(text, self.has) if has_right_to_left(text) else text

    def width_pt(self, text: str, size_pt: float) -> float:
        return sum(self[letter].width for letter in text) * size_pt / 1000

    def _face_with(self, letter: str) -> Face | None:
        return next((face for face in self._faces if ord(letter) in face.width_by_code), None)


def glyphs_from(fonts: Sequence[str | Path]) -> Glyphs:
    """Letters are taken from the first of ``fonts`` (TrueType files) that has them; one of them is a shipped font.

    Raises PrinterUnavailable if a file cannot be used, so that papers wait for a cured setting instead of failing
    one by one.
    """
    return Glyphs(_face(str(path)) for path in fonts)


@lru_cache(maxsize=32)
def _face(path: str) -> Face:
    """Registers the font once for the life of the process: reading it takes longer than printing ten receipts."""
    # ReportLab takes a tenth of a second to load: the first paper that needs a font pays for it.
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        # Named by its content: the PDF then says nothing about this machine's folders.
        name = f"paper-{sha256(Path(path).read_bytes()).hexdigest()[:16]}"
        font = TTFont(name, path)
    except OSError as error:
        raise PrinterUnavailable(f"The font for receipts cannot be read: {error.strerror}") from error
    except TTFError as error:
        raise PrinterUnavailable(
            "The font for receipts is not a TrueType font that can be embedded."
        ) from error
    pdfmetrics.registerFont(font)
    widths = font.face.charWidths
    return Face(
        path, name, {code: widths.get(code, font.face.defaultWidth) for code in font.face.charToGlyph}
    )
