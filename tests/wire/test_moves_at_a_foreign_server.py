"""Moved money at a server that has no moves: a refund of the one payment and a payment of the other, linked, each once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.bootstrap.wire import compare_with_central
from pos.domain.correction import CorrectionKind, CorrectionPolicy
from pos.domain.errors import Refused
from pos.store import outbox
from pos.store.migrations.versions.v0036_moved_money_told import SCHEMA
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import reverse
from pos.till.open_bills import catch_up_all
from pos.till.refunds import RefundOrder, refund
from pos.till.transfers import MoveOrder, reallocate, transfer
from tests.builders.corrections import on, undone
from tests.builders.foreign_books import ForeignBooks, beside
from tests.builders.tills import CASHIER, card, findings, rows
from tests.builders.wire import Fault, Wire, make_wire, payments_at

HOUR_S = 3_600
ACTS = ("refund", "transfer", "reallocate", "reverse")
OWED = {"F1": ("F-1", "10.000"), "F2": ("F-2", "10.000"), "F3": ("F-3", "10.000"), "F4": ("F-1", "5.000")}


async def shop(server: ForeignBooks) -> Wire:
    """A till beside ``server``, where one person may correct."""
    wire = beside(server)
    alone = CorrectionPolicy(alone_minor=dict.fromkeys(ACTS, 10**9))
    wire.desk.policy = replace(wire.desk.policy, corrections=alone)
    assert (await wire.engine.pull()).problem is None
    return wire


def paid(wire: Wire, account: str, amount: str, *bills: str) -> str:
    return receipt_of(wire, wire.pay(account, amount, *bills))


def receipt_of(wire: Wire, event_id: str) -> str:
    return str(
        next(
            row["receipt_number"]
            for row in rows(wire.desk, "v_payment")
            if row["payment_event_id"] == event_id
        )
    )


def moved(wire: Wire, receipt: str, account: str, amount: str | None = None) -> None:
    transfer(
        wire.desk,
        CASHIER,
        MoveOrder(receipt=receipt, account=account, amount=amount, reason="wrong_account"),
    )


def given_back(wire: Wire, receipt: str, amount: str) -> None:
    refund(wire.desk, CASHIER, RefundOrder(receipt=receipt, amount=amount, reason="billed_twice"))


def open_here(wire: Wire) -> list[int]:
    catch_up_all(wire.desk)
    return [wire.open_minor(f"N{bill}") for bill in OWED]


def open_there(server: ForeignBooks) -> list[int]:
    return [server.open_minor(bill) for bill in OWED]


async def settle(wire: Wire) -> None:
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None


@pytest.mark.parametrize("drops_refunded", [True, False])
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
async def test_a_transfer_is_a_refund_of_the_one_and_a_payment_of_the_other(
    lost: int, drops_refunded: bool
) -> None:
    server = ForeignBooks(OWED, drops_refunded=drops_refunded)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    server.lost = lost
    moved(wire, receipt, "F-2")
    by_the_books = open_here(wire)

    await settle(wire)

    (back,), (first, second) = server.refunds, server.payments
    assert (back["payment"]["id"], back["account"]["id"]) == (first["id"], "F-1")
    assert (second["account"]["id"], second["paymentMethod"]["@referredType"]) == ("F-2", "AccountTransfer")
    assert back["totalAmount"] == second["totalAmount"] == first["totalAmount"]
    assert (back["movedTo"], second["movedFrom"]) == (second["correlatorId"], [back["correlatorId"]])
    assert open_here(wire) == open_there(server) == by_the_books == [10_000, 0, 10_000, 5_000]
    assert [row["told"] for row in rows(wire.desk, "v_transfer")] == ["acknowledged"]
    assert findings(wire.desk) == []
    assert await compare_with_central(wire.desk, wire.client) == []


async def test_a_part_is_moved_and_the_rest_stays() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    moved(wire, paid(wire, "F-1", "10", "NF1"), "F-2", "4")

    await settle(wire)

    assert [server.on_account(account) for account in ("F-1", "F-2")] == [6_000, 4_000]
    assert open_here(wire) == open_there(server) == [4_000, 6_000, 10_000, 5_000]


async def test_money_that_stays_on_its_account_for_other_bills_is_told_the_same_way() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "5", "NF1")
    await settle(wire)
    reallocate(wire.desk, CASHIER, MoveOrder(receipt=receipt, bills=[("NF4", "5")], reason="customer_wish"))

    await settle(wire)

    assert open_here(wire) == open_there(server) == [10_000, 10_000, 10_000, 0]
    assert server.on_account("F-1") == 5_000
    assert {row["state"] for row in rows(wire.desk, "v_outbox")} == {"acknowledged"}


async def test_moved_money_is_refunded_where_it_is() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    moved(wire, receipt, "F-2")
    await settle(wire)
    given_back(wire, receipt, "3")

    await settle(wire)

    assert [(one["payment"]["id"], one["account"]["id"]) for one in server.refunds] == [
        ("F-1", "F-1"),
        ("F-2", "F-2"),
    ]
    assert server.refunds[1]["paymentMethod"] == server.payments[0]["paymentMethod"], "back the way it came"
    assert open_here(wire) == open_there(server) == [10_000, 3_000, 10_000, 5_000]
    assert await compare_with_central(wire.desk, wire.client) == []


@pytest.mark.parametrize("told_before", [True, False])
async def test_a_refund_of_money_that_lies_on_two_accounts_is_two_refunds(told_before: bool) -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    moved(wire, receipt, "F-2", "4")
    if told_before:
        await settle(wire)
    given_back(wire, receipt, "7")

    await settle(wire)

    back = {one["account"]["id"]: one["totalAmount"]["value"] for one in server.refunds[1:]}
    assert sum(back.values()) == 7
    assert len(back) == 2
    assert open_here(wire) == open_there(server)
    assert sum(server.on_account(account) for account in ("F-1", "F-2")) == 3_000
    assert [row["state"] for row in rows(wire.desk, "v_refund")] == ["paid"]


async def test_money_is_moved_on_from_where_it_is() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    moved(wire, receipt, "F-2")
    moved(wire, receipt, "F-3", "6")

    await settle(wire)

    assert [server.on_account(account) for account in ("F-1", "F-2", "F-3")] == [0, 4_000, 6_000]
    assert open_here(wire) == open_there(server) == [10_000, 6_000, 4_000, 5_000]


async def test_a_refund_that_the_server_refuses_holds_the_payment_of_the_other_back() -> None:
    """Money is never at the server twice: what was not taken off the one account is not put on the other."""
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    server.refuses = {"refund"}
    moved(wire, receipt, "F-2")
    moved(wire, receipt, "F-3")

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, len(server.payments)) == (0, 1)
    assert {row["kind"] for row in rows(wire.desk, "v_outbox") if row["state"] == "parked"} == {"refund"}
    server.refuses = set()
    with wire.desk.till.transaction() as unit:
        outbox.retry_parked(unit.connection, at=wire.desk.clock.now())
    await settle(wire)
    assert [server.on_account(account) for account in ("F-1", "F-2", "F-3")] == [0, 0, 10_000]
    assert open_here(wire) == open_there(server)


async def test_a_refund_that_is_refused_for_good_holds_no_other_move_back() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    await settle(wire)
    server.refuses = {"refund"}
    given_back(wire, receipt, "3")
    await settle(wire)
    server.refuses = set()
    moved(wire, receipt, "F-2", "7")

    await settle(wire)

    assert [server.on_account(account) for account in ("F-1", "F-2")] == [3_000, 7_000]


async def test_a_move_that_cannot_be_told_whole_is_not_told_in_part() -> None:
    """Some of its money lies where a payment of an earlier move was refused: nothing is taken off meanwhile."""
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    await settle(wire)
    server.refuses = {"payment"}
    moved(wire, receipt, "F-3", "3")
    await settle(wire)
    server.refuses = set()
    moved(wire, receipt, "F-2", "8")

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, report.parked) == (0, 0)
    assert [server.on_account(account) for account in ("F-1", "F-2", "F-3")] == [7_000, 0, 0]
    assert [row["told"] for row in rows(wire.desk, "v_transfer")] == ["parked", "waiting"]
    with wire.desk.till.transaction() as unit:
        outbox.retry_parked(unit.connection, at=wire.desk.clock.now())
    await settle(wire)
    assert [server.on_account(account) for account in ("F-1", "F-2", "F-3")] == [2_000, 8_000, 0]
    assert open_here(wire) == open_there(server)


async def test_a_bill_is_never_shown_too_high_while_the_answer_to_a_move_is_lost() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    await settle(wire)
    moved(wire, receipt, "F-2", "6")
    server.lost = 1
    await wire.engine.push()

    assert (await wire.engine.pull()).problem is None

    assert open_here(wire) == [6_000, 4_000, 10_000, 5_000]


async def test_the_rest_of_a_bill_that_is_owed_again_is_told_once() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    payments = replace(wire.desk.policy.payments, tolerance_minor=5)
    wire.desk.policy = replace(wire.desk.policy, payments=payments)
    receipt = receipt_of(wire, wire.pay("F-1", "9.998", "NF1", tender=card("9.998")))
    moved(wire, receipt, "F-2", "4")
    await settle(wire)
    reverse(wire.desk, CASHIER, CorrectionOrder(receipt=receipt, reason="bad_instrument", tender=1))

    await settle(wire)

    assert len(server.refunds) == 3
    assert [one["writeOff"][0]["bill"] for one in server.refunds if "writeOff" in one] == ["F1"]


@pytest.mark.parametrize("fault", [Fault.CONFLICT_AFTER, Fault.LOST_ANSWER, Fault.FAILED_AFTER])
async def test_a_counterfoil_central_that_is_reached_as_any_server_is_told_both(fault: Fault) -> None:
    wire = await make_wire(own=False)
    receipt = receipt_of(wire, wire.pay("BA-1", "10", "N1-1"))
    await wire.engine.drain(timeout_s=HOUR_S)
    undone(wire.desk, receipt, CorrectionKind.TRANSFER, placed=[on("BA-2", 6_000, bill="N2-1")])
    wire.network.script(fault)

    await settle(wire)

    catch_up_all(wire.desk)
    assert (wire.open_minor("N1-1"), wire.open_minor("N2-1")) == (6_000, 4_000)
    assert len(payments_at(wire.central)) == 2


@pytest.mark.parametrize(
    ("then", "stands"), [("refund", [0, 0, 0]), ("move", [0, 0, 10_000]), ("", [0, 10_000, 0])]
)
async def test_what_waited_at_an_upgrade_is_told_as_what_is_new(then: str, stands: list[int]) -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    await settle(wire)
    moved(wire, receipt, "F-2")
    if then == "refund":
        given_back(wire, receipt, "10")
    elif then == "move":
        moved(wire, receipt, "F-3")
    as_before_the_messages(wire)

    await settle(wire)

    assert [server.on_account(account) for account in ("F-1", "F-2", "F-3")] == stands
    assert open_here(wire) == open_there(server)


def as_before_the_messages(wire: Wire) -> None:
    """The outbox as it was when a move was one message, then what the step of the store does with it."""
    insert = SCHEMA[SCHEMA.index("INSERT INTO outbox") : SCHEMA.index("CREATE TRIGGER moved_money")]
    with wire.desk.till.transaction() as unit:
        wall = unit.connection.exec_driver_sql(
            "SELECT sql FROM sqlite_schema WHERE name = 'outbox_is_never_deleted'"
        ).scalar_one()
        unit.connection.exec_driver_sql("DROP TRIGGER outbox_is_never_deleted")
        unit.connection.exec_driver_sql("DELETE FROM outbox WHERE kind IN ('moved', 'moved_refund')")
        unit.connection.exec_driver_sql(wall)
        unit.connection.exec_driver_sql(insert.strip().rstrip(";"))


async def test_a_bill_that_moved_money_pays_is_paid_before_the_server_says_so() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    receipt = paid(wire, "F-1", "10", "NF1")
    await settle(wire)
    moved(wire, receipt, "F-2")
    assert open_here(wire) == [10_000, 0, 10_000, 5_000]

    await wire.engine.drain(timeout_s=HOUR_S)

    assert open_here(wire)[1] == 0
    assert (await wire.engine.pull()).problem is None
    assert open_here(wire) == [10_000, 0, 10_000, 5_000]


async def test_a_move_that_the_server_lost_is_found_out() -> None:
    server = ForeignBooks(OWED)
    wire = await shop(server)
    moved(wire, paid(wire, "F-1", "10", "NF1"), "F-2")
    await settle(wire)
    key = server.payments.pop()["correlatorId"]

    found = await compare_with_central(wire.desk, wire.client)

    assert [(one.check, one.where) for one in found] == [("payment_is_at_central", key)]


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.sampled_from(["F-1", "F-2"]), st.integers(1, 9)),
        st.tuples(st.just("move"), st.sampled_from(["F-1", "F-2", "F-3"]), st.integers(1, 9)),
        st.tuples(st.just("refund"), st.just(""), st.integers(1, 5)),
        st.tuples(st.just("sync"), st.just(""), st.integers(0, 2)),
    ),
    min_size=2,
    max_size=10,
)


@given(deeds=DEEDS, drops_refunded=st.booleans())
async def test_after_any_deeds_the_server_has_what_the_books_have(
    deeds: list[tuple[str, str, int]], drops_refunded: bool
) -> None:
    """No money is lost, doubled or refunded beyond its payment, whatever was moved where and which answers were lost."""
    server = ForeignBooks(OWED, drops_refunded=drops_refunded)
    wire = await shop(server)
    receipts: list[str] = []
    for deed, account, amount in deeds:
        try:
            match deed:
                case "pay":
                    # An even amount is meant for the account's bill, an odd one is credit.
                    receipts.append(
                        paid(wire, account, str(amount), *([f"N{account.replace('-', '')}"][amount % 2 :]))
                    )
                case "move" if receipts:
                    moved(wire, receipts[amount % len(receipts)], account, str(amount))
                case "refund" if receipts:
                    given_back(wire, receipts[amount % len(receipts)], str(amount))
                case "sync":
                    server.lost = amount
                    await wire.engine.push()
        except Refused:
            continue  # More than is left of it, or where it is already: nothing was booked.

    await settle(wire)

    assert {row["state"] for row in rows(wire.desk, "v_outbox")} <= {"acknowledged"}
    assert open_here(wire) == open_there(server)
    stands = dict.fromkeys(("F-1", "F-2", "F-3"), 0)
    for row in rows(wire.desk, "v_journal"):
        if row["account"] in stands and row["ledger_account"] in ("receivable", "customer_credit"):
            stands[str(row["account"])] += int(str(row["credit_minor"])) - int(str(row["debit_minor"]))
    assert {account: server.on_account(account) for account in stands} == stands
    assert findings(wire.desk) == []
    assert await compare_with_central(wire.desk, wire.client) == []
