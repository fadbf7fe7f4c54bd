"""A card by the connected terminal at the screen: asked, followed, cancelled, not known, settled, given back (44, 45)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.card import ReversalOutcome, ReversalRefused
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from tests.builders.cards import NO_ANSWER, NOT_THERE, REFUSED, FakeCards, approved, card_states
from tests.builders.tills import card, clock_of, make_till, money, opened, pay, rows, wish
from tests.tui.counter import Counter, counter
from tests.tui.shelf import CARD_NUMBER, CHARGER_EAN, make_shop

SLIP = ("A1B2C3", "4242", "VISA", "RRN001")


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def tenders(desk: Desk) -> list[tuple[object, object]]:
    return [(row["mode"], row["amount_minor"]) for row in rows(desk, "v_tender")]


async def at_the_terminal(seat: Counter) -> None:
    """The customer stands with the card in hand."""
    await seat.open("BA-1")
    await seat.press("f6", "enter")


async def test_a_card_by_the_terminal_takes_two_keys_after_the_account(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards()) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        assert "41.750" in seat.text
        assert "POI-1" in seat.text
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
        assert seat.keys == 3
    assert tenders(desk) == [("debit_card", 41750)]
    assert card_states(desk) == ["used"]


async def test_without_a_terminal_the_slip_is_keyed_as_ever(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        await seat.fill(*SLIP, "T-77")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
        assert seat.keys == 3
    assert tenders(desk) == [("debit_card", 41750)]


async def test_part_by_card_and_the_rest_in_cash(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards()) as seat:
        await seat.open("BA-1")
        await seat.write("20")
        await seat.press("f6", "f6", "enter")
        assert "Credit card 20.000 is laid aside. 21.750 KWD is missing" in seat.message
        await seat.press("f5", "enter")
        assert "41.750 KWD taken" in seat.message
    assert tenders(desk) == [("credit_card", 20000), ("cash", 21750)]


async def test_what_is_more_than_missing_asks_before_the_card_is_charged(desk: Desk) -> None:
    terminal = FakeCards()
    async with counter(desk, card_terminal=terminal) as seat:
        await seat.open("BA-1")
        await seat.write("50")
        await seat.press("f6", "enter")
        assert "8.250 KWD is more than is missing" in seat.message
        await seat.press("enter")
        assert terminal.asked == []
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert "50.000 KWD taken" in seat.message
    assert len(terminal.asked) == 1


async def test_a_possible_double_asks_before_the_card_is_charged(desk: Desk) -> None:
    desk.policy = replace(desk.policy, double_within=timedelta(minutes=10))
    pay(desk, card("10"), allocate=[wish("7781", "10")])
    terminal = FakeCards()
    async with counter(desk, card_terminal=terminal) as seat:
        await seat.open("BA-1")
        await seat.write("10")
        await seat.press("minus", "f6", "enter")
        assert "may be the same payment" in seat.text
        assert terminal.asked == []
        await seat.press("enter")
        assert "10.000 KWD taken" in seat.message
    assert len(terminal.asked) == 1


async def test_a_refusal_is_told_and_another_try_or_way_is_open(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards(REFUSED)) as seat:
        await at_the_terminal(seat)
        assert "The card was refused. Nothing was charged." in seat.message
        assert seat.screen == "CardScreen"
        await seat.press("escape", "f5", "enter")
        assert "41.750 KWD taken" in seat.message
    assert tenders(desk) == [("cash", 41750)]


async def test_tab_keys_the_slip_and_a_terminal_that_is_not_there_says_so(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards(NOT_THERE)) as seat:
        await at_the_terminal(seat)
        assert "Nothing was sent. Tab keys the slip of another terminal." in seat.message
        await seat.press("tab")
        assert seat.screen == "TenderScreen"
        await seat.fill(*SLIP)
        assert "POI-1" in seat.text
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert tenders(desk) == [("debit_card", 41750)]


async def test_esc_has_the_terminal_cancel_and_nothing_is_charged(desk: Desk) -> None:
    terminal = FakeCards(REFUSED)
    terminal.hangs = asyncio.Event()
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        assert "Follow the card terminal." in seat.text
        assert card_states(desk) == ["asked"]
        await seat.press("tab")
        assert "was asked already" in seat.message
        await seat.press("escape")
        assert terminal.aborted == [rows(desk, "card_attempt")[0]["attempt_id"]]
        assert "Nothing was charged." in seat.message
    assert card_states(desk) == ["declined"]


async def test_a_customer_who_is_quicker_than_esc_gets_the_money_back(desk: Desk) -> None:
    terminal = FakeCards()
    terminal.hangs = asyncio.Event()
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        await seat.press("escape")
        assert "approved before it could be cancelled, and is reversed" in seat.message
        assert "Nothing stays charged." in seat.message
        assert seat.screen == "CardScreen"
    assert card_states(desk) == ["reversed"]
    assert tenders(desk) == []


@pytest.mark.parametrize("answer", [ReversalRefused(reason="Busy"), NO_ANSWER], ids=["refused", "silent"])
async def test_what_still_stands_charged_after_a_cancelling_is_told_with_where_it_is_listed(
    desk: Desk, answer: ReversalOutcome
) -> None:
    terminal = FakeCards(reversals=[answer])
    terminal.hangs = asyncio.Event()
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        await seat.press("escape")
        assert "Nothing stays charged." not in seat.message
        assert "approved before it could be cancelled" in seat.message
        assert "not reversed yet: menu . . 1" in seat.message
    assert card_states(desk) == ["reversing"]


async def test_a_card_whose_slip_was_booked_is_told_to_be_booked(desk: Desk) -> None:
    told = approved(money("41.750"))
    terminal = FakeCards(NO_ANSWER, statuses=[told])
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        slip = TenderOrder(mode="debit_card", amount="41.750", details=told.slip.details())
        pay(desk, slip, account="BA-2", allocate=[wish(account="BA-2", amount="41.750")])
        await seat.press("a")
        assert "its slip was keyed and booked already" in seat.message
    assert card_states(desk) == ["used"]


async def test_an_answer_that_comes_while_the_till_is_locked_waits_for_its_person(desk: Desk) -> None:
    terminal = FakeCards()
    terminal.hangs = asyncio.Event()
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        await seat.press("ctrl+l")
        assert seat.screen == "LockScreen"
        terminal.hangs.set()
        await seat.settle()
        assert card_states(desk) == ["approved"]
        await seat.write("135790")
        await seat.press("enter")
        await seat.settle()
        assert "41.750 KWD taken" in seat.message
    assert card_states(desk) == ["used"]


# --- not known -------------------------------------------------------------------------------------------------------


async def test_an_outcome_that_is_not_known_is_asked_about_first(desk: Desk) -> None:
    """Rule 45: at the screen too."""
    terminal = FakeCards(NO_ANSWER, statuses=[NO_ANSWER, approved(money("41.750"))])
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        assert "NOT KNOWN whether it was charged" in seat.text
        assert "CARD 1" in seat.text
        await seat.press("escape", "f6")
        assert "NOT KNOWN" in seat.text
        await seat.press("a")
        assert "NOT KNOWN" in seat.text
        await seat.press("a")
        assert "It was charged. Enter takes it for this payment" in seat.message
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
        assert "CARD 1" not in seat.text
    assert len(terminal.asked) == 1
    assert tenders(desk) == [("debit_card", 41750)]


async def test_a_keyed_card_waits_for_what_is_not_known(desk: Desk) -> None:
    """Rule 45: no second card for the event."""
    async with counter(desk, card_terminal=FakeCards(NO_ANSWER)) as seat:
        await at_the_terminal(seat)
        await seat.press("tab")
        assert "Its outcome comes first." in seat.message
        assert seat.screen == "CardScreen"


async def test_a_person_settles_it_by_the_slip(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards(NO_ANSWER)) as seat:
        await at_the_terminal(seat)
        await seat.press("y")
        await seat.write(CARD_NUMBER)
        await seat.press("enter")
        assert "looks like a card number" in seat.message
        await seat.fill(*SLIP, "")
        assert "It was charged." in seat.message
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert tenders(desk) == [("debit_card", 41750)]


async def test_a_person_settles_it_as_not_charged(desk: Desk) -> None:
    terminal = FakeCards(NO_ANSWER)
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        await seat.press("n", "enter")
        assert "Say by what it was found" in seat.message
        await seat.fill("Not in its journal")
        assert "It was not charged. Enter asks for it anew." in seat.message
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert card_states(desk) == ["declined", "used"]


async def test_left_open_and_paid_in_cash_it_goes_back_once_it_is_known(desk: Desk) -> None:
    terminal = FakeCards(NO_ANSWER, statuses=[approved(money("41.750"))])
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        await seat.press("escape", "f5", "enter")
        assert "41.750 KWD taken" in seat.message
        assert "CARD 1" in seat.text
        await seat.press(".", ".", "1")
        assert "NOT KNOWN" in seat.text
        await seat.press("a")
        assert "41.750 at POI-1 is reversed." in seat.message
        assert "Every card is settled." in seat.text
    assert card_states(desk) == ["reversed"]


# --- money back ------------------------------------------------------------------------------------------------------


async def test_a_card_taken_out_again_is_reversed(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards()) as seat:
        await seat.open("BA-1")
        await seat.write("20")
        await seat.press("f6", "enter", "escape")
        assert "the card terminal will be told to reverse it" in seat.text
        await seat.press("enter")
        assert "the card terminal has reversed it" in seat.message
    assert card_states(desk) == ["reversed"]


async def test_what_the_terminal_does_not_reverse_is_listed_until_it_does(desk: Desk) -> None:
    busy = ReversalRefused(reason="Busy")
    terminal = FakeCards(reversals=[busy, busy, busy])
    async with counter(desk, card_terminal=terminal) as seat:
        await seat.open("BA-1")
        await seat.write("20")
        await seat.press("f6", "enter", "escape", "enter")
        assert "tried until the card terminal says yes" in seat.message
        await seat.press("escape", ".", ".", "1")
        clock_of(desk).advance(minutes=5)
        assert "to be reversed" in seat.text
        assert "Busy Tried 2 times." in seat.text
        await seat.press("a")
        assert "has not reversed it: Busy" in seat.message
        await seat.press("y")
        assert "It is known that this one was charged." in seat.message
        await seat.press("a")
        assert "20.000 at POI-1 is reversed." in seat.message


async def test_what_was_reversed_at_the_terminal_is_settled_by_a_person(desk: Desk) -> None:
    terminal = FakeCards(reversals=[NO_ANSWER] * 9)
    async with counter(desk, card_terminal=terminal) as seat:
        await seat.open("BA-1")
        await seat.write("20")
        await seat.press("f6", "enter", "escape", "enter", "escape", ".", ".", "1", "n")
        await seat.fill("Voided there, slip 12")
        assert "20.000 at POI-1 is reversed." in seat.message
    assert card_states(desk) == ["reversed"]


async def test_a_payment_that_is_left_gives_back_what_it_found_charged(desk: Desk) -> None:
    terminal = FakeCards(NO_ANSWER, statuses=[approved(money("41.750"))])
    async with counter(desk, card_terminal=terminal) as seat:
        await at_the_terminal(seat)
        await seat.press("a", "escape", "escape")
        await seat.settle()
        assert seat.screen == "FindScreen"
    assert card_states(desk) == ["reversed"]


async def test_a_sale_to_whoever_walks_in_by_card() -> None:
    shop = make_shop()
    async with counter(shop, card_terminal=FakeCards()) as seat:
        await seat.press("f4")
        await seat.scan(CHARGER_EAN)
        await seat.press("f6", "enter")
        assert "6.000 KWD taken" in seat.message
    assert tenders(shop) == [("debit_card", 6000)]


async def test_a_shift_with_an_open_card_says_where_to_settle_it(desk: Desk) -> None:
    async with counter(desk, card_terminal=FakeCards(NO_ANSWER)) as seat:
        await at_the_terminal(seat)
        await seat.press("escape", "escape", ".", "2")
        await seat.write("20")
        await seat.press("enter", "enter", "enter")
        assert "1 card payment is not settled." in seat.message
