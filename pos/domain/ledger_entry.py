"""A journal entry as others read it: the deed, its paper, and balanced lines with the operator's accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pos.domain.ledger_feed import AccountKind, BatchLine, LedgerBatch
from pos.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAccount:
    """An account that a feed posts to, by the operator's code. ``key`` is the program's name of it."""

    key: str
    code: str
    name: str
    kind: AccountKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLine:
    """One side of one account; the other is zero. ``note`` is the customer's account, or how many postings it sums."""

    account: FeedAccount
    debit: Money
    credit: Money
    note: str = ""

    @property
    def signed(self) -> Money:
        """Debits positive, credits negative."""
        return self.debit if self.debit.minor else -self.credit


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """Lines that balance by themselves. ``number`` names it, ``said`` is for a person, ``tags`` are for a program."""

    number: str
    on: date
    said: str
    tags: Mapping[str, str]
    lines: tuple[FeedLine, ...]


def batch_entries(batch: LedgerBatch) -> Iterator[FeedEntry]:
    """A batch as entries: one for each kind of deed and each day that the closed period moved it from."""
    parts: dict[tuple[str, date | None], list[BatchLine]] = {}
    for line in batch.lines:
        parts.setdefault((line.event, line.original_date), []).append(line)
    for (event, original), lines in parts.items():
        of_day = original or batch.business_date
        tags = {"batch": batch.number, "event": event, "line": f"{lines[0].number}-{lines[-1].number}"}
        if of_day != batch.accounting_date:
            tags["original-date"] = of_day.isoformat()
        yield FeedEntry(
            number=batch.number,
            on=batch.accounting_date,
            said=lines[0].category,
            tags=tags,
            lines=tuple(
                FeedLine(
                    account=account_of(line), debit=line.debit, credit=line.credit, note=str(line.postings)
                )
                for line in lines
            ),
        )


def account_of(line: BatchLine) -> FeedAccount:
    """The account of a batch's line."""
    return FeedAccount(key=line.ledger_account, code=line.code, name=line.name, kind=line.kind)


def accounts_of(batches: Iterable[LedgerBatch]) -> tuple[FeedAccount, ...]:
    """Every account of ``batches`` once, by code."""
    return each_once(account_of(line) for batch in batches for line in batch.lines)


def each_once(accounts: Iterable[FeedAccount]) -> tuple[FeedAccount, ...]:
    """The accounts by code; one that became another kind is two, for its name at other programs begins with the kind."""
    found = {(account.code, account.key, account.kind): account for account in accounts}
    return tuple(found[key] for key in sorted(found))
