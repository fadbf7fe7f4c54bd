"""Records of bank files as stored: what the bank told, and what became of it, state by state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from pos.domain.imported_record import RecordState, TakenSlip
from pos.domain.money import Money, currency
from pos.store.times import local

_KNOWN_COLUMNS = (
    "SELECT record_id, mode, amount_minor, currency, account, bill_no, record_date, state, number, tender_id, "
    "(SELECT receipt_number FROM tender JOIN payment_event USING (payment_event_id) "
    "WHERE tender.tender_id = imported_record_state.tender_id) "
)
_KNOWN = _KNOWN_COLUMNS + "FROM imported_record JOIN imported_record_state USING (record_id) "
_TOLD = (
    _KNOWN_COLUMNS + ", details_json, started_at_utc, utc_offset_min, import_run.operator, reason "
    "FROM imported_record JOIN imported_record_state USING (record_id) JOIN import_run USING (run_id) "
)
WITHDRAWN = "record_id IN (SELECT record_id FROM bank_entry_settled WHERE how = 'withdrawn')"
"""Of a record that waits: a person has said that its money never comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRecord:
    """A record with its latest state; ``number`` counts its states. ``receipt`` None: no slip is known."""

    record_id: str
    mode: str
    amount: Money
    account: str
    bill_no: str | None
    record_date: str
    state: RecordState
    number: int
    tender_id: str | None
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRecord:
    """All that the bank told of a record, and when. ``reason`` of one that differs: in what, with commas between."""

    known: KnownRecord
    details: Mapping[str, str]
    imported_at: datetime
    imported_by: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedSlip:
    """A slip as the counter booked it: who paid, what for, what the paper says, and who took it when."""

    receipt_number: str
    amount: Money
    payer: str
    accounts: Sequence[str]
    bills: Sequence[str]
    details: Mapping[str, str]
    taken_by: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRecord:
    """A record that waits to be posted by the run of its file, with all that the bank told."""

    record_id: str
    run_id: str
    mode: str
    amount: Money
    account: str
    bill_no: str | None
    details: Mapping[str, str]


def due_records(connection: Connection, today: date, *, limit: int) -> list[DueRecord]:
    """The records that wait, and whose date is not to come, the oldest date first."""
    rows = connection.exec_driver_sql(
        "SELECT record_id, run_id, mode, amount_minor, currency, account, bill_no, details_json FROM imported_record "
        "JOIN imported_record_state AS latest USING (record_id) WHERE state = 'waiting' AND record_date <= ? "
        f"AND NOT {WITHDRAWN} "
        "AND number = (SELECT max(number) FROM imported_record_state AS one WHERE one.record_id = latest.record_id) "
        "ORDER BY record_date, record_id LIMIT ?",
        (today.isoformat(), limit),
    )
    return [
        DueRecord(
            record_id=row[0],
            run_id=row[1],
            mode=row[2],
            amount=Money(row[3], currency(row[4])),
            account=row[5],
            bill_no=row[6],
            details=json.loads(row[7]),
        )
        for row in rows
    ]


def record_of_instrument(connection: Connection, instrument: str) -> KnownRecord | None:
    """The record that came with this paper, whatever became of it."""
    row = connection.exec_driver_sql(
        _KNOWN + "WHERE instrument = ? ORDER BY number DESC LIMIT 1", (instrument,)
    ).first()
    return None if row is None else _known(tuple(row))


def record_by_id(connection: Connection, record_id: str) -> KnownRecord | None:
    """The record of this id."""
    row = connection.exec_driver_sql(
        _KNOWN + "WHERE record_id = ? ORDER BY number DESC LIMIT 1", (record_id,)
    ).first()
    return None if row is None else _known(tuple(row))


def records_in(connection: Connection, states: Sequence[RecordState], *, limit: int) -> list[ToldRecord]:
    """The records whose latest state is one of ``states``: in the order of the states, then the oldest first."""
    places = ", ".join("?" for _ in states)
    order = " ".join(f"WHEN ? THEN {place}" for place, _ in enumerate(states))
    codes = tuple(map(str, states))
    rows = connection.exec_driver_sql(
        _TOLD + f"WHERE state IN ({places}) AND NOT {WITHDRAWN} "
        "AND number = (SELECT max(number) FROM imported_record_state AS one "
        "WHERE one.record_id = imported_record_state.record_id) "
        f"ORDER BY CASE state {order} END, record_id LIMIT ?",
        (*codes, *codes, limit),
    )
    return [_told(tuple(row)) for row in rows]


def told_by_id(connection: Connection, record_id: str) -> ToldRecord | None:
    """All that the bank told of the record of this id."""
    row = connection.exec_driver_sql(
        _TOLD + "WHERE record_id = ? ORDER BY number DESC LIMIT 1", (record_id,)
    ).first()
    return None if row is None else _told(tuple(row))


def slip_of_tender(connection: Connection, tender_id: str) -> BookedSlip:
    """The slip behind a tender."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number, tender.amount_minor - change_minor, tender.currency, payer_account, details_json, "
        "operator, taken_at_utc, utc_offset_min FROM tender JOIN payment_event USING (payment_event_id) "
        "WHERE tender_id = ?",
        (tender_id,),
    ).one()
    receipt, minor, code, payer, details, taken_by, taken_at, offset = row
    parts = connection.exec_driver_sql(
        "SELECT account, bill_no FROM allocation WHERE tender_id = ? ORDER BY rowid", (tender_id,)
    ).all()
    return BookedSlip(
        receipt_number=receipt,
        amount=Money(minor, currency(code)),
        payer=payer,
        accounts=list(dict.fromkeys(part[0] for part in parts)),
        bills=list(dict.fromkeys(part[1] for part in parts if part[1] is not None)),
        details=json.loads(details),
        taken_by=taken_by,
        taken_at=local(taken_at, offset),
    )


def slip_of_instrument(connection: Connection, instrument: str) -> TakenSlip | None:
    """What the counter took with this paper."""
    row = connection.exec_driver_sql(
        "SELECT tender_id, receipt_number, tender.amount_minor - change_minor, tender.currency, payer_account "
        "FROM living_instrument JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id) "
        "WHERE instrument = ?",
        (instrument,),
    ).first()
    if row is None:
        return None
    tender_id, receipt, minor, code, payer = row
    credited = connection.exec_driver_sql(
        "SELECT DISTINCT account FROM allocation WHERE tender_id = ?", (tender_id,)
    ).scalars()
    return TakenSlip(
        tender_id=str(tender_id),
        receipt_number=str(receipt),
        amount=Money(int(minor), currency(str(code))),
        accounts=frozenset((str(payer), *map(str, credited))),
    )


def _known(row: tuple[object, ...]) -> KnownRecord:
    record_id, mode, minor, code, account, bill_no, record_date, state, number, tender_id, receipt = row
    assert isinstance(minor, int)
    assert isinstance(number, int)
    return KnownRecord(
        record_id=str(record_id),
        mode=str(mode),
        amount=Money(minor, currency(str(code))),
        account=str(account),
        bill_no=None if bill_no is None else str(bill_no),
        record_date=str(record_date),
        state=RecordState(str(state)),
        number=number,
        tender_id=None if tender_id is None else str(tender_id),
        receipt=None if receipt is None else str(receipt),
    )


def _told(row: tuple[object, ...]) -> ToldRecord:
    *known, details, started_at, offset, imported_by, reason = row
    assert isinstance(offset, int)
    return ToldRecord(
        known=_known(tuple(known)),
        details=json.loads(str(details)),
        imported_at=local(str(started_at), offset),
        imported_by=str(imported_by),
        reason=None if reason is None else str(reason),
    )
