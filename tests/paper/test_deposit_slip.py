"""A deposit slip on paper: each cheque, their number and sum, and room for the bank's stamp."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from pos.domain.receipt import Copy, DepositFacts, DepositLine, ReceiptFacts, ReceiptKind
from receipts.compose import compose
from receipts.document import NotPrintable
from receipts.escpos import render_escpos
from receipts.pdf import render_pdf
from receipts.text import render_text
from tests.builders.receipts import receipt
from tests.builders.tills import money
from tests.paper.escpos_reader import read


def slip(*amounts: str, total: str = "54.250") -> ReceiptFacts:
    lines = tuple(
        DepositLine(
            serial=f"{number:06d}",
            bank="001",
            branch="042" if number == 1 else "",
            dated=date(2026, 11, 1) + timedelta(days=number),
            amount=money(amount),
            drawer="محمد العنزي" if number == 1 else None,
        )
        for number, amount in enumerate(amounts or ("41.750", "12.500"), start=1)
    )
    return replace(
        receipt(),
        receipt_number="S014-T1-A-DS-000001",
        kind=ReceiptKind.DEPOSIT_SLIP,
        payer_account=None,
        payer_name=None,
        total=money(total),
        change=money("0"),
        credit=money("0"),
        tenders=(),
        allocations=(),
        deposit=DepositFacts(
            holder="Counterfoil Telecom", bank="Gulf Bank", account_number="0012-7781", cheques=lines
        ),
    )


def test_a_slip_lists_its_cheques_and_their_sum() -> None:
    """Rule 42: the paper's total is the sum of the cheques on it."""
    text = render_text(compose(slip(), Copy()), 42)
    lines = [" ".join(line.split()) for line in text.splitlines()]

    for said in (
        "DEPOSIT SLIP",
        "S014-T1-A-DS-000001",
        "Credit to Counterfoil Telecom",
        "Bank Gulf Bank",
        "Account 0012-7781",
        "1. 000001 41.750",
        "001 / 042, dated 2026-11-02",
        "2. 000002 12.500",
        "001, dated 2026-11-03",
        "Cheques: 2",
        "TOTAL KWD 54.250",
        "Stamp of the bank",
        "Signature",
    ):
        assert said in lines
    assert "محمد العنزي" in text
    assert not {"Tendered", "CHANGE", "Please keep this receipt."} & {line.split(" 0")[0] for line in lines}


def test_an_iban_stands_in_fours_and_breaks_at_a_blank() -> None:
    facts = slip()
    assert facts.deposit is not None
    iban = replace(facts.deposit, account_number="KW81CBKU0000000000001234560101")
    lines = [
        " ".join(line.split())
        for line in render_text(compose(replace(facts, deposit=iban), Copy()), 42).splitlines()
    ]
    at = next(place for place, line in enumerate(lines) if line.startswith("Account"))
    assert f"{lines[at]} {lines[at + 1]}" == "Account KW81 CBKU 0000 0000 0000 1234 5601 01"


def test_there_is_room_for_a_stamp_and_a_signature() -> None:
    lines = render_text(compose(slip(), Copy()), 42).splitlines()

    for named, room in (("Stamp of the bank", 4), ("Reference and day", 2), ("Signature", 2)):
        place = lines.index(named)
        assert set(lines[place + 1 : place + 1 + room]) == {""}


def test_cheques_that_do_not_make_the_total_are_not_printed() -> None:
    with pytest.raises(NotPrintable):
        compose(slip(total="54.249"), Copy())


def test_a_long_slip_is_whole_in_every_form() -> None:
    facts = slip(*["1.000"] * 200, total="200")
    document = compose(facts, Copy())

    paper = " ".join(str(line) for line in read(render_escpos(document, paper_mm=58)).lines)
    assert all(f"{number}. {number:06d}" in render_text(document, 42) for number in (1, 100, 200))
    assert "000200" in paper
    assert render_pdf(document) == render_pdf(document)


def test_a_duplicate_says_so() -> None:
    facts = slip()
    copy = Copy(number=1, printed_at=facts.taken_at, operator="4001", reason="paper jam")

    assert render_text(compose(replace(facts), copy), 42).count("DUPLICATE 1") == 2
