"""One box finds everything; a bill is looked through down to its rates."""

from __future__ import annotations

import pytest

from tests.builders.tills import account, cash, line, make_till, money, opened, pay, tell
from tests.builders.tills import bill as told_bill
from tests.tui.counter import counter


@pytest.mark.parametrize(
    "query",
    ["BA-1", "ba-1", "510001", "O'Brien", "zoe bri", "7781", "  BA-1 "],
)
async def test_one_box_finds_account_phone_ending_name_and_bill(query: str) -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open(query)
        assert seat.screen == "AccountScreen"
        assert "Zoë O'Brien" in seat.text
        assert "TO PAY" in seat.text


async def test_a_receipt_is_found_and_shown() -> None:
    desk = make_till()
    opened(desk)
    pay(desk, cash("50"))
    async with counter(desk) as seat:
        await seat.open("S014-T1-A-000001")
        assert seat.screen == "ReceiptScreen"
        assert "RECEIPT S014-T1-A-000001" in seat.text


async def test_results_show_from_two_characters_with_the_first_selected() -> None:
    desk = make_till()
    opened(desk)
    tell(desk, accounts=[account(f"BA-5{n}", f"Kumar Number {n}") for n in range(3)])
    async with counter(desk) as seat:
        await seat.write("k")
        assert "Kumar" not in seat.text
        await seat.write("u")
        assert ">  BA-50" in seat.text
        await seat.press("down", "enter")
        assert "BA-51  Kumar Number 1" in seat.text


async def test_an_ambiguous_scan_opens_the_list_and_no_account() -> None:
    desk = make_till()
    opened(desk)
    tell(desk, accounts=[account(f"BA-5{n}", f"Abubakar Number {n}") for n in range(3)])
    async with counter(desk) as seat:
        await seat.at_once(*"abubakar", "enter")
        assert seat.screen == "FindScreen"
        assert "3 found. Choose" in seat.message


async def test_nothing_found_says_so_and_what_to_do() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("no such thing")
        assert seat.screen == "FindScreen"
        assert "Nothing found for no such thing. Check the number, or type a name." in seat.message


async def test_what_escape_wipes_comes_back() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.write("had")
        await seat.press("escape")
        assert "Find >\n" in seat.text
        await seat.press("up")
        assert "Find > had" in seat.text


async def test_a_paid_bill_opens_its_account_and_says_so() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("7780")
        assert "Bill 7780 is paid already." in seat.message


async def test_from_the_account_two_keys_lead_to_the_rates() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        seat.keys = 0
        await seat.press("f3")
        assert "lines 41.750 = rates 41.750 = bill 41.750   sums agree" in seat.text
        assert "  Fees" in seat.text
        await seat.press("enter")

        assert seat.keys == 2
        assert seat.screen == "RatesScreen"
        assert "Monthly fee" in seat.text
        assert "sums agree" in seat.text
        await seat.press("escape", "escape")
        assert seat.screen == "AccountScreen"


async def test_sums_that_differ_are_named_with_the_difference() -> None:
    desk = make_till()
    opened(desk)
    lines = [line("L1", money("41.750"), name="Mobile Plus", rates=["R-1", "R-2", "R-3"])]
    tell(desk, bills=[told_bill("7781", money("42.000"), lines=lines)])
    async with counter(desk) as seat:
        await seat.open("7781")
        await seat.press("f3")
        assert "lines 41.750 / rates 41.750 / bill 42.000   DIFFER by 0.250" in seat.text


async def test_a_bill_without_lines_is_grouped_from_its_rates() -> None:
    desk = make_till()
    opened(desk)
    tell(desk, bills=[told_bill("7781", money("41.750"))])
    async with counter(desk) as seat:
        await seat.open("7781")
        await seat.press("f3")
        assert "lines of ours = rates 41.750 = bill 41.750   sums agree" in seat.text


async def test_a_bill_whose_rates_are_not_known_yet_says_so() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("7782")
        await seat.press("f3", "enter")
        assert seat.screen == "BillScreen"
        assert "have not been pulled yet" in seat.message


async def test_f2_leads_back_to_the_find_box_from_everywhere() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f3", "enter", "f2")
        assert seat.screen == "FindScreen"


async def test_a_hostile_name_is_shown_as_letters_only() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.write("7798")
        assert "[@click=app" in seat.text
        await seat.press("enter")
        assert seat.screen == "AccountScreen"
        assert "[@click=app" in seat.text
        await seat.press("f5")
        assert "Evil" in seat.text
        assert "\x1b" not in seat.text
        assert "\x9b" not in seat.text


async def test_long_names_are_cut_and_amounts_never() -> None:
    desk = make_till()
    opened(desk)
    tell(
        desk,
        accounts=[account("BA-70", "李" * 60, phone="+96555570070")],
        bills=[told_bill("7070", money("99999999999.999"), of="BA-70")],
    )
    async with counter(desk) as seat:
        await seat.open("BA-70")
        assert "…" in seat.text
        assert seat.text.count("99999999999.999") >= 3
        assert all(len(line) <= 80 for line in seat.text.splitlines())
        await seat.press("f5")
        assert "99999999999.999" in seat.text


async def test_an_auditor_looks_but_opens_no_shift() -> None:
    desk = make_till()
    async with counter(desk, user="6001") as seat:
        assert seat.screen == "FindScreen"
        await seat.open("BA-1")
        assert seat.screen == "AccountScreen"


async def test_who_may_not_look_is_told_who_may() -> None:
    desk = make_till()
    async with counter(desk, user="5001") as seat:
        await seat.write("BA-1")
        assert "You may not do this." in seat.message
