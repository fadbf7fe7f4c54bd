"""An entry of a bank's file that was parked, and the ways in which a person settles it. Source: domain.md 3.10."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pos.domain.bank_file import EntryKind
from pos.domain.money import Currency, Money
from pos.domain.posting import JournalLine, Ledger, credit, debit


class Settled(StrEnum):
    """How an entry was settled.

    Money that came: PAID to an account, or kept in SUSPENSE. Money that went back: CHARGED to the account that owes it
    again. Either: SENT_BACK, the bank has taken, or given, it back; WRITTEN_OFF, nobody will ever claim it. WITHDRAWN: what
    waited for its value date never comes. NOTED: it needs no posting. UNDONE: it is parked again.
    """

    PAID = "paid"
    SUSPENSE = "suspense"
    CHARGED = "charged"
    SENT_BACK = "sent_back"
    WRITTEN_OFF = "written_off"
    WITHDRAWN = "withdrawn"
    NOTED = "noted"
    UNDONE = "undone"

    @property
    def names_account(self) -> bool:
        """Whether an account has to be named."""
        return self in (Settled.PAID, Settled.CHARGED)


OF_PAID = (Settled.PAID, Settled.SUSPENSE, Settled.SENT_BACK, Settled.WRITTEN_OFF, Settled.NOTED)
OF_RETURNED = (Settled.CHARGED, Settled.SENT_BACK, Settled.WRITTEN_OFF, Settled.NOTED)
WAITS = "value_date_to_come"
"""The problem of an entry that takes back what waits for its value date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEntry:
    """``account``, ``bill_no`` and ``mandate`` as far as the bank or the books name them. ``steps`` it has gone so far.

    ``settled`` None: it waits for a person; ``receipt`` is of the payment that was made of it, and ``tender_undone`` says
    that this was undone since. ``is_transfer``: its payer sent it, and we asked for nothing.
    """

    run_id: str
    number: int
    file: str
    kind: EntryKind
    reference: str
    plain: str
    mandate: str | None
    account: str | None
    bill_no: str | None
    amount: Money
    value_date: date | None
    reason_code: str | None
    problem: str
    steps: int = 0
    settled: Settled | None = None
    receipt: str | None = None
    tender_undone: bool = False
    is_transfer: bool = False

    def ways(self, shop: Currency) -> tuple[Settled, ...]:
        """How it may be settled: of an amount that cannot be posted, only by a note."""
        if self.problem == WAITS:
            return (Settled.WITHDRAWN, Settled.NOTED)
        if not self.is_money(shop):
            return (Settled.NOTED,)
        return OF_PAID if self.kind is EntryKind.PAID else OF_RETURNED

    def is_money(self, shop: Currency) -> bool:
        """Whether it moved money of the shop's on the bank's account."""
        moved = self.kind in (EntryKind.PAID, EntryKind.RETURNED)
        return moved and self.amount.currency == shop and self.amount.minor > 0


def settled_lines(
    entry: ParkedEntry, how: Settled, *, clearing: str, suspense: str, account: str | None
) -> list[JournalLine]:
    """What settling posts beside a payment: through suspense and out again, so that each side shows what came and went.

    ``clearing`` is the ledger account that banks' files are held against. Empty: nothing is posted.
    """
    amount, came = entry.amount, entry.kind is EntryKind.PAID
    if how is Settled.CHARGED:
        return [debit(Ledger.RECEIVABLE, amount, account), credit(clearing, amount)]
    if how not in (Settled.SENT_BACK, Settled.WRITTEN_OFF):
        return []
    end = clearing if how is Settled.SENT_BACK else Ledger.BANK_DIFFERENCES
    if came:
        return [
            debit(clearing, amount),
            credit(Ledger.SUSPENSE, amount, suspense),
            debit(Ledger.SUSPENSE, amount, suspense),
            credit(end, amount),
        ]
    return [
        debit(Ledger.SUSPENSE, amount, suspense),
        credit(clearing, amount),
        debit(end, amount),
        credit(Ledger.SUSPENSE, amount, suspense),
    ]
