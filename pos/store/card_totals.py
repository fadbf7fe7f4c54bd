"""What the books hold of a card terminal since it was last reconciled, and the reconciliations themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.card import TotalsLine
from pos.domain.money import Currency, Money
from pos.store.times import from_utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReconciliation:
    """When a terminal was reconciled last, and up to which of our payments. ``period`` is the terminal's name for it."""

    number: int
    at: datetime
    period: str
    epoch: int
    sequence: int


def last_reconciliation(connection: Connection, card_terminal: str) -> LastReconciliation | None:
    """The last one of this terminal."""
    row = connection.exec_driver_sql(
        "SELECT number, at_utc, terminal_period, up_to_epoch, up_to_sequence FROM card_reconciliation "
        "WHERE card_terminal = ? ORDER BY number DESC LIMIT 1",
        (card_terminal,),
    ).first()
    if row is None:
        return None
    return LastReconciliation(
        number=row[0], at=from_utc_text(row[1]), period=row[2], epoch=row[3], sequence=row[4]
    )


def last_sequence(connection: Connection) -> tuple[int, int]:
    """Epoch and sequence of the last payment in the books; zeros where there is none."""
    row = connection.exec_driver_sql(
        "SELECT epoch, sequence FROM payment_event ORDER BY epoch DESC, sequence DESC LIMIT 1"
    ).first()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def own_totals(
    connection: Connection,
    card_terminal: str,
    modes: Sequence[str],
    in_currency: Currency,
    after: tuple[int, int],
) -> list[TotalsLine]:
    """The card tenders of this terminal in payments after (epoch, sequence), by brand; kind ``debit``."""
    if not modes:
        return []
    places = ", ".join("?" for _ in modes)
    rows = connection.exec_driver_sql(
        "SELECT upper(coalesce(details_json ->> 'brand', '')), count(*), sum(tender.amount_minor) "
        "FROM payment_event JOIN tender USING (payment_event_id) WHERE (epoch, sequence) > (?, ?) "
        f"AND details_json ->> 'card_terminal' = ? AND tender.currency = ? AND mode IN ({places}) "
        "GROUP BY 1 ORDER BY 1",
        (*after, card_terminal, in_currency.code, *modes),
    )
    return [
        TotalsLine(kind="debit", brand=row[0], count=row[1], amount=Money(row[2], in_currency))
        for row in rows
    ]


def lines_json(lines: Sequence[TotalsLine]) -> str:
    """Totals as they are kept."""
    return json.dumps([[line.kind, line.brand, line.count, line.amount.minor] for line in lines])
