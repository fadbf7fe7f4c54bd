"""Business days of this terminal as stored, and what the safe should hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.money import Currency, Money
from pos.domain.posting import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftOfDay:
    """One shift of a day. ``report`` None: it is open, or was closed before there were Z reports.

    An open one tells no figures: its drawer is still to be counted, by who must not know what it took. ``offered_to``: who
    is to accept it.
    """

    number: int
    operator: str
    is_open: bool
    report: str | None
    waits: bool
    payments: int
    gross: Money
    difference: Money
    offered_to: str | None = None


def last_closed_day(connection: Connection) -> date | None:
    """The last business day that was closed here."""
    found = connection.exec_driver_sql("SELECT max(business_date) FROM day_close").scalar_one()
    return None if found is None else date.fromisoformat(found)


def days_to_close(connection: Connection) -> list[date]:
    """The business days with shifts that nobody has closed, the oldest first; none of before there were Z reports."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT business_date FROM shift LEFT JOIN shift_close USING (shift_id) "
        "LEFT JOIN z_report USING (shift_id) "
        "WHERE (shift_close.shift_id IS NULL OR z_report.shift_id IS NOT NULL) "
        "AND business_date > coalesce((SELECT max(business_date) FROM day_close), '') ORDER BY business_date"
    )
    return [date.fromisoformat(row[0]) for row in rows]


def shifts_of_day(connection: Connection, day: date, in_currency: Currency) -> list[ShiftOfDay]:
    """The shifts of a business day, in their order."""
    rows = connection.exec_driver_sql(
        "SELECT shift.number, shift.operator, shift_close.shift_id IS NULL, z_report.receipt_number, "
        "coalesce(needs_acceptance AND difference_accepted.shift_id IS NULL, 0), "
        "(SELECT count(*) FROM payment_event WHERE payment_event.shift_id = shift_close.shift_id), "
        "(SELECT coalesce(sum(amount_minor), 0) FROM payment_event WHERE payment_event.shift_id = shift_close.shift_id), "
        "coalesce(difference_minor, over_short_minor, 0), (SELECT to_operator FROM v_hand_over "
        "WHERE v_hand_over.shift_id = shift.shift_id AND v_hand_over.state = 'offered') FROM shift "
        "LEFT JOIN shift_close USING (shift_id) "
        "LEFT JOIN z_report USING (shift_id) LEFT JOIN difference_accepted USING (shift_id) "
        "WHERE business_date = ? ORDER BY shift.number",
        (day.isoformat(),),
    )
    return [
        ShiftOfDay(
            number=number,
            operator=operator,
            is_open=bool(is_open),
            report=report,
            waits=bool(waits),
            payments=payments,
            gross=Money(int(gross), in_currency),
            difference=Money(int(difference), in_currency),
            offered_to=offered_to,
        )
        for number, operator, is_open, report, waits, payments, gross, difference, offered_to in rows
    ]


def entries_booked(connection: Connection) -> int:
    """The row number of the last entry in the journal."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM journal_entry").scalar_one())


def waiting_papers(connection: Connection) -> int:
    """How many papers were not printed yet."""
    return int(
        connection.exec_driver_sql("SELECT count(*) FROM print_job WHERE state = 'waiting'").scalar_one()
    )


def cheques_in_hand(connection: Connection, in_currency: Currency) -> tuple[int, Money]:
    """How many cheques lie here, and what they sum to."""
    count, minor = connection.exec_driver_sql(
        "SELECT count(*), coalesce(sum(amount_minor), 0) FROM v_cheque WHERE state IN ('received', 'represented') "
        "AND currency = ?",
        (in_currency.code,),
    ).one()
    return int(count), Money(int(minor), in_currency)


def bags_in_hand(connection: Connection, in_currency: Currency) -> list[tuple[str, Money]]:
    """The bags that lie in the safe, by number."""
    rows = connection.exec_driver_sql(
        "SELECT number, amount_minor FROM v_cash_bag WHERE state IN ('sealed', 'batched') AND currency = ? ORDER BY number",
        (in_currency.code,),
    )
    return [(str(number), Money(int(minor), in_currency)) for number, minor in rows]


def safe_base(connection: Connection, in_currency: Currency) -> Money | None:
    """What the safe had before the books began; None: it was never counted."""
    minor = connection.exec_driver_sql(
        "SELECT base_minor FROM safe_count WHERE currency = ? LIMIT 1", (in_currency.code,)
    ).scalar()
    return None if minor is None else Money(int(minor), in_currency)


def safe_by_the_books(connection: Connection, in_currency: Currency) -> Money:
    """The balance of the safe without what lies in its bags: what came in since the books began, less what went out."""
    minor = connection.exec_driver_sql(
        "SELECT (SELECT coalesce(sum(debit_minor - credit_minor), 0) FROM journal_line WHERE ledger_account = ?1 "
        "AND currency = ?2) - (SELECT coalesce(sum(amount_minor), 0) FROM v_cash_bag WHERE currency = ?2 "
        "AND state IN ('sealed', 'batched'))",
        (Ledger.SAFE, in_currency.code),
    ).scalar_one()
    return Money(int(minor), in_currency)


def safe_tries(connection: Connection) -> int:
    """How often a count of the safe was told that it differs, since one was committed."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(*) FROM audit WHERE act = 'safe_count' AND reason_code IN ('safe_differs', 'approval_required') "
            "AND result = 'refused' AND audit_id > (SELECT coalesce(max(audit_id), 0) FROM audit "
            "WHERE act = 'safe_count' AND result = 'ok')"
        ).scalar_one()
    )


def safe_counted_since(connection: Connection, day: date) -> bool:
    """Whether the safe was counted after the last close of a shift of this day."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM safe_count WHERE at_utc >= coalesce((SELECT max(closed_at_utc) FROM shift_close "
        "JOIN shift USING (shift_id) WHERE business_date = ?), '') LIMIT 1",
        (day.isoformat(),),
    ).first()
    return found is not None
