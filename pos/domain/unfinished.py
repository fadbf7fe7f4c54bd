"""What a payer was shown and nothing came of: a payment or a correction that was left, as one line for the audit.

Whoever shows an amount, takes the money and leaves the screen has booked nothing: the line is what remains of it.
Source: reliability.md 5.4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pos.domain.errors import Refused
from pos.domain.money import Money, currency, parse_count

PAY = "pay"
WAYS_MAX = 5
"""So many ways to pay are named; the last ones, for those stood there when it was left."""

_LINE = re.compile(r"([a-z_]+) ([0-9.]+) ([A-Z]{3})(?:: (.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """``what`` is ``pay`` or the act of a correction, ``subject`` the payer's account or the receipt.

    ``ways`` are the ways to pay that were opened, each with the amount where one was entered; never anything of a card.
    """

    what: str
    subject: str
    shown: Money
    ways: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """As the audit keeps it: ``pay 41.750 KWD: cash 60.000, cheque``."""
        ways = ", ".join(self.ways[-WAYS_MAX:])
        return f"{self.what} {self.shown}" + (f": {ways}" if ways else "")


def read_unfinished(line: str, subject: str) -> Unfinished | None:
    """What ``line`` says; None for a line of another form."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    what, amount, code, ways = found.groups()
    try:
        shown = parse_count(amount, currency(code))
    except Refused:
        return None
    return Unfinished(what=what, subject=subject, shown=shown, ways=tuple(ways.split(", ")) if ways else ())
