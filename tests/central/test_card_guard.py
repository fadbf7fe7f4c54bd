"""Central takes no card number: not in a body's key or value, an address, a query or a header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import inspect, text

from pos.domain.errors import Refused
from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.wire_json import dumps
from tests.central.central_builders import BILL, PAYMENT, bill, payment, small_operator

CARD = "4111111111111111"
JSON = {"content-type": "application/json"}
OWN = "/counterfoil/v1"

BODIES: dict[str, tuple[str, str, Mapping[str, Any]]] = {
    "correlator": ("POST", PAYMENT, payment(correlatorId=CARD)),
    "name": ("POST", PAYMENT, payment(name=f"card {CARD}")),
    "description": ("POST", PAYMENT, payment(description="4111-1111-1111-1111 12/28")),
    "payer": ("POST", PAYMENT, payment(payer={"id": CARD, "@referredType": "Customer"})),
    "unknown attribute": ("POST", PAYMENT, payment(authorizationCode=CARD)),
    "number": ("POST", PAYMENT, payment(remark=int(CARD))),
    "key": ("POST", PAYMENT, {**payment(), CARD: 1}),
    "deep": ("POST", PAYMENT, payment(note=[{"text": ["x", {"y": CARD}]}])),
    "security code": ("POST", PAYMENT, payment(description="CVV 123")),
    "hold": ("POST", f"{OWN}/voucherHold", {"id": "H-1", "code": CARD}),
    "voucher": ("POST", f"{OWN}/voucher", {"id": "V-1", "account": CARD}),
    "transfer": ("POST", f"{OWN}/transfer", {"correlatorId": "x", "note": CARD}),
    "outcome": ("POST", f"{OWN}/outcome", {"correlatorId": "x", "reason": CARD}),
    "commission": ("POST", f"{OWN}/commission", {"correlatorId": "x", "account": CARD}),
    "session": ("PUT", f"{OWN}/session/1001", {"terminal": CARD, "secondsAgo": 1}),
    "enrolment": ("POST", f"{OWN}/enrolment", {"code": CARD}),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), BODIES.values(), ids=BODIES)
async def test_a_body_with_a_card_number_is_refused_and_kept_nowhere(
    client: httpx.AsyncClient, store: CentralStore, method: str, path: str, body: Mapping[str, Any]
) -> None:
    """Rule 44: the books of central hold no card number, whoever sends it."""
    answer = await client.request(method, path, content=dumps(body), headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "card_number_refused")
    assert CARD not in answer.text
    assert CARD.encode() not in stored_bytes(store)


async def test_a_card_number_that_is_written_with_an_exponent_is_refused_and_kept_nowhere(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """A number is kept in plain digits, however it came."""
    body = dumps(payment(remark=1)).replace(b'"remark":1', b'"remark":4.11111111109e15')
    answer = await client.post(PAYMENT, content=body, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "card_number_refused")
    assert b"4111111111090000" not in stored_bytes(store)


@pytest.mark.parametrize(
    "url",
    [
        f"{PAYMENT}/{CARD}",
        f"{BILL}?billNo={CARD}",
        f"{BILL}?billNo=4111%201111%201111%201111",
        f"{BILL}?{CARD}=1",
        f"{BILL}?fields={CARD}",
        f"{OWN}/session/{CARD}",
        f"{OWN}/account?id=4111-1111-1111-1111",
    ],
)
async def test_an_address_with_a_card_number_is_refused(client: httpx.AsyncClient, url: str) -> None:
    answer = await client.get(url)

    assert (answer.status_code, answer.json()["code"]) == (400, "card_number_refused")
    assert answer.json()["message"].startswith("query" if "?" in url else "path")
    assert "4111" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("name", ["Idempotency-Key", "X-Request-Id", "User-Agent"])
async def test_a_header_with_a_card_number_is_refused(
    client: httpx.AsyncClient, store: CentralStore, name: str
) -> None:
    answer = await client.post(PAYMENT, content=dumps(payment()), headers={**JSON, name: CARD})

    assert (answer.status_code, answer.json()["code"]) == (400, "card_number_refused")
    assert CARD.encode() not in stored_bytes(store)


@pytest.mark.parametrize(
    "more",
    [
        {"correlatorId": "019abc39-2425-7607-9282-1961accbccf3-1"},
        {"description": "IMEI 356938035643809 1, SIM 8996501234567890124"},
        {"name": "SIM for +965 5551 0001 on 22-11-2026"},
        {"authorizationCode": "123456789012"},
    ],
)
async def test_what_tills_send_passes(client: httpx.AsyncClient, more: Mapping[str, Any]) -> None:
    answer = await client.post(PAYMENT, content=dumps(payment(**more)), headers=JSON)

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "spoiled",
    [
        {"bills": [bill("B-1", "10", description=CARD)]},
        {"accounts": [{"account": "BA-1", "note": {"x": CARD}}]},
        {"notes": {CARD: 1}},
    ],
)
def test_a_fixture_with_a_card_number_is_refused_whole(
    store: CentralStore, spoiled: Mapping[str, Any]
) -> None:
    with pytest.raises(Refused) as refusal:
        load_fixture(store, {**small_operator(), **spoiled})

    assert refusal.value.code == "card_number_refused"
    assert "4111" not in str(refusal.value.as_json())


def stored_bytes(store: CentralStore) -> bytes:
    """A file's bytes, with what lies in its log and its free pages; of a server every row."""
    with store.read() as connection:
        if store.engine.dialect.name == "postgresql":
            tables = inspect(connection).get_table_names()
            rows = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables]
            return repr(rows).encode()
        (_, _, file), *_ = connection.execute(text("PRAGMA database_list")).all()
    return b"".join(path.read_bytes() for path in sorted(Path(file).parent.glob(f"{Path(file).name}*")))
