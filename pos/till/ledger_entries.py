"""The journal for others, entry by entry, and what lies behind a figure of a batch. Looked at, never changed.

Entries that are in a batch carry the codes that the batch had; the others those of today's settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.business_day import open_date
from pos.domain.errors import Refused
from pos.domain.ledger_entry import FeedAccount, FeedEntry, FeedKind, account_of, each_once
from pos.domain.ledger_feed import LedgerBatch, LedgerRules
from pos.domain.money import Currency
from pos.domain.receipt import ReceiptFacts
from pos.domain.role import Person
from pos.store.ledger_batches import (
    batch_by_number,
    batches_of,
    open_days,
    open_stretches,
    reach_of,
    sums_of,
)
from pos.store.ledger_entries import Posting, StoredEntry, entries_between, postings_behind
from pos.store.z_reports import z_report_of
from pos.till.desk import Desk
from pos.till.gate import require_look
from pos.till.ledger_batches import LOOK, unknown_batch
from pos.till.papers import show_receipt

PAGE_MAX = 10_000
"""So many postings are told at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Entries of one date that go by the same codes: those of a batch, or (``batch`` None) those that are in none yet."""

    batch: LedgerBatch | None
    business_date: date
    accounting_date: date
    after: int
    through: int
    kinds: Mapping[str, FeedKind]
    currencies: frozenset[Currency]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What is told: the accounts and currencies first, then ``entries``, which are read as they are asked for."""

    accounts: tuple[FeedAccount, ...]
    currencies: tuple[Currency, ...]
    entries: Iterator[FeedEntry]


@contextmanager
def journal(desk: Desk, person: Person, day: date | None = None) -> Iterator[Journal]:
    """The journal of ``day``, or all of it, as booked; whatever its length it is never held whole.

    Raises NotAuthorised, or Refused ``training`` or ``ledger_account_missing``.
    """
    require_look(desk, LOOK, person)
    desk.identity.refuse_training("nothing of it goes to the general ledger")
    with desk.till.read() as connection:
        segments = list(_segments(desk, connection, day))
        currencies = {known for segment in segments for known in segment.currencies}
        yield Journal(
            accounts=each_once(
                account
                for segment in segments
                for kind in segment.kinds.values()
                for account in kind.accounts.values()
            ),
            currencies=tuple(sorted(currencies, key=lambda one: one.code)),
            entries=(entry for segment in segments for entry in _entries(connection, segment)),
        )


def behind(
    desk: Desk,
    person: Person,
    number: str,
    line_number: int,
    *,
    after: tuple[int, int] = (0, 0),
    limit: int = 500,
) -> list[Posting]:
    """The postings that line ``line_number`` of a batch sums, as booked; the next page begins ``after`` the last place.

    Raises NotAuthorised, or Refused ``unknown_batch`` or ``unknown_line``.
    """
    require_look(desk, LOOK, person)
    with desk.till.read() as connection:
        batch = batch_by_number(connection, number)
        if batch is None:
            raise unknown_batch(number)
        line = next((one for one in batch.lines if one.number == line_number), None)
        if line is None:
            raise Refused(
                "unknown_line", f"Batch {number} has lines 1 to {len(batch.lines)}.", line=line_number
            )
        return postings_behind(connection, number, line, after=after, limit=min(limit, PAGE_MAX))


OF_SHIFT = "shift "
"""How the paper of a posting names a shift; what was printed of it is its Z report."""


def receipt_behind(desk: Desk, person: Person, posting: Posting) -> ReceiptFacts:
    """The receipt or slip that a posting was booked with.

    Raises NotAuthorised, or Refused ``unknown_receipt`` where nothing was printed for it.
    """
    require_look(desk, LOOK, person)
    paper = posting.paper
    if paper is not None and paper.startswith(OF_SHIFT):
        shift_number = int(paper.removeprefix(OF_SHIFT))
        with desk.till.read() as connection:
            paper = z_report_of(connection, shift_number) or paper
    if paper is None or " " in paper:
        booked_for = "" if paper is None else f" of it: it was booked for {paper}"
        raise Refused("unknown_receipt", f"No receipt was printed{booked_for}.", receipt=paper)
    return show_receipt(desk, person, paper)


def _segments(desk: Desk, connection: Connection, day: date | None) -> Iterator[Segment]:
    found = [_batched(connection, batch) for batch in batches_of(connection, day)]
    for one in open_days(connection) if day is None else [day]:
        found += [_open(desk, connection, stretch_day=one)] if open_stretches(connection, one) else []
    yield from sorted(found, key=lambda segment: (segment.business_date, segment.after))


def _batched(connection: Connection, batch: LedgerBatch) -> Segment:
    after, through = reach_of(connection, batch.number)
    return Segment(
        batch=batch,
        business_date=batch.business_date,
        accounting_date=batch.accounting_date,
        after=after,
        through=through,
        kinds=_kinds(
            batch.accounting_date,
            ((line.event, line.category, account_of(line)) for line in batch.lines),
        ),
        currencies=frozenset(line.debit.currency for line in batch.lines),
    )


def _open(desk: Desk, connection: Connection, *, stretch_day: date) -> Segment:
    stretches = open_stretches(connection, stretch_day)
    sums = [posted for stretch in stretches for posted in sums_of(connection, stretch)]
    rules = desk.policy.ledger
    accounting_date = open_date(stretch_day, desk.policy.closed_through)
    return Segment(
        batch=None,
        business_date=stretch_day,
        accounting_date=accounting_date,
        after=stretches[0].after,
        through=stretches[-1].through,
        kinds=_kinds(
            accounting_date,
            (
                (
                    posted.event,
                    rules.category(posted.event),
                    _today(rules, posted.event, posted.ledger_account),
                )
                for posted in sums
            ),
        ),
        currencies=frozenset(posted.debit.currency for posted in sums),
    )


def _kinds(on: date, posted: Iterable[tuple[str, str, FeedAccount]]) -> dict[str, FeedKind]:
    """By its event each kind of deed, of what was posted: event, category and account."""
    said: dict[str, str] = {}
    accounts: dict[str, dict[str, FeedAccount]] = {}
    for event, category, account in posted:
        said[event] = category
        accounts.setdefault(event, {})[account.key] = account
    return {
        event: FeedKind(event=event, on=on, said=category, accounts=accounts[event])
        for event, category in said.items()
    }


def _today(rules: LedgerRules, event: str, key: str) -> FeedAccount:
    known = rules.account(key)
    return FeedAccount(key=key, code=known.by_event.get(event, known.code), name=known.name, kind=known.kind)


def _entries(connection: Connection, segment: Segment) -> Iterator[FeedEntry]:
    for stored in entries_between(
        connection, segment.business_date, after=segment.after, through=segment.through
    ):
        yield _entry(segment, stored)


def _entry(segment: Segment, entry: StoredEntry) -> FeedEntry:
    tags = {"event": entry.event, "entry": entry.entry_id, "booked": entry.booked_at_utc}
    if segment.batch is not None:
        tags["batch"] = segment.batch.number
    of_day = entry.original_date or segment.business_date
    if of_day != segment.accounting_date:
        tags["original-date"] = of_day.isoformat()
    return FeedEntry(entry.paper or entry.source_id, segment.kinds[entry.event], tags, entry.lines)
