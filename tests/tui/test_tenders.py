"""Every way to pay but cash: its form, its refusals, several tenders in one payment, and how one is taken back."""

from __future__ import annotations

import pytest

from pos.domain.payment_mode import ModeKind
from pos.domain.voucher import Residual
from pos.tui.screens.paying import PayingScreen
from tests.builders.signed import knows, signed, takes_offline
from tests.builders.tills import clock_of, make_till, opened, rows
from tests.tui.counter import Counter, counter
from tests.tui.shelf import CARD_NUMBER, make_shop, vouchers

SLIP = ("A1B2C3", "4242", "VISA", "RRN001", "T-77")


def tenders(desk: object) -> list[tuple[object, object]]:
    return [(row["mode"], row["amount_minor"]) for row in rows(desk, "v_tender")]  # type: ignore[arg-type]


async def card(seat: Counter, amount: str = "") -> None:
    if amount:
        await seat.write(amount)
    await seat.press("f6")
    await seat.fill(*SLIP)
    await seat.press("enter")


# --- which way may be used -------------------------------------------------------------------------------------------


async def test_a_way_that_is_not_for_this_payer_says_so_and_which_key_is_next() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f8")
        assert "Paid at bank, cash is not taken from a subscriber." in seat.message
        assert "F5 takes cash, W shows every way." in seat.message
        assert seat.screen == "AccountScreen"


async def test_the_ways_are_numbered_by_their_place_in_the_settings() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("w")
        shown = [line.split()[:2] for line in seat.text.splitlines()[5:12]]
        assert [first for first, *_ in shown][1:] == ["2", "3", "4", "8", "9", "0"]
        assert "Direct debit" not in seat.text
        await seat.press("5")
        assert "There is no way 5 for this payment." in seat.message
        await seat.press("0")
        assert seat.screen == "TenderScreen"
        assert "ATM" in seat.text


async def test_a_supervisor_keys_a_direct_debit_by_its_number() -> None:
    desk = make_till()
    async with counter(desk, user="2002") as seat:
        await seat.press("enter")
        await seat.open("BA-1")
        await seat.press(".", "0", "0", "7")
        await seat.fill("M-1", "DD-1")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
        assert "PROVISIONAL" in seat.text
    assert tenders(desk) == [("direct_debit", 41750)]


async def test_an_atm_slip_pays_and_the_same_slip_again_is_refused() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        for account in ("BA-1", "BA-2"):
            await seat.open(account)
            await seat.press("w", "0")
            await seat.fill("000111", *(("ATM-9",) if account == "BA-1" else ()))
            await seat.press("enter")
        assert "this very one was taken with receipt" in seat.message
        assert seat.screen == "TenderScreen"
    assert len(rows(desk, "v_payment")) == 1


async def test_tab_or_the_same_key_again_is_the_other_kind_and_stays_so() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        assert " DEBIT CARD" in seat.text
        await seat.press("f6")
        assert " CREDIT CARD" in seat.text
        await seat.press("tab", "tab")
        await seat.fill(*SLIP)
        await seat.press("enter")
        await seat.open("BA-2")
        await seat.press("f6")
        assert " CREDIT CARD" in seat.text
        assert "VISA" in seat.text
        assert "T-77" in seat.text
    assert tenders(desk) == [("credit_card", 41750)]


async def test_what_a_field_must_look_like_is_told_when_it_is_left() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        await seat.fill("A1B2C3", "42")
        assert "Last 4 digits: the last four digits of the card." in seat.message
        assert seat.app.focused is not None
        assert seat.app.focused.id == "field-last4-box"
        await seat.fill("4242", "VISA", "RRN001", "T-77")
        await seat.press("enter")
    assert tenders(desk) == [("debit_card", 41750)]


# --- card numbers ----------------------------------------------------------------------------------------------------


async def test_a_card_number_in_a_field_is_wiped_and_kept_nowhere() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.write(CARD_NUMBER)
        await seat.press("enter")
        assert "looks like a card number" in seat.message
        assert CARD_NUMBER not in seat.text
        await seat.write(CARD_NUMBER)
        await seat.press("down")
        assert CARD_NUMBER not in seat.text
        await seat.scan(CARD_NUMBER)
        assert CARD_NUMBER not in seat.text
        await seat.write(CARD_NUMBER)
        await seat.press("escape")
        account = seat.app.screen
        assert isinstance(account, PayingScreen)
        assert CARD_NUMBER not in repr(account._drafts)
        await seat.press("f7")
        assert CARD_NUMBER not in seat.text


async def test_a_card_number_is_known_in_a_field_that_is_shorter() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        await seat.fill(CARD_NUMBER)
        assert "Authorisation code looks like a card number." in seat.message
        assert "4111" not in seat.text
        await seat.fill("A1B2C3D4E5F6G7")
        assert "Authorisation code is longer than 12 characters." in seat.message


async def test_a_card_number_in_the_find_box_or_typed_as_an_amount_is_wiped() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.write(CARD_NUMBER)
        await seat.press("enter")
        assert CARD_NUMBER not in seat.text
        await seat.scan(CARD_NUMBER)
        assert CARD_NUMBER not in seat.text
        assert "card number" in seat.message
        await seat.press("escape", "up")
        assert CARD_NUMBER not in seat.text
        await seat.open("BA-1")
        await seat.write(CARD_NUMBER)
        assert CARD_NUMBER not in seat.text
        assert "card number" in seat.message


# --- several tenders in one payment ----------------------------------------------------------------------------------


async def test_what_was_given_is_shown_with_the_rest_and_one_receipt_lists_both() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await card(seat, "20")
        assert "GIVEN  20.000" in seat.text
        assert "TO PAY 41.750" in seat.text
        assert rows(desk, "v_payment") == []
        await seat.press("f5")
        assert "Given: Debit card" in seat.text
        await seat.write("30")
        await seat.press("enter")
        assert "change 8.250" in seat.message
    assert tenders(desk) == [("debit_card", 20000), ("cash", 30000)]
    assert len(rows(desk, "v_payment")) == 1


async def test_cash_that_is_not_enough_is_laid_aside_too() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("20")
        await seat.press("f5", "enter")
        assert "21.750 KWD is missing" in seat.message
        await card(seat)
    assert sorted(tenders(desk)) == [("cash", 20000), ("debit_card", 21750)]


async def test_a_smaller_cheque_shows_the_rest_and_the_minus_key_pays_only_it() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("20")
        await seat.press("f7")
        await seat.fill("000123", "001")
        await seat.press("enter")
        assert "REST" in seat.text
        await seat.press("-")
        assert "Pay only the 20.000 that was given? 21.750 stays open." in seat.text
        await seat.press("enter")
        assert "20.000 KWD taken" in seat.message
    assert tenders(desk) == [("cheque", 20000)]


async def test_esc_takes_a_tender_back_only_after_saying_what_to_undo() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await card(seat, "20")
        await seat.press("f2")
        assert "Esc takes it back" in seat.message
        await seat.press("escape")
        assert "Debit card 20.000 was approved: cancel it on the card terminal." in seat.text
        await seat.press("escape")
        assert "GIVEN  20.000" in seat.text
        await seat.press("escape", "enter")
        assert "GIVEN" not in seat.text
        await seat.press("escape")
        assert seat.screen == "FindScreen"
    assert rows(desk, "v_payment") == []


async def test_the_same_slip_twice_in_one_payment_is_told_at_once() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await card(seat, "20")
        await seat.press("f6")
        await seat.fill("A1B2C3", "4242", "RRN001")
        await seat.press("enter")
        assert "the same one is in this payment already" in seat.message


async def test_a_part_of_the_bills_may_be_given_in_two_tenders() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.write("30")
        await seat.press("-")
        await card(seat, "20")
        assert "10.000 KWD is missing" in seat.message
        await seat.press("+", "enter")
    assert tenders(desk) == [("debit_card", 20000), ("cash", 10000)]


# --- vouchers --------------------------------------------------------------------------------------------------------


async def test_a_voucher_worth_less_offers_its_value_and_the_rest_is_paid_in_cash() -> None:
    desk, central = make_shop(), vouchers(LOY1="5")
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.fill("LOY1")
        await seat.press("enter")
        assert "This voucher is worth 5.000: Enter takes it, the rest another way." in seat.message
        await seat.press("enter")
        assert "36.750 KWD is missing" in seat.message
        await seat.press("f5", "enter")
    assert tenders(desk) == [("internal_voucher", 5000), ("cash", 36750)]
    assert list(central.held) == ["LOY1"]


async def test_what_a_voucher_loses_is_said_before_it_is_taken() -> None:
    desk, central = make_shop(), vouchers(LOY1="50")
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.fill("LOY1")
        await seat.press("enter")
        assert "8.250 KWD of this voucher will be lost" in seat.message
        await seat.press("enter")
        assert rows(desk, "v_payment") == [], "too soon to have been read"
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
        assert "forfeited" in seat.text
    assert len(central.asked) == 1


async def test_a_signed_voucher_says_what_it_is_worth_before_it_is_taken() -> None:
    desk, central = make_shop(), vouchers()
    code = signed("50", minimum="5", combinable=False, residual=Residual.CREDIT)
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.fill(code)
        assert "worth 50.000 KWD until 2027-01-31, the rest is credit on the account" in seat.text
        assert "for bills of 5.000 and more, not together with another one" in seat.text
    assert central.asked == []


async def test_while_central_does_not_answer_a_signed_voucher_is_taken_as_provisional() -> None:
    desk, central = make_shop(), vouchers()
    central.online = False
    knows(desk)
    takes_offline(desk, each="50", shift="50")
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.fill(signed("50"))
        await seat.press("enter")
        assert "PROVISIONAL: central does not answer, it redeems this voucher later." in seat.message
        assert "8.250 KWD of this voucher will be lost" in seat.message
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert tenders(desk) == [("internal_voucher", 41750)]
    assert len(rows(desk, "voucher_offline")) == 1
    assert len(central.asked) == 1, "the silence is waited for once"


async def test_a_forged_voucher_is_refused_and_the_cursor_stays_with_it() -> None:
    desk, central = make_shop(), vouchers()
    knows(desk)
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.fill(signed("50")[:-1] + "Q")
        await seat.press("enter")
        assert "This is no voucher of ours" in seat.message
    assert central.asked == []


async def test_a_voucher_whose_payment_is_refused_is_let_go() -> None:
    desk, central = make_shop(), vouchers(LOY1="36.750")
    async with counter(desk, vouchers=central) as seat:
        for account, amount in (("BA-2", "30"), ("BA-1", "5")):
            await seat.open(account)
            await seat.write(amount)
            await seat.press("w", "0")
            await seat.fill("000111", *(() if account == "BA-1" else ("ATM-9",)))
            await seat.press("enter")
        await seat.press("v")
        await seat.fill("LOY1")
        await seat.press("enter")
        assert "ATM: this very one was taken with receipt" in seat.message
        assert len(central.asked) == 1
        assert central.held == {}
    assert len(rows(desk, "v_payment")) == 1


async def test_more_than_is_missing_is_kept_as_credit_only_after_a_second_enter() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await card(seat, "417.5")
        assert "375.750 KWD is more than is missing: it stays as credit on the account." in seat.message
        assert rows(desk, "v_payment") == []
        clock_of(desk).advance(seconds=1)
        await seat.press("enter")
        assert "On account 375.750" in seat.text


async def test_what_is_over_after_a_bill_was_left_out_is_kept_only_after_a_question() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("space", "space")
        await card(seat, "50")
        await seat.press("up", "space", "enter")
        assert "50.000 KWD was given for 12.500 KWD. Keep the rest as credit on the account?" in seat.text
        await seat.press("escape")
        assert rows(desk, "v_payment") == []
        await seat.press("enter", "enter")
        assert "On account 37.500" in seat.text


@pytest.mark.parametrize("keys", [("escape",), ("up", "x", "escape")])
async def test_leaving_a_voucher_lets_it_go(keys: tuple[str, ...]) -> None:
    desk, central = make_shop(), vouchers(LOY1="50")
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.fill("LOY1")
        await seat.press("enter")
        assert list(central.held) == ["LOY1"]
        await seat.press(*keys)
        assert central.held == {}
        assert seat.screen == "AccountScreen"


async def test_a_voucher_taken_out_of_a_payment_is_let_go_and_the_others_stay_held() -> None:
    desk, central = make_shop(), vouchers(LOY1="5", LOY2="6")
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        for code, amount in (("LOY1", "5"), ("LOY2", "6")):
            await seat.write(amount)
            await seat.press("v")
            await seat.fill(code)
            await seat.press("enter")
        assert set(central.held) == {"LOY1", "LOY2"}
        await seat.press("escape")
        assert "is let go: it can be used again" in seat.text
        await seat.press("enter")
        assert set(central.held) == {"LOY1"}
        await seat.press("f5", "enter")
    assert tenders(desk) == [("internal_voucher", 5000), ("cash", 36750)]


async def test_a_voucher_that_is_refused_is_told_at_its_code() -> None:
    desk = make_shop()
    async with counter(desk, vouchers=vouchers()) as seat:
        await seat.open("BA-1")
        await seat.press("v")
        await seat.scan("LOY-NONE")
        await seat.press("enter")
        assert seat.text.count("This voucher cannot be used.") == 2
        assert seat.app.focused is not None
        assert seat.app.focused.id == "field-code-box"


async def test_a_third_partys_voucher_asks_for_its_issuer() -> None:
    desk, central = make_shop(), vouchers(EXT1="41.750")
    async with counter(desk, vouchers=central) as seat:
        await seat.open("BA-1")
        await seat.press("v", "tab")
        await seat.fill("EXT1", "City Gifts")
        await seat.press("enter")
        assert "41.750 KWD taken" in seat.message
    assert central.asked[0].issuer == "City Gifts"
    assert tenders(desk) == [("external_voucher", 41750)]


async def test_without_central_no_voucher_is_taken_and_cash_is_named() -> None:
    desk, central = make_shop(), vouchers(LOY1="41.750")
    central.online = False
    for desk_of_vouchers in (central, None):
        async with counter(desk, vouchers=desk_of_vouchers) as seat:
            await seat.open("BA-1")
            await seat.press("v")
            await seat.fill("LOY1")
            await seat.press("enter")
            assert "vouchers are not taken without it" in seat.message
            assert "Esc, then F5 takes cash." in seat.message
    assert rows(desk, "v_payment") == []


# --- refusals keep what was typed ------------------------------------------------------------------------------------


async def test_a_form_left_half_typed_is_there_again_with_its_kind() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f6", "tab")
        await seat.fill("A1B2C3")
        await seat.press("escape")
        assert "Credit card is kept as typed" in seat.message
        await seat.press("f6")
        assert "A1B2C3" in seat.text
        assert seat.app.focused is not None
        assert seat.app.focused.id == "field-last4-box"
        assert seat.app.seat.habits.mode[ModeKind.CARD] == "credit_card"


# --- the drawer ------------------------------------------------------------------------------------------------------


async def test_the_drawer_opens_for_cash_and_not_for_a_card_and_says_when_it_did_not() -> None:
    desk = make_till()
    opened(desk)
    calls: list[str] = []

    async def stuck() -> str | None:
        calls.append("open")
        return "The drawer did not open. The printer does not answer."

    async with counter(desk, open_drawer=stuck) as seat:
        await seat.open("BA-1")
        await seat.press("f5", "enter")
        assert "The drawer did not open." in seat.message
        assert "CHANGE" in seat.text
        await seat.open("BA-2")
        await card(seat)
        assert "30.000 KWD taken" in seat.message
    assert calls == ["open"]


async def test_the_number_of_a_way_opens_that_way_whatever_was_begun() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f6")
        await seat.write("A1B2C3")
        await seat.press("escape")
        await seat.press("w")
        await seat.press("4")
        assert "CREDIT CARD" in seat.text
        assert "A1B2C3" in seat.text


async def test_leaving_an_account_with_a_half_typed_tender_asks_first() -> None:
    desk = make_shop()
    async with counter(desk) as seat:
        await seat.open("BA-1")
        await seat.press("f7")
        await seat.write("000471")
        await seat.press("escape", "escape")
        assert "What was typed will be dropped: Cheque." in seat.text
        await seat.press("enter")
        assert seat.screen == "FindScreen"
