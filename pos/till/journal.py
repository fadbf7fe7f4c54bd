"""Booking a balanced entry: lines first, the entry last, so that the database itself can weigh it."""

from __future__ import annotations

from collections.abc import Sequence

from pos.domain.posting import JournalLine, SourceKind
from pos.store.times import utc_text
from pos.till.desk import Deed


def book_entry(deed: Deed, source: SourceKind, source_id: str, lines: Sequence[JournalLine]) -> None:
    """Book ``lines`` (balanced, or none) on the shift's business date."""
    if not lines:
        return
    entry_id = deed.new_id()
    deed.unit.insert_all(
        "journal_line",
        [
            {
                "entry_id": entry_id,
                "line_no": number,
                "ledger_account": line.ledger_account,
                "account": line.account,
                "debit_minor": line.debit.minor,
                "credit_minor": line.credit.minor,
                "currency": line.debit.currency.code,
            }
            for number, line in enumerate(lines, start=1)
        ],
    )
    shift = deed.shift
    business_date = deed.at.date() if shift is None else shift.business_date
    deed.unit.insert(
        "journal_entry",
        {
            "entry_id": entry_id,
            "source_kind": str(source),
            "source_id": source_id,
            "business_date": business_date.isoformat(),
            "booked_at_utc": utc_text(deed.at),
        },
    )
