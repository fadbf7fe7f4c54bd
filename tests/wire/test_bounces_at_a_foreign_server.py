"""A cheque that bounces, at a server that has no cheques: refunds of what it paid, and payments of what counts again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.bootstrap.wire import compare_with_central
from pos.domain.approval import ApprovalNeeded
from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import Refused
from pos.till.open_bills import catch_up_all
from pos.till.refunds import RefundOrder, confirm_refund, refund
from pos.till.transfers import MoveOrder, transfer
from tests.builders.bounces import (
    bounced,
    bounced_by_two,
    by_mistake,
    cleared,
    count_of_cash,
    days_later,
    lodged,
    sent_again,
    terms,
)
from tests.builders.foreign_books import ForeignBooks, beside, minor
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    cash,
    cheque,
    closed,
    count,
    findings,
    money,
    opened,
    pay,
    rows,
    wish,
)
from tests.builders.undoing import open_bills
from tests.builders.wire import Wire

HOUR_S = 3_600
OWED = {"F1": ("F-1", "10.000"), "F2": ("F-2", "10.000"), "F3": ("F-3", "10.000"), "F4": ("F-1", "5.000")}


async def shop(server: ForeignBooks) -> Wire:
    """A till beside ``server`` where money is moved by one, and a cheque goes to the bank again and again."""
    wire = beside(server)
    alone = CorrectionPolicy(alone_minor={"transfer": 10**9})
    wire.desk.policy = replace(wire.desk.policy, corrections=alone)
    terms(wire.desk, represent_max=9, cash_only_after=0)
    assert (await wire.engine.pull()).problem is None
    return wire


def cleared_of(wire: Wire, account: str, bill: str, serial: str = "000123") -> str:
    """The receipt of a cheque of 10 that pays a bill and has cleared; another shift is open then."""
    receipt = pay(
        wire.desk, cheque("10", serial), account=account, allocate=[wish(bill)]
    ).receipt.receipt_number
    count(wire.desk, count_of_cash(wire.desk), cheques="10", cheque_count=1)
    closed(wire.desk)
    opened(wire.desk)
    cleared(wire.desk, receipt, "10")
    catch_up_all(wire.desk)
    return receipt


def sent_back(wire: Wire, receipt: str) -> None:
    """It bounces: by two people if it had cleared."""
    try:
        bounced(wire.desk, receipt)
    except ApprovalNeeded:
        bounced_by_two(wire.desk, receipt)


def moved(wire: Wire, receipt: str, account: str, amount: str) -> None:
    transfer(
        wire.desk,
        CASHIER,
        MoveOrder(receipt=receipt, account=account, amount=amount, reason="wrong_account"),
    )


def open_here(wire: Wire) -> list[int]:
    catch_up_all(wire.desk)
    return [wire.open_minor(f"N{bill}") for bill in OWED]


def open_there(server: ForeignBooks) -> list[int]:
    return [server.open_minor(bill) for bill in OWED]


def by_the_books(wire: Wire) -> dict[str, int]:
    """What stands on each account in the journal, whatever it was set against."""
    stands = dict.fromkeys(("F-1", "F-2", "F-3"), 0)
    for row in rows(wire.desk, "v_journal"):
        if row["account"] in stands and row["ledger_account"] in ("receivable", "customer_credit"):
            stands[str(row["account"])] += int(str(row["credit_minor"])) - int(str(row["debit_minor"]))
    return stands


async def agree(wire: Wire, server: ForeignBooks) -> None:
    """Everything is told, and nothing differs between the books and the server."""
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    assert {row["state"] for row in rows(wire.desk, "v_outbox")} <= {"acknowledged"}
    assert open_here(wire) == open_there(server)
    stands = by_the_books(wire)
    assert {account: server.on_account(account) for account in stands} == stands
    assert findings(wire.desk) == []
    assert await compare_with_central(wire.desk, wire.client) == []


@pytest.mark.parametrize("drops_refunded", [True, False])
@pytest.mark.parametrize("each", [True, False])
async def test_a_bounce_the_bank_again_and_another_bounce_are_at_the_server_as_in_the_books(
    each: bool, drops_refunded: bool
) -> None:
    """Rule 35: whatever the bank says, and whether each step is told at once or all of them together."""
    server = ForeignBooks(OWED, drops_refunded=drops_refunded)
    wire = await shop(server)
    receipt = cleared_of(wire, "F-1", "NF1")

    def bank_again() -> None:
        sent_again(wire.desk, receipt)
        lodged(wire.desk, receipt)

    for step, still_open in (
        (lambda: sent_back(wire, receipt), 10_000),
        (bank_again, 0),
        (lambda: sent_back(wire, receipt), 10_000),
        (lambda: by_mistake(wire.desk, receipt), 0),
    ):
        step()
        assert open_here(wire)[0] == still_open
        if each:
            await agree(wire, server)
    await agree(wire, server)
    assert (len(server.payments), len(server.refunds)) == (3, 2)


@pytest.mark.parametrize("told_before", [True, False])
@pytest.mark.parametrize("again", [sent_again, by_mistake])
async def test_a_cheque_whose_money_lay_on_two_accounts_counts_again_on_both(
    again: object, told_before: bool
) -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = cleared_of(wire, "F-1", "NF1")
    moved(wire, receipt, "F-2", "4")
    sent_back(wire, receipt)
    if told_before:
        await agree(wire, server)

    assert callable(again)
    again(wire.desk, receipt)

    await agree(wire, server)
    assert [server.on_account(account) for account in ("F-1", "F-2")] == [6_000, 4_000]


@pytest.mark.parametrize("told_before", [True, False])
async def test_money_that_counts_again_on_two_accounts_bounces_from_both(told_before: bool) -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = cleared_of(wire, "F-1", "NF1")
    moved(wire, receipt, "F-2", "4")
    sent_back(wire, receipt)
    sent_again(wire.desk, receipt)
    lodged(wire.desk, receipt)
    if told_before:
        await agree(wire, server)

    sent_back(wire, receipt)

    await agree(wire, server)
    assert open_there(server) == [10_000, 10_000, 10_000, 5_000]


async def all_told(wire: Wire) -> None:
    """The server has all that it is told, and the books hold; of charges it has not heard."""
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    catch_up_all(wire.desk)
    assert {row["state"] for row in rows(wire.desk, "v_outbox")} == {"acknowledged"}
    assert findings(wire.desk) == []
    assert await compare_with_central(wire.desk, wire.client) == []


@pytest.mark.parametrize("told_before", [True, False])
async def test_what_pays_a_charge_names_no_bill_that_the_server_never_heard_of(told_before: bool) -> None:
    """The charge is a bill of the shop's own: to the server it is money on the account, and the words say what for."""
    server = ForeignBooks(OWED)
    wire = await shop(server)
    terms(wire.desk, fee=money("5"))
    receipt = cleared_of(wire, "F-1", "NF1")
    notice = bounced_by_two(wire.desk, receipt).bill_no
    assert notice is not None
    if told_before:
        await all_told(wire)

    pay(wire.desk, cash("7"), account="F-1", allocate=[wish(notice), wish("NF4", "2")])

    await all_told(wire)
    told = server.payments[-1]
    assert [one["item"]["id"] for one in told["paymentItem"]] == ["F4"]
    assert told["charges"] == [{"billNo": notice, "amount": {"unit": "KWD", "value": 5.000}}]
    assert told["description"] == "1 bill, charge for a returned cheque, cash"
    assert open_bills(wire.desk)[notice] == 0


@pytest.mark.parametrize("told_before", [True, False])
async def test_money_that_counts_again_on_a_charge_names_no_such_bill_either(told_before: bool) -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    wire.desk.policy = replace(wire.desk.policy, corrections=CorrectionPolicy(alone_minor={"refund": 10**9}))
    receipt = cleared_of(wire, "F-1", "NF1")
    days_later(wire.desk, 60)
    back = refund(wire.desk, CASHIER, RefundOrder(receipt=receipt, amount="4", reason="wrong_account"))
    confirm_refund(wire.desk, BACK_OFFICE, back.receipt_number, "BANK 1")
    notice = bounced_by_two(wire.desk, receipt).bill_no
    assert notice is not None
    if told_before:
        await all_told(wire)

    sent_again(wire.desk, receipt)

    await all_told(wire)
    assert [one["item"]["id"] for one in server.payments[-1]["paymentItem"]] == ["F1"]
    assert minor(server.payments[-1]["totalAmount"]) == 10_000
    assert open_bills(wire.desk)[notice] == 0


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "move", "move", "bounce", "bounce", "again", "mistake", "sync"]),
        st.sampled_from(["F-1", "F-2", "F-3"]),
        st.integers(1, 9),
    ),
    min_size=2,
    max_size=12,
)


@given(deeds=DEEDS, drops_refunded=st.booleans())
async def test_after_any_bounces_the_server_has_what_the_books_have(
    deeds: list[tuple[str, str, int]], drops_refunded: bool
) -> None:
    """No money of a cheque is lost or doubled at the server, wherever it was moved and whatever the bank said."""
    server = ForeignBooks(OWED, drops_refunded=drops_refunded)
    wire = await shop(server)
    receipts = [cleared_of(wire, "F-1", "NF1")]
    for deed, account, amount in deeds:
        receipt = receipts[amount % len(receipts)]
        try:
            match deed:
                case "pay":
                    receipts.append(
                        cleared_of(wire, account, f"N{account.replace('-', '')}", f"{len(receipts):06}")
                    )
                case "move":
                    moved(wire, receipt, account, str(amount))
                case "bounce":
                    sent_back(wire, receipt)
                case "again":
                    sent_again(wire.desk, receipt)
                    if amount % 2:
                        cleared(wire.desk, receipt, "10")
                    else:
                        lodged(wire.desk, receipt)
                case "mistake":
                    by_mistake(wire.desk, receipt)
                case "sync":
                    server.lost = amount % 3
                    await wire.engine.push()
        except Refused:
            continue  # It did not bounce, or lies nowhere any more: nothing was booked.
    await agree(wire, server)
