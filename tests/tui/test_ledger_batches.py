"""Ledger batches at the screen: made, delivered and marked there, and each figure down to its receipt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.domain.ledger_feed import Deliverer
from pos.domain.role import Person
from pos.store.ledger_deliveries import note_told, undelivered
from pos.till.desk import Desk
from pos.till.ledger_batches import make_batches
from pos.till.ledger_entries import behind, receipt_behind
from pos.tui.ports import BringBatches
from tests.builders.ledger import counted_day
from tests.builders.tills import BACK_OFFICE, TODAY, clock_of, findings, make_till, rows
from tests.tui.counter import counter

NUMBER = "S014-T1-A-20261121-01"
THERE = (".", "k", ".", "2")


def day_is_over(*, delivered_by: Deliverer = Deliverer.TILL) -> Desk:
    desk = counted_day()
    desk.policy = replace(desk.policy, ledger=replace(desk.policy.ledger, delivered_by=delivered_by))
    clock_of(desk).advance(seconds=timedelta(days=1).total_seconds())
    return desk


def accounting(desk: Desk, said: Mapping[str, Delivery | str]) -> BringBatches:
    """The way to an accounting system that says of each batch what ``said`` has, by number."""

    async def bring(_person: Person, number: str | None) -> AsyncIterator[tuple[str, Delivery | str]]:
        with desk.till.read() as connection:
            waiting = undelivered(connection, limit=100)
        for one in waiting if number is None else [number]:
            yield one, said[one]

    return bring


def step(state: DeliveryState, **more: str) -> Delivery:
    return Delivery(state=state, way=DeliveryWay.HTTPS, **more)


async def test_the_back_office_makes_and_delivers_the_batch_of_a_day_that_is_over() -> None:
    desk = day_is_over()
    taken = {NUMBER: step(DeliveryState.ACKNOWLEDGED, reference="GL-118")}
    async with counter(desk, user="4001", bring_batches=accounting(desk, taken)) as seat:
        await seat.press(*THERE)
        assert "2026-11-21 is in none yet. M makes it." in seat.text
        await seat.press("m")
        assert seat.message == f"{NUMBER} is made."
        assert "80.500 KWD waiting" in seat.text
        assert "Not delivered yet. D delivers what waits." in seat.text
        await seat.press("d")
        assert seat.message == "1 taken."
        assert "The accounting system has it as GL-118." in seat.text
        await seat.press("d")
        assert seat.message == "No batch waits to be delivered."
    assert [row["state"] for row in rows(desk, "v_ledger_batch")] == ["acknowledged"]
    assert findings(desk) == []


async def test_what_the_accounting_system_would_not_have_is_told_with_its_reason_and_sent_again() -> None:
    desk = day_is_over()
    make_batches(desk, BACK_OFFICE)
    said: dict[str, Delivery | str] = {NUMBER: "The folder cannot be used: No such file or directory."}
    async with counter(desk, user="4001", bring_batches=accounting(desk, said)) as seat:
        await seat.press(*THERE, "d")
        assert seat.message == f"! {NUMBER}: The folder cannot be used: No such file or directory."
        said[NUMBER] = step(DeliveryState.REFUSED, reason="Account 1010 is blocked")
        await seat.press("d")
        assert seat.message == f"! {NUMBER} was refused: Account 1010 is blocked"
        assert "Refused: Account 1010 is blocked" in seat.text
        await seat.press("d")
        assert seat.message == "No batch waits to be delivered."
        said[NUMBER] = step(DeliveryState.DELIVERED)
        await seat.press("s")
        assert seat.message == "1 delivered."
        assert "Delivered, not answered yet." in seat.text


async def test_what_the_accounting_system_said_elsewhere_is_marked_by_hand() -> None:
    desk = day_is_over(delivered_by=Deliverer.NOBODY)
    make_batches(desk, BACK_OFFICE)
    async with counter(desk, user="4001") as seat:
        await seat.press(*THERE)
        assert "Nobody delivers it: pos export gl writes its file." in seat.text
        await seat.press("n", "enter")
        assert seat.message.startswith("! Say why the accounting system refused it.")
        await seat.fill("Period closed")
        assert seat.message == f"{NUMBER} was refused."
        await seat.press("y")
        await seat.fill("GL-7")
        assert seat.message == f"{NUMBER} is taken as GL-7."
        await seat.press("n")
        await seat.fill("Never mind")
        assert seat.message == f"! Batch {NUMBER} is acknowledged already as GL-7."
    assert [row["reason"] for row in rows(desk, "ledger_delivery")] == ["Period closed", None]


async def test_a_batch_that_central_would_not_have_says_why() -> None:
    desk = day_is_over(delivered_by=Deliverer.CENTRAL)
    make_batches(desk, BACK_OFFICE)
    with desk.till.transaction() as unit:
        note_told(unit, NUMBER, "409 batch_differs Another batch was told", at=desk.clock.now())
    async with counter(desk, user="4001") as seat:
        await seat.press(*THERE)
        assert "Batches for the general ledger: 1 for central; central did not take 1" in seat.text
        assert "Central did not take it: 409 batch_differs Another batch was told" in seat.text


async def test_a_figure_leads_down_to_its_receipt() -> None:
    desk = counted_day()
    make_batches(desk, BACK_OFFICE, TODAY)
    async with counter(desk, user="6001") as seat:
        await seat.press(*THERE, "enter")
        assert seat.screen == "LedgerLinesScreen"
        assert "6 entries, 80.500 KWD on either side" in seat.text
        assert "7.000 KWD of 1 posting: Card receivable, Payment." in seat.text
        await seat.press("enter")
        assert seat.screen == "PostingsScreen"
        assert "1110 Card receivable: 7.000 KWD debit" in seat.text
        assert "S014-T1-A-000002" in seat.text
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
        assert "S014-T1-A-000002" in seat.text


async def test_a_day_that_is_not_over_is_batched_after_a_yes() -> None:
    desk = counted_day()
    async with counter(desk, user="4001") as seat:
        await seat.press(*THERE, "m")
        assert "Today, 2026-11-21, is not over. Batch it all the same?" in seat.text
        await seat.press("escape")
        assert rows(desk, "ledger_batch") == []
        await seat.press("m", "enter")
        assert seat.message == f"{NUMBER} is made."
        await seat.press("m")
        assert seat.message == "Nothing is booked that is in no batch."


async def test_the_auditor_looks_and_a_cashier_does_not() -> None:
    desk = day_is_over()
    async with counter(desk, user="6001") as seat:
        await seat.press(*THERE)
        assert "2026-11-21 is in none yet." in seat.text
        assert "M makes it" not in seat.text
        make_batches(desk, BACK_OFFICE)
    async with counter(desk, user="6001") as seat:
        await seat.press(*THERE)
        assert NUMBER in seat.text
        assert "Not delivered yet." in seat.text
        assert "D delivers" not in seat.text
        for key in ("m", "d", "s"):
            await seat.press(key)
            assert seat.message.startswith("! "), key
    async with counter(desk, user="1001") as seat:
        await seat.press("escape", *THERE)
        assert seat.message.startswith("! You may not do this. Who may: back office, auditor.")
        assert NUMBER not in seat.text
    assert [row["state"] for row in rows(desk, "v_ledger_batch")] == ["waiting"]


def test_every_posting_of_a_day_has_its_receipt_its_slip_or_its_z_report() -> None:
    desk = counted_day()
    (batch,) = make_batches(desk, BACK_OFFICE, TODAY)

    found = {
        receipt_behind(desk, BACK_OFFICE, posting).receipt_number
        for line in batch.lines
        for posting in behind(desk, BACK_OFFICE, batch.number, line.number)
    }

    assert found == {*(f"S014-T1-A-{number:06}" for number in range(1, 5)), "S014-T1-A-Z-000001"}


async def test_a_till_that_booked_nothing_has_no_batch() -> None:
    async with counter(make_till(), user="4001") as seat:
        await seat.press(*THERE)
        assert "Batches for the general ledger: none" in seat.text
        await seat.press("enter")
        assert seat.message == "! There is no batch. M makes those that are due."
