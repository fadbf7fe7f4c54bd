"""The amounts that a reader finds on the paper are those of the facts, for any receipt in any currency."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos.domain.money import Currency, Money, currency, total
from pos.domain.receipt import AllocationLine, Copy, ReceiptFacts, SaleLine, TaxLine, TenderLine
from receipts.compose import compose
from receipts.escpos import PaperWidth, render_escpos
from receipts.pdf import render_pdf
from receipts.text import render_text
from tests.builders.pdf_reader import text_of
from tests.builders.receipts import DUPLICATE, ORIGINAL, receipt
from tests.builders.tries import examples
from tests.paper.escpos_reader import read

NAMES = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ["TOTAL KWD 1.000", "محمد عبد الله", "李小龍", "देवनागरी", "\x1b[2J", "\u202e"]
)


@dataclass(frozen=True)
class Amounts:
    """What is said of money: bills and credit, items with prices, total, tax on net, tenders, tendered, change."""

    allocated: list[str]
    sold: list[str]
    prices: list[str]
    taxes: list[tuple[str, str]]
    total: str
    tendered: list[str]
    sum_tendered: str
    change: str
    still_open: list[str]


def amounts_of(facts: ReceiptFacts) -> Amounts:
    return Amounts(
        allocated=[line.amount.plain() for line in facts.allocations],
        sold=[line.amount.plain() for line in facts.sale],
        prices=[f"{line.quantity} x {line.unit_price.plain()}" for line in facts.sale if line.quantity > 1],
        taxes=[(line.tax.plain(), line.net.plain()) for line in facts.taxes],
        total=f"{facts.total.currency.code} {facts.total.plain()}",
        tendered=[tender.amount.plain() for tender in facts.tenders],
        sum_tendered=total((tender.amount for tender in facts.tenders), facts.total.currency).plain(),
        change=facts.change.plain(),
        still_open=[line.open_after.plain() for line in facts.allocations if line.open_after],
    )


def amounts_read_from(text: str) -> Amounts:
    """Read the paper as a person does who knows how a receipt is built, but not the facts."""
    body = text[text.index("All amounts in") :]
    money = r" ([0-9]+(?:\.[0-9]+)?)$"
    head, rest = re.split(r"(?m)^(?=TOTAL )", body, maxsplit=1)
    total_line, rest = rest.split("\n", 1)
    tenders, foot = re.split(r"(?m)^(?=Tendered )", rest, maxsplit=1)
    match = re.search(r"Tendered +([0-9.]+)\s+CHANGE +([0-9.]+)\n", foot)
    assert match is not None
    return Amounts(
        allocated=re.findall(r"(?m)^(?:Bill|Credit on account).*?" + money, head),
        sold=re.findall(r"(?m)^Article no\..*" + money, head),
        prices=re.findall(r"(?m)^ *Item A-[0-9]+, ([0-9]+ x [0-9.]+)$", head),
        taxes=re.findall(r"(?m)^ *rate [0-9.]+%: ([0-9.]+) on\s+([0-9.]+)$", tenders),
        total=" ".join(total_line.split()[1:]),
        tendered=re.findall(r"(?m)^Tender no\..*" + money, tenders),
        sum_tendered=match[1],
        change=match[2],
        still_open=re.findall(r"(?m)^ *still open" + money, head),
    )


@st.composite
def any_receipt(draw: st.DrawFn) -> ReceiptFacts:
    """1 to 5 allocations and tenders that cover them, in a currency of 0, 2 or 3 digits, with any names."""
    of: Currency = draw(st.sampled_from([currency(code) for code in ("JPY", "EUR", "KWD")]))
    amount = st.integers(1, 10**12).map(lambda minor: Money(minor, of))
    rest = st.integers(0, 10**9).map(lambda minor: Money(minor, of))
    allocations: list[AllocationLine] = []
    for number, paid in enumerate(draw(st.lists(amount, min_size=1, max_size=5))):
        if draw(st.booleans()):
            after = draw(rest)
            bill = AllocationLine(
                account="100200300",
                bill_no=f"B-{number}",
                amount=paid,
                open_before=paid + after,
                open_after=after,
            )
            allocations.append(bill)
        else:
            allocations.append(AllocationLine(account="100200300", bill_no=None, amount=paid))
    sale = [
        SaleLine(
            item=f"A-{number}",
            name=f"Article no. {number}",
            quantity=(quantity := draw(st.integers(1, 99))),
            unit_price=price,
            amount=Money(price.minor * quantity, of),
            tax_category="rate",
            tax_rate="5",
            tax=draw(rest),
        )
        for number, price in enumerate(draw(st.lists(rest, max_size=3)))
    ]
    taxes = [
        TaxLine(category="rate", rate=rate, net=draw(rest), tax=draw(rest))
        for rate in draw(st.lists(st.sampled_from(["0", "5", "7.5", "20"]), max_size=3))
    ]
    owed = total([line.amount for line in allocations] + [line.amount for line in sale], of)
    change = draw(rest)
    first = draw(st.integers(0, (owed + change).minor).map(lambda minor: Money(minor, of)))
    parts = [part for part in (first, owed + change - first) if part]
    tenders = [
        TenderLine(mode="cash", label=f"Tender no. {index}", amount=part, details=(("drawer", draw(NAMES)),))
        for index, part in enumerate(parts)
    ]
    facts = receipt(
        tenders=tenders,
        allocations=allocations,
        change=change.minor,
        total=owed,
        sale=tuple(sale),
        taxes=tuple(taxes),
        provisional=tuple(
            draw(st.lists(st.sampled_from(["Cheque: not final", "ATM: not final"]), max_size=2))
        ),
    )
    return replace(facts, payer_name=draw(NAMES | st.none()), operator_name=draw(NAMES))


@given(
    facts=any_receipt(), width=st.sampled_from([36, 42, 48, 80]), copy=st.sampled_from([ORIGINAL, DUPLICATE])
)
def test_the_amounts_read_from_the_text_are_those_of_the_facts(
    facts: ReceiptFacts, width: int, copy: Copy
) -> None:
    assert amounts_read_from(render_text(compose(facts, copy), width)) == amounts_of(facts)


@given(facts=any_receipt(), mm=st.sampled_from([80, 58]))
def test_the_amounts_that_a_receipt_printer_is_told_are_those_of_the_facts(
    facts: ReceiptFacts, mm: PaperWidth
) -> None:
    told = read(render_escpos(compose(facts, ORIGINAL), paper_mm=mm))

    assert amounts_read_from(told.text("cp1252")) == amounts_of(facts)


@given(facts=any_receipt())
@settings(max_examples=examples(0.5), suppress_health_check=[HealthCheck.too_slow])
def test_the_amounts_read_from_the_pdf_are_those_of_the_facts(facts: ReceiptFacts) -> None:
    assert amounts_read_from(text_of(render_pdf(compose(facts, ORIGINAL)))) == amounts_of(facts)
