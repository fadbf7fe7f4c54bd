"""Changing the state of a bill by hand: a hold, its release, or that a bill was checked or sent.

What was paid is never set by hand. ``partiallyPaid`` and ``settled`` are taken only where the money says so too, and
``new``, ``validated`` and ``sent`` only where nothing is paid; that is also how a hold is let go: by naming the state that
the bill has without it. Any bill can be put on hold. It stays so while it is paid in parts; once nothing is left it is
settled, and on hold again if a payment is undone. A till shows a hold and takes no payment for the bill.

Source: tmf.md sections 4 and 5: PATCH has one attribute, no table of transitions is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from pos.domain.bill import BillState
from sync.central.store.database import next_change
from sync.central.wire.errors import ApiError
from sync.tmf678.bill import read_bill
from sync.wire_json import BadField, loads

_UNPAID = (BillState.NEW, BillState.VALIDATED, BillState.SENT)
_DESCRIBING = frozenset({"@type", "@baseType", "@schemaLocation"})


def asked_state(body: Mapping[str, object]) -> BillState:
    """The state in a CustomerBill_Update. Raises BadField for another attribute, a missing or an unknown state."""
    for name, value in body.items():
        if name not in ("state", *_DESCRIBING):
            raise BadField(name, "cannot be changed; only the state can")
        if not isinstance(value, str):
            raise BadField(name, "must be text")
    if "state" not in body:
        raise BadField("state", "is missing")
    try:
        return BillState(str(body["state"]))
    except ValueError:
        raise BadField("state", f"must be one of {', '.join(BillState)}") from None


def change_state(connection: Connection, bill_id: str, asked: BillState, *, at: datetime) -> bool:
    """Give the bill the state ``asked``; one that it has already changes nothing, nor does an unknown bill: False then.

    Raises ApiError 409 ``bill_state_contradicts_payments``, with the state that the payments say.
    """
    row = connection.execute(FIND_STATE, {"id": bill_id}).one_or_none()
    if row is None or row.state == asked:
        return False
    issued = read_bill(loads(row.body), seen_change=None)
    due_minor = issued.amount_due.minor
    paid = BillState.PARTIALLY_PAID if row.remaining_minor < due_minor else None
    if row.remaining_minor <= 0 and (due_minor > 0 or asked is BillState.SETTLED):
        paid = BillState.SETTLED
    if asked is not BillState.ON_HOLD and asked is not paid and not (paid is None and asked in _UNPAID):
        raise ApiError(
            409,
            "bill_state_contradicts_payments",
            f"By what was paid of it this bill is {paid or 'unpaid'}, not {asked}.",
            field="state",
        )
    told = asked
    if asked in (BillState.PARTIALLY_PAID, BillState.SETTLED):
        # What it was before anything was paid here, should all of that be undone.
        partly = issued.remaining < issued.amount_due
        told = issued.state
        if told is BillState.ON_HOLD:
            told = BillState.PARTIALLY_PAID if partly else BillState.SENT
    connection.execute(
        SET_STATE,
        {
            "id": bill_id,
            "state": str(asked),
            "told_state": str(told),
            "last_update": at.isoformat(),
            "change_number": next_change(connection),
        },
    )
    return True


FIND_STATE = text("SELECT state, remaining_minor, body FROM bill WHERE id = :id")
SET_STATE = text(
    "UPDATE bill SET state = :state, told_state = :told_state, last_update = :last_update,"
    " change_number = :change_number WHERE id = :id"
)
