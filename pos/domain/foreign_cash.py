"""Notes of another currency: what they are worth in the shop's own, by the shop's list of rates.

The value is figured once, when the notes are taken, and frozen with its rate; change is always the shop's own coins. At the
close the notes go to the safe at the rate of that day, and what the rate made of them is a gain or a loss of its own.
All of it is integers: a rate is a decimal text, never a float. Source: domain.md rule 7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pos.domain.errors import Refused
from pos.domain.money import MAX_MINOR, Currency, Money, parse_amount

RATE_PATTERN = r"[0-9]{1,9}(\.[0-9]{1,9})?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRate:
    """A line of the shop's list: one unit of ``currency`` is worth ``rate`` units of the shop's (decimal text).

    Amounts that are no multiple of ``lowest_note`` are not taken: a shop can bank foreign notes, not foreign coins.
    """

    currency: Currency
    rate: str
    source: str
    valid_on: date
    lowest_note: Money

    @property
    def named(self) -> str:
        """Where the rate comes from, as it is frozen and printed: ``shop list 2026-11-21``."""
        return f"{self.source} {self.valid_on.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignNotes:
    """What was handed over in another currency, with the rate that it was taken at and where that came from."""

    amount: Money
    rate: str
    source: str

    def worth(self, in_currency: Currency) -> Money:
        """Its value in the shop's currency."""
        return worth(self.amount, self.rate, in_currency)

    def __str__(self) -> str:
        return f"{self.amount.currency} {self.amount.plain()} at {self.rate} ({self.source})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignCash:
    """Which currencies a shop takes, and for how many days after ``valid_on`` its list holds."""

    rates: Mapping[str, ListedRate] = field(default_factory=dict)
    max_age_days: int = 0

    def listed(self, code: str, *, shop: Currency) -> ListedRate:
        """The line of the list for a currency. Raises Refused ``currency_not_taken``."""
        found = self.rates.get(code)
        if found is None:
            taken = [shop.code, *self.rates]
            raise Refused(
                "currency_not_taken",
                f"This till takes {' and '.join(taken)} only.",
                currency=code[:8],
                allowed=taken,
            )
        return found

    def current(self, code: str, *, shop: Currency, today: date) -> ListedRate:
        """The rate of today. Raises Refused ``currency_not_taken`` or ``rate_stale``."""
        found = self.listed(code, shop=shop)
        if not 0 <= (today - found.valid_on).days <= self.max_age_days:
            raise Refused(
                "rate_stale",
                f"The rate of {code} is of {found.valid_on}, not of today. Take {shop}, or have the list renewed.",
                currency=code,
                valid_on=found.valid_on.isoformat(),
            )
        return found


NO_FOREIGN_CASH = ForeignCash()


def read_notes(listed: ListedRate, text: str, *, told: str | None, decimal_marks: str = ".") -> ForeignNotes:
    """An amount of foreign notes as typed; ``told`` is the rate that the payer was told, None: nobody told one.

    Raises Refused ``rate_changed``, ``bad_rate``, ``not_in_notes`` or what ``parse_amount`` raises.
    """
    amount = parse_amount(text, listed.currency, decimal_marks=decimal_marks)
    if told is not None and _plain_rate(told) != _plain_rate(listed.rate):
        raise Refused(
            "rate_changed",
            f"{listed.currency} is taken at {listed.rate} now. Tell the customer and begin anew.",
            currency=listed.currency.code,
            rate=listed.rate,
        )
    if amount.minor % listed.lowest_note.minor:
        raise Refused(
            "not_in_notes",
            f"{listed.currency} is taken in notes of {listed.lowest_note.plain()} and more, no coins. "
            "Take the rest another way.",
            currency=listed.currency.code,
            lowest_note=listed.lowest_note.plain(),
        )
    return ForeignNotes(amount=amount, rate=listed.rate, source=listed.named)


def worth(amount: Money, rate: str, in_currency: Currency) -> Money:
    """``amount`` (not negative) at ``rate``, rounded half up to the minor unit of ``in_currency``.

    50.00 USD at 0.30675 -> 15.338 KWD. Raises Refused ``amount_too_large``.
    """
    whole, _, fraction = rate.partition(".")
    above = amount.minor * int(whole + fraction) * 10**in_currency.exponent
    below = 10 ** (amount.currency.exponent + len(fraction))
    minor = (2 * above + below) // (2 * below)
    if minor >= MAX_MINOR:
        raise Refused("amount_too_large", "This is too large for an amount. Was a barcode scanned into it?")
    return Money(minor, in_currency)


def _plain_rate(text: str) -> str:
    """A rate without zeros that say nothing. Raises Refused ``bad_rate``."""
    if re.fullmatch(RATE_PATTERN, text) is None:
        raise Refused("bad_rate", "Write the rate in plain digits, as in 0.30675.")
    whole, _, fraction = text.partition(".")
    return f"{int(whole)}.{fraction.rstrip('0')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignClosing:
    """The notes of one currency at the close: ``expected`` and ``counted`` in that currency, ``booked`` in the shop's.

    ``booked`` is what they were taken for; ``rate`` and ``source`` are those of the day of the close.
    """

    expected: Money
    counted: Money
    booked: Money
    rate: str
    source: str

    @property
    def value(self) -> Money:
        """What goes to the safe, at the rate of the close."""
        return worth(self.counted, self.rate, self.booked.currency)

    @property
    def over_short(self) -> Money:
        """What the count makes of it: counted less expected, at the rate of the close."""
        return self.value - worth(self.expected, self.rate, self.booked.currency)

    @property
    def exchange(self) -> Money:
        """What the rate made of it since it was taken: a gain, or (negative) a loss."""
        return worth(self.expected, self.rate, self.booked.currency) - self.booked
