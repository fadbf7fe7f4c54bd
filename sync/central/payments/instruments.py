"""The papers behind payments: a card slip, a bank's receipt or an ATM's is credited once, in whatever shop.

Source: domain.md rules 47 and 49; reliability.md invariant 40.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from sync.central.wire.dealer_view import dealer_asking
from sync.central.wire.errors import ApiError


def claim_instrument(
    connection: Connection, instrument: str, *, payment_event_id: str | None, payment_id: str
) -> None:
    """Note the paper for a payment that is stored already; legs of one event share it.

    A payment without an event stands for itself. Raises ApiError 409 where another event has the paper.
    """
    event_id = payment_event_id or payment_id
    known = connection.execute(FIND_INSTRUMENT, {"instrument": instrument}).one_or_none()
    if known is None:
        connection.execute(
            INSERT_INSTRUMENT,
            {"instrument": instrument, "payment_event_id": event_id, "payment_id": payment_id},
        )
    elif known.payment_event_id != event_id:
        told = known.receipt_number and dealer_asking() is None
        by = f"receipt {known.receipt_number}" if told else "another payment"
        raise ApiError(
            409,
            "instrument_used",
            f"The paper behind this money was credited before, by {by}. Compare both papers.",
            field="instrument",
        )


FIND_INSTRUMENT = text(
    "SELECT instrument.payment_event_id, payment.receipt_number FROM instrument"
    " JOIN payment ON payment.id = instrument.payment_id WHERE instrument.instrument = :instrument"
)
INSERT_INSTRUMENT = text(
    "INSERT INTO instrument (instrument, payment_event_id, payment_id)"
    " VALUES (:instrument, :payment_event_id, :payment_id)"
)
