"""Legs of a bounced cheque of which nothing stood any more: there is no refund of nothing, so a till tells each apart.

What a leg's money counted as before is as it was; only that its cheque bounced is noted, until the bank is found wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from sync.central.payments.reconnections import bounced
from sync.central.refunds.dishonours import DISHONOURED, UNDONE, DishonourReceipt
from sync.central.wire.dealer_view import require_own_payment, shown_key, stored_key
from sync.central.wire.errors import ApiError, refuse_other_body
from sync.central.wire.fields import as_mapping, needed_text, plain_text
from sync.central.wire.query import Resource
from sync.wire_json import BadField


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingLeg:
    """A valid message. ``undone``: the bank was wrong about the bounce of this id."""

    correlator_id: str
    dishonour_id: str
    undone: bool
    payment_id: str
    leg_correlator_id: str | None


def is_of_a_leg(body: Mapping[str, object]) -> bool:
    """Whether a body tells of such a leg, and not of the bounce. Raises BadField."""
    told = body.get("legOnly", False)
    if not isinstance(told, bool):
        raise BadField("legOnly", "must be true or false")
    return told


def read_leg(body: Mapping[str, object]) -> IncomingLeg:
    """Raises BadField with what is missing, of a wrong type or impossible."""
    paid, state = as_mapping(body.get("payment"), field="payment"), body.get("state")
    if state not in (DISHONOURED, UNDONE):
        raise BadField("state", f"must be {DISHONOURED} or {UNDONE}")
    return IncomingLeg(
        correlator_id=str(stored_key(needed_text(body, "correlatorId"))),
        dishonour_id=needed_text(body, "dishonour"),
        undone=state == UNDONE,
        payment_id=needed_text(paid, "id", field="payment.id"),
        leg_correlator_id=plain_text(paid, "correlatorId", field="payment.correlatorId"),
    )


def find_leg_told(connection: Connection, correlator_id: str, *, body_sha256: str) -> Resource | None:
    """What was told under this key before. Raises ApiError 422 where it had another body."""
    row = connection.execute(FIND_TOLD, {"key": correlator_id}).one_or_none()
    if row is None:
        return None
    first = row.correlator_id == correlator_id
    refuse_other_body(row.received_sha256 if first else row.undone_sha256, body_sha256)
    return _resource(row) | {"correlatorId": shown_key(correlator_id)}


def receive_leg(connection: Connection, told: IncomingLeg, receipt: DishonourReceipt) -> Resource:
    """Note that the cheque behind a payment bounced, or that the bank was wrong, in the caller's transaction.

    Raises ApiError 422 ``unknown_payment``, ``unknown_dishonour`` or ``dishonour_conflict``.
    """
    require_own_payment(connection, told.payment_id)
    paid = connection.execute(FIND_PAYMENT, {"id": told.payment_id}).one_or_none()
    if paid is None or told.leg_correlator_id not in (None, shown_key(paid.correlator_id)):
        raise ApiError(422, "unknown_payment", "No payment has this id.", field="payment.id")
    of_leg = {"dishonour_id": told.dishonour_id, "payment_id": told.payment_id}
    before = connection.execute(FIND_LEG, of_leg).one_or_none()
    written = {**of_leg, "key": told.correlator_id, "sha256": receipt.body_sha256, "change": receipt.change}
    if not told.undone:
        if before is not None:
            raise ApiError(422, "dishonour_conflict", "This bounce was told before.", field="dishonour")
        connection.execute(INSERT_LEG, written | {"at": receipt.received_at.isoformat()})
        if paid.correlator_id is not None:
            bounced(connection, paid.correlator_id)
    elif before is None:
        raise ApiError(422, "unknown_dishonour", "No bounce has this id.", field="dishonour")
    elif before.undone_correlator_id is not None:
        raise ApiError(422, "dishonour_conflict", "This bounce was undone before.", field="dishonour")
    else:
        connection.execute(SET_UNDONE, written)
    resource = _resource(connection.execute(FIND_LEG, of_leg).one())
    return resource | {"correlatorId": shown_key(told.correlator_id)}


def _resource(row: Row[Any]) -> Resource:
    return {
        "id": row.dishonour_id,
        "state": DISHONOURED if row.undone_correlator_id is None else UNDONE,
        "payment": {"id": row.payment_id},
        "legOnly": True,
        "changeNumber": row.change_number,
        "@type": "CounterfoilDishonour",
    }


_SELECT = (
    "SELECT correlator_id, dishonour_id, payment_id, change_number, received_sha256, undone_correlator_id, undone_sha256"
    " FROM dishonour_leg"
)
FIND_PAYMENT = text("SELECT id, correlator_id FROM payment WHERE id = :id")
FIND_TOLD = text(f"{_SELECT} WHERE correlator_id = :key OR undone_correlator_id = :key")
FIND_LEG = text(f"{_SELECT} WHERE dishonour_id = :dishonour_id AND payment_id = :payment_id")
INSERT_LEG = text(
    "INSERT INTO dishonour_leg (correlator_id, dishonour_id, payment_id, change_number, received_at, received_sha256)"
    " VALUES (:key, :dishonour_id, :payment_id, :change, :at, :sha256)"
)
SET_UNDONE = text(
    "UPDATE dishonour_leg SET undone_correlator_id = :key, undone_sha256 = :sha256, change_number = :change"
    " WHERE dishonour_id = :dishonour_id AND payment_id = :payment_id"
)
