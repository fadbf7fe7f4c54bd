"""Tills tell central every batch, once each, and central gives out the same bytes as they do."""

from __future__ import annotations

import httpx
import pytest

from pos.domain.ledger_feed import LedgerBatch
from pos.till.cash_office import CountOrder, close_shift, count_shift
from pos.till.ledger_batches import ledger_batches, make_batches
from sync.central.ledger.batches import told_batches
from sync.central.wire.links import LEDGER_BATCH_PATH
from sync.ledger import wire as ledger_wire
from sync.ledger.files import BatchForm, batch_file
from sync.wire_json import loads
from tests.builders.tills import BACK_OFFICE, CASHIER, opened, rows
from tests.builders.wire import Fault, Wire, make_wire
from tests.till.books import spoil


def at_central(wire: Wire) -> list[LedgerBatch]:
    with wire.central.read() as connection:
        return list(told_batches(connection))


def batch_of_a_shift(wire: Wire, amount: str = "1.000") -> LedgerBatch:
    """The open shift takes ``amount`` and is closed, and what it booked is batched; the next shift is open."""
    wire.pay("BA-1", amount)
    count_shift(wire.desk, CASHIER, CountOrder(cash="0"))
    close_shift(wire.desk, CASHIER, reason="a test counts nothing")
    (batch,) = make_batches(wire.desk, BACK_OFFICE, wire.clock.now().date())
    wire.clock.advance(minutes=20)
    opened(wire.desk)
    return batch


UNBALANCED = "UPDATE ledger_batch_line SET debit_minor = debit_minor + 1 WHERE debit_minor > 0 AND number = 1"


def posts(wire: Wire) -> int:
    return sum(one.path == LEDGER_BATCH_PATH and one.method == "POST" for one in wire.network.heads)


async def test_central_is_told_every_batch_once() -> None:
    wire = await make_wire()
    first = batch_of_a_shift(wire)
    await wire.engine.push()
    assert at_central(wire) == [first]

    second = batch_of_a_shift(wire, "2.000")
    await wire.engine.push()
    await wire.engine.push()
    wire.restart()
    await wire.engine.pull()
    await wire.engine.push()

    assert at_central(wire) == [first, second]
    assert posts(wire) == 2


async def test_central_gives_out_the_bytes_that_the_till_does() -> None:
    wire = await make_wire()
    batch_of_a_shift(wire)
    await wire.engine.push()

    for form in BatchForm:
        told = "".join(batch_file(form, at_central(wire)))
        assert told == "".join(batch_file(form, ledger_batches(wire.desk, BACK_OFFICE))), form


async def test_what_central_did_not_hear_is_told_when_it_answers_again() -> None:
    wire = await make_wire()
    batch = batch_of_a_shift(wire)
    wire.network.fault_of = lambda request: (
        Fault.LOST_ANSWER if request.url.path == LEDGER_BATCH_PATH else Fault.NONE
    )
    await wire.engine.push()
    wire.network.heal()
    wire.clock.advance(minutes=10)

    await wire.engine.push()

    assert at_central(wire) == [batch]


async def test_a_batch_that_central_does_not_take_is_not_told_again_at_every_moment() -> None:
    wire = await make_wire()
    batch_of_a_shift(wire)
    asked: list[str] = []

    def fault(request: httpx.Request) -> Fault:
        if request.url.path != LEDGER_BATCH_PATH:
            return Fault.NONE
        asked.append(request.method)
        return Fault.LOST_ANSWER

    wire.network.fault_of = fault
    for _ in range(3):
        await wire.engine.push()

    assert len(asked) == 1


async def test_a_batch_that_central_will_not_have_is_set_aside_and_those_after_it_are_told() -> None:
    wire = await make_wire()
    first = batch_of_a_shift(wire)
    spoil(wire.desk, UNBALANCED)
    second = batch_of_a_shift(wire, "2.000")

    await wire.engine.push()

    assert at_central(wire) == [second]
    (aside, taken) = rows(wire.desk, "v_ledger_batch")
    assert (aside["batch_number"], taken["central_refusal"]) == (first.number, None)
    assert "do not balance" in str(aside["central_refusal"])
    asked = posts(wire)
    third = batch_of_a_shift(wire, "3.000")
    await wire.engine.push()
    assert at_central(wire) == [second, third]
    assert posts(wire) == asked + 1


async def test_a_batch_that_was_set_aside_is_told_once_more_at_the_next_start() -> None:
    wire = await make_wire()
    batch = batch_of_a_shift(wire)
    spoil(wire.desk, UNBALANCED)
    await wire.engine.push()
    wire.restart()
    await wire.engine.pull()
    await wire.engine.push()
    assert [row["state"] for row in rows(wire.desk, "ledger_set_aside")] == ["refused"]
    spoil(wire.desk, UNBALANCED.replace("+ 1", "- 1"))

    wire.restart()
    await wire.engine.pull()
    await wire.engine.push()

    assert at_central(wire) == [batch]
    assert [row["state"] for row in rows(wire.desk, "ledger_set_aside")] == ["refused", "taken"]
    assert rows(wire.desk, "v_ledger_batch")[0]["central_refusal"] is None


async def test_another_batch_under_the_number_at_central_is_told_to_the_till() -> None:
    wire = await make_wire()
    batch_of_a_shift(wire)
    await wire.engine.push()
    spoil(wire.desk, "UPDATE ledger_batch_line SET category = 'Takings'")
    with wire.central.write() as connection:
        connection.exec_driver_sql("UPDATE ledger_batch SET terminal = 'T9'")
    wire.restart()
    await wire.engine.pull()
    await wire.engine.push()

    (row,) = rows(wire.desk, "v_ledger_batch")
    assert "batch_differs" in str(row["central_refusal"])


async def test_a_great_batch_goes_in_parts_and_after_a_break_from_where_central_got_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = await make_wire()
    batch = batch_of_a_shift(wire)
    lines = len(batch.lines)
    assert lines > 3
    monkeypatch.setattr(ledger_wire, "PART_LINES_MAX", 1)
    parts: list[int] = []

    def fault(request: httpx.Request) -> Fault:
        if request.url.path != LEDGER_BATCH_PATH or request.method != "POST":
            return Fault.NONE
        parts.append(loads(request.content)["linesFrom"])
        return Fault.LOST_ANSWER if len(parts) == 2 else Fault.NONE

    wire.network.fault_of = fault
    await wire.engine.push()
    assert (parts, at_central(wire)) == ([1, 2], [])
    wire.restart()
    await wire.engine.pull()
    await wire.engine.push()

    assert at_central(wire) == [batch]
    assert parts == [1, 2, 1, *range(3, lines + 1)]


async def test_a_till_tells_all_of_its_own_where_central_last_heard_another_store_of_it() -> None:
    wire = await make_wire()
    other = await make_wire(seed="an earlier life of this terminal")
    other.network.leads_to = wire.network.leads_to
    other.desk.identity = wire.desk.identity
    lost = batch_of_a_shift(other, "3.000")
    await other.engine.push()
    with wire.central.write() as connection:
        connection.exec_driver_sql(
            "UPDATE ledger_batch SET batch_number = 'OTHER', body = replace(body, 'T1-A', 'T1-Z')"
        )
    own = batch_of_a_shift(wire)
    assert own.number == lost.number

    await wire.engine.push()

    with wire.central.read() as connection:
        numbers = connection.exec_driver_sql("SELECT batch_number FROM ledger_batch ORDER BY change_number")
        assert list(numbers.scalars()) == ["OTHER", own.number]
