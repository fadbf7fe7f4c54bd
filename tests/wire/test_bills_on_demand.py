"""A bill that is asked for at the counter: central makes it once, and it comes with the others."""

from __future__ import annotations

import pytest

from pos.domain.demanded_bill import BillDemanded
from pos.domain.errors import DomainError, Refused
from pos.machine import InlineRunner
from pos.till.demand_bill import UNANSWERED, demand_bill
from pos.till.open_bills import catch_up_all
from sync.central.operating.fixture import load_fixture
from sync.demanded_bills import CentralBills
from tests.builders.tills import AUDITOR, CASHIER, rows
from tests.builders.undoing import open_bills
from tests.builders.wire import Fault, ForeignServer, Wire, foreign_client
from tests.central.central_builders import rate
from tests.wire.test_outcomes import DEALER
from tests.wire.test_tokens_at_central import enrolled, guarded_wire, signs


async def with_unbilled_calls() -> Wire:
    """A till whose central has 3.000 of BA-1 on no bill yet."""
    wire = await guarded_wire()
    unbilled = {**rate("R-NEW", "", "3.000"), "isBilled": False, "billingAccount": {"id": "BA-1"}}
    unbilled.pop("bill", None)
    load_fixture(wire.central, {"accounts": [DEALER], "rates": [unbilled]})
    signs(wire, enrolled(wire))
    assert (await wire.engine.pull()).problem is None
    return wire


async def ask(wire: Wire, account: str = "BA-1", *, asked_by: str = "S-1") -> BillDemanded:
    press = CentralBills(wire.client)
    return await demand_bill(wire.desk, CASHIER, account, press, InlineRunner(), asked_by=asked_by)


async def test_a_bill_that_is_asked_for_stands_among_the_bills() -> None:
    wire = await with_unbilled_calls()
    before = set(open_bills(wire.desk))

    demanded = await ask(wire)
    assert (await wire.engine.pull()).problem is None
    catch_up_all(wire.desk)

    (made,) = set(open_bills(wire.desk)) - before
    assert open_bills(wire.desk)[made] == 3_000
    assert demanded.bill_id is not None
    audit = rows(wire.desk, "audit")[-1]
    assert (audit["act"], audit["result"], audit["subject"]) == ("demand_bill", "ok", "BA-1")


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.AWAY, Fault.REFUSED])
async def test_who_gets_no_answer_asks_again_and_gets_the_same_bill(fault: Fault) -> None:
    wire = await with_unbilled_calls()
    wire.network.script(fault)
    with pytest.raises(Refused) as refusal:
        await ask(wire)
    assert (refusal.value.code, refusal.value.message) == ("bill_needs_central", UNANSWERED)

    first, again = await ask(wire), await ask(wire)

    assert first == again
    assert first.bill_id is not None


@pytest.mark.parametrize(
    ("account", "code"),
    [("BA-2", "nothing_to_bill"), ("D-1", "account_without_bills"), ("BA-404", "unknown_account")],
)
async def test_where_there_is_no_bill_the_reason_is_said(account: str, code: str) -> None:
    wire = await with_unbilled_calls()
    with pytest.raises(Refused) as refusal:
        await ask(wire, account)
    assert refusal.value.code == code
    audit = rows(wire.desk, "audit")[-1]
    assert (audit["act"], audit["result"], audit["subject"]) == ("demand_bill", "refused", account)


async def test_without_central_or_the_right_nobody_is_asked() -> None:
    wire = await with_unbilled_calls()
    wire.network.requests.clear()
    with pytest.raises(Refused) as refusal:
        await demand_bill(wire.desk, CASHIER, "BA-1", None, InlineRunner(), asked_by="S-1")
    assert refusal.value.message == "Bills are made by central, and this till has none."
    press = CentralBills(wire.client)
    with pytest.raises(DomainError) as denied:
        await demand_bill(wire.desk, AUDITOR, "BA-1", press, InlineRunner(), asked_by="S-1")
    assert denied.value.code == "not_allowed"
    assert wire.network.requests == []


async def test_a_code_that_no_script_can_go_by_is_not_told_on() -> None:
    """Another server's code may be anything, what a terminal obeys too."""
    wire, server = await with_unbilled_calls(), ForeignServer()
    why = {"code": "4711\x1b[2J", "label": "Not this month"}
    server.answer_of = lambda stored: {**stored, "state": "rejected", "stateReason": why}
    press = CentralBills(foreign_client(server))
    with pytest.raises(Refused) as refusal:
        await demand_bill(wire.desk, CASHIER, "BA-1", press, InlineRunner(), asked_by="S-1")
    assert (refusal.value.code, refusal.value.message) == ("bill_not_made", "Not this month")


async def test_a_server_that_makes_it_later_is_taken_at_its_word() -> None:
    """By the standard a demand may stand there before its bill does."""
    wire, server = await with_unbilled_calls(), ForeignServer()
    press = CentralBills(foreign_client(server))
    demanded = await demand_bill(wire.desk, CASHIER, "BA-1", press, InlineRunner(), asked_by="S-1")
    assert demanded == BillDemanded(account="BA-1", demand_id="F-1", bill_id=None)
    assert server.payments[0]["billingAccount"]["id"] == "BA-1"
