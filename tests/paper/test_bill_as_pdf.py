"""The paper of a bill: A4, as many pages as it takes, the same bytes every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pos.domain.bill_paper import BillPaper, PaperEntry, PaperTax
from pos.domain.money import Money, currency
from pos.domain.number_format import number_format
from receipts.bill_pdf import render_bill
from tests.builders.pdf_reader import fonts_of, page_sizes_of, text_of

KWD = currency("KWD")


def entry(text: str, minor: int, *, level: int = 0, on: date | None = None) -> PaperEntry:
    return PaperEntry(
        text=text,
        level=level,
        is_rate=on is not None,
        on=on,
        tax_excluded=Money(minor, KWD),
        tax=Money(0, KWD),
        tax_included=Money(minor, KWD),
    )


PAPER = BillPaper(
    title="Interim bill",
    issuer=("Counterfoil Telecom, Salmiya", "Salem Al Mubarak Street 12", "Tax number KW-30071"),
    bill_no="I0000042",
    bill_date=date(2026, 11, 21),
    due_date=date(2026, 11, 22),
    period=(date(2026, 11, 1), date(2026, 11, 20)),
    account="BA-1001",
    account_name="Al-Salem Trading",
    entries=(
        entry("Fibre 100", 5_000),
        entry("Charges", 6_000, level=1),
        entry("Monthly fee", 6_000, level=2, on=date(2026, 11, 3)),
        entry("Credits", -1_000, level=1),
        entry("Loyalty discount", -1_000, level=2, on=date(2026, 11, 9)),
    ),
    left_out=0,
    tax_excluded=Money(5_000, KWD),
    taxes=(PaperTax(name="VAT 5 %", amount=Money(250, KWD)),),
    tax_included=Money(5_250, KWD),
    amount_due=Money(5_250, KWD),
    remaining=Money(5_250, KWD),
)


def many(count: int) -> BillPaper:
    day = date(2026, 11, 3)
    calls = tuple(entry(f"Call {number}", 1, level=1, on=day) for number in range(count))
    return replace(PAPER, entries=(entry("Usage", count), *calls))


def test_it_shows_who_owes_what_for_what() -> None:
    text = " ".join(text_of(render_bill(PAPER)).split())
    for words in (
        "Counterfoil Telecom, Salmiya Interim bill",
        "Tax number KW-30071",
        "Number I0000042 Date 2026-11-21 To be paid by 2026-11-22 Period 2026-11-01 to 2026-11-20",
        "Account BA-1001 Customer Al-Salem Trading",
        "Charges Without tax Tax KWD with tax",
        "2026-11-03 Monthly fee 6.000 0.000 6.000",
        "2026-11-09 Loyalty discount -1.000 0.000 -1.000",
        "Without tax 5.000 KWD VAT 5 % 0.250 KWD Total with tax 5.250 KWD Remains to be paid 5.250 KWD",
        "Interim bill I0000042 Page 1 of 1",
    ):
        assert words in text
    assert "Already paid" not in text


def test_what_was_paid_before_and_a_due_of_its_own_are_shown() -> None:
    paid = replace(PAPER, amount_due=Money(5_000, KWD), remaining=Money(2_000, KWD))
    assert "Due 5.000 KWD Already paid 3.000 KWD Remains to be paid 2.000 KWD" in " ".join(
        text_of(render_bill(paid)).split()
    )


def test_amounts_are_written_as_the_operators_customers_read_them() -> None:
    text = text_of(
        render_bill(replace(PAPER, remaining=Money(1_234_500, KWD)), numbers=number_format("de_DE"))
    )
    assert "1.234,500 KWD" in text
    assert "6,000" in text


def test_the_same_bill_makes_the_same_bytes() -> None:
    assert render_bill(PAPER) == render_bill(PAPER)


def test_a_long_bill_goes_on_with_its_columns_and_every_page_says_which_it_is() -> None:
    pdf = render_bill(many(200))
    pages = text_of(pdf).rstrip("\f").split("\f")
    assert len(pages) == 4
    assert page_sizes_of(pdf) == [(595.28, 841.89)] * 4
    for number, page in enumerate(pages, start=1):
        assert "KWD with tax" in page
        assert f"Page {number} of 4" in page
    assert sum(page.count("Call ") for page in pages) == 200


@pytest.mark.parametrize("above", range(48, 54))
def test_a_line_never_stands_alone_at_the_foot_of_a_page(above: int) -> None:
    calls = many(above).entries
    below = entry("Data", 1), entry("Night data", 1, level=1, on=date(2026, 11, 4))
    pages = text_of(render_bill(replace(PAPER, entries=(*calls, *below)))).split("\f")
    assert [page for page in pages if " Data " in page.replace("\n", " ")] == [
        page for page in pages if "Night data" in page
    ]


def test_the_fonts_are_inside_and_arabic_is_joined() -> None:
    pdf = render_bill(replace(PAPER, account_name="شركة السالم"))
    assert {embedded for _, embedded in fonts_of(pdf)} == {"yes"}
    assert "\ufeb7" in text_of(pdf) or "شركة" in text_of(pdf)


def test_endless_names_and_amounts_stay_on_the_paper() -> None:
    huge = Money(10**17, KWD)
    wide = replace(
        PAPER,
        issuer=("W" * 900, "x " * 400),
        account_name="N" * 900,
        entries=(replace(entry("word " * 150, 1), tax_excluded=huge, tax=huge, tax_included=huge),),
        tax_included=huge,
        left_out=7,
    )
    text = text_of(render_bill(wide))
    assert "100000000000000.000" in text
    assert "…" in text
    assert "and 7 more" in text
