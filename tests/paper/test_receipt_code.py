"""The QR code of a receipt says its number and mark, and what it says is held against the books."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pos.bootstrap.homes import OpenTill
from pos.bootstrap.paper import labels_of, renderings
from pos.domain.errors import Refused
from pos.domain.receipt import Copy, ReceiptFacts
from pos.settings import read_settings
from pos.till.verify_paper import paper_findings
from receipts.compose import CODE_SIDE_MM, compose
from receipts.document import Code, Document
from receipts.escpos import PaperWidth, render_escpos
from receipts.labels import ENGLISH
from receipts.pdf import render_pdf
from receipts.qr import DOTS_PER_MM, squares
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL, receipt
from tests.builders.tills import cash, open_home, opened, pay, put_settings
from tests.paper.escpos_reader import Drawn, read
from tests.paper.qr_reader import read_squares

WITH_CODE = replace(ENGLISH, mark_as_code=True)
MARKED = receipt(receipt_number="S014-T2-A-000123", chain_mark="0a1b-2c3d-4e5f")


def scanned(document: Document, paper_mm: PaperWidth) -> tuple[str, int]:
    """What a telephone reads off the printed dots, and how many dots wide the code is."""
    paper = read(render_escpos(document, paper_mm=paper_mm))
    (drawn,) = [line for line in paper.lines if isinstance(line, Drawn)]
    bits = ["".join(f"{byte:08b}" for byte in row) for row in drawn.rows]
    inked = [row for row in bits if "1" in row]
    left = min(row.index("1") for row in inked)
    wide = max(row.rindex("1") for row in inked) + 1 - left
    # The row and column of a corner are dark for seven squares.
    scale = len(inked[0][left:].split("0")[0]) // 7
    dark = [[row[left + place] == "1" for place in range(0, wide, scale)] for row in inked[::scale]]
    return read_squares(dark), wide


@pytest.mark.parametrize("paper_mm", [58, 80])
def test_the_code_on_paper_says_number_and_mark(paper_mm: PaperWidth) -> None:
    text, wide = scanned(compose(MARKED, ORIGINAL, WITH_CODE), paper_mm)

    assert text == "S014-T2-A-000123 0A1B-2C3D-4E5F"
    assert wide <= CODE_SIDE_MM * DOTS_PER_MM
    assert wide >= 3 * len(squares(text)), "squares that a scanner can tell apart"


@pytest.mark.parametrize("text", ["A", "HELLO WORLD", "0123456789", "S014-T2-A-000123 0A1B-2C3D-4E5F"])
def test_the_reader_of_these_tests_reads_what_was_drawn(text: str) -> None:
    assert read_squares(squares(text.ljust(24))).strip() == text


def test_a_pdf_has_the_code_and_text_has_none() -> None:
    without, with_code = (compose(MARKED, ORIGINAL, labels) for labels in (ENGLISH, WITH_CODE))

    assert render_text(with_code) == render_text(without)
    assert len(render_pdf(with_code)) > len(render_pdf(without))
    assert render_pdf(with_code) == render_pdf(with_code)


def test_a_paper_without_a_mark_has_no_code() -> None:
    unmarked = compose(replace(MARKED, chain_mark=""), ORIGINAL, WITH_CODE)

    assert not [element for element in unmarked.elements if isinstance(element, Code)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def issue(till: OpenTill) -> ReceiptFacts:
    opened(till.desk)
    return pay(till.desk, cash("5"), account="BA-1001").receipt


def test_verify_reads_what_the_code_says(home: Path) -> None:
    """From the payment to the dots on the paper and back into the books."""
    with open_home(home) as till:
        facts = issue(till)
        document = compose(facts, Copy(), labels_of(till.settings))
        text, _ = scanned(document, 80)

        assert text.startswith(facts.receipt_number)
        assert paper_findings(till.desk, text) == []
        assert paper_findings(till.desk, f"  {text.lower()} ") == []
        (finding,) = paper_findings(till.desk, text[:-4] + "FFFF")
    assert (finding.check, finding.where) == ("printed_mark_differs", facts.receipt_number)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_receipt_text"),
        ("S014-T2-A-000123", "bad_receipt_text"),
        ("S014-T2-A-000123 0a1b-2c3d", "bad_receipt_text"),
        ("S014-T2-A-000123 0a1b-2c3d-4e5g", "bad_receipt_text"),
        ("S014-T2-A-000123\n0a1b-2c3d-4e5f", "bad_receipt_text"),
        ("../../x 0a1b-2c3d-4e5f", "bad_receipt_text"),
        ("4111111111111111 0a1b-2c3d-4e5f", "card_number_refused"),
    ],
)
def test_what_is_no_receipts_text_is_refused(home: Path, text: str, code: str) -> None:
    with open_home(home) as till, pytest.raises(Refused) as refusal:
        paper_findings(till.desk, text)

    assert refusal.value.code == code
    assert "4111" not in refusal.value.message


def test_a_number_and_a_mark_that_look_like_a_card_together_are_read(home: Path) -> None:
    """An honest paper: a mark may have no letter in it."""
    with open_home(home) as till:
        (finding,) = paper_findings(till.desk, "S014-T1-A-411111 1111-1111-1114")

    assert finding.check == "printed_receipt_is_in_the_books"


def test_the_shop_may_leave_the_code_out(home: Path) -> None:
    with open_home(home) as till:
        issue(till)
    put_settings(home, "till.toml", "[receipt]\nqr_code = false\n")

    assert labels_of(read_settings()).mark_as_code
    assert not labels_of(read_settings(home=home)).mark_as_code
    plain = renderings(read_settings(home=home))["pdf"]
    off = compose(MARKED, ORIGINAL, labels_of(read_settings(home=home)))
    on = compose(MARKED, ORIGINAL, labels_of(read_settings()))
    assert len(plain(off)) < len(plain(on))
