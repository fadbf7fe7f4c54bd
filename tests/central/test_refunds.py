"""A refund posted to central: once, never more than is left of the payment, and undone where the money stood."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.builders.central_stores import StoreKind, made_store
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    PAYMENT,
    PAYMENT_SPEC,
    CountedRandomness,
    SteppingClock,
    bill,
    faults,
    item,
    kwd,
    money,
    payment,
    post,
    read,
    small_operator,
    with_a_small_operator,
)
from tests.central.refund_builders import (
    ACCOUNTS,
    REFUND,
    REFUNDABLE,
    bill_parts,
    kept,
    paid,
    post_refund,
    refund,
    refused,
    transfer,
    undo,
    void,
)


async def figures(client: httpx.AsyncClient, account: str = "BA-1") -> dict[str, Any]:
    row = await read(client, f"{ACCOUNTS}/{account}")
    return {name: row[f"{name}Amount"]["value"] for name in ("credit", "advance", "deposit", "writtenOff")}


async def standing(client: httpx.AsyncClient, bill_id: str) -> tuple[str, Any]:
    row = await read(client, f"{BILL}/{bill_id}")
    return row["state"], row["remainingAmount"]["value"]


def kept_as(**figures_told: str) -> list[dict[str, object]]:
    return [{"as": name, "amount": kwd(amount)} for name, amount in figures_told.items()]


async def test_a_refund_is_stored_with_what_the_server_sets(client: httpx.AsyncClient) -> None:
    payment_id = await paid(client)
    sent = refund(
        payment_id, correlatorId="R-1", refundDate="2026-11-21T09:00:00+03:00", colour="blue", id="x"
    )
    answer = await post_refund(client, sent)
    stored = loads(answer.content)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{BASE_URL}{REFUND}/{stored['id']}")
    assert (stored["href"], stored["status"], stored["@type"]) == (
        answer.headers["location"],
        "done",
        "Refund",
    )
    assert (stored["refundDate"], stored["colour"]) == ("2026-11-21T09:00:00+03:00", "blue")
    assert await read(client, stored["href"]) == stored
    assert (await read(client, f"{PAYMENT}/{payment_id}"))["refundedAmount"] == kwd("10.000")


async def test_every_refund_row_is_a_refund(client: httpx.AsyncClient, tmf_specs: Path) -> None:
    first, second = await paid(client), await paid(client, "8.000", paymentItem=[item("CB-2", "8.000")])
    await undo(client, refund(first, "1.000"))
    await undo(client, void(second, "8.000", bills=bill_parts(CB_2="8.000")))
    await undo(client, transfer(first, "2.000", kept("2.000", account="D-12")))
    rows = await read(client, REFUND)
    assert len(rows) == 3
    assert faults(tmf_specs, PAYMENT_SPEC, "Refund", *rows) == []
    assert faults(tmf_specs, PAYMENT_SPEC, "Payment", *await read(client, PAYMENT)) == []


async def test_refunds_are_found_by_payment_kind_and_correlator(client: httpx.AsyncClient) -> None:
    first, second = await paid(client), await paid(client)
    one = await undo(client, refund(first, "1.000", correlatorId="R-1", terminal="T2"))
    other = await undo(client, void(second, correlatorId="R-2"))
    for query, found in (
        ({"payment.id": first}, [one["id"]]),
        ({"kind": "void"}, [other["id"]]),
        ({"correlatorId": "R-2"}, [other["id"]]),
        ({"terminal": "T2", "sort": "-changeNumber"}, [other["id"], one["id"]]),
        ({"fields": "kind", "limit": "1"}, [one["id"]]),
        ({"correlatorId": "R-3"}, []),
    ):
        assert [row["id"] for row in await read(client, REFUND, **query)] == found
    for bad in ({"colour": "blue"}, {"limit": "-1"}, {"sort": "body"}):
        assert (await client.get(REFUND, params=bad)).status_code == 400
    assert (await client.get(f"{REFUND}/nobody")).status_code == 404
    assert (await client.delete(REFUND)).status_code == 405


# --- once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_header", [True, False])
async def test_the_same_refund_again_is_answered_and_done_once(
    client: httpx.AsyncClient, store: CentralStore, by_header: bool
) -> None:
    payment_id = await paid(client)
    headers = {"idempotency_key": "k-1"} if by_header else {}
    body = refund(payment_id, "4.000", **({} if by_header else {"correlatorId": "k-1"}))
    first, second = await post_refund(client, body, **headers), await post_refund(client, body, **headers)
    assert (first.content, first.headers["location"]) == (second.content, second.headers["location"])
    assert second.headers["x-idempotent-replay"] == "true"
    clash = await post_refund(client, {**body, "totalAmount": kwd("5.000")}, **headers)
    assert (clash.status_code, loads(clash.content)["code"]) == (422, "key_reused")
    assert (await figures(client))["credit"] == 6
    assert verify_central(store) == []


async def test_32_parallel_identical_refunds_have_one_effect(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(client)
    body = refund(payment_id, "4.000", correlatorId="R-1")
    answers = await asyncio.gather(*(post_refund(client, body) for _ in range(32)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (await figures(client))["credit"] == 6
    assert verify_central(store) == []


async def test_40_parallel_refunds_never_exceed_their_payment(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 32: from two terminals at once; what is over is refused, not cut."""
    payment_id = await paid(client, paymentItem=[item("CB-2", "6.000")])
    bodies = [
        refund(payment_id, "0.700", correlatorId=f"R-{number}", terminal=f"T{number % 2}")
        for number in range(40)
    ]
    answers = await asyncio.gather(*(post_refund(client, body) for body in bodies))
    taken = [answer.status_code for answer in answers]
    assert (taken.count(201), taken.count(422)) == (14, 26)
    assert {loads(a.content)["code"] for a in answers if a.status_code == 422} == {"more_than_paid"}
    assert (await read(client, f"{PAYMENT}/{payment_id}"))["refundedAmount"] == kwd("9.800")
    assert verify_central(store) == []


async def test_the_store_itself_keeps_refunds_below_their_payment(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(client)
    with pytest.raises(IntegrityError, match=r"(?i)check constraint"), store.write() as connection:
        connection.execute(
            text("UPDATE payment SET refunded_minor = amount_minor + 1 WHERE id = :id"), {"id": payment_id}
        )


# --- what it undoes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["void", "reversal", "tender_cancellation"])
async def test_undoing_a_payment_leaves_bills_and_accounts_as_they_were(
    client: httpx.AsyncClient, store: CentralStore, kind: str
) -> None:
    """Rule 30: but for two more rows, and the change numbers that tell the tills of it."""
    bills = [await read(client, f"{BILL}/{bill_id}") for bill_id in ("CB-1", "CB-2")]
    before = await figures(client)
    payment_id = await paid(
        client,
        "60.000",
        paymentItem=[item("CB-1", "40.000"), item("CB-2", "10.000")],
        keptApart=kept_as(advance="3.000", deposit="2.000"),
    )
    told = await undo(
        client,
        void(payment_id, "60.000", bills=bill_parts(CB_1="40.000", CB_2="10.000"))
        | {
            "kind": kind,
            "kept": [kept("5.000"), kept("3.000", "advance"), kept("2.000", "deposit")],
            "correlatorId": "C-1-1",
        },
    )
    assert await figures(client) == before
    for then in bills:
        now = await read(client, f"{BILL}/{then['id']}")
        assert (now["state"], now["remainingAmount"]) == (then["state"], then["remainingAmount"])
        assert now["changeNumber"] == told["changeNumber"] > then["changeNumber"]
        came, went = now["appliedPayment"]
        assert came["appliedAmount"]["value"] + went["appliedAmount"]["value"] == 0
        assert (went["payment"]["id"], went["payment"]["correlatorId"]) == (told["id"], "C-1-1")
    assert (await read(client, f"{ACCOUNTS}/BA-1"))["change"] == told["changeNumber"]
    assert verify_central(store) == []


async def test_a_part_paid_back_opens_the_bill_by_just_that(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(client, paymentItem=[item("CB-2", "10.000")])
    assert await standing(client, "CB-2") == ("settled", 0)
    body = refund(payment_id, "4.000", kind="refund", bills=bill_parts(CB_2="4.000"))
    await undo(client, body)
    assert await standing(client, "CB-2") == ("partiallyPaid", 4)
    await undo(client, {**body, "totalAmount": kwd("6.000"), "bills": bill_parts(CB_2="6.000")})
    assert await standing(client, "CB-2") == ("sent", 10)
    assert verify_central(store) == []


async def test_a_bill_on_hold_is_on_hold_again(client: httpx.AsyncClient, store: CentralStore) -> None:
    fixture = small_operator()
    fixture["bills"].append(bill("CB-7", "7.000", state="onHold"))
    load_fixture(store, fixture)
    payment_id = await paid(client, "7.000", paymentItem=[item("CB-7", "7.000")])
    await undo(client, refund(payment_id, "1.000", kind="refund", bills=bill_parts(CB_7="1.000")))
    assert await standing(client, "CB-7") == ("onHold", 1)
    assert verify_central(store) == []


async def test_what_central_placed_otherwise_is_taken_where_it_is(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Domain 3.11: the bill was paid elsewhere, so the money is credit; the other payment stays on the bill."""
    await paid(client, "8.000", paymentItem=[item("CB-2", "8.000")])
    second = await paid(client, paymentItem=[item("CB-2", "10.000")])
    assert (await figures(client))["credit"] == 8
    await undo(client, void(second, bills=bill_parts(CB_2="10.000")))
    assert await standing(client, "CB-2") == ("partiallyPaid", 2)
    assert (await figures(client))["credit"] == 0
    assert verify_central(store) == []


async def test_a_client_that_tells_only_the_sum_takes_credit_before_bills(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(
        client,
        "20.000",
        paymentItem=[item("CB-1", "5.000"), item("CB-2", "5.000")],
        keptApart=kept_as(deposit="4.000"),
    )
    await undo(client, refund(payment_id, "13.000"))
    assert (await figures(client))["credit"] == (await figures(client))["deposit"] == 0
    assert await standing(client, "CB-2") == ("partiallyPaid", 8), "the last that was paid"
    assert await standing(client, "CB-1") == ("partiallyPaid", Decimal("36.750"))
    assert verify_central(store) == []


async def test_an_advance_that_a_bill_has_used_is_owed(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(client, "5.000", keptApart=kept_as(advance="5.000"))
    fixture = small_operator()
    fixture["bills"].append(bill("CB-9", "3.000"))
    load_fixture(store, fixture)
    assert (await figures(client))["advance"] == 2
    await undo(client, void(payment_id, "5.000", kept=[kept("5.000", "advance")]))
    after = await figures(client)
    assert (after["advance"], after["credit"]) == (0, -3)
    assert await standing(client, "CB-9") == ("settled", 0)
    assert verify_central(store) == []


async def test_money_for_items_is_nobodys_credit(client: httpx.AsyncClient, store: CentralStore) -> None:
    sold = {"item": {"id": "SIM-01", "@referredType": "ProductOffering"}, "totalAmount": kwd("5.000")}
    payment_id = await paid(client, "8.000", paymentItem=[sold])
    await undo(client, refund(payment_id, "5.000", kind="refund"))
    assert (await figures(client))["credit"] == 3
    assert await refused(client, refund(payment_id, "4.000", kind="refund", kept=[kept("4.000")])) == (
        422,
        "more_than_paid",
        "totalAmount",
    )
    assert verify_central(store) == []


async def test_money_in_suspense_is_undone_there_and_its_mark_is_gone(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(client, account={"id": "NOBODY"})
    body = void(payment_id, kept=[kept("10.000", "suspense", "NOBODY")]) | {"account": {"id": "NOBODY"}}
    assert (await read(client, REFUNDABLE, **{"payment.id": payment_id}))["refundableAmount"] == kwd("0.000")
    await undo(client, body)
    assert "suspense" not in await read(client, f"{PAYMENT}/{payment_id}")
    assert [row.suspense.minor for row in list_payments(store)] == [0]
    assert verify_central(store) == []


async def test_what_left_suspense_for_its_owner_is_not_refunded_from_there(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 32: never from suspense, and never what is not there any more."""
    payment_id = await paid(client, account={"id": "NOBODY"}, keptApart=kept_as(suspense="10.000"))
    moved = {
        "correlatorId": "M-1",
        "payment": {"id": payment_id},
        "account": {"id": "BA-1"},
        "totalAmount": kwd("7.000"),
        "resolvedAt": "2026-11-21T10:00:00+03:00",
    }
    answer = await client.post(
        "/counterfoil/v1/transfer", content=dumps(moved), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 201
    nobody = {"account": {"id": "NOBODY"}}
    assert (await refused(client, refund(payment_id, "3.001") | nobody))[1] == "more_than_paid"
    await undo(client, refund(payment_id, "3.000") | nobody)
    again = {**moved, "correlatorId": "M-2", "totalAmount": kwd("0.001")}
    answer = await client.post(
        "/counterfoil/v1/transfer", content=dumps(again), headers={"content-type": "application/json"}
    )
    assert loads(answer.content)["code"] == "more_than_suspense"
    assert verify_central(store) == []


async def test_a_cleared_rest_is_owed_again_and_recovered_debt_given_up_again(store: CentralStore) -> None:
    """Rule 18: in both directions, and no more than central itself did."""
    fixture = small_operator()
    fixture["accounts"][0] |= {"status": "written_off", "written_off": "3.000"}
    load_fixture(store, fixture)
    app = make_app(
        store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL, tolerance="0.005"
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        payment_id = await paid(
            client, "9.996", paymentItem=[item("CB-2", "9.996")], writeOff=bill_parts(CB_2="0.004")
        )
        assert (await standing(client, "CB-2"), (await figures(client))["writtenOff"]) == (("settled", 0), 0)
        body = void(payment_id, "9.996", bills=bill_parts(CB_2="9.996"), writeOff=bill_parts(CB_2="9.000"))
        await undo(client, body | {"recovered": kwd("90.000")})
        row = await read(client, f"{ACCOUNTS}/BA-1")
        assert (row["writtenOffAmount"], row["status"]) == (kwd("3.000"), "written_off")
        shown = await read(client, f"{BILL}/CB-2")
        assert (shown["state"], shown["remainingAmount"]) == ("sent", kwd("10.000"))
        assert "writtenOffAmount" not in shown
    assert verify_central(store) == []


async def test_a_fixture_loaded_again_finds_what_was_undone(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(client, paymentItem=[item("CB-2", "10.000")])
    await undo(client, refund(payment_id, "4.000", kind="refund", bills=bill_parts(CB_2="4.000")))
    load_fixture(store, small_operator())
    assert (await standing(client, "CB-2"))[1] == 4
    assert verify_central(store) == []


# --- moved -----------------------------------------------------------------------------------------------------


async def test_a_transfer_puts_the_money_on_another_account_and_counts_in_no_ceiling(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Invariant 23: the sum over accounts is unchanged."""
    fixture = small_operator()
    fixture["accounts"].append({**fixture["accounts"][0], "account": "BA-3"})
    fixture["bills"].append(bill("CB-3", "4.000", account="BA-3"))
    load_fixture(store, fixture)
    payment_id = await paid(client, paymentItem=[item("CB-2", "10.000")])
    placed: list[dict[str, object]] = [
        {"account": "BA-3", "bill": "CB-3", "amount": kwd("5.000")},
        kept("1.000", "deposit", "BA-3"),
    ]
    told = await undo(client, transfer(payment_id, "6.000", *placed, bills=bill_parts(CB_2="6.000")))
    assert told["placed"][0]["bill"] == "CB-3"
    assert await standing(client, "CB-2") == ("partiallyPaid", 6)
    assert await standing(client, "CB-3") == ("settled", 0)
    after = await figures(client, "BA-3")
    assert (after["credit"], after["deposit"]) == (1, 1), "what the bill did not want is credit"
    assert "refundedAmount" not in await read(client, f"{PAYMENT}/{payment_id}")
    left = await read(client, REFUNDABLE, **{"payment.id": payment_id})
    assert (left["refundableAmount"], left["refundedAmount"]) == (kwd("10.000"), kwd("0.000"))
    assert {(place["account"], place["as"], place["amount"]["value"]) for place in left["stands"]} == {
        ("BA-1", "bill", 4),
        ("BA-3", "bill", 4),
        ("BA-3", "credit", 2),
    }
    assert verify_central(store) == []


async def test_money_moved_twice_is_taken_from_the_account_that_is_told(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    fixture = small_operator()
    fixture["accounts"].append({**fixture["accounts"][0], "account": "BA-3"})
    load_fixture(store, fixture)
    payment_id = await paid(client)
    there = transfer(payment_id, "6.000", kept("6.000", account="BA-3"), kept=[kept("6.000")])
    await undo(client, there)
    back = transfer(payment_id, "5.000", kept("5.000", account="D-12"), kept=[kept("5.000", account="BA-3")])
    await undo(client, back)
    assert [(await figures(client, name))["credit"] for name in ("BA-1", "BA-3", "D-12")] == [4, 1, 5]
    await undo(
        client,
        refund(payment_id, "10.000", kind="reversal", kept=[kept("4.000"), kept("6.000", account="BA-3")]),
    )
    assert [(await figures(client, name))["credit"] for name in ("BA-1", "BA-3", "D-12")] == [0, 0, 0]
    assert verify_central(store) == []


async def test_a_reallocation_takes_from_one_bill_and_pays_another(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 13: reverse and new, in one row."""
    payment_id = await paid(client, paymentItem=[item("CB-2", "10.000")])
    placed = {"account": "BA-1", "bill": "CB-1", "amount": kwd("10.000")}
    body = transfer(payment_id, "10.000", placed, bills=bill_parts(CB_2="10.000"))
    await undo(client, body | {"kind": "reallocation"})
    assert await standing(client, "CB-2") == ("sent", 10)
    assert await standing(client, "CB-1") == ("partiallyPaid", Decimal("31.750"))
    await undo(client, void(payment_id, bills=bill_parts(CB_1="10.000")))
    assert await standing(client, "CB-1") == ("sent", Decimal("41.750"))
    assert verify_central(store) == []


# --- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "status", "code", "field"),
    [
        ({"payment": {"id": "NOPE"}}, 422, "unknown_payment", "payment.id"),
        ({"payment": {"id": "", "name": "x"}}, 400, "bad_field", "payment.id"),
        ({"payment": None}, 400, "bad_field", "payment"),
        ({"account": {"id": "BA-2"}}, 422, "other_account", "account.id"),
        ({"account": {}}, 400, "bad_field", "account.id"),
        ({"paymentMethod": None}, 400, "bad_field", "paymentMethod"),
        ({"totalAmount": money("1.00", "EUR")}, 422, "other_currency", "totalAmount.unit"),
        ({"totalAmount": kwd("10.001")}, 422, "more_than_paid", "totalAmount"),
        ({"totalAmount": kwd("0.000")}, 400, "bad_field", "totalAmount.value"),
        ({"totalAmount": kwd("-1.000")}, 400, "bad_field", "totalAmount.value"),
        ({"totalAmount": kwd("1.0001")}, 400, "bad_field", "totalAmount.value"),
        ({"refundDate": "yesterday"}, 400, "bad_field", "refundDate"),
        ({"kind": "gift"}, 400, "bad_field", "kind"),
        ({"kind": "void", "totalAmount": kwd("9.999")}, 422, "not_the_whole", "totalAmount"),
        ({"kind": "transfer"}, 400, "bad_field", "placed"),
        ({"placed": [kept("10.000", account="D-12")]}, 400, "bad_field", "placed"),
        ({"kind": "transfer", "placed": [kept("9.000")]}, 400, "bad_field", "placed"),
        ({"kind": "transfer", "placed": [kept("10.000", "gift")]}, 400, "bad_field", "placed[0].as"),
        (
            {"kind": "transfer", "placed": [kept("10.000", account="NOBODY")]},
            422,
            "unknown_account",
            "placed[0].account",
        ),
        (
            {"kind": "transfer", "placed": [kept("10.000", account="BA-2")]},
            422,
            "account_other_currency",
            "placed[0].account",
        ),
        ({"bills": bill_parts(CB_2="10.001")}, 400, "bad_field", "bills"),
        (
            {"bills": [*bill_parts(CB_2="1.000"), *bill_parts(CB_2="1.000")]},
            400,
            "bad_field",
            "bills[1].bill",
        ),
        ({"bills": "all"}, 400, "bad_field", "bills"),
        ({"kept": [kept("1.000", "gift")]}, 400, "bad_field", "kept[0].as"),
        ({"kept": [{"as": "account", "amount": kwd("1.000")}]}, 400, "bad_field", "kept[0].account"),
        ({"kept": [kept("10.000"), kept("0.001")]}, 400, "bad_field", "kept"),
        (
            {"writeOff": [{"bill": "CB-2", "amount": kwd("-1.000")}]},
            400,
            "bad_field",
            "writeOff[0].amount.value",
        ),
        ({"recovered": money("1.00", "EUR")}, 400, "bad_field", "recovered.unit"),
        ({"correlatorId": "a\u0007b"}, 400, "bad_field", "correlatorId"),
        ({"reason": "4111 1111 1111 1111"}, 400, "card_number_refused", "reason"),
    ],
)
async def test_what_is_no_refund_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, store: CentralStore, more: dict[str, Any], status: int, code: str, field: str
) -> None:
    payment_id = await paid(client)
    assert await refused(client, refund(payment_id) | more) == (status, code, field)
    assert await read(client, REFUND) == []
    assert (await figures(client))["credit"] == 10
    assert verify_central(store) == []


@pytest.mark.parametrize(
    "more",
    [
        {"bills": bill_parts(CB_404="10.000")},
        {"kept": [kept("10.000", account="NOBODY")]},
        {"description": "O'Brien & 李, AT&T [NL] Ltd"},
        {"requestor": {"id": "C-1", "@referredType": "Customer"}},
        {"kind": "void", "writeOff": bill_parts(CB_404="1.000"), "recovered": kwd("1.000")},
        {"payment": {"id": "?", "correlatorId": "E-1-1", "@referredType": "Payment"}},
    ],
)
async def test_a_good_neighbour_is_taken(
    client: httpx.AsyncClient, store: CentralStore, more: dict[str, Any]
) -> None:
    payment_id = await paid(client, correlatorId="E-1-1")
    body = refund(payment_id) | more
    body["payment"] = {**body["payment"], "id": payment_id}
    await undo(client, body)
    assert (await figures(client))["credit"] == 0
    assert verify_central(store) == []


async def test_a_payment_undone_whole_is_undone_once(client: httpx.AsyncClient, store: CentralStore) -> None:
    payment_id = await paid(client)
    await undo(client, void(payment_id, correlatorId="C-1-1"))
    for body in (void(payment_id), refund(payment_id, "0.001")):
        assert (await refused(client, body))[1] == "more_than_paid"
    assert verify_central(store) == []


async def test_the_leg_of_another_payment_is_not_refunded(client: httpx.AsyncClient) -> None:
    payment_id = await paid(client, correlatorId="E-1-1")
    body = refund(payment_id, payment={"id": payment_id, "correlatorId": "E-2-1"})
    assert (await refused(client, body))[1] == "unknown_payment"


# --- what is left ------------------------------------------------------------------------------------------------


async def test_what_is_left_of_a_payment_is_told(client: httpx.AsyncClient) -> None:
    """Rule 32: across terminals; uncleared money is said to be so."""
    payment_id = await paid(
        client, provisional=True, provisionalReason="when it is cleared", correlatorId="E-1"
    )
    await undo(client, refund(payment_id, "4.000"))
    told = await read(client, REFUNDABLE, **{"payment.id": payment_id})
    assert told["payment"] == {"id": payment_id, "correlatorId": "E-1"}
    assert (told["totalAmount"], told["refundedAmount"], told["refundableAmount"], told["provisional"]) == (
        kwd("10.000"),
        kwd("4.000"),
        kwd("6.000"),
        True,
    )
    announced = await read(client, "/counterfoil/v1")
    assert (announced["refundable"], announced["refunds"]) == (REFUNDABLE, REFUND)
    for params, status in (
        ({}, 400),
        ({"id": payment_id}, 400),
        ({"payment.id": "x"}, 404),
        ({"payment.id": "/"}, 404),
    ):
        assert (await client.get(REFUNDABLE, params=params)).status_code == status


# --- verified ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "subject"),
    [
        ("UPDATE refund_part SET amount_minor = amount_minor + 1", "refund"),
        ("UPDATE refund SET amount_minor = amount_minor - 1", "refund"),
        ("UPDATE payment SET refunded_minor = 0", "payment"),
        ("UPDATE refund SET kind = 'transfer'", "refund"),
        ("UPDATE refund SET kind = 'void'", "payment"),
        ("UPDATE refund SET body = replace(body, 'BA-1', 'BA-9')", "refund"),
        ("UPDATE refund_part SET amount_minor = -20000; UPDATE refund SET amount_minor = 20000", "payment"),
        ("UPDATE bill SET remaining_minor = remaining_minor + 1 WHERE id = 'CB-2'", "bill"),
    ],
)
async def test_damage_to_refunds_is_named(
    client: httpx.AsyncClient, store: CentralStore, damage: str, subject: str
) -> None:
    payment_id = await paid(client, paymentItem=[item("CB-2", "10.000")])
    await undo(client, refund(payment_id, "4.000", kind="refund", bills=bill_parts(CB_2="4.000")))
    assert verify_central(store) == []
    with store.write() as connection:
        for statement in damage.split(";"):
            connection.execute(text(statement))
    assert subject in {finding.subject for finding in verify_central(store)}


async def test_a_refund_does_not_stand_in_the_way_of_the_next_payment(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await paid(client, paymentItem=[item("CB-2", "10.000")])
    await undo(client, void(payment_id, bills=bill_parts(CB_2="10.000")))
    assert (await post(client, payment("10.000", paymentItem=[item("CB-2", "10.000")]))).status_code == 201
    assert await standing(client, "CB-2") == ("settled", 0)
    assert verify_central(store) == []


# --- any sequence ------------------------------------------------------------------------------------------------

STEP = st.tuples(
    st.sampled_from(["refund", "ours", "transfer", "reversal"]),
    st.integers(0, 2),
    st.integers(1, 12_000),
    st.sampled_from(["CB-1", "CB-2", None]),
    st.sampled_from(["account", "advance", "deposit"]),
)


@given(steps=st.lists(STEP, max_size=12))
async def test_whatever_is_refunded_and_moved_the_rest_of_each_payment_stands_somewhere(
    store_kind: StoreKind,
    steps: list[tuple[str, int, int, str | None, str]],
) -> None:
    """Invariants 22, 23 and 37: paid = paid back + what stands; nothing is refused that is left, nothing beyond it taken."""
    with made_store(store_kind, with_a_small_operator) as store:
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            ids = [
                await paid(client, "10.000", paymentItem=[item("CB-2", "8.000")]),
                await paid(client, "10.000", paymentItem=[item("CB-1", "7.000"), item("CB-2", "3.000")]),
                await paid(client, "10.000", keptApart=kept_as(advance="4.000", deposit="5.000")),
            ]
            left = [10_000, 10_000, 10_000]
            for number, (what, which, minor, bill_id, purpose) in enumerate(steps):
                minor = left[which] or minor if what == "reversal" else minor
                body = _step(what, ids[which], minor, bill_id, purpose) | {"correlatorId": f"C-{number}"}
                answer = await post_refund(client, body)
                assert answer.status_code == (201 if minor <= left[which] else 422), answer.text
                if answer.status_code == 201 and what != "transfer":
                    left[which] -= minor
            stands = [await read(client, REFUNDABLE, **{"payment.id": payment_id}) for payment_id in ids]
            dealer, subscriber = await figures(client, "D-12"), await figures(client)
            bills = [await standing(client, bill_id) for bill_id in ("CB-1", "CB-2")]
        assert [sum(place["amount"]["value"] for place in told["stands"]) * 1000 for told in stands] == left
        kept_there = sum(dealer.values()) + sum(subscriber.values())
        on_bills = Decimal("51.750") - sum(remaining for _, remaining in bills)
        assert (kept_there + on_bills) * 1000 == sum(left)
        assert min(subscriber["advance"], subscriber["deposit"]) >= 0
        assert verify_central(store) == []


def _step(what: str, payment_id: str, minor: int, bill_id: str | None, purpose: str) -> dict[str, Any]:
    amount = str(Decimal(minor) / 1000)
    if what == "refund":
        return refund(payment_id, amount)
    if what == "reversal":
        return refund(payment_id, amount, kind="reversal")
    told = (
        {"kept": [kept(amount, purpose)]} if bill_id is None else {"bills": bill_parts(**{bill_id: amount})}
    )
    if what == "ours":
        return refund(payment_id, amount, kind="refund", **told)
    placed = (
        kept(amount, purpose, "D-12")
        if bill_id is None
        else {"account": "BA-1", "bill": bill_id, "amount": kwd(amount)}
    )
    return transfer(payment_id, amount, placed, **told)
