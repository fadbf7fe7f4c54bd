"""Before a cheque bounces: what has another terminal paid back of its money? The payor owes that as well.

While central is silent the own books decide; what went back elsewhere is owed on the account then, once central hears of
the bounce. Source: domain.md 3.3 and 3.6; reliability.md invariant 37.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pos.domain.cheque import AT_THE_BANK
from pos.domain.errors import Refused
from pos.domain.ports import Runner
from pos.domain.refund_across import RefundDesk, TakenElsewhere
from pos.domain.role import Person
from pos.till.desk import Desk
from pos.till.dishonour_plan import BounceOrder, find_cheque
from pos.till.paid_back_elsewhere import known_at_central


async def with_told(
    desk: Desk, person: Person, order: BounceOrder, central: RefundDesk | None, runner: Runner
) -> BounceOrder:
    """``order`` with what central knows of the cheque's payment; as it is where central is silent, or lacks the payment."""
    receipt = None if central is None else await runner.read(partial(_receipt_of, desk, person, order))
    if receipt is None or central is None:
        return order
    told = await central.find(receipt)
    return replace(order, told=told) if isinstance(told, TakenElsewhere) else order


def _receipt_of(desk: Desk, person: Person, order: BounceOrder) -> str | None:
    """The receipt of a cheque that may bounce and that central knows; else the deed itself says what is wrong."""
    with desk.till.read() as connection:
        try:
            receipt = find_cheque(desk, connection, order.cheque, AT_THE_BANK).cheque.receipt
        except Refused:
            return None
    return receipt if known_at_central(desk, person, receipt) else None
