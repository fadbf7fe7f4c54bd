"""Every entry of the books leads to the paper that it was booked with, so that a figure drills to its receipts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pos.domain.posting import SourceKind
from pos.store.database import Database
from pos.store.ledger_entries import StoredEntry, entries_between


def entries_of(books: Path) -> list[StoredEntry]:
    database = Database(books)
    try:
        with database.read() as connection:
            days = connection.exec_driver_sql("SELECT DISTINCT business_date FROM journal_entry")
            return [
                entry
                for day in [date.fromisoformat(text) for text in days.scalars().all()]
                for entry in entries_between(connection, day, after=0, through=10**9)
            ]
    finally:
        database.close()


def test_every_kind_of_deed_leads_to_its_paper(books: Path) -> None:
    found = entries_of(books)

    assert [(entry.event, entry.source_id) for entry in found if not entry.paper] == []
    # The others have tests of their own, or write their paper as one of these does.
    assert {entry.event for entry in found} >= {
        SourceKind.PAYMENT,
        SourceKind.BILL_WRITE_OFF,
        SourceKind.WRITE_OFF_RECOVERY,
        SourceKind.SUSPENSE_RESOLVED,
        SourceKind.SHIFT_OPENED,
        SourceKind.SHIFT_CLOSED,
        SourceKind.COMMISSION,
        SourceKind.BANK_RECEIPT,
        SourceKind.DEPOSIT_LODGED,
        SourceKind.DEPOSIT_CREDITED,
        SourceKind.VOID,
        SourceKind.REFUND,
        SourceKind.REFUND_SETTLED,
        SourceKind.TRANSFER,
        SourceKind.DISHONOUR,
        SourceKind.REINSTATEMENT,
        SourceKind.CASH_MOVE,
    }
