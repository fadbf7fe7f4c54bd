"""Bags of cash between the tills of a shop, at the screen of the cash office."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.payment_event import Overpayment
from pos.domain.shop_bag import BagAtCentral, BagPaper
from pos.store.other_tills import put_bags_to_come
from pos.store.shop_bags import bags_on_the_way
from pos.till.accepted_bags import AcceptOrder, accept_bag
from pos.till.desk import Desk
from pos.till.shop_bags import BagOrder, send_bag
from pos.tui.widgets.entry import Field
from tests.builders.tills import (
    CASHIER,
    SUPERVISOR,
    cash,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
)
from tests.tui.counter import counter

OF_T5 = BagPaper(number="S014-T5-A-TB-000004", bag="X-1", amount=money("20"))


@pytest.fixture
def desk() -> Desk:
    """A till with 100 in its safe; T9 is the shop's cash office."""
    desk = make_till()
    opened(desk)
    pay(desk, cash("100"), account="BA-3", overpayment=Overpayment.CREDIT)
    count(desk, "120")
    closed(desk)
    desk.policy = replace(desk.policy, cash_office="T9")
    return desk


async def test_a_bag_is_sent_to_the_cash_office(desk: Desk) -> None:
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", ".", "3")
        assert seat.screen == "ShopBagsScreen"
        assert "No bag was sent or accepted here" in seat.text
        await seat.press("s")
        assert "the cash office, till T9" in seat.text
        await seat.fill("b-7", "101", "12 slips")
        assert "The safe took in 100.000" in " ".join(seat.text.split())
        await seat.fill("80", "")
        assert seat.message == ("Bag B-7 with 80.000 KWD is on the way. S014-T1-A-TB-000001 goes with it.")
        with desk.till.read() as connection:
            (sent,) = bags_on_the_way(connection)
        assert f"Paper S014-T1-A-TB-000001, check {sent.paper.check}, sent by 2002" in seat.text
        assert "1 bag of this till on the way, 80.000 KWD" in seat.text
        await seat.press("enter")
        assert seat.screen == "ReceiptScreen"
    assert findings(desk) == []


async def test_what_is_wrong_is_said_at_its_field(desk: Desk) -> None:
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", ".", "3", "s")
        assert "empty if sealed" in seat.text
        for typed, field in (
            (("B-9", "", ""), "bag-number"),
            (("B-7", "0", ""), "bag-amount"),
        ):
            seat.app.screen.query_one("#bag-number", Field).box.focus()
            await seat.fill(*typed)
            assert seat.message.startswith("! ")
            assert seat.app.focused is not None
            assert seat.app.focused.id == f"{field}-box"


async def test_a_bag_that_nobody_fetched_comes_back_with_a_second_person(desk: Desk) -> None:
    send_bag(desk, SUPERVISOR, BagOrder(bag="B-7", amount="80"))
    clock_of(desk).advance(days=2)
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", ".", "3")
        assert "ON THE WAY 2 D" in seat.text
        await seat.press("n")
        await seat.write("no car came")
        await seat.press("enter")
        assert seat.screen == "SecondPersonScreen"
        await seat.fill("4001", "619405")
        assert seat.message == "Bag B-7 is taken back, S014-T1-A-TB-000002 is being printed."
        assert "recalled" in seat.text
    assert [row["state"] for row in rows(desk, "v_cash_bag")] == ["sealed"]


async def test_a_bag_is_accepted_off_its_paper_with_what_differs(desk: Desk) -> None:
    desk.policy = replace(desk.policy, cash_office="")
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", ".", "3", "y")
        assert seat.screen == "AcceptBagScreen"
        await seat.fill(OF_T5.number, "X-1", "20", "WRONG", "19")
        assert "do not go together" in " ".join(seat.text.split())
        await seat.fill(OF_T5.check, "")
        assert "Count again, or give a reason" in " ".join(seat.text.split())
        await seat.fill("a note is missing")
        assert seat.message == "Bag X-1: 19.000 KWD is in the safe. 1.000 short."
        assert "from T5" in seat.text
    assert findings(desk) == []


async def test_a_cashier_looks_and_takes_nothing_back(desk: Desk) -> None:
    desk.policy = replace(desk.policy, cash_office="")
    told = AcceptOrder(paper=OF_T5.number, bag="X-1", amount="20", check=OF_T5.check, counted="20")
    accept_bag(desk, CASHIER, told)
    async with counter(desk) as seat:
        await seat.press("escape", ".", "k", ".", "3", "n")
        await seat.write("mine")
        await seat.press("enter")
        assert seat.message.startswith("! You may not do this.")
    assert [row["state"] for row in rows(desk, "v_accepted_bag")] == ["accepted"]


async def test_a_bag_that_central_tells_of_is_accepted_with_its_check(desk: Desk) -> None:
    desk.policy = replace(desk.policy, cash_office="T1")
    with desk.cache.write() as connection:
        coming = BagAtCentral(paper=OF_T5, terminal="T5", state="on_the_way", is_told=True)
        put_bags_to_come(connection, [coming])
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", ".", "3")
        assert "ON THE WAY HERE" in seat.text
        await seat.press("enter")
        await seat.fill(OF_T5.check, "20")
        assert seat.message == "Bag X-1: 20.000 KWD is in the safe."
        assert "ON THE WAY HERE" not in seat.text


async def test_a_bag_is_counted_by_notes_and_coins_at_both_ends(desk: Desk) -> None:
    shift = replace(desk.policy.shift, denominations=(20_000, 5_000))
    desk.policy = replace(desk.policy, cash_office="", shift=shift)
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", "k", ".", "3", "s")
        await seat.fill("B-7")
        await seat.press("*")
        await seat.fill("2", "1")
        assert seat.screen == "SendBagScreen"
        await seat.press("enter", "enter")
        assert seat.message.startswith("Bag B-7 with 45.000 KWD is on the way.")
        await seat.press("y")
        await seat.fill(OF_T5.number, "X-1", "20", OF_T5.check)
        await seat.press("*")
        await seat.fill("1", "0")
        await seat.press("enter")
        assert seat.message == "Bag X-1: 20.000 KWD is in the safe."
    papers = [str(row["facts_json"]) for row in rows(desk, "receipt") if str(row["kind"]).startswith("bag_")]
    assert ["notes_and_coins" in paper for paper in papers] == [True, True]
