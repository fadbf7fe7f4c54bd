"""Cheques that cleared: a till says so once, and what waited for their money goes on.

Source: domain.md 3.3 and rule 16; tmf.md section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.cheque import ChequeState
from pos.domain.money import Money, currency
from sync.central.payments.bank_receipts import OutcomeReceipt
from sync.central.payments.cheques import cheque_of
from sync.central.payments.reconnections import BOUNCED, money_is_final
from sync.central.wire.dealer_view import require_own_payment, shown_key, stored_key
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text, positive
from sync.central.wire.query import Resource
from sync.wire_json import dumps, loads


def is_clearing(body: Mapping[str, object]) -> bool:
    """Whether an outcome tells of a cheque that cleared."""
    return body.get("state") == ChequeState.CLEARED


def find_clearing(connection: Connection, body: Mapping[str, object], *, body_sha256: str) -> Resource | None:
    """What was told under this key before. Raises ApiError 422 where it had another body, and BadField."""
    row = connection.execute(
        FIND_CLEARING, {"key": stored_key(needed_text(body, "correlatorId"))}
    ).one_or_none()
    if row is None:
        return None
    refuse_other_body(row.received_sha256, body_sha256)
    return _resource(row)


def clear(connection: Connection, body: Mapping[str, object], receipt: OutcomeReceipt) -> Resource:
    """The money of a cheque's payment is sure from now on.

    Raises BadField, or ApiError 422 ``unknown_payment``, ``amount_differs`` or ``outcome_conflict`` (it was undone, or
    cleared before, and has not bounced since). Never 409, by which a gateway says that it may have the request already.
    """
    told = as_mapping(body.get("payment"), field="payment")
    key = stored_key(needed_text(body, "correlatorId"))
    amount = positive(body.get("totalAmount"), field="totalAmount")
    cleared_at = needed_text(body, "decidedAt")
    require_own_payment(connection, payment_id := needed_text(told, "id", field="payment.id"))
    paid = connection.execute(FIND_PAYMENT, {"id": payment_id}).one_or_none()
    leg = plain_text(told, "correlatorId", field="payment.correlatorId")
    stored: Mapping[str, Any] = {} if paid is None else loads(paid.body)
    instrument = stored.get("instrument")
    is_cheque = cheque_of(instrument if isinstance(instrument, str) else None) is not None
    if paid is None or leg not in (None, shown_key(paid.correlator_id)) or not is_cheque:
        raise ApiError(422, "unknown_payment", "No payment by cheque has this id.", field="payment.id")
    if amount != Money(paid.amount_minor, currency(paid.currency)):
        raise ApiError(422, "amount_differs", "The payment is over another sum.", field="totalAmount")
    if paid.undone or paid.cleared:
        raise ApiError(
            422,
            "outcome_conflict",
            "This cheque was given back or bounced, or cleared before.",
            field="state",
        )
    connection.execute(
        INSERT_CLEARING,
        {
            "id": receipt.outcome_id,
            "correlator_id": key,
            "payment_id": paid.id,
            "change_number": receipt.change,
            "terminal": plain_text(body, "terminal"),
            "cleared_at": cleared_at,
            "received_at": receipt.received_at.isoformat(),
            "received_sha256": receipt.body_sha256,
        },
    )
    resolved = {name: value for name, value in stored.items() if name != "provisionalReason"}
    resolved |= {"provisional": False, "outcome": str(ChequeState.CLEARED), "outcomeDate": cleared_at}
    connection.execute(SET_BODY, {"id": paid.id, "body": dumps(resolved).decode()})
    if paid.correlator_id is not None:
        money_is_final(connection, paid.correlator_id, change=receipt.change, at=receipt.received_at)
    return _resource(connection.execute(FIND_CLEARING, {"key": key}).one())


def _resource(row: Row[Any]) -> Resource:
    return {
        "id": row.id,
        "correlatorId": shown_key(row.correlator_id),
        "payment": {"id": row.payment_id},
        "state": str(ChequeState.CLEARED),
        "changeNumber": row.change_number,
        "@type": "CounterfoilOutcome",
    }


FIND_CLEARING = text(
    "SELECT id, correlator_id, payment_id, change_number, received_sha256 FROM cleared_cheque WHERE correlator_id = :key"
)
FIND_PAYMENT = text(
    "SELECT id, correlator_id, amount_minor, currency, body,"
    " EXISTS (SELECT 1 FROM refund WHERE payment_id = payment.id"
    f" AND kind IN ('void', 'reversal', 'tender_cancellation')) OR {BOUNCED} AS undone,"
    " EXISTS (SELECT 1 FROM cleared_cheque AS done WHERE payment_id = payment.id AND NOT EXISTS (SELECT 1 FROM refund"
    " WHERE refund.payment_id = payment.id AND kind = 'dishonour' AND refund.change_number > done.change_number)"
    " AND NOT EXISTS (SELECT 1 FROM dishonour_leg AS beside WHERE beside.payment_id = payment.id"
    " AND beside.change_number > done.change_number))"
    " AS cleared FROM payment WHERE id = :id"
)
INSERT_CLEARING = text(
    "INSERT INTO cleared_cheque (id, correlator_id, payment_id, change_number, terminal, cleared_at, received_at,"
    " received_sha256) VALUES (:id, :correlator_id, :payment_id, :change_number, :terminal, :cleared_at, :received_at,"
    " :received_sha256)"
)
SET_BODY = text("UPDATE payment SET body = :body WHERE id = :id")
