"""What a counter sells: items and services with a price and its tax.

Prices include tax. Source: domain.md rules 8, 9 and 58.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, total
from pos.domain.pan_guard import luhn_holds, refuse_card_number

QUANTITY_MAX = 999
LINES_MAX = 100
ICCID_BODY = 19
"""Digits of an ICCID that are printed on every card; a check digit may follow."""


class SerialKind(StrEnum):
    """By which number an item is sold piece by piece."""

    ICCID = "iccid"
    IMEI = "imei"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing or service on sale. ``price`` includes tax; ``tax_rate`` is in per cent. ``serial`` None: sold by count."""

    item: str
    name: str
    price: Money
    tax_category: str
    tax_rate: Decimal
    serial: SerialKind | None
    ean: str | None

    @property
    def rate_text(self) -> str:
        """The rate in its one written form: ``5``, never ``5.0`` or ``1E+1``."""
        return f"{self.tax_rate.normalize():f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOfSale:
    """A number of one item at its price. ``amount`` and ``tax`` are figured here, and nowhere again.

    While a sale grows, pieces may still lack their serial numbers; ``read_line`` gives lines that are complete.
    """

    item: Item
    quantity: int = 1
    serials: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """How many serial numbers are still to be scanned."""
        return 0 if self.item.serial is None else self.quantity - len(self.serials)

    @property
    def amount(self) -> Money:
        """Quantity times price, tax included."""
        return Money(self.item.price.minor * self.quantity, self.item.price.currency)

    @property
    def tax(self) -> Money:
        """The tax within ``amount``, rounded half up to the minor unit, line by line (rule 9)."""
        rate = self.item.tax_rate
        # amount * rate / (100 + rate) in whole numbers: a rate has at most four decimals.
        scaled = int(rate * 10_000)
        numerator, denominator = self.amount.minor * scaled, 1_000_000 + scaled
        return Money((2 * numerator + denominator) // (2 * denominator), self.item.price.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxSum:
    """The lines of one category and rate, summed."""

    category: str
    rate_text: str
    net: Money
    tax: Money


def tax_sums(lines: Sequence[LineOfSale]) -> list[TaxSum]:
    """The tax of a sale by category and rate, in the order of first sight."""
    keys = dict.fromkeys((line.item.tax_category, line.item.rate_text) for line in lines)
    sums: list[TaxSum] = []
    for category, rate in keys:
        own = [line for line in lines if (line.item.tax_category, line.item.rate_text) == (category, rate)]
        in_currency = own[0].amount.currency
        tax = total((line.tax for line in own), in_currency)
        sums.append(
            TaxSum(
                category=category,
                rate_text=rate,
                net=total((line.amount for line in own), in_currency) - tax,
                tax=tax,
            )
        )
    return sums


def sale_total(lines: Iterable[LineOfSale], in_currency: Currency) -> Money:
    """What the lines cost together, tax included."""
    return total((line.amount for line in lines), in_currency)


def read_line(item: Item, quantity: int, serials: Sequence[str]) -> LineOfSale:
    """A line as asked for, checked.

    Raises Refused ``bad_quantity``, ``serials_needed`` (one for each piece), ``serial_not_needed``, ``bad_serial`` or
    ``serial_named_twice``.
    """
    if not 1 <= quantity <= QUANTITY_MAX:
        raise Refused(
            "bad_quantity", f"{item.name}: the quantity is from 1 to {QUANTITY_MAX}.", item=item.item
        )
    if item.serial is None:
        if serials:
            raise Refused("serial_not_needed", f"{item.name} is sold without serial numbers.", item=item.item)
        return LineOfSale(item=item, quantity=quantity, serials=())
    if len(serials) != quantity:
        raise Refused(
            "serials_needed",
            f"{item.name}: scan {quantity} serial number{'' if quantity == 1 else 's'} ({item.serial.upper()}), "
            f"{len(serials)} so far.",
            item=item.item,
            quantity=quantity,
        )
    read = [read_serial(item.serial, text) for text in serials]
    for place, serial in enumerate(read):
        if serial in read[:place]:
            raise Refused("serial_named_twice", f"Serial {serial} is in this sale twice.", serial=serial)
    return LineOfSale(item=item, quantity=quantity, serials=tuple(read))


def read_serial(kind: SerialKind, text: str) -> str:
    """A serial number as printed on the box, without blanks and dashes.

    Raises Refused ``bad_serial`` or ``card_number_refused``.
    """
    digits = re.sub(r"[ \-]", "", text)
    form = r"89[0-9]{17,18}" if kind is SerialKind.ICCID else r"[0-9]{15}"
    # The last digit of both is a check digit; some card makers leave that of a 19-digit ICCID out.
    if re.fullmatch(form, digits, re.ASCII) is None or not (
        luhn_holds(digits) or (kind is SerialKind.ICCID and len(digits) == 19)
    ):
        wanted = "19 or 20 digits that begin with 89" if kind is SerialKind.ICCID else "15 digits"
        raise Refused(
            "bad_serial",
            f"This is no {kind.upper()}: {wanted}, the last one a check digit. Scan it again.",
            kind=str(kind),
        )
    refuse_card_number(digits, field="Serial")
    return digits


def serial_body(kind: SerialKind, serial: str) -> str:
    """What makes two serial numbers one: some scan an ICCID with its last check digit, some without."""
    return serial[:ICCID_BODY] if kind is SerialKind.ICCID else serial
