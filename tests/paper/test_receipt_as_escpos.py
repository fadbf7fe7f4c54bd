"""A receipt as bytes for a printer: our few commands, and nothing that a name could have brought in."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.ports import PrinterUnavailable
from pos.domain.receipt import Copy, ReceiptFacts, ReceiptKind
from pos.till_settings import PrinterSettings
from receipts.compose import compose
from receipts.document import Document, Emphasis, Text
from receipts.escpos import CODE_PAGES, PaperWidth, render_escpos
from receipts.glyphs import PLAIN_FONT, glyphs_from
from receipts.raster import ink
from receipts.text import render_text
from tests.builders.receipts import (
    DUPLICATE,
    ORIGINAL,
    SHOP,
    allocation,
    cash,
    cheque,
    receipt,
    sale_receipt,
    sold,
)
from tests.paper.escpos_reader import REAL_TIME, Drawn, Paper, Written, read

ROOT = Path(__file__).resolve().parents[2]
PULSE = b"\x1bp"

ANY_TEXT = st.text(st.characters(), max_size=80) | st.text(
    st.sampled_from("\x00\x04\x05\x0a\x10\x14\x1b\x1c\x1dpV@t0 é€محلاאב李Ζ\u0301\u200d\u202e\x7f\x9b"),
    max_size=60,
)
SERIALS = ("8996500000000000011", "8996500000000000029", "8996500000000000037")


def paper(facts: ReceiptFacts, copy: Copy = ORIGINAL, *, mm: PaperWidth = 80, page: str = "WPC1252") -> Paper:
    return read(render_escpos(compose(facts, copy), paper_mm=mm, code_page=page))


def set_as(text: str, page: str = "WPC1252") -> Written | Drawn:
    """The one line of a paper with ``text`` on it."""
    (line,) = read(render_escpos(Document(title="", elements=(Text(text=text),)), code_page=page)).lines
    return line


@pytest.mark.parametrize(("mm", "columns"), [(80, 48), (58, 32)])
@pytest.mark.parametrize("copy", [ORIGINAL, DUPLICATE])
@pytest.mark.parametrize("facts", [receipt(), sale_receipt(sold(2_500, quantity=3, serials=SERIALS))])
def test_the_printer_is_told_the_words_of_the_text_receipt(
    facts: ReceiptFacts, copy: Copy, mm: PaperWidth, columns: int
) -> None:
    told = paper(facts, copy, mm=mm)

    words = render_text(compose(facts, copy), columns)
    assert told.text("cp1252").split() == words.split()
    assert told.page == 16
    assert all(isinstance(line, Written) for line in told.lines)


def test_the_total_and_the_headings_are_large() -> None:
    told = [line for line in paper(receipt()).lines if isinstance(line, Written) and line.letters]
    lines = {line.letters.strip(): line for line in told if line.tall}

    assert {words: line.wide for words, line in lines.items()} == {
        b"RECEIPT": True,
        b"S01-T02-A-000042": True,
        b"TOTAL KWD" + b" " * 33 + b"12.500": False,
        b"CHANGE" + b" " * 37 + b"7.500": False,
    }
    assert all(line.bold for line in lines.values())


@pytest.mark.parametrize(("mm", "columns"), [(80, 48), (58, 32)])
def test_no_line_is_wider_than_the_paper(mm: PaperWidth, columns: int) -> None:
    facts = receipt(
        kind=ReceiptKind.POST_DATED_NOTE,
        receipt_number="S01-TERMINAL2-A-000042-000042-000042-0004",
        payer_name="W" * 200,
        shop=replace(SHOP, name="شركة" * 30),
        notes=("word " * 60,),
    )

    for line in paper(facts, DUPLICATE, mm=mm).lines:
        if isinstance(line, Written):
            assert len(line.letters) * (2 if line.wide else 1) <= columns
        else:
            assert line.width_dots * (2 if line.scale & 1 else 1) == columns * 12


@given(text=ANY_TEXT, page=st.sampled_from(sorted(CODE_PAGES)), mm=st.sampled_from([58, 80]), data=st.data())
def test_no_text_brings_a_byte_that_steers_the_printer(
    text: str, page: str, mm: PaperWidth, data: st.DataObject
) -> None:
    other = data.draw(ANY_TEXT)
    facts = receipt(
        payer_name=text,
        operator_name=other,
        shop=replace(SHOP, name=other, address=(text,)),
        tenders=[replace(cheque(20_000, drawer=text), label=other)],
        notes=(text + other,),
        sale=(sold(1_000, text, item=other, serials=(text,)),),
        provisional=(other,),
    )

    told = paper(facts, replace(DUPLICATE, reason=text or "x"), mm=mm, page=page)

    # Every byte was read back, and they were letters, dots or a paper's own commands.
    assert told.page == CODE_PAGES[page][0]
    assert told.end == b"\x1dVB\x00"


@given(text=st.text(st.characters(), min_size=1, max_size=40), page=st.sampled_from(sorted(CODE_PAGES)))
def test_what_is_written_reads_as_what_was_given(text: str, page: str) -> None:
    told = render_escpos(Document(title="", elements=(Text(text=text),)), code_page=page)
    as_text = render_text(Document(title="", elements=(Text(text=text),)), 48).splitlines()

    lines = read(told).lines
    assert len(lines) == len(as_text)
    for line, expected in zip(lines, as_text, strict=True):
        if isinstance(line, Written):
            # A no-break space is a space on paper: the lines are broken already.
            plain = unicodedata.normalize("NFC", expected).replace("\u00a0", " ")
            assert line.letters.decode(CODE_PAGES[page][1]) == plain


@pytest.mark.parametrize(
    ("name", "page", "is_written"),
    [
        ("Zoë O’Brien €", "WPC1252", True),
        ("Zoe\u0308", "WPC1252", True),
        ("Łukasz Żak", "WPC1252", False),
        ("Łukasz Żak", "PC852", True),
        ("Жуков Ёж", "PC866", True),
        ("Жуков Ёж", "PC858", False),
        ("Müller €", "PC858", True),
        ("Müller €", "PC850", False),
        ("Müller", "ASCII", False),
        ("O'Brien", "ASCII", True),
        ("Ζωή", "WPC1252", False),
        ("محمد", "WPC1252", False),
        ("李小龍", "WPC1252", False),
        ("می\u200cخواهم", "WPC1252", False),
    ],
)
def test_a_line_is_written_if_the_page_has_all_its_letters_and_drawn_if_not(
    name: str, page: str, is_written: bool
) -> None:
    line = set_as(name, page)

    if is_written:
        assert isinstance(line, Written)
        assert line.letters.decode(CODE_PAGES[page][1]) == unicodedata.normalize("NFC", name)
    else:
        assert isinstance(line, Drawn)
        assert (line.width_dots, len(line.rows), line.is_blank) == (576, 30, False)


def test_a_printer_without_a_known_page_is_told_none() -> None:
    assert paper(receipt(), page="ASCII").page is None


def test_every_code_page_may_be_chosen_in_the_settings() -> None:
    for page in CODE_PAGES:
        assert PrinterSettings.model_validate({"code_page": page}).code_page == page


def test_a_drawn_line_keeps_its_amount_in_its_column() -> None:
    facts = receipt(tenders=[replace(cash(20_000), label="نقد")])

    (drawn,) = [line for line in paper(facts).lines if isinstance(line, Drawn)]
    inked = columns_with_ink(drawn)

    assert inked & set(range(6)), "the label stands at the left"
    assert not inked & set(range(6, 42))
    assert inked >= {42, 43, 45, 46, 47}, "20.000 stands at the right edge"


def columns_with_ink(drawn: Drawn) -> set[int]:
    """The cells of 12 dots in which something stands."""
    rows = [int.from_bytes(row, "big") for row in drawn.rows]
    width = drawn.width_dots
    return {dot // 12 for dot in range(width) if any(row >> (width - 1 - dot) & 1 for row in rows)}


def test_an_arabic_name_is_joined_and_runs_from_the_right() -> None:
    glyphs = glyphs_from([PLAIN_FONT])

    def dots(text: str) -> bytes:
        return ink([(0, text)], columns=48, glyphs=glyphs)

    # The shapes as they stand on paper, from the left: dal, meem, hah, meem.
    assert dots("محمد") == dots("\ufeaa\ufee4\ufea4\ufee3"[::-1])
    assert dots("محمد") != dots("محمد"[::-1])


@pytest.mark.parametrize("fallback", ["DejaVuSans.ttf"])
def test_a_letter_that_the_shipped_font_lacks_is_drawn_from_a_fallback_font(fallback: str) -> None:
    font = Path("/usr/share/fonts/truetype/dejavu") / fallback
    if not font.exists():
        pytest.skip(
            "no second font on this machine (Debian package fonts-dejavu-core): NO FALLBACK WAS TRIED"
        )
    document = Document(title="", elements=(Text(text="ⴰⴱ"),))

    boxes, letters = render_escpos(document), render_escpos(document, fallback_fonts=[font])

    assert len(boxes) == len(letters)
    assert boxes != letters


def test_a_font_file_that_cannot_be_used_makes_the_papers_wait(tmp_path: Path) -> None:
    with pytest.raises(PrinterUnavailable):
        render_escpos(compose(receipt(payer_name="Ζωή"), ORIGINAL), fallback_fonts=[tmp_path / "missing.ttf"])


def test_dots_that_look_like_a_command_are_no_command() -> None:
    # The hooks of these two letters give the bytes of a question, which a printer answers even inside a picture.
    name = "xąį"
    assert REAL_TIME.search(ink([(0, name)], columns=48, glyphs=glyphs_from([PLAIN_FONT])))

    assert not REAL_TIME.search(render_escpos(Document(title="", elements=(Text(text=name),))))


@pytest.mark.parametrize("copy", [ORIGINAL, DUPLICATE])
@pytest.mark.parametrize("facts", [receipt(), receipt(payer_name="محمد"), sale_receipt(sold(1_000))])
def test_a_paper_never_opens_the_drawer(facts: ReceiptFacts, copy: Copy) -> None:
    assert PULSE not in render_escpos(compose(facts, copy))


def test_the_same_facts_give_the_same_bytes() -> None:
    facts = receipt(payer_name="محمد العنزي", operator_name="Ζωή")

    assert render_escpos(compose(facts, ORIGINAL)) == render_escpos(compose(facts, ORIGINAL))


def test_a_duplicate_has_every_line_of_its_original_and_no_other_but_the_notices() -> None:
    facts = receipt(payer_name="محمد العنزي", allocations=[allocation("B-1", 12_500, left=500)])

    original, duplicate = paper(facts).lines, paper(facts, DUPLICATE).lines

    assert duplicate[7:-1] == original


def test_a_printer_without_a_cutter_feeds_the_paper_to_where_it_is_torn_off() -> None:
    told = read(render_escpos(compose(receipt(), ORIGINAL), cuts=False))

    assert told.end == b"\x1bd\x05"
    assert told.lines == paper(receipt()).lines


def test_drawn_words_are_as_large_as_written_ones() -> None:
    document = Document(title="", elements=(Text(text="ΑΠΟΔΕΙΞΗ", emphasis=Emphasis.LARGE),))

    (line,) = read(render_escpos(document)).lines

    assert isinstance(line, Drawn)
    assert (line.width_dots, line.scale) == (288, 3)


def test_neither_pillow_nor_reportlab_is_loaded_for_a_paper_in_the_printers_own_letters() -> None:
    program = (
        "import sys; from receipts.compose import compose; from receipts.escpos import render_escpos;"
        "from tests.builders.receipts import ORIGINAL, receipt;"
        "render_escpos(compose(receipt(), ORIGINAL));"
        "print('reportlab' in sys.modules, 'PIL' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)

    assert told.stdout == b"False False\n"
