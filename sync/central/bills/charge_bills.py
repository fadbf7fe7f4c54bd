"""What came back from a bank charges its payor: a bill of its own, outside any cycle, due on that day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from pos.domain.bill import BillState
from pos.domain.money import Money, total
from sync.central.wire.errors import ApiError
from sync.central.wire.query import Resource
from sync.wire_json import dumps, money_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeBill:
    """A bill to be made. ``lines``: what each is for, with the tax in it; ``of`` names what charged it.

    ``dealer``: whose it is where nobody keeps the account.
    """

    bill_id: str
    bill_no: str
    account_id: str
    on: date
    lines: Sequence[tuple[str, Money, Money]]
    of: Mapping[str, str]
    dealer: str | None = None

    @property
    def amount(self) -> Money:
        """What is to be paid."""
        return total((part for _, part, _ in self.lines), self.lines[0][1].currency)


def put_charge_bill(connection: Connection, bill: ChargeBill, *, change: int, at: datetime) -> None:
    """Raises ApiError 422 ``bill_is_there``."""
    if connection.execute(FIND_BILL_TWIN, {"id": bill.bill_id, "bill_no": bill.bill_no}).first():
        raise ApiError(422, "bill_is_there", "There is a bill of this number.", field="billNo")
    connection.execute(
        INSERT_BILL,
        {
            "id": bill.bill_id,
            "bill_no": bill.bill_no,
            "account_id": bill.account_id,
            "dealer": bill.dealer,
            "state": BillState.SENT.value,
            "currency": bill.amount.currency.code,
            "loaded_open_minor": bill.amount.minor,
            "remaining_minor": bill.amount.minor,
            "bill_date": bill.on.isoformat(),
            "due_date": bill.on.isoformat(),
            "last_update": at.isoformat(),
            "body": dumps(_body(bill)).decode(),
            "change_number": change,
        },
    )


def _body(bill: ChargeBill) -> Resource:
    """As a customerBill, with a summary line for each thing that it is for."""
    lines = [
        {
            "id": f"{bill.bill_id}-{place}"[:100],
            "name": name,
            "groupKind": "fee",
            "taxExcludedAmount": money_json(part - tax),
            "taxAmount": money_json(tax),
            "taxIncludedAmount": money_json(part),
        }
        for place, (name, part, tax) in enumerate(bill.lines, start=1)
        if part
    ]
    day = f"{bill.on.isoformat()}T00:00:00Z"
    tax = total((tax for _, _, tax in bill.lines), bill.amount.currency)
    return {
        "id": bill.bill_id,
        "billNo": bill.bill_no,
        "billDate": day,
        "paymentDueDate": day,
        "category": "normal",
        "runType": "offCycle",
        "state": BillState.SENT.value,
        "amountDue": money_json(bill.amount),
        "remainingAmount": money_json(bill.amount),
        "taxExcludedAmount": money_json(bill.amount - tax),
        "taxIncludedAmount": money_json(bill.amount),
        "billingAccount": {"id": bill.account_id, "@referredType": "BillingAccount"},
        "billSummaryLine": lines,
        **bill.of,
        "@type": "CustomerBill",
    }


FIND_BILL_TWIN = text("SELECT id FROM bill WHERE id = :id OR bill_no = :bill_no")
INSERT_BILL = text(
    "INSERT INTO bill (id, bill_no, account_id, dealer, state, currency, loaded_open_minor, remaining_minor, bill_date,"
    " due_date, last_update, body, change_number)"
    " VALUES (:id, :bill_no, :account_id, :dealer, :state, :currency, :loaded_open_minor, :remaining_minor, :bill_date,"
    " :due_date, :last_update, :body, :change_number)"
)
