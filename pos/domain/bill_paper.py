"""What stands on the paper of a bill: the bill as it was issued, whatever was paid or put on hold since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pos.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperEntry:
    """A summary line (``is_rate`` False) or an applied rate, ``level`` steps below the top; credits are negative."""

    text: str
    level: int
    is_rate: bool
    on: date | None
    tax_excluded: Money
    tax: Money
    tax_included: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTax:
    """One tax on the bill by its category and rate, as issued."""

    name: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BillPaper:
    """A bill in the order in which it is read. ``issuer`` are the lines of its head, the first one the name.

    ``left_out`` is how many entries the paper had no room for; ``remaining`` is as issued.
    """

    title: str
    issuer: tuple[str, ...]
    bill_no: str
    bill_date: date
    due_date: date
    period: tuple[date, date] | None
    account: str
    account_name: str | None
    entries: tuple[PaperEntry, ...]
    left_out: int
    tax_excluded: Money | None
    taxes: tuple[PaperTax, ...]
    tax_included: Money
    amount_due: Money
    remaining: Money
