"""Shifts as stored: the open one, its counts, and what the books expect in the drawer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.money import Currency, Money, currency, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """An operator's accountable period on this terminal. ``offered_to``: who is to accept it; until then it stands still."""

    shift_id: str
    number: int
    operator: str
    business_date: date
    currency: Currency
    float_: Money
    offered_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Cash that is no good, counted apart, with the ledger account that it goes to."""

    kind: str
    ledger_account: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What an operator counted, before anyone said what was expected. ``trust``: the operator's purse at a dealer's till."""

    count_id: str
    number: int
    cash: Money
    cheque_count: int
    cheques: Money
    payments_before: int
    foreign: tuple[Money, ...]
    declared: tuple[Declared, ...]
    trust: Money | None = None

    @property
    def cash_and_declared(self) -> Money:
        """The shop's own cash, with what was declared apart."""
        return self.cash + total((line.amount for line in self.declared), self.cash.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTender:
    """What the books hold of one mode in a shift: how many tenders and their net sum; ``foreign`` of it in foreign notes."""

    mode: str
    count: int
    amount: Money
    foreign: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTaken:
    """What a shift took in one other currency: the notes, what they were booked for, and the last rate they had."""

    amount: Money
    booked: Money
    rate: str
    source: str


_STANDS = (
    "NOT EXISTS (SELECT 1 FROM tender_undone JOIN correction AS undoing USING (correction_id) "
    "WHERE tender_undone.tender_id = tender.tender_id AND undoing.shift_id = ?1)"
)
"""A tender that nothing has undone in the same shift."""


def open_shift(connection: Connection) -> Shift | None:
    """The shift that is open on this terminal."""
    row = connection.exec_driver_sql(
        "SELECT shift_id, number, operator, business_date, currency, float_minor, (SELECT to_operator FROM v_hand_over "
        "WHERE v_hand_over.shift_id = shift.shift_id AND v_hand_over.state = 'offered') FROM shift "
        "WHERE NOT EXISTS (SELECT 1 FROM shift_close WHERE shift_close.shift_id = shift.shift_id)"
    ).first()
    if row is None:
        return None
    in_currency = currency(row[4])
    return Shift(
        shift_id=row[0],
        number=row[1],
        operator=row[2],
        business_date=date.fromisoformat(row[3]),
        currency=in_currency,
        float_=Money(row[5], in_currency),
        offered_to=row[6],
    )


def last_count(connection: Connection, shift: Shift) -> Count | None:
    """The last count committed in the shift."""
    row = connection.exec_driver_sql(
        "SELECT count_id, number, shift_count.cash_minor, cheque_count, cheque_minor, payments_before, "
        "trust_count.cash_minor FROM shift_count LEFT JOIN trust_count USING (count_id) "
        "WHERE shift_id = ? ORDER BY number DESC LIMIT 1",
        (shift.shift_id,),
    ).first()
    if row is None:
        return None
    foreign = connection.exec_driver_sql(
        "SELECT currency, counted_minor FROM shift_count_foreign WHERE count_id = ? ORDER BY currency",
        (row[0],),
    )
    declared = connection.exec_driver_sql(
        "SELECT kind, ledger_account, amount_minor FROM shift_count_declared WHERE count_id = ? ORDER BY kind",
        (row[0],),
    )
    return Count(
        count_id=row[0],
        number=row[1],
        cash=Money(row[2], shift.currency),
        cheque_count=row[3],
        cheques=Money(row[4], shift.currency),
        payments_before=row[5],
        foreign=tuple(Money(minor, currency(code)) for code, minor in foreign),
        declared=tuple(
            Declared(kind=kind, ledger_account=ledger_account, amount=Money(minor, shift.currency))
            for kind, ledger_account, minor in declared
        ),
        trust=None if row[6] is None else Money(row[6], shift.currency),
    )


def taken_in(connection: Connection, shift: Shift) -> list[ExpectedTender]:
    """Each mode's tenders in the shift, net of change; what was undone in it is as if it had never been."""
    rows = connection.exec_driver_sql(
        "SELECT mode, count(*), sum(tender.amount_minor - tender.change_minor), "
        "sum(iif(foreign_minor IS NULL, 0, tender.amount_minor)) "
        "FROM payment_event JOIN tender USING (payment_event_id) WHERE shift_id = ?1 AND "
        f"{_STANDS} GROUP BY mode ORDER BY mode",
        (shift.shift_id,),
    )
    return [
        ExpectedTender(
            mode=row[0],
            count=row[1],
            amount=Money(row[2], shift.currency),
            foreign=Money(row[3], shift.currency),
        )
        for row in rows
    ]


def foreign_taken_in(connection: Connection, shift: Shift) -> list[ForeignTaken]:
    """What the shift took in each other currency. No change ever went out in it."""
    # With one max() SQLite takes the bare columns from the row that has it: the last rate.
    rows = connection.exec_driver_sql(
        "SELECT foreign_currency, sum(foreign_minor), sum(tender.amount_minor), rate, rate_source, max(sequence) "
        "FROM payment_event JOIN tender USING (payment_event_id) "
        f"WHERE shift_id = ?1 AND {_STANDS} AND foreign_currency IS NOT NULL "
        "GROUP BY foreign_currency ORDER BY foreign_currency",
        (shift.shift_id,),
    )
    return [
        ForeignTaken(
            amount=Money(minor, currency(code)),
            booked=Money(booked, shift.currency),
            rate=rate,
            source=source,
        )
        for code, minor, booked, rate, source, _ in rows
    ]


def trust_in(connection: Connection, shift: Shift) -> Money:
    """What of the shift's cash is the operator's bill money at a dealer's till."""
    minor = connection.exec_driver_sql(
        "SELECT coalesce(sum(tender.amount_minor - change_minor), 0) FROM payment_event "
        f"JOIN tender USING (payment_event_id) JOIN trust_tender USING (tender_id) WHERE shift_id = ?1 AND {_STANDS}",
        (shift.shift_id,),
    ).scalar_one()
    return Money(int(minor), shift.currency)


def given_back_in(connection: Connection, shift: Shift) -> Money:
    """The shop's cash that went out with corrections of what other shifts or terminals took, or of parts of what this one
    took.
    """
    minor = connection.exec_driver_sql(
        "SELECT coalesce(sum(paid.amount_minor), 0) FROM correction JOIN correction_cash AS paid USING (correction_id) "
        "JOIN tender ON tender.tender_id = paid.tender_id "
        "JOIN payment_event ON payment_event.payment_event_id = tender.payment_event_id "
        f"WHERE correction.shift_id = ?1 AND NOT (payment_event.shift_id = ?1 AND NOT {_STANDS})",
        (shift.shift_id,),
    ).scalar_one()
    across = connection.exec_driver_sql(
        "SELECT coalesce(sum(leg.amount_minor), 0) FROM refund_across JOIN refund_across_leg AS leg USING (refund_id) "
        "WHERE shift_id = ? AND is_cash",
        (shift.shift_id,),
    ).scalar_one()
    return Money(int(minor) + int(across), shift.currency)


def payments_in(connection: Connection, shift: Shift) -> int:
    """How many payment events, corrections and moves of cash the shift has: what a count must have been made after."""
    return int(
        connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM payment_event WHERE shift_id = ?1) "
            "+ (SELECT count(*) FROM correction WHERE shift_id = ?1) "
            "+ (SELECT count(*) FROM refund_across WHERE shift_id = ?1) "
            "+ (SELECT count(*) FROM cash_move WHERE shift_id = ?1 AND kind <> 'no_sale')",
            (shift.shift_id,),
        ).scalar_one()
    )
