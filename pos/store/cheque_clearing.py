"""Cheques that the bank credited, and what central is told once they cleared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.deposit import BankedCheque
from pos.store.deposits import banked_cheques


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedAtBank:
    """A cheque that the bank has credited, and on which day."""

    cheque: BankedCheque
    credited_on: date


def credited_cheques(
    connection: Connection, lies_in: Mapping[str, str], *, limit: int
) -> list[CreditedAtBank]:
    """Those that nobody cleared yet, the longest ago first. ``lies_in`` as for ``cheques_in_hand``."""
    days = {
        str(row[0]): date.fromisoformat(row[1])
        for row in connection.exec_driver_sql(
            "SELECT cheque_id, bank_date FROM deposit_credit JOIN deposit_slip_event USING (step_id) "
            "WHERE 'credited' = (SELECT state FROM cheque_event AS event WHERE event.cheque_id = deposit_credit.cheque_id "
            "ORDER BY number DESC LIMIT 1) ORDER BY bank_date, cheque_id LIMIT ?",
            (limit,),
        )
    }
    return [
        CreditedAtBank(cheque=cheque, credited_on=days[cheque.cheque_id])
        for cheque in banked_cheques(connection, list(days), lies_in)
    ]


def legs_of_cheque(connection: Connection, cheque_id: str) -> list[tuple[str, int, str]]:
    """The legs that a cheque paid: event, number, account."""
    rows = connection.exec_driver_sql(
        "SELECT leg.payment_event_id, leg.leg, leg.account FROM leg JOIN cheque USING (tender_id) "
        "WHERE cheque_id = ? ORDER BY leg",
        (cheque_id,),
    )
    return [(str(row[0]), int(row[1]), str(row[2])) for row in rows]


def has_cleared(connection: Connection, cheque_id: str, *, before: int) -> bool:
    """Whether a cheque cleared at an earlier step than this one."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM cheque_event WHERE cheque_id = ? AND state = 'cleared' AND number < ?",
        (cheque_id, before),
    ).first()
    return row is not None


def outcome_of_cheque(cheque_id: str, number: int) -> str:
    """How an outbox row names a step of a cheque."""
    return f"{cheque_id}-{number}"
