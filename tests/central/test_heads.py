"""How far a terminal's books had come, as central was told: another story told later is a finding."""

from __future__ import annotations

import httpx
import pytest

from pos.domain.signature import letters_of
from sync.central.store.database import CentralStore
from sync.central.tills.heads import head_faults
from sync.heads import mark_letters
from sync.wire_json import dumps
from tests.central.central_builders import read

HEAD = "/counterfoil/v1/head"
JSON = {"content-type": "application/json"}


def letters(byte: int) -> str:
    return letters_of(bytes([byte]) * 32)


async def tell(
    client: httpx.AsyncClient, number: int, byte: int, *, epoch: int = 1, terminal: str = "T2"
) -> int:
    body = {"terminal": terminal, "epoch": epoch, "chainNumber": number, "mark": letters(byte)}
    return (await client.post(HEAD, content=dumps(body), headers=JSON)).status_code


def faults(store: CentralStore) -> list[tuple[str, str]]:
    with store.read() as connection:
        return list(head_faults(connection))


async def test_a_head_is_kept_once_and_told_back(client: httpx.AsyncClient, store: CentralStore) -> None:
    assert (await read(client, "/counterfoil/v1"))["heads"] == HEAD
    assert [await tell(client, 5, 1), await tell(client, 5, 1), await tell(client, 9, 2)] == [201, 200, 201]

    told = await read(client, HEAD, terminal="T2")

    assert [(row["epoch"], row["chainNumber"], row["mark"]) for row in told] == [
        (1, 9, letters(2)),
        (1, 5, letters(1)),
    ]
    assert await read(client, HEAD, terminal="T3") == []
    assert faults(store) == []


async def test_two_marks_of_one_link_are_a_finding(client: httpx.AsyncClient, store: CentralStore) -> None:
    assert [await tell(client, 5, 1), await tell(client, 5, 2)] == [201, 409]

    assert faults(store) == [("T2", "epoch 1: two marks were told of link 5")]


async def test_a_lower_head_than_before_is_a_finding(client: httpx.AsyncClient, store: CentralStore) -> None:
    """An older store was put back, and has not come as far again."""
    assert [await tell(client, 9, 1), await tell(client, 5, 2), await tell(client, 7, 3)] == [201, 409, 409]

    assert faults(store) == [("T2", "epoch 1: link 5 was told after a later one")]


async def test_what_was_told_in_order_is_no_finding_however_much_it_is(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    for number in range(1, 40):
        assert await tell(client, number, number) == 201
        assert await tell(client, max(number - 3, 1), max(number - 3, 1)) == 200

    assert faults(store) == []


async def test_a_terminal_asks_which_head_was_told_last(client: httpx.AsyncClient) -> None:
    for number, epoch in ((5, 1), (9, 1), (2, 2)):
        await tell(client, number, number, epoch=epoch)

    (last,) = await read(client, HEAD, terminal="T2", epoch="1", limit="1")
    assert (last["epoch"], last["chainNumber"]) == (1, 9)
    assert len(await read(client, HEAD, terminal="T2")) == 3
    assert await read(client, HEAD, terminal="T2", epoch="3", limit="1") == []


@pytest.mark.parametrize(
    "query", ["epoch=x", "epoch=-1", "limit=1e9", "limit=", "epoch=٣", f"limit={'9' * 30}"]
)
async def test_a_question_that_makes_no_sense_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"{HEAD}?terminal=T2&{query}")).status_code == 400


async def test_another_enrolment_and_another_terminal_begin_anew(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    await tell(client, 9, 1)
    await tell(client, 5, 2, epoch=2)
    await tell(client, 5, 3, terminal="T3")

    assert faults(store) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"terminal": "../x"},
        {"terminal": None},
        {"epoch": "1"},
        {"epoch": -1},
        {"epoch": True},
        {"chainNumber": 2**60},
        {"chainNumber": 1.5},
        {"mark": "ab"},
        {"mark": "A" * 56},
        {"mark": "Ä"},
        {"mark": 7},
    ],
)
async def test_what_is_no_head_is_refused(
    client: httpx.AsyncClient, store: CentralStore, changed: dict[str, object]
) -> None:
    body = {"terminal": "T2", "epoch": 1, "chainNumber": 5, "mark": letters(1)} | changed
    text = dumps({name: value for name, value in body.items() if type(value) is not float})

    assert (await client.post(HEAD, content=text, headers=JSON)).status_code == 400
    assert await read(client, HEAD, terminal="T2") == []
    assert (await client.get(f"{HEAD}?terminal=..%2F")).status_code == 400


def test_a_mark_travels_without_a_digit() -> None:
    assert mark_letters("41" * 32).isalpha()
    assert len(mark_letters("ff" * 32)) == 55
    assert mark_letters("00" * 32) != mark_letters("01" * 32)


async def test_a_head_that_was_long_on_its_way_is_no_finding(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    """It was sent before a later one was heard; a store that was put back asks first, and is told of the later one."""
    await tell(client, 9, 1)
    head = {"terminal": "T2", "epoch": 1, "chainNumber": 5, "mark": letters(2)}

    late = await client.post(HEAD, content=dumps(head | {"after": 0}), headers=JSON)
    assert (late.status_code, faults(store)) == (200, [])

    put_back = await client.post(HEAD, content=dumps(head | {"after": 9}), headers=JSON)
    assert put_back.status_code == 409
    assert faults(store) == [("T2", "epoch 1: link 5 was told after a later one")]
