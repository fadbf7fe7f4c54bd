"""The papers behind a payment that is undone whole are free again; behind one that is paid back in part they are not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from pos.domain.voucher import code_digest
from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.central.vouchers.issuers import FileIssuer, VoucherIssuer
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BASE_URL,
    PAYMENT,
    CountedRandomness,
    SteppingClock,
    asked,
    hold,
    item,
    kwd,
    payment,
    post,
    read,
    small_operator,
    voucher,
    voucher_payment,
)
from tests.central.refund_builders import ACCOUNTS, bill_parts, paid, refund, refused, undo, void

RECONNECTION = "/counterfoil/v1/reconnection"
KNOWN_CHEQUE = "/counterfoil/v1/knownCheque"
SLIP = "card|000123456789|T7"
CHEQUE = "cheque|001|042|0012345|000123"
BANK = "bank_receipt|001|042|K7-20991|2026-11-21|10000"


def by_paper(instrument: str, event: str = "E-1", leg: int = 1, **more: Any) -> dict[str, Any]:
    """A leg of an event that this paper brought."""
    number = int(event.removeprefix("E-"))
    return payment(
        "10.000",
        correlatorId=f"{event}-{leg}",
        paymentEventId=event,
        terminal="T2",
        epoch=1,
        sequence=number,
        leg=leg,
        receiptNumber=f"S014-T2-A-{number:06}",
        instrument=instrument,
        **more,
    )


async def take(client: httpx.AsyncClient, body: Mapping[str, object]) -> str:
    answer = await post(client, body)
    assert answer.status_code == 201, answer.text
    return str(loads(answer.content)["id"])


async def test_a_slip_whose_payment_is_undone_may_come_again(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await take(client, by_paper(SLIP))
    assert (await post(client, by_paper(SLIP, "E-2"))).status_code == 409
    await undo(client, void(first))
    await take(client, by_paper(SLIP, "E-2"))
    assert (await post(client, by_paper(SLIP, "E-3"))).status_code == 409, "it is alive once"
    assert verify_central(store) == []


@pytest.mark.parametrize("kind", ["refund", None])
async def test_a_slip_whose_money_was_paid_back_stays_used(
    client: httpx.AsyncClient, store: CentralStore, kind: str | None
) -> None:
    first = await take(client, by_paper(SLIP))
    await undo(client, refund(first, **({} if kind is None else {"kind": kind})))
    assert (await post(client, by_paper(SLIP, "E-2"))).status_code == 409
    assert verify_central(store) == []


async def test_a_slip_is_free_once_no_leg_of_its_event_stands(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first, second = await take(client, by_paper(SLIP)), await take(client, by_paper(SLIP, leg=2))
    await take(client, by_paper("card|000000000777|T7", leg=3))
    await undo(client, void(first))
    assert (await post(client, by_paper(SLIP, "E-2"))).status_code == 409
    await undo(client, void(second))
    await take(client, by_paper(SLIP, "E-2"))
    assert verify_central(store) == []


async def test_a_cheque_that_was_given_back_may_come_again_and_the_tills_hear_of_it(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 37: unique over all cheques that were not returned."""
    first = await take(client, by_paper(CHEQUE, provisional=True, provisionalReason="when it is cleared"))
    told = await undo(client, void(first))
    [row] = await read(client, KNOWN_CHEQUE, **{"change.gt": str(told["changeNumber"] - 1)})
    assert (row["id"], row["undone"]) == (first, True)
    stored = await read(client, f"{PAYMENT}/{first}")
    assert (stored["provisional"], stored["outcome"]) == (False, "void")
    again = await take(client, by_paper(CHEQUE, "E-2"))
    assert "held" not in await read(client, f"{PAYMENT}/{again}")
    third = await take(client, by_paper(CHEQUE, "E-3"))
    assert (await read(client, f"{PAYMENT}/{third}"))["held"] is True
    assert verify_central(store) == []


def dealers(body: dict[str, Any]) -> dict[str, Any]:
    return body | {
        "account": {"id": "D-12"},
        "payer": {"id": "D-12", "role": "dealer", "@referredType": "BillingAccount"},
        "provisional": True,
    }


async def outcome(client: httpx.AsyncClient, payment_id: str, state: str) -> httpx.Response:
    body = {
        "correlatorId": f"E-1-1-{state}",
        "payment": {"id": payment_id},
        "state": state,
        "totalAmount": kwd("10.000"),
        "decidedAt": "2026-11-22T10:00:00+03:00",
    }
    return await client.post(
        "/counterfoil/v1/outcome", content=dumps(body), headers={"content-type": "application/json"}
    )


async def test_a_bank_receipt_of_an_undone_payment_waits_no_more(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await take(client, dealers(by_paper(BANK)))
    assert (await read(client, f"{ACCOUNTS}/D-12"))["unverifiedAmount"] == kwd("10.000")
    told = await undo(client, void(first) | {"account": {"id": "D-12"}})
    dealer = await read(client, f"{ACCOUNTS}/D-12")
    assert (dealer["unverifiedAmount"], dealer["creditAmount"]) == (kwd("0.000"), kwd("0.000"))
    assert (dealer["change"], dealer["blocked"]) == (told["changeNumber"], False)
    answer = await outcome(client, first, "rejected")
    assert (answer.status_code, loads(answer.content)["code"]) == (422, "outcome_conflict")
    await take(client, dealers(by_paper(BANK, "E-2")))
    assert verify_central(store) == []


async def test_what_the_bank_did_not_pay_is_not_taken_twice(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await take(client, dealers(by_paper(BANK)))
    assert (await outcome(client, first, "rejected")).status_code == 201
    body = void(first) | {"account": {"id": "D-12"}}
    assert await refused(client, body) == (422, "bank_receipt_rejected", "payment.id")
    assert (await outcome(client, first, "verified")).status_code == 201
    await undo(client, body)
    assert (await read(client, f"{ACCOUNTS}/D-12"))["creditAmount"] == kwd("0.000")
    assert verify_central(store) == []


# --- vouchers --------------------------------------------------------------------------------------------------


async def by_voucher(
    client: httpx.AsyncClient,
    code: str = "LOY-4RFP-TXWP",
    hold_id: str = "H-1",
    event: str = "E-1",
    **more: object,
) -> str:
    answer = await hold(client, asked(hold_id, code, **{"paymentEventId": event, **more}))
    assert answer.status_code == 201, answer.text
    mode = str(more.get("mode", "internal_voucher"))
    return await take(client, voucher_payment(hold_id, event=event, mode=mode))


async def test_a_voucher_whose_payment_is_undone_can_be_used_again_once(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 46: single use, and nothing of it stands."""
    first = await by_voucher(client)
    again = asked("H-2", paymentEventId="E-2")
    assert (await hold(client, again)).status_code == 409
    await undo(client, void(first, "8.000", bills=bill_parts(CB_1="8.000")))
    assert (await post(client, voucher_payment("H-1", event="E-1", correlatorId="E-1-9"))).status_code == 409
    await by_voucher(client, hold_id="H-2", event="E-2")
    assert (await hold(client, asked("H-3", paymentEventId="E-3"))).status_code == 409
    assert verify_central(store) == []


async def test_a_voucher_that_pays_two_accounts_is_free_once_neither_stands(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    assert (await hold(client, asked())).status_code == 201
    legs = [await take(client, voucher_payment(amount="4.000", correlatorId=f"E-1-{leg}")) for leg in (1, 2)]
    await undo(client, void(legs[0], "4.000"))
    assert (await hold(client, asked("H-2", paymentEventId="E-2"))).status_code == 409
    assert verify_central(store) == []
    await undo(client, void(legs[1], "4.000"))
    assert (await hold(client, asked("H-2", paymentEventId="E-2"))).status_code == 201
    assert verify_central(store) == []


REST = "/counterfoil/v1/voucherHold/H-1/rest"


async def leaves_a_rest(client: httpx.AsyncClient, store: CentralStore) -> str:
    fixture = small_operator()
    fixture["vouchers"].append(voucher("LOY-REST-REST", "20.000", residual="new_voucher"))
    load_fixture(store, fixture)
    return await by_voucher(client, "LOY-REST-REST")


async def test_a_voucher_whose_rest_is_on_paper_is_not_good_again(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await leaves_a_rest(client, store)
    assert (await client.get(REST)).status_code == 200
    assert (await client.delete(REST)).status_code in (200, 204)
    assert await refused(client, void(first, "8.000")) == (422, "voucher_rest_given", "payment.id")
    await undo(client, refund(first, "8.000", kind="refund"))
    assert verify_central(store) == []


async def test_a_rest_that_somebody_uses_was_given_out(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await leaves_a_rest(client, store)
    code = loads((await client.get(REST)).content)["code"]
    assert (await hold(client, asked("H-2", code, paymentEventId="E-2", terminal="T3"))).status_code == 201
    assert (await refused(client, void(first, "8.000")))[1] == "voucher_rest_given"
    assert verify_central(store) == []


async def test_a_rest_that_nobody_has_is_good_for_nothing_once_the_whole_is_again(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    first = await leaves_a_rest(client, store)
    code = loads((await client.get(REST)).content)["code"]
    await undo(client, void(first, "8.000"))
    assert (await client.get(REST)).status_code == 409
    assert (await hold(client, asked("H-2", code, paymentEventId="E-2"))).status_code == 409
    await by_voucher(client, "LOY-REST-REST", "H-3", "E-3")
    assert verify_central(store) == []


class Unforgiving(FileIssuer):
    """An issuer that takes nothing back."""

    def give_back(self, hold_id: str, digest: str) -> bool:
        return False


@pytest.mark.parametrize("forgives", [True, False])
async def test_an_outside_voucher_is_good_again_only_where_its_issuer_says_so(
    store: CentralStore, tmp_path: Path, forgives: bool
) -> None:
    """Rule 46: a void releases only through the issuer."""
    path = tmp_path / "city.json"
    row = {
        "code_sha256": code_digest("CITY-0001"),
        "value": "8.000",
        "currency": "KWD",
        "expires": "2027-01-31",
    }
    path.write_bytes(dumps({"issuer": "City Gifts", "vouchers": [row]}))
    issuer: VoucherIssuer = FileIssuer(path) if forgives else Unforgiving(path)
    app = make_app(
        store,
        clock=SteppingClock(),
        randomness=CountedRandomness(),
        base_url=BASE_URL,
        issuers={"city gifts": issuer},
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        external = {"mode": "external_voucher", "issuer": "City Gifts"}
        first = await by_voucher(client, "CITY-0001", **external)
        body = void(first, "8.000", bills=bill_parts(CB_1="8.000"))
        if not forgives:
            assert (await refused(client, body))[1] == "voucher_not_given_back"
            assert loads(path.read_bytes())["vouchers"][0]["state"] == "redeemed"
        else:
            await undo(client, body)
            assert loads(path.read_bytes())["vouchers"][0]["state"] == "open"
            await by_voucher(client, "CITY-0001", "H-2", "E-2", **external)
    assert verify_central(store) == []


# --- reconnections -----------------------------------------------------------------------------------------------


async def clearing(client: httpx.AsyncClient, store: CentralStore, *legs: int) -> list[str]:
    """An account in collection whose overdue bill these legs of one event clear."""
    fixture = small_operator()
    fixture["accounts"][0] |= {"status": "suspended", "dunning_stage": 2}
    load_fixture(store, fixture)
    return [
        await paid(
            client,
            "5.000",
            correlatorId=f"E-1-{leg}",
            paymentEventId="E-1",
            clearsOverdue=["E-1-1", "E-1-2"],
            reconnect="now",
            paymentItem=[item("CB-2", "5.000")],
        )
        for leg in legs
    ]


async def test_a_reconnection_whose_payment_is_undone_is_taken_back_for_all_to_see(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 17: what was cleared is owed again."""
    first, _ = await clearing(client, store, 1, 2)
    [asked_for] = await read(client, RECONNECTION)
    assert "takenBackAt" not in asked_for
    told = await undo(client, void(first, "5.000", bills=bill_parts(CB_2="5.000")))
    [row] = await read(client, RECONNECTION, **{"change.gt": str(asked_for["change"])})
    assert (row["id"], row["change"], "takenBackAt" in row) == (asked_for["id"], told["changeNumber"], True)
    assert verify_central(store) == []


async def test_a_leg_that_is_undone_clears_nothing_any_more(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    [first] = await clearing(client, store, 1)
    await undo(client, void(first, "5.000", bills=bill_parts(CB_2="5.000")))
    await clearing(client, store, 2)
    assert await read(client, RECONNECTION) == []


async def test_credit_that_is_paid_back_disconnects_nobody(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await clearing(client, store, 1, 2)
    other = await paid(client, "5.000", correlatorId="E-2-1")
    await undo(client, refund(other, "5.000"))
    [row] = await read(client, RECONNECTION)
    assert "takenBackAt" not in row
