"""What left suspense comes to central behind the money that was there, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from pos.domain.allocation import PaymentPolicy
from pos.domain.payment_mode import PayerKind
from pos.store import outbox
from pos.till.enquiries import till_state
from pos.till.open_bills import catch_up, catch_up_all
from pos.till.unsent import unsent
from sync.central.operating.verify import verify_central
from sync.wire_json import loads
from tests.builders.tills import CASHIER, cash, findings, in_suspense, money, pay, resolved, rows, wish
from tests.builders.wire import SURVIVED, Fault, Wire, make_wire

HOUR_S = 3_600


async def found_wire(*, own: bool = True, seed: str = "wire") -> Wire:
    """A till that lets one person send money to its owner."""
    wire = await make_wire(own=own, seed=seed)
    may_resolve(wire)
    return wire


def may_resolve(wire: Wire) -> None:
    policy = PaymentPolicy(resolve_alone_up_to_minor=1_000_000)
    wire.desk.policy = replace(wire.desk.policy, payments=policy)


def unknown_money(wire: Wire, *amounts: str) -> str:
    """Cash of an unknown owner; the number of its receipt."""
    wishes = [in_suspense(f"letter {place}", amount) for place, amount in enumerate(amounts)]
    whole = sum((money(amount) for amount in amounts), money("0"))
    taken = pay(wire.desk, cash(whole.plain()), account=None, payer=PayerKind.SUBSCRIBER, allocate=wishes)
    return taken.receipt.receipt_number


def find_owner(wire: Wire, receipt: str, amount: str | None = None, *, account: str = "BA-1") -> None:
    resolved(wire.desk, receipt, account, amount, reason="letter found")
    catch_up(wire.desk)


def moved(wire: Wire) -> list[tuple[str, str, int, int]]:
    """Every transfer that central has: correlator, account, amount, what of it is credit."""
    with wire.central.read() as connection:
        found = connection.execute(
            text(
                "SELECT correlator_id, account_id, amount_minor, credit_minor FROM suspense_transfer"
                " ORDER BY change_number"
            )
        )
        return [(str(row[0]), str(row[1]), int(row[2]), int(row[3])) for row in found]


def transfer_posts(wire: Wire) -> list[bytes]:
    return [one.body for one in wire.network.requests if one.path.endswith("/transfer")]


def shown(wire: Wire) -> tuple[int, int]:
    """What this till shows as open on N1-1, and as the credit of BA-1."""
    return wire.open_minor("N1-1"), wire.credit_minor("BA-1")


@pytest.mark.sweep(4)
@pytest.mark.parametrize("fault", SURVIVED)
async def test_a_transfer_reaches_central_once_behind_the_money_it_moves(fault: Fault) -> None:
    wire = await found_wire()
    number = unknown_money(wire, "15")
    find_owner(wire, number)
    wire.network.script(fault)

    await wire.engine.drain(timeout_s=HOUR_S)

    assert wire.states() == ["acknowledged", "acknowledged"]
    (transfer,) = rows(wire.desk, "v_transfer")
    assert (transfer["state"], transfer["told"]) == ("done", "acknowledged")
    assert moved(wire) == [(transfer["transfer_id"], "BA-1", 15_000, 5_000)]
    assert (await wire.engine.pull()).problem is None
    assert shown(wire) == (0, 5_000)
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []


@pytest.mark.sweep(5)
@pytest.mark.parametrize("fault", SURVIVED)
@pytest.mark.parametrize("at_the_question", [True, False])
async def test_a_transfer_is_sent_again_with_the_same_bytes(fault: Fault, at_the_question: bool) -> None:
    wire = await found_wire()
    number = unknown_money(wire, "15")
    await wire.engine.drain(timeout_s=HOUR_S)
    find_owner(wire, number, "6")
    find_owner(wire, number, account="BA-2")
    # The first request of a round asks what central has a place for.
    wire.network.script(*([fault] if at_the_question else [Fault.NONE, fault]))

    await wire.engine.drain(timeout_s=HOUR_S)

    assert set(wire.states()) == {"acknowledged"}
    assert [(account, minor) for _, account, minor, _ in moved(wire)] == [("BA-1", 6_000), ("BA-2", 9_000)]
    assert len(set(transfer_posts(wire))) == 2
    assert verify_central(wire.central) == []


async def test_a_gateway_that_refuses_the_question_does_not_keep_a_transfer_from_central() -> None:
    """It says that there is no such thing as our central has; the payment itself is there and says otherwise."""
    wire = await found_wire()
    number = unknown_money(wire, "15")
    await wire.engine.drain(timeout_s=HOUR_S)
    find_owner(wire, number)
    wire.network.script(Fault.BAD)

    await wire.engine.push()

    assert wire.states() == ["acknowledged", "waiting"]
    await wire.engine.drain(timeout_s=HOUR_S)
    assert len(moved(wire)) == 1
    assert wire.outbox()[1]["server_id"] != outbox.NOT_TOLD


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.HANGS_AFTER])
async def test_a_till_that_dies_while_it_tells_a_transfer_tells_it_once(fault: Fault) -> None:
    wire = await found_wire()
    find_owner(wire, unknown_money(wire, "15"))
    wire.network.fault_of = lambda request: fault if request.url.path.endswith("/transfer") else Fault.NONE
    round_ = asyncio.create_task(wire.engine.push())
    while wire.states() != ["acknowledged", "sent"] or len(moved(wire)) < (fault is Fault.HANGS_AFTER):
        await asyncio.sleep(0)
    round_.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await round_
    wire.network.heal()
    wire.restart()
    assert (await wire.engine.pull()).problem is None
    assert shown(wire) == (0, 5_000), "whether central has it or not"

    await wire.engine.drain(timeout_s=HOUR_S)

    assert len(moved(wire)) == 1
    assert len(set(transfer_posts(wire))) == 1
    assert (await wire.engine.pull()).problem is None
    assert shown(wire) == (0, 5_000)


STEPS = ("push", "lose the answers", "pull", "another push")


@pytest.mark.sweep(5)
@pytest.mark.parametrize("money_is_there", [True, False])
@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)), ids=", ".join)
async def test_money_is_counted_once_at_every_moment_of_its_way(
    order: tuple[str, ...], money_is_there: bool
) -> None:
    """Rule 13: before it is sent, after a lost answer, after the acknowledgement and after the pull; in any order."""
    wire = await found_wire()
    number = unknown_money(wire, "6")
    if money_is_there:
        await wire.engine.drain(timeout_s=HOUR_S)
    resolved(wire.desk, number, allocate=[wish("N1-1", "4")])
    catch_up(wire.desk)
    assert shown(wire) == (6_000, 2_000), "at once, before central hears of it"

    for step in order:
        wire.clock.advance(seconds=HOUR_S)
        if step == "pull":
            await wire.engine.pull()
        else:
            if step == "lose the answers":
                wire.network.fault_of = lambda request: (
                    Fault.LOST_ANSWER if request.method == "POST" else Fault.NONE
                )
            await wire.engine.push()
            wire.network.heal()
        assert shown(wire) == (6_000, 2_000), step
        wire.restart()
        catch_up_all(wire.desk)
        assert shown(wire) == (6_000, 2_000), f"started anew after: {step}"
        assert findings(wire.desk) == []
    await wire.engine.drain(timeout_s=HOUR_S)
    await wire.engine.pull()
    assert (shown(wire), len(moved(wire))) == ((6_000, 2_000), 1)


@pytest.mark.parametrize("pulls", [0, 1, 2, 3])
async def test_what_is_moved_in_parts_is_counted_once_whatever_was_pulled_when(pulls: int) -> None:
    wire = await found_wire()
    number = unknown_money(wire, "9", "8")
    seen = []
    steps: list[Callable[[], object]] = [
        lambda: resolved(wire.desk, number, "BA-1", "4", item=1, allocate=[wish("N1-1", "3")]),
        lambda: resolved(wire.desk, number, "BA-1", item=2),
        lambda: resolved(wire.desk, number, "BA-1", item=1),
        lambda: None,
    ]
    for place, step in enumerate(steps):
        step()
        catch_up(wire.desk)
        if place < pulls:
            await wire.engine.drain(timeout_s=HOUR_S)
            await wire.engine.pull()
        seen.append(shown(wire))

    assert seen == [(7_000, 1_000), (0, 2_000), (0, 7_000), (0, 7_000)]
    await wire.engine.drain(timeout_s=HOUR_S)
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []


async def test_another_till_is_not_asked_for_the_bill_again() -> None:
    wire, other = await found_wire(), await found_wire(seed="other")
    other.network.leads_to = wire.network.leads_to
    assert (await other.engine.pull()).problem is None
    find_owner(wire, unknown_money(wire, "15"))
    await wire.engine.drain(timeout_s=HOUR_S)

    assert (await other.engine.pull()).problem is None

    assert shown(other) == (0, 5_000)


async def test_a_bill_that_another_till_took_meanwhile_leaves_its_owner_the_credit() -> None:
    """Rule 6: nobody knew of the other; the money is there once, as credit."""
    wire = await found_wire()
    find_owner(wire, unknown_money(wire, "15"))
    wire.told("UPDATE bill SET remaining_minor = 4000, loaded_open_minor = 4000 WHERE id = '1-1'")

    await wire.engine.drain(timeout_s=HOUR_S)
    await wire.engine.pull()

    assert shown(wire) == (0, 11_000)
    assert verify_central(wire.central) == []


async def test_nothing_is_told_of_money_that_central_has_not() -> None:
    """Rule 53: the leg is parked: what left suspense waits for the same person, and the owner's own payments do not."""
    wire = await found_wire()
    find_owner(wire, unknown_money(wire, "15"))
    wire.network.script(Fault.BAD)
    await wire.engine.push()
    wire.pay("BA-1", "1.000")

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, wire.states()) == (0, ["parked", "waiting", "acknowledged"])
    assert (moved(wire), transfer_posts(wire)) == ([], [])
    with wire.desk.till.transaction() as unit:
        outbox.retry_parked(unit.connection, at=wire.clock.now())
    await wire.engine.drain(timeout_s=HOUR_S)
    assert set(wire.states()) == {"acknowledged"}
    assert [minor for *_, minor in moved(wire)] == [5_000]


async def test_an_owner_who_waits_for_an_answer_does_not_hold_up_what_left_suspense() -> None:
    wire = await found_wire()
    number = unknown_money(wire, "15")
    await wire.engine.drain(timeout_s=HOUR_S)
    wire.pay("BA-1", "1.000")
    find_owner(wire, number)
    wire.network.script(Fault.FAILED)

    await wire.engine.push()

    assert [(row["kind"], row["state"]) for row in wire.outbox()[1:]] in (
        [("payment", "unknown"), ("transfer", "acknowledged")],
        [("payment", "acknowledged"), ("transfer", "waiting")],
    )


async def test_what_central_refuses_is_parked_with_its_reason_and_stays_in_the_books() -> None:
    wire = await found_wire()
    find_owner(wire, unknown_money(wire, "15"))
    wire.told("DELETE FROM account WHERE id = 'BA-1'")

    await wire.engine.drain(timeout_s=HOUR_S)

    leg, transfer = wire.outbox()
    assert (leg["state"], transfer["state"]) == ("acknowledged", "parked")
    assert "unknown_account" in str(transfer["reason"])
    (parked,) = unsent(wire.desk, CASHIER)
    assert (parked.outcome, parked.account, parked.amount) == ("from suspense", "BA-1", money("15"))
    assert rows(wire.desk, "v_transfer")[0]["told"] == "parked"
    assert shown(wire) == (0, 5_000)
    assert findings(wire.desk) == []


async def test_a_foreign_central_has_no_place_for_transfers_and_nothing_waits() -> None:
    wire = await found_wire(own=False)
    assert (await wire.engine.pull()).problem is None
    find_owner(wire, unknown_money(wire, "15"))

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, report.parked) == (0, 0)
    kept = wire.outbox()[1]
    assert (kept["state"], kept["server_id"]) == ("acknowledged", "not-told")
    assert (moved(wire), transfer_posts(wire)) == ([], [])
    assert (await wire.engine.pull()).problem is None
    assert wire.open_minor("N1-1") == 0, "that central still wants it, this till knows better"
    assert findings(wire.desk) == []


async def test_the_body_names_the_payment_by_the_servers_id_and_the_bills() -> None:
    wire = await found_wire()
    find_owner(wire, unknown_money(wire, "15"))

    await wire.engine.drain(timeout_s=HOUR_S)

    leg, transfer = wire.outbox()
    body = loads(transfer_posts(wire)[0])
    assert body["payment"] == {"id": leg["server_id"], "correlatorId": leg["correlator_id"]}
    assert (body["correlatorId"], body["account"]["id"], body["reason"]) == (
        transfer["correlator_id"],
        "BA-1",
        "letter found",
    )
    assert body["totalAmount"] == {"unit": "KWD", "value": 15}
    assert body["bills"] == [{"bill": "1-1", "amount": {"unit": "KWD", "value": 10}}]


async def test_a_transfer_is_no_older_than_its_own_deed_and_no_money_at_risk() -> None:
    wire = await found_wire()
    number = unknown_money(wire, "15")
    await wire.engine.drain(timeout_s=HOUR_S)
    wire.clock.advance(seconds=30 * 24 * HOUR_S)
    find_owner(wire, number, "6")
    find_owner(wire, number)

    with wire.desk.till.read() as connection:
        queue = outbox.queue(connection)

    assert (queue.waiting, queue.oldest_at) == (2, wire.clock.now())
    assert till_state(wire.desk).at_risk == money("0"), "central has the money itself"
