"""Commission on a dealer's account comes to central behind the sale that earned it, once, whatever happens on the way."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import text

from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms, Settlement
from pos.domain.dealer import DealerPolicy, DealerTerms
from pos.till.commissions import settle_commission
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.open_bills import catch_up
from sync.central.operating.verify import verify_central
from sync.wire_json import loads
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    card,
    cash,
    findings,
    grant_limit,
    money,
    pay,
    rows,
    sale,
)
from tests.builders.wire import SURVIVED, Fault, Wire
from tests.wire.test_outcomes import HOUR_S, dealers_wire

SERVICE_TWICE = [sale("SERVICE", 2)]  # 10.000


async def earning(at: CommissionAt = CommissionAt.SALE, *, own: bool = True) -> Wire:
    """A till where dealers earn 5 per cent, 10 per cent of it withheld."""
    wire = await dealers_wire(own=own)
    terms = CommissionTerms(
        rules=[CommissionRule(percent=Decimal(5))],
        withholding_percent=Decimal(10),
        at=at,
        settlement=Settlement.GROSS,
    )
    dealers = DealerPolicy(standard=DealerTerms(commission=terms), classes={})
    wire.desk.policy = replace(wire.desk.policy, dealers=dealers)
    return wire


def credit_of(desk: Desk) -> object:
    catch_up(desk)
    return account_view(desk, CASHIER, "D-1").credit


def credited(wire: Wire) -> list[tuple[str, str, int]]:
    with wire.central.read() as connection:
        found = connection.execute(
            text("SELECT correlator_id, account_id, amount_minor FROM commission ORDER BY change_number")
        )
        return [(str(row[0]), str(row[1]), int(row[2])) for row in found]


def posts(wire: Wire) -> list[bytes]:
    return [one.body for one in wire.network.requests if one.path.endswith("/commission")]


@pytest.mark.sweep(5)
@pytest.mark.parametrize("fault", SURVIVED)
@pytest.mark.parametrize("at", CommissionAt)
async def test_commission_is_credited_once_behind_its_sale(fault: Fault, at: CommissionAt) -> None:
    """Rule 59: the till, central and every other till say the same of the dealer's account."""
    wire = await earning(at)
    pay(wire.desk, card("4"), cash("6"), account="D-1", lines=SERVICE_TWICE)
    if at is CommissionAt.SETTLEMENT:
        settle_commission(wire.desk, BACK_OFFICE, "D-1")
    assert credit_of(wire.desk) == money("0.450")
    wire.network.script(fault)

    await wire.engine.drain(timeout_s=HOUR_S)

    assert set(wire.states()) == {"acknowledged"}
    (register,) = rows(wire.desk, "account_credit")
    assert credited(wire) == [(register["credit_id"], "D-1", 450)]
    assert credit_of(wire.desk) == money("0.450"), "before central's figure is pulled"
    assert (await wire.engine.pull()).problem is None
    assert credit_of(wire.desk) == money("0.450"), "and after"
    other = await dealers_wire()
    other.network.leads_to = wire.network.leads_to
    assert (await other.engine.pull()).problem is None
    assert credit_of(other.desk) == money("0.450")
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []


@pytest.mark.sweep(5)
@pytest.mark.parametrize("fault", SURVIVED)
@pytest.mark.parametrize("at_the_question", [True, False])
async def test_it_is_sent_again_with_the_same_bytes(fault: Fault, at_the_question: bool) -> None:
    wire = await earning(CommissionAt.SETTLEMENT)
    for _ in range(2):
        pay(wire.desk, cash("10"), account="D-1", lines=SERVICE_TWICE)
        wire.clock.advance(minutes=20)
    await wire.engine.drain(timeout_s=HOUR_S)
    settle_commission(wire.desk, BACK_OFFICE, "D-1")
    wire.network.script(*([fault] if at_the_question else [Fault.NONE, fault]))

    await wire.engine.drain(timeout_s=HOUR_S)

    assert [(account, minor) for _, account, minor in credited(wire)] == [("D-1", 450), ("D-1", 450)]
    assert len(set(posts(wire))) == 2
    assert verify_central(wire.central) == []


async def test_its_body_names_the_payment_that_earned_it() -> None:
    wire = await earning(CommissionAt.SETTLEMENT)
    pay(wire.desk, cash("10"), account="D-1", lines=SERVICE_TWICE)
    done = settle_commission(wire.desk, BACK_OFFICE, "D-1")

    await wire.engine.drain(timeout_s=HOUR_S)

    leg, message = wire.outbox()
    body = loads(posts(wire)[0])
    assert body["payment"] == {"id": leg["server_id"], "correlatorId": leg["correlator_id"]}
    assert (body["correlatorId"], body["settlement"]) == (message["correlator_id"], done.settlement_id)
    assert body["account"]["id"] == "D-1"
    assert body["totalAmount"] == {"unit": "KWD", "value": Decimal("0.450")}


async def test_a_foreign_central_has_no_place_for_it_and_nothing_waits() -> None:
    wire = await earning(own=False)
    grant_limit(wire.desk, "20")
    pay(wire.desk, cash("10"), account="D-1", lines=SERVICE_TWICE)

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, report.parked) == (0, 0)
    assert [(row["state"], row["server_id"]) for row in wire.outbox()][1] == ("acknowledged", "not-told")
    assert posts(wire) == []
    assert credit_of(wire.desk) == money("0.450")
