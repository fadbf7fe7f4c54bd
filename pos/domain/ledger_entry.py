"""A journal entry as others read it: the deed, its paper, and balanced lines with the operator's accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from pos.domain.ledger_feed import AccountKind, BatchLine, LedgerBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAccount:
    """An account that a feed posts to, by the operator's code. ``key`` is the program's name of it."""

    key: str
    code: str
    name: str
    kind: AccountKind


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeedKind:
    """What the entries of one kind of deed, in one batch or in none yet, have in common; ``said`` is for a person.

    Each equals itself alone, so that whoever writes entries looks up at once what it made of their kind. ``accounts``
    goes by the name that a line calls its account by.
    """

    event: str
    on: date
    said: str
    accounts: Mapping[str, FeedAccount]


FeedLine = tuple[str, str | None, int, int, str]
"""The account's name in its kind's ``accounts``, a note, debit and credit in minor units, and the currency's code.

One side is zero. The note is the customer's account, or how many postings it sums. A plain tuple, as the database gives
it: there are four million lines in the journal of a million payments.
"""


class FeedEntry(NamedTuple):
    """Lines that balance by themselves. ``number`` names it, ``tags`` are for a program."""

    number: str
    kind: FeedKind
    tags: Mapping[str, str]
    lines: Sequence[FeedLine]


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
        # By the line's number: what another terminal made may call one account by two codes.
        kind = FeedKind(
            event=event,
            on=batch.accounting_date,
            said=lines[0].category,
            accounts={str(line.number): account_of(line) for line in lines},
        )
        yield FeedEntry(batch.number, kind, tags, [_line(line) for line in lines])


def _line(line: BatchLine) -> FeedLine:
    return (
        str(line.number),
        str(line.postings),
        line.debit.minor,
        line.credit.minor,
        line.debit.currency.code,
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
