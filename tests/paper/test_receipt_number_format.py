"""A receipt in the shop's number format: text, PDF and receipt printer alike, and never in what is stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pos.bootstrap.homes import open_till
from pos.bootstrap.paper import print_receipts
from pos.domain.money import MAX_MINOR
from pos.domain.number_format import LOCALES, number_format
from receipts.compose import compose
from receipts.escpos import render_escpos
from receipts.labels import ENGLISH
from receipts.layout import cells
from receipts.pdf import render_pdf
from receipts.text import render_text
from tests.builders.pdf_reader import text_of
from tests.builders.receipts import ORIGINAL, allocation, cash, cheque, receipt
from tests.builders.tills import cash as cash_tender
from tests.builders.tills import machine, open_home, opened, pay, put_settings, rows
from tests.paper.escpos_reader import read

LARGEST = MAX_MINOR - 1


@pytest.mark.parametrize(
    ("locale", "amount"),
    [
        ("de_DE", "1.234.567,890"),
        ("en_IN", "12,34,567.890"),
        ("fr_FR", "1 234 567,890"),
        ("de_CH", "1’234’567.890"),
        ("ar_KW", "1,234,567.890"),
    ],
)
def test_every_form_of_a_receipt_has_the_same_amounts(locale: str, amount: str) -> None:
    facts = receipt(tenders=[cash(1_234_567_890)], allocations=[allocation("B-1", 1_234_567_890)])
    document = compose(facts, ORIGINAL, replace(ENGLISH, numbers=number_format(locale)))

    text = render_text(document, 42).replace("\u00a0", " ")
    printed = read(render_escpos(document)).text("cp1252")
    pdf = text_of(render_pdf(document)).replace("\u00a0", " ")

    for paper in (text, printed, pdf):
        assert amount in paper
        assert "1234567.890" not in paper


def test_native_digits_are_set_in_every_form_and_run_from_the_left() -> None:
    facts = receipt(tenders=[cash(1_234_567_890)], allocations=[allocation("B-1", 1_234_567_890)])
    numbers = number_format("ar_KW", native_digits=True)
    document = compose(facts, ORIGINAL, replace(ENGLISH, numbers=numbers))

    assert "١٬٢٣٤٬٥٦٧٫٨٩٠" in render_text(document, 42)
    assert render_escpos(document).count(b"\x1dv0") >= 5, "each line with an amount is drawn"
    assert render_pdf(document).startswith(b"%PDF-")


@pytest.mark.parametrize("columns", [24, 32, 42, 48])
@pytest.mark.parametrize("locale", LOCALES)
def test_the_largest_amount_is_never_cut_and_never_broken(locale: str, columns: int) -> None:
    facts = receipt(tenders=[cash(LARGEST)], allocations=[allocation("B-1", LARGEST)])
    numbers = number_format(locale, native_digits=True)

    text = render_text(compose(facts, ORIGINAL, replace(ENGLISH, numbers=numbers)), columns)

    assert max(cells(line) for line in text.splitlines()) <= columns
    assert text.count(numbers.shown(facts.total)) == 4, "bill, total, cash, tendered"


def test_what_was_kept_as_text_is_written_in_the_same_format() -> None:
    facts = replace(
        receipt(tenders=[cheque(12_500)]),
        provisional=("Cheque 12.500: final when the cheque is cleared",),
        notes=("Loyalty voucher of 10.000: 2.500 not used is forfeited.",),
    )

    text = render_text(compose(facts, ORIGINAL, replace(ENGLISH, numbers=number_format("de_DE"))), 42)

    plain = " ".join(text.replace("*", " ").split())
    assert "Cheque 12,500: final when the cheque is cleared" in plain
    assert "Loyalty voucher of 10,000: 2,500 not used is forfeited." in plain


def test_a_till_prints_in_its_format_and_keeps_plain_minor_units(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as first:
        shipped = Path(first.settings.sources["till.toml"]).read_text()
    put_settings(tmp_path / "home", "till.toml", shipped.replace('locale = ""', 'locale = "de_DE"'))
    with open_till(tmp_path / "home", machine=machine()) as till:
        opened(till.desk)
        number = pay(till.desk, cash_tender("5000"), account="BA-1001").receipt.receipt_number

        print_receipts(till)

        text = (till.paths.receipts / f"{number}.txt").read_text()
        assert "5.000,000" in text
        stored = str(rows(till.desk, "receipt")[0]["facts_json"])
        assert "5000000" in stored
        assert "5.000,000" not in stored
