"""A payment is as much work for the store however many came before it: on its account, at its terminal, in all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from tests.central.auth_builders import bearer, client_of, guarded
from tests.central.central_builders import (
    SteppingClock,
    account,
    asked,
    hold,
    item,
    kwd,
    payment,
    post,
    voucher_payment,
)
from tests.central.hub_builders import BILL_HUB, PAYMENT_HUB, listen

pytestmark = pytest.mark.kept_in("sqlite")

SMALL = {"hub", "event_due", "asked", "CONSTANT"}
"""Read whole: the listeners, what this very commit touched, and rows that are no table's."""


def leg(number: int, amount: str = "10.000", **more: object) -> dict[str, Any]:
    """A till's payment on account BA-1, of an event of its own; those of ten numbers at one moment, an hour after others."""
    return {
        **payment(amount),
        "correlatorId": f"E-{number:06}-1",
        "paymentEventId": f"E-{number:06}",
        "receiptNumber": f"S014-T1-{number:08}",
        "terminal": "T1",
        "epoch": 1,
        "sequence": number,
        "leg": 1,
        "paymentDate": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number // 10)).isoformat(),
        **more,
    }


def of_each_form(round_no: int) -> Mapping[str, dict[str, Any]]:
    """Payments at one terminal; all but the last two on one account and, but for the bill's, over one sum."""
    first = 10 * round_no
    walk_in = {"id": "walk-in", "@referredType": "BillingAccount"}
    return {
        "on account": leg(first),
        "on a bill": leg(
            first + 1, "0.001", paymentItem=[item("CB-1", "0.001")], clearsOverdue=[f"E-{first + 1:06}-1"]
        ),
        "reconnects": leg(first + 2, reconnect="now", clearsOverdue=[f"E-{first + 2:06}-1"]),
        "cheque": leg(first + 3, instrument=f"cheque|001|042|0012345|{first:06}"),
        "instead of the cheque": leg(first + 4, replaces=[f"E-{first + 3:06}-1"]),
        "bank receipt": leg(first + 5, instrument=f"bank_receipt|1|42|{first}|2026-11-21|10.000"),
        "card": leg(first + 6, instrument=f"card|{first}"),
        "advance": leg(first + 7, keptApart=[{"as": "advance", "amount": kwd("1.000")}]),
        "in suspense": leg(first + 8, account={"id": "BA-0"}),
        "over the counter": leg(
            first + 9,
            account=walk_in,
            payer=walk_in | {"role": "walk_in"},
            paymentItem=[
                {"item": {"id": "SIM-01", "@referredType": "Product"}, "totalAmount": kwd("10.000")}
            ],
        ),
    }


@contextmanager
def every_connection(
    store: CentralStore, *, lent: Callable[[Any], None], given_back: Callable[[Any], None]
) -> Iterator[None]:
    """What is done with the driver's connections when they are lent and given back inside."""

    def when_lent(driver: Any, *_: object) -> None:
        lent(driver)

    def when_given_back(driver: Any, _: object) -> None:
        given_back(driver)

    event.listen(store.engine, "checkout", when_lent)
    event.listen(store.engine, "checkin", when_given_back)
    try:
        yield
    finally:
        event.remove(store.engine, "checkout", when_lent)
        event.remove(store.engine, "checkin", when_given_back)


async def steps_of(
    store: CentralStore, client: httpx.AsyncClient, body: Mapping[str, Any], **headers: str
) -> int:
    """How often the store's own machine looked up from its work on the payment: at least once a row that it reads."""
    steps = 0

    def one_more() -> int:
        nonlocal steps
        steps += 1
        return 0

    with every_connection(
        store,
        lent=lambda driver: driver.set_progress_handler(one_more, 1),
        given_back=lambda driver: driver.set_progress_handler(None, 1),
    ):
        assert (await post(client, body, **headers)).status_code == 201
    return steps


async def listen_to_all(client: httpx.AsyncClient) -> None:
    for hub in (PAYMENT_HUB, BILL_HUB):
        await listen(client, hub=hub)


@pytest.mark.parametrize("told", [False, True], ids=["untold", "told"])
async def test_a_payment_is_no_more_work_after_two_hundred_others(
    store: CentralStore, client: httpx.AsyncClient, told: bool
) -> None:
    if told:
        await listen_to_all(client)
    steps: list[dict[str, int]] = []
    for round_no in range(1, 24):
        steps.append(
            {form: await steps_of(store, client, body) for form, body in of_each_form(round_no).items()}
        )

    assert steps[-1] == steps[1], "the first round opens the bill and fills what is empty"


@contextmanager
def statements_run(store: CentralStore) -> Iterator[list[str]]:
    """Every statement that the store runs inside, with its values."""
    run: list[str] = []
    with every_connection(
        store,
        lent=lambda driver: driver.set_trace_callback(run.append),
        given_back=lambda driver: driver.set_trace_callback(None),
    ):
        yield run


async def test_no_table_that_grows_is_read_whole_for_a_payment(
    store: CentralStore, client: httpx.AsyncClient
) -> None:
    await listen_to_all(client)
    assert (await hold(client, asked())).status_code == 201
    with statements_run(store) as run:
        for body in (*of_each_form(1).values(), voucher_payment()):
            assert (await post(client, body)).status_code == 201

    # The plan of an INSERT also names what it would read while a foreign key is broken.
    questions = {one for one in run if re.match(r"SELECT|UPDATE|DELETE", one)}
    with store.read() as connection:
        plans = {one: connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}").all() for one in questions}
    looked_up = {step.detail for plan in plans.values() for step in plan}
    assert "SEARCH payment USING INDEX payment_by_account" in {one.partition(" (")[0] for one in looked_up}
    read_whole = {
        (scanned[1], one)
        for one, plan in plans.items()
        for step in plan
        if (scanned := re.match(r"SCAN (\w+)", step.detail)) and scanned[1] not in SMALL
    }
    assert read_whole == set()


async def test_a_dealers_payment_is_no_more_work_among_more_accounts(
    store: CentralStore, clock: SteppingClock
) -> None:
    async with guarded(store, clock) as server:
        token = await bearer(server, client_of(store, "gulf", clock, dealer="D-12"))

        async def steps_on_a_bill(number: int) -> int:
            body = payment("0.001", correlatorId=f"c-{number}", paymentItem=[item("CB-1", "0.001")])
            return await steps_of(store, server, body, **token)

        _, _, among_few = [await steps_on_a_bill(number) for number in (1, 2, 3)]
        load_fixture(store, {"accounts": [account(f"BA-{number}") for number in range(100, 300)]})

        assert await steps_on_a_bill(4) == among_few
