"""What a shift took by its terminal's own word, against what has arrived."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.central.tills.shift_totals import LATE
from sync.retold import RETOLD_FROM, retold
from sync.wire_json import dumps, loads
from tests.central.central_builders import SteppingClock, kwd, payment, post, read

TOTAL = "/counterfoil/v1/shiftTotal"
JSON = {"content-type": "application/json"}


def total(**more: object) -> dict[str, Any]:
    """Two payments of 15.000 together, number 4 and number 5."""
    return {
        "terminal": "T2",
        "epoch": 1,
        "shiftId": "S1-T2-7",
        "closedAt": "2026-11-21T18:00:00.000000Z",
        "firstSequence": 4,
        "lastSequence": 5,
        "payments": [{"count": 2, "totalAmount": kwd("15.000")}],
        **more,
    }


async def tell(client: httpx.AsyncClient, body: Mapping[str, object]) -> httpx.Response:
    return await client.post(TOTAL, content=dumps(body), headers=JSON)


async def pay(client: httpx.AsyncClient, amount: str, sequence: int, *, epoch: int = 1) -> None:
    body = payment(
        amount, terminal="T2", epoch=epoch, sequence=sequence, leg=1, correlatorId=f"{epoch}-{sequence}"
    )
    assert (await post(client, body)).status_code == 201


def faults(store: CentralStore, clock: SteppingClock, *, after: timedelta = LATE) -> list[tuple[str, str]]:
    found = verify_central(store, at=clock.now() + after)
    return [(finding.subject_id, finding.message) for finding in found]


async def test_a_total_is_kept_once_and_told_back(client: httpx.AsyncClient) -> None:
    assert (await read(client, "/counterfoil/v1"))["shiftTotals"] == TOTAL

    first, again = await tell(client, total()), await tell(client, total())

    assert (first.status_code, again.status_code) == (201, 200)
    assert loads(first.content)["id"] == loads(again.content)["id"]
    (kept,) = await read(client, TOTAL, terminal="T2")
    assert (kept["shiftId"], kept["state"], kept["arrived"]) == ("S1-T2-7", "incomplete", [])
    assert (await read(client, f"{TOTAL}/{kept['id']}"))["payments"] == [
        {"count": 2, "totalAmount": kwd("15.000")}
    ]


async def test_it_is_complete_once_its_payments_have_arrived(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock
) -> None:
    await tell(client, total())
    await pay(client, "10.000", 4)
    await pay(client, "1.000", 6)
    await pay(client, "5.000", 4, epoch=2)
    (kept,) = await read(client, TOTAL)
    assert (kept["state"], kept["arrived"]) == ("incomplete", [{"count": 1, "totalAmount": kwd("10.000")}])

    await pay(client, "5.000", 5)

    (kept,) = await read(client, TOTAL)
    assert kept["state"] == "complete"
    assert faults(store, clock) == []


async def test_a_payment_that_did_not_come_within_a_day_is_a_finding(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock
) -> None:
    await tell(client, total())
    await pay(client, "10.000", 4)

    assert faults(store, clock, after=LATE / 2) == []
    assert faults(store, clock) == [
        ("T2", "epoch 1, shift S1-T2-7: 2 payments of 15.000 KWD were taken, 1 of 10.000 KWD are here")
    ]
    assert verify_central(store) == []


def in_shift(amount: str, sequence: int, shift: str) -> dict[str, Any]:
    return payment(
        amount,
        terminal="T2",
        epoch=1,
        sequence=sequence,
        leg=1,
        correlatorId=f"{shift}-{sequence}",
        shiftId=shift,
    )


async def test_what_was_told_by_another_number_in_a_later_enrolment_counts_in_its_own_shift(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock
) -> None:
    """A till and its copy booked different payments by the numbers 4 and 5 of the same enrolment."""
    for sequence, amount in ((4, "10.000"), (5, "5.000")):
        await post(client, in_shift(amount, sequence, "OF-THE-TILL"))
        fenced = in_shift(amount, sequence, "OF%THE_COPY")
        assert (await post(client, fenced)).status_code == 409
    await tell(client, total(shiftId="OF-THE-TILL"))
    await tell(client, total(shiftId="OF%THE_COPY"))
    kept = {row["shiftId"]: row for row in await read(client, TOTAL)}
    assert (kept["OF-THE-TILL"]["state"], kept["OF%THE_COPY"]["arrived"]) == ("complete", [])

    for sequence, amount in ((4, "10.000"), (5, "5.000")):
        again = retold(dumps(in_shift(amount, sequence, "OF%THE_COPY")), 2)
        assert again is not None
        assert loads(again)["sequence"] == RETOLD_FROM + sequence
        assert (await post(client, loads(again))).status_code == 201

    assert {row["shiftId"]: row["state"] for row in await read(client, TOTAL)} == {
        "OF-THE-TILL": "complete",
        "OF%THE_COPY": "complete",
    }
    assert faults(store, clock) == []


async def test_a_total_of_an_enrolment_that_no_payment_can_have_is_kept_as_told(
    client: httpx.AsyncClient,
) -> None:
    assert (await tell(client, total(epoch=2**53, lastSequence=2**53))).status_code == 201
    (kept,) = await read(client, TOTAL)
    assert (kept["state"], kept["arrived"]) == ("incomplete", [])


async def test_another_total_of_the_same_shift_is_refused_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    await tell(client, total())

    other = await tell(client, total(payments=[{"count": 1, "totalAmount": kwd("15.000")}]))

    assert (other.status_code, loads(other.content)["code"]) == (409, "total_differs")
    (kept,) = await read(client, TOTAL)
    assert kept["payments"] == [{"count": 2, "totalAmount": kwd("15.000")}]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"terminal": "../T2"}, "terminal"),
        ({"epoch": "1"}, "epoch"),
        ({"epoch": 0}, "epoch"),
        ({"firstSequence": 6}, "lastSequence"),
        ({"lastSequence": 2**60}, "lastSequence"),
        ({"shiftId": ""}, "shiftId"),
        ({"payments": []}, "payments"),
        ({"payments": [{"count": 2, "totalAmount": kwd("0.000")}]}, "payments[0].totalAmount"),
        ({"payments": [{"count": True, "totalAmount": kwd("1.000")}]}, "payments[0].count"),
        ({"payments": [{"count": 1, "totalAmount": kwd("1.000")}] * 2}, "payments[1].totalAmount"),
    ],
)
async def test_a_total_that_cannot_be_is_refused_by_its_field(
    client: httpx.AsyncClient, wrong: Mapping[str, object], field: str
) -> None:
    answer = await tell(client, total(**wrong))

    assert (answer.status_code, loads(answer.content)["field"]) == (400, field)
    assert await read(client, TOTAL) == []
