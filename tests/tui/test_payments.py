"""Taking money at the screen: what the person presses, what the screen says, what the books hold."""

from __future__ import annotations

from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.tui.widgets.big_amount import BigAmount
from tests.builders.tills import CASHIER, bill, make_till, money, opened, rows, tell
from tests.tui.counter import counter


def open_now(desk: Desk, account: str = "BA-1") -> dict[str, str]:
    return {bill.bill.bill_no: bill.open.plain() for bill in account_view(desk, CASHIER, account).bills}


async def test_exact_cash_takes_three_keys() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter")

        assert seat.keys == 3
        assert "CHANGE" in seat.text
        assert "S014-T1-A-000001" in seat.text
    (payment,) = rows(desk, "v_payment")
    assert payment["amount_minor"] == 41750
    assert open_now(desk) == {"7782": "12.500"}
    assert len(rows(desk, "v_outbox")) == 1


async def test_cash_with_change_shows_the_change_before_and_after() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("50")
        assert seat.app.screen.query_one("#change", BigAmount).amount == "8.250"
        await seat.press("enter")

        assert seat.keys == 3
        assert "change 8.250" in seat.message
    (tender,) = rows(desk, "v_tender")
    assert (tender["amount_minor"], tender["change_minor"]) == (50000, 8250)


async def test_a_note_typed_before_the_cash_key_is_what_is_handed_over() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("50")
        await seat.press("f5", "enter")

        assert seat.keys == 3
        assert "change 8.250" in seat.message


async def test_a_scanned_bill_is_the_one_that_is_paid() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("7782")
        assert seat.screen == "AccountScreen"
        await seat.press("f5", "enter")
    assert open_now(desk) == {"7781": "41.750"}


async def test_two_chosen_bills_take_five_keys() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("space", "space", "f5", "enter")

        assert seat.keys == 5
        assert "54.250 KWD taken" in seat.message
    assert open_now(desk) == {}


async def test_a_part_payment_takes_four_keys() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("10")
        await seat.press("-", "f5", "enter")

        assert seat.keys == 4
    assert open_now(desk) == {"7781": "31.750", "7782": "12.500"}


async def test_a_part_over_more_than_one_bill_pays_the_oldest_first() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("45.5")
        await seat.press("-")
        assert "3.750" in seat.text
        await seat.press("+", "enter")
    assert open_now(desk) == {"7782": "8.750"}


async def test_less_than_is_due_says_what_is_missing_and_the_minus_key_makes_it_a_part() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("10")
        assert seat.app.screen.query_one("#change", BigAmount).amount == "31.750"
        assert "MISSING" in seat.text
        await seat.press("-", "enter")
    assert open_now(desk)["7781"] == "31.750"


async def test_what_is_over_is_kept_as_credit_on_demand() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("50")
        await seat.press("k")
        assert "ON ACCOUNT" in seat.text
        await seat.press("enter")
    assert account_view(desk, CASHIER, "BA-1").credit.plain() == "8.250"


async def test_money_for_an_account_that_owes_nothing_is_credit() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-3")
        await seat.press("f5")
        await seat.write("5")
        assert "kept as credit" in seat.text
        await seat.press("enter")
    assert account_view(desk, CASHIER, "BA-3").credit.plain() == "5.000"


async def test_a_dealer_tops_up_in_cash() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("D-1")
        assert "DEALER" in seat.text
        await seat.press("f5")
        await seat.write("100")
        await seat.press("enter")
    assert account_view(desk, CASHIER, "D-1").credit.plain() == "100.000"


async def test_enter_pressed_twice_pays_once() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.at_once("enter", "enter", "enter")

        assert seat.screen == "FindScreen"
        assert "CHANGE" in seat.text
    assert len(rows(desk, "v_payment")) == 1


async def test_keys_typed_ahead_reach_the_screens_they_are_meant_for() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.at_once(*"BA-1", "enter", "f5", *"50", "enter", *"BA-2", "enter", "f5", "enter")
    payments = rows(desk, "v_payment")
    assert [(row["payer_account"], row["amount_minor"]) for row in payments] == [
        ("BA-1", 41750),
        ("BA-2", 30000),
    ]
    assert [row["change_minor"] for row in rows(desk, "v_tender")] == [8250, 0]


async def test_a_cheque_pays_with_its_fields() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.fill("000123", "001")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    (cheque,) = rows(desk, "v_cheque")
    assert (cheque["serial"], cheque["bank"], cheque["amount_minor"]) == ("000123", "001", 41750)
    assert open_now(desk) == {"7782": "12.500"}


async def test_a_missing_cheque_field_is_told_beneath_it_and_nothing_is_booked() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7", "up", "enter")

        assert seat.text.count("Cheque number is missing.") == 2
        assert seat.app.focused is not None
        assert seat.app.focused.id == "field-serial-box"
    assert rows(desk, "v_payment") == []


async def test_a_cheque_on_a_cash_only_account_is_refused_with_the_way_out() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-2")
        assert "CASH-ONLY" in seat.text
        await seat.press("w")
        assert "Cheque" not in seat.text
        await seat.press("escape", "f7")
        assert seat.screen == "AccountScreen"
        assert "This account is cash-only: no cheque is taken. Press F5 for cash." in seat.text
    assert rows(desk, "v_payment") == []


async def test_a_cheque_left_half_typed_is_there_when_opened_again() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.write("000777")
        await seat.press("escape")
        assert "kept as typed" in seat.message
        await seat.press("f7")
        assert "000777" in seat.text


async def test_the_amount_typed_in_the_cash_screen_is_not_lost_by_going_back() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("50")
        await seat.press("escape")
        assert "Typed > 50" in seat.text
        await seat.press("f5", "enter")
    assert rows(desk, "v_tender")[0]["change_minor"] == 8250


async def test_without_a_shift_no_money_is_taken() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.press("escape")
        await seat.open("BA-1")
        await seat.press("f5")
        assert "No shift is open" in seat.message


async def test_a_bill_on_hold_cannot_be_marked() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("BA-4")
        assert "HOLD" in seat.text
        await seat.press("space")
        assert "on hold" in seat.message


async def test_each_currency_shows_its_own_digits() -> None:
    for code, amount in (("EUR", "41.75"), ("JPY", "41750")):
        desk = make_till(currency=code)
        opened(desk)
        async with counter(desk) as seat:
            await seat.open("BA-1")
            await seat.press("f5", "enter")
            assert f"{amount} {code} taken" in seat.message


async def test_cash_is_asked_for_in_coins_that_exist() -> None:
    desk = make_till()
    tell(desk, bills=[bill("8801", money("10.002"), of="BA-3")])
    opened(desk)
    async with counter(desk) as seat:
        await seat.open("8801")
        await seat.press("f5")
        assert "10.000" in seat.text
        assert "Rounded to the smallest coin: 0.002." in seat.text
        await seat.press("enter")

        assert seat.keys == 3
        assert "10.002 KWD taken" in seat.message
    (tender,) = rows(desk, "v_tender")
    assert (tender["amount_minor"], tender["rounding_minor"]) == (10000, 2)
    assert "8801" not in open_now(desk, "BA-3")
