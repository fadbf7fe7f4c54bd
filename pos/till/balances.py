"""Balances of the ledger accounts, as sums of the journal."""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.money import Money, currency
from pos.domain.role import Person
from pos.till.desk import Desk
from pos.till.gate import require_look


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBalance:
    """Debits less credits of one ledger account in one currency."""

    ledger_account: str
    debit: Money
    credit: Money

    @property
    def balance(self) -> Money:
        return self.debit - self.credit


def ledger_balances(desk: Desk, person: Person) -> list[LedgerBalance]:
    """Every ledger account that was ever posted to. Only who may see expected cash: it would show what a count must not."""
    require_look(desk, "see_expected", person)
    with desk.till.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT ledger_account, currency, sum(debit_minor), sum(credit_minor) FROM journal_line "
            "GROUP BY ledger_account, currency ORDER BY ledger_account, currency"
        ).all()
    return [
        LedgerBalance(
            ledger_account=row[0],
            debit=Money(row[2], currency(row[1])),
            credit=Money(row[3], currency(row[1])),
        )
        for row in rows
    ]
