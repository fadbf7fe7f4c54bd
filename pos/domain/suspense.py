"""Money whose owner nobody knows, and its way to an account once somebody does.

Its ledger balance must go to zero; it is never refunded from there. Source: domain.md section 1 (suspense), rule 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pos.domain.allocation import Allocation
from pos.domain.errors import Refused
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import PayerKind
from pos.domain.posting import JournalLine, Ledger, credit, debit, is_balanced, ledger_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseItem:
    """A sum in suspense: ``left`` of its ``amount`` nobody has claimed. ``number`` tells it from others of one receipt."""

    suspense_id: str
    payment_event_id: str
    leg: int
    receipt_number: str
    number: int
    taken_at: datetime
    amount: Money
    left: Money
    reference: str


def choose_item(items: Sequence[SuspenseItem], receipt_number: str, number: int | None) -> SuspenseItem:
    """The sum that is meant. Raises Refused ``unknown_suspense``, ``which_suspense`` or ``suspense_resolved``."""
    found = [item for item in items if number is None or item.number == number]
    if not found:
        raise Refused(
            "unknown_suspense", f"Receipt {receipt_number} has nothing in suspense.", receipt=receipt_number
        )
    waiting = [item for item in found if item.left]
    if not waiting:
        raise Refused(
            "suspense_resolved",
            f"What receipt {receipt_number} left in suspense is resolved already.",
            receipt=receipt_number,
        )
    if len(waiting) > 1:
        raise Refused(
            "which_suspense",
            f"Receipt {receipt_number} left several sums in suspense: say which item.",
            receipt=receipt_number,
            items=[item.number for item in waiting],
        )
    return waiting[0]


def part_of(item: SuspenseItem, amount: Money | None) -> Money:
    """How much is moved; all that is left where nothing was said. Raises Refused ``more_than_suspense``."""
    if amount is None:
        return item.left
    if amount > item.left:
        raise Refused(
            "more_than_suspense",
            f"Only {item.left.plain()} of it is left in suspense.",
            left=item.left.plain(),
            currency=item.left.currency.code,
        )
    return amount


def resolved_lines(
    allocations: Sequence[Allocation], kind: PayerKind, *, from_account: str
) -> list[JournalLine]:
    """Out of suspense, which was posted under ``from_account``, into the receivable and the account's credit."""
    in_currency = allocations[0].amount.currency
    sums: dict[tuple[str, str], Money] = {}
    for part in allocations:
        key = (ledger_of(part.purpose, kind), part.account)
        sums[key] = sums.get(key, zero(in_currency)) + part.amount
    moved = total((part.amount for part in allocations), in_currency)
    lines = [debit(Ledger.SUSPENSE, moved, from_account)]
    lines += [credit(ledger_account, amount, account) for (ledger_account, account), amount in sums.items()]
    assert is_balanced(lines), "what leaves suspense arrives"
    return lines
