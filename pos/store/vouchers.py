"""Vouchers held for payments: asked for, reserved, used by a tender, or let go at central."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.money import Money, currency
from pos.domain.voucher import VoucherReserved
from pos.store.times import utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A reservation that central gave. ``amount`` is what the tender takes of ``value``."""

    hold_id: str
    mode: str
    amount: Money
    value: Money
    approval: str | None

    @property
    def forfeited(self) -> Money:
        """What the voucher is worth beyond what this payment takes of it: nobody gets it back."""
        return self.value - self.amount


def reserved_hold(connection: Connection, payment_event_id: str, code_mark: str) -> Hold | None:
    """The reservation of this voucher for this payment."""
    row = connection.exec_driver_sql(
        "SELECT hold_id, mode, amount_minor, value_minor, currency, approval FROM voucher_hold "
        "WHERE payment_event_id = ? AND code_mark = ? AND state = 'reserved'",
        (payment_event_id, code_mark),
    ).first()
    if row is None:
        return None
    in_currency = currency(row[4])
    return Hold(
        hold_id=row[0],
        mode=row[1],
        amount=Money(row[2], in_currency),
        value=Money(row[3], in_currency),
        approval=row[5],
    )


def mark_reserved(connection: Connection, hold_id: str, told: VoucherReserved, *, at: datetime) -> None:
    """Central holds it. Nothing changes for a hold that was let go meanwhile."""
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'reserved', value_minor = ?, expires = ?, approval = ?, changed_at_utc = ? "
        "WHERE hold_id = ? AND state = 'asked'",
        (told.value.minor, told.expires.isoformat(), told.approval, utc_text(at), hold_id),
    )


def mark_refused(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Central said no: nothing is held."""
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'refused', changed_at_utc = ? WHERE hold_id = ? AND state = 'asked'",
        (utc_text(at), hold_id),
    )


def abandon_hold(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Nobody waits for this one any more."""
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'abandoned', changed_at_utc = ? WHERE hold_id = ? AND state = 'asked'",
        (utc_text(at), hold_id),
    )


def abandon_holds(connection: Connection, *, at: datetime, payment_event_id: str | None = None) -> int:
    """The payment (None: every payment) that these holds were asked for does not come; how many there were."""
    where = "" if payment_event_id is None else " AND payment_event_id = ?"
    return connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'abandoned', changed_at_utc = ? WHERE state IN ('asked', 'reserved')"
        + where,
        (utc_text(at), *(() if payment_event_id is None else (payment_event_id,))),
    ).rowcount


def has_open_holds(connection: Connection) -> bool:
    """Whether any hold waits for its payment."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM voucher_hold WHERE state IN ('asked', 'reserved') LIMIT 1"
    ).first()
    return row is not None


def holds_to_release(connection: Connection, *, payment_event_id: str | None = None) -> list[str]:
    """Abandoned holds that central has not let go yet, oldest first."""
    where = "" if payment_event_id is None else " AND payment_event_id = ?"
    rows = connection.exec_driver_sql(
        f"SELECT hold_id FROM voucher_hold WHERE state = 'abandoned'{where} ORDER BY asked_at_utc, hold_id LIMIT 100",
        () if payment_event_id is None else (payment_event_id,),
    )
    return [str(row[0]) for row in rows]


def abandoned_of(connection: Connection, code_mark: str) -> list[str]:
    """Abandoned holds of one voucher: they stand in the way of asking for it again."""
    rows = connection.exec_driver_sql(
        "SELECT hold_id FROM voucher_hold WHERE state = 'abandoned' AND code_mark = ?", (code_mark,)
    )
    return [str(row[0]) for row in rows]


def mark_released(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Central let it go."""
    connection.exec_driver_sql(
        "UPDATE voucher_hold SET state = 'released', changed_at_utc = ? WHERE hold_id = ? AND state = 'abandoned'",
        (utc_text(at), hold_id),
    )
