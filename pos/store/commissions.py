"""Commissions as stored: what is owed to a dealer, and whose money is sure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.money import Currency, Money
from pos.store.unsure_money import UNSURE, modes_waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCommission:
    """A line whose commission was left for settlement."""

    payment_event_id: str
    line: int
    commission: Money
    withheld: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedToDealer:
    """What can be settled for a dealer now, of so many sales; ``kept_back``: of payments whose money is not sure yet."""

    dealer: str
    sales: int
    lines: int
    commission: Money
    withheld: Money
    kept_back: Money

    @property
    def net(self) -> Money:
        """What the dealer's account is credited with."""
        return self.commission - self.withheld


_IS_SURE = (
    "NOT EXISTS (SELECT 1 FROM tender WHERE tender.payment_event_id = v_commission.payment_event_id "
    f"AND {UNSURE}) "
    "AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.payment_event_id = v_commission.payment_event_id "
    "AND outbox.kind = 'payment' AND outbox.state = 'parked')"
)
"""Money that waits for a bank, or a leg that central refused, keeps its payment's commission back."""


def owed_by_dealer(
    connection: Connection, in_currency: Currency, *, dealer: str | None, modes: Collection[str], limit: int
) -> list[OwedToDealer]:
    """What is not settled yet, of one dealer or of each; ``modes`` are those whose money waits for a bank."""
    rows = connection.exec_driver_sql(
        "SELECT dealer, count(DISTINCT iif(sure, payment_event_id, NULL)), sum(sure), "
        "sum(iif(sure, commission_minor, 0)), sum(iif(sure, withheld_minor, 0)), sum(iif(sure, 0, commission_minor)) "
        f"FROM (SELECT dealer, payment_event_id, commission_minor, withheld_minor, {_IS_SURE} AS sure "
        "FROM v_commission WHERE currency = ? AND state = 'owed' AND dealer = coalesce(?, dealer)) "
        "GROUP BY dealer HAVING sum(commission_minor) > 0 ORDER BY dealer LIMIT ?",
        (modes_waiting(modes), in_currency.code, dealer, limit),
    )
    return [
        OwedToDealer(
            dealer=row[0],
            sales=row[1],
            lines=row[2],
            commission=Money(row[3], in_currency),
            withheld=Money(row[4], in_currency),
            kept_back=Money(row[5], in_currency),
        )
        for row in rows
    ]


def owed_commissions(
    connection: Connection, dealer: str, in_currency: Currency, *, modes: Collection[str], limit: int
) -> list[OwedCommission]:
    """What is not settled yet of payments whose money is sure, oldest first."""
    rows = connection.exec_driver_sql(
        "SELECT payment_event_id, line, commission_minor, withheld_minor FROM v_commission "
        "JOIN payment_event USING (payment_event_id) "
        f"WHERE v_commission.dealer = ? AND v_commission.currency = ? AND v_commission.state = 'owed' AND {_IS_SURE} "
        "ORDER BY epoch, sequence, line LIMIT ?",
        (dealer, in_currency.code, modes_waiting(modes), limit),
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
