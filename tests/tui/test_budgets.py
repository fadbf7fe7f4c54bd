"""The keystroke budgets of tui.md, one task after the other; ``counter`` says how keys are counted."""

from __future__ import annotations

from pos.till.cash_office import current_shift
from tests.builders.bounces import cleared, credited, taken, with_fee
from tests.builders.tills import cash, cheque, make_till, opened, pay, rows
from tests.tui.counter import counter
from tests.tui.shelf import CHARGER_EAN, make_shop, vouchers


async def test_exact_cash_takes_3_keys() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter")
        assert seat.keys == 3
    assert len(rows(desk, "v_payment")) == 1


async def test_cash_with_change_takes_3_keys() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f5")
        await seat.write("50")
        await seat.press("enter")
        assert seat.keys == 3
        assert "change 8.250" in seat.message


async def test_two_chosen_bills_take_5_keys() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("space", "space", "f5", "enter")
        assert seat.keys == 5
    assert len(rows(desk, "v_allocation")) == 2


async def test_a_part_payment_takes_4_keys() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("10")
        await seat.press("-", "f5", "enter")
        assert seat.keys == 4
    assert rows(desk, "v_payment")[0]["amount_minor"] == 10000


async def test_a_card_takes_3_keys_and_its_slip_once_its_terminal_is_known() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        await seat.fill("A1B2C3", "4242", "VISA", "RRN001", "T-77")
        await seat.press("enter")
        assert seat.keys == 3
        seat.keys = 0
        await seat.open("BA-2")
        await seat.press("f6")
        await seat.fill("D4E5F6", "1881", "RRN002")
        await seat.press("enter")
        assert seat.keys == 3
    assert len(rows(desk, "v_payment")) == 2


async def test_a_card_and_cash_take_5_keys_with_the_rest_shown_between() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("20")
        await seat.press("f6")
        await seat.fill("A1B2C3", "4242", "VISA", "RRN001", "T-77")
        await seat.press("enter")
        assert "REST" in seat.text
        assert "21.750 KWD is missing" in seat.message
        await seat.press("f5", "enter")
        assert seat.keys == 5
    assert [row["amount_minor"] for row in rows(desk, "v_tender")] == [20000, 21750]


async def test_a_cheque_with_a_reader_takes_4_keys() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan("T021000021T 0123456789U 0101")
        await seat.press("enter")
        assert seat.keys == 4
    assert rows(desk, "v_cheque")[0]["serial"] == "0101"


async def test_a_cheque_whose_number_is_scanned_takes_4_keys_and_its_bank() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.scan("00012345")
        await seat.fill("001")
        await seat.press("enter")
        assert seat.keys == 4
    assert rows(desk, "v_cheque")[0]["serial"] == "00012345"


async def test_a_scanned_voucher_takes_4_keys() -> None:
    desk = make_shop()
    async with counter(desk, vouchers=vouchers(LOYCARD1="41.750")) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.scan("LOY-CARD1")
        await seat.press("enter")
        assert seat.keys == 4
        assert "41.750 KWD taken" in seat.message


async def test_a_dealers_bank_receipt_takes_4_keys_and_its_fields() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.press("f9")
        await seat.write("gulf")
        await seat.press("enter", "f8")
        await seat.fill("NBK", "014", "DEP-1")
        await seat.write("250")
        await seat.press("enter")
        assert seat.keys == 4
        assert "250.000 KWD taken" in seat.message


async def test_n_scanned_items_take_n_and_2_keys() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        for _ in range(3):
            await seat.scan(CHARGER_EAN)
        await seat.press("f5", "enter")
        assert seat.keys == 3 + 2
        assert "18.000 KWD taken" in seat.message


async def test_a_bills_rates_are_2_keys_from_the_account() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        seat.keys = 0
        await seat.press("f3", "enter")
        assert seat.keys == 2
        assert seat.screen == "RatesScreen"


async def test_the_last_receipt_is_reprinted_with_1_key_and_a_yes() -> None:
    desk = make_shop()
    pay(desk, cash("50"))
    async with counter(desk) as seat:
        await seat.press("ctrl+r", "enter")
        assert seat.keys == 2
    assert len(rows(desk, "receipt_copy")) == 1


async def test_a_shift_is_opened_with_3_keys_and_closed_with_5() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.press("escape")
        seat.keys = 0
        await seat.press(".", "1", "enter")
        assert seat.keys == 3
        assert current_shift(desk) is not None
        seat.keys = 0
        await seat.press(".", "2")
        await seat.write("0")
        await seat.press("enter", "enter", "enter")
        assert seat.keys == 5
    assert current_shift(desk) is None


async def test_the_till_is_locked_with_1_key() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press("ctrl+l")
        assert seat.keys == 1
        assert seat.screen == "LockScreen"


async def test_a_bounced_cheque_takes_4_keys() -> None:
    desk = make_till(cheques=with_fee("5"))
    credited(desk, taken(desk, cheque("41.750"), cheques="41.750"), "41.750")
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter")
        assert seat.keys == 4
    assert rows(desk, "v_cheque")[0]["state"] == "dishonoured"


async def test_a_bounced_cheque_that_had_cleared_takes_4_keys_and_the_approval() -> None:
    desk = make_till(cheques=with_fee("5"))
    cleared(desk, taken(desk, cheque("41.750"), cheques="41.750"), "41.750")
    async with counter(desk, user="4001") as seat:
        await seat.write("000123")
        await seat.press("enter", "d", "1", "enter")
        assert seat.keys == 4
        assert seat.screen == "SecondPersonScreen"
        await seat.second_person("2002")
        assert "is dishonoured" in seat.message
    assert rows(desk, "v_cheque")[0]["state"] == "dishonoured"
