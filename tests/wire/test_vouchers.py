"""Vouchers over the wire: what each answer of central comes to, and what the engine lets go of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.voucher import (
    VoucherAsked,
    VoucherDesk,
    VoucherOutcome,
    VoucherRefused,
    VoucherReserved,
    VoucherTerms,
    VoucherUnanswered,
)
from pos.machine import InlineRunner
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import void
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.take_payment import take_payment
from pos.till.vouchers import reserve_vouchers
from sync.addresses import Addresses
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.client import CentralClient
from sync.releases import RELEASES_FAILED_MAX
from sync.vouchers import CentralVouchers
from sync.wire_json import dumps, loads
from tests.builders.tills import CASHIER, findings, order, wish
from tests.builders.wire import BASE_URL, MEDIA_TYPE, RETRY, TIMEOUT_S, Fault, Wire, foreign_client, make_wire
from tests.central.central_builders import kwd, voucher

KWD = currency("KWD")
ASKED = VoucherAsked(
    hold_id="H-1",
    payment_event_id="E-1",
    terminal="T2",
    mode="external_voucher",
    code="EXT-VM7T-XT9W",
    issuer="City Gifts",
    account="BA-1",
    amount=Money(8_000, KWD),
)
HELD: dict[str, Any] = {
    "id": "H-1",
    "state": "reserved",
    "value": kwd("10.000"),
    "expires": "2027-06-23",
    "approval": "AB2CD3EF",
}


def talking(transport: httpx.AsyncBaseTransport) -> CentralVouchers:
    client = CentralClient(
        Addresses.of(central=BASE_URL), timeout_s=TIMEOUT_S, media_type=MEDIA_TYPE, transport=transport
    )
    return CentralVouchers(client)


def answering(status: int, body: object = None, **headers: str) -> CentralVouchers:
    content = body if isinstance(body, bytes) else b"" if body is None else dumps(body)
    return talking(
        httpx.MockTransport(lambda _request: httpx.Response(status, headers=headers, content=content))
    )


def failing(error: type[httpx.RequestError]) -> CentralVouchers:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("it broke", request=request)

    return talking(httpx.MockTransport(fail))


# --- reserving -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201])
async def test_a_hold_that_is_told_is_reserved(status: int) -> None:
    outcome = await answering(status, HELD).reserve(ASKED)
    assert outcome == VoucherReserved(
        terms=VoucherTerms(value=Money(10_000, KWD), expires=date(2027, 6, 23)), approval="AB2CD3EF"
    )


async def test_what_is_asked_travels_whole_and_once() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, content=dumps(HELD))

    await talking(httpx.MockTransport(answer)).reserve(ASKED)
    [request] = seen
    assert (request.method, request.url.path) == ("POST", "/counterfoil/v1/voucherHold")
    assert request.headers["content-type"] == MEDIA_TYPE
    assert loads(request.content) == {
        "id": "H-1",
        "terminal": "T2",
        "paymentEventId": "E-1",
        "mode": "external_voucher",
        "code": "EXT-VM7T-XT9W",
        "account": "BA-1",
        "amount": kwd("8.000"),
        "issuer": "City Gifts",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<h1>Welcome</h1>",
        [],
        {},
        {**HELD, "id": "H-2"},
        {**HELD, "state": "released"},
        {**HELD, "value": {"unit": "KWD", "value": "10"}},
        {**HELD, "value": {"unit": "EUR", "value": 10}},
        {**HELD, "value": kwd("7.999")},
        {**HELD, "expires": "tomorrow"},
        {**HELD, "expires": "2027-02-30"},
        {**HELD, "expires": None},
        {**HELD, "approval": 5},
    ],
    ids=lambda body: repr(body)[-60:],
)
async def test_a_yes_that_is_not_plain_is_unanswered(body: object) -> None:
    assert isinstance(await answering(201, body).reserve(ASKED), VoucherUnanswered)


@pytest.mark.parametrize("status", [202, 204, 301, 302, 307, 401, 408, 425, 500, 502, 503, 504])
async def test_an_answer_that_leaves_it_open_is_unanswered(status: int) -> None:
    client = answering(status, Location="http://elsewhere.test/")
    assert isinstance(await client.reserve(ASKED), VoucherUnanswered)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout, httpx.RemoteProtocolError]
)
async def test_no_answer_is_unanswered(error: type[httpx.RequestError]) -> None:
    assert isinstance(await failing(error).reserve(ASKED), VoucherUnanswered)


async def test_a_customer_waits_five_seconds_however_patient_the_till_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sync import client as module

    assert module.WAITED_FOR_S == 5
    monkeypatch.setattr(module, "WAITED_FOR_S", 0.05)

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

    outcome = await talking(Silent()).reserve(ASKED)
    assert isinstance(outcome, VoucherUnanswered)
    assert not await talking(Silent()).release("H-1")


async def test_what_central_says_beside_a_no_holds_nothing_that_harms() -> None:
    body = {"code": "voucher_expired", "message": "Ask \x1b[2J\u202eevil of 4111 1111 1111 1111."}
    outcome = await answering(409, body).reserve(ASKED)
    assert outcome == VoucherRefused(
        code="voucher_expired", message="Ask \ufffd[*J\ufffdevil of **** **** **** ****."
    )


async def test_an_approval_that_is_a_card_number_is_masked() -> None:
    outcome = await answering(201, {**HELD, "approval": "4111111111111111"}).reserve(ASKED)
    assert isinstance(outcome, VoucherReserved)
    assert outcome.approval == "*" * 16


async def test_central_says_no_in_its_own_words() -> None:
    body = {"code": "voucher_expired", "reason": "Conflict", "message": "Expired \x1b]0;x\x07yesterday."}
    outcome = await answering(409, body).reserve(ASKED)
    assert isinstance(outcome, VoucherRefused)
    assert outcome.code == "voucher_expired"
    assert outcome.message.startswith("Expired ")
    assert "\x1b" not in outcome.message


@pytest.mark.parametrize(
    ("value", "read"),
    [(kwd("5.000"), Money(5_000, KWD)), (None, None), ({"unit": "KWD", "value": "5"}, None), (5, None)],
)
async def test_what_the_voucher_is_worth_is_told_beside_a_refusal(value: object, read: Money | None) -> None:
    body = {"code": "voucher_value_exceeded", "message": "Worth less.", "value": value}
    outcome = await answering(409, body).reserve(ASKED)
    assert outcome == VoucherRefused(code="voucher_value_exceeded", message="Worth less.", value=read)


@pytest.mark.parametrize("status", [400, 403, 409, 413, 415, 422])
@pytest.mark.parametrize("body", [b"", b"<h1>no</h1>", [], {"code": "21", "message": "x"}, {"code": 5}])
async def test_a_refusal_in_other_words_is_no_answer(status: int, body: object) -> None:
    """A gateway may speak after central has held the voucher: then it must be let go."""
    outcome = await answering(status, body).reserve(ASKED)
    assert isinstance(outcome, VoucherUnanswered)


@pytest.mark.parametrize(
    ("body", "released"), [({"code": "voucher_hold_redeemed"}, True), ({"code": "busy"}, False), (b"", False)]
)
async def test_a_release_is_over_when_our_central_says_that_the_hold_was_used(
    body: object, released: bool
) -> None:
    assert await answering(409, body).release("H-1") is released


async def test_a_server_that_asks_to_wait_is_a_refusal() -> None:
    outcome = await answering(429).reserve(ASKED)
    assert isinstance(outcome, VoucherRefused)
    assert outcome.code == "voucher_too_many_tries"


@pytest.mark.parametrize("status", [404, 405, 410, 501])
async def test_a_foreign_server_cannot_check_vouchers(status: int) -> None:
    client = answering(status, {"code": "60", "reason": "no"})
    for outcome in (
        await client.reserve(ASKED),
        await CentralVouchers(foreign_client(httpx.MockTransport(lambda _: httpx.Response(500)))).reserve(
            ASKED
        ),
    ):
        assert isinstance(outcome, VoucherRefused)
        assert outcome.code == "voucher_no_checker"
        assert "Choose another way to pay" in outcome.message
    assert await client.release("H-1")


# --- letting go ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "done"),
    [
        (204, True),
        (404, True),
        (405, True),
        (409, False),
        (302, False),
        (400, False),
        (401, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
async def test_a_hold_is_let_go_when_central_says_so(status: int, done: bool) -> None:
    assert await answering(status).release("H-1") is done


async def test_a_hold_at_a_server_that_is_away_is_not_let_go() -> None:
    assert not await failing(httpx.ConnectError).release("H-1")
    assert await CentralVouchers(foreign_client(httpx.MockTransport(lambda _: httpx.Response(500)))).release(
        "H-1"
    )


async def test_an_id_stays_one_part_of_the_address() -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(204)

    await talking(httpx.MockTransport(answer)).release("../a/b?c")
    assert seen == [b"/counterfoil/v1/voucherHold/..%2Fa%2Fb%3Fc"]


# --- the real central ----------------------------------------------------------------------------------------


@pytest.fixture
async def wire() -> Wire:
    made = await make_wire()
    load_fixture(
        made.central,
        {"vouchers": [voucher("EXT-VM7T-XT9W", "10.000", issuer="City Gifts"), voucher("LOY-1", "5.000")]},
    )
    return made


async def test_the_voucher_desk_reserves_and_lets_go_at_central(wire: Wire) -> None:
    desk: VoucherDesk = CentralVouchers(wire.client)
    first = await desk.reserve(ASKED)
    again = await desk.reserve(ASKED)
    assert isinstance(first, VoucherReserved)
    assert first == again
    assert first.terms.value == Money(10_000, KWD)
    assert await desk.release("H-1")
    assert await desk.release("never-asked")
    late = await desk.reserve(ASKED)
    assert isinstance(late, VoucherRefused)
    assert late.code == "voucher_released"


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.FAILED_AFTER, Fault.GARBAGE, Fault.CUT_OFF])
async def test_a_reservation_whose_answer_is_lost_is_there_and_can_be_let_go(
    wire: Wire, fault: Fault
) -> None:
    wire.network.script(fault)
    outcome: VoucherOutcome = await CentralVouchers(wire.client).reserve(ASKED)
    assert isinstance(outcome, VoucherUnanswered)
    other = {"hold_id": "H-2", "payment_event_id": "E-2", "terminal": "T3"}
    taken = await CentralVouchers(wire.client).reserve(replaced(ASKED, other))
    assert isinstance(taken, VoucherRefused)
    assert taken.code == "voucher_not_valid"
    assert await CentralVouchers(wire.client).release("H-1")
    assert isinstance(
        await CentralVouchers(wire.client).reserve(replaced(ASKED, {**other, "hold_id": "H-3"})),
        VoucherReserved,
    )


def replaced(asked: VoucherAsked, other: Mapping[str, str]) -> VoucherAsked:
    values = {name: getattr(asked, name) for name in VoucherAsked.__dataclass_fields__}
    return VoucherAsked(**(values | dict(other)))


def voucher_order(wire: Wire, amount: str) -> PaymentOrder:
    """The third party's voucher for bill N1-1."""
    tender = TenderOrder(
        mode="external_voucher", amount=amount, details={"code": ASKED.code, "issuer": "City Gifts"}
    )
    return order(wire.desk, tender, account="BA-1", allocate=[wish("N1-1", amount)])


async def test_a_voucher_taken_at_the_till_is_redeemed_at_central_by_its_payment(wire: Wire) -> None:
    desk = CentralVouchers(wire.client)
    asked = voucher_order(wire, "8.000")
    [held] = await reserve_vouchers(wire.desk, CASHIER, asked, desk, InlineRunner())
    take_payment(wire.desk, CASHIER, asked)
    wire.network.script(Fault.LOST_ANSWER)
    report = await wire.engine.drain(timeout_s=60)
    assert (report.acknowledged, report.parked, report.waiting) == (1, 0, 0)
    sent = loads(wire.network.posts[-1].body)
    assert (sent["voucherHold"], sent["authorizationCode"]) == (held.hold_id, held.approval)
    assert b"VM7T" not in wire.network.posts[-1].body
    with wire.central.read() as connection:
        [row] = connection.execute(text("SELECT * FROM voucher_redemption")).all()
    assert (row.hold_id, row.amount_minor, row.forfeited_minor) == (held.hold_id, 8_000, 2_000)
    assert verify_central(wire.central) == []


async def test_a_voucher_that_is_worth_less_is_refused_at_the_till_with_its_value(wire: Wire) -> None:
    tender = TenderOrder(mode="internal_voucher", amount="6.000", details={"code": "LOY-1"})
    asked = order(wire.desk, tender, account="BA-1", allocate=[wish("N1-1", "6.000")])
    with pytest.raises(Refused) as refusal:
        await reserve_vouchers(wire.desk, CASHIER, asked, CentralVouchers(wire.client), InlineRunner())
    assert (refusal.value.code, refusal.value.details["value"]) == ("voucher_value_exceeded", "5.000")


# --- the engine ----------------------------------------------------------------------------------------------


def abandon(wire: Wire, *hold_ids: str) -> None:
    """The till asked for these, and no payment came of it."""
    with wire.desk.till.transaction() as unit:
        for hold_id in hold_ids:
            unit.insert(
                "voucher_hold",
                {
                    "hold_id": hold_id,
                    "payment_event_id": "E-1",
                    "mode": "internal_voucher",
                    "code_mark": "0" * 64,
                    "account": "BA-1",
                    "amount_minor": 8_000,
                    "currency": "KWD",
                    "state": "abandoned",
                    "asked_at_utc": "2026-11-21T10:00:00.000Z",
                    "changed_at_utc": "2026-11-21T10:00:00.000Z",
                },
            )


def hold_states(wire: Wire) -> list[str]:
    with wire.desk.till.read() as connection:
        rows = connection.exec_driver_sql("SELECT state FROM voucher_hold ORDER BY hold_id")
        return [str(row[0]) for row in rows]


async def test_a_push_lets_go_of_what_no_payment_came_for_after_the_payments(wire: Wire) -> None:
    await CentralVouchers(wire.client).reserve(ASKED)
    abandon(wire, "H-1", "H-never-arrived")
    wire.pay("BA-1", "5.000")
    wire.network.requests.clear()
    report = await wire.engine.push()
    assert (report.acknowledged, report.waiting) == (1, 0)
    assert [request.method for request in wire.network.requests] == ["POST", "DELETE", "DELETE"]
    assert hold_states(wire) == ["released", "released"]
    assert isinstance(
        await CentralVouchers(wire.client).reserve(replaced(ASKED, {"hold_id": "H-2"})), VoucherReserved
    )


async def test_a_central_that_is_away_is_asked_again_after_growing_waits(wire: Wire) -> None:
    abandon(wire, "H-1")
    wire.network.requests.clear()
    wire.network.down()
    for _ in range(60):
        await wire.engine.push()
        wire.clock.advance(seconds=1)
    asked_at = [request.at_s for request in wire.network.requests]
    waits = [after - before for before, after in pairwise(asked_at)]
    assert 3 <= len(asked_at) <= 8
    assert waits == sorted(waits)
    assert hold_states(wire) == ["abandoned"]
    wire.network.heal()
    wire.clock.advance(seconds=300)
    await wire.engine.push()
    assert hold_states(wire) == ["released"]


def keep_for_ever(wire: Wire, *hold_ids: str) -> None:
    """Central answers every release of these with 500."""

    def fault_of(request: httpx.Request) -> Fault:
        return Fault.FAILED if request.url.path.rsplit("/", 1)[1] in hold_ids else Fault.NONE

    wire.network.fault_of = fault_of


async def test_a_hold_that_central_never_lets_go_of_blocks_no_other(wire: Wire) -> None:
    abandon(wire, "H-1", "H-2", "H-3")
    keep_for_ever(wire, "H-1")
    await wire.engine.push()
    assert hold_states(wire) == ["abandoned", "released", "released"]
    wire.network.requests.clear()
    for _ in range(600):
        await wire.engine.push()
        wire.clock.advance(seconds=1)
    asked_at = [request.at_s for request in wire.network.requests]
    waits = [after - before for before, after in pairwise(asked_at)]
    assert 5 <= len(asked_at) <= 12
    assert max(waits) <= RETRY.delay_s_max
    abandon(wire, "H-4")
    await wire.engine.push()
    assert hold_states(wire) == ["abandoned", "released", "released", "released"]
    wire.network.heal()
    wire.clock.advance(seconds=RETRY.delay_s_max)
    await wire.engine.push()
    assert hold_states(wire) == ["released"] * 4


async def test_a_round_asks_for_few_holds_that_central_does_not_let_go_of(wire: Wire) -> None:
    names = [f"H-{number}" for number in range(8)]
    abandon(wire, *names)
    keep_for_ever(wire, *names[:-1])
    wire.network.requests.clear()
    await wire.engine.push()
    assert len(wire.network.requests) == RELEASES_FAILED_MAX
    for _ in range(2):
        await wire.engine.push()
    assert hold_states(wire) == ["abandoned"] * 7 + ["released"]


async def test_the_same_line_after_a_crash_is_taken_though_the_older_hold_could_not_be_let_go(
    wire: Wire,
) -> None:
    desk = CentralVouchers(wire.client)
    [left] = await reserve_vouchers(wire.desk, CASHIER, voucher_order(wire, "8.000"), desk, InlineRunner())
    wire.restart()
    again = voucher_order(wire, "8.000")
    [held] = await reserve_vouchers(wire.desk, CASHIER, again, CentralVouchers(wire.client), InlineRunner())
    assert held.hold_id != left.hold_id
    take_payment(wire.desk, CASHIER, again)
    report = await wire.engine.drain(timeout_s=60)
    assert (report.acknowledged, report.parked, report.waiting) == (1, 0, 0)
    with wire.central.read() as connection:
        redeemed = connection.execute(text("SELECT hold_id FROM voucher_redemption")).scalars().all()
    assert redeemed == [held.hold_id]
    assert verify_central(wire.central, wire.desk.modes) == []


async def test_nothing_is_let_go_while_central_asks_for_quiet(wire: Wire) -> None:
    abandon(wire, "H-1")
    wire.pay("BA-1", "5.000")
    wire.network.requests.clear()
    wire.network.script(Fault.BUSY)
    await wire.engine.push()
    await wire.engine.push()
    assert [request.method for request in wire.network.requests] == ["POST"]
    wire.clock.advance(seconds=40)
    await wire.engine.drain(timeout_s=60)
    assert hold_states(wire) == ["released"]


async def test_a_voucher_of_a_payment_that_is_voided_pays_again(wire: Wire) -> None:
    """Rule 29: once central knows, and not before."""
    desk = wire.desk
    desk.policy = replace(desk.policy, corrections=CorrectionPolicy(alone_minor={"void": 10**9}))
    tender = TenderOrder(mode="internal_voucher", amount="4.000", details={"code": "LOY-1"})

    async def paid() -> str:
        asked = order(desk, tender, account="BA-1", allocate=[wish("N1-1", "4.000")])
        await reserve_vouchers(desk, CASHIER, asked, CentralVouchers(wire.client), InlineRunner())
        return take_payment(desk, CASHIER, asked).receipt.receipt_number

    first = await paid()
    await wire.engine.drain(timeout_s=3_600)
    void(desk, CASHIER, CorrectionOrder(receipt=first, reason="wrong_account"))
    with pytest.raises(Refused):
        await paid()
    await wire.engine.drain(timeout_s=3_600)

    assert await paid() != first
    await wire.engine.drain(timeout_s=3_600)
    assert set(wire.states()) == {"acknowledged"}
    assert verify_central(wire.central) == []
    assert findings(desk) == []
