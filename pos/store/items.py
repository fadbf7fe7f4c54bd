"""What is on sale, as central told it: items by code, by bar code and by words, in the cache."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import Connection

from pos.domain.catalogue import AdvanceTax, Item, SerialKind
from pos.domain.money import Money, currency
from pos.domain.text_guard import fold

_COLUMNS = "item, name, currency, price_minor, tax_category, tax_rate, serial, ean, advance"


def put_items(connection: Connection, items: Iterable[Item]) -> None:
    """Write items as told. A bar code belongs to the item that was told with it last."""
    for told in items:
        connection.exec_driver_sql(
            "UPDATE item SET ean = NULL WHERE ean = ? AND item <> ?", (told.ean, told.item)
        )
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO item (item, name, name_folded, currency, price_minor, tax_category, tax_rate, serial, "
            "ean, advance) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                told.item,
                told.name,
                fold(told.name),
                told.price.currency.code,
                told.price.minor,
                told.tax_category,
                told.rate_text,
                None if told.serial is None else str(told.serial),
                told.ean,
                None if told.advance is None else str(told.advance),
            ),
        )


def remove_items(connection: Connection, codes: Iterable[str]) -> None:
    """Central has taken these off sale."""
    for code in codes:
        connection.exec_driver_sql("DELETE FROM item WHERE item = ?", (code,))


def item_by_code(connection: Connection, code: str) -> Item | None:
    """The item of this very code or bar code, else of the code in capitals."""
    row = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM item WHERE item IN (?, ?) OR ean = ? ORDER BY item <> ?, ean IS NOT ? LIMIT 1",
        (code, code.upper(), code, code, code),
    ).first()
    return None if row is None else _item(tuple(row))


def items_by_words(connection: Connection, text: str, limit: int) -> list[Item]:
    """Items whose code begins with ``text``, or whose name holds each of its words; all of them for an empty text."""
    words = [word for word in re.split(r"[^\w]+", fold(text)) if word]
    where = " AND ".join("instr(name_folded, ?) > 0" for _ in words) or "1"
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM item WHERE ({where}) OR (? <> '' AND substr(item, 1, length(?)) = ?) "
        "ORDER BY item LIMIT ?",
        (*words, text, text, text.upper(), limit),
    )
    return [_item(tuple(row)) for row in rows]


def _item(row: tuple[object, ...]) -> Item:
    code, name, currency_code, price_minor, category, rate, serial, ean, advance = row
    assert isinstance(price_minor, int)
    return Item(
        item=str(code),
        name=str(name),
        price=Money(price_minor, currency(str(currency_code))),
        tax_category=str(category),
        tax_rate=Decimal(str(rate)),
        serial=None if serial is None else SerialKind(str(serial)),
        ean=None if ean is None else str(ean),
        advance=None if advance is None else AdvanceTax(str(advance)),
    )
