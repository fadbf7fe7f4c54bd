"""The counter's own corrections, told to central: both ends agree on every bill, credit and figure afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.correction import CorrectionPolicy
from pos.domain.ids import new_id
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import reverse, void
from pos.till.open_bills import catch_up_all
from pos.till.refunds import RefundOrder, refund
from pos.till.swaps import SwapOrder, swap_tender
from pos.till.transfers import MoveOrder, reallocate, transfer
from sync.central.operating.verify import verify_central
from tests.builders.tills import CASHIER, SUPERVISOR, card, cash, cheque, findings, pay, rows
from tests.builders.wire import Wire, make_wire

HOUR_S = 3_600
ACTS = ("void", "reverse", "refund", "transfer", "reallocate", "swap_tender")


async def shop() -> Wire:
    """A till and its central, where one person may correct."""
    wire = await make_wire()
    alone = CorrectionPolicy(alone_minor=dict.fromkeys(ACTS, 10**9))
    wire.desk.policy = replace(wire.desk.policy, corrections=alone)
    return wire


async def agree(wire: Wire) -> None:
    """Everything is told, and nothing differs between the books, the cache and central."""
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    catch_up_all(wire.desk)
    assert set(wire.states()) == {"acknowledged"}
    assert findings(wire.desk) == []
    assert verify_central(wire.central) == []


@pytest.mark.parametrize(
    "when", ["before it is told", "after it was told", "after central's answer was pulled"]
)
async def test_a_void_leaves_both_ends_as_before(when: str) -> None:
    wire = await shop()
    before = wire.open_minor("N1-1"), wire.credit_minor("BA-1")
    receipt = pay(wire.desk, cheque("4"), cash("6"), account="BA-1").receipt.receipt_number
    if when != "before it is told":
        await wire.engine.drain(timeout_s=HOUR_S)
    if when.startswith("after central"):
        await wire.engine.pull()
    void(wire.desk, CASHIER, CorrectionOrder(receipt=receipt, reason="wrong_account"))
    catch_up_all(wire.desk)
    assert (wire.open_minor("N1-1"), wire.credit_minor("BA-1")) == before

    await agree(wire)

    assert (wire.open_minor("N1-1"), wire.credit_minor("BA-1")) == before


async def test_a_refund_a_transfer_and_a_cancelled_tender_are_the_same_at_both_ends() -> None:
    wire = await shop()
    first = pay(wire.desk, cash("6"), account="BA-1").receipt.receipt_number
    second = pay(wire.desk, card("3"), cheque("2"), account="BA-1").receipt.receipt_number
    refund(wire.desk, CASHIER, RefundOrder(receipt=first, reason="billed_twice", amount="1"))
    transfer(wire.desk, CASHIER, MoveOrder(receipt=first, account="BA-2", amount="2", reason="wrong_account"))
    reverse(wire.desk, CASHIER, CorrectionOrder(receipt=second, reason="bad_instrument", tender=2))
    catch_up_all(wire.desk)
    by_the_books = {account: wire.credit_minor(account) for account in ("BA-1", "BA-2")}
    bills = {bill: wire.open_minor(bill) for bill in ("N1-1", "N2-1")}

    await agree(wire)

    assert {account: wire.credit_minor(account) for account in by_the_books} == by_the_books
    assert {bill: wire.open_minor(bill) for bill in bills} == bills
    assert {row["state"] for row in rows(wire.desk, "v_refund")} == {"paid"}


async def test_a_payment_that_was_really_paid_another_way_is_so_at_central() -> None:
    wire = await shop()
    receipt = pay(wire.desk, cash("9"), account="BA-1").receipt.receipt_number
    await wire.engine.drain(timeout_s=HOUR_S)
    catch_up_all(wire.desk)
    bill, credit = wire.open_minor("N1-1"), wire.credit_minor("BA-1")
    swap_tender(
        wire.desk,
        SUPERVISOR,
        SwapOrder(
            receipt=receipt,
            payment_event_id=new_id(wire.desk.clock, wire.desk.randomness),
            tenders=[card("9")],
        ),
    )
    catch_up_all(wire.desk)

    await agree(wire)

    assert (wire.open_minor("N1-1"), wire.credit_minor("BA-1")) == (bill, credit)
    assert [row["state"] for row in rows(wire.desk, "v_payment")] == ["voided", "taken"]


async def test_money_that_is_kept_as_credit_is_so_at_both_ends() -> None:
    wire = await shop()
    before, credit = wire.open_minor("N1-1"), wire.credit_minor("BA-1")
    receipt = pay(wire.desk, cash("5"), account="BA-1").receipt.receipt_number
    reallocate(wire.desk, CASHIER, MoveOrder(receipt=receipt, reason="customer_wish"))

    await agree(wire)

    assert (wire.open_minor("N1-1"), wire.credit_minor("BA-1")) == (before, credit + 5_000)
