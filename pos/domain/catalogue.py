"""What a counter sells: items and services with a price and its tax.

Prices include tax. Source: domain.md rules 1, 8, 9 and 58.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from pos.domain.commission import Commission, LineTerms, commission_on
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, total
from pos.domain.pan_guard import holds_card_number, luhn_holds, refuse_card_number
from pos.domain.voucher import shown_code

QUANTITY_MAX = 999
LINES_MAX = 100
ICCID_BODY = 19
"""Digits of an ICCID that are printed on every card; a check digit may follow."""


class SerialKind(StrEnum):
    """By which number an item is sold piece by piece."""

    ICCID = "iccid"
    IMEI = "imei"
    VOUCHER_PIN = "voucher_pin"

    @property
    def label(self) -> str:
        """What the counter calls it."""
        return "PIN" if self is SerialKind.VOUCHER_PIN else self.upper()

    @property
    def is_secret(self) -> bool:
        """Whoever knows the number has what was bought: it is printed once and shown by its end only (rule 58)."""
        return self is SerialKind.VOUCHER_PIN


class AdvanceTax(StrEnum):
    """When money taken in advance for a later service is taxed: when it is received, or when the service is used."""

    ON_RECEIPT = "on_receipt"
    ON_USE = "on_use"


def rate_text(rate: Decimal) -> str:
    """A rate in its one written form: ``5``, never ``5.0`` or ``1E+1``."""
    return f"{rate.normalize():f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing or service on sale. ``price`` includes tax; ``tax_rate`` is in per cent. ``serial`` None: sold by count.

    ``advance`` set: an advance for a service to come, such as prepaid credit; None: sold outright (rule 8).
    """

    item: str
    name: str
    price: Money
    tax_category: str
    tax_rate: Decimal
    serial: SerialKind | None
    ean: str | None
    advance: AdvanceTax | None = None

    @property
    def rate_text(self) -> str:
        """The rate in its one written form."""
        return rate_text(self.tax_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOverride:
    """Another unit price than the item's, tax included, and the code of the reason."""

    price: Money
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOfSale:
    """A number of one item at its price. ``amount`` and ``tax`` are figured here, and nowhere again.

    While a sale grows, pieces may still lack their serial numbers; ``read_line`` gives lines that are complete.
    """

    item: Item
    quantity: int = 1
    serials: tuple[str, ...] = ()
    override: PriceOverride | None = None
    terms: LineTerms | None = None

    def on_terms(self, terms: LineTerms | None) -> LineOfSale:
        """The same line, sold to a dealer on these terms."""
        return replace(self, terms=terms)

    @property
    def commission(self) -> Commission | None:
        """What a dealer earns by it; None: nothing."""
        return None if self.terms is None or not self.amount else commission_on(self.amount, self.terms)

    @property
    def due(self) -> Money:
        """What is to be paid for it: ``amount``, less what a dealer keeps of it at once."""
        earned = self.commission
        return self.amount if earned is None else self.amount - earned.deducted

    @property
    def unit_price(self) -> Money:
        """The price taken for one piece."""
        return self.item.price if self.override is None else self.override.price

    @property
    def rate_text(self) -> str:
        """The rate that this sale is taxed at: none for an advance that is taxed when it is used."""
        return "0" if self.item.advance is AdvanceTax.ON_USE else self.item.rate_text

    @property
    def shown_serials(self) -> tuple[str, ...]:
        """The serial numbers as people and books may see them: of a secret one the end only."""
        return tuple(shown_serial(self.item.serial, serial) for serial in self.serials)

    @property
    def missing(self) -> int:
        """How many serial numbers are still to be scanned."""
        return 0 if self.item.serial is None else self.quantity - len(self.serials)

    @property
    def amount(self) -> Money:
        """Quantity times price, tax included."""
        return Money(self.unit_price.minor * self.quantity, self.unit_price.currency)

    @property
    def tax(self) -> Money:
        """The tax within ``amount``, rounded half up to the minor unit, line by line (rule 9)."""
        rate = Decimal(self.rate_text)
        # amount * rate / (100 + rate) in whole numbers: a rate has at most four decimals.
        scaled = int(rate * 10_000)
        numerator, denominator = self.amount.minor * scaled, 1_000_000 + scaled
        return Money((2 * numerator + denominator) // (2 * denominator), self.unit_price.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxSum:
    """The lines of one category and rate, summed."""

    category: str
    rate_text: str
    net: Money
    tax: Money


def tax_sums(lines: Sequence[LineOfSale]) -> list[TaxSum]:
    """The tax of a sale by category and rate, in the order of first sight."""
    keys = dict.fromkeys((line.item.tax_category, line.rate_text) for line in lines)
    sums: list[TaxSum] = []
    for category, rate in keys:
        own = [line for line in lines if (line.item.tax_category, line.rate_text) == (category, rate)]
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


def sale_due(lines: Iterable[LineOfSale], in_currency: Currency) -> Money:
    """What is to be paid for the lines together."""
    return total((line.due for line in lines), in_currency)


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
            f"{item.name}: scan {quantity} serial number{'' if quantity == 1 else 's'} ({item.serial.label}), "
            f"{len(serials)} so far.",
            item=item.item,
            quantity=quantity,
        )
    read = [read_serial(item.serial, text) for text in serials]
    for place, serial in enumerate(read):
        if serial in read[:place]:
            told = shown_serial(item.serial, serial)
            raise Refused("serial_named_twice", f"Serial {told} is in this sale twice.", serial=told)
    return LineOfSale(item=item, quantity=quantity, serials=tuple(read))


def override_price(line: LineOfSale, override: PriceOverride, *, max_percent: int) -> LineOfSale:
    """``line`` at another unit price, down or up by at most ``max_percent`` per cent of the item's own.

    Raises Refused ``override_same_price`` or ``override_over_limit``.
    """
    listed = line.item.price
    difference = abs(override.price.minor - listed.minor)
    if difference == 0:
        raise Refused("override_same_price", f"{line.item.name} costs {listed.plain()} already.")
    if difference * 100 > max_percent * listed.minor:
        raise Refused(
            "override_over_limit",
            f"You may change the price of {listed.plain()} by {max_percent} % at most. Ask who may change it further.",
            item=line.item.item,
            max_percent=max_percent,
        )
    return replace(line, override=override)


_SERIAL_FORMS = {
    SerialKind.ICCID: (r"89[0-9]{17,18}", "19 or 20 digits that begin with 89, the last one a check digit"),
    SerialKind.IMEI: (r"[0-9]{15}", "15 digits, the last one a check digit"),
    SerialKind.VOUCHER_PIN: (r"[0-9A-Za-z]{8,16}", "8 to 16 letters and digits"),
}


def read_serial(kind: SerialKind, text: str) -> str:
    """A serial number as printed on the box, without blanks and dashes.

    Raises Refused ``bad_serial`` or ``card_number_refused``.
    """
    form, wanted = _SERIAL_FORMS[kind]
    serial = re.sub(r"[ \-]", "", text)
    if re.fullmatch(form, serial) is None or not _check_digit_holds(kind, serial):
        raise Refused(
            "bad_serial",
            f"This is no {kind.label}: {wanted}. {'Type' if kind.is_secret else 'Scan'} it again.",
            kind=str(kind),
        )
    if kind.is_secret and holds_card_number(serial):
        raise Refused(
            "card_number_refused",
            "This PIN cannot be told from a card number, and those are never kept. Lay it aside and sell another.",
            field=kind.label,
        )
    refuse_card_number(serial, field="Serial")
    return serial


def _check_digit_holds(kind: SerialKind, serial: str) -> bool:
    match kind:
        case SerialKind.VOUCHER_PIN:
            return True
        case SerialKind.IMEI:
            return luhn_holds(serial)
        case SerialKind.ICCID:
            # Some card makers leave the check digit of a 19-digit ICCID out.
            return luhn_holds(serial) or len(serial) == ICCID_BODY


def shown_serial(kind: SerialKind | None, serial: str) -> str:
    """A serial number as it may be shown and kept: of a secret one the end only."""
    return shown_code(serial) if kind is not None and kind.is_secret else serial


def serial_body(kind: SerialKind, serial: str) -> str:
    """What makes two serial numbers one: some scan an ICCID with its last check digit, some without.

    Letters of a PIN are compared in one case, as the card's network does.
    """
    if kind is SerialKind.VOUCHER_PIN:
        return serial.upper()
    return serial[:ICCID_BODY] if kind is SerialKind.ICCID else serial
