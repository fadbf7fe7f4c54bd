"""Dealers' bank receipts at central: what waits for the bank, what became of each, and how a dealer stands by them.

A till tells an outcome once; the payment's ``provisional`` is resolved by it and the dealer's account follows. A rejected
receipt is the debt of the account that had the money. Source: domain.md 3.4, 3.11; tmf.md section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.bank_receipt import STEPS, BankReceiptState
from pos.domain.money import Money, currency, zero
from pos.domain.payment_mode import ModeKind
from sync.central.payments.accounts import account_currency, add_credit
from sync.central.payments.incoming import IncomingPayment
from sync.central.wire.dealer_view import shown_key
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text, positive
from sync.central.wire.query import Resource
from sync.wire_json import BadField, dumps, loads, money_json

PREFIX = f"{ModeKind.BANK_RECEIPT}|"
"""How the paper behind a bank receipt's payment is named (see ``instrument``)."""


UNDONE = "undone"
"""Where a receipt stands whose payment was undone before the bank spoke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingOutcome:
    """A valid outcome as a till tells it."""

    correlator_id: str
    payment_id: str
    leg_correlator_id: str | None
    state: BankReceiptState
    amount: Money
    reason: str | None
    decided_at: str
    terminal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReceipt:
    """How an outcome reached us: our id for it, what identifies its bytes, our time and change number."""

    outcome_id: str
    body_sha256: str
    received_at: datetime
    change: int


def read_outcome(body: Mapping[str, object]) -> IncomingOutcome:
    """Raises BadField with what is missing or of a wrong type."""
    paid = as_mapping(body.get("payment"), field="payment")
    try:
        state = BankReceiptState(needed_text(body, "state"))
    except ValueError:
        raise BadField("state", "is none that an outcome has") from None
    if state is BankReceiptState.PRESENTED:
        raise BadField("state", "is none that an outcome has")
    return IncomingOutcome(
        correlator_id=needed_text(body, "correlatorId"),
        payment_id=needed_text(paid, "id", field="payment.id"),
        leg_correlator_id=plain_text(paid, "correlatorId", field="payment.correlatorId"),
        state=state,
        amount=positive(body.get("totalAmount"), field="totalAmount"),
        reason=plain_text(body, "reason"),
        decided_at=needed_text(body, "decidedAt"),
        terminal=plain_text(body, "terminal"),
    )


def note_bank_receipt(
    connection: Connection, incoming: IncomingPayment, payment_id: str, *, change: int
) -> None:
    """A payment by bank receipt waits for the bank; nothing for any other payment."""
    if incoming.instrument is None or not incoming.instrument.startswith(PREFIX):
        return
    dealer = incoming.payer_id or incoming.account_id
    connection.execute(
        INSERT_BANK_RECEIPT,
        {
            "payment_id": payment_id,
            "dealer_id": dealer,
            "amount_minor": incoming.amount.minor,
            "currency": incoming.amount.currency.code,
        },
    )
    connection.execute(TOUCH_ACCOUNT, {"id": dealer, "change": change})


def end_waiting(connection: Connection, payment_id: str, *, change: int) -> None:
    """The payment is undone: a receipt that the bank has not spoken about waits no more."""
    row = connection.execute(FIND_DEALER, {"id": payment_id}).one_or_none()
    if row is not None and row.state == BankReceiptState.PRESENTED:
        connection.execute(SET_STATE, {"id": payment_id, "state": UNDONE})
        connection.execute(TOUCH_ACCOUNT, {"id": row.dealer_id, "change": change})


def find_outcome(connection: Connection, correlator_id: str, *, body_sha256: str) -> Resource | None:
    """The outcome that was told under this key before. Raises ApiError 422 where it had another body."""
    row = connection.execute(FIND_OUTCOME, {"key": correlator_id}).one_or_none()
    if row is None:
        return None
    refuse_other_body(row.received_sha256, body_sha256)
    return _resource(connection, row)


def decide(connection: Connection, told: IncomingOutcome, receipt: OutcomeReceipt) -> Resource:
    """Carry an outcome out, in the caller's transaction.

    Raises ApiError 422 ``unknown_payment``, ``amount_differs`` or ``outcome_conflict``: the receipt does not go to that
    state from its own. Never 409, by which a gateway says that it may have the request already.
    """
    paid = connection.execute(FIND_RECEIPT, {"id": told.payment_id}).one_or_none()
    if paid is None or told.leg_correlator_id not in (None, shown_key(paid.correlator_id)):
        raise ApiError(422, "unknown_payment", "No payment by bank receipt has this id.", field="payment.id")
    if told.amount != Money(paid.amount_minor, currency(paid.currency)):
        raise ApiError(422, "amount_differs", "The payment is over another sum.", field="totalAmount")
    if paid.state == UNDONE or told.state not in STEPS[BankReceiptState(paid.state)]:
        raise ApiError(
            422,
            "outcome_conflict",
            f"This bank receipt is {paid.state} already. Look at both papers.",
            field="state",
        )
    before = BankReceiptState(paid.state)
    credited = _credited(connection, paid, told, before)
    row = {
        "id": receipt.outcome_id,
        "correlator_id": told.correlator_id,
        "payment_id": told.payment_id,
        "state": str(told.state),
        "reason": told.reason,
        "account_id": paid.account_id,
        "credited_minor": credited.minor,
        "change_number": receipt.change,
        "terminal": told.terminal,
        "decided_at": told.decided_at,
        "received_at": receipt.received_at.isoformat(),
        "received_sha256": receipt.body_sha256,
    }
    connection.execute(INSERT_OUTCOME, row)
    connection.execute(SET_STATE, {"id": told.payment_id, "state": str(told.state)})
    connection.execute(SET_BODY, {"id": told.payment_id, "body": _resolved(paid.body, told)})
    if credited:
        add_credit(connection, paid.account_id, credited, change=receipt.change)
    connection.execute(TOUCH_ACCOUNT, {"id": paid.dealer_id, "change": receipt.change})
    stored = connection.execute(FIND_OUTCOME, {"key": told.correlator_id}).one()
    return _resource(connection, stored)


def _credited(
    connection: Connection, paid: Row[Any], told: IncomingOutcome, before: BankReceiptState
) -> Money:
    """What the outcome does to the account's credit: a rejected receipt takes it, one that was paid after all gives it."""
    if paid.suspense_minor or account_currency(connection, paid.account_id) != told.amount.currency.code:
        return zero(told.amount.currency)
    match before, told.state:
        case BankReceiptState.PRESENTED, BankReceiptState.REJECTED:
            return -told.amount
        case ((BankReceiptState.REJECTED | BankReceiptState.SETTLED), BankReceiptState.VERIFIED):
            return told.amount
        case _:
            return zero(told.amount.currency)


def _resolved(body: str, told: IncomingOutcome) -> str:
    """The payment as it is answered from now on: no longer provisional, with what became of it."""
    resource: Resource = loads(body)
    resource.pop("provisionalReason", None)
    resource |= {"provisional": False, "outcome": str(told.state), "outcomeDate": told.decided_at}
    if told.reason is not None:
        resource["outcomeReason"] = told.reason
    else:
        resource.pop("outcomeReason", None)
    return dumps(resource).decode()


def _resource(connection: Connection, row: Row[Any]) -> Resource:
    resource: Resource = {
        "id": row.id,
        "correlatorId": row.correlator_id,
        "payment": {"id": row.payment_id},
        "account": {"id": row.account_id},
        "state": row.state,
        "changeNumber": row.change_number,
        "standing": _standing(connection, row.dealer_id, row.currency),
        "@type": "CounterfoilOutcome",
    }
    if row.reason is not None:
        resource["reason"] = row.reason
    return resource


def _standing(connection: Connection, dealer_id: str, code: str) -> Resource:
    """How the dealer stands now, told back to the till."""
    row = connection.execute(READ_STANDING, {"dealer": dealer_id, "currency": code}).one()
    return {
        "account": {"id": dealer_id},
        "unverifiedAmount": money_json(Money(int(row.unverified_minor), currency(code))),
        "blocked": bool(row.rejected),
    }


def carry_bank_receipts(connection: Connection) -> None:
    """A store of before there were outcomes: every payment by bank receipt waits for the bank."""
    for row in connection.execute(READ_PAPERS).all():
        body = loads(row.body)
        payer = body.get("payer")
        dealer = payer.get("id") if isinstance(payer, Mapping) else None
        connection.execute(
            INSERT_BANK_RECEIPT,
            {
                "payment_id": row.id,
                "dealer_id": dealer if isinstance(dealer, str) and dealer else row.account_id,
                "amount_minor": row.amount_minor,
                "currency": row.currency,
            },
        )


INSERT_BANK_RECEIPT = text(
    "INSERT INTO bank_receipt (payment_id, dealer_id, amount_minor, currency, state)"
    " VALUES (:payment_id, :dealer_id, :amount_minor, :currency, 'presented')"
)
TOUCH_ACCOUNT = text("UPDATE account SET change_number = :change WHERE id = :id")
FIND_RECEIPT = text(
    "SELECT bank_receipt.dealer_id, bank_receipt.state, payment.amount_minor, payment.currency, account_id,"
    " suspense_minor, correlator_id, body FROM bank_receipt JOIN payment ON payment.id = bank_receipt.payment_id"
    " WHERE payment.id = :id"
)
FIND_OUTCOME = text(
    "SELECT outcome.id, outcome.correlator_id, outcome.payment_id, outcome.state, reason, account_id, change_number,"
    " received_sha256, dealer_id, currency FROM outcome"
    " JOIN bank_receipt ON bank_receipt.payment_id = outcome.payment_id WHERE outcome.correlator_id = :key"
)
INSERT_OUTCOME = text(
    "INSERT INTO outcome (id, correlator_id, payment_id, state, reason, account_id, credited_minor, change_number,"
    " terminal, decided_at, received_at, received_sha256)"
    " VALUES (:id, :correlator_id, :payment_id, :state, :reason, :account_id, :credited_minor, :change_number,"
    " :terminal, :decided_at, :received_at, :received_sha256)"
)
FIND_DEALER = text("SELECT dealer_id, state FROM bank_receipt WHERE payment_id = :id")
SET_STATE = text("UPDATE bank_receipt SET state = :state WHERE payment_id = :id")
SET_BODY = text("UPDATE payment SET body = :body WHERE id = :id")
READ_STANDING = text(
    "SELECT coalesce(sum(CASE WHEN state = 'presented' THEN amount_minor ELSE 0 END), 0) AS unverified_minor,"
    " coalesce(sum(CASE WHEN state = 'rejected' THEN 1 ELSE 0 END), 0) AS rejected"
    " FROM bank_receipt WHERE dealer_id = :dealer AND currency = :currency"
)
READ_PAPERS = text(
    "SELECT payment.id, payment.account_id, payment.amount_minor, payment.currency, payment.body FROM payment"
    " WHERE body LIKE '%\"instrument\":\"bank\\_receipt|%' ESCAPE '\\' ORDER BY change_number"
)
