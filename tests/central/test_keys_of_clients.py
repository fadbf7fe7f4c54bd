"""What a client calls its posts is its own: another client neither meets it nor learns of it, and a till neither."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
from sqlalchemy import text

from sync.central.access.clients import revoke_client
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.schema.migrate import bring_to
from sync.central.schema.opening import open_central, open_engine
from sync.central.store.database import CentralStore
from sync.central.wire.links import BILL_ON_DEMAND_PATH, REFUND_PATH
from sync.wire_json import dumps, loads
from tests.central.auth_builders import OtherRandomness, bearer, client_of, guarded
from tests.central.central_builders import PAYMENT, SteppingClock, payment
from tests.central.refund_builders import refund
from tests.central.test_terminal_keys import JSON, enrolled, numbered, signed_in

Token = dict[str, str]


async def tell(
    server: httpx.AsyncClient, token: Token, body: dict[str, Any], path: str = PAYMENT
) -> tuple[int, str]:
    """The status, and the id of what was made or the code of the refusal."""
    answer = await server.post(path, content=dumps(body), headers={**JSON, **token})
    told = loads(answer.content)
    return answer.status_code, told["id"] if answer.status_code == 201 else told["code"]


async def test_a_correlator_is_its_clients_alone(store: CentralStore) -> None:
    clock = SteppingClock()
    made = [client_of(store, name, clock) for name in ("one", "other")]
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        one, other = [await bearer(server, client) for client in made]
        bodies = {
            "one": (one, payment("1.000", correlatorId="c-1")),
            "other": (other, payment("2.000", correlatorId="c-1")),
            "till": (await signed_in(server, clock), numbered(1, 1, correlatorId="c-1")),
        }
        first = {who: await tell(server, token, body) for who, (token, body) in bodies.items()}
        again = {who: await tell(server, token, body) for who, (token, body) in bodies.items()}
        reused = await tell(server, one, payment("3.000", correlatorId="c-1"))
    assert {status for status, _ in first.values()} == {201}
    assert again == first
    assert reused == (422, "key_reused")
    assert [row.correlator_id for row in list_payments(store)] == ["c-1"] * 3
    assert verify_central(store) == []


async def test_a_client_that_is_made_anew_by_its_name_keeps_its_correlators(store: CentralStore) -> None:
    clock = SteppingClock()
    body = payment("1.000", correlatorId="c-1")
    async with guarded(store, clock) as server:
        first = await tell(server, await bearer(server, client_of(store, "shop", clock)), body)
        with store.write() as connection:
            revoke_client(connection, "shop", at=clock.now())
        made = client_of(store, "shop", clock, randomness=OtherRandomness(7_000_000))
        assert await tell(server, await bearer(server, made), body) == first


async def test_a_client_finds_by_its_correlator_what_it_sent(store: CentralStore) -> None:
    clock = SteppingClock()
    made = [client_of(store, name, clock) for name in ("one", "other")]
    async with guarded(store, clock) as server:
        tokens = [await bearer(server, client) for client in made]
        sent = [
            await tell(server, token, payment("1.000", correlatorId=key))
            for token, key in ((tokens[0], "c-1"), (tokens[0], "c-2"), (tokens[1], "c-1"))
        ]

        async def found(token: Token, **asked: str) -> list[str]:
            answer = await server.get(PAYMENT, params=asked, headers=token)
            return [row["id"] for row in loads(answer.content)]

        assert await found(tokens[0], correlatorId="c-1") == [sent[0][1]]
        assert await found(tokens[1], correlatorId="c-1") == [sent[2][1]]
        assert await found(tokens[1], correlatorId="c-2") == []
        assert sorted(await found(tokens[0], sort="correlatorId")) == sorted(one for _, one in sent)


async def test_what_a_client_paid_is_undone_by_another_that_names_it_as_it_is_told(
    store: CentralStore,
) -> None:
    clock = SteppingClock()
    shop = client_of(store, "shop", clock)
    backs = [client_of(store, name, clock, scopes=("refund.write",)) for name in ("back", "office")]
    async with guarded(store, clock) as server:
        paying, *undoing = [await bearer(server, client) for client in (shop, *backs)]
        bodies = []
        for key in ("p-1", "p-2"):
            _, payment_id = await tell(server, paying, payment("1.000", correlatorId=key))
            body = refund(payment_id, "1.000", correlatorId="r-1")
            body["payment"]["correlatorId"] = key
            bodies.append(body)
        told = [
            await tell(server, token, body, REFUND_PATH) for token, body in zip(undoing, bodies, strict=True)
        ]
        again = [
            await tell(server, token, body, REFUND_PATH) for token, body in zip(undoing, bodies, strict=True)
        ]
    assert [status for status, _ in told] == [201, 201]
    assert again == told


async def test_a_bill_is_asked_for_by_a_clients_own_correlator(store: CentralStore) -> None:
    clock = SteppingClock()
    made = [client_of(store, name, clock, scopes=("bill.write",)) for name in ("one", "other")]
    wanted = {"billingAccount": {"id": "BA-1", "@referredType": "BillingAccount"}, "correlatorId": "c-1"}
    async with guarded(store, clock) as server:
        asked = [
            await tell(server, await bearer(server, client), wanted, BILL_ON_DEMAND_PATH)
            for client in made * 2
        ]
    assert [status for status, _ in asked] == [201] * 4
    assert (asked[0], asked[1]) == (asked[2], asked[3])
    assert asked[0] != asked[1]


KEPT = (
    # id, correlator, the post's other name, terminal, dealer
    ("P-1", "c-1", "c-old k-1", None, None),
    ("P-2", "c-2", None, None, None),
    ("P-3", "c-3", "T1:1 k-1", "T1", None),
    ("P-4", "D-12\x1fc-4", "D-12\x1fd-old k-1", None, "D-12"),
)


async def test_what_an_older_store_has_by_a_correlator_is_done_once_still(empty_url: str) -> None:
    """Of one post the client is known by its other name, of the next it is not; a till's and a dealer's stay as they are."""
    clock = SteppingClock()
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        bring_to(connection, "0012")
        connection.execute(
            text(
                "INSERT INTO api_client (id, name, kind, scopes, secret_sha256, made_at, revoked_at)"
                " VALUES ('c-old', 'shop', 'foreign', 'payment.write', 'x', '2026', '2026')"
            )
        )
        for number, (payment_id, correlator, key, terminal, dealer) in enumerate(KEPT, 1):
            connection.execute(
                text(OF_0012),
                {
                    "id": payment_id,
                    "number": -number,
                    "correlator": correlator,
                    "key": key,
                    "terminal": terminal,
                    "dealer": dealer,
                    "body": dumps({"id": payment_id, **body_of(number)}).decode(),
                    "sha256": hashlib.sha256(dumps(body_of(number))).hexdigest(),
                },
            )
    engine.dispose()
    store = open_central(empty_url)
    shop, other = client_of(store, "shop", clock), client_of(store, "other", clock)
    async with guarded(store, clock) as server:
        token, others = await bearer(server, shop), await bearer(server, other)
        assert await tell(server, token, body_of(1)) == (201, "P-1")
        assert await tell(server, token, body_of(2)) == (201, "P-2")
        assert await tell(server, token, {**body_of(1), "description": "x"}) == (422, "key_reused")
        # Nobody else is in the way of it, or hears of it.
        for number in (1, 2):
            status, made = await tell(server, others, {**body_of(number), "description": "x"})
            assert (status, made in ("P-1", "P-2")) == (201, False)
    with store.read() as connection:
        rows = connection.execute(text("SELECT id, correlator_id FROM payment WHERE id LIKE 'P-%'")).all()
    store.close()
    assert {row.id: row.correlator_id for row in rows} == {
        "P-1": "\x1fshop\x1fc-1",
        "P-2": "c-2",
        "P-3": "c-3",
        "P-4": "D-12\x1fc-4",
    }


def body_of(number: int) -> dict[str, Any]:
    return payment("1.000", correlatorId=f"c-{number}")


OF_0012 = (
    "INSERT INTO payment (id, change_number, correlator_id, idempotency_key, terminal, account_id, currency, amount_minor,"
    " applied_minor, credit_minor, suspense_minor, other_minor, status, paid_at_utc, body, received_sha256, dealer)"
    " VALUES (:id, :number, :correlator, :key, :terminal, 'BA-1', 'KWD', 1000, 0, 1000, 0, 0, 'done', '2026', :body,"
    " :sha256, :dealer)"
)
