"""Cash at the screen beyond the plain case: other currencies, notes to be checked, documents, what a count declares."""

from __future__ import annotations

from dataclasses import replace

from pos.domain.payment_event import Overpayment
from pos.till.desk import Desk
from pos.tui.widgets.big_amount import BigAmount
from tests.builders.cards import FakeCards
from tests.builders.tills import (
    ask_for_documents,
    cash,
    make_till,
    money,
    notes,
    opened,
    pay,
    rows,
    stock,
    take_currencies,
)
from tests.tui.counter import Counter, counter


def shop() -> Desk:
    desk = make_till()
    take_currencies(desk, {"USD": "0.30675", "EUR": "0.3355"})
    opened(desk)
    return desk


def change(seat: Counter) -> str:
    return seat.app.screen.query_one("#change", BigAmount).amount


async def test_the_tab_key_takes_another_currency() -> None:
    """Rule 7: rate and value are shown before Enter, the change in the shop's currency."""
    desk = shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "tab")
        assert "Type the notes in USD" in seat.message
        await seat.write("200")
        assert "USD 200.00 at 0.30675 (shop list 2026-11-21) = 61.350 KWD. Change is in KWD." in seat.text
        assert change(seat) == "19.600"
        await seat.press("enter")

        assert seat.keys == 4
        assert "change 19.600" in seat.message
    (tender,) = rows(desk, "v_tender")
    assert (tender["amount_minor"], tender["foreign_minor"], tender["rate"]) == (61_350, 20_000, "0.30675")


async def test_the_tab_key_goes_round_and_the_own_currency_is_exact_again() -> None:
    async with counter(shop()) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "tab", "tab")
        assert "Type the notes in EUR" in seat.message
        await seat.press("tab")
        assert change(seat) == "0.000"
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message


async def test_without_a_list_the_tab_key_says_so() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "tab")
        assert "No other currency is taken here." in seat.message
        assert "Tab" not in seat.text.splitlines()[-1]


async def test_the_tab_key_stands_in_the_key_bar_where_there_is_a_list() -> None:
    async with counter(shop()) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        assert "Tab" in seat.text.splitlines()[-1]


async def test_foreign_notes_that_are_not_enough_are_laid_aside_and_cash_follows() -> None:
    desk = shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "tab")
        await seat.write("100")
        assert "MISSING" in seat.text
        await seat.press("enter")
        assert "Cash USD 100.00 is laid aside. 11.075 KWD is missing" in seat.message
        await seat.press("f5")
        assert "100.00 USD at 0.30675" in seat.text
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert [row["foreign_currency"] for row in rows(desk, "tender")] == ["USD", None]


async def test_notes_that_were_laid_aside_are_given_back_as_what_they_are() -> None:
    async with counter(shop()) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "tab")
        await seat.write("100")
        await seat.press("enter", "escape")
        assert "Cash USD 100.00: give it back." in seat.text
        await seat.press("enter")
        assert "Cash USD 100.00 is taken out." in seat.message


async def test_the_minus_key_pays_what_foreign_notes_are_worth() -> None:
    desk = shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "tab")
        await seat.write("100")
        await seat.press("-", "enter")
        assert "30.675 KWD taken" in seat.message


async def test_coins_of_another_currency_are_refused_as_they_are_typed() -> None:
    async with counter(shop()) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "tab")
        await seat.write("0.50")
        assert "USD is taken in notes of 1.00 and more" in seat.text
        await seat.press("enter")
        assert seat.message.startswith("! USD is taken in notes")


async def test_an_item_is_bought_with_foreign_notes() -> None:
    desk = shop()
    stock(desk)
    async with counter(desk) as seat:
        await seat.open("SERVICE")
        await seat.press("f5", "tab")
        await seat.write("20")
        await seat.press("enter")
        assert "change 1.135" in seat.message


async def test_a_large_note_is_to_be_looked_at() -> None:
    """Rule 62: the screen asks to check the notes from the shop's amount on."""
    desk = shop()
    desk.policy = replace(desk.policy, check_note_from=money("50"))
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        assert "CHECK THE NOTES" not in seat.text
        await seat.write("50")
        assert "CHECK THE NOTES" in seat.text
        await seat.press("tab")
        await seat.write("200")
        assert "CHECK THE NOTES" in seat.text
        assert "USD 200.00" in seat.text


# --- documents ---------------------------------------------------------------------------------------------------


async def test_a_document_is_asked_for_and_the_payment_goes_on() -> None:
    """Rule 61: the screen asks for the document when so much cash needs one."""
    desk = shop()
    ask_for_documents(desk, "40")
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter")
        assert seat.screen == "IdentityScreen"
        assert "41.750 in cash from this payer today" in seat.text
        assert rows(desk, "payment_event") == []
        await seat.press("tab")
        assert " PASSPORT" in seat.text
        await seat.fill("K1234567")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert [row["document"] for row in rows(desk, "large_cash")] == ["passport"]


async def test_a_document_that_is_none_is_told_at_its_field() -> None:
    desk = shop()
    ask_for_documents(desk, "40")
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter", "enter")
        assert "Document number is missing." in seat.message
        await seat.fill("4111111111111111")
        assert "card number" in seat.message
        assert "4111111111111111" not in seat.text
        await seat.press("escape")
        assert seat.screen == "CashScreen"
        await seat.press("escape", "escape")
    assert rows(desk, "payment_event") == []


async def test_over_the_cap_the_screen_says_what_to_do() -> None:
    desk = shop()
    ask_for_documents(desk, None, "40")
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter")
        assert seat.screen == "CashScreen"
        assert "Take the rest another way." in seat.message


async def test_a_card_that_ends_a_payment_of_much_cash_asks_too() -> None:
    desk = shop()
    ask_for_documents(desk, "40")
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("40")
        await seat.press("enter", "f6")
        await seat.fill("A1B2C3", "1111", "VISA", "000123456789", "T7")
        await seat.press("enter")
        assert seat.screen == "IdentityScreen"
        await seat.fill("K1234567")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message


async def test_a_document_is_asked_for_before_the_terminal_charges_a_card() -> None:
    desk, terminal = shop(), FakeCards()
    ask_for_documents(desk, "40")
    async with counter(desk, card_terminal=terminal) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("40")
        await seat.press("enter", "f6", "enter")
        assert seat.screen == "IdentityScreen"
        assert terminal.asked == []
        await seat.fill("K1234567")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert len(terminal.asked) == 1


# --- the count ---------------------------------------------------------------------------------------------------


async def test_the_count_asks_for_each_currency_that_was_taken() -> None:
    desk = shop()
    pay(desk, notes("200"))
    async with counter(desk) as seat:
        await seat.press(".", "c")
        assert "Cash, USD" in seat.text
        assert "Cash, EUR" not in seat.text
        assert "200" not in seat.text
        await seat.fill("12.900", "200")
        await seat.press("enter", "enter")
        assert seat.screen == "ShiftClosedScreen"
        assert "USD: expected 200.00, counted 200.00 = 61.350" in seat.text


async def test_a_note_that_is_no_good_is_declared_with_the_arrows() -> None:
    """Rule 62: optional fields, which Enter goes past."""
    desk = shop()
    pay(desk, cash("50"), overpayment=Overpayment.CREDIT)
    async with counter(desk) as seat:
        await seat.press(".", "c")
        await seat.fill("65")
        await seat.press("down", "down")
        await seat.write("5")
        await seat.press("enter")
        assert seat.screen == "ShiftClosedScreen"
        assert "of it counterfeit 5.000" in seat.text
        assert "EXACT" in seat.text
    assert [row["kind"] for row in rows(desk, "shift_count_declared")] == ["counterfeit"]


async def test_the_count_of_a_plain_drawer_takes_as_many_keys_as_before() -> None:
    desk = shop()
    async with counter(desk) as seat:
        await seat.press(".", "c")
        await seat.write("20")
        await seat.press("enter", "enter", "enter")
        assert seat.screen == "ShiftClosedScreen"
