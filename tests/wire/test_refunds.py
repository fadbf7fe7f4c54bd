"""What was undone of a payment comes to central behind its leg, once, whatever happens on the way; a foreign server too."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.bootstrap.wire import compare_with_central
from pos.domain.cheque_digest import ChequeDigest
from pos.domain.correction import CorrectionKind
from pos.domain.payment_mode import PayerKind, Purpose
from pos.store import outbox
from pos.store.known_cheques import is_known_elsewhere
from pos.till.open_bills import catch_up_all
from pos.till.unsent import unsent
from sync.central.operating.verify import verify_central
from sync.wire_json import dumps, loads
from tests.builders.corrections import on, undone
from tests.builders.tills import CASHIER, cash, cheque, in_suspense, money, pay, wish
from tests.builders.wire import SURVIVED, Fault, ForeignServer, Wire, make_wire
from tests.central.central_builders import PAYMENT_SPEC, faults

HOUR_S = 3_600
KINDS = (CorrectionKind.VOID, CorrectionKind.REVERSAL, CorrectionKind.REFUND)


def paid(wire: Wire, amount: str = "10", *bills: str) -> str:
    """The receipt of a payment of BA-1 for these bills, or on account."""
    event_id = wire.pay("BA-1", amount, *bills)
    with wire.desk.till.read() as connection:
        return str(
            connection.exec_driver_sql(
                "SELECT receipt_number FROM payment_event WHERE payment_event_id = ?", (event_id,)
            ).scalar_one()
        )


def at_central(wire: Wire) -> list[tuple[str, str, int]]:
    """Every refund that central has: correlator, kind, amount."""
    with wire.central.read() as connection:
        found = connection.execute(
            text("SELECT correlator_id, kind, amount_minor FROM refund ORDER BY change_number")
        )
        return [(str(row[0]), str(row[1]), int(row[2])) for row in found]


def refund_posts(wire: Wire) -> list[bytes]:
    return [
        one.body for one in wire.network.requests if one.method == "POST" and one.path.endswith("/refund")
    ]


def body_of(wire: Wire, place: int = -1) -> dict[str, Any]:
    body: dict[str, Any] = loads(refund_posts(wire)[place])
    return body


@pytest.mark.sweep(4)
@pytest.mark.parametrize("fault", SURVIVED)
async def test_a_void_reaches_central_once_behind_its_payment(fault: Fault) -> None:
    wire = await make_wire()
    correction = undone(wire.desk, paid(wire, "10", "N1-1"))
    wire.network.script(fault)

    await wire.engine.drain(timeout_s=HOUR_S)

    assert wire.states() == ["acknowledged", "acknowledged"]
    assert at_central(wire) == [(f"{correction}-1", "void", 10_000)]
    assert (await wire.engine.pull()).problem is None
    assert (wire.open_minor("N1-1"), wire.credit_minor("BA-1")) == (10_000, 0)
    assert verify_central(wire.central) == []


@pytest.mark.sweep(5)
@pytest.mark.parametrize("fault", SURVIVED)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_refund_is_looked_up_before_it_is_sent_again_with_the_same_bytes(
    fault: Fault, kind: CorrectionKind
) -> None:
    """Rule 23: the outcome of a lost answer is unknown, never failed."""
    wire = await make_wire()
    number = paid(wire)
    await wire.engine.drain(timeout_s=HOUR_S)
    wire.network.requests.clear()
    undone(wire.desk, number, kind)
    wire.network.script(fault)

    await wire.engine.drain(timeout_s=HOUR_S)

    assert set(wire.states()) == {"acknowledged"}
    assert len(at_central(wire)) == 1
    assert len(set(refund_posts(wire))) == 1
    asked = [(one.method, one.path.rpartition("/")[2]) for one in wire.network.requests]
    if len(asked) > 1:
        assert asked[1] in (("GET", "refund"), ("POST", "refund"))
    if fault is Fault.LOST_ANSWER:
        assert asked == [("POST", "refund"), ("GET", "refund")], "found there, so not sent again"
    assert verify_central(wire.central) == []


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.HANGS_AFTER])
async def test_a_till_that_dies_while_it_tells_a_refund_tells_it_once(fault: Fault) -> None:
    wire = await make_wire()
    undone(wire.desk, paid(wire))
    wire.network.fault_of = lambda request: fault if request.url.path.endswith("/refund") else Fault.NONE
    round_ = asyncio.create_task(wire.engine.push())
    while wire.states() != ["acknowledged", "sent"] or len(at_central(wire)) < (fault is Fault.HANGS_AFTER):
        await asyncio.sleep(0)
    round_.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await round_
    wire.network.heal()
    wire.restart()

    await wire.engine.drain(timeout_s=HOUR_S)

    assert len(at_central(wire)) == 1
    assert len(set(refund_posts(wire))) == 1


async def test_nothing_is_told_of_a_payment_that_central_has_not() -> None:
    """Rule 53: a refund waits for its payment, and holds up nothing else."""
    wire = await make_wire()
    undone(wire.desk, paid(wire))
    wire.network.script(Fault.BAD)
    await wire.engine.push()
    wire.pay("BA-1", "1.000")

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, wire.states()) == (0, ["parked", "waiting", "acknowledged"])
    assert refund_posts(wire) == []
    with wire.desk.till.transaction() as unit:
        outbox.retry_parked(unit.connection, at=wire.clock.now())
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (set(wire.states()), len(at_central(wire))) == ({"acknowledged"}, 1)


async def test_each_leg_is_undone_behind_its_own_payment() -> None:
    wire = await make_wire()
    taken = pay(wire.desk, cash("6"), cheque("4"), allocate=[wish("N1-1")])
    correction = undone(wire.desk, taken.receipt.receipt_number)

    await wire.engine.drain(timeout_s=HOUR_S)

    assert at_central(wire) == [(f"{correction}-1", "void", 4_000), (f"{correction}-2", "void", 6_000)]
    methods = [loads(body)["paymentMethod"]["name"] for body in refund_posts(wire)]
    assert methods == ["cheque", "cash"]
    assert verify_central(wire.central) == []


async def test_what_central_refuses_is_parked_with_its_reason() -> None:
    wire = await make_wire()
    number = paid(wire)
    await wire.engine.drain(timeout_s=HOUR_S)
    undone(wire.desk, number, CorrectionKind.REFUND, amount=4_000)
    wire.told("UPDATE payment SET account_id = 'BA-2'")

    await wire.engine.drain(timeout_s=HOUR_S)

    assert wire.states() == ["acknowledged", "parked"]
    (parked,) = unsent(wire.desk, CASHIER)
    assert (parked.outcome, parked.amount) == ("refund", money("4"))
    assert "other_account" in str(wire.outbox()[1]["reason"])


async def test_the_body_takes_over_what_the_payment_said(tmf_specs: Path) -> None:
    wire = await make_wire()
    undone(wire.desk, paid(wire, "12", "N1-1"))

    await wire.engine.drain(timeout_s=HOUR_S)

    leg, told = wire.outbox()
    first, body = loads(wire.network.posts[0].body), body_of(wire)
    assert faults(tmf_specs, PAYMENT_SPEC, "Refund_Create", body) == []
    assert (body["account"], body["channel"], body["paymentMethod"], body["requestor"]) == (
        first["account"],
        first["channel"],
        first["paymentMethod"],
        first["payer"],
    )
    assert body["payment"] == {
        "id": leg["server_id"],
        "@referredType": "Payment",
        "correlatorId": leg["correlator_id"],
    }
    assert (body["correlatorId"], body["kind"], body["reasonCode"], body["reason"]) == (
        told["correlator_id"],
        "void",
        "wrong_amount",
        "typed twice",
    )
    assert body["totalAmount"] == {"unit": "KWD", "value": 12}
    assert body["bills"] == [{"bill": "1-1", "amount": {"unit": "KWD", "value": 10}}]
    assert body["kept"] == [{"account": "BA-1", "as": "account", "amount": {"unit": "KWD", "value": 2}}]
    assert (body["terminal"], body["epoch"], body["paymentEventId"]) == (
        first["terminal"],
        first["epoch"],
        first["paymentEventId"],
    )
    assert wire.network.requests[-1].headers["idempotency-key"] == told["correlator_id"]


async def test_every_kind_of_body_is_a_refund_by_the_standard(tmf_specs: Path) -> None:
    wire = await make_wire()
    for kind in CorrectionKind:
        if kind.is_of_one_tender:
            continue
        placed = [on("BA-2", 3_000, bill="N2-1"), on("BA-2", 1_000, kept_as="deposit")] if kind.moves else []
        undone(wire.desk, paid(wire), kind, placed=placed)
    taken = pay(
        wire.desk, cash("3"), payer=PayerKind.SUBSCRIBER, account=None, allocate=[in_suspense("letter", "3")]
    )
    undone(wire.desk, taken.receipt.receipt_number, CorrectionKind.REVERSAL)

    await wire.engine.drain(timeout_s=HOUR_S)

    bodies = [loads(body) for body in refund_posts(wire)]
    assert faults(tmf_specs, PAYMENT_SPEC, "Refund_Create", *bodies) == []
    of_one_tender = {kind for kind in CorrectionKind if kind.is_of_one_tender}
    assert {body["kind"] for body in bodies} == set(CorrectionKind) - of_one_tender
    assert Purpose.SUSPENSE in {part["as"] for body in bodies for part in body.get("kept", ())}
    assert set(wire.states()) == {"acknowledged"}
    assert verify_central(wire.central) == []


# --- moved -----------------------------------------------------------------------------------------------------


@pytest.mark.sweep(4)
@pytest.mark.parametrize("fault", SURVIVED)
@pytest.mark.parametrize("at_the_question", [True, False])
async def test_a_transfer_is_one_refund_at_central_that_says_where_it_went(
    fault: Fault, at_the_question: bool
) -> None:
    wire = await make_wire()
    number = paid(wire, "10", "N1-1")
    await wire.engine.drain(timeout_s=HOUR_S)
    wire.network.requests.clear()
    placed = [on("BA-2", 4_000, bill="N2-1"), on("BA-2", 2_000)]
    correction = undone(wire.desk, number, CorrectionKind.TRANSFER, placed=placed)
    wire.network.script(*([fault] if at_the_question else [Fault.NONE, fault]))

    await wire.engine.drain(timeout_s=HOUR_S)

    assert at_central(wire) == [(f"{correction}-1", "transfer", 6_000)]
    assert len(set(refund_posts(wire))) == 1
    body = body_of(wire)
    assert body["paymentMethod"]["@referredType"] == "AccountTransfer"
    assert [(part["account"], part.get("bill"), part.get("as")) for part in body["placed"]] == [
        ("BA-2", "2-1", None),
        ("BA-2", None, "account"),
    ]
    assert (await wire.engine.pull()).problem is None
    assert (wire.open_minor("N1-1"), wire.open_minor("N2-1"), wire.credit_minor("BA-2")) == (
        6_000,
        6_000,
        2_000,
    )
    assert verify_central(wire.central) == []


async def test_what_was_moved_is_moved_on_from_where_it_is() -> None:
    wire = await make_wire()
    number = paid(wire, "10")
    undone(wire.desk, number, CorrectionKind.TRANSFER, placed=[on("BA-2", 6_000)])
    undone(wire.desk, number, CorrectionKind.TRANSFER, placed=[on("BA-3", 5_000)], account="BA-2")
    undone(wire.desk, number, CorrectionKind.REFUND, amount=1_000, account="BA-2")

    await wire.engine.drain(timeout_s=HOUR_S)
    await wire.engine.pull()

    assert [wire.credit_minor(name) for name in ("BA-1", "BA-2", "BA-3")] == [4_000, 0, 5_000]
    assert verify_central(wire.central) == []


async def test_a_gateway_that_refuses_the_question_does_not_keep_a_transfer_from_central() -> None:
    wire = await make_wire()
    number = paid(wire)
    await wire.engine.drain(timeout_s=HOUR_S)
    undone(wire.desk, number, CorrectionKind.TRANSFER, placed=[on("BA-2", 6_000)])
    wire.network.script(Fault.BAD)

    await wire.engine.push()

    assert wire.states() == ["acknowledged", "waiting", "waiting"]
    await wire.engine.drain(timeout_s=HOUR_S)
    assert len(at_central(wire)) == 1
    assert {row["server_id"] for row in wire.outbox() if row["kind"] == "moved"} == {outbox.NOT_TOLD}


# --- a foreign server --------------------------------------------------------------------------------------------


class ForeignRefunds(ForeignServer):
    """A server of someone else that takes refunds too, each under its own path."""

    def __init__(self) -> None:
        super().__init__()
        self.refunds: list[dict[str, Any]] = []
        self.loses_refunds = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/refund"):
            return await super().handle_async_request(request)
        self.requests.append(request)
        if request.method == "GET":
            return self._list(self.refunds, dict(request.url.params))
        stored = {**loads(await request.aread()), "id": f"FR-{len(self.refunds) + 1}"}
        self.refunds.append(stored)
        if self.loses_refunds:
            raise httpx.ReadTimeout("nobody answered", request=request)
        return httpx.Response(201, content=dumps(stored))


async def foreign_wire(server: ForeignRefunds) -> Wire:
    """A till with its cache filled, whose payments go to someone else's server from now on."""
    wire = await make_wire(own=False)
    wire.network.leads_to = server
    return wire


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loses_answers", [True, False])
async def test_a_foreign_server_is_told_a_refund_once(kind: CorrectionKind, loses_answers: bool) -> None:
    server = ForeignRefunds()
    wire = await foreign_wire(server)
    number = paid(wire)
    await wire.engine.drain(timeout_s=HOUR_S)
    undone(wire.desk, number, kind)
    server.loses_refunds = loses_answers

    await wire.engine.drain(timeout_s=HOUR_S)

    assert [row["payment"]["id"] for row in server.refunds] == ["F-1"]
    leg, told = wire.outbox()
    assert (leg["server_id"], told["server_id"], told["state"]) == ("F-1", "FR-1", "acknowledged")


async def test_a_foreign_server_without_refunds_leaves_it_to_a_person() -> None:
    class NoRefunds(ForeignServer):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/refund"):
                return httpx.Response(404, json={"code": "60", "reason": "no such resource"})
            return await super().handle_async_request(request)

    wire = await make_wire(own=False)
    wire.network.leads_to = NoRefunds()
    undone(wire.desk, paid(wire))

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, wire.states()) == (0, ["acknowledged", "parked"])


# --- both compared -----------------------------------------------------------------------------------------------


async def differences(wire: Wire) -> list[tuple[str, str]]:
    return [(finding.check, finding.where) for finding in await compare_with_central(wire.desk, wire.client)]


async def test_refunds_that_both_have_alike_are_no_finding() -> None:
    wire = await make_wire()
    number = paid(wire)
    undone(wire.desk, number, CorrectionKind.REFUND, amount=3_000)
    undone(wire.desk, number, CorrectionKind.TRANSFER, placed=[on("BA-2", 6_000)])
    undone(wire.desk, paid(wire, "10", "N1-1"))
    await wire.engine.drain(timeout_s=HOUR_S)
    undone(wire.desk, number, CorrectionKind.REFUND, amount=1_000)

    assert await differences(wire) == []


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (
            "UPDATE refund SET body = replace(body, '3.000}', '2.000}')",
            "refund_agrees_with_central",
        ),
        ("DELETE FROM refund_part; DELETE FROM refund", "refund_is_at_central"),
    ],
)
async def test_a_refund_that_central_has_otherwise_or_lost_is_named(damage: str, check: str) -> None:
    wire = await make_wire()
    correction = undone(wire.desk, paid(wire), CorrectionKind.REFUND, amount=3_000)
    await wire.engine.drain(timeout_s=HOUR_S)
    for statement in damage.split(";"):
        wire.told(statement)

    assert await differences(wire) == [(check, f"{correction}-1")]


async def test_a_refund_that_the_books_lost_is_named() -> None:
    wire = await make_wire()
    other = await make_wire(seed="another life of this terminal")
    other.network.leads_to = wire.network.leads_to
    correction = undone(other.desk, paid(other))
    await other.engine.drain(timeout_s=HOUR_S)

    assert ("refund_is_in_the_books", f"{correction}-1") in await differences(wire)


async def test_a_foreign_server_is_asked_for_each_refund() -> None:
    server = ForeignRefunds()
    wire = await foreign_wire(server)
    correction = undone(wire.desk, paid(wire))
    await wire.engine.drain(timeout_s=HOUR_S)
    assert await differences(wire) == []
    server.refunds.clear()

    assert await differences(wire) == [("refund_is_at_central", f"{correction}-1")]


# --- what other tills hear ----------------------------------------------------------------------------------------


async def test_another_till_takes_a_cheque_again_that_was_given_back() -> None:
    """Rule 37: a cheque counts in every shop as long as it was not returned."""
    wire, other = await make_wire(), await make_wire(seed="other")
    other.network.leads_to = wire.network.leads_to
    other.desk.identity = replace(other.desk.identity, terminal="T9")
    other.restart()
    taken = pay(wire.desk, cheque("10"), allocate=[wish("N1-1")])
    await wire.engine.drain(timeout_s=HOUR_S)
    await other.engine.pull()
    assert known(other) == [True]
    undone(wire.desk, taken.receipt.receipt_number)
    await wire.engine.drain(timeout_s=HOUR_S)

    assert (await other.engine.pull()).problem is None

    assert known(other) == []
    assert other.open_minor("N1-1") == 10_000, "and is asked for the bill again"


def known(wire: Wire) -> list[bool]:
    """Whether each cheque that this till has heard of stands in the way."""
    with wire.desk.cache.read() as connection:
        found = connection.exec_driver_sql("SELECT identity, branch, account, dated FROM known_cheque").all()
        return [
            is_known_elsewhere(
                connection,
                ChequeDigest(identity=row[0], branch=row[1], account=row[2]),
                dated=date.fromisoformat(row[3]),
            )
            for row in found
        ]


# --- what is open meanwhile ----------------------------------------------------------------------------------------

STEPS = ("push", "lose the answers", "pull", "another push")


@pytest.mark.sweep(5)
@pytest.mark.parametrize("payment_is_there", [True, False])
@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)), ids=", ".join)
async def test_what_was_undone_is_counted_once_at_every_moment_of_its_way(
    order: tuple[str, ...], payment_is_there: bool
) -> None:
    """Rule 29: before it is sent, after a lost answer, after the acknowledgement and after the pull; in any order."""
    wire = await make_wire()
    number = paid(wire, "14", "N1-1")
    if payment_is_there:
        await wire.engine.drain(timeout_s=HOUR_S)
    undone(wire.desk, number, CorrectionKind.REFUND, amount=6_000)
    placed = [on("BA-2", 3_000, bill="N2-1"), on("BA-2", 1_000)]
    undone(wire.desk, number, CorrectionKind.TRANSFER, placed=placed)
    catch_up_all(wire.desk)
    assert shown(wire) == (6_000, 0, 7_000, 1_000), "at once, before central hears of it"

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
        assert shown(wire) == (6_000, 0, 7_000, 1_000), step
        wire.restart()
        catch_up_all(wire.desk)
        assert shown(wire) == (6_000, 0, 7_000, 1_000), f"started anew after: {step}"
    await wire.engine.drain(timeout_s=HOUR_S)
    await wire.engine.pull()
    assert (shown(wire), len(at_central(wire))) == ((6_000, 0, 7_000, 1_000), 2)


def shown(wire: Wire) -> tuple[int, int, int, int]:
    """What this till shows as open on N1-1, as credit of BA-1, as open on N2-1 and as credit of BA-2."""
    return (
        wire.open_minor("N1-1"),
        wire.credit_minor("BA-1"),
        wire.open_minor("N2-1"),
        wire.credit_minor("BA-2"),
    )
