"""Batches for the general ledger as tills tell them: kept as told, refused where they do not add up."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.domain.ledger_feed import Deliverer, LedgerBatch
from pos.domain.money import Money, currency
from sync.central.ledger.batches import told_batches
from sync.central.ledger.deliveries import batches_to_deliver, last_delivery, note_delivery
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.ledger.wire import read_batch, told_batch, told_in_parts
from sync.wire_json import dumps, loads
from tests.builders.ledger import batch_of_a_day
from tests.central.central_builders import SteppingClock, read

BATCHES = "/counterfoil/v1/ledgerBatch"
JSON = {"content-type": "application/json"}
NUMBER = "S014-T1-A-20261121-01"


@pytest.fixture(scope="module")
def batch() -> LedgerBatch:
    return batch_of_a_day(delivered_by=Deliverer.CENTRAL)


async def tell(client: httpx.AsyncClient, body: Mapping[str, object]) -> httpx.Response:
    return await client.post(BATCHES, content=dumps(body), headers=JSON)


async def test_a_batch_is_kept_once_and_told_back_as_it_was(
    client: httpx.AsyncClient, batch: LedgerBatch
) -> None:
    assert (await read(client, "/counterfoil/v1"))["ledgerBatches"] == BATCHES

    first, again = await tell(client, told_batch(batch)), await tell(client, told_batch(batch))

    assert (first.status_code, again.status_code) == (201, 200)
    (kept,) = await read(client, BATCHES, terminal="T1")
    assert (kept["id"], kept["deliveredBy"], kept["totals"]) == (
        NUMBER,
        "central",
        [{"currency": "KWD", "debit": "80.500", "credit": "80.500"}],
    )
    assert read_batch(await read(client, f"{BATCHES}/{NUMBER}")) == batch


def great(batch: LedgerBatch, lines: int) -> LedgerBatch:
    """A batch of so many lines, in which the same amount stands on either side again and again."""
    debit = next(line for line in batch.lines if line.debit.minor)
    credit = replace(debit, debit=debit.credit, credit=debit.debit)
    return replace(
        batch,
        lines=tuple(
            replace(
                credit if place % 2 == 0 else debit,
                number=place,
                name=f"Konto {place:05} \u0643\u0648\u064a\u062a",
            )
            for place in range(1, lines + 1)
        ),
    )


async def test_a_batch_that_is_too_great_for_one_request_is_told_in_parts(
    store: CentralStore, client: httpx.AsyncClient, batch: LedgerBatch
) -> None:
    """Each part goes once: one that comes again, or too early, only says how far central has got."""
    of_a_chain = great(batch, 2_000)
    told = told_batch(of_a_chain)
    assert (await tell(client, told)).status_code == 413
    parts = list(told_in_parts(told))
    assert len(parts) == 4

    answers = [await tell(client, parts[place]) for place in (0, 0, 2, 1, 2, 0)]
    assert [loads(one.content)["linesHeard"] for one in answers] == [500, 500, 500, 1_000, 1_500, 1_500]
    assert {one.status_code for one in answers} == {202}
    assert await read(client, BATCHES) == []
    last = await tell(client, parts[3])
    assert last.status_code == 201
    assert [(await tell(client, part)).status_code for part in (parts[3], parts[0])] == [200, 200]
    with store.read() as connection:
        assert list(told_batches(connection)) == [of_a_chain]
        assert connection.execute(text("SELECT count(*) FROM ledger_batch_part")).scalar_one() == 0
    assert verify_central(store) == []


async def test_a_batch_in_parts_that_is_not_what_it_says_is_no_batch(
    store: CentralStore, client: httpx.AsyncClient, batch: LedgerBatch
) -> None:
    first, *between, last = told_in_parts(told_batch(great(batch, 1_600)))
    wrong = copy.deepcopy(last)
    lines: Any = wrong["lines"]
    lines[-1]["accountName"] = "Other"
    for body in (first, *between):
        assert (await tell(client, body)).status_code == 202
    refused = await tell(client, wrong)
    assert (refused.status_code, loads(refused.content)["code"]) == (400, "bad_field")
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger_batch_part")).scalar_one() == 0
    for body in (first, *between):
        assert (await tell(client, body)).status_code == 202
    assert (await tell(client, last)).status_code == 201


async def test_a_terminal_begins_another_batch_and_gives_the_one_before_up(
    store: CentralStore, client: httpx.AsyncClient, batch: LedgerBatch
) -> None:
    given_up = next(told_in_parts(told_batch(great(batch, 1_200))))
    instead = list(told_in_parts(told_batch(great(batch, 1_000))))
    assert (await tell(client, given_up)).status_code == 202
    assert [(await tell(client, body)).status_code for body in instead] == [202, 201]
    too_much = {**given_up, "lineCount": 10_001}
    assert (await tell(client, too_much)).status_code == 400
    with store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM ledger_batch_part")).scalar_one() == 0


async def test_a_day_of_a_bank_s_file_in_a_currency_of_great_numbers_is_told(
    client: httpx.AsyncClient, batch: LedgerBatch
) -> None:
    """A batch sums what no person ever types as one amount: a million bills of two million rials."""
    rials = currency("IRR")
    great = tuple(
        replace(
            line,
            debit=Money(line.debit.minor * 10**11, rials),
            credit=Money(line.credit.minor * 10**11, rials),
        )
        for line in batch.lines
    )

    assert (await tell(client, told_batch(replace(batch, lines=great)))).status_code == 201


@pytest.mark.parametrize(
    "other", [{"delivered_by": Deliverer.TILL}, {"terms": {"company": "02"}}, {"entries": 7}]
)
async def test_another_batch_of_the_same_lines_is_refused_in_parts_too(
    client: httpx.AsyncClient, batch: LedgerBatch, other: dict[str, Any]
) -> None:
    whole = great(batch, 600)
    for part in told_in_parts(told_batch(whole)):
        taken = await tell(client, part)
    again = await tell(client, next(told_in_parts(told_batch(whole))))

    answer = await tell(client, next(told_in_parts(told_batch(replace(whole, **other)))))

    assert (taken.status_code, again.status_code) == (201, 200)
    assert (answer.status_code, loads(answer.content)["code"]) == (409, "batch_differs")


async def test_another_batch_under_the_number_is_refused(
    client: httpx.AsyncClient, store: CentralStore, batch: LedgerBatch
) -> None:
    await tell(client, told_batch(batch))
    other = batch_of_a_day(more="2.000", delivered_by=Deliverer.CENTRAL)
    assert other.number == batch.number

    answer = await tell(client, told_batch(other))

    assert (answer.status_code, loads(answer.content)["code"]) == (409, "batch_differs")
    with store.read() as connection:
        assert list(told_batches(connection)) == [batch]


def line_of(body: dict[str, Any], number: int = 0) -> dict[str, Any]:
    line: dict[str, Any] = body["lines"][number]
    return line


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda body: line_of(body).update(debit="0.001"), "lines"),
        (lambda body: line_of(body).update(code="9"), None),
        (lambda body: line_of(body).update(account="9999"), "sha256"),
        (lambda body: line_of(body).update(debit="1.5"), "lines[0].debit"),
        (lambda body: line_of(body).update(credit="1.000"), "lines[0]"),
        (lambda body: line_of(body).update(line=7), "lines[0].line"),
        (lambda body: line_of(body).update(kind="cash"), "lines[0].kind"),
        (lambda body: body["totals"][0].update(debit="1.000"), "totals"),
        (lambda body: body.update(lineCount=1), "lineCount"),
        (lambda body: body.update(sha256="0" * 64), "sha256"),
        (lambda body: body.update(accountingDate="2026-12-01"), "sha256"),
        (lambda body: body.update(businessDate="2026-11-22"), "batch"),
        (lambda body: body.update(batch="S014-T1-A-20261121-02"), "batch"),
        (lambda body: body.update(series="B"), "batch"),
        (lambda body: body.update(businessDate="yesterday"), "businessDate"),
        (lambda body: body.update(sequence=0), "sequence"),
        (lambda body: body.update(deliveredBy="me"), "deliveredBy"),
        (lambda body: body.update(lines=[]), "lines"),
        (lambda body: body.update(terms="x"), "terms"),
    ],
)
async def test_a_batch_that_does_not_add_up_is_refused(
    spoil: Callable[[dict[str, Any]], None],
    field: str | None,
    client: httpx.AsyncClient,
    store: CentralStore,
    batch: LedgerBatch,
) -> None:
    body = copy.deepcopy(told_batch(batch))
    spoil(body)

    answer = await tell(client, body)

    if field is None:
        assert answer.status_code == 201
        return
    assert answer.status_code == 400
    assert field in loads(answer.content)["message"]
    with store.read() as connection:
        assert list(told_batches(connection)) == []


async def test_central_delivers_what_was_left_to_it_and_nothing_else(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock, batch: LedgerBatch
) -> None:
    await tell(client, told_batch(batch))
    await tell(client, told_batch(batch_of_a_day(terminal="T2", delivered_by=Deliverer.TILL)))
    with store.read() as connection:
        assert len(list(told_batches(connection))) == 2
        assert batches_to_deliver(connection) == [batch]
    delivered = Delivery(state=DeliveryState.DELIVERED, way=DeliveryWay.FOLDER, file_digest="a" * 64)
    taken = Delivery(state=DeliveryState.ACKNOWLEDGED, way=DeliveryWay.FOLDER, reference="GL-7")

    with store.write() as connection:
        assert note_delivery(connection, NUMBER, delivered, at=clock.now())
        assert batches_to_deliver(connection) == [batch]
        assert note_delivery(connection, NUMBER, taken, at=clock.now())
        assert note_delivery(connection, NUMBER, taken, at=clock.now())
        assert not note_delivery(connection, NUMBER, delivered, at=clock.now())

    with store.read() as connection:
        assert batches_to_deliver(connection) == []
        assert last_delivery(connection, NUMBER) == taken


async def test_a_refused_batch_waits_until_it_is_named(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock, batch: LedgerBatch
) -> None:
    await tell(client, told_batch(batch))
    with store.write() as connection:
        no = Delivery(state=DeliveryState.REFUSED, way=DeliveryWay.HTTPS, reason="Period closed")
        note_delivery(connection, NUMBER, no, at=clock.now())

        assert batches_to_deliver(connection) == []
        assert batches_to_deliver(connection, NUMBER) == [batch]


async def test_a_batch_that_is_brought_again_may_be_refused_again_or_go_another_way(
    client: httpx.AsyncClient, store: CentralStore, clock: SteppingClock, batch: LedgerBatch
) -> None:
    await tell(client, told_batch(batch))
    steps = [
        Delivery(state=DeliveryState.DELIVERED, way=DeliveryWay.FOLDER, file_digest="a" * 64),
        Delivery(state=DeliveryState.DELIVERED, way=DeliveryWay.FOLDER, file_digest="b" * 64),
        Delivery(state=DeliveryState.REFUSED, way=DeliveryWay.HTTPS, reason="Period closed"),
        Delivery(state=DeliveryState.REFUSED, way=DeliveryWay.HTTPS, reason="Account 1010 is blocked"),
    ]

    with store.write() as connection:
        assert all([note_delivery(connection, NUMBER, one, at=clock.now()) for one in steps])

    with store.read() as connection:
        assert last_delivery(connection, NUMBER) == steps[-1]


async def test_a_batch_that_somebody_altered_is_found(
    client: httpx.AsyncClient, store: CentralStore, batch: LedgerBatch
) -> None:
    await tell(client, told_batch(batch))
    assert verify_central(store) == []
    with store.write() as connection:
        connection.execute(text("UPDATE ledger_batch SET body = replace(body, '\"5.000\"', '\"6.000\"')"))

    assert [(finding.subject, finding.subject_id) for finding in verify_central(store)] == [
        ("ledger batch", NUMBER)
    ]
