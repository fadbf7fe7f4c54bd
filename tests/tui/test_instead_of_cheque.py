"""A cheque that lies here is paid another way at the screen: I, the key of the way, Enter; then it goes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pos.store.people import RosterEntry, put_person
from pos.till.deposits import deposit_cheques
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.post_dated import register_cheque
from tests.builders.across import FakeRefunds, elsewhere
from tests.builders.cards import FakeCards
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    NOW,
    PINS,
    TODAY,
    acknowledge_all,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    order,
    pay,
    rows,
    wish,
)
from tests.builders.undoing import balances, credits, open_bills
from tests.tui.counter import Counter, counter

RECEIPT, NOTE, LATER_NOTE = "S014-T1-A-000001", "S014-T1-A-PD-000001", "S014-T1-A-PD-000002"


@pytest.fixture
def desk() -> Desk:
    """BA-1 paid bill 7781 (41.750) by cheque 000123 and 7782 (12.500) in cash, in one payment of the open shift."""
    desk = make_till()
    opened(desk)
    pay(
        desk,
        cheque("41.750", "000123"),
        cash("12.500"),
        allocate=[wish("7781", "41.750"), wish("7782", "12.500")],
    )
    catch_up(desk)
    return desk


def later(days: int = 30) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def registered(desk: Desk, amount: str = "10", serial: str = "000777") -> None:
    register_cheque(desk, CASHIER, order(desk, cheque(amount, serial, date=later()), account="BA-5"))
    catch_up(desk)


def states(desk: Desk, view: str = "v_cheque") -> list[tuple[object, object]]:
    return [(row["serial"], row["state"]) for row in rows(desk, view)]


def modes_of(desk: Desk) -> list[object]:
    return [row["mode"] for row in rows(desk, "v_tender")]


async def to_cheque(seat: Counter, serial: str = "000123") -> None:
    """From the find box over all cheques to the life of this one."""
    await seat.press(".", ".", "7", "a")
    await seat.write(serial)
    await seat.press("enter")
    assert seat.screen == "ChequeScreen"


async def key_cheque(seat: Counter, serial: str, dated: str | None = None, amount: str | None = None) -> None:
    await seat.press("f7")
    await seat.scan(f"T021000021T 0123456789U {serial}")
    if dated is not None:
        await seat.press("up", "up")
        await seat.fill(dated)
    if amount is not None:
        await seat.write(amount)
    await seat.press("enter")


# --- one that was taken ----------------------------------------------------------------------------------------------


async def test_cash_takes_the_place_of_a_cheque_in_3_keys_and_the_drawer_opens(desk: Desk) -> None:
    before, drawers = open_bills(desk), []

    async def drawer() -> None:
        drawers.append("open")

    async with counter(desk, open_drawer=drawer) as seat:
        await to_cheque(seat)
        keys = seat.keys
        await seat.press("i")
        assert seat.screen == "InsteadOfChequeScreen"
        assert "IN PLACE OF A CHEQUE  of BA-1" in seat.text
        assert f"Cheque 000123, {RECEIPT}" in seat.text
        await seat.press("f5")
        assert "In place of cheque 000123: 41.750" in seat.text
        await seat.press("enter")

        assert seat.keys - keys == 3
        assert seat.screen == "ChequeScreen"
        assert "Cheque 000123: 41.750 KWD, replaced" in seat.text
        said = " ".join(seat.message.split())
        assert said == "Hand cheque 000123 over: S014-T1-A-000002 stands in its place."
    assert drawers == ["open"]
    assert states(desk) == [("000123", "replaced")]
    assert modes_of(desk) == ["cheque", "cash", "cash"]
    assert open_bills(desk) == before
    assert [row["receipt_number"] for row in rows(desk, "v_cheque_replacement")] == ["S014-T1-A-000002"]
    count(desk, "74.250")
    assert closed(desk).over_short.minor == 0
    assert findings(desk) == []


async def test_cash_over_the_cheque_is_change_and_is_told_first(desk: Desk) -> None:
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i", "f5")
        await seat.write("50")
        await seat.press("k")
        assert seat.message == "Its sum is fixed: what is over is given back."
        await seat.press("enter")
        assert seat.message.startswith("Change 8.250. Hand cheque 000123 over")
    assert (open_bills(desk)["7781"], credits(desk)["BA-1"]) == (0, 0)
    assert findings(desk) == []


async def test_a_card_slip_and_cash_take_its_place_together(desk: Desk) -> None:
    """A card of before is no card to be charged: where there is a card terminal its slip is keyed all the same."""
    async with counter(desk, card_terminal=FakeCards()) as seat:
        await to_cheque(seat)
        await seat.press("i")
        await seat.write("20")
        await seat.press("f6")
        assert seat.screen == "TenderScreen"
        await seat.fill("A1B2C3", "4242", "VISA", "RRN001", "T-77")
        await seat.press("enter")
        assert "is laid aside. 21.750 KWD is missing" in seat.message
        assert states(desk) == [("000123", "received")]
        await seat.press("f5", "enter")
        assert seat.message.startswith("Hand cheque 000123 over")
    assert modes_of(desk) == ["cheque", "cash", "debit_card", "cash"]
    assert findings(desk) == []


async def test_another_cheque_takes_its_place(desk: Desk) -> None:
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i")
        await key_cheque(seat, "0999")
        assert seat.message.startswith("Hand cheque 000123 over")
    assert states(desk) == [("000123", "replaced"), ("0999", "received")]
    assert balances(desk)["cheques_in_hand", None] == 41_750
    assert findings(desk) == []


async def test_a_cheque_of_a_later_date_takes_its_place_for_the_whole_sum_alone(desk: Desk) -> None:
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i")
        await key_cheque(seat, "0999", later(), "40")
        assert "has to be over all of 41.750" in seat.message
        assert (states(desk), rows(desk, "v_post_dated")) == ([("000123", "received")], [])
        await seat.press("escape", "escape", "enter")
        await seat.press("i")
        await key_cheque(seat, "0999", later())
        assert "registered, no payment until then." in seat.message
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert f"note {NOTE} stands in its place" in " ".join(seat.message.split())
    assert (states(desk), states(desk, "v_post_dated")) == (
        [("000123", "replaced")],
        [("0999", "registered")],
    )
    assert open_bills(desk)["7781"] == 41_750
    assert findings(desk) == []


# --- one of the register ---------------------------------------------------------------------------------------------


async def test_a_post_dated_cheque_is_paid_in_cash_and_what_is_over_is_change(desk: Desk) -> None:
    """Rule 39: it may be swapped before it is lodged."""
    registered(desk)
    async with counter(desk) as seat:
        await seat.press(".", "p", "i")
        assert "IN PLACE OF A CHEQUE  of BA-5" in seat.text
        assert f"Cheque 000777, {NOTE}" in seat.text
        await seat.press("f5")
        await seat.write("20")
        await seat.press("enter")

        assert seat.screen == "PostDatedScreen"
        assert seat.message.startswith("Change 10.000. Hand cheque 000777 over")
        assert "000777 " not in seat.text.split("Change")[0]
    assert states(desk, "v_post_dated") == [("000777", "withdrawn")]
    (paid,) = [row for row in rows(desk, "v_payment") if row["payer_account"] == "BA-5"]
    assert paid["amount_minor"] == 10_000
    assert findings(desk) == []


async def test_a_post_dated_cheque_is_swapped_for_one_of_another_day(desk: Desk) -> None:
    """Rule 39: another cheque takes its place in the register."""
    registered(desk)
    async with counter(desk) as seat:
        await seat.press(".", "p", "i")
        await key_cheque(seat, "0999", later(60))
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert f"note {LATER_NOTE} stands in its place" in " ".join(seat.message.split())
        assert "0999 021000021" in seat.text
    assert states(desk, "v_post_dated") == [("000777", "withdrawn"), ("0999", "registered")]
    assert findings(desk) == []


async def test_an_empty_register_has_nothing_to_pay(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press(".", "p", "i")
        assert seat.message == "! No post-dated cheque is in the register. Esc goes back."


# --- what is not done ------------------------------------------------------------------------------------------------


async def test_escape_leaves_the_cheque_where_it_is_and_that_is_kept(desk: Desk) -> None:
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i", "f5", "escape", "escape")
        assert seat.screen == "ChequeScreen"
        assert seat.message == "Cheque 000123 stays where it is."
    assert states(desk) == [("000123", "received")]
    (left,) = [row for row in rows(desk, "v_audit") if row["act"] == "abandon"]
    assert (left["subject"], left["reason_code"]) == (RECEIPT, "replace_cheque 41.750 KWD: cash")


async def test_a_part_of_a_cheque_is_not_replaced(desk: Desk) -> None:
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i")
        await seat.write("5")
        await seat.press("-")
        assert seat.message == "! The cheque is replaced whole. Add what is missing by another way."
        await seat.write("5")
        await seat.press("f5", "-")
        assert seat.message == "! This is paid anew as a whole. Add what is missing by another way."
        await seat.press("enter", "-")
        assert seat.message == "! This is paid anew as a whole. Add what is missing by another way."
    assert states(desk) == [("000123", "received")]


async def test_a_voucher_is_no_way_to_replace_a_cheque(desk: Desk) -> None:
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i", "v")
        assert seat.message.startswith("! ")
        assert seat.screen == "InsteadOfChequeScreen"
    assert states(desk) == [("000123", "received")]


async def test_one_on_its_way_to_the_bank_is_not_replaced(desk: Desk) -> None:
    count(desk, "32.500", cheques="41.750", cheque_count=1)
    closed(desk)
    deposit_cheques(desk, BACK_OFFICE, [RECEIPT])
    opened(desk)
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i")
        assert seat.message == "! This cheque is on a slip: it does not lie here to be given back."


async def test_a_cashier_is_told_at_once_that_a_cheque_is_of_another_shift(desk: Desk) -> None:
    count(desk, "32.500", cheques="41.750", cheque_count=1)
    closed(desk)
    opened(desk)
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i")
        assert "is of another shift. A supervisor or the back office may do this." in seat.message
        assert seat.screen == "ChequeScreen"


@pytest.mark.parametrize("keys", [("i", "f5", "enter"), ("w", "B", "a", "d", "enter")])
async def test_what_another_terminal_has_paid_back_of_it_is_not_given_twice(
    desk: Desk, keys: tuple[str, ...]
) -> None:
    """Rule 32: central is asked before a cheque goes back."""
    acknowledge_all(desk, applied_change=1)
    told = elsewhere(number=RECEIPT, cheque="41.750", cash="12.500")
    paid_back = (replace(told.legs[0], refunded=money("5")), *told.legs[1:])
    central = FakeRefunds(replace(told, legs=paid_back))
    async with counter(desk, refunds=central) as seat:
        await to_cheque(seat)
        await seat.press(*keys)
        assert f"Another terminal has paid back 5.000 KWD of receipt {RECEIPT}" in " ".join(
            seat.message.split()
        )
    assert (states(desk), central.looked) == ([("000123", "received")], [RECEIPT])


async def test_who_has_no_own_shift_takes_nothing(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await to_cheque(seat)
        await seat.press("i", "f5")
        assert "The open shift belongs to user 1001." in seat.message
        assert seat.screen == "InsteadOfChequeScreen"
    assert states(desk) == [("000123", "received")]


async def test_an_auditor_is_told_who_may_and_the_denial_is_kept(desk: Desk) -> None:
    async with counter(desk, user="6001") as seat:
        await to_cheque(seat)
        await seat.press("i")
        assert "Who may: cashier, supervisor, back office." in " ".join(seat.message.split())
    assert [(row["act"], row["result"]) for row in rows(desk, "v_audit")][-1] == ("replace_cheque", "denied")


async def test_the_own_account_takes_a_second_person() -> None:
    """For the cheque that goes back, and for the payment in its place."""
    desk = make_till()
    me = replace(CASHIER, accounts=frozenset({"BA-1"}))
    with desk.till.transaction() as unit:
        pin_hash = desk.pin_hasher.hash(PINS["1001"])
        put_person(unit.connection, RosterEntry(person=me, pin_hash=pin_hash, active=True), at=NOW)
    opened(desk)
    pay(desk, cheque("41.750", "000123"), allocate=[wish("7781", "41.750")])
    catch_up(desk)
    async with counter(desk) as seat:
        await to_cheque(seat)
        await seat.press("i", "f5", "enter")
        for what in ("cancel Cheque", "a payment of"):
            assert what in " ".join(seat.text.split())
            await seat.second_person("2002", PINS["2002"])
        assert seat.message.startswith("Hand cheque 000123 over")
    assert len(rows(desk, "approval_use")) == 2
    assert states(desk) == [("000123", "replaced")]
    assert findings(desk) == []
