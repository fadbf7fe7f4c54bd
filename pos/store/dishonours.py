"""Bounced cheques as stored: what of a cheque's money is gone, what a bounce charged, and what counts again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.bill import OwnAllocation
from pos.domain.correction import TakenPart
from pos.domain.dishonour import GoneMoney, PendingRefund
from pos.domain.money import Currency, Money, currency, zero
from pos.domain.payment_mode import Purpose

DISHONOUR = "dishonour"
"""The outbox's kind of what our own central is told of a bounce beside its refunds, or of its being undone."""
TOLD = "-told"
"""Behind a correction's id: how the outbox names that message."""
TOLD_LEG = "-legs"
"""The same of what is told of a leg of which nothing stood when its cheque bounced; there is no refund of nothing."""

_PARTS = (
    "(SELECT allocation_id AS part_id, payment_event_id, leg, tender_id, account, bill_no, bill_id, "
    "CASE WHEN sale_line IS NOT NULL THEN 'items' WHEN bill_no IS NOT NULL THEN 'bills' "
    "ELSE coalesce(kept_as, 'account') END AS purpose FROM allocation UNION ALL "
    "SELECT part_id, payment_event_id, leg, tender_id, account, bill_no, bill_id, "
    "CASE WHEN bill_no IS NOT NULL THEN 'bills' ELSE coalesce(kept_as, 'account') END FROM placed_part)"
)


_SINCE_SENT_AGAIN = (
    "correction.rowid > coalesce((SELECT max(again.rowid) FROM correction AS again JOIN reinstatement "
    "USING (correction_id) WHERE again.tender_id = ?1 AND undoes = 0), 0)"
)
"""Of a correction: it came after the tender ?1 last went to the bank again, when all of its money counted anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingDishonour:
    """The last bounce of a cheque. ``represented`` of its bounces went to the bank again.

    ``charge_id`` None: it charged nothing; ``bill_no`` None: that is on the account.
    """

    correction_id: str
    was: str
    lay_in: str
    payor: str | None
    amount: Money
    represented: int
    charge_id: str | None
    charge_account: str | None
    bill_no: str | None
    recovered: Money
    fee: Money
    tax: Money


def gone_money(connection: Connection, tender_id: str, in_currency: Currency) -> GoneMoney:
    """What of a tender's money stands nowhere any more, since it last went to the bank again."""
    paid_back, pending = zero(in_currency), []
    refunds = connection.exec_driver_sql(
        "SELECT correction_id, correction.receipt_number, sum(undone.amount_minor), "
        "EXISTS (SELECT 1 FROM refund_settled WHERE refund_settled.correction_id = correction.correction_id) "
        f"FROM correction JOIN correction_part AS undone USING (correction_id) JOIN {_PARTS} AS part USING (part_id) "
        "WHERE kind = 'refund' AND part.tender_id = ?1 AND correction.payment_event_id = ("
        f"SELECT payment_event_id FROM tender WHERE tender_id = ?1) AND {_SINCE_SENT_AGAIN} "
        "GROUP BY correction_id ORDER BY correction.rowid",
        (tender_id,),
    )
    for refund_id, paper, minor, settled in refunds:
        amount = Money(int(minor), in_currency)
        if settled:
            paid_back = paid_back + amount
        else:
            pending.append(PendingRefund(refund_id=refund_id, paper=paper, amount=amount))
    # A bounce that was the bank's mistake leaves behind what it had found to be paid back elsewhere.
    elsewhere = connection.exec_driver_sql(
        "SELECT coalesce(sum(gone.amount_minor), 0) FROM paid_back_elsewhere AS gone JOIN correction USING (correction_id) "
        f"WHERE correction.tender_id = ?1 AND {_SINCE_SENT_AGAIN}",
        (tender_id,),
    ).scalar_one()
    paid_back = paid_back + Money(int(elsewhere), in_currency)
    resolved = connection.exec_driver_sql(
        "SELECT moved.account, sum(moved.amount_minor) FROM suspense_transfer AS moved JOIN allocation "
        "ON allocation_id = suspense_id WHERE allocation.tender_id = ? GROUP BY moved.account ORDER BY 1",
        (tender_id,),
    )
    return GoneMoney(
        paid_back=paid_back,
        pending=tuple(pending),
        resolved={str(account): Money(int(minor), in_currency) for account, minor in resolved},
    )


def fee_stands(connection: Connection, cheque_id: str) -> bool:
    """Whether a bounce of this cheque has charged a fee that is owed still, or was paid."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM standing_dishonour JOIN dishonour_charge USING (correction_id) "
        "WHERE cheque_id = ? AND fee_minor > 0",
        (cheque_id,),
    ).first()
    return row is not None


def credited_in(connection: Connection, cheque_id: str) -> str | None:
    """The ledger account of the bank that last credited a cheque."""
    row = connection.exec_driver_sql(
        "SELECT ledger_account FROM deposit_credit JOIN deposit_slip USING (slip_id) "
        "JOIN deposit_slip_event AS step USING (step_id) WHERE cheque_id = ? ORDER BY step.rowid DESC LIMIT 1",
        (cheque_id,),
    ).first()
    return None if row is None else str(row[0])


def legs_without_part(connection: Connection, tender_id: str, correction_id: str) -> list[tuple[int, str]]:
    """The legs of a cheque of which a bounce took nothing off, for nothing of them stood any more; with their accounts."""
    rows = connection.exec_driver_sql(
        "SELECT leg, account FROM leg WHERE tender_id = ? AND NOT EXISTS ("
        f"SELECT 1 FROM correction_part JOIN {_PARTS} AS part USING (part_id) WHERE correction_id = ? "
        "AND part.payment_event_id = leg.payment_event_id AND part.leg = leg.leg) ORDER BY leg",
        (tender_id, correction_id),
    )
    return [(int(leg), str(account)) for leg, account in rows]


def awaiting_slip(connection: Connection, cheque_id: str) -> tuple[str, date] | None:
    """The slip on which the bank has not credited a cheque yet, and the day on which it was lodged."""
    row = connection.exec_driver_sql(
        "SELECT slip_id, bank_date FROM cheque_awaited JOIN deposit_slip_event USING (slip_id) "
        "WHERE cheque_id = ? AND state = 'lodged'",
        (cheque_id,),
    ).first()
    return None if row is None else (str(row[0]), date.fromisoformat(row[1]))


def lodged_on(connection: Connection, cheque_id: str) -> date | None:
    """When the bank last got a cheque."""
    day = connection.exec_driver_sql(
        "SELECT max(bank_date) FROM deposit_cheque JOIN deposit_slip_event USING (slip_id) "
        "WHERE cheque_id = ? AND state = 'lodged'",
        (cheque_id,),
    ).scalar_one()
    return None if day is None else date.fromisoformat(day)


def reconnected_by(connection: Connection, tender_id: str) -> list[str]:
    """Accounts in collection whose service this tender alone, or with others, was to bring back."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT payment_dunning.account FROM payment_dunning JOIN leg USING (payment_event_id, account) "
        "WHERE leg.tender_id = ? AND clearing_legs <> '' ORDER BY 1",
        (tender_id,),
    )
    return [str(account) for (account,) in rows]


def last_dishonour(connection: Connection, cheque_id: str) -> StandingDishonour | None:
    """The bounce by which a cheque is dishonoured now; None where it is not."""
    row = connection.exec_driver_sql(
        "SELECT standing.correction_id, standing.was, standing.lay_in, standing.payor, correction.amount_minor, "
        "correction.currency, (SELECT count(*) FROM dishonour JOIN reinstatement ON of_correction = dishonour.correction_id "
        "WHERE dishonour.cheque_id = standing.cheque_id AND undoes = 0), charge_id, charge.account, charge.bill_no, "
        "coalesce(recovered_minor, 0), coalesce(fee_minor, 0), coalesce(tax_minor, 0) "
        "FROM standing_dishonour AS standing JOIN correction USING (correction_id) "
        "LEFT JOIN dishonour_charge AS charge USING (correction_id) WHERE standing.cheque_id = ? "
        "AND standing.correction_id NOT IN (SELECT of_correction FROM reinstatement) ORDER BY standing.place DESC LIMIT 1",
        (cheque_id,),
    ).first()
    if row is None:
        return None
    in_currency = currency(row[5])
    return StandingDishonour(
        correction_id=row[0],
        was=row[1],
        lay_in=row[2],
        payor=row[3],
        amount=Money(row[4], in_currency),
        represented=int(row[6]),
        charge_id=row[7],
        charge_account=row[8],
        bill_no=row[9],
        recovered=Money(row[10], in_currency),
        fee=Money(row[11], in_currency),
        tax=Money(row[12], in_currency),
    )


def parts_undone_by(
    connection: Connection, correction_id: str, in_currency: Currency
) -> list[tuple[TakenPart, Money]]:
    """What a correction took off, in the order in which it had been put on."""
    rows = connection.exec_driver_sql(
        "SELECT part_id, undone.number, tender_id, leg, account, bill_no, bill_id, purpose, undone.amount_minor "
        f"FROM correction_part AS undone JOIN {_PARTS} AS part USING (part_id) WHERE correction_id = ? "
        "ORDER BY undone.number DESC",
        (correction_id,),
    )
    return [
        (
            TakenPart(
                part_id=row[0],
                number=row[1],
                tender_id=row[2],
                leg=row[3],
                account=row[4],
                bill_no=row[5],
                bill_id=row[6],
                purpose=Purpose(row[7]),
                amount=Money(row[8], in_currency),
                left=zero(in_currency),
                placed=False,
            ),
            Money(row[8], in_currency),
        )
        for row in rows
    ]


def cancelled_by(connection: Connection, correction_id: str, in_currency: Currency) -> Money:
    """How much of refunds a bounce cancelled."""
    minor = connection.exec_driver_sql(
        "SELECT coalesce(sum(amount_minor), 0) FROM refund_cancelled WHERE correction_id = ?",
        (correction_id,),
    ).scalar_one()
    return Money(int(minor), in_currency)


# --- what is open ----------------------------------------------------------------------------------------------------

_CHARGE_UNDONE = (
    "SELECT charge.bill_no, charge.account, off.{figure}, off.currency, told.correlator_id, told.server_id, "
    "told.applied_change FROM charge_undone AS off JOIN dishonour_charge AS charge USING (charge_id) "
    f"JOIN outbox AS told ON told.source_id = off.correction_id || '{TOLD}' AND told.kind = '{DISHONOUR}' "
)
_CHARGED = (
    "SELECT NULL, charge.account, -charge.amount_minor, charge.currency, told.correlator_id, told.server_id, "
    "told.applied_change FROM dishonour_charge AS charge "
    f"JOIN outbox AS told ON told.source_id = charge.correction_id || '{TOLD}' AND told.kind = '{DISHONOUR}' "
    "WHERE charge.bill_no IS NULL"
)


def charges_taken_off(
    connection: Connection, bill_no: str | None = None
) -> Iterator[tuple[str, OwnAllocation]]:
    """What is open no more of the charge with this bill's number, or of any, since the bank was wrong."""
    where = "WHERE charge.bill_no IS NOT NULL" if bill_no is None else "WHERE charge.bill_no = ?"
    values = () if bill_no is None else (bill_no,)
    for row in connection.exec_driver_sql(_CHARGE_UNDONE.format(figure="open_minor") + where, values):
        yield str(row[0]), _own(tuple(row))


def charged_to_credit(
    connection: Connection, account: str | None = None
) -> Iterator[tuple[str, OwnAllocation]]:
    """What bounces did to credit, of an account or any: a dealer's charge, and what was paid of one that was for nothing."""
    where, values = ("", ()) if account is None else (" AND charge.account = ?", (account,))
    back = "iif(charge.bill_no IS NULL, charge.amount_minor, paid_minor)"
    undone = _CHARGE_UNDONE.replace("off.{figure}", back) + "WHERE TRUE"
    for statement in (_CHARGED, undone):
        for row in connection.exec_driver_sql(statement + where, values):
            yield str(row[1]), _own(tuple(row))


def _own(row: tuple[object, ...]) -> OwnAllocation:
    bill_no, _, minor, code, correlator_id, server_id, applied_change = row
    assert isinstance(minor, int)
    assert applied_change is None or isinstance(applied_change, int)
    return OwnAllocation(
        bill_no="" if bill_no is None else str(bill_no),
        amount=Money(minor, currency(str(code))),
        correlator_id=str(correlator_id),
        server_id=None if server_id is None else str(server_id),
        applied_change=applied_change,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeBill:
    """A charge as a bill of its account. ``charge_id`` is its id at central too, ``of`` what came back."""

    charge_id: str
    bill_no: str
    account: str
    recovered: Money
    fee: Money
    tax: Money
    charged_on: date
    of: str


def charge_bills(connection: Connection, bill_no: str | None = None) -> list[ChargeBill]:
    """The charge with this bill's number, or every one that is a bill."""
    where, values = ("bill_no IS NOT NULL", ()) if bill_no is None else ("bill_no = ?", (bill_no,) * 2)
    rows = connection.exec_driver_sql(
        "SELECT charge_id, bill_no, account, recovered_minor, fee_minor, tax_minor, currency, charged_on, 'cheque' "
        f"FROM dishonour_charge WHERE {where} UNION ALL "
        "SELECT charge_id, bill_no, account, returned_minor, fee_minor, tax_minor, currency, charged_on, 'direct debit' "
        f"FROM debit_charge WHERE {where} ORDER BY charge_id",
        values,
    )
    return [
        ChargeBill(
            charge_id=row[0],
            bill_no=row[1],
            account=row[2],
            recovered=Money(row[3], currency(row[6])),
            fee=Money(row[4], currency(row[6])),
            tax=Money(row[5], currency(row[6])),
            charged_on=date.fromisoformat(row[7]),
            of=row[8],
        )
        for row in rows
    ]
