"""The feed to the general ledger: a day's entries summed into a numbered batch that balances and never changes.

A batch is what one terminal booked on one business date. What is booked on that date later is a supplement, the next part,
never a change. The batch keeps the operator's codes as they were when it was made, so that it comes out the same for ever.
Source: domain.md 3.9 and rule 25.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from pos.domain.encode import csv_line
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, decimal_text, zero


class AccountKind(StrEnum):
    """What a ledger account is."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


class Deliverer(StrEnum):
    """Who brings a batch to the accounting system; only one of them does, so that none comes twice."""

    NOBODY = "nobody"
    TILL = "till"
    CENTRAL = "central"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingAccount:
    """An account of the operator's ledger. ``by_event``: another code for what comes from one kind of deed."""

    key: str
    code: str
    name: str
    kind: AccountKind
    by_event: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRules:
    """From the kind of deed and the program's account to the operator's, as the settings say.

    ``categories`` names a kind of deed as the accounting system does; ``terms`` are what else it wants on every line, such
    as its ledger and company.
    """

    accounts: Mapping[str, PostingAccount] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    delivered_by: Deliverer = Deliverer.NOBODY

    def account(self, key: str) -> PostingAccount:
        """The account of this key. Raises Refused ``ledger_account_missing``."""
        known = self.accounts.get(key)
        if known is None:
            raise Refused(
                "ledger_account_missing",
                f"The books have postings to {key}, which gl_accounts.toml no longer lists. Put it back.",
                ledger_account=key,
            )
        return known

    def category(self, event: str) -> str:
        """How the accounting system calls this kind of deed."""
        return self.categories.get(event, event.replace("_", " ").capitalize())


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One side of one account, summed over all that one kind of deed posted there; the other side is zero.

    ``postings`` is how many journal lines it sums. ``original_date``: the day that the closed period moved them from.
    """

    number: int
    event: str
    category: str
    ledger_account: str
    code: str
    name: str
    kind: AccountKind
    debit: Money
    credit: Money
    postings: int
    original_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTotal:
    """Debits and credits of one currency: equal in every batch."""

    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBatch:
    """A batch as made. ``accounting_date``: where the accounting system posts it, after a period that is closed.

    ``sequence`` counts the terminal's batches without a gap, ``part`` those of the business date. ``entries`` is how many
    journal entries it sums.
    """

    number: str
    sequence: int
    shop: str
    terminal: str
    business_date: date
    part: int
    accounting_date: date
    entries: int
    delivered_by: Deliverer
    terms: Mapping[str, str]
    lines: tuple[BatchLine, ...]

    @property
    def totals(self) -> tuple[ControlTotal, ...]:
        """The control totals, by currency."""
        sums: dict[Currency, ControlTotal] = {}
        for line in self.lines:
            known = line.debit.currency
            so_far = sums.get(known, ControlTotal(debit=zero(known), credit=zero(known)))
            sums[known] = ControlTotal(debit=so_far.debit + line.debit, credit=so_far.credit + line.credit)
        return tuple(sums[known] for known in sorted(sums, key=lambda one: one.code))


def batch_number(shop: str, terminal: str, series: str, business_date: date, part: int) -> str:
    """What the batch is called wherever it goes. ``series`` is the one of the receipts of its entries.

    A store that was put back from a backup goes on in another series, but makes what it had booked before under the same
    number again: the accounting system has that one or has it not, and takes it once.
    """
    return f"{shop}-{terminal}-{series}-{business_date:%Y%m%d}-{part:02d}"


COLUMNS = (
    "batch",
    "sequence",
    "shop",
    "terminal",
    "business_date",
    "part",
    "accounting_date",
    "line",
    "event",
    "category",
    "account",
    "account_name",
    "ledger_account",
    "kind",
    "currency",
    "debit",
    "credit",
    "postings",
    "original_date",
)
"""The columns of the plain CSV. Files that were sent must come out the same for ever, so these never change."""


def plain_csv(batches: Iterable[LedgerBatch]) -> Iterator[str]:
    """The plain CSV of batches, a line at a time; an amount that is nothing is left empty."""
    yield csv_line(COLUMNS)
    for batch in batches:
        for line in batch.lines:
            yield csv_line(
                [
                    batch.number,
                    batch.sequence,
                    batch.shop,
                    batch.terminal,
                    batch.business_date.isoformat(),
                    batch.part,
                    batch.accounting_date.isoformat(),
                    line.number,
                    line.event,
                    line.category,
                    line.code,
                    line.name,
                    line.ledger_account,
                    str(line.kind),
                    line.debit.currency.code,
                    amount_or_empty(line.debit),
                    amount_or_empty(line.credit),
                    line.postings,
                    "" if line.original_date is None else line.original_date.isoformat(),
                ]
            )


def amount_or_empty(amount: Money) -> str:
    """The amount as decimal text; nothing for zero, as ledgers leave the other side empty."""
    return decimal_or_empty(amount.minor, amount.currency.exponent)


def decimal_or_empty(minor: int, exponent: int) -> str:
    """As ``amount_or_empty``, of minor units in a currency of ``exponent`` digits."""
    return decimal_text(minor, exponent) if minor else ""


def digest_of(batch: LedgerBatch) -> str:
    """The SHA-256 of the batch's plain CSV: whoever has that file can make it again."""
    digest = hashlib.sha256()
    for line in plain_csv([batch]):
        digest.update(line.encode("utf-8"))
    return digest.hexdigest()
