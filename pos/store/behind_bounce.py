"""What central must not hear before a bounce: what is paid on, or moved to, the bounce's charge.

It may lie in another account's queue than the bounce itself, before which central does not know the charge's bill.
"""

from __future__ import annotations

from sqlalchemy import Connection

# Each end is reached by its index from the other one.
_OF_TOLD = (
    "{bounce} = substr(told.source_id, 1, length(told.source_id) - 5) AND told.source_id = {bounce} || '-told' "
    "AND told.source_id <> '' "
)
_CHARGE = f"dishonour_charge AS charge ON {_OF_TOLD.format(bounce='charge.correction_id')}"
BEHIND_BOUNCE = (
    f"JOIN {_CHARGE} JOIN allocation AS part ON part.bill_no = charge.bill_no JOIN outbox AS next "
    "ON next.payment_event_id = part.payment_event_id AND next.leg = part.leg AND next.kind = 'payment'",
    f"JOIN {_CHARGE} JOIN placed_part AS part ON part.bill_no = charge.bill_no JOIN outbox AS next "
    "ON next.payment_event_id = part.payment_event_id AND next.leg = part.leg AND next.kind IN ('refund', 'moved') "
    "AND next.source_id BETWEEN part.correction_id AND part.correction_id || '-~'",
)
"""Joins from a bounce's own message ``told`` to the rows that wait for it, ``next``."""

UNTOLD_CHARGE = (
    "EXISTS (SELECT 1 FROM dishonour_charge AS charge JOIN outbox AS told "
    "ON told.source_id = charge.correction_id || '-told' AND told.source_id <> '' "
    "WHERE charge.bill_no = {bill} AND told.server_id = 'not-told')"
)
"""Whether a bill is a charge of which a server of another kind was told nothing; formatted with the bill's column."""


def waits_for_bounce(connection: Connection, outbox_id: int) -> bool:
    """Whether central has yet to hear of a bounce that the row builds on."""
    return any(
        connection.exec_driver_sql(
            f"SELECT 1 FROM outbox AS told {joined} WHERE next.outbox_id = ? AND told.kind = 'dishonour' "
            "AND told.state <> 'acknowledged' LIMIT 1",
            (outbox_id,),
        ).first()
        for joined in BEHIND_BOUNCE
    )
