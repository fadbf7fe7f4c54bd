"""What a customer reads on a receipt, line by line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from textwrap import dedent
from typing import Any

import pytest

from pos.domain.receipt import Copy, ReceiptFacts, ReceiptKind, ShopHeading, TaxLine
from pos.settings import read_settings
from receipts.compose import HELD_UNTIL, compose
from receipts.document import NotPrintable
from receipts.labels import ENGLISH
from receipts.layout import cells
from receipts.text import WIDTH_MIN, render_text
from tests.builders.receipts import (
    DUPLICATE,
    ORIGINAL,
    SHOP,
    allocation,
    cash,
    cheque,
    money,
    receipt,
    sale_receipt,
    sold,
)


def paper(facts: ReceiptFacts, copy: Copy = ORIGINAL, width: int = 42) -> str:
    return render_text(compose(facts, copy), width)


def test_a_cash_receipt_states_bill_total_tender_and_change() -> None:
    assert paper(receipt()) == dedent(
        """\
                 Example Telecom, Salmiya
                Salem Al Mubarak Street 12
                         Salmiya
                    Tax no. KW-1234567

                         RECEIPT
                     S01-T02-A-000042

        Business day  2026-03-04
        Time          2026-03-04 11:20:31 +03:00
        Terminal      S01-T02, shift 12
        Served by     Anna Khan (anna)
        Account       100200300
        Name          Zoë O'Brien
        ------------------------------------------
                                All amounts in KWD
        Bill B-2026-000881                  12.500
        ==========================================
        TOTAL KWD                           12.500
        ==========================================
        Cash                                20.000
        ------------------------------------------
        Tendered                            20.000
        CHANGE                               7.500
        ------------------------------------------
                      Mark 3f9a-c2d1
                Please keep this receipt.
        """
    )


def test_a_paper_of_no_shift_names_the_terminal_alone() -> None:
    (line,) = [line for line in paper(receipt(shift_number=0)).splitlines() if line.startswith("Terminal")]
    assert line == "Terminal      S01-T02"


def test_a_cheque_over_two_bills_states_the_rest_that_stays_open_and_the_credit() -> None:
    facts = receipt(
        tenders=[cheque(12_000, "EUR")],
        allocations=[
            allocation("B-1", 4_000, "EUR"),
            allocation("B-2", 5_000, "EUR", left=1_550),
            allocation(None, 3_000, "EUR"),
        ],
        notes=("Subject to clearing of the cheque.",),
    )

    assert paper(facts).split("Zoë O'Brien\n")[1] == dedent(
        """\
        ------------------------------------------
                                All amounts in EUR
        Bill B-1                             40.00
        Bill B-2                             50.00
          still open 15.50
        Credit on account                    30.00
        ==========================================
        TOTAL EUR                           120.00
        ==========================================
        Cheque                              120.00
          Serial 000123
          Bank National Bank
          Drawer Ann Drawer
        ------------------------------------------
        Tendered                            120.00
        CHANGE                                0.00
        ------------------------------------------
        Subject to clearing of the cheque.

                      Mark 3f9a-c2d1
                Please keep this receipt.
        """
    )


SERIALS = ("8996500000000000011", "8996500000000000029", "8996500000000000037")


def test_a_sales_receipt_states_items_serials_and_the_tax_in_the_total() -> None:
    facts = sale_receipt(
        sold(2_500, "SIM card prepaid", quantity=3, serials=SERIALS),
        sold(45_000, "Router X5", item="RT-X5", serials=["356938035643809"]),
    )

    text = paper(facts)

    assert text.split("KW-1234567\n")[1] == dedent(
        """\

                      SALES RECEIPT
                     S01-T02-A-000042

        Business day  2026-03-04
        Time          2026-03-04 11:20:31 +03:00
        Terminal      S01-T02, shift 12
        Served by     Anna Khan (anna)
        ------------------------------------------
                                All amounts in KWD
        SIM card prepaid                     7.500
          Item SIM-PP, 3 x 2.500
          Serial 8996500000000000011
          Serial 8996500000000000029
          Serial 8996500000000000037
        Router X5                           45.000
          Item RT-X5
          Serial 356938035643809
        ==========================================
        TOTAL KWD                           52.500
        ==========================================
        Tax included (tax on net):
          standard 5%: 2.499 on 50.001
        ------------------------------------------
        Cash                                52.500
        ------------------------------------------
        Tendered                            52.500
        CHANGE                               0.000
        ------------------------------------------
                      Mark 3f9a-c2d1
                Please keep this receipt.
        """
    )


def test_bills_stand_before_items_and_tax_between_total_and_tenders() -> None:
    facts = sale_receipt(
        sold(2_500),
        allocations=[allocation("B-1", 5_000), allocation("B-2", 7_000, account="555")],
        tenders=[cash(14_500)],
        total=money(14_500),
        payer_kind="subscriber",
        payer_account="100200300",
    )

    lines = paper(facts).splitlines()

    opening = [
        "RECEIPT",
        "Bill B-1",
        "For account 555",
        "Bill B-2",
        "Items",
        "SIM card",
        "TOTAL",
        "Tax in the items",
        "Bills: taxed when billed",
        "Cash",
    ]
    found = [next(i for i, line in enumerate(lines) if line.strip().startswith(word)) for word in opening]
    assert found == sorted(found)
    assert "SALES" not in paper(facts), "it is a receipt for bills as well"


def test_the_tax_of_each_rate_is_printed_as_the_facts_have_it() -> None:
    facts = sale_receipt(
        sold(10_000),
        taxes=(
            TaxLine(category="standard", rate="5", net=money(9_000), tax=money(499)),
            TaxLine(category="zero", rate="0", net=money(501), tax=money(0)),
        ),
    )

    assert "  standard 5%: 0.499 on 9.000\n  zero 0%: 0.000 on 0.501\n" in paper(facts)


@pytest.mark.parametrize("width", [WIDTH_MIN, 32, 42])
def test_every_serial_is_printed_whole_however_many_and_long(width: int) -> None:
    serials = [f"{number:040}" for number in range(60)]

    text = paper(sale_receipt(sold(1_000, quantity=60, serials=serials)), width=width)

    together = text.replace("\n", "").replace(" ", "")
    assert all(f"Serial{serial}" in together for serial in serials)


def test_a_walk_in_buyer_has_neither_account_nor_name() -> None:
    text = paper(sale_receipt(sold(1_000), payer_account="WALK-IN", payer_name="Walk-in"))

    assert "Account" not in text
    assert "WALK-IN" not in text
    assert "Name" not in text


@pytest.mark.parametrize(
    ("facts", "heading"),
    [
        (receipt(tenders=[cheque(20_000)]), "PROVISIONAL RECEIPT"),
        (sale_receipt(sold(1_000), tenders=[cheque(1_000)]), "PROVISIONAL SALES RECEIPT"),
    ],
)
def test_a_provisional_receipt_says_in_a_frame_what_it_waits_for(facts: ReceiptFacts, heading: str) -> None:
    waits = ("Cheque 20.000: not final until cleared", "ATM 5.000: not final until matched")

    lines = paper(replace(facts, provisional=waits)).splitlines()

    start = lines.index("*" * 42)
    assert [line.strip("* ") for line in lines[start + 1 : start + 4]] == [heading, *waits]
    assert lines[start + 4] == "*" * 42
    assert not any(line.strip() in ("RECEIPT", "SALES RECEIPT") for line in lines)


def test_a_note_for_a_post_dated_cheque_is_no_provisional_receipt() -> None:
    text = paper(receipt(kind=ReceiptKind.POST_DATED_NOTE, provisional=("Cheque: not final",)))

    assert "NOT A RECEIPT" in text
    assert "PROVISIONAL" not in text


def test_a_card_is_told_by_its_last_digits_and_its_approval() -> None:
    details = (("auth_code", "A1B2C3"), ("last4", "1111"), ("brand", "VISA"), ("rrn", "000123"))

    text = paper(receipt(tenders=[replace(cash(12_500), label="Debit card", details=details)]))

    assert "  Authorisation A1B2C3\n  Card ends in 1111\n  Card VISA\n  RRN 000123\n" in text


def test_every_field_of_every_way_to_pay_has_a_label_and_no_label_is_idle() -> None:
    fields = {field.name for mode in read_settings().modes.by_code.values() for field in mode.fields}

    assert set(ENGLISH.tender_detail) == fields | {HELD_UNTIL}


def test_a_currency_without_minor_units_is_printed_without_a_decimal_mark() -> None:
    text = paper(receipt(tenders=[cash(10_000, "JPY")], allocations=[allocation("B-1", 8_640, "JPY")]))

    assert "TOTAL JPY                             8640\n" in text
    assert "CHANGE                                1360\n" in text


def test_a_duplicate_says_so_and_names_who_printed_it_when_and_why() -> None:
    lines = paper(receipt(), DUPLICATE).splitlines()

    assert lines[:6] == [
        "*" * 42,
        "*              DUPLICATE 2               *",
        "*   Printed 2026-03-09 16:05:00 +03:00   *",
        "*                by omar                 *",
        "*   Reason: customer lost the original   *",
        "*" * 42,
    ]
    assert lines[-1].strip() == "DUPLICATE 2"


def test_a_duplicate_has_every_line_of_its_original_and_no_other_but_the_notices() -> None:
    original = compose(receipt(), ORIGINAL).elements
    duplicate = compose(receipt(), DUPLICATE).elements

    assert duplicate[2:-1] == original


@pytest.mark.parametrize(
    "copy",
    [
        replace(DUPLICATE, operator=None),
        replace(DUPLICATE, reason=""),
        replace(DUPLICATE, printed_at=None),
        replace(DUPLICATE, printed_at=datetime(2026, 3, 9, 16, 5)),  # noqa: DTZ001
    ],
)
def test_a_duplicate_without_person_reason_or_time_is_not_printed(copy: Copy) -> None:
    with pytest.raises(NotPrintable):
        compose(receipt(), copy)


def test_a_note_for_a_post_dated_cheque_says_that_it_is_not_a_receipt() -> None:
    facts = receipt(
        kind=ReceiptKind.POST_DATED_NOTE,
        receipt_number="S01-T02-N-000007",
        tenders=[cheque(12_500, held_until="2026-04-01")],
        allocations=[allocation("B-1", 12_500, left=500)],
    )

    text = paper(facts)

    assert "NOT A RECEIPT" in text
    assert "Cheque held until 2026-04-01" in text
    assert "TOTAL HELD KWD                      12.500" in text
    assert "RECEIPT" not in text.replace("NOT A RECEIPT", "")
    assert not any(word in text for word in ("Tendered", "CHANGE", "still open", "keep this receipt"))


def test_credit_that_no_allocation_shows_is_printed_all_the_same() -> None:
    text = paper(receipt(credit=money(1_250)))

    assert "Credit on account                    1.250\n" in text


def test_bills_of_another_account_stand_under_that_account() -> None:
    facts = receipt(allocations=[allocation("B-1", 5_000), allocation("B-2", 7_000, account="555")])

    lines = paper(facts).splitlines()

    assert lines[lines.index("For account 555") + 1].startswith("Bill B-2")
    assert "For account 100200300" not in lines


def test_a_receipt_prints_without_the_names_that_were_purged() -> None:
    text = paper(receipt(payer_name=None, operator_name=""))

    assert "Account       100200300\n" in text
    assert "Served by     anna\n" in text
    assert "None" not in text
    assert "Name " not in text


@pytest.mark.parametrize(
    "fields",
    [
        {"credit": money(1, "EUR")},
        {"sale": (replace(sold(1_000), amount=money(1, "EUR")),)},
        {"taxes": (TaxLine(category="standard", rate="5", net=money(1), tax=money(1, "EUR")),)},
    ],
)
def test_two_currencies_on_one_receipt_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(NotPrintable):
        compose(receipt(change=0, **fields), ORIGINAL)


def test_a_time_without_its_offset_is_refused() -> None:
    with pytest.raises(NotPrintable):
        compose(receipt(taken_at=datetime(2026, 3, 4, 11, 20)), ORIGINAL)  # noqa: DTZ001


HONEST_NAMES = [
    "O'Brien",
    "Müller",
    "李",
    "محمد",
    "Ζωή",
    "AT&T [NL] Ltd",
    "Жуков",
    "देवनागरी",
    "می\u200cخواهم",
]


@pytest.mark.parametrize("name", HONEST_NAMES)
def test_an_honest_name_is_printed_as_it_is_written(name: str) -> None:
    assert f"Name          {name}\n" in paper(receipt(payer_name=name))


HOSTILE_SIGNS = {
    "escape": "\x1b",
    "carriage return": "\r",
    "line feed": "\n",
    "nul": "\x00",
    "C1 control sequence": "\x9b",
    "C1 operating system command": "\x9d",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "line separator": "\u2028",
    "byte order mark": "\ufeff",
    "zero-width space": "\u200b",
    "tag": "\U000e0041",
}


FIELDS_OF_TEXT = (
    "receipt_number",
    "terminal",
    "operator",
    "operator_name",
    "payer_account",
    "payer_name",
    "chain_mark",
)


@pytest.mark.parametrize("sign", HOSTILE_SIGNS.values(), ids=HOSTILE_SIGNS.keys())
def test_no_sign_that_steers_a_printer_reaches_the_paper_from_any_field(sign: str) -> None:
    bad = f"A{sign}]0;x"
    fields: dict[str, Any] = dict.fromkeys(FIELDS_OF_TEXT, bad)
    facts = receipt(
        shop=ShopHeading(shop="S01", name=bad, address=(bad,), tax_number=bad),
        tenders=[replace(cheque(12_500, drawer=bad), label=bad)],
        allocations=[allocation(bad, 12_500, account=bad)],
        notes=(bad,),
        **fields,
    )

    text = paper(facts, replace(DUPLICATE, operator=bad, reason=bad))

    assert sign == "\n" or sign not in text
    # A line feed that came through would have broken each of these in two.
    assert text.count("A?]0;x") >= 14


def test_a_name_cannot_be_spread_out_to_look_like_a_line_of_amounts() -> None:
    text = paper(receipt(payer_name="CHANGE" + " " * 28 + "999.000"))

    assert "CHANGE 999.000" in text
    assert "CHANGE  " not in text.replace("CHANGE                               7.500", "")


def test_hundreds_of_marks_on_one_letter_are_given_up() -> None:
    text = paper(receipt(payer_name="a" + "\u0301" * 500))

    assert text.count("\u0301") == 8


def test_a_long_name_ends_in_an_ellipsis_after_two_lines_and_the_account_stays() -> None:
    text = paper(
        receipt(payer_name="Very Long Trading And Contracting Company With Limited Liability And Partners")
    )

    assert "Name          Very Long Trading And\n              Contracting Company With…\n" in text
    assert "Account       100200300\n" in text


def test_a_long_bill_number_wraps_and_neither_it_nor_the_amount_is_cut() -> None:
    number = "BILL-2026-000881-0000000000000000000000000001"
    text = paper(receipt(tenders=[cash(10**15 - 1)], allocations=[allocation(number, 10**15 - 1)]))

    assert number in text.replace("\n", "")
    assert text.count("999999999999.999\n") == 4


@pytest.mark.parametrize("label", ["Cash", "現金", "नकद", "e\u0301spe\u0300ces", "نقد", "한국어", "Ａ"])
@pytest.mark.parametrize("width", [WIDTH_MIN, 32, 42, 80])
def test_wide_letters_and_marks_keep_the_column_of_amounts_straight(label: str, width: int) -> None:
    facts = receipt(tenders=[replace(cash(20_000), label=label)])

    (line,) = [line for line in paper(facts, width=width).splitlines() if line.startswith(label)]

    assert line.endswith("20.000")
    assert cells(line) == width


def test_a_wide_letter_takes_two_columns_and_a_mark_none() -> None:
    assert [cells(text) for text in ("李", "e\u0301", "Müller", "ｶ", "Ａ", "한")] == [2, 1, 6, 1, 2, 2]


@pytest.mark.parametrize("width", [WIDTH_MIN, 32, 42, 80])
def test_no_line_is_wider_than_the_paper_or_ends_in_a_blank(width: int) -> None:
    facts = receipt(
        payer_name="李" * 60,
        shop=replace(SHOP, name="電信" * 30),
        receipt_number="S01-TERMINAL2-A-000042-000042-000042-0004",
        notes=("W" * 100 + " " + "word " * 30,),
        allocations=[allocation("B" * 70, 12_500)],
    )

    lines = paper(facts, DUPLICATE, width).split("\n")

    assert max(map(cells, lines)) <= width
    assert all(line == line.rstrip() for line in lines)
    assert lines[-1] == ""


def test_a_paper_too_narrow_for_an_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="columns"):
        paper(receipt(), width=WIDTH_MIN - 1)
