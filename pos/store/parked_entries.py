"""Entries of banks' files that were parked, as stored, with what a person made of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from pos.domain.bank_file import EntryKind, Remark
from pos.domain.money import Money, currency
from pos.domain.parked_entry import ParkedEntry, Settled

_ENTRIES = (
    "SELECT entry.run_id, entry.number, name, entry.kind, entry.reference, entry.plain, entry.mandate, "
    "entry.account, entry.bill_no, entry.amount_minor, entry.currency, entry.value_date, entry.reason_code, problem, "
    "(SELECT count(*) FROM bank_entry_step AS step WHERE (step.run_id, step.number) = (entry.run_id, entry.number)), "
    "settled.how, payment_event.receipt_number, tender_undone.tender_id IS NOT NULL, entry.remarks "
    "FROM bank_entry AS entry JOIN bank_file USING (run_id) LEFT JOIN bank_entry_settled AS settled "
    "ON (settled.run_id, settled.number) = (entry.run_id, entry.number) "
    "LEFT JOIN imported_record_state AS record ON record.record_id = settled.record_id AND record.state = 'posted' "
    "AND record.number = (SELECT max(number) FROM imported_record_state AS one WHERE one.record_id = record.record_id) "
    "LEFT JOIN tender ON tender.tender_id = record.tender_id LEFT JOIN payment_event USING (payment_event_id) "
    "LEFT JOIN tender_undone ON tender_undone.tender_id = tender.tender_id AND NOT EXISTS (SELECT 1 FROM bank_entry AS back "
    "WHERE back.plain = entry.plain AND back.correction_id = tender_undone.correction_id) WHERE entry.outcome = 'parked' "
)
"""What the bank itself took back of a settled entry's payment leaves nothing to settle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStep:
    """One step of what became of a parked entry."""

    how: Settled
    account: str | None
    reason: str
    at_utc: str
    utc_offset_min: int
    operator: str


def parked_entry(connection: Connection, run_id: str, number: int) -> ParkedEntry | None:
    """The entry of this place, if it was parked."""
    row = connection.exec_driver_sql(
        _ENTRIES + "AND entry.run_id = ? AND entry.number = ?", (run_id, number)
    ).first()
    return None if row is None else _entry(row)


def parked_entries(connection: Connection, *, limit: int) -> list[ParkedEntry]:
    """Those that wait for a person, the oldest first; one whose payment was undone waits again."""
    rows = connection.exec_driver_sql(
        _ENTRIES
        + "AND (settled.how IS NULL OR tender_undone.tender_id IS NOT NULL) ORDER BY entry.at_utc, entry.number LIMIT ?",
        (limit,),
    )
    return [_entry(row) for row in rows]


def steps_of_entry(connection: Connection, run_id: str, number: int) -> list[EntryStep]:
    """What became of an entry, in order."""
    rows = connection.exec_driver_sql(
        "SELECT how, account, reason, at_utc, utc_offset_min, operator FROM bank_entry_step "
        "WHERE run_id = ? AND number = ? ORDER BY place",
        (run_id, number),
    )
    return [
        EntryStep(
            how=Settled(how),
            account=account,
            reason=reason,
            at_utc=at,
            utc_offset_min=offset,
            operator=operator,
        )
        for how, account, reason, at, offset, operator in rows
    ]


def waiting_record(connection: Connection, entry: ParkedEntry) -> str | None:
    """The record under this reference, told before the entry, that waits for its value date."""
    row = connection.exec_driver_sql(
        "SELECT record_id FROM bank_entry JOIN v_imported_record USING (record_id) WHERE plain = ? AND state = 'waiting' "
        "AND record_id NOT IN (SELECT record_id FROM bank_entry_settled WHERE how = 'withdrawn') "
        "AND coalesce(place, 0) <= (SELECT coalesce(back.place, 0) FROM bank_entry AS back WHERE run_id = ? AND number = ?) "
        "ORDER BY coalesce(place, 0) DESC, bank_entry.at_utc DESC LIMIT 1",
        (entry.plain, entry.run_id, entry.number),
    ).first()
    return None if row is None else str(row[0])


def _entry(row: Row[Any]) -> ParkedEntry:
    told: tuple[Any, ...] = tuple(row)
    return ParkedEntry(
        run_id=told[0],
        number=told[1],
        file=told[2],
        kind=EntryKind(told[3]),
        reference=told[4],
        plain=told[5],
        mandate=told[6],
        account=told[7],
        bill_no=told[8],
        amount=Money(told[9], currency(told[10])),
        value_date=None if told[11] is None else date.fromisoformat(told[11]),
        reason_code=told[12],
        problem=told[13],
        steps=told[14],
        settled=None if told[15] is None else Settled(told[15]),
        receipt=told[16],
        tender_undone=bool(told[17]),
        is_transfer=Remark.CREDIT_TRANSFER in told[18].split(),
    )
