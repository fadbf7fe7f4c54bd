"""The slip of a voucher: what it is worth, until when, on what terms, and its code, which stands nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

from pos.domain.receipt import ShopHeading
from pos.domain.signed_voucher import in_groups
from pos.domain.voucher import VoucherIssued
from receipts.document import Align, Blank, Code, Document, Element, Emphasis, Field, Row, Rule, Text
from receipts.labels import ENGLISH, Labels


def compose_voucher(
    voucher: VoucherIssued, *, shop: ShopHeading, of_receipt: str | None = None, labels: Labels = ENGLISH
) -> Document:
    """The paper for ``voucher``; ``of_receipt`` is the receipt of the payment that left it over."""
    return Document(
        title=f"{labels.voucher} {voucher.serial}",
        elements=tuple(_elements(voucher, shop, of_receipt, labels)),
    )


def _elements(
    voucher: VoucherIssued, shop: ShopHeading, of_receipt: str | None, labels: Labels
) -> Iterator[Element]:
    terms = voucher.terms
    yield Text(text=shop.name, align=Align.CENTRE, emphasis=Emphasis.BOLD)
    yield Blank()
    yield Text(text=labels.voucher, align=Align.CENTRE, emphasis=Emphasis.LARGE)
    yield Rule(heavy=True)
    yield Row(
        label=labels.voucher_worth.format(currency=terms.value.currency.code),
        amount=labels.numbers.shown(terms.value),
        emphasis=Emphasis.LARGE,
    )
    yield Rule(heavy=True)
    yield Field(label=labels.voucher_until, value=terms.expires.isoformat())
    yield Field(label=labels.voucher_serial, value=voucher.serial)
    if of_receipt is not None:
        yield Field(label=labels.voucher_of, value=of_receipt)
    if terms.minimum is not None:
        yield Text(text=labels.voucher_minimum.format(amount=labels.numbers.with_currency(terms.minimum)))
    if not terms.combinable:
        yield Text(text=labels.voucher_alone)
    yield Text(text=labels.voucher_rest[terms.residual])
    yield Rule()
    yield Code(text=voucher.code)
    yield Text(text=in_groups(voucher.code), align=Align.CENTRE, lines_max=None)
    yield Rule()
    yield Text(text=labels.voucher_closing, align=Align.CENTRE)
