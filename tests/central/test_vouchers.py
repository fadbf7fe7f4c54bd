"""Vouchers at central: held for one payment, redeemed by it once, let go without one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pos.domain.errors import Refused
from pos.domain.payment_mode import PaymentModes
from pos.machine import MachineRandomness
from pos.settings import read_settings
from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.vouchers.vouchers import WRONG_TRIES_MAX, shop_day
from sync.wire_json import dumps, loads
from tests.builders.central_stores import StoreKind, made_store
from tests.builders.tries import examples
from tests.central.central_builders import (
    BASE_URL,
    VOUCHER_HOLD,
    CountedRandomness,
    SteppingClock,
    asked,
    hold,
    item,
    kwd,
    let_go,
    money,
    payment,
    post,
    small_operator,
    voucher,
    voucher_payment,
    with_a_small_operator,
)

DAY_S = 24 * 3600


def count(store: CentralStore, table: str) -> int:
    with store.read() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(loads(answer.content)["code"])


# --- holding -------------------------------------------------------------------------------------------------


async def test_a_voucher_is_held_and_told_with_its_value(client: httpx.AsyncClient) -> None:
    answer = await hold(client, asked())
    assert answer.status_code == 201
    assert loads(answer.content) == {
        "id": "H-1",
        "state": "reserved",
        "value": kwd("20.000"),
        "expires": "2027-06-23",
        "residual": "forfeit",
        "combinable": True,
        "@type": "CounterfoilVoucherHold",
    }


async def test_the_announcement_names_vouchers_and_items(client: httpx.AsyncClient) -> None:
    announced = loads((await client.get("/counterfoil/v1")).content)
    assert (announced["vouchers"], announced["items"]) == (VOUCHER_HOLD, "/counterfoil/v1/item")


@pytest.mark.parametrize("code", ["loy-4rfp-txwp", "LOY4RFPTXWP", " LOY 4RFP TXWP "])
async def test_a_code_is_compared_in_its_plain_form(client: httpx.AsyncClient, code: str) -> None:
    assert (await hold(client, asked(code=code))).status_code == 201


async def test_the_same_asking_gets_the_same_answer(client: httpx.AsyncClient, store: CentralStore) -> None:
    first = await hold(client, asked("H-1", "EXT-VM7T-XT9W", mode="external_voucher", issuer="City Gifts"))
    again = await hold(client, asked("H-1", "EXTVM7TXT9W", mode="external_voucher", issuer="City Gifts"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert loads(first.content)["approval"]
    assert count(store, "voucher_hold") == 1


@pytest.mark.parametrize(
    "other",
    [{"amount": kwd("9.000")}, {"code": "LOY-CU6M-NFEA"}, {"paymentEventId": "E-2"}, {"terminal": "T3"}],
)
async def test_the_same_id_for_another_asking_is_422(
    client: httpx.AsyncClient, other: Mapping[str, object]
) -> None:
    await hold(client, asked())
    assert code_of(await hold(client, asked() | dict(other))) == (422, "key_reused")


NOT_VALID = {
    "unknown": asked("H-2", code="LOY-0000-0000"),
    "held by another": asked("H-2", terminal="T3", paymentEventId="E-2"),
    "of an outside issuer": asked("H-2", code="EXT-VM7T-XT9W"),
    "of another issuer": asked("H-2", "EXT-VM7T-XT9W", mode="external_voucher", issuer="Bonus & Co"),
    "without its issuer": asked("H-2", "EXT-VM7T-XT9W", mode="external_voucher"),
    "held for the same payment": asked("H-2"),
    "internal in an external mode": asked("H-2", mode="external_voucher", issuer="internal"),
    "bound to another account": asked("H-2", "LOY-CU6M-NFEA", account="BA-2"),
}


@pytest.mark.parametrize("body", NOT_VALID.values(), ids=NOT_VALID.keys())
async def test_what_is_not_valid_is_one_answer_and_the_reason_is_kept_beside(
    client: httpx.AsyncClient, store: CentralStore, body: Mapping[str, object]
) -> None:
    await hold(client, asked())
    answer = await hold(client, body)
    unknown = await hold(client, asked("H-9", code="LOY-9999-9999"))
    assert (answer.status_code, answer.content) == (409, unknown.content)
    assert code_of(answer) == (409, "voucher_not_valid")
    assert count(store, "voucher_hold") == 1
    with store.read() as connection:
        reasons = connection.execute(text("SELECT reason FROM voucher_refusal")).scalars().all()
    assert len(reasons) == 2
    assert all(reasons)


@pytest.mark.parametrize("days", [0, 2])
async def test_a_used_voucher_is_the_same_answer_for_ever(
    client: httpx.AsyncClient, clock: SteppingClock, days: int
) -> None:
    await hold(client, asked())
    assert (await post(client, voucher_payment())).status_code == 201
    await clock.sleep(days * DAY_S)
    answer = await hold(client, asked("H-2", paymentEventId="E-2"))
    assert answer.content == (await hold(client, asked("H-3", code="LOY-9999-9999"))).content


async def test_an_outside_issuer_is_compared_without_case_and_blanks(client: httpx.AsyncClient) -> None:
    body = asked("H-2", "EXT-VM7T-XT9W", mode="external_voucher", issuer="city  gifts")
    assert (await hold(client, body)).status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (asked(code="LOY-OLDD-DAYS", amount=kwd("1.000")), "voucher_expired"),
        (asked(code="LOY-EURO-EURO"), "voucher_other_currency"),
        (asked(amount=kwd("20.001")), "voucher_value_exceeded"),
    ],
)
async def test_a_valid_voucher_that_does_not_serve_says_why(
    client: httpx.AsyncClient, body: Mapping[str, object], code: str
) -> None:
    answer = await hold(client, body)
    assert code_of(answer) == (409, code)
    assert loads(answer.content).get("value") == (kwd("20.000") if code == "voucher_value_exceeded" else None)


async def test_a_voucher_is_taken_to_the_end_of_its_last_day_in_shop_time(store: CentralStore) -> None:
    clock = SteppingClock()  # ten o'clock in the morning, universal time
    load_fixture(store, {"shop": {"id": "S014", "time_zone": "Pacific/Kiritimati"}})
    with store.read() as connection:
        assert shop_day(connection, clock.now()) == date(2026, 11, 22)
    load_fixture(store, {"shop": {"id": "S014", "time_zone": "No/Such"}})
    with store.read() as connection:
        assert shop_day(connection, clock.now()) == date(2026, 11, 21)


async def test_after_too_many_wrong_codes_a_terminal_waits(
    client: httpx.AsyncClient, clock: SteppingClock
) -> None:
    for number in range(WRONG_TRIES_MAX):
        assert (await hold(client, asked(f"W-{number}", f"LOY-{number:04}-0000"))).status_code == 409
    stopped = await hold(client, asked())
    assert code_of(stopped) == (429, "voucher_too_many_tries")
    wait_s = int(stopped.headers["retry-after"])
    assert 0 < wait_s <= 600
    assert (await hold(client, asked("H-2", terminal="T3"))).status_code == 201
    await let_go(client, "H-2")
    await clock.sleep(wait_s)
    assert (await hold(client, asked())).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        asked(paymentEventId="E-2", terminal="T9"),
        asked(code="LOY-CU6M-NFEA", account="BA-2", terminal="T9"),
        asked(code="LOY-OLDD-DAYS", amount=kwd("1.000"), terminal="T9"),
        asked(amount=kwd("20.001"), terminal="T9"),
    ],
)
@pytest.mark.parametrize("paid", [False, True])
async def test_a_voucher_that_somebody_has_in_hand_is_no_wrong_try(
    client: httpx.AsyncClient, body: dict[str, object], paid: bool
) -> None:
    await hold(client, asked())
    if paid:
        await post(client, voucher_payment())
    for number in range(WRONG_TRIES_MAX):
        assert (await hold(client, body | {"id": f"W-{number}"})).status_code == 409
    free = asked("H-2", "EXT-VM7T-XT9W", terminal="T9", mode="external_voucher", issuer="City Gifts")
    assert (await hold(client, free)).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        asked(code="LOY-0000-0000"),
        asked(code="EXT-VM7T-XT9W"),
        asked(code="EXT-VM7T-XT9W", mode="external_voucher", issuer="Bonus & Co"),
        asked(code="LOY-4RFP-TXWP", mode="external_voucher", issuer="City Gifts"),
    ],
)
async def test_a_code_that_is_unknown_or_of_another_kind_or_issuer_is_a_wrong_try(
    client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    for number in range(WRONG_TRIES_MAX):
        assert (await hold(client, body | {"id": f"W-{number}"})).status_code == 409
    assert code_of(await hold(client, asked())) == (429, "voucher_too_many_tries")


async def test_a_hold_that_is_there_is_answered_however_many_codes_were_wrong(
    client: httpx.AsyncClient,
) -> None:
    await hold(client, asked())
    for number in range(WRONG_TRIES_MAX):
        await hold(client, asked(f"W-{number}", f"LOY-{number:04}-0000"))
    assert (await hold(client, asked())).status_code == 200


async def test_no_code_is_kept_or_told(
    client: httpx.AsyncClient, store: CentralStore, tmp_path: Path
) -> None:
    await hold(client, asked())
    await hold(client, asked("H-2", code="LOY-GUES-SING"))
    bad = await hold(client, asked("H-3", code="LOY-4RFP-TXWP" * 10))
    assert b"4RFP" not in bad.content
    store.close()
    for file in tmp_path.glob("central.db*"):
        content = file.read_bytes()
        for part in (b"4RFP", b"GUES"):
            assert part not in content


# --- letting go ----------------------------------------------------------------------------------------------


async def test_a_hold_that_is_let_go_frees_the_voucher(client: httpx.AsyncClient) -> None:
    await hold(client, asked())
    assert [(await let_go(client, "H-1")).status_code for _ in range(2)] == [204, 204]
    assert (await hold(client, asked("H-2", paymentEventId="E-2"))).status_code == 201


async def test_a_hold_that_was_let_go_before_it_came_is_refused(client: httpx.AsyncClient) -> None:
    assert (await let_go(client, "H-1")).status_code == 204
    assert code_of(await hold(client, asked())) == (409, "voucher_released")
    assert (await hold(client, asked("H-2"))).status_code == 201


async def test_a_hold_that_was_let_go_pays_nothing(client: httpx.AsyncClient, store: CentralStore) -> None:
    await hold(client, asked())
    await let_go(client, "H-1")
    assert code_of(await post(client, voucher_payment())) == (409, "voucher_used")
    assert count(store, "payment") == 0


async def test_a_redeemed_hold_cannot_be_let_go(client: httpx.AsyncClient, store: CentralStore) -> None:
    await hold(client, asked())
    await post(client, voucher_payment())
    assert code_of(await let_go(client, "H-1")) == (409, "voucher_hold_redeemed")
    assert (await hold(client, asked())).status_code == 200, "a late repetition is answered as before"
    assert verify_central(store) == []


# --- one terminal begins anew --------------------------------------------------------------------------------


async def test_what_a_crash_left_held_makes_room_for_the_same_line_again_without_a_lock_out(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    for number in range(WRONG_TRIES_MAX + 2):
        body = asked(f"H-{number}", paymentEventId=f"E-{number}")
        assert (await hold(client, body)).status_code == 201
    last = WRONG_TRIES_MAX + 1
    assert (await post(client, voucher_payment(f"H-{last}", event=f"E-{last}"))).status_code == 201
    assert count(store, "voucher_refusal") == 0
    assert verify_central(store) == []


async def test_a_hold_that_made_room_is_not_held_again_and_frees_the_voucher_with_the_newer_one(
    client: httpx.AsyncClient,
) -> None:
    await hold(client, asked())
    await hold(client, asked("H-2", paymentEventId="E-2"))
    assert code_of(await hold(client, asked())) == (409, "voucher_released")
    other = asked("H-3", paymentEventId="E-3", terminal="T3")
    assert code_of(await hold(client, other)) == (409, "voucher_not_valid")
    assert (await let_go(client, "H-2")).status_code == 204
    assert (await hold(client, other)).status_code == 201


@pytest.mark.parametrize("newer_is_let_go", [False, True])
async def test_a_booked_payment_whose_hold_made_room_still_redeems_it(
    client: httpx.AsyncClient, store: CentralStore, newer_is_let_go: bool
) -> None:
    """The till had it in its outbox when the same voucher was shown there once more, or the older asking came late."""
    await hold(client, asked())
    await hold(client, asked("H-2", paymentEventId="E-2"))
    if newer_is_let_go:
        await let_go(client, "H-2")
    assert (await post(client, voucher_payment())).status_code == 201
    assert code_of(await post(client, voucher_payment("H-2", event="E-2"))) == (409, "voucher_used")
    assert code_of(await let_go(client, "H-1")) == (409, "voucher_hold_redeemed")
    assert verify_central(store) == []


async def test_a_hold_that_made_room_pays_nothing_once_it_is_let_go_or_another_has_the_voucher(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked())
    await hold(client, asked("H-2", paymentEventId="E-2"))
    await hold(client, asked("H-3", paymentEventId="E-3"))
    assert (await let_go(client, "H-1")).status_code == 204
    assert code_of(await post(client, voucher_payment())) == (409, "voucher_used")
    await let_go(client, "H-3")
    assert (await hold(client, asked("H-4", paymentEventId="E-4", terminal="T3"))).status_code == 201
    assert code_of(await post(client, voucher_payment("H-2", event="E-2"))) == (409, "voucher_used")
    assert count(store, "payment") == 0


async def test_a_used_voucher_makes_room_for_nobody(client: httpx.AsyncClient) -> None:
    await hold(client, asked())
    await post(client, voucher_payment())
    assert code_of(await hold(client, asked("H-2", paymentEventId="E-2"))) == (409, "voucher_not_valid")


# --- redeeming -----------------------------------------------------------------------------------------------


async def test_a_payment_redeems_its_hold_once_and_the_rest_is_forfeited(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked())
    first, again = await post(client, voucher_payment()), await post(client, voucher_payment())
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert loads(first.content)["voucherHold"] == "H-1"
    with store.read() as connection:
        [row] = connection.execute(text("SELECT * FROM voucher_redemption")).all()
    assert (row.amount_minor, row.forfeited_minor) == (8_000, 12_000)
    assert count(store, "voucher_payment") == 1
    assert verify_central(store) == []


async def test_legs_of_one_event_share_a_hold_up_to_its_amount(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked())
    legs = [
        voucher_payment(amount="5.000", correlatorId="E-1-1"),
        voucher_payment(amount="3.000", correlatorId="E-1-2", account={"id": "BA-1"}),
        voucher_payment(amount="0.001", correlatorId="E-1-3"),
    ]
    answers = [await post(client, leg) for leg in legs]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert count(store, "voucher_payment") == 2
    assert verify_central(store) == []


@pytest.mark.parametrize(
    "body",
    [
        voucher_payment("H-404"),
        voucher_payment(event="E-2"),
        voucher_payment(amount="8.001"),
        voucher_payment(
            totalAmount=money("8.00", "EUR"),
            paymentItem=[item("CB-1", "8", totalAmount=money("8.00", "EUR"))],
        ),
        voucher_payment(terminal="T3"),
        voucher_payment(mode="external_voucher"),
        voucher_payment(mode="a foreign client's"),
    ],
)
async def test_a_hold_of_another_payment_or_for_less_pays_nothing(
    client: httpx.AsyncClient, store: CentralStore, body: dict[str, Any]
) -> None:
    await hold(client, asked())
    answer = await post(client, body)
    assert code_of(answer) == (409, "voucher_used")
    assert loads(answer.content)["field"] == "voucherHold"
    assert (count(store, "payment"), count(store, "voucher_redemption")) == (0, 0)
    assert (await post(client, voucher_payment())).status_code == 201
    assert verify_central(store) == []


async def test_a_bound_voucher_is_spent_by_its_own_account_only(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked(code="LOY-CU6M-NFEA", amount=kwd("5.000")))
    paid = voucher_payment(amount="5.000")

    other = {"id": "BA-404", "role": "subscriber", "@referredType": "BillingAccount"}
    refused = await post(client, paid | {"correlatorId": "E-1-2", "payer": other})
    assert code_of(refused) == (409, "voucher_not_for_account")
    assert count(store, "payment") == 0

    assert (await post(client, paid)).status_code == 201
    assert verify_central(store) == []


async def test_a_bound_voucher_without_a_payer_is_that_of_its_holds_account(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked(code="LOY-CU6M-NFEA", amount=kwd("5.000")))
    paid = voucher_payment(amount="5.000")
    del paid["payer"]

    assert (await post(client, paid)).status_code == 201
    assert verify_central(store) == []


async def test_a_held_voucher_needs_its_event(client: httpx.AsyncClient) -> None:
    await hold(client, asked())
    body = voucher_payment()
    del body["paymentEventId"]
    answer = await post(client, body)
    assert (answer.status_code, loads(answer.content)["field"]) == (400, "paymentEventId")


async def test_a_lapsed_hold_is_redeemed_as_long_as_nobody_else_took_the_voucher(
    client: httpx.AsyncClient, clock: SteppingClock, store: CentralStore
) -> None:
    await hold(client, asked())
    await clock.sleep(2 * DAY_S)
    assert (await post(client, voucher_payment())).status_code == 201
    assert verify_central(store) == []


@pytest.mark.parametrize("paid", [False, True])
async def test_a_lapsed_hold_whose_voucher_another_took_pays_nothing(
    client: httpx.AsyncClient, clock: SteppingClock, store: CentralStore, paid: bool
) -> None:
    await hold(client, asked())
    await clock.sleep(2 * DAY_S)
    assert (await hold(client, asked("H-2", paymentEventId="E-2", terminal="T3"))).status_code == 201
    if paid:
        body = voucher_payment("H-2", event="E-2", terminal="T3")
        assert (await post(client, body)).status_code == 201
    assert code_of(await post(client, voucher_payment())) == (409, "voucher_used")
    assert code_of(await hold(client, asked())) == (409, "voucher_not_valid")
    assert verify_central(store) == []


async def test_asking_again_renews_a_lapsed_hold(client: httpx.AsyncClient, clock: SteppingClock) -> None:
    await hold(client, asked())
    await clock.sleep(2 * DAY_S)
    assert (await hold(client, asked())).status_code == 200
    other = asked("H-2", paymentEventId="E-2", terminal="T3")
    assert code_of(await hold(client, other)) == (409, "voucher_not_valid")


async def test_the_hours_of_a_hold_are_a_setting(store: CentralStore, modes: PaymentModes) -> None:
    clock = SteppingClock()
    app = make_app(store, clock=clock, randomness=CountedRandomness(), modes=modes, voucher_held_h=1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        await hold(client, asked())
        await clock.sleep(3000)
        other = asked("H-2", paymentEventId="E-2", terminal="T3")
        assert (await hold(client, other)).status_code == 409
        await clock.sleep(700)
        assert (await hold(client, other)).status_code == 201


# --- loading -------------------------------------------------------------------------------------------------


async def test_loading_again_keeps_holds_and_redemptions(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked())
    await post(client, voucher_payment())
    load_fixture(store, small_operator())
    assert code_of(await hold(client, asked("H-2", paymentEventId="E-2"))) == (409, "voucher_not_valid")
    with pytest.raises(Refused, match="held or was used for"):
        load_fixture(store, {"vouchers": [voucher("LOY4RFPTXWP", "21.000")]})
    load_fixture(store, {"vouchers": [voucher("LOY-CU6M-NFEA", "7.000")]})
    assert loads((await hold(client, asked("H-3", "LOY-CU6M-NFEA", amount=kwd("7.000")))).content)[
        "value"
    ] == kwd("7.000")
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("bent", "says"),
    [
        ({"code": 5}, "code"),
        ({"value": "0.000"}, "value"),
        ({"value": 5}, "value"),
        ({"currency": "KW"}, "currency"),
        ({"expires": "2026-02-30"}, "expires"),
        ({"expires": None}, "expires"),
        ({"issuer": ""}, "issuer"),
        ({"account": "../x"}, "account"),
    ],
)
def test_a_bad_voucher_of_a_fixture_is_named(
    store: CentralStore, bent: Mapping[str, object], says: str
) -> None:
    with pytest.raises(Refused) as refusal:
        load_fixture(store, {"vouchers": [voucher("LOY-NEWW-ONES", "5.000") | dict(bent)]})
    assert refusal.value.code == "fixture_bad"
    assert f"vouchers[0].{says}" in refusal.value.message or says in refusal.value.message


def test_the_same_code_twice_in_a_fixture_is_refused(store: CentralStore) -> None:
    twice = [voucher("LOY-NEWW-ONES", "5.000"), voucher("loyn-ewwo-nes", "6.000")]
    with pytest.raises(Refused, match="stands there twice"):
        load_fixture(store, {"vouchers": twice})
    twins = [voucher("EXT-1", "5.000", issuer="City Gifts"), voucher("ext 1", "6.000", issuer=" city  GIFTS")]
    with pytest.raises(Refused, match="stands there twice"):
        load_fixture(store, {"vouchers": twins})


TWINS = [
    voucher("ONE-CODE", "5.000"),
    voucher("ONE-CODE", "6.000", issuer="City Gifts"),
    voucher("one code", "7.000", issuer="Bonus & Co"),
]


@pytest.mark.parametrize(
    ("mode", "issuer", "value"),
    [
        ("internal_voucher", None, "5.000"),
        ("internal_voucher", "internal", "5.000"),
        ("external_voucher", "city gifts", "6.000"),
        ("external_voucher", "BONUS & CO", "7.000"),
    ],
)
async def test_one_code_of_several_issuers_is_several_vouchers(
    client: httpx.AsyncClient, store: CentralStore, mode: str, issuer: str | None, value: str
) -> None:
    load_fixture(store, {"vouchers": TWINS})
    load_fixture(store, {"vouchers": TWINS})
    body = asked(code="ONE-CODE", mode=mode, amount=kwd("1.000"))
    answer = await hold(client, body if issuer is None else body | {"issuer": issuer})
    assert (answer.status_code, loads(answer.content)["value"]) == (201, kwd(value))
    assert count(store, "voucher") == 5 + len(TWINS)


@pytest.mark.parametrize("known", [True, False])
async def test_one_code_of_several_issuers_is_not_valid_without_its_issuer(
    store: CentralStore, modes: PaymentModes, known: bool
) -> None:
    load_fixture(store, {"vouchers": TWINS[1:]})
    app = make_app(
        store, clock=SteppingClock(), randomness=CountedRandomness(), modes=modes if known else None
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        body = asked(code="ONE-CODE", mode="external_voucher", amount=kwd("1.000"))
        assert code_of(await hold(client, body)) == (409, "voucher_not_valid")


async def test_a_voucher_is_used_alone_of_those_with_its_code(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    load_fixture(store, {"vouchers": TWINS})
    await hold(client, asked(code="ONE-CODE", amount=kwd("5.000")))
    assert (await post(client, voucher_payment(amount="5.000"))).status_code == 201
    other = asked("H-2", "ONE-CODE", mode="external_voucher", issuer="City Gifts", amount=kwd("6.000"))
    assert (await hold(client, other)).status_code == 201
    assert verify_central(store) == []


# --- payments without a voucher ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["internal_voucher", "external_voucher"])
async def test_a_payment_by_voucher_without_a_hold_is_400(
    client: httpx.AsyncClient, store: CentralStore, mode: str
) -> None:
    body = voucher_payment(mode=mode)
    del body["voucherHold"]
    answer = await post(client, body)
    assert code_of(answer) == (400, "voucher_not_held")
    assert loads(answer.content)["field"] == "voucherHold"
    assert count(store, "payment") == 0


async def test_verify_names_a_payment_by_voucher_that_redeemed_none(
    store: CentralStore, modes: PaymentModes
) -> None:
    """A central that knew no modes took it."""
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        await hold(client, asked())
        assert (await post(client, voucher_payment(mode="internal_voucher"))).status_code == 201
        assert verify_central(store, modes) == []
        body = voucher_payment("H-2", mode="external_voucher", event="E-2")
        del body["voucherHold"]
        assert (await post(client, body)).status_code == 201
    assert verify_central(store) == []
    [finding] = verify_central(store, modes)
    assert (finding.subject, finding.message) == ("payment", "it is by voucher, but redeemed none")


# --- verify --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM voucher_payment",
        "UPDATE voucher_payment SET amount_minor = 9000",
        "UPDATE voucher_redemption SET forfeited_minor = 0",
        "UPDATE voucher_redemption SET amount_minor = 20000, forfeited_minor = 0",
        "UPDATE voucher SET value_minor = 5000 WHERE id IN (SELECT voucher_id FROM voucher_redemption)",
        "UPDATE voucher_hold SET released_at = made_at",
        "UPDATE voucher_hold SET payment_event_id = 'E-7'",
        'UPDATE payment SET body = replace(body, \'"voucherHold":"H-1"\', \'"voucherHold":"H-2"\')',
        "UPDATE payment SET body = replace(body, '\"voucherHold\"', '\"voucherHeld\"')",
    ],
)
async def test_verify_names_a_voucher_that_was_tampered_with(
    client: httpx.AsyncClient, store: CentralStore, tampering: str
) -> None:
    await hold(client, asked())
    await post(client, voucher_payment())
    assert verify_central(store) == []
    with store.write() as connection:
        connection.execute(text(tampering))
    assert {finding.subject for finding in verify_central(store)} <= {"voucher", "payment"}
    assert verify_central(store) != []


# --- at most once, whatever comes ----------------------------------------------------------------------------


async def test_32_terminals_at_once_hold_a_voucher_once(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    bodies = [asked(f"H-{n}", terminal=f"T{n}", paymentEventId=f"E-{n}") for n in range(32)]
    answers = await asyncio.gather(*(hold(client, body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 31


def test_terminals_at_several_processes_of_central_redeem_a_voucher_once(empty_url: str) -> None:
    """Each thread has a store and an app of its own over one database, as two server processes would."""
    url = empty_url
    store = open_central(url)
    load_fixture(store, small_operator())
    modes = read_settings().modes
    paid: list[int] = []

    async def one_terminal(number: int) -> None:
        own = open_central(url)
        app = make_app(own, clock=SteppingClock(), randomness=MachineRandomness(), modes=modes)
        try:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
                for place in range(5):
                    event = f"E-{number}-{place}"
                    await hold(client, asked(f"H-{event}", terminal=f"T{number}", paymentEventId=event))
                    body = voucher_payment(f"H-{event}", event=event, terminal=f"T{number}")
                    answer = await post(client, body)
                    paid.append(answer.status_code)
                    await let_go(client, f"H-{event}")
        finally:
            own.close()

    threads = [
        threading.Thread(target=lambda number=number: asyncio.run(one_terminal(number)))
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(paid) == [201] + [409] * 14
    assert verify_central(store) == []
    store.close()


HOLDS = [f"H-{number}" for number in range(4)]
CODES = ["LOY-4RFP-TXWP", "LOY-CU6M-NFEA"]
STEPS = st.one_of(
    st.tuples(st.just("hold"), st.sampled_from(HOLDS), st.sampled_from(CODES)),
    st.tuples(st.just("release"), st.sampled_from(HOLDS), st.just("")),
    st.tuples(st.just("pay"), st.sampled_from(HOLDS), st.sampled_from(["2.000", "3.000", "5.000"])),
    st.tuples(st.just("wait"), st.just(""), st.sampled_from(["3600", "90000"])),
)


@settings(max_examples=examples(2.4))
@given(steps=st.lists(STEPS, min_size=3, max_size=14), terminals=st.integers(1, 4))
async def test_voucher_redeemed_at_most_once_across_terminals(
    store_kind: StoreKind, steps: list[tuple[str, str, str]], terminals: int
) -> None:
    """Any order of holding, letting go, lapsing, paying by legs and repeating; the model says what must have come."""
    clock = SteppingClock()
    with made_store(store_kind, with_a_small_operator) as store:
        app = make_app(store, clock=clock, randomness=CountedRandomness(), modes=None)
        paid: dict[str, list[int]] = {}
        code_by_hold: dict[str, str] = {}
        gone: set[str] = set()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            for place, (step, name, what) in enumerate(steps):
                event = f"E-{name}"
                terminal = f"T-{int(name[2:] or 0) % terminals}"
                if step == "wait":
                    await clock.sleep(int(what))
                elif step == "hold":
                    body = asked(name, what, paymentEventId=event, terminal=terminal, amount=kwd("5.000"))
                    answer = await hold(client, body)
                    assert answer.status_code in (200, 201, 409, 422)
                    if answer.status_code in (200, 201):
                        assert name not in gone, "what was let go is never held again"
                        used = {code_by_hold[other] for other in paid if other != name}
                        assert what not in used, "what was used is never held again"
                        code_by_hold[name] = what
                elif step == "release":
                    answer = await let_go(client, name)
                    assert answer.status_code == (409 if paid.get(name) else 204)
                    if answer.status_code == 204:
                        gone.add(name)
                else:
                    body = voucher_payment(
                        name, what, event=event, terminal=terminal, correlatorId=f"{event}-{place}"
                    )
                    answer = await post(client, body)
                    assert answer.status_code in (201, 409)
                    if answer.status_code == 201:
                        assert name not in gone
                        paid.setdefault(name, []).append(int(what[0]))
        assert all(sum(amounts) <= 5 for amounts in paid.values())
        redeemed = [code_by_hold[name] for name in paid]
        assert len(redeemed) == len(set(redeemed)), "no voucher serves two payment events"
        assert count(store, "voucher_redemption") == len(redeemed)
        assert count(store, "payment") == sum(len(amounts) for amounts in paid.values())
        assert verify_central(store) == []


# --- hostile input -------------------------------------------------------------------------------------------

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=300),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["unit", "value", "$gt"]), st.one_of(st.integers(), st.text(max_size=5))),
)
FIELDS = ["id", "terminal", "paymentEventId", "mode", "code", "issuer", "account", "amount", "x"]


@settings(max_examples=examples(2.4))
@given(bent=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, min_size=1, max_size=3), known=st.booleans())
async def test_no_asking_makes_central_fail(store_kind: StoreKind, bent: dict[str, Any], known: bool) -> None:
    with made_store(store_kind, with_a_small_operator) as store:
        modes = read_settings().modes if known else None
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), modes=modes)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            answer = await hold(client, asked() | bent)
            assert answer.status_code in (201, 400, 409)
            assert verify_central(store) == []


@pytest.mark.parametrize("name", ["..%2F..%2Fetc", "%27;drop", "x" * 5000, "a%00b", "%D9%A1", "a b"])
async def test_a_hold_of_a_strange_name_is_404(client: httpx.AsyncClient, name: str) -> None:
    assert code_of(await let_go(client, name)) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
async def test_a_hold_is_neither_read_nor_changed(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, f"{VOUCHER_HOLD}/H-1")
    assert answer.status_code == 405


async def test_a_payment_with_strange_claims_is_400(client: httpx.AsyncClient, store: CentralStore) -> None:
    for name in ("voucherHold", "instrument", "paymentEventId"):
        for value in (5, "", " ", "x" * 300, "a\x00b", ["H-1"], {"id": "H-1"}, None):
            body = dumps({**payment(paymentItem=[item("CB-2", "1.000")]), name: value})
            answer = await post(client, body)
            assert (answer.status_code, loads(answer.content)["field"]) == (400, name), (name, value)
    assert count(store, "payment") == 0
