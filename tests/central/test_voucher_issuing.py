"""Central issues vouchers of its own, signs them, redeems them once, and makes a new one of a rest (3.5, rule 46)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import inspect, text

from pos.domain.errors import Refused
from pos.domain.signature import key_id_of, letters_of
from pos.domain.signed_voucher import VoucherKey, read_code, read_public_key, require_genuine
from pos.domain.voucher import code_digest
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.central.vouchers.keys import list_keys, make_key, withdraw_key
from sync.wire_json import dumps, loads
from tests.builders.signed import key_of, signed
from tests.builders.tills import SeededRandomness
from tests.central.central_builders import (
    SteppingClock,
    asked,
    hold,
    item,
    kwd,
    let_go,
    post,
    read,
    voucher_payment,
)

REST = "/counterfoil/v1/voucherHold/H-1/rest"
FIND_REST_DIGEST = text(
    "SELECT digest FROM voucher JOIN voucher_terms ON voucher_id = id WHERE promised_by = 'H-1'"
)
HEADERS = {"content-type": "application/json;charset=utf-8"}


def wanted(issue_id: str = "I-1", **more: Any) -> dict[str, object]:
    return {"id": issue_id, "terminal": "T2", "value": kwd("20.000"), "expires": "2027-06-23", **more}


async def issue(client: httpx.AsyncClient, body: dict[str, object]) -> httpx.Response:
    return await client.post("/counterfoil/v1/voucher", content=dumps(body), headers=HEADERS)


async def issued(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await issue(client, wanted(**more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = loads(answer.content)
    return found


async def keys_of(client: httpx.AsyncClient) -> dict[str, VoucherKey]:
    rows = await read(client, "/counterfoil/v1/voucherKey")
    found = {}
    for row in rows:
        public_key = read_public_key(row["publicKey"])
        assert public_key is not None
        found[row["id"]] = VoucherKey(key_id=row["id"], public_key=public_key, withdrawn=row["withdrawn"])
        assert row["id"] == key_id_of(public_key)
    return found


async def test_a_voucher_is_issued_signed_by_a_key_that_tills_can_ask_for(client: httpx.AsyncClient) -> None:
    told = await issued(client, account="BA-1", minimumBill=kwd("5.000"), combinable=False, residual="credit")

    voucher = require_genuine(told["code"], await keys_of(client))
    assert (voucher.serial, voucher.key_id) == (told["serial"], told["key"])
    assert voucher.serves("BA-1")
    assert not voucher.serves("BA-2")
    terms = voucher.terms
    assert (terms.value.plain(), terms.minimum and terms.minimum.plain()) == ("20.000", "5.000")
    assert (terms.combinable, terms.residual, terms.expires.isoformat()) == (False, "credit", "2027-06-23")


async def test_the_same_id_is_told_the_same_voucher_and_another_asking_under_it_is_refused(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await issued(client)
    again = await issue(client, wanted())
    other = await issue(client, wanted(value=kwd("21.000")))

    assert (again.status_code, loads(again.content)) == (200, first)
    assert (other.status_code, loads(other.content)["code"]) == (422, "key_reused")
    assert (await issue(client, wanted("I-2"))).status_code == 201
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM voucher_terms")).scalar_one() == 2


async def test_the_code_stands_nowhere_at_central(client: httpx.AsyncClient, store: CentralStore) -> None:
    code = (await issued(client))["code"]
    await hold(client, asked(code=code))

    with store.read() as connection:
        tables = inspect(connection).get_table_names()
        kept = "".join(str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in tables)
    assert code[4:40] not in kept
    assert code_digest(code) in kept


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"value": kwd("0.000")}, "value.value"),
        ({"value": None}, "value"),
        ({"expires": "2020-01-01"}, "expires"),
        ({"expires": "2099-01-01"}, "expires"),
        ({"expires": "20270623"}, "expires"),
        ({"residual": "cash"}, "residual"),
        ({"combinable": "no"}, "combinable"),
        ({"minimumBill": {"unit": "EUR", "value": 5}}, "minimumBill"),
        ({"terminal": ""}, "terminal"),
        ({"id": "../x"}, "id, terminal"),
    ],
)
async def test_what_makes_no_sense_is_not_issued(
    client: httpx.AsyncClient, more: dict[str, object], field: str
) -> None:
    answer = await issue(client, wanted() | more)

    assert (answer.status_code, loads(answer.content)["code"]) == (400, "bad_field")
    assert (await issue(client, wanted())).status_code == 201


async def test_a_voucher_for_nobody_we_know_is_not_issued(client: httpx.AsyncClient) -> None:
    assert (await issue(client, wanted(account="NOBODY"))).status_code == 409


# --- its terms at the hold -------------------------------------------------------------------------------------------


async def test_a_hold_tells_what_the_voucher_says(client: httpx.AsyncClient) -> None:
    code = (await issued(client, minimumBill=kwd("5.000"), combinable=False, residual="new_voucher"))["code"]

    told = loads((await hold(client, asked(code=code))).content)

    assert (told["minimumBill"], told["combinable"], told["residual"]) == (kwd("5.000"), False, "new_voucher")


async def test_credit_of_a_rest_comes_in_whole_and_goes_on_the_account(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    code = (await issued(client, residual="credit"))["code"]
    await hold(client, asked(code=code))

    answer = await post(client, voucher_payment(amount="20.000") | {"paymentItem": [item("CB-1", "8.000")]})

    assert answer.status_code == 201, answer.text
    [account] = [row for row in await read(client, "/counterfoil/v1/account") if row["id"] == "BA-1"]
    assert account["creditAmount"] == kwd("12.000")
    assert verify_central(store) == []


async def test_money_on_account_by_a_voucher_that_leaves_no_credit_is_refused(
    client: httpx.AsyncClient,
) -> None:
    """Rule 50: the acceptance matrix holds at central too; only the voucher's own rule makes credit of a rest."""
    code = (await issued(client))["code"]
    await hold(client, asked(code=code, amount=kwd("20.000")))

    answer = await post(client, voucher_payment(amount="20.000") | {"paymentItem": [item("CB-1", "8.000")]})

    assert loads(answer.content)["code"] == "mode_not_for_purpose"


async def test_the_rest_becomes_a_new_voucher_that_counts_when_the_first_was_redeemed(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    code = (await issued(client, residual="new_voucher", account="BA-1", minimumBill=kwd("5.000")))["code"]
    await hold(client, asked(code=code))
    assert loads((await client.get(REST)).content)["code"] == "voucher_not_issued_yet"
    assert (await post(client, voucher_payment())).status_code == 201

    rest = loads((await client.get(REST)).content)

    signed_rest = require_genuine(rest["code"], await keys_of(client))
    assert (signed_rest.terms.value.plain(), signed_rest.terms.residual) == ("12.000", "new_voucher")
    assert signed_rest.serves("BA-1")
    assert not signed_rest.serves("BA-2")
    assert (await hold(client, asked("H-3", rest["code"], paymentEventId="E-2"))).status_code == 201
    assert verify_central(store) == []


def rest_taken_offline(store: CentralStore, event: str = "E-2") -> dict[str, Any]:
    """A payment by the rest of H-1, as a till sends it that took the rest on its own word."""
    with store.read() as connection:
        digest = connection.execute(FIND_REST_DIGEST).scalar_one()
    body = voucher_payment("x", "12.000", event=event) | {"paymentItem": [item("CB-2", "12.000")]}
    del body["voucherHold"]
    taken = {"digest": digest, "amount": kwd("12.000")}
    return body | {"voucherTaken": taken, "paymentDate": "2026-11-21T10:00:00+03:00"}


async def test_a_rest_taken_offline_waits_for_the_payment_that_leaves_it(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 46: no more is spent than the voucher was worth, in whatever order the payments arrive."""
    await hold(client, asked(code=(await issued(client, residual="new_voucher"))["code"]))
    early = rest_taken_offline(store)

    told = await post(client, early)
    assert (told.status_code, loads(told.content)["code"]) == (503, "voucher_not_issued_yet")

    assert (await post(client, voucher_payment())).status_code == 201
    assert (await post(client, early)).status_code == 201
    assert verify_central(store) == []


async def test_a_rest_whose_payment_never_came_pays_nothing(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked(code=(await issued(client, residual="new_voucher"))["code"]))
    early = rest_taken_offline(store)
    await let_go(client, "H-1")

    told = await post(client, early)

    assert (told.status_code, loads(told.content)["code"]) == (409, "voucher_not_issued")
    assert verify_central(store) == []


async def test_a_rest_that_was_redeemed_without_its_payment_is_named(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await hold(client, asked(code=(await issued(client, residual="new_voucher"))["code"]))
    await post(client, voucher_payment())
    assert (await post(client, rest_taken_offline(store))).status_code == 201
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE voucher_terms SET promised_by = 'H-9' WHERE promised_by = 'H-1'")

    assert "it is the rest of a voucher that was not redeemed" in [
        found.message for found in verify_central(store)
    ]


async def test_the_rests_code_is_told_until_it_is_on_paper(client: httpx.AsyncClient) -> None:
    code = (await issued(client, residual="new_voucher"))["code"]
    await hold(client, asked(code=code))
    await post(client, voucher_payment())
    first, second = await client.get(REST), await client.get(REST)
    assert first.status_code == 200
    assert first.content == second.content

    assert (await client.delete(REST)).status_code == 204

    gone = await client.get(REST)
    assert (gone.status_code, loads(gone.content)["code"]) == (410, "voucher_rest_told")
    assert (await client.get("/counterfoil/v1/voucherHold/H-9/rest")).status_code == 404


async def test_the_rest_of_a_hold_that_was_let_go_is_never_told(client: httpx.AsyncClient) -> None:
    code = (await issued(client, residual="new_voucher"))["code"]
    await hold(client, asked(code=code))
    await let_go(client, "H-1")

    assert (await client.get(REST)).status_code == 409
    assert (await hold(client, asked("H-3", code, paymentEventId="E-3"))).status_code == 201


# --- keys ------------------------------------------------------------------------------------------------------------


async def test_a_new_key_signs_from_now_on_and_the_older_one_goes_on_counting(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    older = await issued(client)
    with store.write() as connection:
        key = make_key(connection, SeededRandomness("another"), at=SteppingClock().now().replace(year=2090))

    newer = await issued(client, issue_id="I-2")

    keys = await keys_of(client)
    assert newer["key"] == key.key_id != older["key"]
    assert [require_genuine(one["code"], keys).serial for one in (older, newer)] == [
        older["serial"],
        newer["serial"],
    ]


async def test_a_withdrawn_key_is_told_so_signs_no_more_and_its_vouchers_are_redeemed_here(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    older = await issued(client)
    with store.write() as connection:
        assert withdraw_key(connection, older["key"], at=SteppingClock().now())
        assert not withdraw_key(connection, older["key"], at=SteppingClock().now())

    newer = await issued(client, issue_id="I-2")

    keys = await keys_of(client)
    assert (keys[older["key"]].withdrawn, keys[newer["key"]].withdrawn) == (True, False)
    assert (await hold(client, asked(code=older["code"]))).status_code == 201


def test_signed_vouchers_and_their_keys_come_by_fixture(store: CentralStore) -> None:
    row = {"code": signed("10"), "value": "10.000", "currency": "KWD", "expires": "2027-01-31"}
    load_fixture(store, {"vouchers": [row], "voucher_keys": [{"public_key": _letters(), "withdrawn": False}]})

    with store.read() as connection:
        assert [(key.key_id, key.signs) for key in list_keys(connection)] == [(key_of().key_id, False)]
        serial = connection.execute(text("SELECT serial FROM voucher_terms")).scalar_one()
    assert serial == read_code(signed("10")).serial


@pytest.mark.parametrize("other", [{"value": "11.000"}, {"expires": "2027-02-01"}, {"residual": "credit"}])
def test_a_signed_voucher_that_says_otherwise_than_its_row_is_not_loaded(
    store: CentralStore, other: dict[str, str]
) -> None:
    row = {"code": signed("10"), "value": "10.000", "currency": "KWD", "expires": "2027-01-31"} | other

    with pytest.raises(Refused) as refusal:
        load_fixture(store, {"vouchers": [row]})
    assert refusal.value.code == "fixture_bad"


def _letters() -> str:
    return letters_of(key_of().public_key)
