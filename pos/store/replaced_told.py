"""What central is told of a cheque for which something else was given: its legs and those in their place, by correlator."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEnd:
    """What a payment stands in the place of, or what stands in the place of a cheque: its legs, and its receipt."""

    correlators: tuple[str, ...]
    receipt: str
    serial: str


_LEGS = (
    "SELECT outbox.correlator_id, event.receipt_number, cheque.serial FROM cheque_replacement AS gone "
    "JOIN cheque USING (cheque_id) JOIN outbox ON outbox.kind = 'payment' "
    "AND outbox.payment_event_id = {event} JOIN leg ON leg.payment_event_id = outbox.payment_event_id "
    "AND leg.leg = outbox.leg JOIN payment_event AS event ON event.payment_event_id = outbox.payment_event_id WHERE "
)
_OF_CHEQUE = _LEGS.format(event="(SELECT payment_event_id FROM tender WHERE tender_id = cheque.tender_id)")
_INSTEAD = _LEGS.format(event="gone.payment_event_id")


def what_it_replaces(connection: Connection, payment_event_id: str) -> OtherEnd | None:
    """The cheque in whose place this payment was taken; None: it is none of the kind."""
    # Of its payment only what the cheque itself had paid.
    return _end(
        connection,
        _OF_CHEQUE + "gone.payment_event_id = ? AND leg.tender_id = cheque.tender_id",
        payment_event_id,
    )


def what_replaces_it(connection: Connection, tender_id: str) -> OtherEnd | None:
    """The payment in place of the cheque of this tender; None: it was none, or is still where it was."""
    return _end(connection, _INSTEAD + "cheque.tender_id = ?", tender_id)


def _end(connection: Connection, statement: str, of: str) -> OtherEnd | None:
    rows = connection.exec_driver_sql(f"{statement} ORDER BY leg.leg", (of,)).all()
    if not rows:
        return None
    return OtherEnd(correlators=tuple(str(row[0]) for row in rows), receipt=rows[0][1], serial=rows[0][2])
