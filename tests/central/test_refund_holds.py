"""What one terminal may pay back of another's payment: told by the receipt, held for it alone, used once or let go."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sync.central.app import make_app
from sync.central.operating.verify import verify_central
from sync.central.refunds.holds import open_refund_holds
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.builders.central_stores import StoreKind, made_store
from tests.central.central_builders import (
    BASE_URL,
    CountedRandomness,
    SteppingClock,
    item,
    kwd,
    read,
    with_a_small_operator,
)
from tests.central.refund_builders import (
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

HOLDS = "/counterfoil/v1/refundHold"
RECEIPT = "S014-T1-A-000007"
CARD = {"@type": "PaymentMethodRef", "@referredType": "BankCard", "id": "RRN-1", "name": "debit_card"}
VOUCHER = {"@type": "PaymentMethodRef", "@referredType": "Voucher", "id": "V-1", "name": "gift_of_a_partner"}


async def taken(client: httpx.AsyncClient, amount: str = "10.000", leg: int = 1, **more: Any) -> str:
    """The id of a leg of the payment RECEIPT, as terminal T1 tells it."""
    told = {
        "correlatorId": f"E-1-{leg}",
        "paymentEventId": "E-1",
        "receiptNumber": RECEIPT,
        "terminal": "T1",
        "epoch": 1,
        "sequence": 7,
        "leg": leg,
        "operator": "1001",
        "paymentDate": "2026-11-21T09:00:00+03:00",
    }
    return await paid(client, amount, **{**told, **more})


def asking(payment_id: str, amount: str = "4.000", hold: str = "H-1", **more: object) -> dict[str, object]:
    return {
        "id": hold,
        "terminal": "T2",
        "operator": "1002",
        "receiptNumber": RECEIPT,
        "legs": [{"payment": {"id": payment_id}, "amount": kwd(amount)}],
        **more,
    }


async def hold(client: httpx.AsyncClient, body: dict[str, object]) -> tuple[int, dict[str, Any]]:
    answer = await client.post(
        HOLDS, content=dumps(body), headers={"content-type": "application/json;charset=utf-8"}
    )
    return answer.status_code, loads(answer.content)


async def held(
    client: httpx.AsyncClient, payment_id: str, amount: str = "4.000", hold_id: str = "H-1"
) -> None:
    status, told = await hold(client, asking(payment_id, amount, hold_id))
    assert (status, told["state"]) == (201, "reserved"), told


async def may_go_back(client: httpx.AsyncClient) -> list[Decimal]:
    told = await read(client, REFUNDABLE, receiptNumber=RECEIPT)
    return [leg["refundableAmount"]["value"] for leg in told["legs"]]


def paying_back(payment_id: str, amount: str = "4.000", **more: object) -> dict[str, Any]:
    """The refund that uses the hold H-1."""
    told = {"kind": "refund", "terminal": "T2", "correlatorId": "R-1-1", "refundHold": "H-1"}
    return refund(payment_id, amount, **{**told, **more})


# --- by the receipt ----------------------------------------------------------------------------------------------


async def test_a_payment_is_told_by_its_receipt_leg_by_leg(client: httpx.AsyncClient) -> None:
    first = await taken(
        client,
        payer={"id": "BA-1", "role": "subscriber", "@referredType": "BillingAccount"},
        paymentItem=[item("CB-2", "6.000")],
    )
    await taken(client, "3.000", 2, paymentMethod=CARD)

    told = await read(client, REFUNDABLE, receiptNumber=RECEIPT)

    assert (told["paymentEventId"], told["terminal"], told["operator"]) == ("E-1", "T1", "1001")
    assert told["payer"] == {"id": "BA-1", "role": "subscriber"}
    one, other = told["legs"]
    assert (one["payment"]["id"], one["paymentMethod"]) == (first, {"@type": "Cash", "name": "cash"})
    assert one["stands"] == [
        {"as": "bill", "account": "BA-1", "bill": "CB-2", "billNo": "NCB-2", "amount": kwd("6.000")},
        {"as": "credit", "account": "BA-1", "amount": kwd("4.000")},
    ]
    assert (other["leg"], other["paymentMethod"]["@type"]) == (2, "BankCard")
    assert await may_go_back(client) == [10, 3]


@pytest.mark.parametrize(
    "more",
    [
        {"provisional": True, "provisionalReason": "when the cheque is cleared"},
        {"paymentMethod": VOUCHER, "paymentItem": [item("CB-2", "10.000")]},
        {"keptApart": [{"as": "suspense", "amount": kwd("10.000")}]},
        {
            "paymentItem": [
                {"item": {"id": "RTR-01", "@referredType": "ProductOffering"}, "totalAmount": kwd("10.000")}
            ]
        },
    ],
    ids=["not sure yet", "voucher", "suspense", "items"],
)
async def test_what_is_not_sure_not_money_or_nobodys_is_not_paid_back_elsewhere(
    client: httpx.AsyncClient, more: dict[str, Any]
) -> None:
    """Rule 32: not before clearing, never from suspense; a voucher is never money, items come back by a reversal."""
    payment_id = await taken(client, **more)

    assert await may_go_back(client) == [0]
    status, told = await hold(client, asking(payment_id))
    assert (status, told["code"], told["left"]) == (409, "refund_more_than_left", kwd("0.000"))


async def test_a_receipt_that_no_till_told_of_is_unknown(client: httpx.AsyncClient) -> None:
    await paid(client, receiptNumber=RECEIPT)
    for number in (RECEIPT, "S014-T1-A-000008", "x" * 200):
        answer = await client.get(REFUNDABLE, params={"receiptNumber": number})
        assert (answer.status_code, loads(answer.content)["code"]) == (404, "refund_unknown_receipt")
    for bad in ({}, {"receiptNumber": RECEIPT, "payment.id": "P"}, {"receipt": RECEIPT}):
        assert (await client.get(REFUNDABLE, params=bad)).status_code == 400


async def test_a_receipt_of_two_payments_is_paid_back_where_it_was_taken(client: httpx.AsyncClient) -> None:
    await taken(client)
    await taken(client, correlatorId="E-2-1", paymentEventId="E-2", sequence=8)
    answer = await client.get(REFUNDABLE, params={"receiptNumber": RECEIPT})
    assert (answer.status_code, loads(answer.content)["code"]) == (422, "receipt_not_unique")


# --- holding -----------------------------------------------------------------------------------------------------


async def test_a_hold_says_what_it_takes_the_money_off(client: httpx.AsyncClient) -> None:
    """What is on account first; then bills, the newest first."""
    apart = [{"as": "advance", "amount": kwd("1.000")}]
    payment_id = await taken(client, paymentItem=[item("CB-2", "6.000")], keptApart=apart)

    status, told = await hold(client, asking(payment_id, "5.500"))

    assert status == 201
    assert told["legs"][0]["parts"] == [
        {"as": "advance", "account": "BA-1", "amount": kwd("1.000")},
        {"as": "credit", "account": "BA-1", "amount": kwd("3.000")},
        {"as": "bill", "account": "BA-1", "bill": "CB-2", "billNo": "NCB-2", "amount": kwd("1.500")},
    ]
    assert await may_go_back(client) == [Decimal("4.5")]


async def test_the_same_asking_holds_once(client: httpx.AsyncClient, store: CentralStore) -> None:
    payment_id = await taken(client)
    first = await hold(client, asking(payment_id))
    again = await hold(client, asking(payment_id))
    assert (first[0], again) == (201, (200, first[1]))
    assert await may_go_back(client) == [6]
    status, told = await hold(client, asking(payment_id, "5.000"))
    assert (status, told["code"]) == (422, "key_reused")
    assert verify_central(store) == []


async def test_what_is_held_is_out_of_reach_for_all_others(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Invariant 37: paid - refunded - held, whoever asks; what may still go through waits, and is not refused."""
    payment_id = await taken(client)
    await held(client, payment_id, "4.000")

    status, told = await hold(client, asking(payment_id, "6.001", "H-2"))
    assert (status, told["code"], told["left"]) == (409, "refund_more_than_left", kwd("6.000"))
    assert await refused(client, refund(payment_id, "6.001")) == (425, "refund_held", "totalAmount")
    assert await refused(client, void(payment_id, "10.000")) == (425, "refund_held", "totalAmount")
    assert await refused(client, void(payment_id, "6.000")) == (425, "refund_held", "totalAmount")
    moved = transfer(payment_id, "7.000", kept("7.000", account="D-12"))
    assert await refused(client, moved) == (425, "refund_held", "totalAmount")
    assert await refused(client, refund(payment_id, "10.001")) == (422, "more_than_paid", "totalAmount")
    await undo(client, refund(payment_id, "6.000"))
    assert verify_central(store) == []

    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(text("UPDATE payment SET refunded_minor = refunded_minor + 1"))


async def test_what_was_let_go_is_free_again_and_stays_so(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await taken(client)
    await held(client, payment_id)
    for _ in range(2):
        assert (await client.delete(f"{HOLDS}/H-1")).status_code == 204
    assert await may_go_back(client) == [10]
    status, told = await hold(client, asking(payment_id))
    assert (status, told["code"]) == (409, "refund_hold_released")
    await undo(client, void(payment_id))
    assert verify_central(store) == []


async def test_a_hold_that_comes_after_it_was_let_go_is_refused(client: httpx.AsyncClient) -> None:
    payment_id = await taken(client)
    assert (await client.delete(f"{HOLDS}/H-1")).status_code == 204
    assert (await hold(client, asking(payment_id)))[0] == 409
    assert await may_go_back(client) == [10]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "a b"},
        {"terminal": None},
        {"operator": 7},
        {"receiptNumber": "x\n"},
        {"legs": []},
        {"legs": "all"},
        {"legs": [{"payment": {}, "amount": kwd("1.000")}]},
        {"legs": [{"payment": {"id": "P"}, "amount": kwd("0.000")}]},
        {"legs": [{"payment": {"id": "P"}, "amount": kwd("1.000")}] * 2},
    ],
    ids=lambda wrong: repr(wrong)[:60],
)
async def test_an_asking_that_is_none_is_refused_and_holds_nothing(
    client: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    payment_id = await taken(client)
    assert (await hold(client, asking(payment_id, **wrong)))[0] == 400
    assert await may_go_back(client) == [10]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"receiptNumber": "S014-T1-A-000008"}, "refund_unknown_receipt"),
        ({"legs": [{"payment": {"id": "P-9"}, "amount": kwd("1.000")}]}, "refund_unknown_receipt"),
    ],
)
async def test_a_hold_of_another_payment_than_the_receipts_is_refused(
    client: httpx.AsyncClient, wrong: dict[str, Any], code: str
) -> None:
    payment_id = await taken(client)
    status, told = await hold(client, asking(payment_id, **wrong))
    assert (status, told["code"]) == (409, code)
    other = {"unit": "EUR", "value": Decimal("1.00")}
    status, told = await hold(
        client, asking(payment_id, legs=[{"payment": {"id": payment_id}, "amount": other}])
    )
    assert (status, told["code"]) == (409, "refund_other_currency")


# --- using -------------------------------------------------------------------------------------------------------


async def test_the_refund_takes_the_place_of_its_hold_once(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    payment_id = await taken(client, paymentItem=[item("CB-2", "10.000")])
    await held(client, payment_id)
    body = paying_back(payment_id, bills=bill_parts(CB_2="4.000"))
    first = await undo(client, body)
    again = await post_refund(client, body)
    assert (again.status_code, loads(again.content)["id"]) == (201, first["id"])

    told = await read(client, REFUNDABLE, receiptNumber=RECEIPT)
    leg = told["legs"][0]
    assert (leg["refundedAmount"], leg["heldAmount"], leg["refundableAmount"]) == (
        kwd("4.000"),
        kwd("0.000"),
        kwd("6.000"),
    )
    twin = {**body, "correlatorId": "R-2-1"}
    assert await refused(client, twin) == (422, "refund_hold_used", "refundHold")
    assert (await client.delete(f"{HOLDS}/H-1")).status_code == 409
    assert (await hold(client, asking(payment_id)))[0] == 200
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("more", "amount"),
    [({"terminal": "T3"}, "4.000"), ({}, "3.999"), ({}, "4.001"), ({"kind": "void"}, "4.000")],
)
async def test_only_what_was_held_uses_the_hold(
    client: httpx.AsyncClient, store: CentralStore, more: dict[str, Any], amount: str
) -> None:
    payment_id = await taken(client)
    await held(client, payment_id)
    assert await refused(client, paying_back(payment_id, amount, **more)) == (
        422,
        "not_as_held",
        "refundHold",
    )
    assert await may_go_back(client) == [6]
    assert verify_central(store) == []


async def test_a_refund_whose_hold_is_gone_is_weighed_like_any_other(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """The money is out: a hold that a person let go, or that a restored central never had, is no reason to refuse it."""
    payment_id = await taken(client)
    await held(client, payment_id)
    await client.delete(f"{HOLDS}/H-1")
    await undo(client, paying_back(payment_id))
    other = paying_back(payment_id, "6.001", refundHold="H-9", correlatorId="R-2-1")
    assert await refused(client, other) == (422, "more_than_paid", "totalAmount")
    await undo(client, paying_back(payment_id, "6.000", refundHold="H-9", correlatorId="R-2-1"))
    assert verify_central(store) == []


async def test_several_legs_are_held_and_used_one_by_one(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first, second = await taken(client), await taken(client, "3.000", 2, paymentMethod=CARD)
    legs = [
        {"payment": {"id": second}, "amount": kwd("3.000")},
        {"payment": {"id": first}, "amount": kwd("4.000")},
    ]
    assert (await hold(client, asking(first, legs=legs)))[0] == 201
    assert await may_go_back(client) == [6, 0]
    await undo(client, paying_back(second, "3.000", paymentMethod=CARD, correlatorId="R-1-2"))
    with store.read() as connection:
        assert [one.amount.minor for one in open_refund_holds(connection)] == [4_000]
    await undo(client, paying_back(first))
    with store.read() as connection:
        assert open_refund_holds(connection) == []
    assert verify_central(store) == []


async def test_a_hold_of_more_than_one_leg_has_holds_none(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first, second = await taken(client), await taken(client, "3.000", 2, paymentMethod=CARD)
    legs = [
        {"payment": {"id": first}, "amount": kwd("10.000")},
        {"payment": {"id": second}, "amount": kwd("3.001")},
    ]
    assert (await hold(client, asking(first, legs=legs)))[0] == 409
    assert await may_go_back(client) == [10, 3]
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("UPDATE payment SET held_minor = held_minor - 1", "payment"),
        ("UPDATE refund_hold SET released_at = made_at", "payment"),
        ("UPDATE refund_hold_part SET amount_minor = amount_minor + 1", "payment"),
        ("DELETE FROM refund_hold_part", "payment"),
        ("UPDATE refund_hold_leg SET refund_id = (SELECT id FROM refund)", "refund"),
    ],
)
async def test_a_hold_that_was_tampered_with_is_found(
    client: httpx.AsyncClient, store: CentralStore, statement: str, subject: str
) -> None:
    payment_id = await taken(client)
    await held(client, payment_id)
    await undo(client, refund(payment_id, "1.000"))
    assert verify_central(store) == []
    with store.write() as connection:
        connection.execute(text(statement))
    assert subject in [finding.subject for finding in verify_central(store)]


# --- many at once ------------------------------------------------------------------------------------------------


async def test_of_40_askings_at_once_no_more_is_held_than_was_paid(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Invariant 37, rule 32: whatever comes together, the sum is never more than the payment."""
    payment_id = await taken(client)
    answers = await asyncio.gather(
        *(
            hold(client, asking(payment_id, "0.700", f"H-{number}", terminal=f"T{2 + number % 2}"))
            for number in range(40)
        )
    )
    assert sorted(status for status, _ in answers) == [201] * 14 + [409] * 26
    assert await may_go_back(client) == [Decimal("0.2")]
    assert verify_central(store) == []


STEP = st.tuples(
    st.sampled_from(["hold", "let go", "use", "refund", "transfer"]),
    st.integers(0, 3),
    st.integers(1, 12_000),
)


@given(steps=st.lists(STEP, max_size=14))
async def test_held_and_refunded_together_are_never_more_than_was_paid(
    store_kind: StoreKind,
    steps: list[tuple[str, int, int]],
) -> None:
    """Invariant 37 over any sequence; central's own books add up after each."""
    with made_store(store_kind, with_a_small_operator) as store:
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            payment_id = await taken(
                client,
                paymentItem=[item("CB-1", "4.000"), item("CB-2", "3.000")],
                keptApart=[{"as": "deposit", "amount": kwd("2.000")}],
            )
            open_, refunded, gone = dict[str, int](), 0, set[str]()
            for number, (what, which, minor) in enumerate(steps):
                hold_id, amount = f"H-{which}", str(Decimal(minor) / 1000)
                free = 10_000 - refunded - sum(open_.values())
                if what == "hold" and hold_id not in open_ and hold_id not in gone:
                    status, _ = await hold(client, asking(payment_id, amount, hold_id))
                    assert status == (201 if minor <= free else 409)
                    open_ |= {hold_id: minor} if status == 201 else {}
                elif what == "let go" and hold_id in open_:
                    await client.delete(f"{HOLDS}/{hold_id}")
                    del open_[hold_id]
                    gone.add(hold_id)
                elif what == "use" and hold_id in open_:
                    used = open_.pop(hold_id)
                    gone.add(hold_id)
                    more = {"refundHold": hold_id, "correlatorId": f"C-{number}"}
                    await undo(client, paying_back(payment_id, str(Decimal(used) / 1000), **more))
                    refunded += used
                elif what == "refund":
                    answer = await post_refund(client, refund(payment_id, amount))
                    assert (answer.status_code == 201) is (minor <= free), answer.text
                    refunded += minor if minor <= free else 0
                elif what == "transfer":
                    moved = transfer(payment_id, amount, kept(amount))
                    assert ((await post_refund(client, moved)).status_code == 201) is (minor <= free)
                assert verify_central(store) == []
            told = await read(client, REFUNDABLE, **{"payment.id": payment_id})
            assert told["heldAmount"]["value"] * 1000 == sum(open_.values())
            assert told["refundedAmount"]["value"] * 1000 == refunded
