"""Bills and applied billing rates in central's store, and what a payment does to a bill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, text

from pos.domain.bill import BillState
from pos.domain.money import Money, currency
from sync.central.wire.dealer_view import OF_SEEN_ACCOUNT, OF_SEEN_BILL, dealer_asking, shown_key
from sync.central.wire.links import BILL_PATH, RATE_PATH, REFUND_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.tmf678.bill import applied_payment_json, bill_resource
from sync.tmf678.rate import rate_resource
from sync.wire_json import loads, money_json, read_money

TRANSFER_TYPE = "CounterfoilTransfer"
"""Money that left suspense for a bill: no payment of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBill:
    """What central must know of a bill to set money against it."""

    bill_id: str
    account_id: str
    state: BillState
    remaining: Money
    account_owes_more: bool
    """Its account has debt that was written off: what is paid on the bill brings that back."""


def find_bill(connection: Connection, bill_id: str) -> StoredBill | None:
    """The bill of that id, None where there is none."""
    row = connection.execute(FIND_BILL, {"id": bill_id, "of_dealer": dealer_asking()}).one_or_none()
    if row is None:
        return None
    return StoredBill(
        bill_id=bill_id,
        account_id=row.account_id,
        state=BillState(row.state),
        remaining=Money(row.remaining_minor, currency(row.currency)),
        account_owes_more=bool(row.account_owes_more),
    )


def reduce_bill(connection: Connection, bill: StoredBill, paid: Money, *, change: int, at: str) -> StoredBill:
    """Take ``paid`` off what remains; the bill is settled at zero. A bill on hold stays so until then."""
    remaining = bill.remaining - paid
    assert 0 <= remaining.minor < bill.remaining.minor, "no more than remains may be set against a bill"
    state = paid_state(bill.state, remaining)
    connection.execute(
        REDUCE_BILL,
        {
            "id": bill.bill_id,
            "remaining_minor": remaining.minor,
            "state": state.value,
            "last_update": at,
            "change_number": change,
        },
    )
    return StoredBill(
        bill_id=bill.bill_id,
        account_id=bill.account_id,
        state=state,
        remaining=remaining,
        account_owes_more=bill.account_owes_more,
    )


def set_against_bill(connection: Connection, bill_id: str, amount: Money, *, change: int, at: str) -> None:
    """Set ``amount`` against a bill that is there, or (less than nothing) take it off again: so much is open anew."""
    row = connection.execute(FIND_LOADED, {"id": bill_id}).one()
    in_currency = currency(row.currency)
    remaining = Money(row.remaining_minor, in_currency) - amount
    loaded = Money(row.loaded_open_minor, in_currency)
    told = BillState(row.told_state or loads(row.body).get("state", BillState.SENT))
    before = BillState.ON_HOLD if told is BillState.ON_HOLD else BillState(row.state)
    state = told if remaining == loaded and remaining.minor > 0 else paid_state(before, remaining)
    connection.execute(
        REDUCE_BILL,
        {
            "id": bill_id,
            "remaining_minor": remaining.minor,
            "state": state.value,
            "last_update": at,
            "change_number": change,
        },
    )


def count_as_told(connection: Connection, bill_ids: Iterable[str], *, change: int) -> None:
    """Bills that somebody set money against or took it off, whether or not it stood there: they are told as they are.

    A till that had it there knows by the change number that the bill as it is told contains it.
    """
    for bill_id in bill_ids:
        connection.execute(COUNT_AS_TOLD, {"id": bill_id, "change_number": change})


def paid_state(before: BillState, remaining: Money) -> BillState:
    """A bill's state after money was set against it."""
    if remaining.minor <= 0:
        return BillState.SETTLED
    return BillState.ON_HOLD if before is BillState.ON_HOLD else BillState.PARTIALLY_PAID


def compose_bills(connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The resources of bill rows, each with the payments that were set against it; for a dealer, with its own."""
    dealer = dealer_asking()
    applied: dict[str, list[Resource]] = {row.id: [] for row in rows}
    if rows:
        for entry in connection.execute(READ_APPLIED, {"ids": list(applied), "dealer": dealer}):
            applied[entry.bill_id].append(
                applied_payment_json(
                    payment_id=entry.payment_id,
                    href=links.payment(entry.payment_id),
                    correlator_id=shown_key(entry.correlator_id),
                    amount=Money(entry.amount_minor, currency(entry.currency)),
                )
            )
    if rows and dealer is None:
        for part in connection.execute(READ_TRANSFERRED, {"ids": list(applied)}):
            amount = money_json(Money(part.amount_minor, currency(part.currency)))
            reference = {"id": part.id, "@referredType": TRANSFER_TYPE, "correlatorId": part.correlator_id}
            applied[part.bill_id].append({"appliedAmount": amount, "payment": reference})
        for undone in connection.execute(READ_REFUNDED, {"ids": list(applied)}):
            amount = money_json(Money(undone.amount_minor, currency(undone.currency)))
            reference = {"id": undone.id, "href": links.of(REFUND_PATH, undone.id), "@referredType": "Refund"}
            if undone.correlator_id is not None:
                reference["correlatorId"] = shown_key(undone.correlator_id)
            applied[undone.bill_id].append({"appliedAmount": amount, "payment": reference})
        for use in connection.execute(READ_CREDIT_USED, {"ids": list(applied)}):
            amount = money_json(Money(use.amount_minor, currency(use.currency)))
            reference = {"id": use.id, "@referredType": "CreditOnAccount", "name": use.kept_as}
            applied[use.bill_id].append({"appliedAmount": amount, "payment": reference})
    return [_compose_bill(row, applied[row.id], links) for row in rows]


def _compose_bill(row: Row[Any], applied: list[Resource], links: Links) -> Resource:
    stored = loads(row.body)
    in_currency = currency(row.currency)
    extras: Resource = {}
    if row.written_off_minor:
        extras["writtenOffAmount"] = money_json(Money(row.written_off_minor, in_currency))
    if "promise" in stored:
        # What came in since the promise was made counts towards it.
        missing = read_money(stored["promise"]["amount"], field="promise.amount").minor
        missing = max(0, missing - (row.loaded_open_minor - row.remaining_minor))
        extras["promise"] = {**stored["promise"], "amount": money_json(Money(missing, in_currency))}
    return bill_resource(
        stored,
        href=links.bill(row.id),
        schema_location=links.bill_schema,
        own={
            "state": row.state,
            "remainingAmount": money_json(Money(row.remaining_minor, in_currency)),
            **extras,
            "appliedPayment": [*(() if dealer_asking() else stored.get("appliedPayment", ())), *applied],
            "billDocument": _documents(stored, links),
            "lastUpdate": row.last_update,
            "changeNumber": row.change_number,
        },
    )


def _documents(stored: Resource, links: Links) -> list[Resource]:
    """The bill's papers as told; the first that is only named is the one drawn here, or there is one more."""
    told = list(stored.get("billDocument", []))
    drawn = {"mimeType": "application/pdf", "url": links.bill_document(stored["id"])}
    for place, document in enumerate(told):
        is_pdf = document.get("mimeType", "application/pdf") == "application/pdf"
        if is_pdf and document.keys().isdisjoint(("url", "content", "href")):
            told[place] = {**document, **drawn}
            return told
    own = {"id": stored["id"], "name": f"Bill {stored.get('billNo', stored['id'])}", **drawn}
    return [*told, {**own, "@type": "Attachment"}]


def compose_rates(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The resources of rate rows."""
    return [
        rate_resource(
            loads(row.body),
            href=links.rate(row.id),
            bill_href=links.bill(row.bill_id) if row.bill_id is not None else None,
            is_billed=bool(row.is_billed),
        )
        for row in rows
    ]


FIND_BILL = text(
    "SELECT account_id, state, currency, remaining_minor, EXISTS (SELECT 1 FROM account"
    " WHERE account.id = bill.account_id AND account.written_off_minor > 0) AS account_owes_more"
    " FROM bill WHERE id = :id"
    f" AND (CAST(:of_dealer AS TEXT) IS NULL OR {OF_SEEN_BILL})"
)
FIND_LOADED = text(
    "SELECT state, told_state, currency, remaining_minor, loaded_open_minor, body FROM bill WHERE id = :id"
)
REDUCE_BILL = text(
    "UPDATE bill SET remaining_minor = :remaining_minor, state = :state, last_update = :last_update,"
    " change_number = :change_number WHERE id = :id"
)
COUNT_AS_TOLD = text("UPDATE bill SET change_number = :change_number WHERE id = :id")
READ_APPLIED = text(
    "SELECT a.bill_id, a.payment_id, a.amount_minor, p.currency, p.correlator_id"
    " FROM applied_payment a JOIN payment p ON p.id = a.payment_id"
    " WHERE a.bill_id IN :ids AND (CAST(:dealer AS TEXT) IS NULL OR p.dealer = :dealer OR p.account_id = :dealer)"
    " ORDER BY p.change_number, a.item_no"
).bindparams(bindparam("ids", type_=Text, expanding=True))

READ_TRANSFERRED = text(
    "SELECT a.bill_id, t.id, t.correlator_id, a.amount_minor, t.currency"
    " FROM applied_transfer a JOIN suspense_transfer t ON t.id = a.transfer_id"
    " WHERE a.bill_id IN :ids ORDER BY t.change_number"
).bindparams(bindparam("ids", type_=Text, expanding=True))

# What a refund took off a bill is less than nothing; a move may take from one bill and set against another.
READ_REFUNDED = text(
    "SELECT p.bill_id, r.id, r.correlator_id, p.amount_minor, r.currency"
    " FROM refund_part p JOIN refund r ON r.id = p.refund_id"
    " WHERE p.stood_as = 'bill' AND p.bill_id IN :ids ORDER BY r.change_number, p.part_no"
).bindparams(bindparam("ids", type_=Text, expanding=True))

READ_CREDIT_USED = text(
    "SELECT u.id, u.bill_id, u.kept_as, u.amount_minor, b.currency FROM credit_use u JOIN bill b ON b.id = u.bill_id"
    " WHERE u.bill_id IN :ids ORDER BY u.change_number, u.id"
).bindparams(bindparam("ids", type_=Text, expanding=True))

_AT = ("@type", "@baseType", "@schemaLocation")

# Pages are in the order of the id, which never changes: a bill that is paid while a till pages through the changes
# keeps its place, and none is skipped.
BILLS = Collection(
    path=BILL_PATH,
    table="bill",
    select=(
        "SELECT id, state, currency, loaded_open_minor, remaining_minor, last_update, body, change_number,"
        " (SELECT coalesce(sum(amount_minor), 0) FROM bill_write_off WHERE bill_id = bill.id)"
        " + (SELECT coalesce(sum(amount_minor), 0) FROM refund_part WHERE bill_id = bill.id"
        " AND stood_as = 'write_off') AS written_off_minor"
        " FROM bill"
    ),
    attributes=frozenset(
        {
            "id", "href", "billDate", "billNo", "category", "lastUpdate", "nextBillDate", "paymentDueDate",
            "runType", "amountDue", "appliedPayment", "billDocument", "billingAccount", "billingPeriod",
            "financialAccount", "paymentMethod", "relatedParty", "remainingAmount", "state",
            "taxExcludedAmount", "taxIncludedAmount", "taxItem", "billSummaryLine", "changeNumber",
            "disputedAmount", "promise", "writtenOffAmount", "billCycle", *_AT,
        }
    ),
    columns={
        "id": Column("id"),
        "billNo": Column("bill_no"),
        "billingAccount.id": Column("account_id"),
        "state": Column("state"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={
        "id": "id",
        "billNo": "bill_no",
        "billDate": "bill_date",
        "paymentDueDate": "due_date",
        "state": "state",
        "changeNumber": "change_number",
    },
    default_order="id",
    compose=compose_bills,
    for_dealer=OF_SEEN_BILL,
)  # fmt: skip

RATES = Collection(
    path=RATE_PATH,
    table="rate",
    select="SELECT id, bill_id, is_billed, body FROM rate",
    attributes=frozenset(
        {
            "id", "href", "date", "description", "isBilled", "name", "type", "appliedTax", "bill",
            "billingAccount", "characteristic", "periodCoverage", "product", "taxExcludedAmount",
            "taxIncludedAmount", "billSummaryLine", "isDisputed", *_AT,
        }
    ),
    columns={
        "id": Column("id"),
        "bill.id": Column("bill_id"),
        "billingAccount.id": Column("account_id"),
        "isBilled": Column("is_billed", ColumnKind.BOOLEAN),
        "billSummaryLine.id": Column(
            "line_id", within="id IN (SELECT rate_id FROM line_rate WHERE {})"
        ),
    },
    sorts={"id": "id", "bill.id": "bill_id"},
    default_order="id",
    compose=compose_rates,
    for_dealer=(
        f"(account_id IS NULL OR {OF_SEEN_ACCOUNT}) AND (bill_id IS NULL OR EXISTS"
        f" (SELECT 1 FROM bill WHERE bill.id = bill_id AND {OF_SEEN_BILL}))"
    ),
)  # fmt: skip
