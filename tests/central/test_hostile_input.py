"""No input, however strange, makes central fail: it refuses, and what it stores adds up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pos.domain.errors import Refused
from pos.settings import read_settings
from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.builders.central_stores import StoreKind, made_store
from tests.builders.tries import examples
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    CYCLE,
    DEMAND,
    PAYMENT,
    RATE,
    CountedRandomness,
    SteppingClock,
    account,
    payment,
    small_operator,
    with_a_small_operator,
)

NAMES = [
    "fields", "offset", "limit", "sort", "id", "href", "correlatorId", "account.id", "totalAmount.value.gt",
    "totalAmount.value", "paymentDate.lte", "paymentDate", "changeNumber.gte", "paymentItem.item.id", "isBilled",
    "billSummaryLine.id", "bill.id", "remainingAmount.value.lt", "appliedPayment.payment.id", "state", "billDate.gt",
    "amountDue.value>", "amountDue.value>=", "lastUpdate<2026", "customerBill.id", "billingDate",
]  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.sampled_from(
        [
            "-1",
            "-amountDue.value,billDate",
            "billingAccount.name,-@type",
            "null",
            "none",
            "true",
            "1e9",
            "0001-01-01T00:00:00+23:59",
            "2026-11-21",
            "9999-12-31T23:59:59-12:00",
        ]
    ),
)
MODES = read_settings().modes
PATHS = [
    PAYMENT,
    BILL,
    RATE,
    DEMAND,
    CYCLE,
    "/counterfoil/v1/account",
    "/counterfoil/v1/item",
    "/counterfoil/v1/voucherHold",
]

PARAMETERS = st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=12)), VALUES), max_size=4)


@given(path=st.sampled_from(PATHS), parameters=PARAMETERS, tail=st.text(max_size=8))
async def test_no_query_makes_central_fail(
    store_kind: StoreKind, path: str, parameters: list[tuple[str, str]], tail: str
) -> None:
    with made_store(store_kind, with_a_small_operator) as store:
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            for url in (path, f"{path}/{quote(tail, safe='')}"):
                answer = await client.get(url, params=urlencode(parameters))
                assert answer.status_code < 500


NUL_BEHIND = [f"/counterfoil/v1/{name}" for name in (
    "refundHold", "refundable", "session", "approvalRequest", "terminal", "voucher", "voucherKey", "knownCheque", "head",
    "reconnection", "possibleDouble", "dishonour", "charge", "mandate", "outcome", "commission", "transfer", "enrolment",
)]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("path", [*PATHS, *NUL_BEHIND])
async def test_a_name_with_a_nul_in_it_is_of_nothing_and_makes_nothing_fail(
    client: httpx.AsyncClient, path: str, method: str
) -> None:
    for url in (f"{path}/a%00b", f"{path}/a%00b/b%00", f"{path}?id=%00", f"{path}?terminal=a%00"):
        content, kind = (b"{}", {"content-type": "application/json"}) if method == "POST" else (None, {})
        answer = await client.request(method, url, content=content, headers=kind)
        # Some lists look at no parameter; a path that names nothing never is one.
        assert (200 if "?" in url else 400) <= answer.status_code < 500, url


async def test_a_terminal_with_a_nul_in_its_name_is_not_enrolled(client: httpx.AsyncClient) -> None:
    body = dumps({"terminal": "T\x002", "code": "AAAA-BBBB"})
    answer = await client.post(
        "/counterfoil/v1/enrolment", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, loads(answer.content)["field"]) == (400, "terminal")


def test_a_fixture_with_a_nul_in_it_is_refused_whole(store: CentralStore) -> None:
    with pytest.raises(Refused, match="control character"):
        load_fixture(store, small_operator() | {"accounts": [account("BA-9", name="A\x00B")]})
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM account WHERE id = 'BA-9'")).scalar_one() == 0


@given(raw=st.binary(max_size=200))
async def test_no_query_bytes_make_central_fail(store_kind: StoreKind, raw: bytes) -> None:
    with made_store(store_kind) as store:
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness())
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            statuses.append(message.get("status", 0))

        scope = {
            "type": "http",
            "method": "GET",
            "path": PAYMENT,
            "raw_path": PAYMENT.encode(),
            "query_string": raw,
            "headers": [(b"host", raw[:20])],
            "server": None,
            "client": None,
            "scheme": "http",
            "root_path": "",
            "http_version": "1.1",
        }
        await app(scope, receive, send)
        assert max(statuses) < 500


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=10)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = [
    "account", "paymentMethod", "totalAmount", "correlatorId", "paymentItem", "paymentDate", "terminal", "epoch",
    "sequence", "leg", "receiptNumber", "payer", "channel", "amount", "@type", "status", "id", "changeNumber",
    "paymentEventId", "instrument", "voucherHold", "provisional",
]  # fmt: skip


@settings(max_examples=examples(3))
@given(
    bent=st.dictionaries(st.sampled_from(ATTRIBUTES), JSON, max_size=3),
    part=st.sampled_from(["", "account", "totalAmount", "paymentMethod"]),
    name=st.sampled_from(["id", "unit", "value", "@type", "name", "href"]),
    inner=JSON,
)
async def test_no_body_makes_central_fail_or_its_books_differ(
    store_kind: StoreKind, bent: dict[str, Any], part: str, name: str, inner: Any
) -> None:
    body = payment("10.000") | bent
    if part and isinstance(body[part], dict):
        body[part] = {**body[part], name: inner}
    with made_store(store_kind, with_a_small_operator) as store:
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), modes=MODES)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            headers = {"content-type": "application/json"}
            answer = await client.post(PAYMENT, content=dumps(body), headers=headers)
            assert answer.status_code in (201, 400, 409)
            if answer.status_code == 201:
                assert (await client.get(answer.headers["location"])).content == answer.content
            assert verify_central(store) == []


@given(raw=st.binary(max_size=300))
async def test_no_bytes_make_central_fail(store_kind: StoreKind, raw: bytes) -> None:
    with made_store(store_kind) as store:
        app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
            headers = {"content-type": "application/json"}
            assert (await client.post(PAYMENT, content=raw, headers=headers)).status_code == 400


def test_exact_numbers_are_what_the_strategies_make() -> None:
    assert dumps({"value": Decimal("1.5000")}) == b'{"value":1.5000}'
