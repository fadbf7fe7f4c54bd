"""A dealer's client gets the same answers whether another dealer's data exist or not: invariant 47.

Two centrals are the same but that in one another dealer has an account, bills, rates and payments, told before and between
those of the dealer that asks. What the dealer asks is every endpoint that its token opens, by every filter, sort and page.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from sync.central.access.clients import NewClient
from sync.central.access.gate import Access, NoScope, needs_of
from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.wire.callers import USUAL_SCOPES, ClientKind
from sync.central.wire.links import (
    ACCOUNT_PATH,
    BILL_CYCLE_PATH,
    BILL_DOCUMENT_PATH,
    BILL_ON_DEMAND_PATH,
    ITEM_PATH,
    REFUND_PATH,
    VOUCHER_KEY_PATH,
)
from sync.wire_json import dumps, loads
from tests.builders.tries import every
from tests.central.auth_builders import OtherRandomness, bearer, client_of, guarded
from tests.central.central_builders import (
    BILL,
    PAYMENT,
    RATE,
    CountedRandomness,
    SteppingClock,
    bill,
    item,
    payment,
    rate,
    small_operator,
)

JSON = {"content-type": "application/json"}
OWN, OTHER = "D-12", "D-13"
EVERY = 5
"""Of the filters with their values, and of the sorts with their pages; no divisor of how many values or pages there are."""
ID_OF_OTHERS = "018f0000-0000-7000-8000-000000000000"

COLLECTIONS: dict[str, tuple[str, ...]] = {
    PAYMENT: (
        "id", "href", "correlatorId", "receiptNumber", "terminal", "account.id", "status", "totalAmount.unit",
        "totalAmount.value.gte", "payer.id", "paymentDate.gt", "changeNumber.gt", "name", "description",
    ),
    REFUND_PATH: ("id", "correlatorId", "payment.id", "account.id", "changeNumber.gt", "status"),
    BILL: (
        "id", "href", "billNo", "billingAccount.id", "state", "changeNumber.gt", "appliedPayment.payment.id",
        "remainingAmount.value.gt", "lastUpdate.gt",
    ),
    RATE: ("id", "bill.id", "billingAccount.id", "isBilled", "billSummaryLine.id", "name"),
    ACCOUNT_PATH: ("id", "kind", "phone", "status", "change.gt", "name", "dealerClass", "creditLimit.value.gt"),
    ITEM_PATH: ("id", "name", "change.gt"),
    BILL_ON_DEMAND_PATH: ("id", "state", "customerBill.id", "correlatorId", "billingAccount.id", "changeNumber.gt"),
    BILL_CYCLE_PATH: ("id", "name"),
}  # fmt: skip
VALUES = (
    OWN, OTHER, "BA-1", "CB-1", "CB-OWN", "CB-OTHER", "NCB-OTHER", "R-1", "R-OTHER", "c-own", "c-other", "c-both",
    "dealer", "subscriber", "sent", "KWD", "0", "3", "true", "", "2026-01-01T00:00:00Z", "Gulf Mobile", "Rival", "L1",
)  # fmt: skip
SORTS = (
    "",
    "id",
    "-id",
    "name",
    "correlatorId",
    "-account.id",
    "changeNumber",
    "billNo",
    "-state",
    "change",
    "paymentDate",
)
PAGES: tuple[dict[str, str], ...] = (
    {},
    {"limit": "1"},
    {"limit": "2", "offset": "1"},
    {"limit": "0"},
    {"offset": "90"},
    {"fields": "none"},
)


def operator(*, with_other: bool) -> dict[str, Any]:
    """Two dealers with bills and rates of their own, or one."""
    loaded = small_operator()
    loaded["dealers"].append({**loaded["dealers"][0], "account": "D-99", "name": "Third"})
    loaded["bills"].append(bill("CB-OWN", "5.000", account=OWN))
    if not with_other:
        loaded["dealers"].pop()
        return loaded
    loaded["dealers"].insert(0, {**loaded["dealers"][0], "account": OTHER, "name": "Rival"})
    loaded["bills"].insert(0, bill("CB-OTHER", "9.000", account=OTHER))
    loaded["bills"][1]["appliedPayment"] = [
        {
            "appliedAmount": {"unit": "KWD", "value": 0},
            "payment": {"id": ID_OF_OTHERS, "@referredType": "Payment"},
        }
    ]
    loaded["rates"].insert(0, rate("R-OTHER", "CB-OTHER", "9.000"))
    loaded["rates"].append({"id": "R-8", "name": "Rival", "isBilled": False, "billingAccount": {"id": OTHER}})
    return loaded


class Dealer:
    """A dealer's client at one of the two centrals."""

    def __init__(self, server: httpx.AsyncClient, made: NewClient, token: dict[str, str]) -> None:
        self._server = server
        self._made = made
        self._token = token

    async def get(self, path: str, **asked: str) -> httpx.Response:
        """With a new token when the one before has run out: each look at the clock is a second."""
        answer = await self._server.get(path, params=asked, headers=self._token)
        if answer.status_code != 401:
            return answer
        self._token = await bearer(self._server, self._made)
        return await self._server.get(path, params=asked, headers=self._token)

    async def post(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self._server.post(
            PAYMENT, content=dumps(body), headers={**JSON, **self._token, **headers}
        )


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but the id of the request."""
    kept = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.content, kept


def party(account: str) -> dict[str, str]:
    return {"id": account, "@referredType": "BillingAccount"}


def paid(amount: str, correlator: str, account: str, **more: Any) -> dict[str, Any]:
    return payment(amount, correlatorId=correlator, account={"id": account}, payer=party(account), **more)


@asynccontextmanager
async def central(folder: Path, *, with_other: bool) -> AsyncIterator[tuple[Dealer, CentralStore]]:
    """The dealer that asks, after both have paid."""
    store = open_central(f"sqlite:///{folder / f'central-{with_other}.db'}")
    load_fixture(store, operator(with_other=with_other))
    clock = SteppingClock()
    made = client_of(store, "gulf", clock, dealer=OWN)
    async with (
        guarded(store, clock) as server,
        guarded(store, SteppingClock(), randomness=OtherRandomness(5_000_000)) as rivals,
    ):
        own = Dealer(server, made, await bearer(server, made))
        rival = None
        if with_other:
            other = client_of(store, "rival", SteppingClock(), dealer=OTHER)
            rival = Dealer(rivals, other, await bearer(rivals, other))
            biller = client_of(store, "biller", SteppingClock(), scopes=("bill.write",))
            wanted = {"billingAccount": {"id": OTHER, "@referredType": "BillingAccount"}}
            made_now = await rivals.post(
                BILL_ON_DEMAND_PATH,
                content=dumps(wanted),
                headers={**JSON, **await bearer(rivals, biller)},
            )
            assert made_now.status_code == 201, made_now.text
        for number in (1, 2):
            if rival is not None:
                await rival.post(
                    paid("2.000", f"c-other-{number}", OTHER, paymentItem=[item("CB-OTHER", "1.000")])
                )
                await rival.post(paid("3.000", "c-both", OTHER), **{"idempotency-key": "k-both"})
            answer = await own.post(
                paid("1.000", f"c-own-{number}", OWN, paymentItem=[item("CB-OWN", "0.500")])
            )
            assert answer.status_code == 201, answer.text
        yield own, store
    store.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dealers")


async def in_both(folder: Path, ask: Callable[[Dealer], Any]) -> tuple[Any, Any]:
    found = []
    for with_other in (False, True):
        for old in folder.glob("central-*"):
            old.unlink()
        async with central(folder, with_other=with_other) as (dealer, _):
            found.append(await ask(dealer))
    return found[0], found[1]


def test_every_endpoint_that_a_dealer_may_read_is_asked_here(store: CentralStore) -> None:
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), access=Access())
    scopes = USUAL_SCOPES[ClientKind.DEALER]
    open_to_it = {
        route.path
        for route in app.routes
        if isinstance(route, Route)
        for method, need in needs_of(route, Access()).items()
        if method == "GET" and not isinstance(need, NoScope) and need in scopes and "{id}" not in route.path
    }
    # The operator's public keys are everybody's.
    assert open_to_it - {VOUCHER_KEY_PATH} == set(COLLECTIONS)


async def test_every_filter_with_every_value_and_every_sort_and_page(folder: Path) -> None:
    async def ask(dealer: Dealer) -> dict[str, Any]:
        answers = {}
        for path, filters in COLLECTIONS.items():
            for sort, page in every(EVERY, product(SORTS, PAGES)):
                asked = {**page, **({"sort": sort} if sort else {})}
                answers[f"{path} {asked}"] = told(await dealer.get(path, **asked))
            for name, value in every(EVERY, product(filters, VALUES)):
                answers[f"{path} {name} {value}"] = told(await dealer.get(path, **{name: value}))
        return answers

    alone, beside = await in_both(folder, ask)
    assert {asked: answer for asked, answer in beside.items() if answer != alone[asked]} == {}
    assert {answer[0] for answer in alone.values()} == {200, 400}
    assert sum(answer[0] == 200 for answer in alone.values()) * 2 > len(alone)
    assert all("x-change-number" not in answer[2] for answer in alone.values())


async def test_what_is_another_dealers_is_there_for_nobody_else(folder: Path) -> None:
    async def ask(dealer: Dealer) -> dict[str, Any]:
        ids = ("CB-OTHER", OTHER, "R-OTHER", "R-8", ID_OF_OTHERS, "CB-NONE", "CB-OWN", OWN, "CB-1")
        paths = (*COLLECTIONS, BILL_DOCUMENT_PATH)
        return {f"{path}/{one}": told(await dealer.get(f"{path}/{one}")) for path in paths for one in ids}

    alone, beside = await in_both(folder, ask)
    assert beside == alone
    assert {
        alone[f"{path}/{one}"][0] for path, one in ((BILL, "CB-OWN"), (ACCOUNT_PATH, OWN), (BILL, "CB-1"))
    } == {200}
    assert {answer[0] for asked, answer in alone.items() if OTHER in asked or "OTHER" in asked} == {404}


async def test_a_payment_is_taken_and_refused_alike(folder: Path) -> None:
    async def ask(dealer: Dealer) -> list[Any]:
        tried = [
            paid("3.000", "c-both", OWN),
            paid("3.000", "c-other-1", OWN),
            paid("1.000", "c-9", OTHER),
            paid("1.000", "c-10", "D-404"),
            paid("1.000", "c-11", OWN, paymentItem=[item("CB-OTHER", "1.000")]),
            payment("1.000", correlatorId="c-12", account={"id": OWN}, payer=party(OTHER)),
            paid("1.000", "c-13", OWN, voucherHold="h-1"),
        ]
        answers = [
            told(await dealer.post(body, **{"idempotency-key": f"k-{place}"}))
            for place, body in enumerate(tried)
        ]
        answers.append(told(await dealer.post(paid("3.000", "c-14", OWN), **{"idempotency-key": "k-both"})))
        answers.append(told(await dealer.get(PAYMENT)))
        return answers

    alone, beside = await in_both(folder, ask)
    assert beside == alone
    assert [answer[0] for answer in alone] == [201, 201, 422, 422, 201, 422, 403, 201, 200]


async def test_a_dealer_sees_its_own_and_no_change_numbers(tmp_path: Path) -> None:
    async with central(tmp_path, with_other=True) as (dealer, store):
        rows = loads((await dealer.get(PAYMENT, sort="correlatorId")).content)
        assert [(row["correlatorId"], row["account"]["id"]) for row in rows] == [
            ("c-own-1", OWN),
            ("c-own-2", OWN),
        ]
        assert loads((await dealer.get(PAYMENT, correlatorId="c-own-2")).content) == rows[1:]
        bill_row = loads((await dealer.get(f"{BILL}/CB-OWN")).content)
        assert [entry["payment"]["id"] for entry in bill_row["appliedPayment"]] == [row["id"] for row in rows]
        assert {entry["payment"]["correlatorId"] for entry in bill_row["appliedPayment"]} == {
            "c-own-1",
            "c-own-2",
        }
        assert "changeNumber" not in {**bill_row, **rows[0]}
        accounts = loads((await dealer.get(ACCOUNT_PATH)).content)
        assert [row["id"] for row in accounts] == ["BA-1", "BA-2", OWN]
        assert verify_central(store) == []


async def test_any_question_of_a_dealer_is_answered_alike(folder: Path) -> None:
    drawn = random.Random(47)
    questions: list[tuple[str, dict[str, str]]] = []
    for _ in range(400):
        path = drawn.choice(sorted(COLLECTIONS))
        names = [*COLLECTIONS[path], *(f"{name}.lt" for name in COLLECTIONS[path] if "." not in name)]
        asked = {name: drawn.choice(VALUES) for name in drawn.sample(names, drawn.randint(0, 3))}
        sort = drawn.choice(SORTS)
        questions.append((path, {**asked, **drawn.choice(PAGES), **({"sort": sort} if sort else {})}))

    async def ask(dealer: Dealer) -> list[Any]:
        return [told(await dealer.get(path, **asked)) for path, asked in questions]

    alone, beside = await in_both(folder, ask)
    differing = [
        question for question, one, other in zip(questions, alone, beside, strict=True) if one != other
    ]
    assert differing == []
