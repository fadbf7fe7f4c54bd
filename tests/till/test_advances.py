"""Advances for services to come, and which tax stands on a receipt of bills and items (rules 8 and 9)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from pos.domain.catalogue import AdvanceTax, Item
from pos.domain.receipt import ReceiptFacts, TaxLine
from pos.store.items import put_items
from pos.store.receipts import receipt_facts
from pos.till.desk import Desk
from receipts.compose import compose
from receipts.escpos import render_escpos
from receipts.pdf import render_pdf
from receipts.text import render_text
from tests.builders.pdf_reader import text_of
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    cash,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
    sale,
    stock,
    wish,
)
from tests.paper.escpos_reader import read


def advance(code: str, taxed: AdvanceTax | None) -> Item:
    return Item(
        item=code,
        name=f"Prepaid credit {code}",
        price=money("10.500"),
        tax_category="VAT",
        tax_rate=Decimal(5),
        serial=None,
        ean=None,
        advance=taxed,
    )


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    with desk.cache.write() as connection:
        put_items(connection, [advance("NOW", AdvanceTax.ON_RECEIPT), advance("LATER", AdvanceTax.ON_USE)])
    opened(desk)
    return desk


def ledger(desk: Desk) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows(desk, "v_journal"):
        if row["source_kind"] == "payment":
            name = str(row["ledger_account"])
            sums[name] = sums.get(name, 0) + int(str(row["credit_minor"])) - int(str(row["debit_minor"]))
    return sums


def text(facts: ReceiptFacts) -> str:
    return render_text(compose(facts, ORIGINAL), 42)


def test_an_advance_that_is_taxed_on_receipt_carries_its_tax(desk: Desk) -> None:
    """Rule 8: some countries tax advances on receipt; a flag of the product says so."""
    receipt = pay(desk, cash("10.500"), account=None, lines=[sale("NOW")]).receipt

    assert receipt.taxes == (TaxLine(category="VAT", rate="5", net=money("10"), tax=money("0.500")),)
    assert ledger(desk) == {"cash_in_till": -10_500, "advances_received": 10_000, "output_tax": 500}
    assert "taxed when it is used" not in text(receipt)
    assert findings(desk) == []


def test_an_advance_that_is_taxed_on_use_carries_none(desk: Desk) -> None:
    receipt = pay(desk, cash("10.500"), account=None, lines=[sale("LATER")]).receipt

    assert receipt.taxes == (TaxLine(category="VAT", rate="0", net=money("10.500"), tax=money("0")),)
    assert ledger(desk) == {"cash_in_till": -10_500, "advances_received": 10_500}
    assert "  Advance, taxed when it is used\n" in text(receipt)
    assert "VAT 0%: 0.000 on 10.500" in text(receipt)
    assert findings(desk) == []


def test_an_item_that_is_no_advance_is_earned_at_once(desk: Desk) -> None:
    pay(desk, cash("11.750"), account=None, lines=[sale("CHARGER"), sale("NOW")])

    assert ledger(desk) == {
        "cash_in_till": -11_750,
        "item_revenue": 1_190,
        "advances_received": 10_000,
        "output_tax": 560,
    }


def test_a_bill_paid_beside_items_carries_no_new_tax(desk: Desk) -> None:
    """Rule 8: tax belongs to item sales; a bill payment carries no new tax, and every paper says so."""
    receipt = pay(desk, cash("8.250"), allocate=[wish("7796", "7")], lines=[sale("CHARGER")]).receipt

    assert sum(part.tax.minor for part in receipt.taxes) == receipt.sale[0].tax.minor == 60
    assert ledger(desk)["output_tax"] == 60
    assert ledger(desk)["receivable"] == 7_000
    document = compose(receipt, ORIGINAL)
    papers = [
        render_text(document, 42),
        read(render_escpos(document)).text("cp1252"),
        text_of(render_pdf(document)),
    ]
    for paper in papers:
        plain = " ".join(paper.split())
        assert (
            "Tax in the items (tax on net): VAT 5%: 0.060 on 1.190 Bills: taxed when billed, no new tax"
            in plain
        )


def test_a_receipt_of_bills_alone_says_nothing_of_tax(desk: Desk) -> None:
    assert "ax" not in text(pay(desk, cash("7"), allocate=[wish("7796", "7")]).receipt).replace("Tax no", "")


def test_the_tax_of_each_rate_is_the_sum_of_its_lines_and_stays_so_on_a_reprint(desk: Desk) -> None:
    """Rule 9: never recomputed on reprint when rates changed."""
    lines = [sale("CHARGER", 3), sale("SERVICE"), sale("LATER"), sale("CHARGER"), sale("NOW")]
    receipt = pay(desk, cash("31"), account=None, lines=lines).receipt
    with desk.cache.write() as connection:
        put_items(connection, [replace(advance("NOW", AdvanceTax.ON_USE), tax_rate=Decimal(15))])

    with desk.till.read() as connection:
        again = receipt_facts(connection, receipt.receipt_number)

    assert again is not None
    assert again.taxes == receipt.taxes
    assert [(part.category, part.rate) for part in receipt.taxes] == [
        ("VAT", "5"),
        ("exempt", "0"),
        ("VAT", "0"),
    ]
    for part in receipt.taxes:
        own = [
            line for line in receipt.sale if (line.tax_category, line.tax_rate) == (part.category, part.rate)
        ]
        assert part.tax.minor == sum(line.tax.minor for line in own)
        assert (part.net + part.tax).minor == sum(line.amount.minor for line in own)
    assert text(again) == text(receipt)


def test_a_service_without_a_price_is_sold_beside_others(desk: Desk) -> None:
    receipt = pay(desk, cash("1.250"), account=None, lines=[sale("GIFT", 2), sale("CHARGER")]).receipt

    assert [line.amount for line in receipt.sale] == [money("0"), money("1.250")]
    assert "Sticker                              0.000\n  Item GIFT, 2 x 0.000\n" in text(receipt)
    assert findings(desk) == []
