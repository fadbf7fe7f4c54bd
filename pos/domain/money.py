"""Money: an integer count of minor units in one ISO 4217 currency. No float ever touches it.

Amounts are read by an own ASCII grammar: ``Decimal()`` takes Arabic-Indic digits, ``1_000``, ``NaN`` and ``1e5``, and
a till must take none of them. Source: domain.md rules 1, 2, 3, 10; reliability.md section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pos.domain.errors import Refused
from pos.domain.iso_currencies import EXPONENT_BY_CODE

MAX_MINOR = 10**15
"""No single amount reaches this many minor units: a larger one is a scan in the wrong field, not money."""


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: its code and how many digits its minor unit has (JPY 0, EUR 2, KWD 3)."""

    code: str
    exponent: int

    def __str__(self) -> str:
        return self.code


def currency(code: str) -> Currency:
    """The currency of an exact, upper-case ISO 4217 code. Raises Refused ``unknown_currency``."""
    found = _CURRENCIES.get(code)
    if found is None:
        raise Refused("unknown_currency", "This is not an ISO 4217 currency code.", currency=code[:8])
    return found


_CURRENCIES = {code: Currency(code, exponent) for code, exponent in EXPONENT_BY_CODE.items()}


@dataclass(frozen=True, slots=True, init=False)
class Money:
    """``minor`` minor units of ``currency``; may be negative in the books, never in an amount that a person types."""

    minor: int
    currency: Currency

    def __init__(self, minor: int, currency: Currency) -> None:
        if type(minor) is not int:
            raise TypeError(f"money is counted in whole minor units, not in {type(minor).__name__}")
        # As a frozen class sets them itself, in half the time: money is made more often than anything else.
        _set_minor(self, minor)
        _set_currency(self, currency)

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor <= other.minor

    def __gt__(self, other: Money) -> bool:
        return other < self

    def __ge__(self, other: Money) -> bool:
        return other <= self

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.plain()} {self.currency.code}"

    def plain(self) -> str:
        """The decimal text with exactly the currency's digits: ``41.750``, ``-0.50``, ``1200``."""
        return decimal_text(self.minor, self.currency.exponent)

    def _same_currency(self, other: Money) -> None:
        if self.currency is not other.currency and self.currency != other.currency:
            raise CurrencyMixed(self.currency, other.currency)


_set_minor, _set_currency = (vars(Money)[name].__set__ for name in ("minor", "currency"))


class CurrencyMixed(TypeError):
    """Two currencies met in one sum: a fault in the program, never an outcome at the counter."""

    def __init__(self, left: Currency, right: Currency) -> None:
        super().__init__(f"{left.code} and {right.code} cannot be added or compared")


def decimal_text(minor: int, exponent: int) -> str:
    """The decimal text of ``minor`` minor units of a currency with ``exponent`` digits, as ``Money.plain`` gives it."""
    digits = str(minor)
    if exponent == 0:
        return digits
    if len(digits) <= exponent or minor < 0:
        # It leaves the sign in front, and counts it.
        digits = digits.zfill(exponent + (1 if minor >= 0 else 2))
    return f"{digits[:-exponent]}.{digits[-exponent:]}"


def zero(in_currency: Currency) -> Money:
    """No money of that currency."""
    return Money(0, in_currency)


def total(parts: Iterable[Money], in_currency: Currency) -> Money:
    """The sum of ``parts``, which must all be of ``in_currency``; no parts give zero."""
    minor = 0
    for part in parts:
        if part.currency is not in_currency and part.currency != in_currency:
            raise CurrencyMixed(in_currency, part.currency)
        minor += part.minor
    return Money(minor, in_currency)


def parse_amount(text: str, in_currency: Currency, *, decimal_marks: str = ".") -> Money:
    """Read a positive amount as a person or a script writes it: ASCII digits and at most one decimal mark.

    ``decimal_marks`` are the marks the locale admits (``.``, ``,`` or both). More digits than the currency has are
    refused, never rounded; so are zero, a sign, grouping and anything that is not plain ASCII.
    Raises Refused with ``bad_amount``, ``amount_too_precise``, ``amount_too_large`` or ``amount_not_positive``.
    """
    amount = parse_count(text, in_currency, decimal_marks=decimal_marks)
    if amount.minor == 0:
        raise Refused("amount_not_positive", "The amount must be more than zero.")
    return amount


def parse_count(text: str, in_currency: Currency, *, decimal_marks: str = ".") -> Money:
    """As ``parse_amount``, but zero is an answer too: a float, a count, a drawer found empty."""
    if len(text) > 24:
        raise Refused("amount_too_large", "This is too long for an amount. Was a barcode scanned into it?")
    match = re.fullmatch(r"([0-9]+)(?:([.,])([0-9]+))?", text)
    if match is None or (match[2] is not None and match[2] not in decimal_marks):
        example = Money(12 * 10**in_currency.exponent, in_currency).plain()
        raise Refused("bad_amount", f"Type the amount in plain digits, as in {example}.")
    whole, fraction = match[1], match[3] or ""
    if len(whole) > 12:
        raise Refused("amount_too_large", "This is too large for an amount. Was a barcode scanned into it?")
    if len(fraction) > in_currency.exponent:
        raise Refused(
            "amount_too_precise",
            f"{in_currency.code} has {in_currency.exponent} digits after the decimal mark.",
            currency=in_currency.code,
        )
    minor = int(whole + fraction.ljust(in_currency.exponent, "0"))
    if minor >= MAX_MINOR:
        raise Refused("amount_too_large", "This is too large for an amount. Was a barcode scanned into it?")
    return Money(minor, in_currency)


def split_evenly(amount: Money, parts: int) -> list[Money]:
    """Split without losing a minor unit; the first parts take the remainder.

    100.00 / 3 -> 33.34, 33.33, 33.33. Raises ValueError if ``parts`` < 1. Source: domain.md rule 10.
    """
    return split_by_weight(amount, [1] * parts)


def split_by_weight(amount: Money, weights: Sequence[int]) -> list[Money]:
    """Split in proportion to ``weights`` by the largest remainder, so that the parts sum to ``amount`` exactly.

    Equal remainders are served from the left. Negative amounts split as their positive twins do (rule 3).
    Raises ValueError if no weight is positive or one is negative.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("there is nothing to split by")
    sign = -1 if amount.minor < 0 else 1
    shares = [divmod(abs(amount.minor) * weight, whole) for weight in weights]
    left = abs(amount.minor) - sum(quotient for quotient, _ in shares)
    by_remainder = sorted(range(len(shares)), key=lambda index: (-shares[index][1], index))
    winners = set(by_remainder[:left])
    return [
        Money(sign * (quotient + (1 if index in winners else 0)), amount.currency)
        for index, (quotient, _) in enumerate(shares)
    ]


def round_to_coin(amount: Money, smallest_coin_minor: int) -> Money:
    """``amount`` rounded to the nearest multiple of the smallest coin, halves away from zero on both sides.

    The smallest coin is another number than the exponent: KWD has 3 digits and a coin of 5 fils (rules 2, 3).
    """
    if smallest_coin_minor <= 1:
        return amount
    sign = -1 if amount.minor < 0 else 1
    coins = (2 * abs(amount.minor) + smallest_coin_minor) // (2 * smallest_coin_minor)
    return Money(sign * coins * smallest_coin_minor, amount.currency)
