"""Bags between the tills of a shop as stored: those that left this one, and those that it accepted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from pos.domain.money import Currency, Money, currency
from pos.domain.shop_bag import AcceptedBag, AcceptedState, BagAtCentral, BagPaper, SentBag, SentState
from pos.store.times import utc_text
from pos.store.unit_of_work import UnitOfWork

_SENT = (
    "SELECT sending_id, receipt_number, bag, amount_minor, currency, bag_id, business_date, operator, state, contents, "
    "cash_office, arrived_at, counted_minor, at_utc, "
    "(SELECT at_utc FROM bag_recall WHERE sending_id = v_sent_bag.sending_id) FROM v_sent_bag "
)
_ACCEPTED = (
    "SELECT acceptance_id, receipt_number, sent_paper, bag, amount_minor, counted_minor, currency, business_date, operator, "
    "state, reason, refused, at_utc, (SELECT at_utc FROM bag_acceptance_undone "
    "WHERE acceptance_id = v_accepted_bag.acceptance_id) FROM v_accepted_bag "
)


def sent_bag(connection: Connection, paper: str) -> SentBag | None:
    """The bag that left with this paper."""
    row = connection.exec_driver_sql(_SENT + "WHERE receipt_number = ?", (paper,)).first()
    return None if row is None else _sent(tuple(row))


def sent_bags(connection: Connection, *, limit: int) -> list[SentBag]:
    """The newest first, those that are still on the way before all others."""
    rows = connection.exec_driver_sql(
        _SENT + "ORDER BY state <> 'on_the_way', at_utc DESC, receipt_number DESC LIMIT ?", (limit,)
    )
    return [_sent(tuple(row)) for row in rows]


def bags_on_the_way(connection: Connection) -> list[SentBag]:
    """Those that nobody is known to have accepted, the oldest first."""
    rows = connection.exec_driver_sql(_SENT + "WHERE state = 'on_the_way' ORDER BY at_utc, receipt_number")
    return [_sent(tuple(row)) for row in rows]


def sums_in_transit(connection: Connection, in_currency: Currency) -> tuple[Money, Money]:
    """What arrived of what this till sent, and what it accepted of others."""
    arrived, accepted = connection.exec_driver_sql(
        "SELECT (SELECT coalesce(sum(amount_minor), 0) FROM v_sent_bag WHERE state = 'arrived' AND currency = ?1), "
        "(SELECT coalesce(sum(amount_minor), 0) FROM v_accepted_bag WHERE state <> 'undone' AND currency = ?1)",
        (in_currency.code,),
    ).one()
    return Money(int(arrived), in_currency), Money(int(accepted), in_currency)


def accepted_bag(connection: Connection, paper: str) -> AcceptedBag | None:
    """What was accepted with this paper of another till, and not undone since; else the last that was."""
    row = connection.exec_driver_sql(
        _ACCEPTED + "WHERE sent_paper = ? ORDER BY state = 'undone', at_utc DESC LIMIT 1", (paper,)
    ).first()
    return None if row is None else _accepted(tuple(row))


def accepted_bags(connection: Connection, *, limit: int) -> list[AcceptedBag]:
    """The newest first, those that central refused before all others."""
    rows = connection.exec_driver_sql(
        _ACCEPTED + "ORDER BY state <> 'refused', at_utc DESC, receipt_number DESC LIMIT ?", (limit,)
    )
    return [_accepted(tuple(row)) for row in rows]


def happenings(connection: Connection) -> int:
    """How much has happened with bags here; another number than before: something has."""
    return int(
        connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM bag_sending) + (SELECT count(*) FROM bag_recall) "
            "+ (SELECT count(*) FROM bag_acceptance) + (SELECT count(*) FROM bag_acceptance_undone)"
        ).scalar_one()
    )


def came_back_wrongly(connection: Connection) -> list[SentBag]:
    """Those that were taken back here, and accepted by another till as central says."""
    rows = connection.exec_driver_sql(
        _SENT + "WHERE state = 'recalled' AND arrived_at IS NOT NULL ORDER BY at_utc, receipt_number"
    )
    return [_sent(tuple(row)) for row in rows]


def refused_bags(connection: Connection) -> list[AcceptedBag]:
    """Those that central refused, and that are not undone yet."""
    rows = connection.exec_driver_sql(_ACCEPTED + "WHERE state = 'refused' ORDER BY at_utc, receipt_number")
    return [_accepted(tuple(row)) for row in rows]


def note_arrival(unit: UnitOfWork, sending_id: str, there: BagAtCentral | None, *, at: datetime) -> None:
    """Central says that another till accepted it; None: that it is taken back there."""
    number = unit.connection.exec_driver_sql(
        "SELECT coalesce(max(number), 0) FROM bag_arrival WHERE sending_id = ?", (sending_id,)
    ).scalar_one()
    unit.insert(
        "bag_arrival",
        {
            "sending_id": sending_id,
            "number": int(number) + 1,
            "terminal": None if there is None else there.accepted_by,
            "counted_minor": None if there is None or there.counted is None else there.counted.minor,
            "accepted_at": None if there is None else there.accepted_at,
            "heard_at_utc": utc_text(at),
        },
    )


def note_refused(unit: UnitOfWork, acceptance_id: str, reason: str, *, at: datetime) -> None:
    """Central says that it was not this till's to accept; what it said first is kept."""
    known = unit.connection.exec_driver_sql(
        "SELECT 1 FROM bag_acceptance_refused WHERE acceptance_id = ?", (acceptance_id,)
    ).first()
    if known is not None:
        return
    unit.insert(
        "bag_acceptance_refused",
        {"acceptance_id": acceptance_id, "reason": reason, "heard_at_utc": utc_text(at)},
    )


def _sent(row: Sequence[Any]) -> SentBag:
    in_currency = currency(row[4])
    return SentBag(
        sending_id=row[0],
        paper=BagPaper(number=row[1], bag=row[2], amount=Money(row[3], in_currency)),
        bag_id=row[5],
        sent_on=date.fromisoformat(row[6]),
        sent_by=row[7],
        state=SentState(row[8]),
        contents=row[9] or "",
        cash_office=row[10] or "",
        arrived_at=row[11] or "",
        counted=None if row[12] is None else Money(row[12], in_currency),
        at_utc=row[13],
        back_at_utc=row[14] or "",
    )


def _accepted(row: Sequence[Any]) -> AcceptedBag:
    in_currency = currency(row[6])
    return AcceptedBag(
        acceptance_id=row[0],
        number=row[1],
        paper=BagPaper(number=row[2], bag=row[3], amount=Money(row[4], in_currency)),
        counted=Money(row[5], in_currency),
        accepted_on=date.fromisoformat(row[7]),
        accepted_by=row[8],
        state=AcceptedState(row[9]),
        reason=row[10] or "",
        refused=row[11] or "",
        at_utc=row[12],
        undone_at_utc=row[13] or "",
    )
