"""What central announces, and enrolling a terminal by a one-time code."""

from __future__ import annotations

import httpx
import pytest

from pos.domain.errors import Refused
from sync.central.store.database import CentralStore
from sync.central.tills.terminals import make_terminal_code
from sync.wire_json import dumps, loads
from tests.central.central_builders import CountedRandomness, SteppingClock, payment, post, read

ENROLMENT = "/counterfoil/v1/enrolment"


async def enrol(client: httpx.AsyncClient, terminal: str, code: str) -> httpx.Response:
    body = dumps({"terminal": terminal, "code": code})
    return await client.post(ENROLMENT, content=body, headers={"content-type": "application/json"})


async def test_central_announces_what_it_adds(client: httpx.AsyncClient) -> None:
    announced = await read(client, "/counterfoil/v1")
    assert announced["idempotencyKey"] is True
    assert announced["changeNumber"] is True
    assert (await client.get(announced["accounts"])).status_code == 200
    assert (await read(client, "/health")) == {"status": "pass"}


async def test_a_code_enrols_its_terminal_once_and_each_enrolment_begins_an_epoch(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """Rule 21: what an earlier enrolment printed last is never known."""
    randomness = CountedRandomness()
    for epoch in (1, 2):
        code = make_terminal_code(store, "T2", clock=SteppingClock(), randomness=randomness)
        answer = await enrol(client, "T2", code.lower())
        assert (answer.status_code, loads(answer.content)) == (201, {"terminal": "T2", "epoch": epoch})
        assert (await enrol(client, "T2", code)).status_code == 403
    await post(client, payment(terminal="T2", epoch=2, sequence=5, leg=1))
    shown = await read(client, "/counterfoil/v1/terminal/T2")
    assert shown == {"terminal": "T2", "epoch": 2, "lastSequence": 5}


async def test_used_void_foreign_and_invented_codes_get_the_same_answer(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    randomness = CountedRandomness()
    clock = SteppingClock()
    void = make_terminal_code(store, "T2", clock=clock, randomness=randomness)
    used = make_terminal_code(store, "T2", clock=clock, randomness=randomness)
    await enrol(client, "T2", used)
    foreign = make_terminal_code(store, "T3", clock=clock, randomness=randomness)
    answers = [await enrol(client, "T2", code) for code in (void, used, foreign, "ABCD-EFGH")]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    assert (await enrol(client, "T3", foreign)).status_code == 201


@pytest.mark.parametrize(
    "body", [{}, {"terminal": "T2"}, {"terminal": 2, "code": "x"}, {"terminal": "", "code": "x"}]
)
async def test_a_bad_enrolment_is_400(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    answer = await client.post(ENROLMENT, content=dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize("terminal", ["", "../x", "a b", "x" * 65])
def test_a_terminal_has_a_plain_name(store: CentralStore, terminal: str) -> None:
    with pytest.raises(Refused):
        make_terminal_code(store, terminal, clock=SteppingClock(), randomness=CountedRandomness())


async def test_what_enrols_nobody_is_not_read_to_its_end(client: httpx.AsyncClient) -> None:
    """It comes without a token, and reading what is long takes as long as many payments."""
    answer = await enrol(client, "T2", "A" * 5_000)

    assert (answer.status_code, loads(answer.content)["code"]) == (413, "body_too_large")
