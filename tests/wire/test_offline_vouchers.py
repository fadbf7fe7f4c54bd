"""Vouchers taken while central did not answer, on their way there: redeemed once, whatever arrives first (39; 3.11)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pos.domain.errors import Refused
from pos.domain.signature import letters_of
from pos.domain.voucher import Residual, code_digest
from pos.machine import InlineRunner
from pos.store.outbox import unsent
from pos.till.take_payment import take_payment
from pos.till.vouchers import reserve_vouchers
from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.vouchers.issuers import issuers_in
from sync.vouchers import CentralVouchers
from sync.wire_json import dumps, loads
from tests.builders.signed import key_of, signed, takes_offline
from tests.builders.tills import (
    CASHIER,
    SeededRandomness,
    findings,
    make_till,
    opened,
    order,
    rows,
    voucher,
    wish,
)
from tests.builders.tries import examples
from tests.builders.wire import Fault, Wire, make_wire
from tests.central.central_builders import (
    BASE_URL,
    CountedRandomness,
    SteppingClock,
    asked,
    hold,
    item,
    kwd,
    let_go,
    post,
    small_operator,
    voucher_payment,
)

CODE = signed("8")


def row_of(code: str, **more: object) -> dict[str, object]:
    return {"code": code, "value": "8.000", "currency": "KWD", "expires": "2027-01-31", **more}


@pytest.fixture
async def wire() -> Wire:
    made = await make_wire()
    load_fixture(
        made.central,
        {"vouchers": [row_of(CODE)], "voucher_keys": [{"public_key": letters_of(key_of().public_key)}]},
    )
    report = await made.engine.pull()
    assert (report.problem, report.skipped) == (None, 0)
    takes_offline(made.desk)
    return made


def second_till(wire: Wire) -> Wire:
    """Another terminal of the shop, before the same central."""
    desk = make_till(clock=wire.clock, seed="second")
    desk.identity = replace(desk.identity, terminal="T2")
    desk.cache = wire.desk.cache
    opened(desk)
    takes_offline(desk)
    return Wire(desk, wire.clock, wire.central, wire.network)


async def take(wire: Wire, code: str = CODE, *, bill: str = "N1-1", amount: str = "8.000") -> str:
    """Take a voucher for a bill; the receipt's number."""
    told = order(wire.desk, voucher(amount, code), account="BA-1", allocate=[wish(bill, amount)])
    await reserve_vouchers(wire.desk, CASHIER, told, CentralVouchers(wire.client), InlineRunner())
    return take_payment(wire.desk, CASHIER, told).receipt.receipt_number


async def test_the_till_learns_the_keys_with_the_other_data(wire: Wire) -> None:
    assert wire.look("SELECT key_id FROM voucher_key") == key_of().key_id


async def test_what_was_taken_offline_is_redeemed_when_it_arrives(wire: Wire) -> None:
    wire.network.down()
    await take(wire)
    wire.network.heal()
    wire.network.script(Fault.LOST_ANSWER)

    report = await wire.engine.drain(timeout_s=60)

    assert (report.acknowledged, report.parked, report.waiting) == (1, 0, 0)
    sent = loads(wire.network.posts[-1].body)
    assert sent["voucherTaken"] == {"digest": code_digest(CODE), "amount": kwd("8.000")}
    assert (sent["provisional"], "voucherHold" in sent) == (True, False)
    assert CODE[4:30].encode() not in wire.network.posts[-1].body
    with wire.central.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM voucher_redemption")).scalar_one() == 1
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.FAILED_AFTER, Fault.CUT_OFF])
async def test_a_hold_of_ours_whose_answer_was_lost_does_not_stand_in_the_way(
    wire: Wire, fault: Fault
) -> None:
    wire.network.script(fault)
    await take(wire)

    report = await wire.engine.drain(timeout_s=60)

    assert (report.acknowledged, report.parked) == (1, 0)
    assert [row["state"] for row in rows(wire.desk, "voucher_hold")] == ["released"]
    assert verify_central(wire.central) == []


async def test_the_first_to_arrive_has_it_and_the_second_is_parked_with_both_receipts(wire: Wire) -> None:
    """Rule 46 across terminals: the second is a conflict for a person, and nothing is redeemed twice."""
    other = second_till(wire)
    wire.network.down()
    await take(wire)
    second = await take(other)
    wire.network.heal()
    first = loads((await _push_first(wire)).body)["receiptNumber"]

    report = await other.engine.drain(timeout_s=60)

    assert (report.acknowledged, report.parked) == (0, 1)
    with other.desk.till.read() as connection:
        [parked] = unsent(connection, 10)
    assert parked.reason is not None
    assert "voucher_used" in parked.reason
    assert first in parked.reason
    assert second == rows(other.desk, "payment_event")[0]["receipt_number"]
    with wire.central.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM voucher_redemption")).scalar_one() == 1
    assert verify_central(wire.central) == []


async def _push_first(wire: Wire) -> Any:
    report = await wire.engine.drain(timeout_s=60)
    assert (report.acknowledged, report.parked) == (1, 0)
    return wire.network.posts[-1]


async def test_what_another_till_holds_is_not_redeemed_and_a_person_may_send_it_again(wire: Wire) -> None:
    other = second_till(wire)
    wire.network.down()
    await take(other)
    wire.network.heal()
    told = order(wire.desk, voucher("8.000", CODE), account="BA-1", allocate=[wish("N1-1", "8.000")])
    await reserve_vouchers(wire.desk, CASHIER, told, CentralVouchers(wire.client), InlineRunner())

    assert (await other.engine.drain(timeout_s=60)).parked == 1
    take_payment(wire.desk, CASHIER, told)
    assert (await wire.engine.drain(timeout_s=60)).acknowledged == 1
    assert verify_central(wire.central) == []


async def test_while_central_answers_the_till_never_decides_by_itself(wire: Wire) -> None:
    await take(wire)
    other = second_till(wire)

    with pytest.raises(Refused) as refusal:
        await take(other)

    assert refusal.value.code == "voucher_not_valid"
    assert rows(other.desk, "voucher_offline") == []


async def test_a_voucher_that_nobody_issued_is_parked_and_redeems_nothing(wire: Wire) -> None:
    wire.network.down()
    await take(wire, signed("8", number=77))
    wire.network.heal()

    report = await wire.engine.drain(timeout_s=60)

    assert report.parked == 1
    with wire.desk.till.read() as connection:
        assert "voucher_not_known" in str(unsent(connection, 10)[0].reason)
    assert verify_central(wire.central) == []


async def test_a_voucher_that_expires_on_its_way_was_good_when_it_was_taken(wire: Wire) -> None:
    wire.network.down()
    await take(wire)
    wire.clock.advance(days=365)
    wire.network.heal()

    assert (await wire.engine.drain(timeout_s=60)).acknowledged == 1
    assert verify_central(wire.central) == []


@pytest.mark.parametrize("is_up", [True, False], ids=["held", "taken offline"])
async def test_a_voucher_of_the_payers_account_pays_anothers_bill(wire: Wire, is_up: bool) -> None:
    """Rule 46: central asks about the payer, for whom the till took it, and not about whose bill it pays."""
    bound = signed("8", number=4, account="BA-1")
    load_fixture(wire.central, {"vouchers": [row_of(bound, account="BA-1")]})
    if not is_up:
        wire.network.down()
    await take(wire, bound, bill="N2-1")
    wire.network.heal()

    report = await wire.engine.drain(timeout_s=60)

    assert (report.acknowledged, report.parked) == (1, 0)
    assert verify_central(wire.central) == []


async def test_credit_of_a_rest_that_was_taken_offline_arrives_as_credit(wire: Wire) -> None:
    code = signed("8", number=3, residual=Residual.CREDIT)
    load_fixture(wire.central, {"vouchers": [row_of(code, residual="credit")]})
    wire.network.down()
    await take(wire, code, amount="3.000")
    wire.network.heal()

    assert (await wire.engine.drain(timeout_s=60)).acknowledged == 1
    await wire.engine.pull()

    assert wire.credit_minor("BA-1") == 5_000
    assert verify_central(wire.central) == []


async def test_keys_are_learnt_anew_and_a_withdrawn_one_counts_no_more(wire: Wire) -> None:
    with wire.central.write() as connection:
        connection.execute(text("UPDATE voucher_key SET withdrawn_at = 'now'"))
    await wire.engine.pull()
    wire.network.down()

    with pytest.raises(Refused) as refusal:
        await take(wire)
    assert refusal.value.code == "voucher_key_withdrawn"


# --- at most once, whatever arrives ------------------------------------------------------------------------------------

TERMINALS = ("T2", "T3", "T4")
STEPS = ("hold", "let go", "pay held", "pay offline", "pay offline again")


def _offline(terminal: str) -> dict[str, Any]:
    body = voucher_payment("x", "8.000", event=f"OFF-{terminal}")
    del body["voucherHold"]
    taken = {"digest": code_digest(CODE), "amount": kwd("8.000")}
    return body | {
        "correlatorId": f"OFF-{terminal}-1",
        "terminal": terminal,
        "voucherTaken": taken,
        "paymentDate": "2026-11-21T10:00:00+03:00",
        "receiptNumber": f"S-{terminal}",
        "paymentItem": [item("CB-1", "8.000")],
    }


async def _step(client: httpx.AsyncClient, terminal: str, step: str) -> int | None:
    """The status of a payment that was sent; None for a step that is none."""
    event, hold_id = f"E-{terminal}", f"H-{terminal}"
    if step == "hold":
        await hold(client, asked(hold_id, CODE, terminal=terminal, paymentEventId=event))
    elif step == "let go":
        await let_go(client, hold_id)
    elif step == "pay held":
        return (
            await post(client, voucher_payment(hold_id, event=event) | {"terminal": terminal})
        ).status_code
    else:
        return (await post(client, _offline(terminal))).status_code
    return None


async def _at_most_once(steps: Sequence[tuple[str, str]]) -> None:
    store = _central()
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    taken: set[tuple[str, str]] = set()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        for terminal, step in steps:
            status = await _step(client, terminal, step)
            assert status in (None, 201, 400, 409)
            if status == 201:
                taken.add((terminal, "held" if step == "pay held" else "offline"))
            assert len(taken) <= 1, f"both of {taken} were paid with one voucher"
    with store.read() as connection:
        redeemed = connection.execute(text("SELECT count(*) FROM voucher_redemption")).scalar_one()
        paid = connection.execute(
            text("SELECT coalesce(sum(amount_minor), 0) FROM voucher_payment")
        ).scalar_one()
        payments = connection.execute(text("SELECT count(*) FROM payment")).scalar_one()
    assert (redeemed, paid, payments) == (len(taken), 8_000 * len(taken), len(taken))
    assert verify_central(store) == []
    store.close()


def _central() -> CentralStore:
    store = open_central("sqlite://")
    load_fixture(store, {**small_operator(), "vouchers": [row_of(CODE)]})
    return store


@given(st.lists(st.tuples(st.sampled_from(TERMINALS), st.sampled_from(STEPS)), max_size=14))
@settings(max_examples=examples(1.2))
def test_voucher_redeemed_at_most_once_across_terminals(steps: list[tuple[str, str]]) -> None:
    """Rule 46, invariant 39: held, lapsed, let go, taken offline: in any order one payment has the voucher."""
    asyncio.run(_at_most_once(steps))


@pytest.mark.parametrize("terminal", TERMINALS)
def test_the_only_one_that_comes_has_it(terminal: str) -> None:
    asyncio.run(_at_most_once([(terminal, "pay offline"), (terminal, "pay offline again")]))


# --- another issuer's ---------------------------------------------------------------------------------------------------


async def test_a_preauthorised_voucher_is_redeemed_at_its_issuer_when_it_arrives(tmp_path: Any) -> None:
    digest = code_digest("CG-0123")
    listed = {"code_sha256": digest, "value": "8.000", "currency": "KWD", "expires": "2027-01-31"}
    (tmp_path / "gifts.json").write_bytes(dumps({"issuer": "Bonus & Co", "vouchers": [listed]}))
    store = _central()
    app = make_app(
        store,
        clock=SteppingClock(),
        randomness=SeededRandomness("issuer"),
        base_url=BASE_URL,
        issuers=issuers_in(tmp_path),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        body = _offline("T2") | {
            "voucherTaken": {"digest": digest, "issuer": "bonus & CO", "amount": kwd("8.000")}
        }
        assert (await post(client, body)).status_code == 201
        twice = body | {"correlatorId": "OFF-2", "paymentEventId": "OFF-2", "terminal": "T3"}
        refused = await post(client, twice)
    assert (refused.status_code, loads(refused.content)["code"]) == (409, "voucher_used")
    assert loads((tmp_path / "gifts.json").read_bytes())["vouchers"][0]["state"] == "redeemed"
    assert verify_central(store) == []
    store.close()
