"""What a bank's file tells, whatever form it has, and what is made of it. Source: domain.md 3.10."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeVar

from pos.domain.money import Currency, Money, zero

Key = TypeVar("Key")

REFERENCE_MAX = 40
NOT_PROVIDED = "NOTPROVIDED"
"""What banks write for a reference that they don't know."""


def part_called(message_id: str, *, first: bool) -> str:
    """What a part of a collection is called: the debits of mandates that are used for the first time stand apart."""
    return f"{message_id}-{'FRST' if first else 'RCUR'}"


class EntryKind(StrEnum):
    """ACCEPTED: the bank will collect it. PAID: the money is there. REJECTED: it never came. RETURNED: it went back."""

    ACCEPTED = "accepted"
    PAID = "paid"
    REJECTED = "rejected"
    RETURNED = "returned"


class Transfer(StrEnum):
    """Whether a payer transferred the money: NO, as the bank says (TOLD), or as nothing says otherwise (ASSUMED)."""

    NO = ""
    TOLD = "told"
    ASSUMED = "assumed"


class EntryOutcome(StrEnum):
    """What was made of an entry.

    POSTED as a payment, in SUSPENSE because nobody knows its owner, MATCHED with what the counter keyed (DIFFERS from it),
    WAITING for its value date; the item is REJECTED, the payment RETURNED; NOTED alone; a DUPLICATE of what was told
    before; PARKED for a person.
    """

    POSTED = "posted"
    SUSPENSE = "suspense"
    MATCHED = "matched"
    DIFFERS = "differs"
    WAITING = "waiting"
    REJECTED = "rejected"
    RETURNED = "returned"
    NOTED = "noted"
    DUPLICATE = "duplicate"
    PARKED = "parked"


class Remark(StrEnum):
    """What a person should know of an entry that was carried out all the same."""

    AMOUNT_DIFFERS = "amount_differs"
    ALREADY_PAID = "already_paid"
    MANDATE_INACTIVE = "mandate_inactive"
    MANDATE_UNKNOWN = "mandate_unknown"
    NOT_COLLECTED = "not_collected"
    CREDIT_TRANSFER = "credit_transfer"


PROBLEMS = frozenset(
    {EntryOutcome.SUSPENSE, EntryOutcome.DIFFERS, EntryOutcome.DUPLICATE, EntryOutcome.PARKED}
)
"""What counts towards the threshold that stops a file, beside every entry with a remark of ``REMARKED``."""

REMARKED = frozenset({Remark.AMOUNT_DIFFERS, Remark.ALREADY_PAID, Remark.MANDATE_INACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class BankEntry:
    """One entry, as texts that nobody has cleaned yet; ``amount`` in the ``currency`` it names.

    ``whole`` names a message of ours that the bank refused altogether: it stands for all of its items, or for those of the
    ``part`` that it names. ``bank_reference`` is what the bank itself calls the movement of money. ``atm`` is the machine
    that it was paid at, whose trace number is the reference. ``structured`` and ``remittance`` are what the payer of a
    ``transfer`` says that it is for: references, and free words.
    """

    number: int
    kind: EntryKind
    reference: str
    amount: str = ""
    currency: str = ""
    value_date: str = ""
    mandate: str = ""
    account: str = ""
    bill: str = ""
    reason: str = ""
    reason_text: str = ""
    whole: str = ""
    part: str = ""
    bank_reference: str = ""
    atm: str = ""
    transfer: Transfer = Transfer.NO
    structured: tuple[str, ...] = ()
    remittance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHead:
    """What a file says of itself. ``message``: its kind, such as camt.054, or the name of its profile.

    ``creditor``: whose money it is, the number of a bank account or a creditor identifier; empty: it does not say.
    """

    message: str
    bank_file_id: str
    currency: str = ""
    creditor: str = ""
    created_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPlan:
    """What is to become of an entry that was read and cleaned, and what it stands for here.

    ``mode`` is the way it was paid; empty: by direct debit. ``paper`` is what its tender goes by in place of the reference,
    where that paid before on the same day and went back.
    """

    entry: BankEntry
    outcome: EntryOutcome
    amount: Money
    plain: str = ""
    value_date: date | None = None
    mandate: str | None = None
    account: str | None = None
    bill_no: str | None = None
    remarks: tuple[Remark, ...] = ()
    problem: str | None = None
    receipt: str | None = None
    tender_id: str | None = None
    fee: Money | None = None
    suspends: bool = False
    paper: str = ""
    mode: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether it counts towards the threshold that stops a file: a transfer of an unknown payer does not."""
        if self.outcome is EntryOutcome.SUSPENSE and Remark.CREDIT_TRANSFER in self.remarks:
            return False
        return self.outcome in PROBLEMS or bool(REMARKED.intersection(self.remarks))


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many entries came to the same, and what they sum to."""

    amount: Money
    count: int = 0

    def add(self, amount: Money) -> None:
        """One more; of another currency it counts and sums to nothing."""
        self.count += 1
        if amount.currency == self.amount.currency:
            self.amount = self.amount + amount


@dataclass(slots=True, kw_only=True)
class Forecast:
    """What a file would do, in money: by outcome, rejects and returns by reason, and by remark.

    ``repeats``: it tells again what was told before, so that a duplicate is no problem.
    """

    in_currency: Currency
    repeats: bool = False
    entries: int = 0
    problems: int = 0
    outcomes: dict[EntryOutcome, Tally] = field(default_factory=dict)
    reasons: dict[str, Tally] = field(default_factory=dict)
    remarks: dict[Remark, Tally] = field(default_factory=dict)
    fees: dict[str, Tally] = field(default_factory=dict)

    def add(self, plan: EntryPlan, reason: str | None = None) -> None:
        """One more entry; ``reason`` in words, of a reject or return."""
        self.entries += 1
        self.problems += plan.is_problem and not (self.repeats and plan.outcome is EntryOutcome.DUPLICATE)
        self._of(self.outcomes, plan.outcome).add(plan.amount)
        if plan.outcome in (EntryOutcome.REJECTED, EntryOutcome.RETURNED) and reason:
            self._of(self.reasons, reason).add(plan.amount)
        for remark in plan.remarks:
            self._of(self.remarks, remark).add(plan.amount)
        if plan.fee is not None and plan.fee:
            self._of(self.fees, "charged").add(plan.fee)

    def _of(self, tallies: dict[Key, Tally], key: Key) -> Tally:
        return tallies.setdefault(key, Tally(amount=zero(self.in_currency)))
