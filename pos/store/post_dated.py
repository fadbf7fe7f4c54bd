"""The register of post-dated cheques as stored."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from pos.domain.cheque import ChequeIdentity
from pos.domain.money import Money, currency
from pos.domain.post_dated import PostDatedCheque, PostDatedState

_STATE = (
    "(SELECT state FROM post_dated_event WHERE post_dated_event.post_dated_id = post_dated_cheque.post_dated_id "
    "ORDER BY number DESC LIMIT 1)"
)


def post_dated_known(connection: Connection, identity: ChequeIdentity) -> str | None:
    """The number of the note under which this very cheque is in the register."""
    rows = connection.exec_driver_sql(
        f"SELECT receipt_number, branch, bank_account, {_STATE} FROM post_dated_cheque WHERE bank = ? AND serial = ?",
        (identity.bank, identity.serial),
    )
    for number, branch, account, state in rows:
        held = ChequeIdentity(bank=identity.bank, branch=branch, account=account, serial=identity.serial)
        if PostDatedState(state).is_alive and identity.same_as(held):
            return str(number)
    return None


def note_of(connection: Connection, post_dated_id: str) -> tuple[str, str] | None:
    """Number of the note and mark of the order of what was registered under this id."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number, order_mark FROM post_dated_cheque WHERE post_dated_id = ?", (post_dated_id,)
    ).first()
    return None if row is None else (str(row[0]), str(row[1]))


def register(
    connection: Connection, *, due_by: date | None = None, limit: int = 500
) -> list[PostDatedCheque]:
    """The cheques that are in the register, those due first; with ``due_by`` only those dated up to that day."""
    rows = connection.exec_driver_sql(
        "SELECT post_dated_id, receipt_number, payer_account, coalesce(name, ''), bank, serial, cheque_date, "
        f"amount_minor, currency, {_STATE} AS state FROM post_dated_cheque "
        "LEFT JOIN post_dated_person USING (post_dated_id) "
        "WHERE state IN ('registered', 'held') AND (? IS NULL OR cheque_date <= ?) "
        "ORDER BY cheque_date, post_dated_id LIMIT ?",
        (due := None if due_by is None else due_by.isoformat(), due, limit),
    )
    return [
        PostDatedCheque(
            post_dated_id=row[0],
            note=row[1],
            payer_account=row[2],
            payer_name=row[3],
            bank=row[4],
            serial=row[5],
            dated=date.fromisoformat(row[6]),
            amount=Money(row[7], currency(row[8])),
            state=PostDatedState(row[9]),
        )
        for row in rows
    ]
