"""The items of a payment: lines read from what was asked for, price overrides, and serial numbers that are sold once.

Source: domain.md rules 8, 9 and 58.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pos.domain.catalogue import (
    Item,
    LineOfSale,
    PriceOverride,
    override_price,
    read_line,
    serial_body,
    shown_serial,
)
from pos.domain.errors import Refused
from pos.domain.money import Currency, parse_count
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.domain.voucher import code_mark
from pos.store.items import item_by_code
from pos.store.payments import serial_receipt
from pos.till.desk import Deed, Desk
from pos.till.gate import require_alone

OVERRIDE_ACT = "override_price"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideOrder:
    """Another unit price as typed, tax included, and the code of the reason."""

    price: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleOrder:
    """A line of a sale as typed or scanned: an item's code or bar code, how many, and the serial number of each piece.

    ``price``, where given, is the unit price that the buyer was told: at another one nothing is sold. ``override`` is what
    is taken instead of it.
    """

    item: str
    quantity: int = 1
    serials: Sequence[str] = ()
    price: str | None = None
    override: OverrideOrder | None = None


def read_sale(
    deed: Deed, lines: Sequence[SaleOrder], in_currency: Currency, decimal_marks: str
) -> list[LineOfSale]:
    """The lines, checked. The audit row of the deed names the reasons of changed prices.

    Raises NotAuthorised, or Refused ``unknown_item``, ``price_changed`` and what ``read_line`` and ``read_override`` raise.
    """
    read = [_read_line(deed, line, in_currency, decimal_marks) for line in lines]
    reasons = dict.fromkeys(line.override.reason for line in read if line.override is not None)
    if reasons:
        deed.reason_code = ",".join(reasons)
    return read


def _read_line(deed: Deed, line: SaleOrder, in_currency: Currency, decimal_marks: str) -> LineOfSale:
    item = find_item(deed.desk, line.item, in_currency)
    if line.price is not None and parse_count(line.price, in_currency) != item.price:
        raise Refused(
            "price_changed",
            f"{item.name} costs {item.price.plain()} now. Leave it out and add it again.",
            item=item.item,
            price=item.price.plain(),
            currency=in_currency.code,
        )
    read = read_line(item, line.quantity, line.serials)
    if line.override is None:
        return read
    return read_override(deed.desk, deed.person, read, line.override, decimal_marks=decimal_marks)


def read_override(
    desk: Desk, person: Person, line: LineOfSale, order: OverrideOrder, *, decimal_marks: str
) -> LineOfSale:
    """``line`` at the price that was asked for.

    Raises NotAuthorised, or Refused ``unknown_reason`` and what ``parse_count`` and ``override_price`` raise.
    """
    require_alone(desk, OVERRIDE_ACT, person)
    price = parse_count(order.price, line.item.price.currency, decimal_marks=decimal_marks)
    policy = desk.policy.items
    reason = policy.require_reason(order.reason)
    override = PriceOverride(price=price, reason=reason)
    return override_price(line, override, max_percent=policy.max_percent(person.roles))


def find_item(desk: Desk, code: str, in_currency: Currency) -> Item:
    """The item of a code or bar code. Raises Refused ``unknown_item``."""
    cleaned = clean_reference(code, field="Item", limit=40)
    with desk.cache.read() as connection:
        item = item_by_code(connection, cleaned)
    if item is None or item.price.currency != in_currency:
        raise Refused("unknown_item", f"Item {cleaned} is not on sale here. Check the code.", item=cleaned)
    return item


def refuse_sold(deed: Deed, sale: Sequence[LineOfSale]) -> None:
    """A serial number is sold once. Raises Refused ``serial_named_twice`` or ``serial_sold_before``."""
    seen: set[tuple[str, str]] = set()
    sold = ((line.item, serial) for line in sale for serial in line.serials)
    for item, serial in sold:
        told = shown_serial(item.serial, serial)
        key = (str(item.serial), sold_body(deed.desk, item, serial))
        if key in seen:
            raise Refused("serial_named_twice", f"Serial {told} is in this sale twice.", serial=told)
        seen.add(key)
        receipt = serial_receipt(deed.unit.connection, *key)
        if receipt is not None:
            raise Refused(
                "serial_sold_before",
                f"Serial {told} was sold with receipt {receipt}.",
                serial=told,
                receipt=receipt,
            )


def sold_body(desk: Desk, item: Item, serial: str) -> str:
    """How the books know a serial number again: a secret one by a keyed mark, so that nobody finds it by trying."""
    assert item.serial is not None, "only an item with serials has some"
    body = serial_body(item.serial, serial)
    return code_mark(desk.till.keys.marks, body, item.item) if item.serial.is_secret else body
