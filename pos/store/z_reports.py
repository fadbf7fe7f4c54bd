"""What a shift took and did, for its X and Z report, and the totals of the till that never fall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from pos.domain.money import Money, currency
from pos.store.shifts import Shift
from pos.store.times import from_utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """How many of one sort, and how much; ``code`` says which."""

    code: str
    count: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxed:
    """Sold at one rate (per cent, as text): with tax, and the tax within."""

    category: str
    rate: str
    gross: Money
    tax: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFigures:
    """What a shift has so far. ``gross`` is all that was paid in it, also what was undone since.

    ``undone`` are corrections by kind, ``moves`` cash without a payment by kind, as the drawer has more or less by it.
    """

    opened_at: datetime
    payments: int
    gross: Money
    first: str | None
    last: str | None
    undone: tuple[Sum, ...]
    moves: tuple[Sum, ...]
    taxes: tuple[Taxed, ...]
    duplicates: int
    no_sales: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrandTotals:
    """The till since its first day. None of these ever falls."""

    payments: int
    gross: Money
    undone: Money
    refunded: Money
    duplicates: int
    no_sales: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ZLine:
    """One report of the list. ``accepted_by``: who signed for a difference that wants it."""

    number: str
    shift_id: str
    shift_number: int
    operator: str
    business_date: date
    closed_at: datetime
    gross: Money
    difference: Money
    needs_acceptance: bool
    accepted_by: str | None
    reason: str | None

    @property
    def waits(self) -> bool:
        """Whether somebody still has to sign for its difference."""
        return self.needs_acceptance and self.accepted_by is None


def shift_figures(connection: Connection, shift: Shift) -> ShiftFigures:
    """What the shift has so far."""

    def sums(statement: str) -> tuple[Sum, ...]:
        rows = connection.exec_driver_sql(statement, (shift.shift_id,))
        return tuple(
            Sum(code=code, count=count, amount=Money(int(minor), shift.currency))
            for code, count, minor in rows
        )

    opened, payments, gross, first, last, duplicates, no_sales = connection.exec_driver_sql(
        "SELECT opened_at_utc, (SELECT count(*) FROM payment_event AS event WHERE event.shift_id = shift.shift_id), "
        "(SELECT coalesce(sum(amount_minor), 0) FROM payment_event AS event WHERE event.shift_id = shift.shift_id), "
        "(SELECT receipt_number FROM payment_event AS event WHERE event.shift_id = shift.shift_id "
        "ORDER BY epoch, sequence LIMIT 1), "
        "(SELECT receipt_number FROM payment_event AS event WHERE event.shift_id = shift.shift_id "
        "ORDER BY epoch DESC, sequence DESC LIMIT 1), "
        "(SELECT count(*) FROM audit WHERE audit.shift_id = shift.shift_id AND act = 'reprint' AND result = 'ok'), "
        "(SELECT count(*) FROM cash_move WHERE cash_move.shift_id = shift.shift_id AND kind = 'no_sale') "
        "FROM shift WHERE shift_id = ?",
        (shift.shift_id,),
    ).one()
    taxes = connection.exec_driver_sql(
        "SELECT tax_category, tax_rate, sum(sale_line.amount_minor), sum(tax_minor) FROM sale_line "
        "JOIN payment_event USING (payment_event_id) WHERE shift_id = ? GROUP BY 1, 2 ORDER BY 1, 2",
        (shift.shift_id,),
    )
    return ShiftFigures(
        opened_at=from_utc_text(opened),
        payments=int(payments),
        gross=Money(int(gross), shift.currency),
        first=first,
        last=last,
        undone=sums(
            "SELECT kind, count(*), sum(amount_minor) FROM correction WHERE shift_id = ?1 GROUP BY kind UNION ALL "
            "SELECT 'refund_across', count(*), sum(leg.amount_minor) FROM refund_across "
            "JOIN refund_across_leg AS leg USING (refund_id) WHERE shift_id = ?1 GROUP BY 1 ORDER BY 1"
        ),
        moves=sums(
            "SELECT kind, count(*), sum(drawer_minor) FROM v_cash_move WHERE shift_id = ? AND kind <> 'no_sale' "
            "GROUP BY kind ORDER BY kind"
        ),
        taxes=tuple(
            Taxed(
                category=category,
                rate=str(rate),
                gross=Money(int(sold), shift.currency),
                tax=Money(int(tax), shift.currency),
            )
            for category, rate, sold, tax in taxes
        ),
        duplicates=int(duplicates),
        no_sales=int(no_sales),
    )


def grand_totals(connection: Connection, shift: Shift) -> GrandTotals:
    """Of every shift up to and with this one. The rows that are summed are never removed."""
    row = connection.exec_driver_sql(
        "SELECT (SELECT count(*) FROM payment_event), "
        "(SELECT coalesce(sum(amount_minor), 0) FROM payment_event WHERE currency = ?1), "
        "(SELECT coalesce(sum(amount_minor), 0) FROM correction WHERE currency = ?1 "
        "AND kind IN ('void', 'reversal', 'tender_cancellation')), "
        "(SELECT coalesce(sum(amount_minor), 0) FROM correction WHERE currency = ?1 AND kind = 'refund') "
        "+ (SELECT coalesce(sum(amount_minor), 0) FROM refund_across_leg WHERE currency = ?1), "
        "(SELECT count(*) FROM receipt_copy), (SELECT count(*) FROM cash_move WHERE kind = 'no_sale')",
        (shift.currency.code,),
    ).one()
    return GrandTotals(
        payments=int(row[0]),
        gross=Money(int(row[1]), shift.currency),
        undone=Money(int(row[2]), shift.currency),
        refunded=Money(int(row[3]), shift.currency),
        duplicates=int(row[4]),
        no_sales=int(row[5]),
    )


_LINE = (
    "SELECT receipt_number, shift_id, shift_number, operator, business_date, closed_at_utc, "
    "json_extract((SELECT facts_json FROM receipt WHERE receipt.receipt_number = v_z_report.receipt_number), '$.total'), "
    "currency, difference_minor, needs_acceptance, accepted_by, reason FROM v_z_report "
)


def z_report_of(connection: Connection, shift_number: int) -> str | None:
    """The number of the Z report of this shift; None while it is open, and of one that was closed without."""
    found = connection.exec_driver_sql(
        "SELECT receipt_number FROM v_z_report WHERE shift_number = ?", (shift_number,)
    ).scalar_one_or_none()
    return None if found is None else str(found)


def z_reports(connection: Connection, *, limit: int) -> list[ZLine]:
    """The reports of the till, the newest first."""
    rows = connection.exec_driver_sql(_LINE + "ORDER BY shift_number DESC LIMIT ?", (limit,))
    return [_line(tuple(row)) for row in rows]


def z_of_shift(connection: Connection, number: int) -> ZLine | None:
    """The report of the shift of this number."""
    row = connection.exec_driver_sql(_LINE + "WHERE shift_number = ?", (number,)).first()
    return None if row is None else _line(tuple(row))


def differences_of(connection: Connection, line: ZLine) -> Money:
    """What the report's shift was over and what it was short, in each currency and purse, added up without their signs."""
    minor = connection.exec_driver_sql(
        "SELECT (SELECT abs(over_short_minor) FROM shift_close WHERE shift_id = ?1) "
        "+ (SELECT coalesce(sum(abs(over_short_minor)), 0) FROM shift_close_foreign WHERE shift_id = ?1) "
        "+ (SELECT coalesce(sum(abs(over_short_minor)), 0) FROM trust_close WHERE shift_id = ?1)",
        (line.shift_id,),
    ).scalar_one()
    return Money(int(minor), line.difference.currency)


def _line(row: Sequence[Any]) -> ZLine:
    in_currency = currency(row[7])
    return ZLine(
        number=row[0],
        shift_id=row[1],
        shift_number=row[2],
        operator=row[3],
        business_date=date.fromisoformat(row[4]),
        closed_at=from_utc_text(row[5]),
        gross=Money(int(row[6] or 0), in_currency),
        difference=Money(row[8], in_currency),
        needs_acceptance=bool(row[9]),
        accepted_by=row[10],
        reason=row[11],
    )
