"""What a shop does about a cheque that the bank sends back: its reasons, the fee, and when an account becomes cash-only.

Source: domain.md 3.3 and rules 17, 35, 37, 41.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pos.domain.errors import Refused
from pos.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DishonourReason:
    """Why the bank did not pay. ``payors_fault``: the payor is charged the fee, and it counts against the account."""

    code: str
    label: str
    payors_fault: bool = True


USUAL_REASONS = (
    DishonourReason(code="insufficient_funds", label="Not enough money on the account"),
    DishonourReason(code="refer_to_drawer", label="Refer to drawer"),
    DishonourReason(code="account_closed", label="The account is closed"),
    DishonourReason(code="payment_stopped", label="The drawer stopped payment"),
    DishonourReason(code="signature_differs", label="The signature differs"),
    DishonourReason(code="wrongly_written", label="Wrongly written or altered"),
    DishonourReason(code="out_of_date", label="Too old, or its day had not come", payors_fault=False),
    DishonourReason(code="bank_fault", label="A fault of the bank, or of its clearing", payors_fault=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DishonourPolicy:
    """The shop's rules. ``fee`` includes its tax of ``fee_tax_rate`` per cent; None: there is none. It is charged once a
    cheque, or (``fee_again``) each time that one bounces. A cheque goes to the bank again ``represent_max`` times.

    The ``cash_only_after``-th bounce of an account within ``cash_only_within_months`` makes it cash-only for
    ``cash_only_months``; 0: none ever does.
    """

    reasons: tuple[DishonourReason, ...] = USUAL_REASONS
    fee: Money | None = None
    fee_tax_rate: Decimal = Decimal(0)
    fee_again: bool = False
    represent_max: int = 1
    cash_only_after: int = 3
    cash_only_within_months: int = 12
    cash_only_months: int = 12

    def reason(self, code: str) -> DishonourReason:
        """The reason of this code. Raises Refused ``bad_reason``."""
        for reason in self.reasons:
            if reason.code == code:
                return reason
        raise Refused(
            "bad_reason",
            "Say why the bank sent it back: choose one of the reasons.",
            allowed=[reason.code for reason in self.reasons],
            field="reason",
        )

    @property
    def cash_only_rule(self) -> tuple[int, int, int]:
        """The how-many-eth bounce makes an account cash-only, within and for how many months."""
        return self.cash_only_after, self.cash_only_within_months, self.cash_only_months

    def tax_in(self, fee: Money) -> Money:
        """The tax within ``fee``, rounded half up to the minor unit."""
        scaled = int(self.fee_tax_rate * 10_000)
        numerator, denominator = fee.minor * scaled, 1_000_000 + scaled
        return Money((2 * numerator + denominator) // (2 * denominator), fee.currency)


def cash_only_until(rule: tuple[int, int, int], bounced_on: Sequence[date], today: date) -> date | None:
    """Until when an account whose cheques bounced on these days, today's among them, is cash-only by ``rule``, its three
    numbers; None: it is not.
    """
    after, within_months, for_months = rule
    since = months_after(today, -within_months)
    counted = [day for day in bounced_on if day > since]
    if not after or len(counted) < after:
        return None
    return months_after(today, for_months)


def months_after(day: date, months: int) -> date:
    """The same day so many months later (or earlier); the last of the month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
