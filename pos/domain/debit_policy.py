"""The shop's rules of direct debit: why banks refuse, what that costs, when a file is stopped. Source: domain.md 3.10."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pos.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnReason:
    """Why a bank refuses a debit, by its code. ``payors_fault``: it is charged, and counts against the mandate.

    ``suspends``: the mandate is suspended at once.
    """

    code: str
    label: str
    payors_fault: bool = True
    suspends: bool = False


USUAL_REASONS = (
    ReturnReason(code="AM04", label="Not enough money on the account"),
    ReturnReason(code="MS03", label="The bank names no reason"),
    ReturnReason(code="MS02", label="Refused by the payer", suspends=True),
    ReturnReason(code="MD01", label="No mandate", suspends=True),
    ReturnReason(code="MD06", label="The payer wants it back", payors_fault=False),
    ReturnReason(code="MD07", label="The payer is dead", payors_fault=False, suspends=True),
    ReturnReason(code="AC01", label="The number of the account is wrong", suspends=True),
    ReturnReason(code="AC04", label="The account is closed", suspends=True),
    ReturnReason(code="AC06", label="The account is blocked", suspends=True),
    ReturnReason(code="AG01", label="The account takes no direct debits", suspends=True),
    ReturnReason(code="SL01", label="The bank of the payer does not serve it", payors_fault=False),
    ReturnReason(code="AM05", label="Collected twice", payors_fault=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitPolicy:
    """``fee`` includes its tax of ``fee_tax_rate`` per cent. The ``suspend_after``-th refusal suspends a mandate; 0: none.

    A file is stopped where at least ``stop_from`` of its entries are problems, and more than ``stop_above_percent``.
    ``creditor_*`` are the operator, as banks know it. ``transfers_as`` is the way to pay that credit transfers are; empty:
    the shop takes none, and they are only noted.
    ``collected_by`` is the terminal that collects for all; empty: each does by the mandates that it registered.
    """

    reasons: tuple[ReturnReason, ...] = USUAL_REASONS
    fee: Money | None = None
    fee_tax_rate: Decimal = Decimal(0)
    suspend_after: int = 3
    stop_from: int = 5
    stop_above_percent: int = 20
    entries_max: int = 1_000_000
    creditor_name: str = ""
    creditor_id: str = ""
    creditor_account: str = ""
    creditor_bic: str = ""
    transfers_as: str = ""
    collected_by: str = ""

    def reason(self, code: str) -> ReturnReason:
        """The reason of this code; one that nobody listed is charged to nobody."""
        for reason in self.reasons:
            if reason.code == code:
                return reason
        return ReturnReason(code=code, label=f"Reason {code}" if code else "No reason", payors_fault=False)

    def tax_in(self, fee: Money) -> Money:
        """The tax within ``fee``, rounded half up to the minor unit."""
        scaled = int(self.fee_tax_rate * 10_000)
        numerator, denominator = fee.minor * scaled, 1_000_000 + scaled
        return Money((2 * numerator + denominator) // (2 * denominator), fee.currency)

    def stops(self, problems: int, entries: int) -> bool:
        """Whether so many problems among so many entries stop the whole file."""
        return problems >= self.stop_from and problems * 100 > self.stop_above_percent * entries
