"""Two tills of a shop and central: each bag is one till's, whatever the network does, and the senders hear of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pos.domain.shop_bag import AcceptedState, BagPaper, SentState
from pos.store.other_tills import bags_to_come, other_tills
from pos.till.accepted_bags import AcceptOrder, accept_bag, bags_accepted, undo_accept_bag
from pos.till.desk import Desk
from pos.till.shop_bags import BagOrder, bags_sent, recall_bag, send_bag
from sync.central.store.database import next_change
from sync.central.wire.links import SHOP_BAG_PATH
from sync.shop.bag_wire import read_bag
from sync.shop.bags import LISTED_MAX
from sync.wire_json import BadField
from tests.builders.tills import BACK_OFFICE, SUPERVISOR, closed, count, findings, money, opened, rows
from tests.builders.undoing import approved
from tests.builders.wire import Fault, Wire, make_wire


@pytest.fixture
async def sender() -> Wire:
    """Till T1, with 5 in its safe."""
    wire = await make_wire()
    wire.pay("BA-1", "5.000")
    count(wire.desk, "25")
    closed(wire.desk)
    await set_office(wire)
    return wire


async def another(sender: Wire, terminal: str) -> Wire:
    """A till of the same shop, at the same central."""
    wire = await make_wire(seed=terminal)
    wire.network.leads_to = sender.network.leads_to
    wire.desk.identity = replace(wire.desk.identity, terminal=terminal)
    await set_office(wire)
    return wire


async def set_office(wire: Wire, office: str = "T9") -> None:
    wire.desk.policy = replace(wire.desk.policy, cash_office=office)
    wire.restart()
    await wire.engine.pull()


@pytest.fixture
async def office(sender: Wire) -> Wire:
    """Till T9, the cash office."""
    return await another(sender, "T9")


def sent(wire: Wire, bag: str = "B-7", amount: str = "3") -> BagPaper:
    return send_bag(wire.desk, SUPERVISOR, BagOrder(bag=bag, amount=amount)).sent.paper


def accept(desk: Desk, paper: BagPaper, counted: str = "3") -> None:
    told = AcceptOrder(
        paper=paper.number, bag=paper.bag, amount=paper.amount.plain(), check=paper.check, counted=counted
    )
    accept_bag(desk, SUPERVISOR, told)


def states(wire: Wire) -> list[str]:
    sent_from = [str(bag.state) for bag in bags_sent(wire.desk, BACK_OFFICE)]
    return sent_from + [str(bag.state) for bag in bags_accepted(wire.desk, BACK_OFFICE)]


def posts(wire: Wire) -> int:
    return sum(one.path == SHOP_BAG_PATH and one.method == "POST" for one in wire.network.heads)


def to_come(wire: Wire) -> list[BagPaper]:
    with wire.desk.cache.read() as connection:
        return bags_to_come(connection)


async def test_the_office_hears_of_a_bag_and_the_sender_of_its_arrival(sender: Wire, office: Wire) -> None:
    paper = sent(sender)
    await sender.engine.push()
    await office.engine.pull()
    assert to_come(office) == [paper]

    accept(office.desk, paper)
    await office.engine.push()
    await sender.engine.pull()

    (arrived,) = bags_sent(sender.desk, BACK_OFFICE)
    assert (arrived.state, arrived.arrived_at, arrived.counted) == (SentState.ARRIVED, "T9", money("3"))
    assert (states(office), to_come(office)) == (["accepted"], [])
    assert findings(sender.desk) == findings(office.desk) == []


async def test_each_deed_is_told_once(sender: Wire, office: Wire) -> None:
    paper = sent(sender)
    accept(office.desk, paper)
    for _ in range(3):
        for wire in (office, sender):
            await wire.engine.push()
            await wire.engine.pull()
    sender.restart()
    await sender.engine.pull()

    assert (posts(sender), posts(office)) == (1, 1)


async def test_an_answer_that_was_lost_is_asked_for_again(sender: Wire, office: Wire) -> None:
    paper = sent(sender)
    office.network.fault_of = lambda request: (
        Fault.LOST_ANSWER if request.url.path == SHOP_BAG_PATH and request.method == "POST" else Fault.NONE
    )
    accept(office.desk, paper)
    await office.engine.push()
    office.network.heal()
    office.clock.advance(minutes=1)
    await office.engine.push()
    await sender.engine.push()
    await sender.engine.pull()

    assert (states(office), states(sender)) == (["accepted"], ["arrived"])


async def test_the_second_till_that_accepted_a_bag_is_told_so_and_takes_it_back(
    sender: Wire, office: Wire
) -> None:
    other = await another(sender, "T8")
    await set_office(other, "T8")
    paper = sent(sender)
    accept(office.desk, paper)
    accept(other.desk, paper)
    await office.engine.push()
    await other.engine.push()

    (refused,) = bags_accepted(other.desk, BACK_OFFICE)
    assert refused.state is AcceptedState.REFUSED
    assert refused.refused.startswith("Till T9 accepted this bag on 2026-11-21")
    undo = lambda: undo_accept_bag(other.desk, SUPERVISOR, paper.number, "T9 has it")  # noqa: E731
    approved(other.desk, undo, BACK_OFFICE)
    await other.engine.push()
    await sender.engine.pull()
    assert (states(other), states(office), states(sender)) == (["undone"], ["accepted"], ["arrived"])
    assert findings(other.desk) == []


async def test_a_bag_that_came_back_is_no_other_tills(sender: Wire, office: Wire) -> None:
    paper = sent(sender)
    approved(sender.desk, lambda: recall_bag(sender.desk, SUPERVISOR, paper.number, "no car"), BACK_OFFICE)
    accept(office.desk, paper)
    await sender.engine.push()
    await office.engine.push()

    assert (states(sender), states(office)) == (["recalled"], ["refused"])
    assert (
        bags_accepted(office.desk, BACK_OFFICE)[0].refused == "This bag came back to the till that sent it."
    )


async def test_who_took_a_bag_back_that_another_has_is_told_so(sender: Wire, office: Wire) -> None:
    paper = sent(sender)
    accept(office.desk, paper)
    await office.engine.push()
    approved(sender.desk, lambda: recall_bag(sender.desk, SUPERVISOR, paper.number, "no car"), BACK_OFFICE)
    await sender.engine.push()
    await sender.engine.pull()

    (bag,) = bags_sent(sender.desk, BACK_OFFICE)
    assert (bag.state, bag.is_in_doubt, bag.arrived_at) == (SentState.RECALLED, True, "T9")
    undo = lambda: undo_accept_bag(office.desk, SUPERVISOR, paper.number, "not here")  # noqa: E731
    approved(office.desk, undo, BACK_OFFICE)
    for wire in (office, sender, sender):
        await wire.engine.push()
        await wire.engine.pull()
    (bag,) = bags_sent(sender.desk, BACK_OFFICE)
    assert (bag.is_in_doubt, states(office)) == (False, ["undone"])
    assert findings(sender.desk) == []


async def test_what_is_taken_back_is_told_with_its_own_time(sender: Wire, office: Wire) -> None:
    back, wrong = sent(sender, "B-7", "1"), sent(sender, "B-8", "1")
    accept(office.desk, wrong, "1")
    for wire in (sender, office):
        await wire.engine.push()
        wire.clock.advance(hours=5)
    undo = lambda: undo_accept_bag(office.desk, SUPERVISOR, wrong.number, "not here")  # noqa: E731
    approved(office.desk, undo, BACK_OFFICE)
    approved(sender.desk, lambda: recall_bag(sender.desk, SUPERVISOR, back.number, "no car"), BACK_OFFICE)
    for wire in (sender, office):
        await wire.engine.push()

    with sender.central.read() as connection:
        told = connection.exec_driver_sql("SELECT deed, happened_at FROM shop_bag_step").all()
    times: dict[str, set[str]] = {}
    for deed, at in told:
        times.setdefault(deed, set()).add(at)
    assert times == {
        "sent": {str(row["at_utc"]) for row in rows(sender.desk, "bag_sending")},
        "accepted": {str(row["at_utc"]) for row in rows(office.desk, "bag_acceptance")},
        "recalled": {str(row["at_utc"]) for row in rows(sender.desk, "bag_recall")},
        "undone": {str(row["at_utc"]) for row in rows(office.desk, "bag_acceptance_undone")},
    }


async def test_an_old_acceptance_is_taken_back_though_many_bags_came_since(
    sender: Wire, office: Wire
) -> None:
    paper = sent(sender)
    accept(office.desk, paper)
    for wire in (office, sender):
        await wire.engine.push()
    await sender.engine.pull()
    assert states(sender) == ["arrived"]
    with sender.central.write() as connection:
        for number in range(LISTED_MAX):
            connection.exec_driver_sql(
                "INSERT INTO shop_bag (paper, terminal, shop, bag, currency, amount_minor, state, is_told, told_at, "
                "change_number) VALUES (?, 'T5', 'S014', 'B-1', 'KWD', 1000, 'recalled', 1, '2026-11-21', ?)",
                (f"S014-T5-A-TB-{number}", next_change(connection)),
            )
    undo = lambda: undo_accept_bag(office.desk, SUPERVISOR, paper.number, "the other bag")  # noqa: E731
    approved(office.desk, undo, BACK_OFFICE)
    for _ in range(2):
        await office.engine.push()
        await office.engine.pull()
    await sender.engine.pull()

    assert states(sender) == ["on_the_way"]
    assert posts(office) == 2


async def test_a_central_that_forgot_is_told_again(sender: Wire, office: Wire) -> None:
    paper = sent(sender)
    await sender.engine.push()
    accept(office.desk, paper)
    await office.engine.push()
    with sender.central.write() as connection:
        connection.exec_driver_sql("DELETE FROM shop_bag_step")
        connection.exec_driver_sql("DELETE FROM shop_bag")

    for wire in (sender, office, sender):
        await wire.engine.pull()

    assert (states(sender), states(office)) == (["arrived"], ["accepted"])


async def test_a_till_without_bags_asks_nothing() -> None:
    wire = await make_wire()
    await wire.engine.pull()
    await wire.engine.push()

    assert [one for one in wire.network.heads if one.path == SHOP_BAG_PATH] == []


async def test_the_office_hears_how_far_the_other_tills_are(sender: Wire, office: Wire) -> None:
    opened(sender.desk, person=SUPERVISOR)
    sent(sender)
    await sender.engine.pull()
    office.clock.advance(minutes=2)
    await office.engine.pull()

    with office.desk.cache.read() as connection:
        (till,) = other_tills(connection).tills
    assert (till.terminal, till.standing.operator, till.standing.bags) == ("T1", "2002", 1)
    assert till.standing.bags_amount == money("3")
    assert till.standing.open_days == (sender.clock.now().date(),)
    assert office.clock.now() - till.heard_at < timedelta(minutes=3)
    assert rows(office.desk, "v_sent_bag") == []


BAG_AT_CENTRAL: dict[str, Any] = {
    "id": "S014-T1-A-TB-000001",
    "bag": "B-7",
    "amount": {"unit": "KWD", "value": 3},
    "terminal": "T1",
    "state": "accepted",
    "isTold": True,
    "acceptance": "A-1",
    "acceptedBy": "T9",
    "acceptedAt": "2026-11-21T18:00:00Z",
    "counted": {"unit": "KWD", "value": 3},
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"counted": None},
        {"counted": {"unit": "KWD", "value": -1}},
        {"counted": {"unit": "EUR", "value": 3}},
        {"acceptedBy": ""},
        {"acceptedAt": ""},
    ],
)
def test_an_acceptance_that_is_told_in_part_is_not_read(wrong: dict[str, object]) -> None:
    assert read_bag(BAG_AT_CENTRAL).counted == money("3")

    with pytest.raises(BadField):
        read_bag(BAG_AT_CENTRAL | wrong)
    with pytest.raises(BadField):
        read_bag({name: value for name, value in BAG_AT_CENTRAL.items() if name not in wrong})


def test_the_number_of_a_paper_is_read_to_its_end() -> None:
    number = f"S014-{'K' * 64}-A-TB-000001"

    assert read_bag(BAG_AT_CENTRAL | {"id": number}).paper.number == number
