"""What a tender did to debt beside its money: rests of bills that it wrote off, and written-off debt that it brought back.

What undoes the tender undoes both, and a cheque that counts again does them anew. Source: domain.md rules 6, 14, 18, 35.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.bill import OwnAllocation
from pos.domain.debt_beside import DebtBack, DebtBeside, RestOfBill
from pos.domain.money import Currency, Money, currency


def standing_beside(connection: Connection, tender_id: str, in_currency: Currency) -> DebtBeside:
    """What a tender wrote off and brought back, and nothing has undone."""
    return _beside(connection, "tender_id = ? AND undone_by IS NULL", (tender_id,), in_currency)


def undone_beside(connection: Connection, correction_id: str, in_currency: Currency) -> DebtBeside:
    """What a correction undid of both."""
    return _beside(connection, "undone_by = ?", (correction_id,), in_currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideTold:
    """What central is told of one leg beside its money: rests of bills by the bill's id, and debt in all."""

    write_offs: Mapping[str, Money]
    recovered: Money


def beside_told(
    connection: Connection, correction_id: str, event_id: str, leg: int, in_currency: Currency
) -> BesideTold:
    """What a correction undid of a leg's, or did anew, where its money counts again."""
    where, values = (
        "? IN (undone_by, again) AND payment_event_id = ? AND leg = ?",
        (correction_id, event_id, leg),
    )
    found = _beside(connection, where, values, in_currency)
    recovered = Money(sum(back.amount.minor for back in found.back), in_currency)
    return BesideTold(write_offs={rest.bill_id: rest.amount for rest in found.rests}, recovered=recovered)


def _beside(
    connection: Connection, where: str, values: tuple[str | int, ...], in_currency: Currency
) -> DebtBeside:
    rests = connection.exec_driver_sql(
        f"SELECT leg, account, bill_no, bill_id, amount_minor FROM write_off_made WHERE {where} ORDER BY bill_no",
        values,
    )
    back = connection.exec_driver_sql(
        f"SELECT leg, account, amount_minor FROM recovery_made WHERE {where} ORDER BY leg", values
    )
    return DebtBeside(
        rests=tuple(
            RestOfBill(
                leg=row[0], account=row[1], bill_no=row[2], bill_id=row[3], amount=Money(row[4], in_currency)
            )
            for row in rests
        ),
        back=tuple(DebtBack(leg=row[0], account=row[1], amount=Money(row[2], in_currency)) for row in back),
    )


def rests_set_off(connection: Connection, bill_no: str | None = None) -> Iterator[tuple[str, OwnAllocation]]:
    """Of a bill, or any: the rests that were written off, and (negative) those of them that are open again since.

    One that stands is given up whatever central makes of it; one that was undone is told and held as money is.
    """
    where, values = ("", ()) if bill_no is None else (" AND made.bill_no = ?", (bill_no,))
    for sign, which, kept in ((1, "again", "TRUE"), (-1, "undone_by", "undone_by IS NOT NULL")):
        rows = connection.exec_driver_sql(
            f"SELECT made.bill_no, made.amount_minor, made.currency, coalesce(told.correlator_id, made.{which}, ''), "
            f"told.server_id, told.applied_change, {sign} = 1 AND undone_by IS NULL FROM write_off_made AS made "
            "LEFT JOIN outbox AS told ON told.outbox_id = (SELECT outbox_id FROM outbox "
            "WHERE outbox.payment_event_id = made.payment_event_id AND outbox.leg = made.leg "
            f"AND CASE WHEN made.{which} IS NULL THEN kind = 'payment' ELSE kind IN ('refund', 'moved_refund') "
            f"AND source_id BETWEEN made.{which} AND made.{which} || '-~' END "
            # Central hears of all in the refund, another server of moved money apart.
            f"ORDER BY kind = 'moved_refund', outbox_id LIMIT 1) WHERE {kept}{where}",
            values,
        )
        for number, minor, code, correlator_id, server_id, change, stands in rows:
            yield (
                number,
                _own(number, sign * minor, code, correlator_id, server_id, change, cleared=bool(stands)),
            )


def debt_since(connection: Connection, account: str) -> Iterator[OwnAllocation]:
    """Written-off debt of an account that is given up again (negative), since what brought it back was undone, and debt
    that came back anew.
    """
    for sign, which in ((-1, "undone_by"), (1, "again")):
        rows = connection.exec_driver_sql(
            "SELECT made.amount_minor, made.currency, told.correlator_id, told.server_id, told.applied_change "
            f"FROM recovery_made AS made JOIN outbox AS told ON told.source_id = made.{which} AND told.kind = 'refund' "
            "AND told.payment_event_id = made.payment_event_id AND told.leg = made.leg WHERE made.account = ?",
            (account,),
        )
        for minor, code, correlator_id, server_id, change in rows:
            yield _own("", sign * minor, code, correlator_id, server_id, change)


def _own(
    bill_no: str,
    minor: int,
    code: str,
    correlator_id: str,
    server_id: str | None,
    change: int | None,
    *,
    cleared: bool = False,
) -> OwnAllocation:
    return OwnAllocation(
        bill_no=bill_no,
        amount=Money(minor, currency(code)),
        correlator_id=correlator_id,
        server_id=server_id,
        applied_change=change,
        cleared=cleared,
    )
