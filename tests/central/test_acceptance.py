"""The acceptance matrix at central, and the papers behind payments that are credited once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.domain.payment_mode import ModeKind, PayerKind, PaymentModes, Purpose
from pos.settings import read_settings
from sync.central.app import make_app
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.central_builders import (
    BASE_URL,
    CountedRandomness,
    SteppingClock,
    asked,
    hold,
    item,
    kwd,
    payment,
    post,
)

MODES = read_settings().modes
EVERY_CASE = [(mode, payer, purpose) for mode in MODES.by_code for payer in PayerKind for purpose in Purpose]
ACCOUNT_OF = {PayerKind.SUBSCRIBER: "BA-1", PayerKind.DEALER: "D-12", PayerKind.WALK_IN: "WALK-IN"}


def offering(amount: str) -> dict[str, object]:
    return {"item": {"id": "SIM-01", "@referredType": "ProductOffering"}, "totalAmount": kwd(amount)}


def paid(mode: str, payer: str, purpose: str, *, account: str, **more: object) -> dict[str, Any]:
    items: dict[str, list[dict[str, object]]] = {
        "bills": [item("CB-1", "10.000")],
        "items": [offering("10.000")],
        "account": [],
    }
    apart = {} if purpose in items else {"keptApart": [{"as": purpose, "amount": kwd("10.000")}]}
    body = payment(
        "10.000",
        account={"id": account},
        payer={"id": account, "role": payer, "@referredType": "BillingAccount"},
        paymentMethod={"@type": "PaymentMethodRef", "id": "1", "@referredType": "Any", "name": mode},
        paymentItem=items.get(purpose, []),
    )
    return body | apart | more


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(loads(answer.content).get("code", ""))


@pytest.mark.parametrize(("mode", "payer", "purpose"), EVERY_CASE)
async def test_the_whole_matrix_holds_at_central(
    client: httpx.AsyncClient, store: CentralStore, mode: str, payer: PayerKind, purpose: Purpose
) -> None:
    """Rule 50: at central too."""
    body = paid(mode, payer, purpose, account=ACCOUNT_OF[payer])
    if MODES.by_code[mode].kind is ModeKind.VOUCHER:
        more = {"issuer": "City Gifts"} if mode == "external_voucher" else {}
        code = "EXT-VM7T-XT9W" if more else "LOY-4RFP-TXWP"
        await hold(client, asked("H-1", code, mode=mode, amount=kwd("10.000"), **more))
        body |= {"paymentEventId": "E-1", "terminal": "T2", "voucherHold": "H-1"}
    answer = await post(client, body)
    accepts = MODES.by_code[mode].accepts.get(payer, frozenset())
    if purpose in accepts:
        assert answer.status_code == 201
        assert verify_central(store) == []
        return
    named = (
        ("mode_not_for_purpose", "paymentItem") if accepts else ("mode_not_for_payer", "paymentMethod.name")
    )
    assert code_of(answer) == (400, named[0])
    assert loads(answer.content)["field"] == named[1]
    assert list(list_payments(store)) == []


@pytest.mark.parametrize(
    ("mode", "role", "account", "purpose", "refused"),
    [
        # Who pays is told by the account where the payer says nothing that is known.
        ("direct_debit", "customer", "BA-1", "bills", ""),
        ("direct_debit", "customer", "D-12", "bills", "mode_not_for_payer"),
        ("bank_cash", "customer", "BA-1", "account", "mode_not_for_payer"),
        # A dealer's account makes a dealer of whoever else the payer claims to be.
        ("direct_debit", "subscriber", "D-12", "bills", "mode_not_for_payer"),
        ("cash", "subscriber", "D-12", "bills", "mode_not_for_purpose"),
        ("bank_cash", "subscriber", "D-12", "account", ""),
        ("cash", "walk_in", "D-12", "account", ""),
        # And a subscriber's account is no dealer's.
        ("bank_cash", "dealer", "BA-1", "account", "mode_not_for_payer"),
        ("direct_debit", "dealer", "BA-1", "bills", "mode_not_for_payer"),
        ("cash", "dealer", "BA-1", "account", ""),
        # An account that is not known here: what the payer says.
        ("bank_cash", "dealer", "D-404", "account", ""),
        ("bank_cash", "subscriber", "BA-404", "account", "mode_not_for_payer"),
        ("bank_cash", "customer", "BA-404", "account", ""),
    ],
)
async def test_nobody_pays_as_somebody_else(
    client: httpx.AsyncClient, mode: str, role: str, account: str, purpose: str, refused: str
) -> None:
    answer = await post(client, paid(mode, role, purpose, account=account))
    assert code_of(answer) == ((400, refused) if refused else (201, ""))


async def test_a_dealer_who_names_itself_pays_for_another_as_a_dealer(client: httpx.AsyncClient) -> None:
    dealer = {"id": "D-12", "role": "dealer", "@referredType": "BillingAccount"}
    body = paid("bank_cash", "dealer", "account", account="BA-1") | {"payer": dealer}
    assert (await post(client, body)).status_code == 201
    body = paid("bank_cash", "dealer", "bills", account="BA-1")
    body["payer"] = dealer | {"role": "subscriber"}
    assert code_of(await post(client, body)) == (400, "mode_not_for_purpose")


@pytest.mark.parametrize("payer_id", ["C-7781", "BA-1", "D-12"])
async def test_a_dealers_account_is_a_dealers_whoever_is_named_as_the_payer(
    client: httpx.AsyncClient, payer_id: str
) -> None:
    payer = {"id": payer_id, "role": "subscriber", "@referredType": "Customer"}
    body = paid("direct_debit", "subscriber", "bills", account="D-12") | {"payer": payer}
    assert code_of(await post(client, body)) == (400, "mode_not_for_payer")


@pytest.mark.parametrize(
    ("items", "refused"),
    [
        ([item("CB-1", "10.000")], False),
        ([item("CB-1", "9.999")], True),
        ([{"item": {"id": "CB-1", "@referredType": "CustomerBill"}}], False),
        ([item("CB-1", "5.000"), offering("5.000")], True),
        ([], True),
    ],
)
async def test_every_part_of_the_money_is_judged(
    client: httpx.AsyncClient, items: list[dict[str, object]], refused: bool
) -> None:
    body = paid("direct_debit", "subscriber", "bills", account="BA-1", paymentItem=items)
    assert code_of(await post(client, body)) == ((400, "mode_not_for_purpose") if refused else (201, ""))


@pytest.mark.parametrize("name", ["bar of gold", "", None, "Cash"])
async def test_a_way_to_pay_that_is_not_ours_is_taken(client: httpx.AsyncClient, name: str | None) -> None:
    method: dict[str, object] = {"@type": "BankAccountDebit"}
    if name is not None:
        method["name"] = name
    body = paid("cash", "dealer", "bills", account="D-12", paymentMethod=method)
    assert (await post(client, body)).status_code == 201


async def test_a_mode_that_this_shop_has_switched_off_is_still_credited(store: CentralStore) -> None:
    off = PaymentModes({code: replace(mode, available=False) for code, mode in MODES.by_code.items()})
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), modes=off)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        assert (await post(client, paid("cash", "subscriber", "bills", account="BA-1"))).status_code == 201


async def test_a_payment_that_was_taken_is_answered_again_after_the_rules_changed(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    body = paid("bank_cash", "subscriber", "bills", account="BA-1", correlatorId="c-1")
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as without:
        first = await post(without, body)
    again = await post(client, body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["x-idempotent-replay"] == "true"
    assert code_of(await post(client, body | {"correlatorId": "c-2"})) == (400, "mode_not_for_payer")


# --- papers --------------------------------------------------------------------------------------------------

SLIP = "bank_receipt|001|042|K720991|20261121|10.000"


def receipt_paid(event: str, leg: int = 1, *, instrument: str = SLIP, **more: object) -> dict[str, Any]:
    return paid("bank_cash", "dealer", "account", account="D-12") | {
        "correlatorId": f"{event}-{leg}",
        "paymentEventId": event,
        "receiptNumber": f"R-{event}",
        "instrument": instrument,
        **more,
    }


async def test_bank_receipt_reference_unique(client: httpx.AsyncClient, store: CentralStore) -> None:
    assert (await post(client, receipt_paid("E-1"))).status_code == 201
    answer = await post(client, receipt_paid("E-2"))
    assert code_of(answer) == (409, "instrument_used")
    told = loads(answer.content)
    assert (told["field"], "receipt R-E-1" in told["message"]) == ("instrument", True)
    assert (await post(client, receipt_paid("E-2", instrument=SLIP + "1"))).status_code == 201
    assert len(list(list_payments(store))) == 2
    assert verify_central(store) == []


async def test_legs_of_one_event_share_a_paper_and_replays_stay_replays(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    answers = [await post(client, receipt_paid("E-1", leg)) for leg in (1, 2, 1)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert answers[0].content == answers[2].content
    assert len(list(list_payments(store))) == 2
    assert verify_central(store) == []


async def test_a_paper_of_a_payment_without_an_event_is_credited_once(client: httpx.AsyncClient) -> None:
    body = paid("bank_cash", "dealer", "account", account="D-12", instrument=SLIP)
    first, second = await post(client, body), await post(client, body)
    assert (first.status_code, code_of(second)) == (201, (409, "instrument_used"))
    assert "another payment" in loads(second.content)["message"]


async def test_32_payments_at_once_credit_a_paper_once(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    answers = await asyncio.gather(*(post(client, receipt_paid(f"E-{n}")) for n in range(32)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 31
    assert len(list(list_payments(store))) == 1
    assert verify_central(store) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM instrument",
        "UPDATE instrument SET payment_event_id = 'E-9'",
        "UPDATE instrument SET instrument = 'x'",
    ],
)
async def test_verify_names_a_payment_whose_paper_is_not_noted(
    client: httpx.AsyncClient, store: CentralStore, tampering: str
) -> None:
    await post(client, receipt_paid("E-1"))
    with store.write() as connection:
        connection.execute(text(tampering))
    assert [finding.subject for finding in verify_central(store)] == ["payment"]


@pytest.mark.parametrize("purpose", ["account", "suspense"])
async def test_what_a_banks_file_told_of_may_lie_on_the_account(
    client: httpx.AsyncClient, purpose: str
) -> None:
    """The money is there, and no bill takes it; at the counter nobody may leave it so."""
    keyed = paid("direct_debit", "subscriber", purpose, account="BA-1", correlatorId="K-1")
    told = paid("direct_debit", "subscriber", purpose, account="BA-1", correlatorId="K-2", byFile=True)

    assert code_of(await post(client, keyed)) == (400, "mode_not_for_purpose")
    assert (await post(client, told)).status_code == 201


async def test_a_dealers_direct_debit_is_refused_from_a_file_too(client: httpx.AsyncClient) -> None:
    told = paid("direct_debit", "dealer", "account", account="D-12", correlatorId="K-3", byFile=True)

    assert code_of(await post(client, told)) == (400, "mode_not_for_payer")
