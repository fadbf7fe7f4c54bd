"""The books and central are compared both ways, and a row that was refused can be sent again."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from pos.bootstrap.homes import series_of
from pos.bootstrap.wire import CentralUnreachable, compare_with_central
from pos.store import outbox
from pos.store.chain import head
from pos.till.cash_office import CountOrder, close_shift, count_shift
from sync import inbound
from sync.central.tills.heads import head_faults
from sync.central.wire.links import SHIFT_TOTAL_PATH
from sync.heads import heads_of
from sync.outcomes import OwnAnswer
from sync.teller import AGAIN_AFTER_S
from tests.builders.tills import CASHIER, opened
from tests.builders.wire import RETRY_AFTER_S, Fault, Wire, make_wire, unfilled_wire


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

    found = await differences(wire)
    assert ("payment_is_in_the_books", f"{event}-1") in found
    assert {check for check, _ in found} == {"payment_is_in_the_books", "told_head_is_on_the_chain"}


async def test_the_head_is_told_with_each_pull_and_stays_on_the_chain() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    await wire.engine.push()
    await wire.engine.pull()
    wire.pay("BA-1", "2.000")
    await wire.engine.pull()

    told = await heads_of(wire.client, "T1")

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


def numbers_told(wire: Wire) -> list[int]:
    with wire.central.read() as connection:
        found = connection.exec_driver_sql("SELECT chain_no FROM terminal_head ORDER BY told_at, chain_no")
        return [int(row[0]) for row in found]


def faults_at(wire: Wire) -> list[str]:
    with wire.central.read() as connection:
        return [what for _, what in head_faults(connection)]


def last_link(wire: Wire) -> int:
    with wire.desk.till.read() as connection:
        return head(connection)[0]


async def another_life(wire: Wire) -> Wire:
    """A till of the same number and enrolment, at the same central, a minute later."""
    other = await make_wire(seed="another life of this terminal")
    other.network.leads_to = wire.network.leads_to
    other.restart()
    wire.clock.advance(minutes=1)
    return other


async def test_the_head_is_told_with_each_push() -> None:
    """Invariant 41: what was sold and sent since the last pull is known at central too."""
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    await wire.engine.push()
    assert numbers_told(wire)[-1] == last_link(wire)

    asked = len(wire.network.heads)
    await wire.engine.push()
    assert len(wire.network.heads) == asked, "a till in which nothing happened tells nothing"
    assert await differences(wire) == []


async def test_each_close_of_a_shift_without_central_is_told_later_in_order() -> None:
    """A close never waits for the network; its head lies in the books until central is back."""
    wire = await make_wire()
    wire.network.down()
    for _ in range(3):
        wire.pay("BA-1", "1.000")
        count_shift(wire.desk, CASHIER, CountOrder(cash="0"))
        close_shift(wire.desk, CASHIER, reason="a test counts nothing")
        wire.clock.advance(minutes=20)
        opened(wire.desk)
        await wire.engine.push()
    wire.restart()
    wire.network.heal()
    await wire.engine.pull()

    with wire.desk.till.read() as connection:
        closed = [int(row[0]) for row in connection.exec_driver_sql("SELECT chain_no FROM shift_signature")]
    told = numbers_told(wire)
    assert len(closed) == 3
    assert set(closed) <= set(told)
    assert told == sorted(told)
    assert (faults_at(wire), await differences(wire)) == ([], [])


async def totals_at(wire: Wire) -> list[tuple[str, object, str]]:
    """Of each shift that central was told of: its id, how many payments, and whether they are there."""
    answer = await wire.client.ask_own("GET", "shiftTotal", query={})
    assert isinstance(answer, OwnAnswer)
    return [
        (row["shiftId"], [paid["count"] for paid in row["payments"]], row["state"]) for row in answer.told
    ]


def close(wire: Wire) -> str:
    """Close the shift and open the next; the closed one's id."""
    shift = close_shift_of(wire)
    wire.clock.advance(minutes=20)
    opened(wire.desk)
    return shift


def close_shift_of(wire: Wire) -> str:
    count_shift(wire.desk, CASHIER, CountOrder(cash="0"))
    close_shift(wire.desk, CASHIER, reason="a test counts nothing")
    with wire.desk.till.read() as connection:
        newest = "SELECT shift_id FROM shift_close ORDER BY closed_at_utc DESC LIMIT 1"
        return str(connection.exec_driver_sql(newest).scalar_one())


async def test_central_is_told_what_each_closed_shift_took() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    wire.pay("BA-1", "2.000")
    first = close(wire)
    wire.pay("BA-1", "4.000")
    await wire.engine.push()
    assert await totals_at(wire) == [(first, [2], "complete")]

    second = close(wire)
    close(wire)
    await wire.engine.push()
    wire.restart()
    await wire.engine.pull()

    assert await totals_at(wire) == [(first, [2], "complete"), (second, [1], "complete")]
    asked = len(wire.network.heads)
    await wire.engine.push()
    assert len(wire.network.heads) == asked, "a till in which nothing was closed tells nothing"


async def test_central_is_left_alone_for_as_long_as_it_asks_when_a_total_is_told() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    shift = close(wire)
    wire.network.fault_of = lambda request: Fault.AWAY if request.url.path == SHIFT_TOTAL_PATH else Fault.NONE
    await wire.engine.push()

    wire.network.heal()
    asked = len(wire.network.heads)
    wire.clock.advance(seconds=RETRY_AFTER_S[Fault.AWAY] - 1)
    await wire.engine.push()
    assert len(wire.network.heads) == asked

    wire.clock.advance(seconds=2)
    await wire.engine.push()
    assert await totals_at(wire) == [(shift, [1], "complete")]


async def test_a_total_that_cannot_be_told_is_told_later_and_not_at_every_moment() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    shift = close(wire)
    wire.network.fault_of = lambda request: (
        Fault.FAILED if request.url.path == SHIFT_TOTAL_PATH else Fault.NONE
    )
    await wire.engine.push()
    asked = len(wire.network.heads)
    await wire.engine.push()
    assert len(wire.network.heads) == asked

    wire.network.heal()
    wire.clock.advance(seconds=AGAIN_AFTER_S)
    await wire.engine.push()
    assert await totals_at(wire) == [(shift, [1], "complete")]


async def test_a_payment_that_was_lost_on_its_way_is_missed_at_central() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    wire.pay("BA-1", "2.000")
    await wire.engine.push()
    wire.told("DELETE FROM applied_payment")
    wire.told("DELETE FROM payment WHERE amount_minor = 2000")

    shift = close(wire)
    await wire.engine.push()

    assert await totals_at(wire) == [(shift, [2], "incomplete")]


async def test_two_tills_of_one_number_are_a_finding_whichever_of_them_went_on() -> None:
    """Invariant 41: a copy of a home that sells beside the first differs at the link that central heard last."""
    wire = await make_wire()
    other = await another_life(wire)
    for till, account in ((wire, "BA-1"), (other, "BA-2"), (wire, "BA-3")):
        till.pay(account, "1.000")
        wire.clock.advance(minutes=1)
        await till.engine.pull()

    assert any("two marks" in what for what in faults_at(wire))
    assert "told_head_is_on_the_chain" in {check for check, _ in await differences(wire)}


async def test_an_older_store_that_went_on_further_than_before_is_a_finding() -> None:
    """It is told as a higher link, so that nothing goes back; but it is not the link that central heard of before."""
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    await wire.engine.push()
    told = numbers_told(wire)[-1]
    other = await another_life(wire)
    while last_link(other) <= told:
        other.clock.advance(minutes=20)
        other.pay("BA-2", "1.000")
    await other.engine.pull()

    assert faults_at(wire) == [f"epoch 1: two marks were told of link {told}"]


async def test_a_cut_tail_is_a_finding() -> None:
    wire = await make_wire()
    for account in ("BA-1", "BA-2", "BA-3"):
        wire.pay(account, "1.000")
    await wire.engine.push()
    other = await another_life(wire)
    await other.engine.pull()

    assert last_link(other) < last_link(wire)
    assert any("after a later one" in what for what in faults_at(wire))


async def test_a_head_that_cannot_be_told_is_told_later_and_not_at_every_moment() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    await wire.engine.push()
    told = numbers_told(wire)
    wire.clock.advance(minutes=1)
    opened_since = last_link(wire)
    wire.network.fault_of = lambda request: Fault.FAILED if request.url.path.endswith("/head") else Fault.NONE
    wire.pay("BA-2", "1.000")
    await wire.engine.push()
    asked = len(wire.network.heads)
    await wire.engine.push()
    assert len(wire.network.heads) == asked
    assert numbers_told(wire) == told

    wire.network.heal()
    wire.clock.advance(seconds=11)
    await wire.engine.push()
    assert numbers_told(wire)[-1] == last_link(wire) > opened_since


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.AWAY])
async def test_who_is_asked_for_patience_by_a_head_sends_nothing_else_before(fault: Fault) -> None:
    """Invariant 10: Retry-After is asked of the till, whatever it had sent."""
    wire = await make_wire()
    wire.network.fault_of = lambda request: fault if request.url.path.endswith("/head") else Fault.NONE
    wire.pay("BA-1", "1.000")
    await wire.engine.push()
    wire.network.heal()
    wire.pay("BA-2", "1.000")
    asked = len(wire.network.requests) + len(wire.network.heads)
    await wire.engine.push()
    assert len(wire.network.requests) + len(wire.network.heads) == asked

    wire.clock.advance(seconds=31)
    await wire.engine.push()
    assert wire.states() == ["acknowledged"] * 2
    assert numbers_told(wire)[-1] == last_link(wire)


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
