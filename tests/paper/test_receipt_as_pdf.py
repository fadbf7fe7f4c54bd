"""A receipt as PDF: readable by others, the same every time, whatever script a name is written in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pos.domain.ports import PrinterUnavailable
from pos.domain.receipt import ReceiptFacts
from receipts.compose import compose
from receipts.pdf import PAGE_HEIGHT_PT_MAX, render_pdf
from receipts.righttoleft import shaped, turned
from tests.builders.pdf_reader import fonts_of, page_sizes_of, text_of
from tests.builders.receipts import DUPLICATE, ORIGINAL, allocation, cash, cheque, receipt

ROOT = Path(__file__).parents[2]


def pdf_of(facts: ReceiptFacts) -> bytes:
    return render_pdf(compose(facts, ORIGINAL))


def test_a_reader_finds_the_words_of_the_receipt_in_their_order() -> None:
    words = text_of(render_pdf(compose(receipt(), DUPLICATE))).split()

    told = [
        "DUPLICATE",
        "RECEIPT",
        "S01-T02-A-000042",
        "100200300",
        "O'Brien",
        "12.500",
        "CHANGE",
        "3f9a-c2d1",
    ]
    assert [word for word in words if word in told] == [
        "DUPLICATE",
        "RECEIPT",
        "S01-T02-A-000042",
        "100200300",
        "O'Brien",
        "12.500",
        "12.500",
        "CHANGE",
        "3f9a-c2d1",
        "DUPLICATE",
    ]


def test_the_roll_is_80_mm_wide_and_as_long_as_its_text() -> None:
    ((width, short),) = page_sizes_of(pdf_of(receipt()))
    ((_, long),) = page_sizes_of(pdf_of(receipt(notes=("A note.",) * 10)))

    assert width == pytest.approx(80 / 25.4 * 72, abs=0.01)
    assert short < long < short + 200


def test_a_receipt_longer_than_a_reader_can_show_goes_on_on_another_page() -> None:
    bills = [allocation(f"B-{number}", 1_000, left=1) for number in range(1_000)]

    pdf = pdf_of(receipt(tenders=[cash(1_000_000)], allocations=bills))

    sizes = page_sizes_of(pdf)
    assert len(sizes) == 2
    assert max(height for _, height in sizes) <= PAGE_HEIGHT_PT_MAX
    assert text_of(pdf).count("still open 0.001") == 1_000


def test_every_font_is_embedded() -> None:
    assert [embedded for _, embedded in fonts_of(pdf_of(receipt()))] == ["yes", "yes"]


def test_the_same_facts_give_the_same_bytes() -> None:
    assert pdf_of(receipt()) == pdf_of(receipt())
    assert pdf_of(receipt()) != pdf_of(receipt(chain_mark="3f9a-c2d2"))


def test_another_process_gives_the_same_bytes_after_other_papers() -> None:
    # The other process has another hash seed and has printed something else before.
    program = (
        "import sys; from receipts.compose import compose; from receipts.pdf import render_pdf;"
        "from tests.builders.receipts import *;"
        "render_pdf(compose(receipt(payer_name='Ζωή 李'), DUPLICATE));"
        "sys.stdout.buffer.write(render_pdf(compose(receipt(), ORIGINAL)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}

    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)

    assert other.stdout == pdf_of(receipt())


def test_reportlab_is_not_loaded_before_the_first_pdf() -> None:
    program = "import sys, receipts.pdf, receipts.queue, receipts.text; print('reportlab' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)

    assert told.stdout == b"False\n"


@pytest.mark.parametrize(
    "name", ["Müller", "Ζωή Αλεξίου", "Жуков Ёж", "Łukasz Żak", "Ọlá e\u0323\u0301", "€ 5"]
)
def test_a_name_that_the_shipped_font_has_is_read_back_letter_for_letter(name: str) -> None:
    text = text_of(pdf_of(receipt(payer_name=name)))

    (line,) = [line for line in text.splitlines() if line.startswith("Name")]
    assert line.split()[1] == name.split()[0]


@pytest.mark.parametrize(
    "name",
    [
        "李小龍",
        "देवनागरी",
        "한국어",
        "😀👩\u200d👧",
        "\ud800",
        "\x00\x1b",
        "ا\u064eب",
        "\u0301",
        "",
        "א (1) ב",
    ],
)
def test_a_name_in_a_script_that_no_font_has_still_gives_a_whole_receipt(name: str) -> None:
    text = text_of(pdf_of(receipt(payer_name=name, tenders=[cheque(20_000, drawer=name)])))

    assert "100200300" in text
    assert "TOTAL KWD" in text
    assert text.count("12.500") == 2


def test_a_letter_without_a_glyph_is_printed_as_a_box() -> None:
    assert "□□□ Ltd" in text_of(pdf_of(receipt(payer_name="李小龍 Ltd")))


def test_a_letter_that_the_first_font_lacks_comes_from_a_fallback_font() -> None:
    sans = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    if not sans.exists():
        pytest.skip(
            "no second font on this machine (Debian package fonts-dejavu-core): NO FALLBACK WAS TRIED"
        )

    pdf = render_pdf(compose(receipt(payer_name="Ben ⴰⴱ"), ORIGINAL), fallback_fonts=[sans])

    assert "Ben ⴰⴱ" in text_of(pdf)
    assert any(name.endswith("DejaVuSans") for name, _ in fonts_of(pdf))


def test_a_font_of_the_shops_own_choice_takes_the_place_of_the_shipped_one() -> None:
    bold = ROOT / "receipts" / "fonts" / "DejaVuSansMono-Bold.ttf"

    pdf = render_pdf(compose(receipt(), ORIGINAL), font_path=bold)

    assert {name.split("+")[1] for name, _ in fonts_of(pdf)} == {"DejaVuSansMono-Bold"}


def test_a_font_file_that_cannot_be_used_makes_the_papers_wait(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"not a font")

    for path in (broken, tmp_path / "missing.ttf", tmp_path):
        with pytest.raises(PrinterUnavailable):
            render_pdf(compose(receipt(), ORIGINAL), font_path=path)


def test_the_metadata_holds_the_number_and_no_name() -> None:
    pdf = pdf_of(receipt(payer_name="Zzyzx"))

    assert b"S01-T02-A-000042" in pdf
    assert b"Zzyzx" not in pdf
    assert str(ROOT).encode() not in pdf


def test_arabic_letters_are_joined_and_run_from_the_right() -> None:
    # meem hah meem dal: initial, medial, medial, final; the first letter stands at the right.
    assert shaped("محمد", lambda _: True) == "\ufee3\ufea4\ufee4\ufeaa"
    assert turned("\ufee3\ufea4\ufee4\ufeaa") == "\ufeaa\ufee4\ufea4\ufee3"


def test_lam_and_alef_are_written_as_one() -> None:
    assert shaped("سلام", lambda _: True) == "\ufeb3\ufefc\ufee1"


def test_a_shape_that_the_font_lacks_stays_the_plain_letter() -> None:
    assert shaped("محمد", lambda _: False) == "محمد"


@pytest.mark.parametrize(
    ("stored", "printed"),
    [
        ("Ann", "Ann"),
        ("אבג", "גבא"),
        ("Ann אב גד Ltd", "Ann דג בא Ltd"),
        ("אב 123 גד", "דג 123 בא"),
        ("אב 12.500", "12.500 בא"),
        ("אב (ג) ד", "ד (ג) בא"),
        ("אב - x", "בא - x"),
        ("אב (ג)", "(ג) בא"),
        ("אב (2) x", "(2) בא x"),
        ("אב (x)", "בא (x)"),
        ("אב ()", "בא ()"),
        ("אב )", "בא )"),
    ],
)
def test_right_to_left_words_are_turned_and_numbers_in_them_are_not(stored: str, printed: str) -> None:
    assert turned(stored) == printed
