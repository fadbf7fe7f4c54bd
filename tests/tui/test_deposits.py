"""The back office at the cheques for the bank: a slip in four keys, its lodgement, and what the bank credited."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.deposit import BankAccount, DepositPolicy
from pos.domain.payment_event import Overpayment
from pos.till.cash_bags import bag_cash
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import deposit_cheques, lodge_deposit
from pos.till.desk import Desk
from tests.builders.tills import (
    BACK_OFFICE,
    SUPERVISOR,
    TODAY,
    cash,
    cheque,
    closed,
    count,
    findings,
    make_till,
    opened,
    pay,
    rows,
)
from tests.tui.counter import counter

SLIP = "S014-T1-A-DS-000001"


@pytest.fixture
def desk() -> Desk:
    """Two cheques of a counted shift, the second of them nearly too old."""
    desk = make_till()
    opened(desk)
    pay(desk, cheque("41.750", "000123", drawer="Lina Haddad"))
    pay(desk, cheque("12.500", "000124", date=(TODAY - timedelta(days=170)).isoformat()))
    count(desk, "20", cheques="54.250", cheque_count=2)
    closed(desk)
    return desk


def take_in(desk: Desk, amount: str) -> None:
    """Another shift, of nothing but cash: the safe has so much more."""
    opened(desk)
    pay(desk, cash(amount), account="BA-3", overpayment=Overpayment.CREDIT)
    count(desk, str(20 + int(amount)))
    closed(desk)


def state(desk: Desk) -> list[object]:
    return [row["state"] for row in rows(desk, "v_deposit_slip")]


async def test_a_slip_takes_4_keys_and_is_printed(desk: Desk) -> None:
    """Domain.md 3.3: menu, list, Enter; every cheque is ticked at first, the oldest first."""
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7")
        assert seat.screen == "DepositsScreen"
        assert seat.text.splitlines()[-1].rstrip().endswith("A All  Esc Back"), "every way from here is shown"
        assert "2 of 2, 54.250 KWD into main" in seat.text
        first, second = [line for line in seat.text.splitlines() if line.endswith(("12.500", "41.750"))]
        assert first.startswith(">*")
        assert (first.split()[2], second.split()[2:5]) == ("10", ["180", "000123", "001"])
        assert "Cheque 000124: 10 days until it is too old." in seat.text
        await seat.press("enter")

        assert seat.keys == 4
        assert seat.message == f"Slip {SLIP}: 2 cheques, 54.250 KWD, is being printed. S lodges it."
        await seat.press("enter")
        assert seat.message == "! No cheque is ticked. Space ticks one, S lists the slips."
    assert [(row["receipt_number"], row["state"]) for row in rows(desk, "print_job")][-1] == (SLIP, "waiting")
    assert state(desk) == ["made"]


async def test_a_slip_without_one_cheque_is_lodged_and_confirmed_in_one_sum(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7", "down", "space", "enter", "s", "l")
        assert seat.screen == "LodgeScreen"
        await seat.press("enter", "enter", "enter")
        assert "! Its reference may hold" in seat.text or seat.message.startswith("! Reference")
        await seat.fill("NBK 7781/3")
        await seat.press("enter", "enter")
        assert seat.message == f"{SLIP} is lodged: 12.500 in clearing."
        assert "reference NBK 7781/3" in seat.text
        await seat.press("y")
        await seat.fill("12.000")
        await seat.press("enter")
        assert "the bank says 12.000: 0.500 less" in " ".join(seat.text.split())
        assert state(desk) == ["lodged"]
        await seat.fill("12.500")
        await seat.press("enter")
        assert seat.message == f"{SLIP} is confirmed: the bank has all of 12.500."
        await seat.press("n")
        assert seat.message == f"! Deposit slip {SLIP} is confirmed: this cannot be done with it now."
        await seat.press("escape")
        assert "1 of 1, 41.750 KWD" in seat.text
    assert (state(desk), findings(desk)) == (["confirmed"], [])


async def test_cheques_are_credited_one_by_one_and_a_slip_is_taken_back(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7", "enter", "s", "n")
        await seat.write("wrong bank")
        await seat.press("enter")
        assert seat.message.startswith(f"{SLIP} is cancelled.")
        await seat.press("escape", "enter", "s", "l")
        await seat.fill("X1")
        await seat.press("enter", "enter", "c", "space", "enter")
        assert "The bank credited 1 cheque of" in seat.text
        await seat.press("enter")
        assert seat.message == "Of S014-T1-A-DS-000002 still to come: 1 cheque, 41.750."
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
    assert (sorted(map(str, state(desk))), findings(desk)) == (["cancelled", "part_confirmed"], [])


async def test_another_bank_account_is_chosen_and_who_may_not_is_told(desk: Desk) -> None:
    accounts = (BankAccount(code="main"), BankAccount(code="second", bank="Gulf Bank", number="0012"))
    desk.policy = replace(desk.policy, deposits=DepositPolicy(accounts=accounts))
    async with counter(desk, user="1001") as seat:
        await seat.press("escape", ".", ".", "7", "tab")
        assert "into second Gulf Bank 0012" in seat.text
        await seat.press("enter")
        assert seat.message == "! You may not do this. Who may: supervisor, back office."
    assert state(desk) == []


# --- clearing ------------------------------------------------------------------------------------------------------------


async def test_the_back_office_clears_what_is_old_enough_and_what_it_ticks(desk: Desk) -> None:
    slip = deposit_cheques(desk, BACK_OFFICE, None).slip
    lodge_deposit(desk, BACK_OFFICE, slip.number, "NBK 1")
    confirm_deposit(desk, BACK_OFFICE, slip.number, CreditOrder(amount=slip.total.plain()))
    of_all = len(slip.cheques)
    async with counter(desk, user="4001") as seat:
        await seat.press("escape", ".", ".", "7", "c")
        assert seat.screen == "ClearingScreen"
        assert f"Cheques that cleared: 0 of {of_all}" in seat.text
        await seat.press("enter")
        assert seat.message == "! No cheque is ticked. Space ticks one."
        await seat.press("space", "enter")
        assert "1 cheque" in seat.text
        assert "did they clear?" in " ".join(seat.text.split())
        await seat.press("enter")
        assert seat.message.startswith("1 cheque cleared, ")
        assert f"Cheques that cleared: 0 of {of_all - 1}" in seat.text
    assert sorted(str(row["state"]) for row in rows(desk, "v_cheque")).count("cleared") == 1
    assert findings(desk) == []


async def test_who_may_not_clear_is_told_who_may(desk: Desk) -> None:
    slip = deposit_cheques(desk, BACK_OFFICE, None).slip
    lodge_deposit(desk, BACK_OFFICE, slip.number, "NBK 1")
    confirm_deposit(desk, BACK_OFFICE, slip.number, CreditOrder(amount=slip.total.plain()))
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", ".", "7", "c", "space", "enter", "enter")
        assert seat.message == "! You may not do this. Who may: back office."
    assert "cleared" not in {row["state"] for row in rows(desk, "v_cheque")}


async def test_a_bag_of_cash_is_sealed_goes_along_and_is_counted_short(desk: Desk) -> None:
    take_in(desk, "100")
    bag_cash(desk, SUPERVISOR, "B-77", "80")
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7", "o")
        assert seat.message == "! Select a bag first. B seals one."
        await seat.press("b")
        await seat.fill("B-78", "5")
        assert seat.message == "Bag B-78 is sealed with 5.000 KWD."
        await seat.press("down", "down", "down", "space")
        assert "Cheques and bags for the bank: 3 of 4, 134.250 KWD" in seat.text
        await seat.press("enter")
        assert "2 cheques and 1 bag, 134.250 KWD" in seat.message
        await seat.press("s", "l")
        await seat.fill("NBK 7781/3", "", "Gulf Armoured", "")
        await seat.press("enter")
        assert "Say the carrier's company and who fetched it" in " ".join(seat.text.split())
        await seat.fill("badge 4471", "Zé-991")
        assert seat.app.focused is not None
        assert (seat.app.focused.id, seat.message[:6]) == ("carrier-seal-box", "! Seal")
        await seat.fill("Z-991")
        assert "S014-T1-A-CR-000001: fetched by Gulf Armoured, badge 4471, seal Z-991" in seat.text
        assert seat.message == f"{SLIP} is lodged: 54.250 in clearing, 80.000 of cash in transit."
        assert "2+1" in seat.text
        await seat.press("c", "down", "down", "space", "enter")
        assert f"The bank credited 1 bag of {SLIP}" in seat.text
        await seat.fill("79.500", "")
        await seat.press("enter")
        assert "Look again" in " ".join(seat.text.split())
        await seat.fill("a note was torn")
        await seat.press("enter")
        assert seat.message == f"Of {SLIP} still to come: 2 cheques, 54.250."
    assert [row["credited_minor"] for row in rows(desk, "v_cash_bag")] == [79_500, None]
    assert findings(desk) == []


async def test_a_bag_is_opened_again_with_a_reason(desk: Desk) -> None:
    take_in(desk, "100")
    bag_cash(desk, BACK_OFFICE, "B-77", "80")
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7", "down", "down", "o")
        assert "Open bag B-77: its 80.000 KWD is loose in the safe again." in seat.text
        await seat.fill("counted wrongly")
        assert seat.message == "Bag B-77 is opened."
        assert "2 of 2" in seat.text
    assert findings(desk) == []


async def test_a_cheque_that_the_bank_credits_with_less_takes_a_cause_a_reason_and_a_second_person(
    desk: Desk,
) -> None:
    slip = deposit_cheques(desk, BACK_OFFICE, None).slip
    lodge_deposit(desk, BACK_OFFICE, slip.number, "NBK 1")
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "7", "s", "c", "space", "enter")
        assert f"The bank credited 1 cheque of {SLIP}" in seat.text
        await seat.press("up", "up", "up")
        await seat.fill("12", "", "", "")
        assert "Is it the bank's charge or its error?" in " ".join(seat.text.split())
        await seat.fill("charge", "", "")
        assert "Say what the bank says of it." in seat.text
        await seat.fill("its tariff", "")
        assert seat.screen == "SecondPersonScreen"
    assert state(desk) == ["lodged"]
