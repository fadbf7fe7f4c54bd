"""A till signs for its tokens; a new enrolment, or an end, voids its key, and what it says is its own terminal's alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sync.central.access.audit import events
from sync.central.store.database import CentralStore
from sync.central.tills.terminals import Ending, end_terminal, list_terminals, make_terminal_code
from sync.central.wire.links import (
    APPROVAL_PATH,
    ENROLMENT_PATH,
    OUTCOME_PATH,
    REFUND_HOLD_PATH,
    TOKEN_PATH,
    VOUCHER_HOLD_PATH,
    VOUCHER_PATH,
)
from sync.oauth import ASSERTION_TYPE
from sync.wire_json import dumps, loads
from tests.central.auth_builders import (
    GRANT,
    OtherRandomness,
    assertion,
    bearer,
    client_of,
    guarded,
    public_of,
)
from tests.central.central_builders import BILL, PAYMENT, SteppingClock, payment, voucher_payment
from tests.central.central_builders import asked as asked_voucher
from tests.central.test_approvals import ID, asked
from tests.central.test_approvals import answer as approval
from tests.central.test_outcomes import outcome, presented
from tests.central.test_voucher_issuing import wanted

JSON = {"content-type": "application/json"}
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([one]) * 32) for one in (1, 2))
CODES = OtherRandomness()


async def enrolled(
    server: httpx.AsyncClient,
    store: CentralStore,
    clock: SteppingClock,
    key: Ed25519PrivateKey = KEY,
    terminal: str = "T1",
    **more: object,
) -> httpx.Response:
    code = make_terminal_code(store, terminal, clock=clock, randomness=CODES)
    body = {"terminal": terminal, "code": code, "publicKey": public_of(key), **more}
    return await server.post(ENROLMENT_PATH, content=dumps(body), headers=JSON)


async def signed_in(
    server: httpx.AsyncClient,
    clock: SteppingClock,
    client_id: str = "T1:1",
    key: Ed25519PrivateKey = KEY,
    jti: str = "1",
) -> dict[str, str]:
    form = assertion(key, client_id, int(clock.now().timestamp()), jti=jti)
    answer = await server.post(TOKEN_PATH, data=form)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {loads(answer.content)['access_token']}"}


def numbered(epoch: int, sequence: int, terminal: str = "T1", **more: Any) -> dict[str, object]:
    return payment(terminal=terminal, epoch=epoch, sequence=sequence, leg=1, **more)


async def post(
    server: httpx.AsyncClient, token: Mapping[str, str], body: dict[str, object]
) -> httpx.Response:
    return await server.post(PAYMENT, content=dumps(body), headers={**JSON, **token})


async def test_a_till_signs_for_its_token_and_shares_no_secret(store: CentralStore) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        told = loads((await enrolled(server, store, clock)).content)
        assert told == {"terminal": "T1", "epoch": 1, "clientId": "T1:1"}
        token = await signed_in(server, clock)
        assert (await post(server, token, numbered(1, 1))).status_code == 201


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.test"},
        {"sub": "T2:1"},
        {"exp": "soon"},
        {"jti": ""},
        {"jti": 7},
        {"exp": None},
    ],
)
async def test_a_statement_for_somebody_else_or_of_another_form_brings_no_token(
    store: CentralStore, claims: dict[str, Any]
) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        form = assertion(KEY, "T1:1", int(clock.now().timestamp()), **claims)
        answer = await server.post(TOKEN_PATH, data=form)
    assert (answer.status_code, loads(answer.content)["error"]) == (401, "invalid_client")


async def test_another_key_another_algorithm_and_an_unknown_till_get_the_same_answer(
    store: CentralStore,
) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        at_s = int(clock.now().timestamp())
        stated = {"iss": "T1:1", "sub": "T1:1", "aud": "x", "iat": at_s, "exp": at_s + 60, "jti": "9"}
        public = public_of(KEY).ljust(64, "x")
        forms = [
            assertion(OTHER_KEY, "T1:1", at_s),
            assertion(KEY, "T9:1", at_s),
            *(
                {**GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
                for signed in (
                    jwt.encode(stated, public, algorithm="HS256"),
                    jwt.encode(stated, "", algorithm="none"),
                )
            ),
        ]
        answers = [await server.post(TOKEN_PATH, data=form) for form in forms]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


async def test_a_statement_brings_one_token(store: CentralStore) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        form = assertion(KEY, "T1:1", int(clock.now().timestamp()))
        answers = [await server.post(TOKEN_PATH, data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize("off_s", [-86_400, -300, 300, 86_400])
async def test_a_till_whose_clock_is_wrong_is_told_the_time(store: CentralStore, off_s: int) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        at_s = int(clock.now().timestamp())
        refused = await server.post(TOKEN_PATH, data=assertion(KEY, "T1:1", at_s + off_s))
        told = loads(refused.content)
        assert (refused.status_code, told["error"]) == (401, "invalid_client")
        again = await server.post(TOKEN_PATH, data=assertion(KEY, "T1:1", told["server_time"], jti="2"))
    assert again.status_code == 200


async def test_a_new_enrolment_begins_an_epoch_above_all_and_voids_the_key_before(
    store: CentralStore,
) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        before = await signed_in(server, clock)
        told = loads((await enrolled(server, store, clock, OTHER_KEY, epochAbove=4)).content)
        assert told["epoch"] == 5
        assert (await post(server, before, numbered(1, 1))).status_code == 401
        form = assertion(KEY, "T1:1", int(clock.now().timestamp()), jti="2")
        assert (await server.post(TOKEN_PATH, data=form)).status_code == 401
        after = await signed_in(server, clock, "T1:5", OTHER_KEY)
        # What was booked in an earlier enrolment may be on its way still.
        assert (await post(server, after, numbered(1, 1))).status_code == 201
        assert (await post(server, after, numbered(5, 1))).status_code == 201
        ahead = await post(server, after, numbered(6, 1))
    assert (ahead.status_code, loads(ahead.content)["code"]) == (403, "other_epoch")


async def test_a_token_speaks_for_its_own_terminal_alone(store: CentralStore) -> None:
    clock = SteppingClock()
    foreign = client_of(store, "kiosk", clock)
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        await enrolled(server, store, clock, OTHER_KEY, "T2")
        for token in (await signed_in(server, clock), await bearer(server, foreign)):
            answer = await post(server, token, numbered(1, 1, terminal="T2"))
            assert (answer.status_code, loads(answer.content)["code"]) == (403, "other_terminal")
        shown = await server.get(PAYMENT, headers=await signed_in(server, clock, "T2:1", OTHER_KEY))
    assert loads(shown.content) == []


async def test_what_a_till_tells_without_naming_itself_is_recorded_as_its_own(store: CentralStore) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        token = await signed_in(server, clock)
        paper = presented()
        paid = await post(server, token, paper)
        assert paid.status_code == 201, paid.text
        told = outcome(loads(paid.content)["id"])
        answer = await server.post(OUTCOME_PATH, content=dumps(told), headers={**JSON, **token})
        assert answer.status_code == 201, answer.text
        again = await post(server, token, paper)
    assert again.headers["x-idempotent-replay"] == "true"
    with store.read() as connection:
        for table in ("payment", "outcome"):
            assert connection.execute(text(f"SELECT terminal FROM {table}")).scalars().all() == ["T1"]


async def test_what_is_the_tills_comes_from_a_till_whatever_scope_a_client_has(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "kiosk", clock)
    with store.write() as connection:
        connection.execute(text("UPDATE api_client SET scopes = scopes || ' till'"))
    async with guarded(store, clock) as server:
        token = await bearer(server, made)
        refused = await server.post(OUTCOME_PATH, content=dumps(outcome("P-1")), headers={**JSON, **token})
    assert (refused.status_code, loads(refused.content)["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("why", Ending)
async def test_an_ended_terminal_is_out_at_once_until_a_new_code(store: CentralStore, why: Ending) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        token = await signed_in(server, clock)
        code = make_terminal_code(store, "T1", clock=clock, randomness=CODES)
        with store.write() as connection:
            end_terminal(connection, "T1", why, at=clock.now())
        assert (await post(server, token, numbered(1, 1))).status_code == 401
        made_before = {"terminal": "T1", "code": code, "publicKey": public_of(OTHER_KEY)}
        refused = await server.post(ENROLMENT_PATH, content=dumps(made_before), headers=JSON)
        assert refused.status_code == 403
        with store.read() as connection:
            assert [one.ended for one in list_terminals(connection)] == [str(why)]
        assert (await enrolled(server, store, clock, OTHER_KEY)).status_code == 201
    with store.read() as connection:
        assert [(one.ended, one.epoch, one.keyed) for one in list_terminals(connection)] == [(None, 2, True)]


async def test_a_code_serves_for_ten_minutes(store: CentralStore) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        code = make_terminal_code(store, "T1", clock=clock, randomness=CODES)
        await clock.sleep(601)
        body = {"terminal": "T1", "code": code, "publicKey": public_of(KEY)}
        late = await server.post(ENROLMENT_PATH, content=dumps(body), headers=JSON)
    assert late.status_code == 403


async def test_ten_wrong_codes_end_trying_for_a_while(store: CentralStore) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        body = dumps({"terminal": "T1", "code": "ABCD-EFGH"})
        answers = [await server.post(ENROLMENT_PATH, content=body, headers=JSON) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 300


@pytest.mark.parametrize("key", ["", "x", "=" * 43, "A" * 44, 5])
async def test_a_bad_key_leaves_the_code_unused(store: CentralStore, key: object) -> None:
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        code = make_terminal_code(store, "T1", clock=clock, randomness=CODES)
        for shown, status in ((key, 400), (public_of(KEY), 201)):
            body = dumps({"terminal": "T1", "code": code, "publicKey": shown})
            answer = await server.post(ENROLMENT_PATH, content=body, headers=JSON)
            assert answer.status_code == status


async def test_two_stores_under_one_enrolment_are_told_to_the_back_office_once(store: CentralStore) -> None:
    """reliability.md, invariant 11."""
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        token = await signed_in(server, clock)
        await post(server, token, numbered(1, 1, correlatorId="first"))
        for sequence in (1, 1):
            clash = await post(server, token, numbered(1, sequence, correlatorId="second"))
            assert (clash.status_code, loads(clash.content)["code"]) == (409, "sequence_conflict")
    with store.read() as connection:
        told = [(one.event, one.subject, one.actor) for one in events(connection)]
        (listed,) = list_terminals(connection)
    assert told[-1] == ("clone_fenced", "T1", "T1:1")
    assert [event for event, _, _ in told].count("clone_fenced") == 1
    assert listed.cloned_at is not None


async def test_who_asks_for_a_second_person_and_who_answers_are_the_tokens_terminals(
    store: CentralStore,
) -> None:
    """Rule 33: two people at two terminals, of which neither can speak for the other."""
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        await enrolled(server, store, clock, OTHER_KEY, "T2")
        first, second = await signed_in(server, clock), await signed_in(server, clock, "T2:1", OTHER_KEY)

        async def send(token: Mapping[str, str], body: dict[str, Any], path: str = "") -> tuple[int, object]:
            answer = await server.post(APPROVAL_PATH + path, content=dumps(body), headers={**JSON, **token})
            return answer.status_code, loads(answer.content).get("code")

        assert await send(second, asked()) == (403, "other_terminal")
        assert await send(first, asked()) == (201, None)
        # The answer is said to come from T2, so T1's token cannot say it.
        assert await send(first, approval(), f"/{ID}/answer") == (403, "other_terminal")
        assert await send(second, approval(), f"/{ID}/answer") == (201, None)
        closed = [
            (await server.delete(f"{APPROVAL_PATH}/{ID}", headers=token)).status_code
            for token in (second, first)
        ]
    assert closed == [403, 204]


async def test_what_one_terminal_holds_no_other_lets_go_or_is_told_the_code_of(store: CentralStore) -> None:
    """Each payment says what was held for it, so that the id of a hold is no secret among tills."""
    clock = SteppingClock()
    async with guarded(store, clock) as server:
        await enrolled(server, store, clock)
        await enrolled(server, store, clock, OTHER_KEY, "T2")
        other, own = await signed_in(server, clock), await signed_in(server, clock, "T2:1", OTHER_KEY)

        async def tell(path: str, body: dict[str, object], token: Mapping[str, str]) -> dict[str, Any]:
            answer = await server.post(path, content=dumps(body), headers={**JSON, **token})
            assert answer.status_code == 201, answer.text
            told: dict[str, Any] = loads(answer.content)
            return told

        async def answers(method: str, path: str) -> list[int]:
            return [(await server.request(method, path, headers=token)).status_code for token in (other, own)]

        voucher = await tell(VOUCHER_PATH, wanted(residual="new_voucher"), own)
        await tell(VOUCHER_HOLD_PATH, asked_voucher(code=voucher["code"]), own)
        await tell(PAYMENT, voucher_payment(), own)
        assert await answers("GET", f"{VOUCHER_HOLD_PATH}/H-1/rest") == [403, 200]
        assert await answers("DELETE", f"{VOUCHER_HOLD_PATH}/H-1/rest") == [403, 204]
        second = await tell(VOUCHER_PATH, wanted("I-2"), own)
        await tell(VOUCHER_HOLD_PATH, asked_voucher("H-2", second["code"], paymentEventId="E-2"), own)
        assert await answers("DELETE", f"{VOUCHER_HOLD_PATH}/H-2") == [403, 204]

        money = numbered(1, 7, "T2", receiptNumber="R-7", paymentEventId="E-7")
        paid = await tell(PAYMENT, money, own)
        legs = [{"payment": {"id": paid["id"]}, "amount": {"unit": "KWD", "value": 1}}]
        told: dict[str, object] = {
            "id": "RH-1",
            "terminal": "T2",
            "operator": "1001",
            "receiptNumber": "R-7",
            "legs": legs,
        }
        await tell(REFUND_HOLD_PATH, told, own)
        assert await answers("DELETE", f"{REFUND_HOLD_PATH}/RH-1") == [403, 204]


async def test_a_bill_that_a_client_changes_is_told_to_the_back_office(store: CentralStore) -> None:
    clock = SteppingClock()
    biller = client_of(store, "biller", clock, scopes=("bill.read", "bill.write"))
    async with guarded(store, clock) as server:
        token = await bearer(server, biller)
        for _ in range(2):
            answer = await server.patch(
                f"{BILL}/CB-2", content=dumps({"state": "onHold"}), headers={**JSON, **token}
            )
            assert answer.status_code == 200, answer.text
    with store.read() as connection:
        told = [(one.event, one.subject, one.actor, one.detail) for one in events(connection)]
    assert told[1:] == [("bill_changed", "CB-2", biller.client_id, "state onHold")]


async def test_what_happened_to_central_cannot_be_altered(store: CentralStore) -> None:
    client_of(store, "kiosk", SteppingClock())
    for statement in ("UPDATE central_audit SET subject = 'x'", "DELETE FROM central_audit"):
        with pytest.raises(DBAPIError, match="append-only"), store.write() as connection:
            connection.execute(text(statement))
