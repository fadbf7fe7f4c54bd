"""Bouncing a cheque at the screen: found by its serial, a reason, what it does in money and words, Enter."""

from __future__ import annotations

import pytest

from pos.domain.payment_mode import PayerKind
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.desk import Desk
from tests.builders.across import FakeRefunds, elsewhere, told_back
from tests.builders.bounces import bounced, credited, lodged, taken, terms, with_fee
from tests.builders.tills import (
    BACK_OFFICE,
    acknowledge_all,
    cheque,
    findings,
    make_till,
    money,
    opened,
    rows,
    sale,
    stock,
)
from tests.builders.undoing import open_bills
from tests.tui.counter import counter

NOTICE = "S014-T1-A-DN-000001"


@pytest.fixture
def desk() -> Desk:
    """A cheque that the bank has credited, in a shop that charges a fee."""
    desk = make_till(cheques=with_fee("5"))
    credited(desk, taken(desk, cheque("41.750"), cheques="41.750"), "41.750")
    opened(desk)
    return desk


async def test_a_cheque_bounces_in_four_keys(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1")
        assert seat.screen == "DishonourScreen"
        assert "Bill 7781 of BA-1: 41.750 KWD open again, due 2026-11-01 as before." in seat.text
        assert "Fee 5.000 KWD: BA-1 owes it." in seat.text
        assert [row["state"] for row in rows(desk, "v_cheque")] == ["credited"]

        await seat.press("enter")

        assert seat.screen == "ChequeScreen"
        assert seat.message == "Cheque 000123 is dishonoured, 5.000 KWD is charged."
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["dishonoured"]
    assert open_bills(desk)[NOTICE] == 5_000
    assert findings(desk) == []


async def test_what_another_terminal_paid_back_is_asked_of_central_and_shown(desk: Desk) -> None:
    acknowledge_all(desk, applied_change=1)
    known = told_back(elsewhere(number="S014-T1-A-000001", cheque="41.750"), "10")
    async with counter(desk, user="4001", refunds=FakeRefunds(known)) as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1")
        assert "10.000 KWD was paid back already: BA-1 owes it." in seat.text

        await seat.press("enter")

        assert seat.message == "Cheque 000123 is dishonoured, 15.000 KWD is charged."
    assert open_bills(desk)[NOTICE] == 15_000
    assert findings(desk) == []


async def test_what_changed_since_it_was_shown_is_shown_again_before_it_is_booked(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1")
        terms(desk, fee=money("7"))

        await seat.press("enter")

        assert seat.screen == "DishonourScreen"
        assert seat.message.startswith("! Something changed since this was shown")
        assert "Fee 7.000 KWD: BA-1 owes it." in seat.text
        assert [row["state"] for row in rows(desk, "v_cheque")] == ["credited"]

        await seat.press("enter")

        assert seat.message == "Cheque 000123 is dishonoured, 7.000 KWD is charged."
    assert findings(desk) == []


async def test_a_bounced_cheque_goes_to_the_bank_once_more(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter")
        await seat.press("d", "enter")
        assert seat.message == "Cheque 000123 goes on the next deposit slip."
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["represented"]
    assert findings(desk) == []


async def test_a_bounce_by_the_banks_mistake_is_undone_by_two_with_its_fee(desk: Desk) -> None:
    """Rule 35: the bank had been wrong, so a linked correction takes all of the bounce off again."""
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter")
        await seat.press("b")
        assert seat.screen == "ReasonScreen"
        assert "All that its bounce did is undone" in seat.text
        await seat.write("Letter of the bank of 22 November")
        await seat.press("enter")
        assert seat.screen == "SecondPersonScreen"
        assert [row["state"] for row in rows(desk, "v_cheque")] == ["dishonoured"]

        await seat.second_person("2002")

        assert seat.screen == "ChequeScreen"
        assert seat.message == "Cheque 000123 is paid by bank again: its bounce is undone."
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["credited"]
    assert (open_bills(desk)["7781"], open_bills(desk)[NOTICE]) == (0, 0)
    (done,) = [row for row in rows(desk, "v_audit") if row["act"] == "undo_bounce" and row["result"] == "ok"]
    assert done["reason_code"] == "Letter of the bank of 22 November"
    assert findings(desk) == []


async def test_the_life_of_a_cheque_says_in_words_why_it_came_back(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter", "b")
        await seat.write("Letter of the bank")
        await seat.press("enter")
        await seat.second_person("2002")
        assert "Not enough money on the account" in seat.text
        assert "The bank's own mistake" in seat.text
        assert "insufficient_funds" not in seat.text


async def test_who_approves_a_bounce_reads_what_it_charges(desk: Desk) -> None:
    clear_cheques(desk, BACK_OFFICE, ClearOrder(cheques=["S014-T1-A-000001"]))
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter")
        assert seat.screen == "SecondPersonScreen"
        assert "charge BA-1 5.000 KWD" in " ".join(seat.text.split())


async def test_left_without_a_reason_the_bounce_stands(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter", "b", "enter")
        assert seat.message.startswith("! Type the reason first")
        await seat.press("escape")
        assert seat.screen == "ChequeScreen"
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["dishonoured"]


async def test_a_cheque_that_did_not_bounce_has_no_bounce_to_undo(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "b")
        assert seat.message == "! This cheque is paid by bank: it has no bounce that could be undone."


async def test_who_may_not_undo_a_bounce_is_told(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.write("000123")
        await seat.press("enter", "b")
        assert seat.screen == "ChequeScreen"
        assert seat.message.startswith("! The back office does this.")


async def test_a_reason_is_needed_and_leaving_books_nothing(desk: Desk) -> None:
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "enter")
        assert seat.message.startswith("! Why? Press the number of a reason")
        await seat.press("9")
        assert seat.message == "! There is no such reason."
        await seat.press("escape")
        assert seat.screen == "ChequeScreen"
    assert [row["state"] for row in rows(desk, "v_cheque")] == ["credited"]


async def test_who_may_not_is_told(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.write("000123")
        await seat.press("enter", "d")
        assert seat.screen == "ChequeScreen"
        assert seat.message.startswith("! The back office does this.")


async def test_a_walk_in_buyer_pays_the_charge_where_the_cheque_is_found() -> None:
    """By its drawer's name: Enter, then the way to pay, as any sale."""
    desk = make_till(cheques=with_fee("5"))
    stock(desk)
    receipt = taken(
        desk,
        cheque("2.500", drawer="Sara O'Neill"),
        account=None,
        payer=PayerKind.WALK_IN,
        lines=[sale("CHARGER", 2)],
        cheques="2.500",
    )
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)
    async with counter(desk) as seat:
        await seat.write("sara")
        assert "Walk-in buyer: bounced cheque" in seat.text
        await seat.press("enter")
        assert (seat.screen, NOTICE in seat.message) == ("SaleScreen", True)
        await seat.press("f5", "enter")

        assert "7.500" in seat.message
    assert open_bills(desk)[NOTICE] == 0
    assert findings(desk) == []
