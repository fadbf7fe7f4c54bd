"""One post, one effect, whoever sends it again: by the header, by the correlatorId, by both, in line or all at once."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.wire.links import (
    APPROVAL_PATH,
    COMMISSION_PATH,
    DISHONOUR_PATH,
    OUTCOME_PATH,
    REFUND_HOLD_PATH,
    REFUND_PATH,
    TRANSFER_PATH,
    VOUCHER_HOLD_PATH,
    VOUCHER_PATH,
)
from sync.wire_json import dumps
from tests.central.auth_builders import bearer, client_of, guarded
from tests.central.central_builders import (
    PAYMENT,
    SteppingClock,
    central_process,
    item,
    payment,
    small_operator,
)

JSON = {"content-type": "application/json"}
TWINS = 32
HANDLES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "header": ({"Idempotency-Key": "k-1"}, {}),
    "correlator": ({}, {"correlatorId": "c-1"}),
    "both": ({"Idempotency-Key": "c-1"}, {"correlatorId": "c-1"}),
}


@pytest.mark.parametrize(("headers", "more"), HANDLES.values(), ids=HANDLES)
def test_32_parallel_identical_posts_on_lines_of_their_own_have_one_effect(
    tmp_path: Path, headers: Mapping[str, str], more: Mapping[str, Any]
) -> None:
    """Invariant 6."""
    db_url = f"sqlite:///{tmp_path / 'central.db'}"
    store = open_central(db_url)
    load_fixture(store, small_operator())
    store.close()
    body = dumps(payment("4.000", paymentItem=[item("CB-2", "4.000")], **more))
    answers: list[httpx.Response] = []
    ready = threading.Barrier(TWINS)
    # To read the certificates of all the world for each of them would be most of this test, and none is shown here.
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    with central_process(db_url) as (_, address):

        def send() -> None:
            with httpx.Client(base_url=address, timeout=30, verify=no_tls) as client:
                client.get("/health")
                ready.wait()
                answers.append(client.post(PAYMENT, content=body, headers={**JSON, **headers}))

        threads = [threading.Thread(target=send) for _ in range(TWINS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [answer.status_code for answer in answers] == [201] * TWINS
    assert len({answer.content for answer in answers}) == 1
    assert len([answer for answer in answers if "x-idempotent-replay" not in answer.headers]) == 1
    store = open_central(db_url)
    try:
        assert len(list(list_payments(store))) == 1
        assert verify_central(store) == []
    finally:
        store.close()


async def test_a_key_is_its_clients_alone(store: CentralStore) -> None:
    clock = SteppingClock()
    one, other = (client_of(store, name, clock) for name in ("one", "other"))
    async with guarded(store, clock) as server:
        of_one, of_other = await bearer(server, one), await bearer(server, other)
        for token, amount in ((of_one, "1.000"), (of_other, "2.000"), (of_one, "1.000"), (of_other, "2.000")):
            answer = await server.post(
                PAYMENT, content=dumps(payment(amount)), headers={**JSON, **token, "Idempotency-Key": "k"}
            )
            assert answer.status_code == 201
        reused = await server.post(
            PAYMENT, content=dumps(payment("3.000")), headers={**JSON, **of_one, "Idempotency-Key": "k"}
        )

    assert (reused.status_code, reused.json()["code"]) == (422, "key_reused")
    assert sorted(row.amount.plain() for row in list_payments(store)) == ["1.000", "2.000"]


OWN = {
    OUTCOME_PATH: "correlatorId",
    TRANSFER_PATH: "correlatorId",
    COMMISSION_PATH: "correlatorId",
    DISHONOUR_PATH: "correlatorId",
    VOUCHER_PATH: "id",
    VOUCHER_HOLD_PATH: "id",
    REFUND_HOLD_PATH: "id",
    APPROVAL_PATH: "id",
    f"{APPROVAL_PATH}/A-1/answer": "id",
}


@pytest.mark.parametrize(("path", "name"), OWN.items(), ids=OWN)
async def test_a_resource_of_our_own_has_one_name_which_the_header_may_say_again(
    client: httpx.AsyncClient, path: str, name: str
) -> None:
    async def post(**headers: str) -> tuple[int, str | None]:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        answer = await client.post(path, content=dumps({name: "own-1"}), headers={**JSON, **named})
        return answer.status_code, answer.json().get("field")

    without = await post()
    assert await post(idempotency_key="own-1") == without
    assert without != (400, "Idempotency-Key")
    assert await post(idempotency_key="own-2") == (400, "Idempotency-Key")


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "schlüssel", "a\tb"])
@pytest.mark.parametrize("path", [PAYMENT, REFUND_PATH, *OWN])
async def test_a_key_that_is_none_is_refused_everywhere(
    client: httpx.AsyncClient, path: str, key: str
) -> None:
    answer = await client.post(
        path,
        content=b"{}",
        headers=[(b"content-type", b"application/json"), (b"idempotency-key", key.encode())],
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_field")


async def test_the_longest_key_is_taken(client: httpx.AsyncClient) -> None:
    headers = {**JSON, "Idempotency-Key": "k" * 255}

    assert [
        (await client.post(PAYMENT, content=dumps(payment()), headers=headers)).status_code for _ in "ab"
    ] == [201] * 2
