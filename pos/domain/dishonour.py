"""A bounce: what a cheque that the bank sent back undoes, and what it makes its payor owe. One value for sight and deed.

Only what this tender funded is undone. Money of it that had left, to be paid back or for goods, is recovered from the payor.
Source: domain.md 3.3 and rules 14, 17, 35, 41.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pos.domain.cheque import ChequeState
from pos.domain.correction import TakenPart
from pos.domain.debt_beside import DebtBeside
from pos.domain.dishonour_policy import DishonourReason
from pos.domain.money import Money, total
from pos.domain.payment_mode import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRefund:
    """So much of a cheque's money was to be paid back, and nobody has paid it out."""

    refund_id: str
    paper: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneMoney:
    """What of a cheque's money stands on no bill and no account: paid back, to be paid back, or moved from suspense to
    its owners (by account).
    """

    paid_back: Money
    pending: tuple[PendingRefund, ...]
    resolved: Mapping[str, Money]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a bounce makes ``account`` owe: money that had left, and the fee with its tax. A dealer's has no bill.

    ``tax_account``: where the tax is posted.
    """

    account: str
    is_bill: bool
    recovered: Money
    fee: Money
    tax: Money
    tax_account: str

    @property
    def amount(self) -> Money:
        return self.recovered + self.fee


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """All that a bounce does. ``undone`` is how much of which part, ``reopened`` the due day of each bill among them.

    ``was`` is where the cheque stood, ``lay_in`` the ledger account of its money. ``counted`` is the how-many-eth bounce of
    the payor this is, 0 where it is not the payor's fault; ``back_there`` says of accounts how they are collected from.
    ``elsewhere`` is how much of which part another terminal had paid back; it is within ``paid_back``, and not undone.
    ``reconnected``: accounts whose service came back by this cheque. ``found_for`` is money of it that lay in suspense
    until it was found to be the payor's. ``beside`` is what the cheque had done to debt beside its money.
    """

    cheque_id: str
    serial: str
    receipt: str
    amount: Money
    was: ChequeState
    lay_in: str
    reason: DishonourReason
    on: date
    payor: str | None
    undone: tuple[tuple[TakenPart, Money], ...]
    reopened: Mapping[str, date]
    cancelled: tuple[PendingRefund, ...]
    paid_back: Money
    found_for: Money
    charge: Charge | None
    beside: DebtBeside
    elsewhere: tuple[tuple[TakenPart, Money], ...] = ()
    counted: int = 0
    cash_only_until: date | None = None
    back_there: tuple[str, ...] = ()
    reconnected: tuple[str, ...] = ()

    @property
    def goods(self) -> Money:
        """What it had paid for items, which are gone."""
        parts = (amount for part, amount in self.undone if part.purpose is Purpose.ITEMS)
        return total(parts, self.amount.currency)

    @property
    def taken_off(self) -> tuple[tuple[TakenPart, Money], ...]:
        """The parts that come off bills and accounts."""
        return tuple((part, amount) for part, amount in self.undone if part.purpose is not Purpose.ITEMS)

    def words(self) -> tuple[str, ...]:
        """What it does in money and words: what whoever decides it reads, and its paper says."""
        return tuple(self._words())

    def _words(self) -> Iterator[str]:
        if self.taken_off:
            off = total((amount for _, amount in self.taken_off), self.amount.currency)
            count = len(self.taken_off)
            yield f"Takes {off} off again: {count} {'part' if count == 1 else 'parts'} of receipt {self.receipt}."
        for part, amount in self.taken_off:
            yield _taken_off(part, amount, self.reopened)
        yield from self.beside.undone_words()
        for refund in self.cancelled:
            yield f"Refund {refund.paper}: {refund.amount} of it is cancelled, nobody has paid it out."
        if self.charge is not None:
            yield from self._owed(self.charge)
        yield from self.back_there
        if self.counted:
            yield f"Account {self.payor}: bounced cheque number {self.counted}."
        if self.cash_only_until is not None:
            yield f"Account {self.payor} is cash-only until {self.cash_only_until.isoformat()}."
        for account in self.reconnected:
            yield f"Account {account}: service came back by this cheque. Collections is told."

    def _owed(self, charge: Charge) -> Iterator[str]:
        if self.paid_back:
            yield f"{self.paid_back} was paid back already: {charge.account} owes it."
        if self.found_for:
            yield f"{self.found_for} had been found to be of {charge.account}, who owes it."
        if self.goods:
            yield f"{self.goods} was for items, which are gone: {charge.account} owes it."
        if charge.fee:
            tax = f", {charge.tax} of it tax" if charge.tax else ""
            yield f"Fee {charge.fee}{tax}: {charge.account} owes it."


def _taken_off(part: TakenPart, amount: Money, reopened: Mapping[str, date]) -> str:
    if part.bill_no is None:
        kept = "credit" if part.purpose is Purpose.ACCOUNT else str(part.purpose)
        return f"Account {part.account}: {amount} less {kept}."
    due = reopened.get(part.bill_no)
    since = "" if due is None else f", due {due.isoformat()} as before"
    return f"Bill {part.bill_no} of {part.account}: {amount} open again{since}."
