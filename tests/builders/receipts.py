"""Facts of receipts for tests: an ordinary receipt in one call, any field of it replaced by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from pos.domain.money import Money, currency, total, zero
from pos.domain.receipt import (
    AllocationLine,
    Copy,
    ReceiptFacts,
    ReceiptKind,
    SaleLine,
    ShopHeading,
    TaxLine,
    TenderLine,
)

KUWAIT = timezone(timedelta(hours=3))
TAKEN_AT = datetime(2026, 3, 4, 11, 20, 31, tzinfo=KUWAIT)
SHOP = ShopHeading(
    shop="S01",
    name="Example Telecom, Salmiya",
    address=("Salem Al Mubarak Street 12", "Salmiya"),
    tax_number="KW-1234567",
)


def money(minor: int, code: str = "KWD") -> Money:
    """``minor`` minor units: ``money(12500)`` is KWD 12.500."""
    return Money(minor, currency(code))


def allocation(
    bill_no: str | None, minor: int, code: str = "KWD", *, left: int = 0, account: str = "100200300"
) -> AllocationLine:
    """``minor`` set against a bill of which ``left`` stays open, or on account if ``bill_no`` is None."""
    if bill_no is None:
        return AllocationLine(account=account, bill_no=None, amount=money(minor, code))
    return AllocationLine(
        account=account,
        bill_no=bill_no,
        amount=money(minor, code),
        open_before=money(minor + left, code),
        open_after=money(left, code),
    )


def cash(minor: int, code: str = "KWD") -> TenderLine:
    """Notes and coins handed over."""
    return TenderLine(mode="cash", label="Cash", amount=money(minor, code))


def cheque(minor: int, code: str = "KWD", **details: str) -> TenderLine:
    """A cheque with its details by code."""
    known = {"serial": "000123", "bank": "National Bank", "drawer": "Ann Drawer", **details}
    return TenderLine(mode="cheque", label="Cheque", amount=money(minor, code), details=tuple(known.items()))


def sold(
    minor: int,
    name: str = "SIM card",
    *,
    item: str = "SIM-PP",
    quantity: int = 1,
    serials: Sequence[str] = (),
) -> SaleLine:
    """``quantity`` items for ``minor`` each, with the fils of 5 % tax that such a price includes."""
    amount = money(minor * quantity)
    return SaleLine(
        item=item,
        name=name,
        quantity=quantity,
        unit_price=money(minor),
        amount=amount,
        tax_category="standard",
        tax_rate="5",
        tax=money(amount.minor * 5 // 105),
        serials=tuple(serials),
    )


def sale_receipt(*lines: SaleLine, **fields: Any) -> ReceiptFacts:
    """A walk-in buyer pays for ``lines`` in cash, to the fils."""
    paid = total((line.amount for line in lines), currency("KWD"))
    tax = total((line.tax for line in lines), currency("KWD"))
    sale: dict[str, Any] = {
        "tenders": [cash(paid.minor)],
        "allocations": [],
        "change": 0,
        "total": paid,
        "sale": lines,
        "taxes": (TaxLine(category="standard", rate="5", net=paid - tax, tax=tax),),
        "payer_kind": "walk_in",
        "payer_account": None,
        "payer_name": None,
    }
    return receipt(**(sale | fields))


def receipt(
    *,
    tenders: Sequence[TenderLine] = (cash(20_000),),
    allocations: Sequence[AllocationLine] = (allocation("B-2026-000881", 12_500),),
    change: int | None = None,
    **fields: Any,
) -> ReceiptFacts:
    """A receipt whose total, credit and change follow from its tenders and allocations."""
    of = tenders[0].amount.currency
    paid = total((line.amount for line in allocations), of)
    credit = total((line.amount for line in allocations if line.bill_no is None), of)
    tendered = total((tender.amount for tender in tenders), of)
    facts = ReceiptFacts(
        receipt_number="S01-T02-A-000042",
        kind=ReceiptKind.PAYMENT,
        shop=SHOP,
        terminal="S01-T02",
        shift_number=12,
        business_date=date(2026, 3, 4),
        taken_at=TAKEN_AT,
        operator="anna",
        operator_name="Anna Khan",
        payer_kind="subscriber",
        payer_account="100200300",
        payer_name="Zoë O'Brien",
        total=paid,
        change=tendered - paid if change is None else Money(change, of),
        credit=credit,
        tenders=tuple(tenders),
        allocations=tuple(allocations),
        chain_mark="3f9a-c2d1",
    )
    assert zero(of) <= facts.change, "an ordinary receipt takes at least what it states"
    return replace(facts, **fields)


ORIGINAL = Copy()
DUPLICATE = Copy(
    number=2,
    printed_at=datetime(2026, 3, 9, 16, 5, 0, tzinfo=KUWAIT),
    operator="omar",
    reason="customer lost the original",
)
