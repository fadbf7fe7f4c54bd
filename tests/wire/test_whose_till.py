"""A till knows whose it is: what the operator alone decides is refused at a dealer's at once, and waits for no central."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms, Settlement
from pos.domain.dealer import DealerPolicy, DealerTerms
from pos.domain.demanded_bill import BillUnanswered, DemandOutcome
from pos.domain.errors import DomainError
from pos.domain.parked_entry import Settled
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.till.collections import collect
from pos.till.commissions import commissions_owed
from pos.till.demand_bill import demand_bill
from pos.till.desk import Desk
from pos.till.mandates import MandateDeed, MandateOrder, keep_mandate
from pos.till.parked_entries import SettleEntryOrder, settle_entry
from pos.till.suspense import ResolveOrder, resolve_suspense
from pos.till.whose_till import OPERATORS_ALONE, tills_dealer
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from tests.builders.tills import BACK_OFFICE, cash, findings, pay, rows, sale, stock
from tests.builders.wire import Wire
from tests.till.books import refused
from tests.till.test_permission_matrix import DEEDS as ACTS
from tests.wire.test_outcomes import DEALER, HOUR_S, presented
from tests.wire.test_tokens_at_central import enrolled, guarded_wire, signs


async def till_of(dealer: str | None) -> Wire:
    """A till that has heard whose it is."""
    wire = await guarded_wire()
    load_fixture(wire.central, {"accounts": [DEALER]})
    signs(wire, enrolled(wire, dealer=dealer))
    stock(wire.desk)
    assert (await wire.engine.pull()).problem is None
    return wire


class NoPress:
    async def demand(self, account: str, key: str) -> DemandOutcome:
        return BillUnanswered(reason=f"nobody makes a bill of {account} as {key}")


DEEDS: Mapping[str, Callable[[Desk, Person], object]] = {
    "demand_bill": lambda desk, who: asyncio.run(
        demand_bill(desk, who, "BA-1", NoPress(), InlineRunner(), asked_by="x")
    ),
    **{act: ACTS[act] for act in OPERATORS_ALONE & ACTS.keys()},
    "mandate": lambda desk, who: keep_mandate(
        desk, who, MandateOrder(deed=MandateDeed.END, mandate="M-1", reason="moved away")
    ),
    "collect_debits": lambda desk, who: collect(desk, who, "2026-12-01"),
    "settle_bank_entry": lambda desk, who: settle_entry(
        desk, who, SettleEntryOrder(run="R-1", number=1, how=Settled.NOTED, reason="looked into")
    ),
    "resolve_suspense": lambda desk, who: resolve_suspense(
        desk, who, ResolveOrder(receipt="S014-T1-A-000001", account="BA-1")
    ),
}


@pytest.mark.parametrize("act", sorted(OPERATORS_ALONE))
def test_what_the_operator_alone_decides_is_refused_at_a_dealers_till(act: str) -> None:
    own, dealers = asyncio.run(till_of(None)).desk, asyncio.run(till_of("D-1")).desk
    refusal = refused(dealers, lambda: DEEDS[act](dealers, BACK_OFFICE))
    assert (refusal.code, refusal.message) == (
        "operator_alone",
        "This till is dealer D-1's. Only the operator's own tills do that.",
    )
    assert code_of(lambda: DEEDS[act](own, BACK_OFFICE)) != "operator_alone"


def code_of(deed: Callable[[], object]) -> str | None:
    try:
        deed()
    except DomainError as refusal:
        return refusal.code
    return None


async def test_a_dealers_till_knows_it_while_central_cannot_be_reached() -> None:
    wire = await till_of("D-1")
    wire.network.down()
    assert (await wire.engine.pull()).problem is not None
    assert tills_dealer(wire.desk.cache) == "D-1"


async def test_a_dealer_buys_at_its_own_till_and_nothing_waits_for_central() -> None:
    """Central gives no commission by a dealer's own word: it is owed until the operator settles it."""
    wire = await till_of("D-1")
    terms = CommissionTerms(
        rules=[CommissionRule(percent=Decimal(5))], at=CommissionAt.SALE, settlement=Settlement.GROSS
    )
    wire.desk.policy = replace(
        wire.desk.policy, dealers=DealerPolicy(standard=DealerTerms(commission=terms), classes={})
    )
    pay(wire.desk, cash("10"), account="D-1", lines=[sale("SERVICE", 2)])
    presented(wire.desk)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert {row["state"] for row in rows(wire.desk, "outbox")} == {"acknowledged"}
    (to_settle,) = commissions_owed(wire.desk, BACK_OFFICE)
    assert to_settle.owed.commission.plain() == "0.500"
    assert findings(wire.desk) == []
    assert verify_central(wire.central) == []
