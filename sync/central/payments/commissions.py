"""Commission that a till put on a dealer's account: told behind the payment that it was earned with, credited once.

Never more than the payment itself says was earned with it and not kept of the price. Source: domain.md rule 59.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency, zero
from pos.domain.payment_mode import PayerKind
from sync.central.payments.accounts import account_currency, account_kind, add_credit
from sync.central.wire.dealer_view import shown_key
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text, positive
from sync.central.wire.query import Resource
from sync.wire_json import loads, money_json, read_money


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingCommission:
    """A valid credit as a till tells it."""

    correlator_id: str
    payment_id: str
    leg_correlator_id: str | None
    account_id: str
    amount: Money
    credited_at: str
    terminal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionReceipt:
    """How a credit reached us: our id for it, what identifies its bytes, our time and change number."""

    commission_id: str
    body_sha256: str
    received_at: datetime
    change: int


def read_commission(body: Mapping[str, object]) -> IncomingCommission:
    """Raises BadField with what is missing or of a wrong type."""
    paid = as_mapping(body.get("payment"), field="payment")
    return IncomingCommission(
        correlator_id=needed_text(body, "correlatorId"),
        payment_id=needed_text(paid, "id", field="payment.id"),
        leg_correlator_id=plain_text(paid, "correlatorId", field="payment.correlatorId"),
        account_id=needed_text(as_mapping(body.get("account"), field="account"), "id", field="account.id"),
        amount=positive(body.get("totalAmount"), field="totalAmount"),
        credited_at=needed_text(body, "creditedAt"),
        terminal=plain_text(body, "terminal"),
    )


def find_commission(connection: Connection, correlator_id: str, *, body_sha256: str) -> Resource | None:
    """The credit that was told under this key before. Raises ApiError 422 where it had another body."""
    row = connection.execute(FIND_COMMISSION, {"key": correlator_id}).one_or_none()
    if row is None:
        return None
    refuse_other_body(row.received_sha256, body_sha256)
    return _resource(row)


def credit(connection: Connection, told: IncomingCommission, receipt: CommissionReceipt) -> Resource:
    """Put it on the dealer's account, in the caller's transaction.

    Raises ApiError 422 ``unknown_payment``, ``unknown_account``, ``account_other_currency`` or ``more_than_earned``. Never
    409, by which a gateway says that it may have the request already.
    """
    _require_earned(connection, told)
    _require_dealer(connection, told)
    connection.execute(
        INSERT_COMMISSION,
        {
            "id": receipt.commission_id,
            "correlator_id": told.correlator_id,
            "payment_id": told.payment_id,
            "account_id": told.account_id,
            "amount_minor": told.amount.minor,
            "currency": told.amount.currency.code,
            "change_number": receipt.change,
            "terminal": told.terminal,
            "credited_at": told.credited_at,
            "received_at": receipt.received_at.isoformat(),
            "received_sha256": receipt.body_sha256,
        },
    )
    add_credit(connection, told.account_id, told.amount, change=receipt.change)
    return _resource(connection.execute(FIND_COMMISSION, {"key": told.correlator_id}).one())


def _require_earned(connection: Connection, told: IncomingCommission) -> None:
    """The payment says what was earned with it; what is credited of that is no more than it."""
    paid = connection.execute(FIND_PAYMENT, {"id": told.payment_id}).one_or_none()
    if paid is None or told.leg_correlator_id not in (None, shown_key(paid.correlator_id)):
        raise ApiError(422, "unknown_payment", "No payment has this id.", field="payment.id")
    body = loads(paid.body)
    payer = body.get("payer")
    if not isinstance(payer, Mapping) or payer.get("id") != told.account_id:
        raise ApiError(422, "unknown_account", "Another account paid this.", field="account.id")
    left = earned_with(body, paid.currency) - Money(int(paid.credited_minor), currency(paid.currency))
    if told.amount.currency != left.currency or told.amount > left:
        raise ApiError(
            422,
            "more_than_earned",
            f"Only {left.plain()} {left.currency} of what this payment earned is left to credit. Was it credited before?",
            field="totalAmount",
        )


def earned_with(body: Mapping[str, Any], code: str) -> Money:
    """What the sale of a payment earned for its dealer's account, by the payment's own word."""
    earned = body.get("commission")
    if not isinstance(earned, Mapping):
        return zero(currency(code))
    commission, withheld, deducted = (
        read_money(earned.get(name), field=f"commission.{name}")
        for name in ("commission", "withheld", "deducted")
    )
    return commission - withheld - deducted


def _require_dealer(connection: Connection, told: IncomingCommission) -> None:
    if account_kind(connection, told.account_id) is not PayerKind.DEALER:
        raise ApiError(422, "unknown_account", "There is no such dealer.", field="account.id")
    kept_in = account_currency(connection, told.account_id)
    if kept_in != told.amount.currency.code:
        raise ApiError(422, "account_other_currency", f"The account is in {kept_in}.", field="account.id")


def _resource(row: Row[Any]) -> Resource:
    return {
        "id": row.id,
        "correlatorId": row.correlator_id,
        "payment": {"id": row.payment_id},
        "account": {"id": row.account_id},
        "totalAmount": money_json(Money(row.amount_minor, currency(row.currency))),
        "changeNumber": row.change_number,
        "@type": "CounterfoilCommission",
    }


FIND_PAYMENT = text(
    "SELECT correlator_id, currency, body, (SELECT coalesce(sum(amount_minor), 0) FROM commission"
    " WHERE payment_id = payment.id) AS credited_minor FROM payment WHERE id = :id"
)
FIND_COMMISSION = text(
    "SELECT id, correlator_id, payment_id, account_id, amount_minor, currency, change_number, received_sha256"
    " FROM commission WHERE correlator_id = :key"
)
INSERT_COMMISSION = text(
    "INSERT INTO commission (id, correlator_id, payment_id, account_id, amount_minor, currency, change_number, terminal,"
    " credited_at, received_at, received_sha256)"
    " VALUES (:id, :correlator_id, :payment_id, :account_id, :amount_minor, :currency, :change_number, :terminal,"
    " :credited_at, :received_at, :received_sha256)"
)
