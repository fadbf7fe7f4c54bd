"""What counters sell, in central's store: items and services with a price and its tax."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.catalogue import AdvanceTax, SerialKind
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, parse_count
from sync.central.wire.links import ITEM_PATH, RESOURCE_ID, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import BadField, WireJsonError, loads, money_json

NAME_MAX = 200
_RATE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,4})?")


def load_items(connection: Connection, rows: Sequence[Mapping[str, Any]], *, change: int) -> None:
    """Write items that are new or differ, stamped with ``change``. Raises BadField naming the row.

    One that is withdrawn keeps its row, so that every till hears of it.
    """
    for index, row in enumerate(rows):
        values = _item_values(row, f"items[{index}]")
        known = connection.execute(FIND_ITEM, {"id": values["id"]}).mappings().one_or_none()
        if known is None or dict(known) != values:
            connection.execute(UPSERT_ITEM, {**values, "change_number": change})


def carry_items(connection: Connection, *, change: int) -> None:
    """Items that an older store kept as rows of its fixture; what cannot be read is left for the next loading."""
    for body in connection.execute(READ_OLD_ROWS).scalars().all():
        try:
            load_items(connection, [loads(body)], change=change)
        except (WireJsonError, AttributeError):
            continue


def compose_items(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The item resources, as only our own API tells them."""
    return [_compose_item(row, links) for row in rows]


def _compose_item(row: Row[Any], links: Links) -> Resource:
    resource: Resource = {
        "id": row.id,
        "href": links.of(ITEM_PATH, row.id),
        "name": row.name,
        "price": money_json(Money(row.price_minor, currency(row.currency))),
        "taxCategory": row.tax_category,
        "taxRate": Decimal(row.tax_rate),
        "change": row.change_number,
        "@type": "CounterfoilItem",
    }
    if row.serial is not None:
        resource["serial"] = row.serial
    if row.ean is not None:
        resource["ean"] = row.ean
    if row.advance is not None:
        resource["advance"] = row.advance
    if row.withdrawn:
        resource["withdrawn"] = True
    return resource


def _item_values(row: Mapping[str, Any], path: str) -> dict[str, Any]:
    item_id, name, rate = row.get("item"), row.get("name"), row.get("tax_rate")
    category, serial, ean = row.get("tax_category"), row.get("serial"), row.get("ean")
    withdrawn, advance = row.get("withdrawn", False), row.get("advance")
    if not isinstance(item_id, str) or RESOURCE_ID.fullmatch(item_id) is None:
        raise BadField(f"{path}.item", "must be plain letters, digits, dots and dashes")
    for field, value in (("name", name), ("tax_category", category)):
        if not isinstance(value, str) or not 0 < len(value) <= NAME_MAX:
            raise BadField(f"{path}.{field}", f"must be text of at most {NAME_MAX} characters")
    if not isinstance(rate, str) or _RATE.fullmatch(rate) is None:
        raise BadField(f"{path}.tax_rate", "must be a percentage as text, such as 7.5")
    if serial is not None and (not isinstance(serial, str) or serial not in set(SerialKind)):
        raise BadField(f"{path}.serial", f"must be {' or '.join(SerialKind)}, or null")
    if ean is not None and (not isinstance(ean, str) or re.fullmatch(r"[0-9]{13}", ean) is None):
        raise BadField(f"{path}.ean", "must be 13 digits, or null")
    if advance is not None and (not isinstance(advance, str) or advance not in set(AdvanceTax)):
        raise BadField(f"{path}.advance", f"must be {' or '.join(AdvanceTax)}, or null")
    if not isinstance(withdrawn, bool):
        raise BadField(f"{path}.withdrawn", "must be true or false")
    price_text, code = row.get("price"), row.get("currency")
    if not isinstance(price_text, str) or not isinstance(code, str):
        raise BadField(f"{path}.price, currency", "must be text")
    try:
        price = parse_count(price_text, currency(code))
    except Refused as refusal:
        raise BadField(f"{path}.price, currency", refusal.message) from None
    return {
        "id": item_id,
        "name": name,
        "price_minor": price.minor,
        "currency": price.currency.code,
        "tax_category": category,
        "tax_rate": rate,
        "serial": serial,
        "ean": ean,
        "withdrawn": int(withdrawn),
        "advance": advance,
    }


_COLUMNS = "id, name, price_minor, currency, tax_category, tax_rate, serial, ean, withdrawn, advance"
FIND_ITEM = text(f"SELECT {_COLUMNS} FROM item WHERE id = :id")
UPSERT_ITEM = text(
    f"INSERT INTO item ({_COLUMNS}, change_number)"
    " VALUES (:id, :name, :price_minor, :currency, :tax_category, :tax_rate, :serial, :ean, :withdrawn,"
    " :advance, :change_number)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, price_minor = excluded.price_minor,"
    " currency = excluded.currency, tax_category = excluded.tax_category, tax_rate = excluded.tax_rate,"
    " serial = excluded.serial, ean = excluded.ean, withdrawn = excluded.withdrawn,"
    " advance = excluded.advance, change_number = excluded.change_number"
)
READ_OLD_ROWS = text("SELECT body FROM fixture_row WHERE kind = 'items' ORDER BY position")

ITEMS = Collection(
    path=ITEM_PATH,
    for_dealer="1 = 1",
    table="item",
    select=f"SELECT {_COLUMNS}, change_number FROM item",
    attributes=frozenset(
        {
            "id",
            "href",
            "name",
            "price",
            "taxCategory",
            "taxRate",
            "serial",
            "ean",
            "withdrawn",
            "advance",
            "change",
            "@type",
        }
    ),
    columns={
        "id": Column("id"),
        "ean": Column("ean"),
        "change": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "name": "name", "change": "change_number"},
    default_order="id",
    compose=compose_items,
)
