"""Bounced cheques that went back to their payor: the paper has left the shop, and whoever brings it again may.

A cheque that had not bounced is told as a cancelled tender, whose refund frees its paper. Source: domain.md 3.3; rule 37.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.cheque import ChequeState
from sync.central.payments.bank_receipts import OutcomeReceipt
from sync.central.payments.cheques import free_cheque
from sync.central.payments.reconnections import BOUNCED
from sync.central.wire.dealer_view import shown_key, stored_key
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text
from sync.central.wire.query import Resource


def is_return(body: Mapping[str, object]) -> bool:
    """Whether an outcome tells of a bounced cheque that left the shop, alone or for something in its place."""
    return body.get("state") in (ChequeState.RETURNED, ChequeState.REPLACED)


def find_return(connection: Connection, body: Mapping[str, object], *, body_sha256: str) -> Resource | None:
    """What was told under this key before. Raises ApiError 422 where it had another body, and BadField."""
    row = connection.execute(
        FIND_RETURN, {"key": stored_key(needed_text(body, "correlatorId"))}
    ).one_or_none()
    if row is None:
        return None
    refuse_other_body(row.received_sha256, body_sha256)
    return _resource(row)


def note_return(connection: Connection, body: Mapping[str, object], receipt: OutcomeReceipt) -> Resource:
    """The cheque behind a payment may come again, here and at every till.

    Raises BadField, or ApiError 422 ``unknown_payment`` or ``outcome_conflict`` (it has not bounced, or went back before).
    """
    told = as_mapping(body.get("payment"), field="payment")
    key = stored_key(needed_text(body, "correlatorId"))
    of_till = {
        "id": needed_text(told, "id", field="payment.id"),
        "terminal": needed_text(body, "terminal"),
    }
    # A till gives back only what it took itself.
    paid = connection.execute(FIND_PAYMENT, of_till).one_or_none()
    leg = plain_text(told, "correlatorId", field="payment.correlatorId")
    if paid is None or leg not in (None, shown_key(paid.correlator_id)):
        raise ApiError(
            422, "unknown_payment", "No payment by cheque of this terminal has this id.", field="payment.id"
        )
    if not paid.bounced or paid.undone:
        raise ApiError(
            422, "outcome_conflict", "This cheque has not bounced, or was given back before.", field="state"
        )
    connection.execute(
        INSERT_RETURN,
        {
            "id": receipt.outcome_id,
            "correlator_id": key,
            "payment_id": paid.id,
            "state": body["state"],
            "change_number": receipt.change,
            "terminal": of_till["terminal"],
            "returned_at": needed_text(body, "decidedAt"),
            "received_at": receipt.received_at.isoformat(),
            "received_sha256": receipt.body_sha256,
        },
    )
    free_cheque(connection, paid.id, change=receipt.change)
    return _resource(connection.execute(FIND_RETURN, {"key": key}).one())


def _resource(row: Row[Any]) -> Resource:
    return {
        "id": row.id,
        "correlatorId": shown_key(row.correlator_id),
        "payment": {"id": row.payment_id},
        "state": row.state,
        "changeNumber": row.change_number,
        "@type": "CounterfoilOutcome",
    }


FIND_RETURN = text(
    "SELECT id, correlator_id, payment_id, state, change_number, received_sha256 FROM returned_cheque"
    " WHERE correlator_id = :key"
)
FIND_PAYMENT = text(
    f"SELECT payment.id, payment.correlator_id, {BOUNCED} AS bounced, cheque.undone FROM payment"
    " JOIN cheque ON cheque.payment_id = payment.id"
    " WHERE payment.id = :id AND payment.terminal = :terminal"
)
INSERT_RETURN = text(
    "INSERT INTO returned_cheque (id, correlator_id, payment_id, state, change_number, terminal, returned_at, received_at,"
    " received_sha256) VALUES (:id, :correlator_id, :payment_id, :state, :change_number, :terminal, :returned_at,"
    " :received_at, :received_sha256)"
)
