"""Credit on an account is used on its next bill by itself, oldest due first; a security deposit never (rule 15).

A use of credit stands on the bill among its applied payments, under an id of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, text

from pos.domain.allocation import due_parts
from pos.domain.bill import BillSnapshot, OpenBill
from pos.domain.money import Money, currency
from pos.domain.payment_mode import Purpose
from sync.central.bills.bills import StoredBill, find_bill, paid_state

USED = (Purpose.ADVANCE, Purpose.ACCOUNT)
"""What is used, in this order: an advance was given for bills to come."""


def use_credit(connection: Connection, bills: Iterable[BillSnapshot], *, change: int) -> None:
    """Set what the accounts of these (new) bills have as advance and credit against them, in the caller's transaction.

    Bills on hold and disputed parts wait, as they do at the counter.
    """
    by_account: dict[str, list[OpenBill]] = {}
    stored: dict[str, StoredBill] = {}
    for bill in bills:
        found = find_bill(connection, bill.bill_id)
        assert found is not None, "the bill was just written"
        stored[bill.bill_id] = found
        by_account.setdefault(bill.account, []).append(
            OpenBill(
                bill=bill,
                open=found.remaining,
                instalment=None if bill.promise is None else bill.promise.amount,
            )
        )
    for account_id, open_bills in sorted(by_account.items()):
        row = connection.execute(FIND_CREDIT, {"id": account_id}).one_or_none()
        if row is None:
            continue
        have = {Purpose.ADVANCE: int(row.advance_minor), Purpose.ACCOUNT: int(row.credit_minor)}
        for open_bill, wanted in due_parts(open_bills):
            if wanted.currency != currency(row.currency):
                continue
            for purpose in USED:
                part = Money(min(have[purpose], wanted.minor), wanted.currency)
                if part.minor > 0:
                    have[purpose] -= part.minor
                    wanted = wanted - part
                    key = open_bill.bill.bill_id
                    stored[key] = _use(connection, stored[key], purpose, part, change=change)


def _use(
    connection: Connection, bill: StoredBill, purpose: Purpose, part: Money, *, change: int
) -> StoredBill:
    remaining = bill.remaining - part
    state = paid_state(bill.state, remaining)
    number = int(connection.execute(COUNT_USES, {"bill_id": bill.bill_id}).scalar_one()) + 1
    connection.execute(
        INSERT_USE,
        {
            "id": f"credit-{bill.bill_id}-{number}",
            "account_id": bill.account_id,
            "bill_id": bill.bill_id,
            "kept_as": "advance" if purpose is Purpose.ADVANCE else "credit",
            "amount_minor": part.minor,
            "change_number": change,
        },
    )
    connection.execute(
        REDUCE_BILL,
        {
            "id": bill.bill_id,
            "remaining_minor": remaining.minor,
            "state": str(state),
            "change_number": change,
        },
    )
    connection.execute(
        TAKE_ADVANCE if purpose is Purpose.ADVANCE else TAKE_CREDIT,
        {"id": bill.account_id, "minor": part.minor, "change_number": change},
    )
    return replace(bill, state=state, remaining=remaining)


FIND_CREDIT = text(
    "SELECT currency, credit_minor, advance_minor FROM account"
    " WHERE id = :id AND (credit_minor > 0 OR advance_minor > 0)"
)
COUNT_USES = text("SELECT count(*) FROM credit_use WHERE bill_id = :bill_id")
INSERT_USE = text(
    "INSERT INTO credit_use (id, account_id, bill_id, kept_as, amount_minor, change_number)"
    " VALUES (:id, :account_id, :bill_id, :kept_as, :amount_minor, :change_number)"
)
REDUCE_BILL = text(
    "UPDATE bill SET remaining_minor = :remaining_minor, state = :state, change_number = :change_number WHERE id = :id"
)
TAKE_ADVANCE = text(
    "UPDATE account SET advance_minor = advance_minor - :minor, change_number = :change_number WHERE id = :id"
)
TAKE_CREDIT = text(
    "UPDATE account SET credit_minor = credit_minor - :minor, change_number = :change_number WHERE id = :id"
)
