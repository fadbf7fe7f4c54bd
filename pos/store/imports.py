"""Records of bank files as stored: what the bank told, and what became of it, state by state."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.imported_record import RecordState, TakenSlip
from pos.domain.money import Money, currency

_KNOWN = (
    "SELECT record_id, mode, amount_minor, currency, account, bill_no, record_date, state, number, tender_id, "
    "(SELECT receipt_number FROM tender JOIN payment_event USING (payment_event_id) "
    "WHERE tender.tender_id = imported_record_state.tender_id) "
    "FROM imported_record JOIN imported_record_state USING (record_id) "
)


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


def slip_of_instrument(connection: Connection, instrument: str) -> TakenSlip | None:
    """What the counter took with this paper."""
    row = connection.exec_driver_sql(
        "SELECT tender_id, receipt_number, tender.amount_minor - change_minor, tender.currency, payer_account "
        "FROM instrument JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id) WHERE instrument = ?",
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
