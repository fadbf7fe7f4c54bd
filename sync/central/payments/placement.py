"""Where money that comes in goes: against bills as far as they want it, the rest to an account or in suspense.

An unknown bill or account never refuses money, it only decides where it stands. Source: domain.md 3.11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import Purpose
from sync.central.bills.bills import StoredBill, find_bill
from sync.central.payments.incoming import IncomingPayment, PaidItem


@dataclass(slots=True, kw_only=True)
class Placement:
    """Where a payment's money goes. The four parts add up to the payment."""

    applied: list[tuple[int, StoredBill, Money]] = field(default_factory=list)
    other: Money
    credit: Money
    suspense: Money


def place(connection: Connection, incoming: IncomingPayment, *, account_currency: str | None) -> Placement:
    """Decide where the money goes; changes nothing.

    An item takes no more than its bill still wants. What is beyond that, or names an unknown bill or one in another
    currency, is credit on the payment's account, or in suspense where that account is unknown or in another currency.
    What the till took for suspense stands there whatever accounts there are: it is nobody's credit.
    ``account_currency`` is that of the payment's account, None for an unknown one.
    """
    placement = against_bills(connection, incoming.items, incoming.amount)
    rest = placement.credit
    unclaimed = min(rest, incoming.kept_apart.get(Purpose.SUSPENSE, zero(rest.currency)))
    if account_currency != rest.currency.code:
        unclaimed = rest
    placement.credit, placement.suspense = rest - unclaimed, unclaimed
    return placement


def against_bills(connection: Connection, items: Sequence[PaidItem], amount: Money) -> Placement:
    """``amount`` against ``items``, with all that they leave as credit; changes nothing."""
    none = zero(amount.currency)
    placement = Placement(other=none, credit=none, suspense=none)
    remaining: dict[str, Money] = {}
    named = total((item.amount for item in items if item.amount is not None), none.currency)
    unnamed = amount - named
    placed = none
    for item_no, item in enumerate(items, start=1):
        wanted = item.amount if item.amount is not None else unnamed
        part = none
        if not item.is_bill:
            part = wanted
            placement.other = placement.other + part
        elif (bill := find_bill(connection, item.target_id)) is not None:
            left = remaining.get(bill.bill_id, bill.remaining)
            if left.currency == wanted.currency and left.minor > 0 and wanted.minor > 0:
                part = min(wanted, left)
                remaining[bill.bill_id] = left - part
                placement.applied.append((item_no, bill, part))
        placed = placed + part
        if item.amount is None:
            unnamed = unnamed - part
    placement.credit = amount - placed
    return placement
