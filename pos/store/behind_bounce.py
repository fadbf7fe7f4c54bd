"""What central must not hear before a bounce, or a charge: what is paid on, or moved to, the charge's bill.

It may lie in another account's queue than what tells of the charge, before which central does not know the bill.
"""

from __future__ import annotations

from sqlalchemy import Connection

# Each end is reached by its index from the other one.
_OF_TOLD = (
    "{bounce} = substr(told.source_id, 1, length(told.source_id) - 5) AND told.source_id = {bounce} || '-told' "
    "AND told.source_id <> '' "
)
_CHARGES = (
    f"dishonour_charge AS charge ON {_OF_TOLD.format(bounce='charge.correction_id')}",
    "debit_charge AS charge ON charge.charge_id = told.source_id AND told.source_id <> '' ",
)
BEHIND_BOUNCE = tuple(
    f"JOIN {charge} {joined}"
    for charge in _CHARGES
    for joined in (
        "JOIN allocation AS part ON part.bill_no = charge.bill_no JOIN outbox AS next "
        "ON next.payment_event_id = part.payment_event_id AND next.leg = part.leg AND next.kind = 'payment'",
        "JOIN placed_part AS part ON part.bill_no = charge.bill_no JOIN outbox AS next "
        "ON next.payment_event_id = part.payment_event_id AND next.leg = part.leg AND next.kind IN ('refund', 'moved') "
        "AND next.source_id BETWEEN part.correction_id AND part.correction_id || '-~'",
    )
)
"""Joins from the message ``told`` of a bounce or a charge to the rows that wait for it, ``next``."""
TELLS_CHARGE = "told.kind IN ('dishonour', 'charge')"
"""Of a row ``told``: it is such a message."""

UNTOLD_CHARGE = (
    "EXISTS (SELECT 1 FROM dishonour_charge AS charge JOIN outbox AS told "
    "ON told.source_id = charge.correction_id || '-told' AND told.source_id <> '' "
    "WHERE charge.bill_no = {bill} AND told.server_id = 'not-told' UNION ALL "
    "SELECT 1 FROM debit_charge AS charge JOIN outbox AS told "
    "ON told.source_id = charge.charge_id AND told.source_id <> '' "
    "WHERE charge.bill_no = {bill} AND told.server_id = 'not-told')"
)
"""Whether a bill is a charge of which a server of another kind was told nothing; formatted with the bill's column."""


def waits_for_bounce(connection: Connection, outbox_id: int) -> bool:
    """Whether central has yet to hear of a bounce or a charge that the row builds on."""
    return any(
        connection.exec_driver_sql(
            f"SELECT 1 FROM outbox AS told {joined} WHERE next.outbox_id = ? AND {TELLS_CHARGE} "
            "AND told.state <> 'acknowledged' LIMIT 1",
            (outbox_id,),
        ).first()
        for joined in BEHIND_BOUNCE
    )
