"""Events on their way to listeners: signed, in order for each resource, until acknowledged or given up for all to see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sync.central.access.audit import events
from sync.central.hub.delivery import AT_ONCE, GIVE_UP_DAYS
from sync.central.hub.figures import HubFigures, hub_faults, hub_figures
from sync.central.hub.keys import make_key, withdraw_key
from sync.central.hub.listeners import listener_hosts
from sync.central.hub.subscriptions import list_listeners, try_again
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.builders.central_stores import StoreKind, made_store
from tests.builders.tries import examples
from tests.central.central_builders import (
    BASE_URL,
    PAYMENT,
    CountedRandomness,
    item,
    payment,
    post,
    read,
    with_a_small_operator,
)
from tests.central.hub_builders import (
    BILL_HUB,
    HUB_KEY,
    LOST,
    PAYMENT_HUB,
    Central,
    Heard,
    HeldClock,
    Listener,
    central_over,
    listen,
    quiet,
)
from tests.central.refund_builders import paid, refund, undo


@pytest.fixture
async def central(store: CentralStore) -> AsyncIterator[Central]:
    async with central_over(store) as opened:
        yield opened


@pytest.fixture
def listener(central: Central) -> Listener:
    return Listener(central.clock)


async def test_a_payment_is_told_at_once_signed_and_with_whole_addresses(
    central: Central, listener: Listener
) -> None:
    await listen(central.client)
    async with central.telling(localhost=listener):
        payment_id = await paid(central.client)
        await quiet()
    [heard] = listener.heard
    [key] = loads((await central.client.get(HUB_KEY)).content)
    stored = await read(central.client, f"{PAYMENT}/{payment_id}")

    assert heard.path == "/events/listener/paymentCreateEvent"
    assert heard.event["event"]["payment"] == stored
    assert heard.event["href"] == f"{BASE_URL}{PAYMENT}/{payment_id}"
    assert heard.headers["webhook-id"] == heard.event["eventId"]
    assert heard.headers["webhook-timestamp"] == str(int(central.clock.now().timestamp()))
    assert heard.headers["content-type"] == "application/json;charset=utf-8"
    assert heard.is_signed_by(key["publicKey"])
    assert central.nothing_left()


@pytest.mark.parametrize("callback", ["http://localhost", "http://localhost/", "http://localhost/listener"])
async def test_the_events_name_stands_below_the_callback(
    central: Central, listener: Listener, callback: str
) -> None:
    await listen(central.client, callback)
    async with central.telling(localhost=listener):
        await paid(central.client)
        await quiet()

    assert [heard.path for heard in listener.heard] == ["/listener/paymentCreateEvent"]


async def test_a_new_key_signs_beside_the_old_one_until_that_is_withdrawn(
    central: Central, listener: Listener
) -> None:
    await listen(central.client)
    [old] = loads((await central.client.get(HUB_KEY)).content)
    central.clock.move(days=1)
    async with central.telling(localhost=listener):
        with central.store.write() as connection:
            make_key(connection, CountedRandomness(), at=central.clock.now())
        [_, new] = loads((await central.client.get(HUB_KEY)).content)
        await paid(central.client)
        await quiet()
        with central.store.write() as connection:
            assert withdraw_key(connection, old["id"], at=central.clock.now())
        await paid(central.client)
        await quiet()
    both, one = listener.heard

    assert (both.is_signed_by(old["publicKey"]), both.is_signed_by(new["publicKey"])) == (True, True)
    assert (one.is_signed_by(old["publicKey"]), one.is_signed_by(new["publicKey"])) == (False, True)
    assert [key["id"] for key in loads((await central.client.get(HUB_KEY)).content)] == [new["id"]]


async def test_what_was_committed_before_a_crash_is_told_after_it(store: CentralStore) -> None:
    async with central_over(store) as before:
        await listen(before.client)
        await paid(before.client)
    async with central_over(store) as after:
        listener = Listener(after.clock)
        async with after.telling(localhost=listener):
            await quiet()

    assert listener.types == ["PaymentCreateEvent"]


async def test_what_was_on_its_way_at_a_crash_is_told_again_under_the_same_id(
    central: Central, listener: Listener
) -> None:
    await listen(central.client)
    await paid(central.client)
    listener.hold = asyncio.Event()
    async with central.telling(dies=True, localhost=listener):
        await quiet()
    listener.hold = None
    async with central.telling(localhost=listener):
        await central.pass_time(central.nothing_left, step_s=5)
    first, second = listener.heard

    assert first.event["eventId"] == second.event["eventId"]
    assert first.body == second.body


async def test_the_next_of_a_resource_waits_for_the_one_before(central: Central, listener: Listener) -> None:
    await listen(central.client)
    listener.answers = lambda heard: 400 if len(listener.heard) < 4 else 200
    async with central.telling(localhost=listener):
        first = await paid(central.client)
        await undo(central.client, refund(first, "4.000"))
        await central.pass_time(central.nothing_left)
    of_payment = [heard.event["eventType"] for heard in listener.heard if heard.about == first]

    assert of_payment[-1] == "PaymentAttributeValueChangeEvent"
    assert set(of_payment[:-1]) == {"PaymentCreateEvent"}
    assert "RefundCreateEvent" in listener.types


async def test_one_refused_event_holds_up_no_other_resource(central: Central, listener: Listener) -> None:
    await listen(central.client)
    refused = await paid(central.client)
    listener.answers = lambda heard: 422 if heard.about == refused else 204
    async with central.telling(localhost=listener):
        others = [await paid(central.client) for _ in range(10)]
        await quiet()

    assert [heard.about for heard in listener.heard if heard.about != refused] == others
    assert central.left() == [("waiting", f"payment:{refused}")]


async def test_a_listener_that_never_answers_delays_neither_another_nor_a_payment(central: Central) -> None:
    slow, quick = Listener(central.clock), Listener(central.clock)
    slow.hold = asyncio.Event()
    hosts = listener_hosts(["slow.example", "quick.example"])
    central.hosts = hosts
    async with central_over(central.store, central.clock, hosts=hosts) as served:
        served.addresses = {"slow.example": ["9.9.9.9"], "quick.example": ["9.9.9.9"]}
        await listen(served.client, "https://slow.example/")
        await listen(served.client, "https://quick.example/")
        async with served.telling(slow_example=slow, quick_example=quick):
            for _ in range(3 * AT_ONCE):
                await paid(served.client)
            await quiet()
            assert (len(slow.heard), len(quick.heard)) == (AT_ONCE, 3 * AT_ONCE)
            slow.hold.set()
            await served.pass_time(served.nothing_left)


async def test_a_listener_that_is_down_is_tried_ever_less_often_and_with_one_event(
    central: Central, listener: Listener
) -> None:
    await listen(central.client)
    for _ in range(10):
        await paid(central.client)
    listener.answers = lambda _heard: 503
    async with central.telling(localhost=listener):
        await central.pass_time(lambda: len(listener.heard) >= AT_ONCE + 8)
        tries = [heard.at for heard in listener.heard][AT_ONCE - 1 :]
        waits = [(later - sooner).total_seconds() for sooner, later in pairwise(tries)]
        listener.answers = lambda _heard: 200
        await central.pass_time(central.nothing_left, step_s=20)

    for number, wait in enumerate(waits):
        assert 2**number <= wait <= 2 ** (number + 1) + 1
    assert {heard.about for heard in listener.heard} == {heard.about for heard in listener.heard[-10:]}


async def test_a_listener_is_not_asked_again_before_it_said(central: Central, listener: Listener) -> None:
    await listen(central.client)
    listener.more_headers = [(b"retry-after", b"120")]
    listener.answers = lambda _heard: 429 if len(listener.heard) == 1 else 200
    async with central.telling(localhost=listener):
        await paid(central.client)
        await central.pass_time(central.nothing_left)
    first, second = listener.heard

    assert (second.at - first.at).total_seconds() >= 120


async def test_a_redirect_is_not_followed(central: Central, listener: Listener) -> None:
    await listen(central.client)
    listener.answers = lambda _heard: 307
    listener.more_headers = [(b"location", b"http://localhost/elsewhere")]
    async with central.telling(localhost=listener):
        await paid(central.client)
        await quiet()

    assert [heard.path for heard in listener.heard] == ["/events/listener/paymentCreateEvent"]
    assert len(central.left()) == 1


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("93.184.216.34", True),
        ("10.20.3.4", True),
        ("10.99.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("ff0e::1", False),
        ("fec0::1", False),
        ("::169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::cb00:7105", False),
        ("64:ff9b::808:808", True),
        ("2002:a9fe:a9fe::1", False),
    ],
)
async def test_a_name_is_only_called_at_addresses_that_may_be(
    store: CentralStore, address: str, told: bool
) -> None:
    hosts = listener_hosts(["bss.example", "10.20.0.0/16"])
    async with central_over(store, hosts=hosts) as central:
        listener = Listener(central.clock)
        central.addresses = {"bss.example": [address]}
        await listen(central.client, "https://bss.example/")
        async with central.telling(bss_example=listener):
            await paid(central.client)
            await quiet()
        assert bool(listener.heard) is told
        if not told:
            with store.read() as connection:
                [shown] = list_listeners(connection)
            assert shown.last_error == "Its address is none that the operator lets listen."


async def test_what_one_listener_refuses_for_a_week_is_given_up_and_can_be_tried_again(
    central: Central, listener: Listener
) -> None:
    hub_id = await listen(central.client)
    poison = await paid(central.client)
    await undo(central.client, refund(poison, "4.000"))
    listener.answers = lambda heard: 400 if heard.about == poison else 200
    async with central.telling(localhost=listener):
        await central.pass_time(
            lambda: ("dead", f"payment:{poison}") in central.left(), step_s=3 * 3600, at_most=8 * 9
        )
        given_up_at = central.clock.now()
        assert central.left() == [("dead", f"payment:{poison}"), ("held", f"payment:{poison}")]
        with central.store.read() as connection:
            [shown] = list_listeners(connection)
            assert hub_figures(connection) == HubFigures(waiting=1, dead=1, set_aside=0, stopped=0)
        assert (shown.state, shown.dead, shown.waiting, shown.delivered) == ("active", 1, 1, 1)
        tries = len(listener.heard)
        central.clock.move(days=1)
        await quiet()
        assert len(listener.heard) == tries
        listener.answers = lambda _heard: 200
        with central.store.write() as connection:
            assert try_again(connection, hub_id, at=central.clock.now()) == 2
        await central.pass_time(central.nothing_left)

    assert (given_up_at - listener.heard[0].at).days == GIVE_UP_DAYS
    assert listener.types[-2:] == ["PaymentCreateEvent", "PaymentAttributeValueChangeEvent"]


async def test_a_listener_that_is_silent_for_a_week_is_stopped_and_starts_again(
    central: Central, listener: Listener
) -> None:
    hub_id = await listen(central.client)
    first = await paid(central.client)
    async with central.telling():
        await central.pass_time(lambda: stopped(central), step_s=3 * 3600, at_most=8 * 9)
        unheard = await paid(central.client)
        with central.store.read() as connection:
            [shown] = list_listeners(connection)
        assert (shown.last_error, shown.dead + shown.waiting) == ("It cannot be reached (ConnectError).", 1)
    with central.store.write() as connection:
        assert try_again(connection, hub_id, at=central.clock.now()) == 1
    async with central.telling(localhost=listener):
        again = await paid(central.client)
        await central.pass_time(central.nothing_left)

    with central.store.read() as connection:
        noted = [(one.event, one.subject) for one in events(connection, subject=hub_id)]
    assert noted == [
        ("listener_made", hub_id),
        ("listener_stopped", hub_id),
        ("listener_started", hub_id),
    ]
    assert {heard.about for heard in listener.heard} == {first, again}
    assert unheard not in {heard.about for heard in listener.heard}


def stopped(central: Central) -> bool:
    with central.store.read() as connection:
        return [shown.state for shown in list_listeners(connection)] == ["stopped"]


async def test_what_a_listener_took_while_the_store_was_away_is_written_down_after_it(
    central: Central, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    await listen(central.client)
    listener.hold = asyncio.Event()
    async with central.telling(localhost=listener):
        await paid(central.client)
        await quiet()
        with central.store.write() as connection:
            connection.execute(text("ALTER TABLE event_delivery RENAME TO away"))
        listener.hold.set()
        await quiet()
        central.clock.move(seconds=10)
        await quiet()
        assert {record.message for record in caplog.records} == {"Events wait."}
        with central.store.write() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO event_delivery"))
        await central.pass_time(central.nothing_left)

    assert len(listener.heard) == 1


async def test_trying_again_sends_nothing_twice_that_is_on_its_way(
    central: Central, listener: Listener
) -> None:
    hub_id = await listen(central.client)
    listener.hold = asyncio.Event()
    async with central.telling(localhost=listener):
        first = await paid(central.client)
        await undo(central.client, refund(first, "4.000"))
        await quiet()
        with central.store.write() as connection:
            assert try_again(connection, hub_id, at=central.clock.now()) == 3
        central.clock.move(seconds=2)
        await quiet()
        listener.hold.set()
        await central.pass_time(central.nothing_left)

    assert len(listener.heard) == 3


async def test_who_leaves_is_told_nothing_more(central: Central, listener: Listener) -> None:
    hub_id = await listen(central.client)
    listener.answers = lambda _heard: 500
    async with central.telling(localhost=listener):
        await paid(central.client)
        await quiet()
        await central.client.delete(f"{PAYMENT_HUB}/{hub_id}")
        central.clock.move(hours=5)
        await quiet()

    assert len(listener.heard) == 1


async def test_two_workers_tell_each_event_once(central: Central, listener: Listener) -> None:
    await listen(central.client)
    async with central.telling(localhost=listener), central.telling(localhost=listener):
        for _ in range(20):
            await paid(central.client)
            await quiet()
        await central.pass_time(central.nothing_left)

    assert len({heard.event["eventId"] for heard in listener.heard}) == len(listener.heard) == 20


async def test_both_hubs_are_told_of_a_payment_of_a_bill(central: Central, listener: Listener) -> None:
    await listen(central.client)
    await listen(central.client, "http://localhost/bills", hub=BILL_HUB)
    async with central.telling(localhost=listener):
        await post(central.client, payment("10.000", paymentItem=[item("CB-2", "10.000")]))
        await quiet()
    [bill] = [heard for heard in listener.heard if heard.path.startswith("/bills")]

    assert sorted(heard.path for heard in listener.heard) == [
        "/bills/listener/customerBillStateChangeEvent",
        "/events/listener/paymentCreateEvent",
    ]
    assert bill.event["event"]["customerBill"] == await read(central.client, bill.event["href"])


FAULTS = st.sampled_from([200, 201, 204, 302, 400, 404, 409, 429, 500, 503, LOST])


@settings(max_examples=examples(1), deadline=None)
@given(
    answers=st.lists(FAULTS, max_size=40),
    deeds=st.lists(st.sampled_from(["pay", "refund", "wait", "crash"]), min_size=1, max_size=12),
)
def test_whatever_fails_every_event_arrives_in_the_order_of_its_resource(
    store_kind: StoreKind, answers: list[int], deeds: list[str]
) -> None:
    with made_store(store_kind, with_a_small_operator) as store:
        heard, wanted = asyncio.run(through_weather(store, answers, deeds))
    told: dict[str, list[str]] = {}
    for one in heard:
        ids = told.setdefault(one.about, [])
        if one.event["eventId"] not in ids[-1:]:
            ids.append(one.event["eventId"])

    # Doubles follow upon each other; once the next was told the one before never comes again.
    assert told == wanted
    bodies: dict[str, set[bytes]] = {}
    for one in heard:
        bodies.setdefault(one.event["eventId"], set()).add(one.body)
    assert all(len(same) == 1 for same in bodies.values())


async def through_weather(
    store: CentralStore, answers: list[int], deeds: list[str]
) -> tuple[list[Heard], dict[str, list[str]]]:
    """What a listener heard that answers so, and what it should have: event ids by resource."""
    clock = HeldClock()
    listener = Listener(clock)
    left = iter(answers)
    listener.answers = lambda _heard: next(left, 200)
    wanted: dict[str, list[str]] = {}
    payments: list[str] = []
    async with central_over(store, clock) as central:
        recorder = central.recorder

        def note(connection: object) -> None:
            recorder(connection)  # type: ignore[arg-type]
            assert list(hub_faults(connection)) == []  # type: ignore[arg-type]
            rows = connection.execute(text("SELECT id, resource FROM event ORDER BY number"))  # type: ignore[attr-defined]
            for row in rows:
                ids = wanted.setdefault(row.resource.partition(":")[2], [])
                if row.id not in ids:
                    ids.append(row.id)

        store.before_commit = note
        await listen(central.client)
        for deed in [*deeds, "crash"]:
            async with central.telling(dies=deed == "crash", localhost=listener):
                if deed == "pay":
                    payments.append(await paid(central.client))
                elif deed == "refund" and payments:
                    await undo(central.client, refund(payments[-1], "0.100"))
                elif deed == "wait":
                    await quiet()
                    clock.move(seconds=7)
                for _ in range(7):
                    await asyncio.sleep(0)
        async with central.telling(localhost=listener):
            await central.pass_time(central.nothing_left, step_s=30)
    return listener.heard, wanted
