"""A client shows its secret and gets a token for ten minutes; what it may not, and whoever has none, is refused."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Route

from pos.domain.errors import Refused
from sync.central.access.audit import events
from sync.central.access.clients import revoke_client
from sync.central.access.gate import Access, NoScope, needs_of
from sync.central.app import make_app
from sync.central.store.database import CentralStore
from sync.central.wire.callers import Scope
from sync.central.wire.links import TOKEN_PATH
from sync.wire_json import dumps, loads
from tests.central.auth_builders import GRANT, ask_token, basic, bearer, client_of, guarded
from tests.central.central_builders import BILL, PAYMENT, CountedRandomness, SteppingClock, payment

JSON = {"content-type": "application/json"}
OPEN_TO_ALL = {
    ("POST", "/counterfoil/v1/enrolment"),
    ("POST", TOKEN_PATH),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/counterfoil/v1/openapi.json"),
}


def app_of(store: CentralStore) -> Starlette:
    return make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), access=Access())


def test_every_route_says_what_it_asks_of_a_token(store: CentralStore) -> None:
    said = {
        (method, route.path): needs_of(route, Access()).get(method)
        for route in app_of(store).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert [at for at, need in said.items() if need is None] == []
    assert {at for at, need in said.items() if need is NoScope.OPEN} == OPEN_TO_ALL


async def test_no_route_but_the_open_ones_answers_without_a_token(store: CentralStore) -> None:
    app = app_of(store)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://central.test") as server:
        for route in app.routes:
            assert isinstance(route, Route)
            path = route.path.replace("{id}", "CB-1").replace("{operator}", "17")
            for method in (route.methods or set()) - {"HEAD"}:
                if needs_of(route, Access()).get(method) is NoScope.OPEN:
                    continue
                answer = await server.request(method, path, headers=JSON, content=b"{}")
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"] == 'Bearer realm="counterfoil"'
                assert loads(answer.content)["code"] == "token_missing"
                assert loads(answer.content)["status"] == "401"


async def test_a_token_opens_what_its_scope_says_and_nothing_else(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock, scopes=("payment.read", "payment.write"))
    async with guarded(store, clock) as server:
        token = await bearer(server, made)
        posted = await server.post(PAYMENT, content=dumps(payment()), headers=JSON | token)
        assert posted.status_code == 201
        assert (await server.get(PAYMENT, headers=token)).status_code == 200
        refused = await server.get(BILL, headers=token)
    assert refused.status_code == 403
    assert loads(refused.content)["code"] == "scope_missing"
    assert 'error="insufficient_scope", scope="bill.read"' in refused.headers["www-authenticate"]


async def test_the_token_answer_is_the_standards(store: CentralStore) -> None:
    """RFC 6749 section 5.1."""
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    async with guarded(store, clock) as server:
        answer = await ask_token(server, made, scope="bill.read payment.read")
        posted = {**GRANT, "client_id": made.client_id, "client_secret": made.secret}
        by_post = await server.post(TOKEN_PATH, data=posted)
    told = loads(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert (told["token_type"], told["expires_in"], told["scope"]) == (
        "Bearer",
        600,
        "bill.read payment.read",
    )
    assert by_post.status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({**GRANT, "scope": "till"}, 400, "invalid_scope"),
        ({**GRANT, "client_secret": "x"}, 400, "invalid_request"),
    ],
)
async def test_a_wrong_question_gets_the_standards_error(
    store: CentralStore, form: Mapping[str, str], status: int, error: str
) -> None:
    """RFC 6749 section 5.2."""
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    async with guarded(store, clock) as server:
        answer = await server.post(TOKEN_PATH, data=form, headers=basic(made.client_id, made.secret))
    assert (answer.status_code, loads(answer.content)["error"]) == (status, error)
    assert answer.headers["cache-control"] == "no-store"


async def test_an_unknown_client_and_a_wrong_secret_get_the_same_answer(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    gone = client_of(store, "gone", clock)
    with store.write() as connection:
        revoke_client(connection, "gone", at=clock.now())
    async with guarded(store, clock) as server:
        answers = [
            await server.post(TOKEN_PATH, data=GRANT, headers=basic(client_id, secret))
            for client_id, secret in (
                ("c-nobody", made.secret),
                (made.client_id, "wrong"),
                (gone.client_id, gone.secret),
            )
        ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Basic realm="counterfoil"'}


async def test_ten_wrong_tries_end_trying_for_five_minutes_and_for_nobody_else(store: CentralStore) -> None:
    clock = SteppingClock()
    made, other = client_of(store, "kiosk", clock), client_of(store, "web", clock)
    async with guarded(store, clock) as server:
        for _ in range(10):
            wrong = await server.post(TOKEN_PATH, data=GRANT, headers=basic(made.client_id, "wrong"))
            assert wrong.status_code == 401
        limited = await ask_token(server, made)
        assert limited.status_code == 429
        assert (await ask_token(server, other)).status_code == 200
        await clock.sleep(int(limited.headers["retry-after"]))
        assert (await ask_token(server, made)).status_code == 200


async def test_a_token_lives_ten_minutes(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    async with guarded(store, clock) as server:
        token = await bearer(server, made)
        await clock.sleep(590)
        assert (await server.get(PAYMENT, headers=token)).status_code == 200
        await clock.sleep(15)
        late = await server.get(PAYMENT, headers=token)
    assert (late.status_code, loads(late.content)["code"]) == (401, "token_refused")
    assert 'error="invalid_token"' in late.headers["www-authenticate"]


async def test_a_revoked_client_is_out_with_its_next_request(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    async with guarded(store, clock) as server:
        token = await bearer(server, made)
        with store.write() as connection:
            revoke_client(connection, "kiosk", at=clock.now())
        assert (await server.get(PAYMENT, headers=token)).status_code == 401
        assert (await ask_token(server, made)).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer invented", "Basic eDp5", "x" * 5_000])
async def test_what_is_no_token_of_ours_is_refused(store: CentralStore, header: str) -> None:
    async with guarded(store, SteppingClock()) as server:
        answer = await server.get(PAYMENT, headers={"authorization": header})
    assert (answer.status_code, loads(answer.content)["code"]) == (401, "token_refused")


async def test_the_store_keeps_no_secret_and_no_token(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    async with guarded(store, clock) as server:
        token = (await bearer(server, made))["authorization"].removeprefix("Bearer ")
    with store.read() as connection:
        dumped = repr(
            [
                connection.execute(text(f"SELECT * FROM {table}")).all()
                for table in ("api_client", "access_token")
            ]
        )
    assert made.client_id in dumped
    assert made.secret not in dumped
    assert token not in dumped


async def test_what_a_client_is_refused_is_told_to_the_back_office(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    async with guarded(store, clock) as server:
        await server.post(TOKEN_PATH, data=GRANT, headers=basic(made.client_id, "wrong"))
        await server.post(TOKEN_PATH, data=GRANT, headers=basic("c-invented", "wrong"))
    with store.read() as connection:
        told = [(event.event, event.subject) for event in events(connection)]
    assert told == [("client_made", made.client_id), ("token_refused", made.client_id)]


def test_the_name_of_a_client_is_of_one_that_is_not_revoked(store: CentralStore) -> None:
    clock = SteppingClock()
    client_of(store, "kiosk", clock)
    with pytest.raises(Refused, match="Revoke it first"):
        client_of(store, "kiosk", clock)
    with store.write() as connection:
        revoke_client(connection, "kiosk", at=clock.now())
        with pytest.raises(Refused, match="no client kiosk"):
            revoke_client(connection, "kiosk", at=clock.now())


@pytest.mark.parametrize(
    ("dealer", "scopes", "code"),
    [("D-0", (), "unknown_dealer"), ("BA-1", (), "unknown_dealer"), (None, ("till",), "bad_scope")],
)
def test_nobody_is_given_what_is_the_tills(
    store: CentralStore, dealer: str | None, scopes: tuple[str, ...], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        client_of(store, "kiosk", SteppingClock(), dealer=dealer, scopes=scopes)
    assert refused.value.code == code
    assert Scope.TILL not in client_of(store, "web", SteppingClock()).scopes


@pytest.mark.parametrize(
    "own", ["voucherHold", "writeOff", "keptApart", "clearsOverdue", "provisional", "epoch"]
)
async def test_what_a_till_says_of_a_payment_no_other_client_says(store: CentralStore, own: str) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        token = await bearer(server, client_of(store, "kiosk", clock))
        refused = await server.post(PAYMENT, content=dumps(payment(**{own: "x"})), headers=JSON | token)
        assert (refused.status_code, loads(refused.content)["code"]) == (403, "till_alone")
        assert loads(refused.content)["field"] == own
        taken = await server.post(PAYMENT, content=dumps(payment(voucherCampaign="x")), headers=JSON | token)
        assert taken.status_code == 201, "what nobody knows is kept"
