"""What accounts were credited with beside payments: a dealer's commission, and what central is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.bill import OwnAllocation
from pos.domain.money import Money, currency


def credited_to(connection: Connection, account: str | None = None) -> Iterator[tuple[str, OwnAllocation]]:
    """Each credit of an account, or of any, with the message that tells it to central; beside it the account."""
    where = "" if account is None else "WHERE credited.account = ?"
    rows = connection.exec_driver_sql(
        "SELECT credited.account, amount_minor, currency, told.correlator_id, told.server_id, told.applied_change "
        "FROM account_credit AS credited JOIN outbox AS told ON told.source_id = credit_id AND told.kind = 'commission' "
        + where,
        () if account is None else (account,),
    )
    for row in rows:
        yield (
            str(row[0]),
            OwnAllocation(
                bill_no="",
                amount=Money(row[1], currency(row[2])),
                correlator_id=row[3],
                server_id=row[4],
                applied_change=row[5],
            ),
        )


def leg_of_sale(connection: Connection, payment_event_id: str) -> int:
    """The first leg that paid for items: what its sale earned is told behind it."""
    return int(
        connection.exec_driver_sql(
            "SELECT min(leg) FROM allocation WHERE payment_event_id = ? AND sale_line IS NOT NULL",
            (payment_event_id,),
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditFacts:
    """All that central is told of a credit. ``server_id`` is the id there of the payment that it was earned with."""

    correlator_id: str
    leg_correlator_id: str
    server_id: str
    account: str
    amount: Money
    settlement: str | None
    credited_at: str
    receipt_number: str
    terminal: str


def credit_facts(connection: Connection, outbox_id: int) -> CreditFacts | None:
    """What the row ``outbox_id`` tells; None while central has not acknowledged the leg of the sale."""
    row = connection.exec_driver_sql(
        "SELECT told.correlator_id, paid.correlator_id, paid.server_id, credited.account, credited.amount_minor, "
        "credited.currency, settlement_id, at_utc, receipt_number, terminal "
        "FROM outbox AS told JOIN account_credit AS credited ON credit_id = told.source_id "
        "JOIN payment_event ON payment_event.payment_event_id = told.payment_event_id "
        "JOIN outbox AS paid ON paid.payment_event_id = told.payment_event_id AND paid.leg = told.leg "
        "AND paid.kind = 'payment' WHERE told.outbox_id = ? AND paid.state = 'acknowledged'",
        (outbox_id,),
    ).first()
    if row is None:
        return None
    return CreditFacts(
        correlator_id=row[0],
        leg_correlator_id=row[1],
        server_id=row[2],
        account=row[3],
        amount=Money(row[4], currency(row[5])),
        settlement=row[6],
        credited_at=row[7],
        receipt_number=row[8],
        terminal=row[9],
    )
