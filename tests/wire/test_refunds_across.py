"""Several tills, one central: what one took another pays back, once, never more than is left, whatever gets lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pos.bootstrap.wire import compare_with_central
from pos.domain.correction import CorrectionKind
from pos.domain.errors import DomainError
from pos.domain.money import Money, currency
from pos.domain.refund_across import (
    RefundAsked,
    RefundDenied,
    RefundHeld,
    RefundUnanswered,
    TakenElsewhere,
)
from pos.machine import InlineRunner
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.correction_entry import Corrected, CorrectionOrder
from pos.till.corrections import void
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.paid_back_elsewhere import undo
from pos.till.refund_across import abandon_all, pay_back
from pos.till.refunds import refund
from pos.till.transfers import MoveOrder, transfer
from sync.addresses import Addresses
from sync.central.operating.verify import verify_central
from sync.client import CentralClient
from sync.refunds_elsewhere import NO_PLACE, CentralRefunds
from sync.wire_json import dumps, loads
from tests.builders.across import Shop, asked_back, make_shop
from tests.builders.corrections import undone
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    atm,
    bank_tells,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    in_suspense,
    pay,
    rows,
    wish,
)
from tests.builders.undoing import balances
from tests.builders.wire import BASE_URL, MEDIA_TYPE, TIMEOUT_S, Fault, ForeignServer, foreign_client
from tests.central.central_builders import PAYMENT_SPEC, faults, kwd

KWD = currency("KWD")


async def taken(shop: Shop, *tenders: Any, terminal: str = "T1", **more: Any) -> str:
    """The receipt of a payment of BA-1 at a terminal, which central knows."""
    wire = shop[terminal]
    more.setdefault("allocate", [wish("N1-1")])
    receipt = pay(wire.desk, *tenders, account="BA-1", **more).receipt.receipt_number
    await wire.engine.drain(timeout_s=3_600)
    wire.network.requests.clear()
    return str(receipt)


async def refused(shop: Shop, terminal: str, receipt: str, amount: str | None = None) -> str:
    try:
        await shop.pay_back(terminal, receipt, amount)
    except DomainError as refusal:
        return refusal.code
    return "ok"


def held(shop: Shop) -> tuple[int, int]:
    """What central notes as refunded and as held of all payments."""
    with shop["T1"].central.read() as connection:
        row = connection.execute(text("SELECT sum(refunded_minor), sum(held_minor) FROM payment")).one()
        return int(row[0]), int(row[1])


def paid_back_at(shop: Shop, terminal: str) -> int:
    return sum(int(str(row["amount_minor"])) for row in rows(shop[terminal].desk, "v_refund"))


async def agree(shop: Shop) -> None:
    """All is told, nothing is held, and all books hold, each alone and together."""
    await shop.drain()
    central = shop["T1"].central
    assert verify_central(central) == []
    assert held(shop)[1] == 0
    assert held(shop)[0] == sum(paid_back_at(shop, terminal) for terminal in shop.tills)
    for wire in shop.tills.values():
        assert findings(wire.desk) == []
        assert set(wire.states()) <= {"acknowledged"}
        assert await compare_with_central(wire.desk, wire.client) == []


# --- one refund ------------------------------------------------------------------------------------------------------


async def test_what_one_till_took_another_pays_back_and_all_books_agree() -> None:
    """Rule 32 across terminals: the payment's bill is open again everywhere."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("6"))
    await shop.drain()
    assert shop["T2"].open_minor("N1-1") == 4_000

    done = await shop.pay_back("T2", receipt, "2")

    assert (done.cash.minor, shop["T2"].open_minor("N1-1")) == (2_000, 6_000)
    assert balances(shop["T2"].desk)[("receivable", "BA-1")] == 2_000
    await agree(shop)
    assert [shop[terminal].open_minor("N1-1") for terminal in ("T1", "T2")] == [6_000, 6_000]
    assert (paid_back_at(shop, "T1"), paid_back_at(shop, "T2")) == (0, 2_000)


async def test_each_leg_is_told_as_a_refund_of_the_standard_with_its_payment(tmf_specs: Any) -> None:
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, card("3"), cash("9"), overpayment="credit")
    await shop.pay_back("T2", receipt)
    await shop["T2"].engine.drain(timeout_s=3_600)

    told = (await _get(shop, "/tmf-api/paymentManagement/v4/refund"))[-2:]

    assert faults(tmf_specs, PAYMENT_SPEC, "Refund", *told) == []
    payments = {row["id"]: row for row in await _get(shop, "/tmf-api/paymentManagement/v4/payment")}
    for row in told:
        paid = payments[row["payment"]["id"]]
        assert (row["terminal"], row["account"]["id"], row["kind"]) == ("T2", "BA-1", "refund")
        assert (row["operator"], row["takenBy"]) == ("1001", "1001")
        assert row["paymentMethod"]["name"] == paid["paymentMethod"]["name"]
        assert row["totalAmount"] == paid["totalAmount"]
    await agree(shop)


async def _get(shop: Shop, path: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=shop["T1"].network.app), base_url=BASE_URL
    ) as client:
        found: list[dict[str, Any]] = loads((await client.get(path)).content)
        return found


async def test_money_that_is_not_sure_or_nobodys_is_not_paid_back_elsewhere() -> None:
    """Rule 32: not before clearing, never from suspense."""
    shop = await make_shop("T1", "T2")
    for tender, wanted in ((cheque("5"), wish("N1-1")), (cash("5"), in_suspense("Envelope", "5"))):
        receipt = await taken(shop, tender, allocate=[wanted])
        assert await refused(shop, "T2", receipt) == "nothing_refundable"
    await agree(shop)


async def test_a_payment_that_central_has_not_got_yet_is_unknown_elsewhere() -> None:
    shop = await make_shop("T1", "T2")
    receipt = pay(shop["T1"].desk, cash("5"), account="BA-1").receipt.receipt_number
    assert await refused(shop, "T2", receipt) == "unknown_receipt"
    await shop.drain()
    await shop.pay_back("T2", receipt)
    await agree(shop)


async def test_what_is_undone_where_it_was_taken_is_not_paid_back_elsewhere() -> None:
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    undone(shop["T1"].desk, receipt, CorrectionKind.REVERSAL)
    await shop["T1"].engine.drain(timeout_s=3_600)
    assert await refused(shop, "T2", receipt) == "nothing_refundable"


async def test_a_void_that_comes_while_another_till_pays_back_waits_and_is_not_lost() -> None:
    """What is held may go either way: the row waits, it is neither refused nor forgotten."""
    shop = await make_shop("T1", "T2")
    first, second = shop["T1"], shop["T2"]
    receipt = await taken(shop, cash("5"))
    asked = await _held_only(shop, "T2", receipt)
    undone(first.desk, receipt, CorrectionKind.REVERSAL)
    await first.engine.push()
    assert first.states() == ["acknowledged", "waiting"]

    assert await CentralRefunds(second.client).release(asked.hold_id)
    await first.engine.drain(timeout_s=3_600)

    assert first.states() == ["acknowledged", "acknowledged"]
    assert verify_central(first.central) == []


async def _held_only(shop: Shop, terminal: str, receipt: str, amount: int = 5_000) -> RefundAsked:
    """Central holds it, and the till that asked has died."""
    central = CentralRefunds(shop[terminal].client)
    found = await central.find(receipt)
    assert isinstance(found, TakenElsewhere)
    asked = RefundAsked(
        hold_id="H-1",
        terminal=terminal,
        operator="1001",
        receipt_number=receipt,
        legs=((found.legs[0].payment_id, Money(amount, KWD)),),
    )
    assert isinstance(await central.hold(asked), RefundHeld)
    return asked


# --- many at once ----------------------------------------------------------------------------------------------------


async def test_40_parallel_refunds_of_one_payment_from_two_terminals_never_exceed_it() -> None:
    """Invariant 37, rule 32: taken at a third; each till's books balance, and central has their sum."""
    shop = await make_shop("T1", "T2", "T3")
    receipt = await taken(shop, card("4"), cash("6"))

    codes = await asyncio.gather(
        *(refused(shop, f"T{2 + number % 2}", receipt, "0.700") for number in range(40))
    )

    assert codes.count("ok") == 14
    assert set(codes) <= {"ok", "more_than_refundable", "refund_more_than_left", "refund_given_up"}
    assert sum(paid_back_at(shop, terminal) for terminal in ("T2", "T3")) == 9_800
    await agree(shop)


async def test_40_parallel_refunds_with_lost_answers_never_exceed_it_and_lose_nothing() -> None:
    """Invariant 37 in bad weather: what was booked is told, what was held and not booked is free again."""
    shop = await make_shop("T1", "T2", "T3")
    receipt = await taken(shop, cash("10"))
    for seed, terminal in enumerate(("T2", "T3")):
        shop[terminal].network.chance(seed, rate=0.3)
    await asyncio.gather(*(refused(shop, f"T{2 + number % 2}", receipt, "0.700") for number in range(40)))
    for terminal in ("T2", "T3"):
        shop[terminal].network.heal()
        abandon_all(shop[terminal].desk)
    assert held(shop)[0] == 0
    await agree(shop)
    back = sum(paid_back_at(shop, terminal) for terminal in ("T2", "T3"))
    assert back <= 10_000
    while await refused(shop, "T2", receipt, "0.005") == "ok":
        back += 5
    assert back == 10_000
    await agree(shop)


STEP = st.tuples(st.sampled_from(["T1", "T2", "T3"]), st.integers(1, 1_500), st.booleans())


@settings(max_examples=8)
@given(steps=st.lists(STEP, max_size=8))
async def test_whoever_pays_back_whatever_the_sum_is_what_is_left(steps: list[tuple[str, int, bool]]) -> None:
    """Invariant 37: any order of refunds, where it was taken and elsewhere, told or not yet."""
    shop = await make_shop("T1", "T2", "T3")
    receipt = await taken(shop, cash("4"), card("2"))
    left = 6_000
    for terminal, fives, told in steps:
        amount = Money(5 * fives, KWD)
        done = await refused(shop, terminal, receipt, amount.plain())
        assert (done == "ok") is (amount.minor <= left), (done, amount, left)
        left -= amount.minor if done == "ok" else 0
        if told:
            await shop.drain()
    await agree(shop)
    assert held(shop)[0] == 6_000 - left


# --- where it was taken ----------------------------------------------------------------------------------------------


async def test_40_parallel_refunds_where_it_was_taken_and_elsewhere_never_exceed_it() -> None:
    """Invariant 37: the till that took it asks central too, as soon as another could pay it back."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, card("4"), cash("6"))

    codes = await asyncio.gather(
        *(refused(shop, f"T{1 + number % 2}", receipt, "0.700") for number in range(40))
    )

    assert codes.count("ok") == 14
    assert sum(paid_back_at(shop, terminal) for terminal in shop.tills) == 9_800
    assert min(paid_back_at(shop, terminal) for terminal in shop.tills) > 0
    await agree(shop)


async def test_what_was_paid_back_elsewhere_is_not_paid_back_again_where_it_was_taken() -> None:
    """Rule 32, though the till that took it has heard nothing of that refund."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    await shop.pay_back("T2", receipt, "4")
    assert await refused(shop, "T1", receipt, "5") == "more_than_refundable"
    assert rows(shop["T1"].desk, "correction") == []
    await shop.pay_back("T1", receipt, "1")
    await agree(shop)


async def test_money_that_the_own_books_know_to_be_sure_may_go_back_where_it_was_taken() -> None:
    """Central waits for the bank's word still; the till has its file."""
    shop = await make_shop("T1", "T2")
    slip = atm("5")
    receipt = await taken(shop, slip)
    assert await refused(shop, "T1", receipt) == "nothing_refundable"
    bank_tells(shop["T1"].desk, slip)
    assert await refused(shop, "T2", receipt) == "nothing_refundable"
    await shop.pay_back("T1", receipt, "2")
    await agree(shop)


@pytest.mark.parametrize("request_no", [1, 2])
@pytest.mark.parametrize(
    "fault", [Fault.REFUSED, Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.LATE, Fault.FAILED_AFTER]
)
async def test_without_an_answer_the_own_books_decide_and_what_was_held_is_let_go(
    fault: Fault, request_no: int
) -> None:
    """Offline an own payment is paid back by the own books; the refund is told behind what is let go."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    shop["T1"].network.script(*[Fault.NONE] * (request_no - 1), fault)
    await shop.pay_back("T1", receipt, "3")
    await shop["T1"].network.deliver_late()
    await agree(shop)
    assert held(shop) == (3_000, 0)


async def test_what_was_paid_back_offline_counts_before_central_has_heard_of_it() -> None:
    """Invariant 37: 5 by the own books, 4 elsewhere, and of the 10 that were paid no more than 1 is left."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("10"))
    refund(shop["T1"].desk, CASHIER, asked_back("5", receipt=receipt))
    await shop.pay_back("T2", receipt, "4")
    await shop["T2"].engine.drain(timeout_s=3_600)

    assert await refused(shop, "T1", receipt, "5") == "more_than_refundable"

    await shop.pay_back("T1", receipt, "1")
    await agree(shop)
    assert held(shop) == (10_000, 0)


async def test_money_that_was_moved_a_moment_ago_goes_back_and_both_are_told() -> None:
    """The move waits for no hold whose refund waits behind the move."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("10"))
    move = MoveOrder(receipt=receipt, account="BA-2", amount="10", reason="wrong_account")
    transfer(shop["T1"].desk, CASHIER, move)

    await shop.pay_back("T1", receipt, "10")

    await agree(shop)
    assert held(shop) == (10_000, 0)


async def test_a_till_that_dies_with_an_own_hold_lets_it_go() -> None:
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    till = shop["T1"]
    till.network.script(Fault.NONE, Fault.HANGS_AFTER)
    order, central = asked_back("3", receipt=receipt), CentralRefunds(till.client)
    deed = asyncio.create_task(pay_back(till.desk, CASHIER, order, central, InlineRunner()))
    while len(till.network.requests) < 2:
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    deed.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await deed
    assert held(shop) == (0, 3_000)
    abandon_all(till.desk)
    await agree(shop)
    assert rows(till.desk, "correction") == []


# --- lost answers and crashes ----------------------------------------------------------------------------------------

LOST = [fault for fault in Fault if fault not in (Fault.NONE, Fault.HANGS, Fault.HANGS_AFTER, Fault.TOO_LONG)]
NO_HARM = (Fault.SLOW, Fault.TWICE)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("at", ["asking for the receipt", "asking for the hold"])
async def test_whatever_becomes_of_an_answer_no_money_goes_out_without_a_yes(at: str, fault: Fault) -> None:
    """Invariants 7 and 37: refused or booked, never anything between; the same again is booked once."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    till = shop["T2"]
    till.network.script(*((fault,) if at == "asking for the receipt" else (Fault.NONE, fault)))

    code = await refused(shop, "T2", receipt, "3")

    if fault in NO_HARM or (fault is Fault.OTHER_PAYMENT and code == "ok"):
        assert code == "ok"
    else:
        assert code in ("online_only", "refund_unanswered", "refund_only_there", "exists"), code
        assert rows(till.desk, "refund_across") == []
        await till.network.deliver_late()
        await shop.pay_back("T2", receipt, "3")
    await agree(shop)
    assert held(shop) == (3_000, 0)


@pytest.mark.parametrize("fault", [Fault.HANGS, Fault.HANGS_AFTER])
@pytest.mark.parametrize("request_no", [1, 2])
async def test_a_till_that_dies_while_it_asks_lets_go_after_its_next_start(
    fault: Fault, request_no: int
) -> None:
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    till = shop["T2"]
    till.network.script(*[Fault.NONE] * (request_no - 1), fault)
    central = CentralRefunds(till.client)
    deed = asyncio.create_task(
        pay_back(till.desk, CASHIER, asked_back("3", receipt=receipt), central, InlineRunner())
    )
    while len(till.network.requests) < request_no:
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    deed.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await deed

    till.restart()
    abandon_all(till.desk)
    await till.engine.push()

    assert rows(till.desk, "refund_across") == []
    assert held(shop) == (0, 0)
    await shop.pay_back("T2", receipt, "5")
    await agree(shop)


async def test_a_till_that_dies_between_the_yes_and_the_booking_lets_go_after_its_next_start() -> None:
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    till = shop["T2"]

    class Dies(Exception):
        pass

    class Mortal(CentralRefunds):
        async def hold(self, asked: RefundAsked) -> Any:
            await CentralRefunds(self.client).hold(asked)
            raise Dies

    order = asked_back("3", receipt=receipt)
    with pytest.raises(Dies):
        await pay_back(till.desk, CASHIER, order, Mortal(till.client), InlineRunner())
    assert held(shop) == (0, 3_000)

    till.restart()
    abandon_all(till.desk)
    await till.engine.push()

    assert held(shop)[1] == 0
    await agree(shop)


@pytest.mark.parametrize("fault", LOST)
async def test_a_booked_refund_reaches_central_once_whatever_is_lost(fault: Fault) -> None:
    """Invariants 1 and 37: its hold is used once, and central has it as booked."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("5"))
    await shop.pay_back("T2", receipt, "3")
    till = shop["T2"]
    assert held(shop) == (0, 3_000)
    till.network.script(fault)
    await till.engine.push()
    await till.network.deliver_late()
    if fault is Fault.BAD or fault is Fault.CONFLICT:
        assert till.states() == ["parked"]
        with till.desk.till.transaction() as unit:
            unit.connection.exec_driver_sql("UPDATE outbox SET state = 'unknown' WHERE state = 'parked'")
    await agree(shop)
    assert held(shop) == (3_000, 0)


async def test_a_hold_that_its_till_never_uses_is_let_go_by_a_person_and_comes_to_no_harm() -> None:
    """Central's people let go for a till that was lost; it comes back, and the refund that it had booked is weighed."""
    shop = await make_shop("T1", "T2", "T3")
    receipt = await taken(shop, cash("5"))
    await shop.pay_back("T2", receipt, "3")
    with shop["T2"].desk.till.read() as connection:
        (hold_id,) = connection.exec_driver_sql("SELECT hold_id FROM refund_hold").scalars()
    assert await CentralRefunds(shop["T3"].client).release(str(hold_id))
    await agree(shop)
    assert held(shop) == (3_000, 0)


# --- what central says -----------------------------------------------------------------------------------------------


def answering(status: int, body: object) -> CentralRefunds:
    content = body if isinstance(body, bytes) else dumps(body)
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, content=content))
    client = CentralClient(
        Addresses.of(central=BASE_URL), timeout_s=TIMEOUT_S, media_type=MEDIA_TYPE, transport=transport
    )
    return CentralRefunds(client)


TOLD: Mapping[str, Any] = {
    "receiptNumber": "S014-T9-A-000007",
    "paymentEventId": "E-9",
    "terminal": "T9",
    "takenAt": "2026-11-21T09:00:00+03:00",
    "operator": "1009",
    "payer": {"id": "BA-1", "role": "subscriber"},
    "legs": [
        {
            "payment": {"id": "P-1"},
            "leg": 1,
            "account": {"id": "BA-1"},
            "paymentMethod": {"@type": "Cash", "name": "cash"},
            "totalAmount": kwd("10.000"),
            "refundableAmount": kwd("6.000"),
            "stands": [{"as": "credit", "account": "BA-1", "amount": kwd("10.000")}],
        }
    ],
}
LEG = TOLD["legs"][0]
ASKED = RefundAsked(
    hold_id="H-1",
    terminal="T2",
    operator="1001",
    receipt_number="S014-T9-A-000007",
    legs=(("P-1", Money(4_000, KWD)),),
)
HELD: Mapping[str, Any] = {
    "id": "H-1",
    "state": "reserved",
    "legs": [
        {"payment": {"id": "P-1"}, "parts": [{"as": "credit", "account": "BA-1", "amount": kwd("4.000")}]}
    ],
}
PART = HELD["legs"][0]["parts"][0]


async def test_a_payment_that_is_told_whole_is_read() -> None:
    found = await answering(200, TOLD).find("S014-T9-A-000007")
    assert isinstance(found, TakenElsewhere)
    assert (found.taken.taken_by, found.taken.accounts, found.may_go_back.minor) == ("1009", ("BA-1",), 6_000)


@pytest.mark.parametrize(
    "wrong",
    [
        b"<h1>Welcome</h1>",
        [],
        {},
        {**TOLD, "receiptNumber": "S014-T9-A-000008"},
        {**TOLD, "legs": []},
        {**TOLD, "legs": [LEG, LEG]},
        {**TOLD, "legs": [{**LEG, "leg": "1"}]},
        {**TOLD, "legs": [{**LEG, "leg": True}]},
        {**TOLD, "legs": [{**LEG, "refundableAmount": kwd("10.001")}]},
        {**TOLD, "legs": [{**LEG, "refundableAmount": {"unit": "EUR", "value": 1}}]},
        {**TOLD, "legs": [{**LEG, "totalAmount": "10.000"}]},
        {**TOLD, "legs": [{**LEG, "stands": [{"as": "gold", "account": "BA-1", "amount": kwd("1.000")}]}]},
        {**TOLD, "legs": [{**LEG, "stands": [{"as": "bill", "account": "BA-1", "amount": kwd("1.000")}]}]},
        {**TOLD, "legs": [{**LEG, "account": {"id": "BA-1\x1b]0;x\x07"}}]},
        {**TOLD, "takenAt": "yesterday"},
        {**TOLD, "takenAt": "2026-11-21T09:00:00"},
        {**TOLD, "payer": {"id": "BA-1", "role": "king"}},
        {**TOLD, "operator": "4111111111111111"},
    ],
    ids=lambda wrong: repr(wrong)[-50:],
)
async def test_a_payment_that_is_not_told_whole_is_no_answer(wrong: object) -> None:
    assert isinstance(await answering(200, wrong).find("S014-T9-A-000007"), RefundUnanswered)


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        {**HELD, "id": "H-2"},
        {**HELD, "state": "released"},
        {**HELD, "legs": []},
        {**HELD, "legs": [{"payment": {"id": "P-2"}, "parts": [PART]}]},
        {**HELD, "legs": [{"payment": {"id": "P-1"}, "parts": [PART, PART]}]},
        {**HELD, "legs": [{"payment": {"id": "P-1"}, "parts": [{**PART, "amount": kwd("3.999")}]}]},
        {**HELD, "legs": [{"payment": {"id": "P-1"}, "parts": [{**PART, "as": "suspense"}]}]},
        {
            **HELD,
            "legs": [{"payment": {"id": "P-1"}, "parts": [{**PART, "amount": {"unit": "EUR", "value": 4}}]}],
        },
    ],
    ids=lambda wrong: repr(wrong)[-50:],
)
async def test_a_yes_that_is_not_plain_is_no_answer(wrong: object) -> None:
    assert isinstance(await answering(201, wrong).hold(ASKED), RefundUnanswered)


async def test_a_plain_yes_is_read() -> None:
    told = await answering(201, HELD).hold(ASKED)
    assert isinstance(told, RefundHeld)
    assert [(part.payment_id, part.account, part.amount.minor) for part in told.parts] == [
        ("P-1", "BA-1", 4_000)
    ]


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (409, {"code": "refund_more_than_left", "message": "Only 1.000"}, "refund_more_than_left"),
        (409, {"code": "refund_no", "message": "\x1b[2J4111 1111 1111 1111"}, "refund_no"),
        (422, {"code": "receipt_not_unique", "message": "Several"}, "receipt_not_unique"),
        (409, {"code": "exists", "message": "Conflict"}, None),
        (404, {"code": "60", "message": "no"}, NO_PLACE.code),
        (501, b"", NO_PLACE.code),
        (202, HELD, None),
        (400, b"", None),
        (429, {"code": "busy", "message": "later"}, None),
        (500, {"code": "refund_more_than_left", "message": "x"}, None),
        (503, b"", None),
    ],
)
async def test_only_a_plain_no_is_one(status: int, body: object, outcome: str | None) -> None:
    told = await answering(status, body).hold(ASKED)
    if outcome is None:
        assert isinstance(told, RefundUnanswered)
    else:
        assert isinstance(told, RefundDenied)
        assert told.code == outcome
        assert "\x1b" not in told.message
        assert "4111" not in told.message


@pytest.mark.parametrize(
    ("status", "body", "let_go"),
    [
        (204, b"", True),
        (404, b"", True),
        (409, {"code": "refund_hold_used", "message": "x"}, True),
        (409, {"code": "exists", "message": "x"}, False),
        (500, b"", False),
        (302, b"", False),
    ],
)
async def test_it_is_let_go_only_where_central_says_so(status: int, body: object, *, let_go: bool) -> None:
    assert await answering(status, body).release("H-1") is let_go


async def test_a_server_of_another_kind_knows_no_other_terminals() -> None:
    central = CentralRefunds(foreign_client(ForeignServer()))
    assert await central.find("S014-T9-A-000007") == NO_PLACE
    assert await central.hold(ASKED) == NO_PLACE
    assert await central.release("H-1")


# --- undone where it was taken, after another terminal paid back of it ---------------------------------------------------


async def undone_at_home(shop: Shop, act: str, receipt: str) -> str:
    """The till that took the payment undoes or moves it, having asked central first."""
    desk, client = shop["T1"].desk, CentralRefunds(shop["T1"].client)
    asked = CorrectionOrder(receipt=receipt, reason="wrong_account")
    moved = MoveOrder(receipt=receipt, account="BA-2", amount="1", reason="wrong_account")
    deeds: dict[str, Callable[[], Corrected]] = {
        "void": lambda: void(desk, CASHIER, asked),
        "transfer": lambda: transfer(desk, CASHIER, moved),
    }
    try:
        await undo(desk, CASHIER, act, receipt, deeds[act], client, InlineRunner())
    except DomainError as refusal:
        return refusal.code
    return "ok"


@pytest.mark.parametrize("act", ["void", "transfer"])
async def test_what_another_terminal_paid_back_is_not_undone_again_where_it_was_taken(act: str) -> None:
    """Rule 32: never twice, whichever way; the refusal leaves its audit row and no more."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("10"))
    await shop.pay_back("T2", receipt, "4")
    await shop["T2"].engine.drain(timeout_s=3_600)

    assert await undone_at_home(shop, act, receipt) == "paid_back_elsewhere"

    assert rows(shop["T1"].desk, "correction") == []
    assert rows(shop["T1"].desk, "audit")[-1]["reason_code"] == "paid_back_elsewhere"
    assert await refused(shop, "T1", receipt, "6") == "ok"
    assert await refused(shop, "T1", receipt, "0.001") != "ok"


async def test_its_own_refund_is_no_reason_to_refuse_the_next_correction() -> None:
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cash("10"))
    await shop.pay_back("T1", receipt, "4")
    assert await undone_at_home(shop, "transfer", receipt) == "ok"
    await shop["T1"].engine.drain(timeout_s=3_600)
    assert await undone_at_home(shop, "transfer", receipt) == "ok"


async def test_what_nobody_touched_is_voided_also_while_central_is_silent() -> None:
    shop = await make_shop("T1", "T2")
    first, second = await taken(shop, cash("10")), await taken(shop, card("1"), allocate=[wish(amount="1")])
    assert await undone_at_home(shop, "void", first) == "ok"
    shop["T1"].network.script(Fault.AWAY)
    assert await undone_at_home(shop, "void", second) == "ok"


async def test_a_cheque_goes_back_elsewhere_only_after_the_hold_days() -> None:
    """Rule 32: the hold days count at every till."""
    shop = await make_shop("T1", "T2")
    receipt = await taken(shop, cheque("10"))
    desk = shop["T1"].desk
    count(desk, "20", cheques="10", cheque_count=1)
    closed(desk)
    slip = deposit_cheques(desk, BACK_OFFICE, None).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="10"))
    assert await refused(shop, "T2", receipt, "4") == "nothing_refundable"
    clear_cheques(desk, BACK_OFFICE, ClearOrder(older_than_days=0))
    await shop["T1"].engine.drain(timeout_s=3_600)

    assert await refused(shop, "T2", receipt, "4") == "nothing_refundable"
    shop["T2"].clock.advance(seconds=8 * 86_400)
    assert await refused(shop, "T2", receipt, "4") == "ok"
