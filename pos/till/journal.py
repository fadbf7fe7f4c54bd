"""Booking a balanced entry: lines first, the entry last, so that the database itself can weigh it."""

from __future__ import annotations

from collections.abc import Sequence

from pos.domain.business_day import business_date, open_date
from pos.domain.posting import JournalLine, SourceKind
from pos.store.times import utc_text
from pos.till.desk import Deed


def book_entry(deed: Deed, source: SourceKind, source_id: str, lines: Sequence[JournalLine]) -> None:
    """Book ``lines`` (balanced, or none) on the business date of shift or run; in a closed period, on the next open one."""
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
    control, policy = deed.run or deed.shift, deed.desk.policy
    day = business_date(deed.at, policy.day_starts) if control is None else control.business_date
    booked_on = open_date(day, policy.closed_through)
    deed.unit.insert(
        "journal_entry",
        {
            "entry_id": entry_id,
            "source_kind": str(source),
            "source_id": source_id,
            "business_date": booked_on.isoformat(),
            "booked_at_utc": utc_text(deed.at),
        },
    )
    if booked_on != day:
        deed.unit.insert("moved_entry", {"entry_id": entry_id, "original_date": day.isoformat()})
