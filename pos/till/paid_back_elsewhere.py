"""Before an own payment is undone or moved: has another terminal paid back of it what these books lack?

Cash would go out twice otherwise, and central could only park what it is told. While central is silent the own books decide.
Source: domain.md 3.6 and rule 32; reliability.md invariant 37.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from pos.domain.correction import TakenPayment
from pos.domain.errors import Refused
from pos.domain.ids import new_id
from pos.domain.money import Money
from pos.domain.ports import Runner
from pos.domain.refund_across import RefundDesk, TakenElsewhere
from pos.domain.role import Person
from pos.store.corrections import taken_payment
from pos.store.refunds_across import told_legs, undone_by_leg
from pos.till.desk import Desk, audit_refusal

Done = TypeVar("Done")


async def undo(
    desk: Desk,
    person: Person,
    act: str,
    receipt: str,
    deed: Callable[[], Done],
    central: RefundDesk | None,
    runner: Runner,
) -> Done:
    """Do ``deed``, a correction of the own payment ``receipt``, unless central knows of money that went back elsewhere.

    Raises what ``deed`` raises, and Refused ``paid_back_elsewhere`` (audited as ``act``; nothing is booked).
    """
    number = receipt.strip().upper()
    taken = None if central is None else await runner.read(partial(known_at_central, desk, person, number))
    if taken is not None and central is not None:
        told = await central.find(number)
        if isinstance(told, TakenElsewhere):
            await runner.till(partial(_refuse_if_paid_back, desk, person, act, taken, told))
    return await runner.till(deed)


def known_at_central(desk: Desk, person: Person, number: str) -> TakenPayment | None:
    """The payment, if central has it and the person may see it; else the deed itself says what is wrong."""
    with desk.till.read() as connection:
        taken = taken_payment(connection, number)
        if taken is None or not person.may_see(taken.payer_account):
            return None
        return taken if told_legs(connection, taken.payment_event_id) else None


def lacking_by_leg(connection: Connection, taken: TakenPayment, told: TakenElsewhere) -> dict[int, int]:
    """What went back of each leg of an own payment by ``told`` and not by these books, in minor units."""
    own = undone_by_leg(connection, taken.payment_event_id)
    over = {
        leg.leg: leg.refunded.minor - own.get(leg.leg, 0) for leg in told.legs if leg.refunded is not None
    }
    return {leg: minor for leg, minor in over.items() if minor > 0}


def _refuse_if_paid_back(
    desk: Desk, person: Person, act: str, taken: TakenPayment, told: TakenElsewhere
) -> None:
    with desk.till.read() as connection:
        lacking = sum(lacking_by_leg(connection, taken, told).values())
    if not lacking:
        return
    amount = Money(lacking, taken.amount.currency)
    refusal = Refused(
        "paid_back_elsewhere",
        f"Another terminal has paid back {amount} of receipt {taken.receipt_number}. Refund what is left instead.",
        receipt=taken.receipt_number,
        amount=amount.plain(),
    )
    deed_id = new_id(desk.clock, desk.randomness)
    audit_refusal(desk, person, act, deed_id, refusal, subject=taken.receipt_number)
    raise refusal
