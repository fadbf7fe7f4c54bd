"""Commissions as stored: what is owed to a dealer, and whose money is sure."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.money import Currency, Money


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCommission:
    """A line whose commission was left for settlement."""

    payment_event_id: str
    line: int
    commission: Money
    withheld: Money


def owed_commissions(
    connection: Connection, dealer: str, in_currency: Currency, *, limit: int
) -> list[OwedCommission]:
    """What is not settled yet of payments whose money is sure, oldest first.

    A bank receipt that no bank has confirmed, or a cheque that is not paid, keeps its payment's commission back.
    """
    rows = connection.exec_driver_sql(
        "SELECT payment_event_id, line, commission_minor, withheld_minor FROM v_commission "
        "JOIN payment_event USING (payment_event_id) "
        "WHERE v_commission.dealer = ? AND v_commission.currency = ? AND v_commission.state = 'owed' "
        "AND NOT EXISTS (SELECT 1 FROM v_tender JOIN bank_receipt_event USING (tender_id) "
        "WHERE v_tender.payment_event_id = v_commission.payment_event_id AND v_tender.state <> 'verified') "
        "AND NOT EXISTS (SELECT 1 FROM v_cheque JOIN tender USING (tender_id) "
        "WHERE tender.payment_event_id = v_commission.payment_event_id AND v_cheque.state <> 'cleared') "
        "ORDER BY epoch, sequence, line LIMIT ?",
        (dealer, in_currency.code, limit),
    )
    return [
        OwedCommission(
            payment_event_id=row[0],
            line=row[1],
            commission=Money(row[2], in_currency),
            withheld=Money(row[3], in_currency),
        )
        for row in rows
    ]
