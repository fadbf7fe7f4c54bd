"""Money that a till sent from suspense to its owner: off the payment that brought it, on to bills and credit, once.

It goes where the same money would have gone had its owner paid: a bill takes what it still wants, the rest is credit.
Source: domain.md section 1 (suspense), 3.11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency, total
from sync.central.bills.bills import TRANSFER_TYPE, reduce_bill
from sync.central.payments.accounts import account_currency, add_credit
from sync.central.payments.incoming import PaidItem, read_bill_parts
from sync.central.payments.placement import Placement, against_bills
from sync.central.wire.dealer_view import shown_key
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text, positive
from sync.central.wire.query import Resource
from sync.wire_json import BadField, dumps, loads, money_json


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingTransfer:
    """A valid transfer as a till tells it. ``bills`` are the parts meant for bills, by the bill's id."""

    correlator_id: str
    payment_id: str
    leg_correlator_id: str | None
    account_id: str
    amount: Money
    bills: Mapping[str, Money]
    reason: str | None
    resolved_at: str
    terminal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReceipt:
    """How a transfer reached us: our id for it, what identifies its bytes, our time and change number."""

    transfer_id: str
    body_sha256: str
    received_at: datetime
    change: int


def read_transfer(body: Mapping[str, object]) -> IncomingTransfer:
    """Raises BadField with what is missing or of a wrong type."""
    paid = as_mapping(body.get("payment"), field="payment")
    amount = positive(body.get("totalAmount"), field="totalAmount")
    bills = read_bill_parts(body.get("bills"), "bills", amount)
    if total(bills.values(), amount.currency) > amount:
        raise BadField("bills", "adds up to more than totalAmount")
    return IncomingTransfer(
        correlator_id=needed_text(body, "correlatorId"),
        payment_id=needed_text(paid, "id", field="payment.id"),
        leg_correlator_id=plain_text(paid, "correlatorId", field="payment.correlatorId"),
        account_id=needed_text(as_mapping(body.get("account"), field="account"), "id", field="account.id"),
        amount=amount,
        bills=bills,
        reason=plain_text(body, "reason"),
        resolved_at=needed_text(body, "resolvedAt"),
        terminal=plain_text(body, "terminal"),
    )


def find_transfer(connection: Connection, correlator_id: str, *, body_sha256: str) -> Resource | None:
    """The transfer that was told under this key before. Raises ApiError 422 where it had another body."""
    row = connection.execute(FIND_TRANSFER, {"key": correlator_id}).one_or_none()
    if row is None:
        return None
    refuse_other_body(row.received_sha256, body_sha256)
    return _resource(row)


def move(connection: Connection, told: IncomingTransfer, receipt: TransferReceipt) -> Resource:
    """Carry a transfer out, in the caller's transaction.

    Raises ApiError 422 ``unknown_payment``, ``other_currency``, ``more_than_suspense``, ``unknown_account`` or
    ``account_other_currency``. Never 409, by which a gateway says that it may have the request already.
    """
    paid = _find_suspense(connection, told)
    _require_account(connection, told)
    items = [PaidItem(target_id=bill, is_bill=True, amount=part) for bill, part in told.bills.items()]
    placement = against_bills(connection, items, told.amount)
    connection.execute(INSERT_TRANSFER, _row(told, receipt, placement))
    for _, bill, part in placement.applied:
        reduce_bill(connection, bill, part, change=receipt.change, at=receipt.received_at.isoformat())
        connection.execute(
            INSERT_APPLIED,
            {"transfer_id": receipt.transfer_id, "bill_id": bill.bill_id, "amount_minor": part.minor},
        )
    if placement.credit:
        add_credit(connection, told.account_id, placement.credit, change=receipt.change)
    if paid.left_minor == told.amount.minor:
        # Nothing of the payment is in suspense any more.
        resource = loads(paid.body)
        resource.pop("suspense", None)
        connection.execute(SET_BODY, {"id": told.payment_id, "body": dumps(resource).decode()})
    return _resource(connection.execute(FIND_TRANSFER, {"key": told.correlator_id}).one())


def _find_suspense(connection: Connection, told: IncomingTransfer) -> Row[Any]:
    """The payment that brought the money, with enough of it in suspense."""
    paid = connection.execute(FIND_SUSPENSE, {"id": told.payment_id}).one_or_none()
    if paid is None or told.leg_correlator_id not in (None, shown_key(paid.correlator_id)):
        raise ApiError(422, "unknown_payment", "No payment has this id.", field="payment.id")
    left = Money(int(paid.left_minor), currency(paid.currency))
    if told.amount.currency != left.currency:
        raise ApiError(422, "other_currency", f"The payment is in {left.currency}.", field="totalAmount.unit")
    if told.amount > left:
        raise ApiError(
            422,
            "more_than_suspense",
            f"Only {left.plain()} of this payment is in suspense. Was it sent to an owner before?",
            field="totalAmount",
        )
    return paid


def _require_account(connection: Connection, told: IncomingTransfer) -> None:
    """Money without an owner stays in suspense."""
    kept_in = account_currency(connection, told.account_id)
    if kept_in is None:
        raise ApiError(422, "unknown_account", "There is no such account.", field="account.id")
    if kept_in != told.amount.currency.code:
        raise ApiError(422, "account_other_currency", f"The account is in {kept_in}.", field="account.id")


def _row(told: IncomingTransfer, receipt: TransferReceipt, placement: Placement) -> dict[str, object]:
    return {
        "id": receipt.transfer_id,
        "correlator_id": told.correlator_id,
        "payment_id": told.payment_id,
        "account_id": told.account_id,
        "amount_minor": told.amount.minor,
        "applied_minor": (told.amount - placement.credit).minor,
        "credit_minor": placement.credit.minor,
        "currency": told.amount.currency.code,
        "reason": told.reason,
        "change_number": receipt.change,
        "terminal": told.terminal,
        "resolved_at": told.resolved_at,
        "received_at": receipt.received_at.isoformat(),
        "received_sha256": receipt.body_sha256,
    }


def _resource(row: Row[Any]) -> Resource:
    in_currency = currency(row.currency)
    return {
        "id": row.id,
        "correlatorId": row.correlator_id,
        "payment": {"id": row.payment_id},
        "account": {"id": row.account_id},
        "totalAmount": money_json(Money(row.amount_minor, in_currency)),
        "creditAmount": money_json(Money(row.credit_minor, in_currency)),
        "changeNumber": row.change_number,
        "@type": TRANSFER_TYPE,
    }


FIND_SUSPENSE = text(
    "SELECT correlator_id, currency, body, suspense_minor - (SELECT coalesce(sum(amount_minor), 0)"
    " FROM suspense_transfer WHERE payment_id = payment.id) + (SELECT coalesce(sum(part.amount_minor), 0)"
    " FROM refund_part AS part JOIN refund ON refund.id = part.refund_id WHERE refund.payment_id = payment.id"
    " AND stood_as = 'suspense') AS left_minor FROM payment WHERE id = :id"
)
FIND_TRANSFER = text(
    "SELECT id, correlator_id, payment_id, account_id, amount_minor, credit_minor, currency, change_number,"
    " received_sha256 FROM suspense_transfer WHERE correlator_id = :key"
)
INSERT_TRANSFER = text(
    "INSERT INTO suspense_transfer (id, correlator_id, payment_id, account_id, amount_minor, applied_minor,"
    " credit_minor, currency, reason, change_number, terminal, resolved_at, received_at, received_sha256)"
    " VALUES (:id, :correlator_id, :payment_id, :account_id, :amount_minor, :applied_minor, :credit_minor,"
    " :currency, :reason, :change_number, :terminal, :resolved_at, :received_at, :received_sha256)"
)
INSERT_APPLIED = text(
    "INSERT INTO applied_transfer (transfer_id, bill_id, amount_minor)"
    " VALUES (:transfer_id, :bill_id, :amount_minor)"
)
SET_BODY = text("UPDATE payment SET body = :body WHERE id = :id")
