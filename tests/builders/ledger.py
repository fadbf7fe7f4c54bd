"""A counted day for the general ledger: cash and a card on bills, a cheque, an item with tax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pos.domain.ledger_feed import Deliverer, LedgerBatch
from pos.till.desk import Desk
from pos.till.ledger_batches import make_batches
from tests.builders.tills import (
    BACK_OFFICE,
    TODAY,
    card,
    cash,
    cheque,
    closed,
    count,
    make_till,
    opened,
    pay,
    sale,
    stock,
)


def counted_day(desk: Desk | None = None) -> Desk:
    """Float 20; cash 13 and 1.250, a card of 7 and a cheque of 5, on 25 of bills and a charger with 5 per cent tax."""
    desk = desk or make_till()
    stock(desk)
    sell_and_count(desk)
    return desk


def sell_and_count(desk: Desk, *, rrn: str = "000123456789", serial: str = "000123") -> None:
    """The shift of that day, opened and closed even."""
    opened(desk)
    pay(desk, cash("10"), account="BA-1")
    pay(desk, card("7", rrn), cash("3"), account="BA-1")
    pay(desk, cheque("5", serial=serial), account="BA-1")
    pay(desk, cash("1.25"), account=None, lines=[sale("CHARGER")])
    count(desk, "34.250", cheques="5", cheque_count=1)
    closed(desk)


def posted(desk: Desk) -> Mapping[tuple[str, str, str], int]:
    """What the journal holds: minor units by business date, account and side."""
    with desk.till.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT business_date, ledger_account, debit_minor, credit_minor FROM v_journal"
        ).all()
    sums: dict[tuple[str, str, str], int] = {}
    for day, account, debit, credit in found:
        for side, minor in (("debit", debit), ("credit", credit)):
            sums[day, account, side] = sums.get((day, account, side), 0) + minor
    return {key: minor for key, minor in sums.items() if minor}


def batch_of_a_day(
    *, terminal: str = "T1", more: str | None = None, delivered_by: Deliverer = Deliverer.NOBODY
) -> LedgerBatch:
    """The batch of ``counted_day``, and of a second shift that took ``more``, as ``terminal`` makes it."""
    desk = make_till()
    desk.identity = replace(desk.identity, terminal=terminal)
    desk.policy = replace(desk.policy, ledger=replace(desk.policy.ledger, delivered_by=delivered_by))
    counted_day(desk)
    if more is not None:
        opened(desk, "0")
        pay(desk, cash(more), account="BA-1")
        count(desk, more)
        closed(desk)
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)
    return batch
