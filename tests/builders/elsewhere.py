"""Two tills of one operator and their central: what one asks a second person for is approved at the other.

here, there = await two_tills(elsewhere_minor={"refund": 5_000})
receipt = receipt_of(here)
assert code_of(lambda: refunded(here, receipt)) == "approval_required"
await synced(here)                                  # central shows it
await said_yes(there)                               # a supervisor at the other till
await synced(here)                                  # the answer is brought
refunded(here, receipt)
"""

from __future__ import annotations

from dataclasses import replace

from pos.domain.approval_elsewhere import RequestElsewhere
from pos.domain.correction import CorrectionPolicy
from pos.domain.offline import OfflinePolicy
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.store.approvals import Request
from pos.till.approvals import request_of
from pos.till.approvals_elsewhere import Answered, answer_elsewhere, requests_elsewhere
from pos.till.correction_entry import Corrected
from pos.till.refunds import RefundOrder, refund
from sync.approvals_elsewhere import CentralApprovals
from sync.second_persons import ASK_SELDOM_S
from tests.builders.tills import CASHIER, SUPERVISOR, cash, make_till, opened, pay
from tests.builders.wire import Network, Wire, make_wire


async def two_tills(**policy: object) -> tuple[Wire, Wire]:
    """Terminals T1 and T2 with people and accounts alike; ``policy`` is the shop's for corrections."""
    here = await make_wire()
    desk = make_till(clock=here.clock, seed="the other till")
    desk.identity = replace(desk.identity, terminal="T2")
    opened(desk)
    network = Network(None, here.clock)
    network.leads_to = here.network.leads_to
    there = Wire(desk, here.clock, here.central, network)
    for wire in (here, there):
        wire.desk.policy = replace(
            wire.desk.policy,
            corrections=CorrectionPolicy(**policy),  # type: ignore[arg-type]
            offline=OfflinePolicy(has_central=True),
        )
    return here, there


def receipt_of(wire: Wire, amount: str = "6") -> str:
    """Of a payment of BA-1 in cash."""
    return pay(wire.desk, cash(amount), account="BA-1").receipt.receipt_number


def refunded(wire: Wire, receipt: str, amount: str | None = None, person: Person = CASHIER) -> Corrected:
    return refund(wire.desk, person, RefundOrder(receipt=receipt, reason="paid_twice", amount=amount))


async def synced(*wires: Wire) -> None:
    """Each till's engine goes round once, when it is time to ask again."""
    wires[0].clock.advance(seconds=ASK_SELDOM_S)
    for wire in wires:
        await wire.engine.push()


async def listed(wire: Wire, person: Person = SUPERVISOR) -> list[RequestElsewhere]:
    """What the person sees of other terminals."""
    found = await requests_elsewhere(wire.desk, person, CentralApprovals(wire.client))
    assert found is not None, "central answers"
    return found


async def answered(
    wire: Wire, request: RequestElsewhere, person: Person = SUPERVISOR, *, declined: str | None = None
) -> Answered:
    return await answer_elsewhere(
        wire.desk, person, request, CentralApprovals(wire.client), InlineRunner(), declined=declined
    )


async def said_yes(wire: Wire, person: Person = SUPERVISOR) -> Answered:
    """To the only request that the person sees of another terminal."""
    (request,) = await listed(wire, person)
    return await answered(wire, request, person)


def request_here(wire: Wire, number: str = "R-1") -> Request:
    found = request_of(wire.desk, number)
    assert found is not None
    return found
