"""Who may work at the tills: what each till tells of its people, and what counts at all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from pos.domain.errors import Refused
from sync.central.access.audit import events
from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.central.tills.people import list_people, set_active
from sync.wire_json import dumps, loads
from tests.central.central_builders import SteppingClock, read

PERSON, CHANGE = "/counterfoil/v1/person", "/counterfoil/v1/personChange"
JSON = {"content-type": "application/json"}


def change(deed: str, **more: object) -> dict[str, Any]:
    """User 1001, a cashier and supervisor, as a deed left them."""
    return {
        "deedId": deed,
        "user": "1001",
        "act": "change_user",
        "roles": ["cashier", "supervisor"],
        "active": True,
        "operator": "5001",
        "decidedAt": "2026-11-21T09:00:00.000000Z",
        **more,
    }


def known(deed: str, **more: object) -> dict[str, Any]:
    return change(deed, act="known", **more)


async def post(client: httpx.AsyncClient, terminal: str, *changes: Mapping[str, object]) -> httpx.Response:
    body = {"terminal": terminal, "epoch": 1, "changes": list(changes)}
    return await client.post(CHANGE, content=dumps(body), headers=JSON)


async def tell(client: httpx.AsyncClient, terminal: str, *changes: Mapping[str, object]) -> int:
    answer = await post(client, terminal, *changes)
    assert answer.status_code in (200, 201), answer.text
    kept: int = loads(answer.content)["kept"]
    return kept


async def person(client: httpx.AsyncClient) -> tuple[bool, list[str]]:
    """Whether 1001 is active, and the roles that were taken away."""
    found = await read(client, f"{PERSON}/1001")
    return found["active"], found["rolesTaken"]


async def test_a_till_tells_its_people_once_and_no_name_comes_with_them(client: httpx.AsyncClient) -> None:
    announced = await read(client, "/counterfoil/v1")
    assert (announced["people"], announced["personChanges"]) == (PERSON, CHANGE)

    assert await tell(client, "T1", known("d1"), known("d2", user="1002")) == 2
    assert await tell(client, "T1", known("d1"), known("d2", user="1002")) == 0

    assert [row["id"] for row in await read(client, PERSON)] == ["1001", "1002", "2002"]
    assert await person(client) == (True, [])
    newest = (await read(client, CHANGE, terminal="T1", sort="-changeNumber", limit="1"))[0]
    assert (newest["deedId"], newest["user"], newest["epoch"]) == ("d2", "1002", 1)


async def test_who_is_disabled_at_one_till_is_disabled_for_all_until_a_till_that_knows_enables(
    client: httpx.AsyncClient,
) -> None:
    await tell(client, "T1", known("d1"))
    await tell(client, "T2", known("e1"))

    await tell(client, "T1", change("d2", active=False))
    assert await person(client) == (False, [])

    await tell(client, "T2", change("e2", act="reset_pin"))
    assert await person(client) == (False, []), "T2 enabled nobody: the person was active there before"
    await tell(client, "T2", change("e3", act="roster", active=False), change("e4"))
    assert await person(client) == (True, [])


async def test_an_enabling_that_comes_late_enables_nobody_and_the_till_hears_so(
    client: httpx.AsyncClient,
) -> None:
    await tell(client, "T2", known("e1", active=False))
    await tell(client, "T1", known("d1", active=False), change("d2"), change("d3", active=False))
    before = (await read(client, f"{PERSON}/1001"))["change"]

    await tell(client, "T2", change("e2"))

    assert await person(client) == (False, [])
    assert (await read(client, f"{PERSON}/1001"))["change"] > before


async def test_a_role_taken_at_one_till_is_taken_for_all_until_it_is_given_again(
    client: httpx.AsyncClient,
) -> None:
    await tell(client, "T1", known("d1"))
    await tell(client, "T2", known("e1", roles=["cashier"]))
    assert await person(client) == (True, []), "roles differ from shop to shop"

    await tell(client, "T1", change("d2", roles=["cashier"]))
    assert await person(client) == (True, ["supervisor"])
    await tell(client, "T2", change("e2", roles=["cashier", "supervisor"]))
    assert await person(client) == (True, ["supervisor"]), "T2 did not know"
    await tell(client, "T2", change("e3", act="roster", roles=["cashier"]), change("e4"))

    assert await person(client) == (True, [])


async def test_the_operator_disables_and_enables_by_hand_and_it_is_audited(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock
) -> None:
    load_fixture(store, {"users": [{"user": "1001", "name": "A. Kumar", "roles": ["cashier"], "pin": "1"}]})
    with store.write() as connection:
        set_active(connection, "1001", active=False, at=clock.now())
    load_fixture(store, {"users": [{"user": "1001", "name": "A. Kumar", "roles": ["cashier"], "pin": "1"}]})
    assert await person(client) == (False, []), "loading again lets nobody in"
    with store.read() as connection:
        shown = next(list_people(connection))
    assert (shown.active, shown.places) == (False, (("", ("cashier",), True),))

    with store.write() as connection:
        set_active(connection, "1001", active=True, at=clock.now())
        with pytest.raises(Refused, match="knows no user 9999"):
            set_active(connection, "9999", active=False, at=clock.now())

    assert await person(client) == (True, [])
    with store.read() as connection:
        assert [(one.event, one.subject) for one in events(connection)] == [
            ("person_disabled", "1001"),
            ("person_enabled", "1001"),
        ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"user": "../1001"}, "changes[0].user"),
        ({"deedId": 7}, "changes[0].deedId"),
        ({"roles": ["king"]}, "changes[0].roles"),
        ({"roles": "cashier"}, "changes[0].roles"),
        ({"active": "yes"}, "changes[0].active"),
        ({"decidedAt": "yesterday"}, "changes[0].decidedAt"),
        ({"decidedAt": "2026-11-21T09:00:00"}, "changes[0].decidedAt"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_by_its_field(
    client: httpx.AsyncClient, wrong: Mapping[str, object], field: str
) -> None:
    answer = await post(client, "T1", change("d1", **wrong))

    assert (answer.status_code, loads(answer.content)["field"]) == (400, field)
    assert await read(client, CHANGE) == []
