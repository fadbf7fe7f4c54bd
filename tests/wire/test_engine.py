"""The engine: a committed leg comes to central once, in order for its account, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from pos.domain.payment_mode import PaymentModes
from pos.store import outbox
from pos.till.payment_order import TenderOrder
from sync.addresses import TMF676_PATH
from sync.engine import QUEUES_AT_ONCE
from sync.outcomes import OwnAnswer
from sync.retry import RetryRule
from sync.wire_json import dumps, loads
from tests.builders.tills import cash, cheque, clock_of, pay, rows, sale, stock
from tests.builders.wire import (
    BASE_URL,
    MEDIA_TYPE,
    RETRY_AFTER_S,
    SURVIVED,
    TIMEOUT_S,
    Fault,
    ForeignServer,
    Request,
    Wire,
    correlators,
    make_wire,
)
from tests.central.central_builders import PAYMENT_SPEC, faults

pytestmark = pytest.mark.usefixtures("central_kept_in")

HOUR_S = 3_600


async def wait_for_next_try(wire: Wire) -> None:
    """The longest wait passes."""
    wire.clock.advance(seconds=HOUR_S)


def kinds(requests: list[Request]) -> list[str]:
    return ["look up" if request.is_look_up else "send" for request in requests]


# --- exactly once --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", SURVIVED)
async def test_committed_payment_reaches_central_exactly_once(fault: Fault) -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.network.script(fault)

    report = await wire.engine.drain(timeout_s=HOUR_S)
    await wire.network.deliver_late()

    assert (report.acknowledged, report.parked, report.waiting) == (1, 0, 0)
    assert wire.at_central() == wire.legs()
    assert wire.states() == ["acknowledged"]


@pytest.mark.parametrize("again", [Fault.LOST_ANSWER, Fault.FAILED, Fault.GARBAGE, Fault.BUSY, Fault.REFUSED])
@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.LATE, Fault.CONFLICT_AFTER])
async def test_a_look_up_that_fails_changes_nothing_about_that(fault: Fault, again: Fault) -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.network.script(fault, again, again)

    await wire.engine.drain(timeout_s=4 * HOUR_S)
    await wire.network.deliver_late()

    assert wire.at_central() == wire.legs()
    assert wire.states() == ["acknowledged"]


@pytest.mark.parametrize("fault", [fault for fault in SURVIVED if fault is not Fault.NONE])
async def test_retry_same_key_same_bytes(fault: Fault) -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1", tender=cheque("10.000", drawer="محمد العنزي"))
    wire.network.script(fault, Fault.LOST_REQUEST, Fault.LOST_REQUEST)
    await wire.engine.push()
    # Between two tries the shop is renamed and the operator sold: what was promised stays as it was written.
    identity = wire.desk.identity
    renamed = replace(identity, shop=replace(identity.shop, name="Renamed"))
    policy = replace(wire.desk.policy, operator_company="Sold")
    wire.desk = replace(wire.desk, identity=renamed, policy=policy)
    wire.restart()

    await wire.engine.drain(timeout_s=4 * HOUR_S)

    ((correlator, _, _),) = wire.legs()
    assert len({request.body for request in wire.network.posts}) == 1
    assert {request.headers["idempotency-key"] for request in wire.network.posts} == {correlator}
    assert set(correlators(wire.network.requests)) == {correlator}


async def test_the_body_is_kept_before_it_is_sent_and_no_connection_can_change_it() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    kept: list[object] = []
    wire.network.before = lambda _request: kept.append(rows(wire.desk, "outbox")[0]["body"])

    await wire.engine.push()

    assert kept == [wire.network.posts[0].body]
    with pytest.raises(IntegrityError, match="frozen"), wire.desk.till.database.write() as connection:
        outbox.freeze_body(connection, 1, b"another")
    with pytest.raises(IntegrityError, match="stay"), wire.desk.till.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")
    with pytest.raises(IntegrityError, match="acknowledged"), wire.desk.till.database.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'waiting', server_id = NULL")
    assert wire.at_central() == wire.legs()


async def test_two_rounds_at_once_send_each_row_once() -> None:
    """A foreign server may know no key at all."""
    wire = await make_wire()
    for number in (1, 2, 3):
        wire.pay(f"BA-{number}", "10.000", f"N{number}-1")

    reports = await asyncio.gather(wire.engine.push(), wire.engine.push(), wire.engine.drain(timeout_s=5))

    assert sum(report.acknowledged for report in reports) == 3
    assert len(wire.network.posts) == 3


async def test_a_foreign_server_without_keys_is_never_sent_a_payment_twice() -> None:
    wire = await make_wire()
    server = ForeignServer(filters=False, counts=False, page_max=1)
    server.loses_answers = True
    wire.network.leads_to = server
    for number in (1, 2, 3):
        wire.pay(f"BA-{number}", "10.000", f"N{number}-1")

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert report.waiting == 0
    assert sorted(stored["correlatorId"] for stored in server.payments) == sorted(
        correlator for correlator, _, _ in wire.legs()
    )


async def test_a_payment_that_a_server_answers_unreadably_is_not_sent_again_at_every_try() -> None:
    wire = await make_wire()
    server = ForeignServer()
    server.answer_of = lambda stored: {**stored, "totalAmount": {"unit": "KWD", "value": "10.000"}}
    wire.network.leads_to = server
    wire.pay("BA-1", "10.000", "N1-1")

    report = await wire.engine.drain(timeout_s=4 * HOUR_S)

    assert report.waiting == 1
    assert len(server.payments) == 1
    (row,) = wire.outbox()
    assert row["state"] == "unknown"
    assert "could not be read" in row["reason"]


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.HANGS_AFTER])
async def test_a_crash_between_sending_and_the_answer_begins_with_a_look_up(fault: Fault) -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    await wire.crash_in(fault)
    assert wire.states() == ["sent"]
    arrived = [Fault.HANGS_AFTER].count(fault)
    assert len(wire.at_central()) == arrived
    wire.network.requests.clear()

    await wire.engine.push()

    assert kinds(wire.network.requests) == ["look up"] + ["send"] * (1 - arrived)
    assert wire.at_central() == wire.legs()
    assert wire.states() == ["acknowledged"]


async def test_a_crash_in_a_look_up_leaves_the_outcome_open() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.network.script(Fault.LOST_ANSWER)
    await wire.engine.push()
    await wait_for_next_try(wire)
    await wire.crash_in(Fault.HANGS)
    assert wire.states() == ["unknown"]

    await wire.engine.drain(timeout_s=HOUR_S)

    assert kinds(wire.network.requests) == ["send", "look up", "look up"]
    assert wire.at_central() == wire.legs()


# --- the states of a row -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "steps"),
    [
        ([], ["sent", "acknowledged"]),
        ([Fault.LOST_ANSWER], ["sent", "unknown", "acknowledged"]),
        ([Fault.LOST_REQUEST], ["sent", "unknown", "sent", "acknowledged"]),
        ([Fault.LOST_REQUEST, Fault.LOST_ANSWER], ["sent", "unknown", "unknown", "sent", "acknowledged"]),
        ([Fault.LOST_REQUEST, Fault.NONE, Fault.BUSY], ["sent", "unknown", "sent", "unknown", "sent", "acknowledged"]),
        ([Fault.LOST_REQUEST, Fault.REFUSED], ["sent", "unknown", "unknown", "sent", "acknowledged"]),
        ([Fault.REFUSED], ["sent", "waiting", "sent", "acknowledged"]),
        ([Fault.BUSY], ["sent", "waiting", "sent", "acknowledged"]),
        ([Fault.BAD], ["sent", "parked"]),
        ([Fault.LOST_REQUEST, Fault.NONE, Fault.BAD], ["sent", "unknown", "sent", "parked"]),
        ([Fault.CONFLICT], ["sent", "parked"]),
        ([Fault.CONFLICT_AFTER], ["sent", "acknowledged"]),
        ([Fault.CONFLICT_AFTER, Fault.REFUSED], ["sent", "unknown", "acknowledged"]),
        ([Fault.CONFLICT_AFTER, Fault.BUSY], ["sent", "unknown", "acknowledged"]),
        ([Fault.CONFLICT, Fault.FAILED], ["sent", "unknown", "sent", "acknowledged"]),
    ],
)  # fmt: skip
async def test_a_row_goes_through_these_states(script: list[Fault], steps: list[str]) -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.watch_states()
    wire.network.script(*script)

    await wire.engine.drain(timeout_s=4 * HOUR_S)

    assert [is_now for _, is_now in wire.steps()] == steps


async def test_timeout_is_unknown_never_failed() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.watch_states()
    wire.network.fault_of = lambda _request: Fault.LOST_REQUEST

    report = await wire.engine.drain(timeout_s=10 * HOUR_S)

    assert report.waiting == 1
    assert set(wire.steps()) == {("waiting", "sent"), ("sent", "unknown"), ("unknown", "unknown")}
    (row,) = wire.outbox()
    assert row["state"] == "unknown"
    assert "ReadTimeout" in row["reason"]


async def test_after_an_unknown_outcome_the_next_request_is_a_look_up() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.network.script(Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.NONE, Fault.FAILED_AFTER)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert kinds(wire.network.requests) == ["send", "look up", "look up", "send", "look up"]
    assert wire.at_central() == wire.legs()


async def test_what_was_certainly_not_taken_is_sent_again_without_a_look_up() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.network.script(Fault.REFUSED, Fault.BUSY)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert kinds(wire.network.requests) == ["send", "send", "send"]


async def test_an_acknowledged_row_stays_with_what_central_said() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.network.script(Fault.REFUSED)
    await wire.engine.drain(timeout_s=HOUR_S)
    (row,) = rows(wire.desk, "outbox")
    assert (
        row["server_href"] == f"http://central.test/tmf-api/paymentManagement/v4/payment/{row['server_id']}"
    )
    with wire.central.read() as connection:
        change = connection.execute(text("SELECT change_number FROM payment")).scalar_one()
    assert (row["applied_change"], row["reason"], row["next_attempt_at_utc"]) == (change, None, None)


# --- order and poison ----------------------------------------------------------------------------------------


async def test_order_per_account_is_kept_and_other_accounts_go_on() -> None:
    """Rule 53: in order for each account, concurrently across accounts."""
    wire = await make_wire()
    for _ in range(3):
        wire.pay("BA-1", "1.000")
    wire.pay("BA-2", "2.000")
    wire.pay("BA-3", "3.000")
    first, *behind = [correlator for correlator, account, _ in wire.legs() if account == "BA-1"]
    hit = Fault.LOST_REQUEST
    wire.network.fault_of = lambda request: hit if first.encode() in request.content else Fault.NONE

    await wire.engine.push()

    assert [account for _, account, _ in wire.at_central()] == ["BA-2", "BA-3"]
    assert not set(behind) & set(correlators(wire.network.requests))
    await wire.engine.push()
    assert len(wire.at_central()) == 2, "what comes behind waits, also in the next round"

    wire.network.heal()
    await wire.engine.drain(timeout_s=HOUR_S)
    assert [correlator for correlator, account, _ in wire.at_central() if account == "BA-1"] == [
        first,
        *behind,
    ]


async def test_a_parked_row_holds_up_no_payment_that_does_not_refer_to_it() -> None:
    """Rule 53: a poison row holds only what refers to it.

    Two payments of one account are independent deeds; a refund, which would refer to one, comes later.
    """
    wire = await make_wire()
    for _ in range(3):
        wire.pay("BA-1", "1.000")
    wire.network.script(Fault.BAD)

    report = await wire.engine.push()

    assert (report.acknowledged, report.parked, report.waiting) == (2, 1, 0)
    assert wire.states() == ["parked", "acknowledged", "acknowledged"]
    assert wire.at_central() == wire.legs()[1:]


@pytest.mark.parametrize(
    ("fault", "reason"), [(Fault.BAD, "400 scripted_400 No"), (Fault.CONFLICT, "409 scripted_409 No")]
)
async def test_a_parked_row_keeps_its_reason_and_is_shown_and_left_alone(fault: Fault, reason: str) -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.network.script(fault)
    await wire.engine.drain(timeout_s=HOUR_S)
    wire.network.requests.clear()
    wire.restart()
    wire.clock.advance(seconds=HOUR_S)

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.acknowledged, report.parked, report.waiting) == (0, 0, 0)
    assert wire.network.requests == []
    (row,) = wire.outbox()
    assert (row["state"], row["reason"]) == ("parked", reason)
    with wire.desk.till.read() as connection:
        assert [shown.reason for shown in outbox.unsent(connection)] == [reason]
        queue = outbox.queue(connection)
    assert (queue.waiting, queue.parked) == (0, 1)
    assert queue.oldest_at is not None, "money that central lacks is old until a person has seen to it"


async def test_a_leg_that_cannot_be_composed_is_parked_and_holds_up_nothing() -> None:
    """A mode that is gone from the settings, say."""
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1", tender=cheque("10.000"))
    wire.pay("BA-1", "1.000")
    wire.pay("BA-2", "10.000", "N2-1")
    modes = {code: mode for code, mode in wire.desk.modes.by_code.items() if code != "cheque"}
    wire.desk = replace(wire.desk, modes=PaymentModes(modes))
    wire.restart()

    report = await wire.engine.push()

    assert (report.acknowledged, report.parked) == (2, 1)
    assert wire.outbox()[0]["reason"] == "There is no such way to pay."


async def test_more_rows_than_a_batch_are_all_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.engine.BATCH_MAX", 4)
    wire = await make_wire()
    for number in range(11):
        wire.pay(f"BA-{number % 3 + 1}", "1.000")

    assert (await wire.engine.push()).acknowledged == 4
    report = await wire.engine.drain(timeout_s=60)

    assert (report.acknowledged, report.waiting) == (7, 0)
    assert sorted(wire.at_central()) == sorted(wire.legs())


async def test_parked_rows_take_no_place_in_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.engine.BATCH_MAX", 4)
    wire = await make_wire()
    for _ in range(6):
        wire.pay("BA-1", "1.000")
    wire.network.script(*[Fault.BAD] * 6)
    await wire.engine.drain(timeout_s=60)
    wire.pay("BA-2", "1.000")

    report = await wire.engine.drain(timeout_s=60)

    assert (report.acknowledged, report.waiting) == (1, 0)


async def test_rows_that_wait_for_their_time_take_no_place_in_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sync.engine.BATCH_MAX", 4)
    wire = await make_wire()
    for _ in range(6):
        wire.pay("BA-1", "1.000")
    wire.network.script(Fault.LOST_REQUEST)
    await wire.engine.push()
    wire.pay("BA-2", "1.000")

    report = await wire.engine.push()

    assert (report.acknowledged, report.waiting) == (1, 6)


async def test_a_walk_in_sale_that_waits_holds_up_no_other() -> None:
    wire = await make_wire()
    stock(wire.desk)
    for _ in range(3):
        pay(wire.desk, cash("1.250"), account=None, lines=[sale("CHARGER")])
    first, *others = [correlator for correlator, _, _ in wire.legs()]
    hit = Fault.LOST_REQUEST
    wire.network.fault_of = lambda request: hit if first.encode() in request.content else Fault.NONE

    report = await wire.engine.push()

    assert (report.acknowledged, report.waiting) == (2, 1)
    assert [correlator for correlator, _, _ in wire.at_central()] == others


async def test_a_payment_of_several_legs_sends_each_to_its_account() -> None:
    wire = await make_wire()
    taken = wire.pay("BA-1", "25.000", "N1-1", "N2-1")
    report = await wire.engine.push()
    assert report.acknowledged == 2
    assert sorted(wire.at_central()) == [(f"{taken}-1", "BA-1", 15_000), (f"{taken}-2", "BA-2", 10_000)]


# --- when ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.AWAY])
async def test_retry_after_is_respected_for_every_account_and_for_pulls(fault: Fault) -> None:
    wire = await make_wire(accounts=20)
    for number in range(1, 21):
        wire.pay(f"BA-{number}", "1.000")
    asked_at_s = wire.clock.monotonic_s()
    wire.network.script(fault)
    syncing = asyncio.create_task(wire.engine.keep_syncing())
    await wire.clock.reached(asked_at_s + 120)
    syncing.cancel()

    requests_at_s = [request.at_s for request in wire.network.requests]
    meanwhile = [at_s for at_s in requests_at_s if asked_at_s < at_s < asked_at_s + RETRY_AFTER_S[fault]]
    assert meanwhile == []
    assert requests_at_s.count(asked_at_s) <= QUEUES_AT_ONCE
    assert len(wire.at_central()) == 20


async def test_a_conflict_is_not_looked_into_while_another_answer_asks_for_quiet() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.pay("BA-2", "10.000", "N2-1")
    seen: list[str] = []
    told_to_wait = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        if request.method == "GET":
            return httpx.Response(200, json=[])
        if loads(await request.aread())["account"]["id"] == "BA-2":
            told_to_wait.set()
            return httpx.Response(429, headers={"Retry-After": "60"})
        await told_to_wait.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        return httpx.Response(409, json={"code": "busy", "reason": "twin"})

    wire.network.leads_to = httpx.MockTransport(answer)
    await wire.engine.push()

    assert seen == ["POST", "POST"]
    assert {row["state"] for row in rows(wire.desk, "outbox")} == {"unknown", "waiting"}


async def test_retry_after_of_a_pull_is_respected_too() -> None:
    wire = await make_wire()
    wire.network.script(Fault.AWAY)
    report = await wire.engine.pull()
    assert report.problem == "503"
    wire.network.requests.clear()
    wire.pay("BA-1", "1.000")

    assert (await wire.engine.push()).waiting == 1
    assert (await wire.engine.pull()).problem == "central asked not to be asked for 20 s"
    assert wire.network.requests == []
    wire.clock.advance(seconds=RETRY_AFTER_S[Fault.AWAY])
    assert (await wire.engine.push()).acknowledged == 1
    assert (await wire.engine.pull()).problem is None


async def test_retry_after_of_what_a_person_asked_counts_from_when_it_was_said() -> None:
    """Invariant 10: it is asked of the till, also where a cashier's question met it."""
    wire = await make_wire()
    wire.network.script(Fault.AWAY)
    assert isinstance(await wire.client.ask_own("GET", "refundHold/any"), OwnAnswer)
    wire.network.requests.clear()
    wire.pay("BA-1", "1.000")

    wire.clock.advance(seconds=RETRY_AFTER_S[Fault.AWAY] - 1)
    assert (await wire.engine.push()).waiting == 1
    assert wire.network.requests == []
    wire.clock.advance(seconds=1)
    assert (await wire.engine.push()).acknowledged == 1


async def test_a_server_that_asks_for_a_year_is_asked_again_within_the_hour() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    app = wire.network.leads_to
    away = httpx.MockTransport(lambda _request: httpx.Response(503, headers={"Retry-After": "31536000"}))
    wire.network.leads_to = away
    await wire.engine.push()
    wire.network.leads_to = app
    report = await wire.engine.drain(timeout_s=HOUR_S + 1)
    assert report.acknowledged == 1


async def test_retry_after_respected_and_backoff_bounded() -> None:
    """Through an hour without central every row is tried again within the longest wait, and never in a rush."""
    wire = await make_wire(accounts=3, retry=RetryRule(delay_s_min=1, delay_s_max=60))
    for number in (1, 2, 3):
        wire.pay(f"BA-{number}", "1.000")
    wire.network.fault_of = lambda request: (
        Fault.LOST_REQUEST if "payment" in request.url.path else Fault.NONE
    )
    began_s = wire.clock.monotonic_s()
    syncing = asyncio.create_task(wire.engine.keep_syncing())
    await wire.clock.reached(began_s + HOUR_S)
    wire.network.heal()
    await wire.clock.reached(wire.clock.monotonic_s() + 60 + 2)
    syncing.cancel()

    for correlator, _, _ in wire.legs():
        tries_s = [
            request.at_s
            for request in wire.network.requests
            if (request.is_payment or request.is_look_up) and request.correlator == correlator
        ]
        gaps_s = [later - earlier for earlier, later in pairwise(tries_s[20:-2])]
        # A try takes its own time-out, and up to two others' (the virtual clock adds them up), before the wait begins.
        assert max(gaps_s) <= 60 + 3 * TIMEOUT_S + 2
        assert min(gaps_s) >= 30
    assert sorted(wire.at_central()) == sorted(wire.legs())


async def test_a_row_is_not_tried_before_its_time() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    wire.network.script(Fault.REFUSED)
    await wire.engine.push()
    with wire.desk.till.read() as connection:
        next_attempt_at = outbox.queue(connection).next_attempt_at
    assert next_attempt_at is not None
    wire.clock.set(next_attempt_at.astimezone(wire.clock.now().tzinfo))
    wire.clock.advance(milliseconds=-1)
    await wire.engine.push()
    assert len(wire.network.posts) == 1
    wire.clock.advance(milliseconds=1)
    await wire.engine.push()
    assert len(wire.network.posts) == 2


async def test_a_central_that_is_down_ends_the_round_with_few_requests() -> None:
    wire = await make_wire(accounts=50)
    for number in range(1, 51):
        wire.pay(f"BA-{number}", "1.000")
    wire.network.down()

    report = await wire.engine.push()

    assert report.unreachable is not None
    assert (report.acknowledged, report.waiting) == (0, 50)
    assert len(wire.network.requests) <= QUEUES_AT_ONCE
    assert set(wire.states()) == {"waiting"}


async def test_draining_against_a_central_that_is_down_does_not_hammer_it() -> None:
    wire = await make_wire(accounts=50)
    for number in range(1, 51):
        wire.pay(f"BA-{number}", "1.000")
    wire.network.down()
    await wire.engine.drain(timeout_s=10)
    assert len(wire.network.requests) <= 10 * QUEUES_AT_ONCE + QUEUES_AT_ONCE


async def test_drain_returns_in_time_from_a_central_that_never_answers() -> None:
    wire = await make_wire(accounts=50)
    for number in range(1, 51):
        wire.pay(f"BA-{number}", "1.000")
    wire.network.fault_of = lambda _request: Fault.LOST_REQUEST
    began_s = wire.clock.monotonic_s()

    report = await wire.engine.drain(timeout_s=60)

    assert report.waiting == 50
    # What is under way may end; the virtual clock adds up time-outs that pass side by side.
    assert wire.clock.monotonic_s() - began_s <= 60 + QUEUES_AT_ONCE * TIMEOUT_S


async def test_drain_does_not_wait_for_parked_rows_or_for_nothing() -> None:
    wire = await make_wire()
    began_s = wire.clock.monotonic_s()
    assert (await wire.engine.drain(timeout_s=60)).waiting == 0
    wire.pay("BA-1", "1.000")
    wire.network.script(Fault.BAD)
    report = await wire.engine.drain(timeout_s=60)
    assert (report.parked, report.waiting) == (1, 0)
    assert wire.clock.monotonic_s() == began_s


async def test_drain_sleeps_until_a_row_comes_due_though_others_wait_behind_it() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    wire.pay("BA-1", "1.000")
    slept_s: list[float] = []
    sleep: Callable[[float], Awaitable[None]] = wire.clock.sleep

    async def counted(delay_s: float) -> None:
        slept_s.append(delay_s)
        await sleep(delay_s)

    wire.clock.sleep = counted  # type: ignore[method-assign]
    wire.network.script(Fault.REFUSED, Fault.REFUSED, Fault.REFUSED)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert len(slept_s) <= 4


async def test_keep_syncing_pushes_and_pulls_until_it_is_cancelled() -> None:
    wire = await make_wire()
    began_s = wire.clock.monotonic_s()
    syncing = asyncio.create_task(wire.engine.keep_syncing())
    await wire.clock.reached(began_s + 30)
    wire.pay("BA-1", "10.000", "N1-1")
    await wire.clock.reached(began_s + 150)
    syncing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await syncing

    assert wire.states() == ["acknowledged"]
    assert wire.network.posts[0].at_s <= began_s + 32
    announced = [
        request.at_s - began_s for request in wire.network.requests if request.path == "/counterfoil/v1"
    ]
    assert len(announced) == 3
    assert announced[0] == 0


async def test_outbox_never_shrinks() -> None:
    wire = await make_wire()
    for _ in range(3):
        wire.pay("BA-1", "1.000")
    wire.network.script(Fault.BAD, Fault.LOST_ANSWER)
    before = [row["correlator_id"] for row in wire.outbox()]
    await wire.engine.drain(timeout_s=HOUR_S)
    wire.restart()
    await wire.engine.pull()
    assert [row["correlator_id"] for row in wire.outbox()] == before


# --- the status line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "online"),
    [
        (Fault.NONE, True),
        (Fault.BUSY, True),
        (Fault.BAD, True),
        (Fault.REFUSED, False),
        # Neither: an answer that tells nothing, or none, leaves the state as it was.
        (Fault.LOST_ANSWER, None),
        (Fault.FAILED, None),
        (Fault.GARBAGE, None),
    ],
)
@pytest.mark.parametrize("before", [True, False, None])
async def test_online_means_that_central_answered(
    fault: Fault, online: bool | None, before: bool | None
) -> None:
    """Rule 54: not that a cable is in."""
    wire = await make_wire()
    wire.pay("BA-1", "1.000")
    wire.engine.state.online = before
    wire.network.script(fault)
    await wire.engine.push()
    assert wire.engine.state.online is (before if online is None else online)


async def test_since_is_when_the_state_last_turned() -> None:
    wire = await make_wire()
    wire.network.down()
    turned_at = clock_of(wire.desk).now()
    await wire.engine.pull()
    assert (wire.engine.state.online, wire.engine.state.since) == (False, turned_at)
    assert "no connection to central" in (wire.engine.state.problem or "")
    wire.clock.advance(minutes=5)
    await wire.engine.pull()
    assert wire.engine.state.since == turned_at
    wire.network.heal()
    wire.clock.advance(minutes=5)
    await wire.engine.pull()
    assert (wire.engine.state.online, wire.engine.state.since) == (True, clock_of(wire.desk).now())
    assert wire.engine.state.problem is None


async def test_a_round_with_nothing_to_send_says_nothing_about_central() -> None:
    wire = await make_wire()
    wire.restart()
    await wire.engine.push()
    assert (wire.engine.state.online, wire.network.requests) == (None, [])


# --- what is sent --------------------------------------------------------------------------------------------


async def test_every_shape_of_cash_and_cheque_is_a_payment_create_of_the_standard(tmf_specs: Path) -> None:
    wire = await make_wire(bills_each=2)
    wire.pay("BA-1", "10.000", "N1-1")
    wire.pay("BA-1", "25.000", "N1-2", "N2-1")
    wire.pay("BA-2", "3.500")
    wire.pay("BA-2", "4.000", "N2-2", each="4.000")
    wire.pay("BA-3", "1.005", tender=cash("1.005"))
    wire.pay("BA-3", "10.000", "N3-1", tender=cheque("10.000"))
    wire.pay(
        "BA-3",
        "15.000",
        "N3-2",
        tender=cheque("15.000", "000124", drawer="محمد العنزي", date="2026-11-20", branch="12"),
    )

    report = await wire.engine.drain(timeout_s=60)

    assert (report.waiting, report.parked) == (0, 0)
    bodies = [request.body for request in wire.network.posts]
    assert len(bodies) == 8
    sent = [loads(body) for body in bodies]
    assert faults(tmf_specs, PAYMENT_SPEC, "Payment_Create", *sent) == []
    assert {body["paymentMethod"]["@type"] for body in sent} == {"Cash", "Check"}


async def test_a_paper_that_another_till_brought_first_is_parked_with_its_receipt_named() -> None:
    wire = await make_wire()
    slip = {
        "auth_code": "A1B2C3",
        "last4": "1111",
        "brand": "VISA",
        "rrn": "000123456789",
        "card_terminal": "T7",
    }
    wire.pay(
        "BA-1",
        "5.000",
        "N1-1",
        tender=TenderOrder(mode="debit_card", amount="5.000", details=slip),
        each="5.000",
    )
    wire.network.script(Fault.LOST_REQUEST)
    await wire.engine.push()
    body = loads(wire.network.posts[0].body)
    other = {**body, "correlatorId": "E-9-1", "paymentEventId": "E-9", "receiptNumber": "S014-T3-A-000007"}
    for name in ("terminal", "epoch", "sequence", "leg"):
        del other[name]
    async with httpx.AsyncClient(transport=wire.network.leads_to, base_url=BASE_URL) as foreign:
        made = await foreign.post(
            f"{TMF676_PATH}/payment", content=dumps(other), headers={"content-type": MEDIA_TYPE}
        )
    assert made.status_code == 201
    await wire.engine.drain(timeout_s=60)
    [row] = wire.outbox()
    assert (row["state"], row["reason"]) == (
        "parked",
        "409 instrument_used The paper behind this money was credited before, by receipt S014-T3-A-000007. "
        "Compare both papers.",
    )
    assert [leg[0] for leg in wire.at_central()] == ["E-9-1"]
