"""The books and central are compared both ways, and a row that was refused can be sent again."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from pos.bootstrap.homes import series_of
from pos.bootstrap.wire import CentralUnreachable, compare_with_central
from pos.store import outbox
from sync import inbound
from tests.builders.wire import Fault, Wire, make_wire, unfilled_wire


async def differences(wire: Wire) -> list[tuple[str, str]]:
    return [(finding.check, finding.where) for finding in await compare_with_central(wire.desk, wire.client)]


async def test_what_both_have_alike_is_no_finding() -> None:
    wire = await make_wire(accounts=3)
    for number in (1, 2, 3):
        wire.pay(f"BA-{number}", "1.000")
    await wire.engine.push()
    wire.pay("BA-1", "2.000")

    assert await differences(wire) == []


async def test_a_payment_that_central_lost_is_named() -> None:
    wire = await make_wire()
    event = wire.pay("BA-1", "1.000")
    await wire.engine.push()
    wire.told("DELETE FROM applied_payment")
    wire.told("DELETE FROM payment")

    assert await differences(wire) == [("payment_is_at_central", f"{event}-1")]


async def test_a_payment_that_the_books_lost_is_named() -> None:
    wire = await make_wire()
    other = await make_wire(seed="another life of this terminal")
    event = other.pay("BA-1", "1.000")
    other.network.leads_to = wire.network.leads_to
    await other.engine.push()

    assert await differences(wire) == [("payment_is_in_the_books", f"{event}-1")]


async def test_the_head_is_told_with_each_pull_and_stays_on_the_chain() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    await wire.engine.push()
    await wire.engine.pull()
    wire.pay("BA-1", "2.000")
    await wire.engine.pull()

    told = await wire.client.heads_of("T1")

    assert told is not None
    assert len(told) >= 2
    assert await differences(wire) == []


async def test_a_store_that_was_exchanged_since_it_told_its_head_is_named() -> None:
    """Invariant 41: a cut tail, or an older file put back, shows by what central was told."""
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    await wire.engine.push()
    await wire.engine.pull()
    other = await make_wire(seed="another life of this terminal")
    other.network.leads_to = wire.network.leads_to

    named = await differences(other)

    assert "told_head_is_on_the_chain" in {check for check, _ in named}


async def test_a_head_that_cannot_be_told_holds_up_nothing() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    wire.network.down()

    assert (await wire.engine.pull()).problem is not None
    assert (await wire.engine.push()).acknowledged == 0
    assert wire.states() in (["waiting"], ["unknown"])


async def test_a_central_that_does_not_answer_is_no_finding() -> None:
    wire = await make_wire()
    wire.network.down()

    with pytest.raises(CentralUnreachable):
        await compare_with_central(wire.desk, wire.client)


async def test_a_parked_row_is_looked_up_and_sent_again_when_a_person_says_so() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    wire.network.script(Fault.BAD)
    await wire.engine.push()
    assert wire.states() == ["parked"]

    with wire.desk.till.transaction() as unit:
        assert outbox.retry_parked(unit.connection, at=wire.clock.now()) == 1
    await wire.engine.push()

    assert wire.states() == ["acknowledged"]
    assert [request.is_look_up for request in wire.network.requests] == [False, True, False]


async def test_a_clock_that_was_once_far_ahead_holds_nothing_up() -> None:
    wire = await make_wire()
    right = wire.clock.now()
    wire.clock.set(right + timedelta(days=400))
    wire.pay("BA-1", "1.000")
    wire.network.script(Fault.FAILED)
    await wire.engine.push()
    wire.clock.set(right)

    await wire.engine.drain(timeout_s=60)

    assert wire.states() == ["acknowledged"]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 405, 501])
async def test_a_gateway_that_knows_nothing_of_ours_is_a_foreign_server(status: int) -> None:
    def gateway(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status)

    wire = unfilled_wire()
    wire.network.leads_to = httpx.MockTransport(gateway)
    announced = await wire.client.announced()

    assert (announced == {}) is (status < 500)


async def test_rates_whose_paging_was_cut_short_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "RATES_PAGE", 30)
    wire = unfilled_wire(accounts=50)
    pages = 0

    def cut(request: httpx.Request) -> None:
        nonlocal pages
        pages += request.url.path.endswith("BillingRate")
        if pages == 3:
            wire.network.next(Fault.AWAY)
            pages += 1

    wire.network.before = cut
    await wire.engine.pull()
    wire.network.before = lambda _request: None
    wire.clock.advance(seconds=60)
    await wire.engine.pull()

    told = wire.look("SELECT count(*) FROM rate")
    assert told == 100, "two rates for each of 50 bills"


@pytest.mark.parametrize(
    ("epoch", "series"), [(1, "A"), (2, "B"), (26, "Z"), (27, "AA"), (53, "BA"), (703, "AAA")]
)
def test_each_enrolment_has_a_receipt_series_of_its_own(epoch: int, series: str) -> None:
    """Rule 21: a restore or clone opens a new series letter."""
    assert series_of(epoch) == series
