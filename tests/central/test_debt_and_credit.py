"""Central keeps advances and deposits apart, clears rests within its own tolerance, recovers debt and uses credit."""

from typing import Any

import httpx
import pytest

from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    CountedRandomness,
    SteppingClock,
    bill,
    item,
    kwd,
    payment,
    post,
    read,
    small_operator,
)

ACCOUNT = "/counterfoil/v1/account"


async def figures(client: httpx.AsyncClient, account: str = "BA-1") -> dict[str, Any]:
    row = await read(client, f"{ACCOUNT}/{account}")
    return {name: row[f"{name}Amount"] for name in ("credit", "advance", "deposit", "writtenOff")}


def told(**account: object) -> dict[str, Any]:
    fixture = small_operator()
    fixture["accounts"][0] |= account
    return fixture


async def test_credit_advance_and_deposit_are_kept_apart(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 15: a deposit is no credit."""
    apart = [{"as": "advance", "amount": kwd("2.000")}, {"as": "deposit", "amount": kwd("5.000")}]
    before = await figures(client)
    await post(client, payment("9.000", keptApart=apart))
    after = await figures(client)
    assert (after["advance"], after["deposit"]) == (kwd("2.000"), kwd("5.000"))
    assert after["credit"]["value"] - before["credit"]["value"] == 2
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("apart", "field"),
    [
        ([{"as": "gift", "amount": kwd("1.000")}], "keptApart[0].as"),
        ([{"as": "advance", "amount": kwd("1.000")}] * 2, "keptApart[1].as"),
        ([{"as": "advance", "amount": kwd("10.000")}], "keptApart"),
        ([{"as": "advance"}], "keptApart[0].amount"),
        ({"as": "advance"}, "keptApart"),
        (["advance"], "keptApart[0]"),
    ],
)
async def test_what_is_kept_apart_wrongly_is_refused(
    client: httpx.AsyncClient, store: CentralStore, apart: object, field: str
) -> None:
    answer = await post(client, payment("9.000", keptApart=apart))
    assert answer.status_code == 400
    assert loads(answer.content)["field"].startswith(field)
    assert verify_central(store) == []


async def test_a_rest_is_cleared_within_centrals_own_tolerance(store: CentralStore) -> None:
    """Rule 6: the bill is settled, and what was cleared stands apart; a till cannot write off what it likes."""
    app = make_app(
        store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL, tolerance="0.005"
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        whole = await read(client, f"{BILL}/CB-1")
        open_now = whole["remainingAmount"]["value"]
        for paid, cleared in (("9.000", "99.000"), (str(open_now - 9 - loads("0.004")), "0.004")):
            answer = await post(
                client,
                payment(
                    paid,
                    paymentItem=[item("CB-1", paid)],
                    writeOff=[{"bill": "CB-1", "amount": kwd(cleared)}],
                ),
            )
            assert answer.status_code == 201
        shown = await read(client, f"{BILL}/CB-1")
    assert (shown["state"], shown["writtenOffAmount"]) == ("settled", kwd("0.004"))
    assert verify_central(store) == []


async def test_a_central_without_a_tolerance_clears_nothing(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await post(
        client,
        payment(
            "1.000", paymentItem=[item("CB-2", "1.000")], writeOff=[{"bill": "CB-2", "amount": kwd("99.000")}]
        ),
    )
    assert "writtenOffAmount" not in await read(client, f"{BILL}/CB-2")
    assert verify_central(store) == []


async def test_a_payment_brings_written_off_debt_back_first(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 18: central recovers by the rule of the till, and marks the account."""
    load_fixture(store, told(status="written_off", written_off="3.000"))
    await post(client, payment("2.000", paymentItem=[item("CB-2", "2.000")]))
    assert ((await figures(client))["writtenOff"]) == kwd("1.000")
    assert (await read(client, f"{ACCOUNT}/BA-1"))["status"] == "written_off"
    await post(client, payment("2.000", paymentItem=[item("CB-2", "2.000")]))
    row = await read(client, f"{ACCOUNT}/BA-1")
    assert (row["writtenOffAmount"], row["status"]) == (kwd("0.000"), "recovered")
    assert verify_central(store) == []


async def test_credit_is_used_on_the_next_bill_by_itself_and_a_deposit_never(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 15: first the advance, then the credit, on the oldest of the new bills; old bills stay as they were."""
    load_fixture(store, told(credit="2.000", advance="3.000", deposit="50.000"))
    old = await read(client, f"{BILL}/CB-2")
    fixture = told(credit="2.000", advance="3.000", deposit="50.000")
    later = bill("CB-8", "4.000", billNo="8008") | {"paymentDueDate": "2027-01-20T00:00:00Z"}
    sooner = bill("CB-9", "4.000", billNo="8009") | {"paymentDueDate": "2027-01-10T00:00:00Z"}
    fixture["bills"] += [later, sooner]
    load_fixture(store, fixture)
    assert (await read(client, f"{BILL}/CB-2"))["remainingAmount"] == old["remainingAmount"]
    first, second = await read(client, f"{BILL}/CB-9"), await read(client, f"{BILL}/CB-8")
    assert (first["state"], first["remainingAmount"]) == ("settled", kwd("0.000"))
    assert [
        (use["payment"]["@referredType"], use["payment"]["name"], use["appliedAmount"])
        for use in first["appliedPayment"]
    ] == [("CreditOnAccount", "advance", kwd("3.000")), ("CreditOnAccount", "credit", kwd("1.000"))]
    assert second["remainingAmount"] == kwd("3.000")
    after = await figures(client)
    assert (after["credit"], after["advance"], after["deposit"]) == (
        kwd("0.000"),
        kwd("0.000"),
        kwd("50.000"),
    )
    assert verify_central(store) == []


async def test_what_came_in_since_counts_towards_a_promise(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    fixture = small_operator()
    fixture["bills"][1] |= {"promise": {"date": "2026-12-01", "amount": kwd("3.000")}}
    load_fixture(store, fixture)
    await post(client, payment("1.000", paymentItem=[item("CB-2", "1.000")]))
    assert (await read(client, f"{BILL}/CB-2"))["promise"] == {"date": "2026-12-01", "amount": kwd("2.000")}
