"""Bounced cheques at central: what a till tells is checked, and told once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync.central.refunds.dishonours import read_dishonour
from sync.central.wire.links import DISHONOUR_PATH
from sync.wire_json import BadField, dumps, loads
from tests.central.central_builders import payment, post, read

TOLD: dict[str, Any] = loads(
    b'{"correlatorId": "C-1-told", "dishonour": "C-1", "state": "dishonoured", "payment": {"id": "P-1"},'
    b' "account": {"id": "BA-1"}, "reasonCode": "insufficient_funds", "payorsFault": true, "bankDate": "2026-11-21",'
    b' "cashOnly": {"after": 3, "withinMonths": 12, "forMonths": 12},'
    b' "collection": [{"account": "BA-1", "status": "active", "stage": 2}],'
    b' "charge": {"id": "CH-1", "billNo": "S014-T1-A-DN-000001", "account": "BA-1", "date": "2026-11-21",'
    b' "recoveredAmount": {"unit": "KWD", "value": 0}, "feeAmount": {"unit": "KWD", "value": 5.000},'
    b' "feeTaxAmount": {"unit": "KWD", "value": 0.238}}}'
)


def test_what_a_till_tells_is_read() -> None:
    told = read_dishonour(TOLD)
    assert told.charge is not None
    assert (told.charge.amount.plain(), told.rule, told.stages) == ("5.000", (3, 12, 12), (("BA-1", 2),))
    assert (
        read_dishonour({name: TOLD[name] for name in TOLD if name not in ("account", "charge")}).charge
        is None
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "cleared"),
        ("payorsFault", "yes"),
        ("bankDate", "21.11.2026"),
        ("dishonour", "../x"),
        ("payment", []),
        ("account", {"id": ""}),
        ("reasonCode", "a\x1b[0m"),
        ("cashOnly", {"after": -1, "withinMonths": 12, "forMonths": 12}),
        ("cashOnly", {"after": 3, "withinMonths": True, "forMonths": 12}),
        ("collection", [{"account": "BA-1", "stage": 100}]),
        ("collection", [{"account": "BA-1", "stage": 1}] * 51),
        ("charge", {**TOLD["charge"], "id": "a b"}),
        ("charge", {**TOLD["charge"], "feeAmount": {"unit": "KWD", "value": 0}}),
        ("charge", {**TOLD["charge"], "feeAmount": {"unit": "KWD", "value": -5}}),
        ("charge", {**TOLD["charge"], "recoveredAmount": {"unit": "EUR", "value": 0}}),
        ("charge", {**TOLD["charge"], "date": "soon"}),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(name: str, value: object) -> None:
    with pytest.raises(BadField):
        read_dishonour({**TOLD, name: value})


@pytest.mark.parametrize("left_out", ["receiptNumber", "ofReceipt", "terminal"])
async def test_what_was_not_told_of_a_bounce_is_not_answered(
    client: httpx.AsyncClient, left_out: str
) -> None:
    """By our own document these are texts, where they are there."""
    paid = await post(client, payment("5.000"))
    assert paid.status_code == 201, paid.text
    told = {"receiptNumber": "DN-1", "ofReceipt": "R-1", "terminal": "T1"}
    bounce = {**TOLD, "payment": {"id": loads(paid.content)["id"]}, **told}
    bounce.pop("charge")
    del bounce[left_out]

    answer = await client.post(
        DISHONOUR_PATH, content=dumps(bounce), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 201, answer.text
    (listed,) = await read(client, DISHONOUR_PATH)
    for found in (loads(answer.content), listed):
        assert {name: found[name] for name in (*told, left_out) if name in found} == {
            name: value for name, value in told.items() if name != left_out
        }
