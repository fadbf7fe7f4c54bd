"""Batches for the general ledger as stored, and the journal entries that they sum."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from pos.domain.ledger_delivery import Delivery
from pos.domain.ledger_feed import AccountKind, BatchLine, Deliverer, LedgerBatch
from pos.domain.money import Money, currency
from pos.store.ledger_deliveries import last_delivery

_BATCH = (
    "SELECT batch_id, batch_number, sequence, shop, terminal, business_date, part, accounting_date, entries, delivered_by, "
    "terms_json FROM ledger_batch "
)
ENTRIES_OF_BATCH = (
    "FROM ledger_batch AS batch JOIN journal_entry AS entry ON entry.business_date = batch.business_date "
    "AND entry.rowid > batch.entries_after AND entry.rowid <= batch.entries_through "
)
"""The entries that a batch sums, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Entries of one business date that are in no batch yet: row numbers above ``after``, up to ``through``.

    ``entries`` is how many. ``series`` is the one of the receipts that were printed then.
    """

    business_date: date
    series: str
    after: int
    through: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedSum:
    """What one kind of deed posted to one side of one account; the other side is zero."""

    event: str
    ledger_account: str
    debit: Money
    credit: Money
    postings: int
    original_date: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHead:
    """A batch without its lines. ``totals``: what stands on either side, by currency. ``delivery`` None: nothing yet.

    ``central_refusal``: why central did not take it, where it was told of it and would not.
    """

    number: str
    business_date: date
    accounting_date: date
    entries: int
    delivered_by: Deliverer
    totals: tuple[Money, ...]
    delivery: Delivery | None
    central_refusal: str | None


def batch_heads(connection: Connection, *, limit: int) -> list[BatchHead]:
    """The batches made last, the newest first."""
    rows = connection.exec_driver_sql(
        "SELECT batch_id, batch_number, batch.business_date, batch.accounting_date, batch.entries, batch.delivered_by, "
        "central_refusal FROM ledger_batch AS batch JOIN v_ledger_batch USING (batch_number) "
        "ORDER BY batch.sequence DESC LIMIT ?",
        (limit,),
    ).all()
    return [
        BatchHead(
            number=number,
            business_date=date.fromisoformat(day),
            accounting_date=date.fromisoformat(posted),
            entries=entries,
            delivered_by=Deliverer(deliverer),
            totals=_totals(connection, batch_id),
            delivery=last_delivery(connection, number),
            central_refusal=refusal,
        )
        for batch_id, number, day, posted, entries, deliverer, refusal in rows
    ]


def _totals(connection: Connection, batch_id: str) -> tuple[Money, ...]:
    rows = connection.exec_driver_sql(
        "SELECT sum(debit_minor), currency FROM ledger_batch_line WHERE batch_id = ? GROUP BY currency ORDER BY currency",
        (batch_id,),
    )
    return tuple(Money(minor, currency(code)) for minor, code in rows)


def open_days(connection: Connection) -> list[date]:
    """The business dates with entries that are in no batch yet, the oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT booked.business_date FROM (SELECT business_date, max(rowid) AS last FROM journal_entry "
        "GROUP BY business_date) AS booked LEFT JOIN (SELECT business_date, max(entries_through) AS through "
        "FROM ledger_batch GROUP BY business_date) AS batched USING (business_date) "
        "WHERE last > coalesce(through, 0) ORDER BY business_date"
    )
    return [date.fromisoformat(day) for day in rows.scalars()]


def open_stretches(connection: Connection, day: date) -> list[Stretch]:
    """The entries of ``day`` that are in no batch yet; those of each series of receipts by themselves."""
    begins = connection.exec_driver_sql(
        "SELECT series, entries_before FROM ledger_series ORDER BY entries_before, series"
    ).all()
    after = int(
        connection.exec_driver_sql(
            "SELECT coalesce(max(entries_through), 0) FROM ledger_batch WHERE business_date = ?",
            (day.isoformat(),),
        ).scalar_one()
    )
    found = []
    for place, (series, _) in enumerate(begins):
        until = begins[place + 1][1] if place + 1 < len(begins) else None
        entries, through = connection.exec_driver_sql(
            "SELECT count(*), max(rowid) FROM journal_entry WHERE business_date = ?1 AND rowid > ?2 "
            "AND (?3 IS NULL OR rowid <= ?3)",
            (day.isoformat(), after, until),
        ).one()
        if entries:
            found.append(
                Stretch(business_date=day, series=series, after=after, through=through, entries=entries)
            )
            after = through
    return found


def sums_of(connection: Connection, stretch: Stretch) -> Iterator[PostedSum]:
    """What the entries of ``stretch`` posted, by kind of deed, day they were moved from, currency, side and account."""
    rows = connection.exec_driver_sql(
        "SELECT source_kind, ledger_account, currency, sum(debit_minor), sum(credit_minor), count(*), original_date "
        "FROM journal_entry AS entry JOIN journal_line USING (entry_id) LEFT JOIN moved_entry USING (entry_id) "
        "WHERE entry.business_date = ? AND entry.rowid > ? AND entry.rowid <= ? "
        "GROUP BY source_kind, original_date, currency, debit_minor = 0, ledger_account "
        "ORDER BY source_kind, original_date, currency, debit_minor = 0, ledger_account",
        (stretch.business_date.isoformat(), stretch.after, stretch.through),
    )
    for event, ledger_account, code, debit_minor, credit_minor, postings, original in rows:
        in_currency = currency(code)
        yield PostedSum(
            event=event,
            ledger_account=ledger_account,
            debit=Money(debit_minor, in_currency),
            credit=Money(credit_minor, in_currency),
            postings=postings,
            original_date=None if original is None else date.fromisoformat(original),
        )


def next_sequence(connection: Connection) -> int:
    """The number of the terminal's next batch."""
    return _next(connection, "SELECT max(sequence) FROM ledger_batch")


def next_part(connection: Connection, day: date) -> int:
    """The number of the next batch of ``day``."""
    return _next(connection, "SELECT max(part) FROM ledger_batch WHERE business_date = ?", day.isoformat())


def _next(connection: Connection, query: str, *values: str) -> int:
    last = connection.exec_driver_sql(query, values).scalar_one()
    return 1 + (last or 0)


def batches_of(connection: Connection, day: date | None = None) -> Iterator[LedgerBatch]:
    """The batches of ``day``, or all of them, in the order in which they were made, one at a time."""
    condition, values = ("", ()) if day is None else ("WHERE business_date = ? ", (day.isoformat(),))
    rows = connection.exec_driver_sql(_BATCH + condition + "ORDER BY sequence", values).all()
    for row in rows:
        yield _batch(connection, tuple(row))


def batch_by_number(connection: Connection, number: str) -> LedgerBatch | None:
    """The batch of this number."""
    row = connection.exec_driver_sql(_BATCH + "WHERE batch_number = ?", (number,)).first()
    return None if row is None else _batch(connection, tuple(row))


def _batch(connection: Connection, row: Sequence[Any]) -> LedgerBatch:
    lines = connection.exec_driver_sql(
        "SELECT number, source_kind, category, ledger_account, code, name, kind, currency, debit_minor, credit_minor, "
        "postings, original_date FROM ledger_batch_line WHERE batch_id = ? ORDER BY number",
        (row[0],),
    )
    return LedgerBatch(
        number=row[1],
        sequence=row[2],
        shop=row[3],
        terminal=row[4],
        business_date=date.fromisoformat(row[5]),
        part=row[6],
        accounting_date=date.fromisoformat(row[7]),
        entries=row[8],
        delivered_by=Deliverer(row[9]),
        terms=json.loads(row[10]),
        lines=tuple(_line(tuple(line)) for line in lines),
    )


def _line(row: Sequence[Any]) -> BatchLine:
    in_currency = currency(row[7])
    return BatchLine(
        number=row[0],
        event=row[1],
        category=row[2],
        ledger_account=row[3],
        code=row[4],
        name=row[5],
        kind=AccountKind(row[6]),
        debit=Money(row[8], in_currency),
        credit=Money(row[9], in_currency),
        postings=row[10],
        original_date=None if row[11] is None else date.fromisoformat(row[11]),
    )


def reach_of(connection: Connection, number: str) -> tuple[int, int]:
    """The row numbers of a batch's entries: above the first, up to the second."""
    after, through = connection.exec_driver_sql(
        "SELECT entries_after, entries_through FROM ledger_batch WHERE batch_number = ?", (number,)
    ).one()
    return int(after), int(through)


TOLD_AT_ONCE = 20


def last_sequence(connection: Connection) -> int:
    """How many batches were made."""
    return next_sequence(connection) - 1


def sequence_of(connection: Connection, number: str) -> int:
    """Which of the terminal's batches this is; 0 for one that these books did not make."""
    found = connection.exec_driver_sql(
        "SELECT sequence FROM ledger_batch WHERE batch_number = ?", (number,)
    ).scalar_one_or_none()
    return int(found or 0)


def batches_after(connection: Connection, sequence: int) -> list[LedgerBatch]:
    """The batches made after this one, in their order; so many at once."""
    rows = connection.exec_driver_sql(
        _BATCH + "WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, TOLD_AT_ONCE)
    )
    return [_batch(connection, tuple(row)) for row in rows.all()]
