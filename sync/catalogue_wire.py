"""An item on sale as our central tells it, read strictly: a wrong price, serial kind or advance is no item."""

from __future__ import annotations

import re
from decimal import Decimal

from pos.domain.catalogue import AdvanceTax, Item, SerialKind
from sync.tmf678.foreign import as_object, read_id
from sync.told import clean_told
from sync.wire_json import BadField, read_money

ITEM_MAX = 40
NAME_MAX = 120
CATEGORY_MAX = 20
RATE_MAX = 100


def read_item(told: object) -> Item:
    """Raises BadField where anything of it cannot be what an item has."""
    row = as_object(told, field="item")
    code = read_id(row, "id", field="id")
    if len(code) > ITEM_MAX:
        raise BadField("id", f"is longer than {ITEM_MAX} characters")
    price = read_money(row.get("price"), field="price")
    if price.minor < 0:
        raise BadField("price", "is below zero")
    serial, ean, advance = row.get("serial"), row.get("ean"), row.get("advance")
    if serial is not None and (not isinstance(serial, str) or serial not in set(SerialKind)):
        raise BadField("serial", "is no kind of serial number that is known")
    if advance is not None and (not isinstance(advance, str) or advance not in set(AdvanceTax)):
        raise BadField("advance", "is no way to tax an advance that is known")
    if ean is not None and (not isinstance(ean, str) or re.fullmatch(r"[0-9]{8,14}", ean) is None):
        raise BadField("ean", "is no bar code")
    return Item(
        item=code,
        name=_text(row.get("name"), "name", NAME_MAX),
        price=price,
        tax_category=_text(row.get("taxCategory"), "taxCategory", CATEGORY_MAX),
        tax_rate=_rate(row.get("taxRate")),
        serial=None if serial is None else SerialKind(serial),
        ean=ean,
        advance=None if advance is None else AdvanceTax(advance),
    )


def read_withdrawn(told: object) -> str | None:
    """The code of an item that is no longer sold, None for one that is. Raises BadField.

    Only its code is read: what else it says must not keep it on sale.
    """
    row = as_object(told, field="item")
    withdrawn = row.get("withdrawn", False)
    if not isinstance(withdrawn, bool):
        raise BadField("withdrawn", "is neither true nor false")
    return read_id(row, "id", field="id") if withdrawn else None


def _text(value: object, field: str, limit: int) -> str:
    cleaned = clean_told(value, limit=limit) if isinstance(value, str) else ""
    if not cleaned:
        raise BadField(field, "is missing or no text")
    return cleaned


def _rate(value: object) -> Decimal:
    """Per cent, with at most four decimals: more could not be reckoned with in whole numbers."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise BadField("taxRate", "is no number")
    rate = Decimal(value)
    if not 0 <= rate <= RATE_MAX or rate != rate.quantize(Decimal("0.0001")):
        raise BadField("taxRate", "is no percentage with at most four decimals")
    return rate
