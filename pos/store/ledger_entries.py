"""Journal entries as stored, one at a time, with the paper that each was booked with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection

from pos.domain.ledger_feed import BatchLine
from pos.domain.money import Money, currency

_PAPER = (
    "CASE source_kind "
    "WHEN 'payment' THEN (SELECT receipt_number FROM payment_event WHERE payment_event_id = source_id) "
    "WHEN 'bill_write_off' THEN (SELECT receipt_number FROM payment_event WHERE payment_event_id = source_id) "
    "WHEN 'write_off_recovery' THEN (SELECT receipt_number FROM payment_event WHERE payment_event_id = source_id) "
    "WHEN 'bank_receipt' THEN (SELECT receipt_number FROM bank_receipt_event JOIN tender USING (tender_id) "
    "JOIN payment_event USING (payment_event_id) WHERE outcome_id = source_id) "
    "WHEN 'suspense_resolved' THEN (SELECT receipt_number FROM suspense_transfer JOIN suspense USING (suspense_id) "
    "JOIN payment_event USING (payment_event_id) WHERE transfer_id = source_id) "
    "WHEN 'deposit_lodged' THEN (SELECT receipt_number FROM deposit_slip_event JOIN deposit_slip USING (slip_id) "
    "WHERE step_id = source_id) "
    "WHEN 'deposit_credited' THEN (SELECT receipt_number FROM deposit_slip_event JOIN deposit_slip USING (slip_id) "
    "WHERE step_id = source_id) "
    "WHEN 'shift_opened' THEN (SELECT 'shift ' || number FROM shift WHERE shift_id = source_id) "
    "WHEN 'shift_closed' THEN (SELECT 'shift ' || number FROM shift WHERE shift_id = source_id) "
    "WHEN 'trust_counted' THEN (SELECT 'shift ' || number FROM shift WHERE shift_id = source_id) "
    "WHEN 'cash_move' THEN (SELECT receipt_number FROM cash_move WHERE move_id = source_id) "
    "WHEN 'safe_count' THEN (SELECT receipt_number FROM safe_count WHERE count_id = source_id) "
    "WHEN 'bag_sent' THEN (SELECT receipt_number FROM bag_sending WHERE sending_id = source_id) "
    "WHEN 'bag_recalled' THEN (SELECT receipt_number FROM bag_recall WHERE sending_id = source_id) "
    "WHEN 'bag_accepted' THEN (SELECT receipt_number FROM bag_acceptance WHERE acceptance_id = source_id) "
    "WHEN 'bag_undone' THEN (SELECT receipt_number FROM bag_acceptance_undone WHERE acceptance_id = source_id) "
    "WHEN 'commission' THEN (SELECT 'commission of ' || dealer FROM commission_settlement WHERE settlement_id = source_id) "
    "WHEN 'bank_entry' THEN (SELECT 'file ' || bank_file_id || ' entry ' || substr(substr(source_id, instr(source_id, '/') "
    "+ 1), 1, instr(substr(source_id, instr(source_id, '/') + 1), '/') - 1) FROM bank_file "
    "WHERE run_id = substr(source_id, 1, instr(source_id, '/') - 1)) "
    "WHEN 'debit_fee' THEN (SELECT 'file ' || bank_file_id || ' entry ' || substr(source_id, instr(source_id, '/') + 1) "
    "FROM bank_file WHERE run_id = substr(source_id, 1, instr(source_id, '/') - 1)) "
    "ELSE coalesce((SELECT receipt_number FROM correction WHERE correction_id = source_id), "
    "(SELECT receipt_number FROM refund_across WHERE refund_id = source_id)) END"
)
"""The number of the receipt or slip that an entry was booked with; where there is none, what it was booked for."""

_BETWEEN = "WHERE entry.business_date = ? AND entry.rowid > ? AND entry.rowid <= ? ORDER BY entry.rowid"
_ENTRIES = (
    f"SELECT entry_id, source_kind, source_id, {_PAPER}, booked_at_utc, original_date, "
    "(SELECT count(*) FROM journal_line WHERE journal_line.entry_id = entry.entry_id) "
    f"FROM journal_entry AS entry LEFT JOIN moved_entry USING (entry_id) {_BETWEEN}"
)
_LINES = (
    "SELECT ledger_account, account, debit_minor, credit_minor, currency "
    f"FROM journal_entry AS entry JOIN journal_line USING (entry_id) {_BETWEEN}, line_no"
)


StoredLine = tuple[str, str | None, int, int, str]
"""A journal line, as the driver gives it: the account, the customer's or dealer's, debit and credit in minor units, and
the currency's code."""


class StoredEntry(NamedTuple):
    """A journal entry. ``paper``: the number on what was printed with it, None where nothing was."""

    entry_id: str
    event: str
    source_id: str
    paper: str | None
    booked_at_utc: str
    original_date: date | None
    lines: list[StoredLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A journal line behind a figure. ``place`` is its entry's in the books and its own there, to go on after."""

    place: tuple[int, int]
    entry_id: str
    event: str
    paper: str | None
    booked_at_utc: str
    account: str | None
    amount: Money


def entries_between(connection: Connection, day: date, *, after: int, through: int) -> Iterator[StoredEntry]:
    """The entries of ``day`` with a row number above ``after`` up to ``through``, as booked, one at a time."""
    # Of the driver itself, entries and lines side by side: a line costs what its row costs, and the paper is looked up
    # once an entry. Both statements see the books as they were when the first began.
    driver = cast(Any, connection.connection.dbapi_connection)
    bounds = (day.isoformat(), after, through)
    with (
        closing(driver.execute(_ENTRIES, bounds)) as entries,
        closing(driver.execute(_LINES, bounds)) as lines,
    ):
        for entry_id, event, source_id, paper, booked_at, original, count in entries:
            if count:
                moved_from = None if original is None else date.fromisoformat(original)
                own = list(islice(lines, count))
                yield StoredEntry(entry_id, event, source_id, paper, booked_at, moved_from, own)


def postings_behind(
    connection: Connection, batch_number: str, line: BatchLine, *, after: tuple[int, int], limit: int
) -> list[Posting]:
    """The journal lines that a batch's line sums, as booked: so many at most of those above ``after``."""
    side = "debit_minor" if line.debit.minor else "credit_minor"
    rows = connection.exec_driver_sql(
        f"SELECT entry.rowid, line_no, entry_id, source_kind, {_PAPER}, booked_at_utc, account, {side}, currency "
        "FROM ledger_batch AS batch JOIN journal_entry AS entry ON entry.business_date = batch.business_date "
        "AND entry.rowid > max(batch.entries_after, ?2 - 1) AND entry.rowid <= batch.entries_through "
        "JOIN journal_line USING (entry_id) LEFT JOIN moved_entry USING (entry_id) "
        f"WHERE batch_number = ?1 AND source_kind = ?3 AND ledger_account = ?4 AND {side} > 0 AND currency = ?5 "
        "AND original_date IS ?6 AND (entry.rowid, line_no) > (?2, ?8) ORDER BY entry.rowid, line_no LIMIT ?7",
        (
            batch_number,
            after[0],
            line.event,
            line.ledger_account,
            line.debit.currency.code,
            None if line.original_date is None else line.original_date.isoformat(),
            limit,
            after[1],
        ),
    )
    return [
        Posting(
            place=(row[0], row[1]),
            entry_id=row[2],
            event=row[3],
            paper=row[4],
            booked_at_utc=row[5],
            account=row[6],
            amount=Money(row[7], currency(row[8])),
        )
        for row in rows
    ]
