"""Deposit slips as stored, and the cheques that may go on one."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from pos.domain.carrier import Carrier
from pos.domain.cheque import ChequeState
from pos.domain.deposit import BankAccount, BankedCheque, DepositSlip, SlipState
from pos.domain.money import Currency, Money, currency
from pos.domain.posting import Ledger
from pos.store.cash_bags import bags_of_slip
from pos.store.deposit_paper import DRAWER

_STATE = "(SELECT state FROM cheque_event AS event WHERE event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1)"
_IN_OPEN_SHIFT = "NOT EXISTS (SELECT 1 FROM shift_close WHERE shift_close.shift_id = payment_event.shift_id)"
SLIP = (
    "(SELECT receipt_number FROM deposit_cheque AS kept JOIN deposit_slip USING (slip_id) "
    "WHERE kept.cheque_id = cheque.cheque_id AND kept.slip_id NOT IN ("
    "SELECT slip_id FROM deposit_slip_event WHERE state = 'cancelled') ORDER BY deposit_slip.rowid DESC LIMIT 1)"
)
"""The number of the slip, not one that was taken back, that ``cheque`` was on last."""
_CHEQUE = (
    "SELECT cheque.cheque_id, payment_event.receipt_number, cheque.bank, cheque.branch, cheque.serial, "
    f"coalesce({DRAWER}, ''), cheque.cheque_date, cheque.amount_minor, cheque.currency, tender.mode, {_STATE} AS state, "
    f"{SLIP}, {_IN_OPEN_SHIFT} FROM {{cheques}} JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id) "
)


def _banked(row: Sequence[Any], lies_in: Mapping[str, str]) -> BankedCheque:
    return BankedCheque(
        cheque_id=row[0],
        receipt=row[1],
        bank=row[2],
        branch=row[3],
        serial=row[4],
        drawer=row[5],
        dated=date.fromisoformat(row[6]),
        amount=Money(row[7], currency(row[8])),
        # A way to pay that the settings no longer have left its cheques where every shop keeps them.
        ledger_account=lies_in.get(row[9], Ledger.CHEQUES_IN_HAND),
        state=ChequeState(row[10]),
        slip=row[11],
        in_open_shift=bool(row[12]),
    )


def cheques_in_hand(
    connection: Connection, in_currency: Currency, lies_in: Mapping[str, str], *, limit: int
) -> list[BankedCheque]:
    """In the shop and on no slip, the oldest first; those of an open shift are among them, at the end.

    ``lies_in``: the ledger account of each way to pay by cheque.
    """
    rows = connection.exec_driver_sql(
        _CHEQUE.format(cheques="cheque")
        + "WHERE cheque.currency = ? AND state IN ('received', 'represented') "
        "ORDER BY 13, cheque_date, serial, cheque.cheque_id LIMIT ?",
        (in_currency.code, limit),
    )
    return [_banked(tuple(row), lies_in) for row in rows]


def named_cheques(connection: Connection, name: str, lies_in: Mapping[str, str]) -> list[BankedCheque]:
    """The cheque of this id, or the cheques of the payment with this receipt, whatever became of them."""
    # One after the other: by both at once the store would look at every cheque.
    for where, named in (
        ("WHERE cheque.cheque_id = ?", name),
        ("WHERE payment_event.receipt_number = ? ORDER BY tender.number", name.upper()),
    ):
        rows = connection.exec_driver_sql(_CHEQUE.format(cheques="cheque") + where, (named,)).all()
        if rows:
            return [_banked(tuple(row), lies_in) for row in rows]
    return []


def cheques_called(connection: Connection, name: str, lies_in: Mapping[str, str]) -> list[BankedCheque]:
    """As ``named_cheques``, or else the cheques with this serial number."""
    found = named_cheques(connection, name, lies_in)
    if found:
        return found
    rows = connection.exec_driver_sql(
        _CHEQUE.format(cheques="cheque") + "WHERE cheque.serial = ? ORDER BY cheque.rowid", (name.upper(),)
    )
    return [_banked(tuple(row), lies_in) for row in rows]


def banked_cheques(
    connection: Connection, cheque_ids: Sequence[str], lies_in: Mapping[str, str]
) -> list[BankedCheque]:
    """These cheques, in this order."""
    rows = connection.exec_driver_sql(
        _CHEQUE.format(cheques="json_each(?) AS wanted JOIN cheque ON cheque.cheque_id = wanted.value")
        + "ORDER BY wanted.key",
        (json.dumps(list(cheque_ids)),),
    )
    return [_banked(tuple(row), lies_in) for row in rows]


def slip_by_number(connection: Connection, number: str, lies_in: Mapping[str, str]) -> DepositSlip | None:
    """The slip of this number."""
    found = _slips(connection, "WHERE slip.receipt_number = ?", (number,), lies_in)
    return found[0] if found else None


def slips_in(
    connection: Connection, states: Collection[SlipState], lies_in: Mapping[str, str], *, limit: int
) -> list[DepositSlip]:
    """Slips in ``states``, the newest first."""
    where = "WHERE state IN (SELECT value FROM json_each(?)) ORDER BY made_at_utc DESC, slip.receipt_number DESC LIMIT ?"
    return _slips(connection, where, (json.dumps(sorted(states)), limit), lies_in)


def _slips(
    connection: Connection, where: str, values: Sequence[object], lies_in: Mapping[str, str]
) -> list[DepositSlip]:
    rows = connection.exec_driver_sql(
        "SELECT slip.slip_id, slip.receipt_number, slip.bank_account, ledger_account, slip.currency, slip.business_date, "
        "slip.operator, state, reference, lodged_on, (SELECT max(number) FROM deposit_slip_event AS step "
        "WHERE step.slip_id = slip.slip_id), company, person, seal, fetched.receipt_number FROM deposit_slip AS slip "
        "JOIN v_deposit_slip AS told ON told.slip_id = slip.slip_id "
        "LEFT JOIN v_deposit_carrier AS fetched ON fetched.slip = slip.receipt_number " + where,
        tuple(values),
    ).all()
    return [
        DepositSlip(
            slip_id=row[0],
            number=row[1],
            account=BankAccount(code=row[2], ledger_account=row[3], currency=row[4]),
            made_on=date.fromisoformat(row[5]),
            made_by=row[6],
            cheques=_cheques_of(connection, row[0], lies_in),
            bags=bags_of_slip(connection, row[0]),
            state=SlipState(row[7]),
            reference=row[8],
            lodged_on=None if row[9] is None else date.fromisoformat(row[9]),
            steps=row[10],
            carrier=None
            if row[11] is None
            else Carrier(company=row[11], person=row[12], seal=row[13] or "", receipt=row[14]),
        )
        for row in rows
    ]


def _cheques_of(connection: Connection, slip_id: str, lies_in: Mapping[str, str]) -> tuple[BankedCheque, ...]:
    """The slip's cheques; one that came back from it is dishonoured here, wherever it is since."""
    rows = connection.exec_driver_sql(
        _CHEQUE.format(cheques="deposit_cheque JOIN cheque USING (cheque_id)")
        + "WHERE deposit_cheque.slip_id = ? ORDER BY place",
        (slip_id,),
    )
    found = [_banked(tuple(row), lies_in) for row in rows]
    awaited = {
        str(cheque_id)
        for (cheque_id,) in connection.exec_driver_sql(
            "SELECT cheque_id FROM cheque_awaited WHERE slip_id = ?", (slip_id,)
        )
    }
    waiting = (ChequeState.BATCHED, ChequeState.LODGED)
    return tuple(
        replace(one, state=ChequeState.DISHONOURED)
        if one.state in waiting and one.cheque_id not in awaited
        else one
        for one in found
    )


def steps_gone(connection: Connection, cheques: Collection[BankedCheque]) -> dict[str, int]:
    """How many steps each of these cheques has gone, by its id."""
    rows = connection.exec_driver_sql(
        "SELECT cheque_id, max(number) FROM cheque_event WHERE cheque_id IN (SELECT value FROM json_each(?)) "
        "GROUP BY cheque_id",
        (json.dumps([cheque.cheque_id for cheque in cheques]),),
    )
    return {str(row[0]): int(row[1]) for row in rows}


def represented(connection: Connection, cheques: Collection[BankedCheque]) -> set[str]:
    """Those of these cheques that bounced before and go to the bank once more, by their ids."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT cheque_id FROM cheque_event WHERE state = 'represented' "
        "AND cheque_id IN (SELECT value FROM json_each(?))",
        (json.dumps([cheque.cheque_id for cheque in cheques]),),
    )
    return {str(cheque_id) for (cheque_id,) in rows}


def is_cancelled_slip(connection: Connection, receipt_number: str) -> bool:
    """Whether this paper is a deposit slip that was taken back."""
    return (
        connection.exec_driver_sql(
            "SELECT 1 FROM v_deposit_slip WHERE receipt_number = ? AND state = 'cancelled'", (receipt_number,)
        ).first()
        is not None
    )


def drop_waiting_prints(connection: Connection, receipt_number: str, *, at_utc: str) -> None:
    """The paper of a cancelled slip comes out no more."""
    connection.exec_driver_sql(
        "UPDATE print_job SET state = 'failed', reason = 'cancelled', changed_at_utc = ? "
        "WHERE receipt_number = ? AND state = 'waiting'",
        (at_utc, receipt_number),
    )
