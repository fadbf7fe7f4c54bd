"""Selling items: scans, serial numbers, quantities, beside bills, to dealers; and what waits for central."""

from __future__ import annotations

from pos.domain.catalogue import SerialKind
from pos.store import outbox
from pos.store.items import put_items
from pos.till.desk import Desk
from pos.tui.widgets.big_amount import BigAmount
from tests.builders.tills import cash, make_till, pay, rows
from tests.tui.counter import counter
from tests.tui.shelf import (
    CARD_NUMBER,
    CHARGER_EAN,
    ICCIDS,
    IMEI,
    PHONE_EAN,
    SIM_EAN,
    item,
    make_shop,
    make_shop_of_supervisor,
)

CARD_EAN = "6271001000212"


def sold(desk: Desk) -> list[tuple[object, object]]:
    return [(row["item"], row["quantity"]) for row in rows(desk, "sale_line")]


async def test_an_items_code_or_bar_code_in_the_find_box_begins_a_sale() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        for query in (CHARGER_EAN, "acc-01", "ACC-01"):
            await seat.open(query)
            assert seat.screen == "SaleScreen"
            assert "USB-C charger" in seat.text
            assert "tax 0.286 in it" in seat.text
            await seat.press("escape", "enter")
        await seat.write("usb charger")
        await seat.press("enter")
        assert seat.screen == "SaleScreen"


async def test_a_quantity_is_typed_before_the_star_and_a_line_is_left_out() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(CHARGER_EAN)
        await seat.write("3")
        await seat.press("*")
        assert "18.000" in seat.text
        await seat.press("*")
        assert "Type how many first" in seat.message
        await seat.write("0")
        await seat.press("*")
        assert "the quantity is from 1 to 999" in seat.message
        await seat.press("f4")
        await seat.fill("cable")
        assert "20.500" in seat.text
        await seat.press("delete")
        assert "is left out" in seat.message
        await seat.press("backspace", "f5")
        assert "Nothing is to be paid yet. Scan an item, or press F4 to find one." in seat.message
    assert rows(desk, "v_payment") == []


async def test_twenty_scans_at_once_are_twenty_pieces() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.at_once(*(key for _ in range(20) for key in (*CHARGER_EAN, "enter")), "f5", "enter")
        assert "120.000 KWD taken" in seat.message
    assert sold(desk) == [("ACC-01", 20)]


async def test_serial_numbers_go_to_the_line_that_misses_them() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(SIM_EAN)
        assert "Scan ICCID 1 of 1." in seat.message
        await seat.press("f5")
        assert "Prepaid SIM card: scan 1 serial number (ICCID), 0 so far." in seat.message
        await seat.write("2")
        await seat.press("*")
        await seat.scan(PHONE_EAN)
        await seat.scan(IMEI)
        assert "Scan ICCID 1 of 2." in seat.message
        await seat.scan(ICCIDS[0])
        await seat.scan(ICCIDS[0])
        assert "is in this sale already" in seat.message
        await seat.scan(ICCIDS[1])
        await seat.press("f5", "enter")
        assert "75.000 KWD taken" in seat.message
        assert "2 x Prepaid SIM card" in seat.text
    assert len(rows(desk, "sale_serial")) == 3
    async with counter(desk) as seat:
        await seat.scan(PHONE_EAN)
        await seat.scan(IMEI)
        await seat.press("f5", "enter")
        assert f"Serial {IMEI} was sold with receipt" in seat.message


async def test_a_wrong_serial_and_a_card_number_are_no_serials() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(PHONE_EAN)
        await seat.scan("356938035643800")
        assert "This is no IMEI: 15 digits" in seat.message
        await seat.scan(CARD_NUMBER)
        assert "card number" in seat.message
        assert CARD_NUMBER not in seat.text


async def test_what_is_no_item_goes_to_find_from_an_empty_sale_and_is_refused_in_a_begun_one() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.press("f4")
        await seat.scan("96555510003")
        assert "李伟" in seat.text
        await seat.press("escape")
        await seat.scan(CHARGER_EAN)
        await seat.scan("96555510003")
        assert "96555510003 is no item here." in seat.message
        assert seat.screen == "SaleScreen"


async def test_leaving_a_sale_with_lines_asks_first() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(CHARGER_EAN)
        await seat.press("f2")
        assert "Leave? 1 line of items will be dropped." in seat.text
        await seat.press("escape")
        assert "USB-C charger" in seat.text
        await seat.press("escape", "enter")
        assert seat.screen == "FindScreen"


async def test_without_a_customer_nothing_is_kept_on_account() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(CHARGER_EAN)
        await seat.press("f5", "k")
        assert "there is no account to keep it on" in seat.message
        await seat.press("escape", "f7")
        await seat.fill("000123", "001")
        await seat.write("10")
        await seat.press("enter")
        assert "4.000 more than needed did not come in cash" in seat.message
    assert rows(desk, "v_payment") == []


async def test_items_are_bought_beside_the_marked_bills_only() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f4")
        await seat.scan(CHARGER_EAN)
        await seat.press("escape")
        assert seat.screen == "AccountScreen"
        assert "ITEMS 6.000" in seat.text
        await seat.press("down", "space")
        assert seat.app.screen.query_one("#to-pay", BigAmount).amount == "18.500"
        await seat.press("f5", "enter")
        assert "18.500 KWD taken" in seat.message
    assert sold(desk) == [("ACC-01", 1)]
    bills = [row["bill_no"] for row in rows(desk, "v_allocation")]
    assert "7782" in bills
    assert "7781" not in bills


async def test_an_item_scanned_on_an_account_is_sold_to_it() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("7781")
        await seat.scan(CHARGER_EAN)
        assert seat.screen == "SaleScreen"
        assert "Bills 41.750" in seat.text
        assert "USB-C charger is added." in seat.message
        await seat.press("f5", "enter")
        assert "47.750 KWD taken" in seat.message
    assert rows(desk, "v_payment")[0]["payer_account"] == "BA-1"


async def test_items_with_a_part_given_are_paid_whole_or_not() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(CHARGER_EAN)
        await seat.write("4")
        await seat.press("f5", "enter")
        assert "2.000 KWD is missing" in seat.message
        await seat.press("-")
        assert "Items are paid whole." in seat.message
        await seat.press("f5", "enter")
    assert [row["amount_minor"] for row in rows(desk, "v_tender")] == [4000, 2000]


# --- dealers ---------------------------------------------------------------------------------------------------------


async def test_a_dealer_shows_class_limit_credit_and_what_is_unverified() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.press("f9")
        assert "Al Noor Telecom" in seat.text
        await seat.write("gulf")
        assert "Al Noor Telecom" not in seat.text
        await seat.press("enter")
        assert "DEALER A" in seat.text
        assert "Limit 500.000  Credit 0.000  Unverified 0.000  Left 500.000" in seat.text
        await seat.press("f8", "tab")
        await seat.fill("NBK", "014", "DEP-1", "000777")
        await seat.write("250")
        await seat.press("enter")
        assert "PROVISIONAL" in seat.text
        await seat.open("D-1")
        assert "Unverified 250.000" in seat.text
    assert [row["mode"] for row in rows(desk, "v_tender")] == ["bank_cheque"]


async def test_a_dealer_buys_items_with_a_bank_receipt() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("D-1")
        await seat.scan(CHARGER_EAN)
        await seat.write("10")
        await seat.press("*", "f8")
        await seat.fill("NBK", "014", "DEP-1")
        await seat.press("enter")
        assert "60.000 KWD taken" in seat.message
    assert sold(desk) == [("ACC-01", 10)]


async def test_no_dealer_found_says_what_to_do() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.press("f9")
        await seat.write("nobody")
        assert "Nothing found for nobody. Check the number, or type a name." in seat.message


# --- what waits for central ------------------------------------------------------------------------------------------


async def test_parked_legs_come_first_with_their_reason_and_a_supervisor_sends_them_again() -> None:
    desk = make_shop()
    pay(desk, cash("41.750"))
    pay(desk, cash("30"), account="BA-2")
    with desk.till.transaction() as unit:
        outbox.mark_parked(
            unit.connection, 2, reason="account is closed since yesterday", at=desk.clock.now()
        )
    async with counter(desk) as seat:
        await seat.press(".", "9")
        assert "1 waiting, 1 parked" in seat.text
        assert ">  S014-T1-A-000002" in seat.text
        assert "account is closed since yesterday" in seat.text
        await seat.press("s")
        assert seat.message.startswith("!")
        assert "PARKED" in seat.text
    async with counter(desk, user="2002") as seat:
        await seat.press(".", "9", "s")
        assert "1 parked row is sent again." in seat.message
        assert "2 waiting, 0 parked" in seat.text


async def test_an_empty_outbox_says_that_central_has_everything() -> None:
    desk = make_till()
    async with counter(desk) as seat:
        await seat.press("escape", ".", "9")
        assert "Central has everything." in seat.text
        await seat.press("s")
        assert "Nothing is parked." in seat.message


async def test_money_given_for_a_line_that_was_left_out_pays_no_bill_behind_their_back() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.scan(CHARGER_EAN)
        await seat.write("4")
        await seat.press("f5", "enter")
        assert "is laid aside" in seat.message
        await seat.press("backspace", "enter")

        assert "Nothing is left to pay. Esc takes the last one back." in seat.message
    assert rows(desk, "v_payment") == []


async def test_too_much_of_a_walk_in_is_given_back_as_the_question_says() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(CHARGER_EAN)
        await seat.write("2")
        await seat.press("*")
        await seat.write("8")
        await seat.press("f5", "enter")
        await seat.write("1")
        await seat.press("*", "enter")
        assert "8.000 KWD was given for 6.000 KWD. Give the rest back?" in seat.text
        await seat.press("enter")
        assert "change 2.000" in seat.message


async def test_an_amount_typed_into_an_empty_sale_leads_to_nobodys_account() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("D-1")
        await seat.write("0912")
        await seat.press("enter")
        assert seat.screen == "SaleScreen"
        assert "is no item here" in seat.message


async def test_a_supervisor_changes_the_price_of_a_line_for_a_walk_in_buyer() -> None:
    """P asks for price and reason; the line, the sum and the receipt follow."""
    desk = make_shop_of_supervisor()
    async with counter(desk, user="2002") as seat:
        await seat.scan(CHARGER_EAN)
        assert "P Price" in seat.text
        await seat.press("p")
        assert seat.screen == "PriceScreen"
        assert "USB-C charger: listed at 6.000 KWD" in seat.text
        assert "1 display piece  2 damaged  3 price match  4 goodwill" in seat.text
        await seat.fill("4,5", "9")
        assert "Choose a reason" in seat.message
        await seat.fill("1")
        assert seat.screen == "SaleScreen"
        assert "USB-C charger has another price." in seat.message
        assert "4.500*" in seat.text
        assert "Items 4.500, tax 0.214 in it" in seat.text
        await seat.scan(CHARGER_EAN)
        assert "Items 10.500" in seat.text, "the next piece costs what it is listed at"
        await seat.press("f5", "enter")
        assert "10.500 KWD taken" in seat.message
    assert [(row["item"], row["quantity"], row["unit_price_minor"]) for row in rows(desk, "sale_line")] == [
        ("ACC-01", 1, 4_500),
        ("ACC-01", 1, 6_000),
    ]
    assert [row["reason"] for row in rows(desk, "sale_price_override")] == ["display_piece"]


async def test_what_was_typed_is_offered_as_the_price_and_esc_changes_nothing() -> None:
    desk = make_shop_of_supervisor()
    async with counter(desk, user="2002") as seat:
        await seat.open("ACC-02")
        await seat.write("2.000")
        await seat.press("P")
        assert "2.000" in seat.text
        await seat.press("escape")
        assert seat.screen == "SaleScreen"
        assert "Items 2.500" in seat.text
        await seat.press("p")
        await seat.fill("99", "4")
        assert "You may change the price of 2.500 by 100 % at most" in seat.message


async def test_a_cashier_is_offered_no_other_price_and_told_who_may() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.scan(CHARGER_EAN)
        assert "P Price" not in seat.text
        await seat.press("p")
        assert seat.screen == "SaleScreen"
        assert "Ask a supervisor" in seat.message
    assert rows(desk, "sale_price_override") == []


async def test_a_prepaid_card_is_sold_by_its_pin_which_the_screen_shows_by_its_end() -> None:
    desk = make_shop()
    with desk.cache.write() as connection:
        put_items(
            connection,
            [item("PPD-05", "Prepaid card 5", "5.000", ean=CARD_EAN, serial=SerialKind.VOUCHER_PIN)],
        )
    async with counter(desk) as seat:
        await seat.scan(CARD_EAN)
        assert "Scan PIN 1 of 1." in seat.message
        await seat.scan("AB7K93QXPL02")
        assert "Prepaid card 5 has its number." in seat.message
        await seat.scan("AB7K93QXPL02")
        assert "AB7K93QXPL02" not in seat.text
        await seat.press("f5", "enter")
        assert "5.000 KWD taken" in seat.message
        assert "AB7K93QXPL02" not in seat.text
    assert [row["serial"] for row in rows(desk, "sale_serial")] == ["...PL02"]
