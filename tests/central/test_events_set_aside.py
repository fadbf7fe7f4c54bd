"""A note that no event can be made of: it is set aside for all to see, and the money goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from sync.central.access.audit import events
from sync.central.hub.subscriptions import try_again
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.store.database import CentralStore
from tests.central.central_builders import payment, post
from tests.central.hub_builders import Central, Listener, central_over, kept_events, listen
from tests.central.refund_builders import paid

pytestmark = pytest.mark.both_stores

BROKEN_NOTE = "INSERT INTO event_due (kind, resource_id, was) VALUES ('payment', :id, '{')"
UNKNOWN_NOTE = "INSERT INTO event_due (kind, resource_id) VALUES ('parcel', :id)"


@pytest.fixture
async def central(store: CentralStore) -> AsyncIterator[Central]:
    async with central_over(store) as opened:
        yield opened


def write(central: Central, statement: str, **values: str) -> None:
    """As another program does, which makes no events."""
    central.store.before_commit = None
    with central.store.write() as connection:
        connection.execute(text(statement), values)
    central.store.before_commit = central.recorder


def told(central: Central) -> list[str]:
    """Of which payment each event that is kept is."""
    return [event["event"]["payment"]["id"] for event in kept_events(central.store)]


@pytest.mark.parametrize(("note", "kind"), [(BROKEN_NOTE, "payment"), (UNKNOWN_NOTE, "parcel")])
async def test_a_note_that_no_event_can_be_made_of_stops_no_payment(
    central: Central, note: str, kind: str
) -> None:
    await listen(central.client)
    first = await paid(central.client)
    write(central, note, id=first)

    second = await paid(central.client)
    third = await paid(central.client)

    assert told(central) == [first, second, third]
    figures = (await central.client.get("/metrics")).text
    assert 'counterfoil_central_events{state="set_aside"} 1.0' in figures
    [finding] = verify_central(central.store)
    assert (finding.subject, finding.subject_id) == (kind, first)
    assert "No event could be made" in finding.message
    with central.store.read() as connection:
        [noted] = [one for one in events(connection) if one.event == "event_set_aside"]
    assert noted.subject == f"{kind}:{first}"


async def test_an_event_whose_number_is_taken_stops_no_payment(central: Central) -> None:
    await listen(central.client)
    first = await paid(central.client)
    write(central, "UPDATE event_counter SET value = value - 1")

    second = await paid(central.client)
    third = await paid(central.client)

    assert told(central) == [first, third]
    [finding] = verify_central(central.store)
    assert finding.subject_id == second


async def test_what_was_set_aside_is_told_once_it_can_be(central: Central) -> None:
    hub_id = await listen(central.client)
    first = await paid(central.client)
    write(central, BROKEN_NOTE, id=first)
    second = await paid(central.client)
    write(central, "UPDATE event_set_aside SET was = NULL")

    with central.store.write() as connection:
        assert try_again(connection, hub_id, at=central.clock.now()) == 2, "that one is made with the commit"

    assert told(central) == [first, second, first]
    assert verify_central(central.store) == []
    listener = Listener(central.clock)
    async with central.telling(localhost=listener):
        await central.pass_time(central.nothing_left)
    assert [heard.about for heard in listener.heard] == [first, second, first]


async def test_what_cannot_be_told_still_is_set_aside_again(central: Central) -> None:
    hub_id = await listen(central.client)
    first = await paid(central.client)
    write(central, BROKEN_NOTE, id=first)
    await paid(central.client)

    with central.store.write() as connection:
        try_again(connection, hub_id, at=central.clock.now())

    [finding] = verify_central(central.store)
    assert finding.subject_id == first


@pytest.mark.kept_in("sqlite")
async def test_a_store_that_cannot_be_used_sets_nothing_aside(central: Central) -> None:
    await listen(central.client)
    write(central, "ALTER TABLE event RENAME TO event_gone")

    assert (await post(central.client, payment("1.000"))).status_code >= 500
    write(central, "ALTER TABLE event_gone RENAME TO event")

    assert list(list_payments(central.store)) == []
    assert verify_central(central.store) == []
