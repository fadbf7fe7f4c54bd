"""The basket: what the screen shows before Enter is what the till books after it (domain.md 3.1, 3.2, 3.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.ids import new_id
from pos.domain.money import Money, currency
from pos.domain.payment_mode import PaymentModes, Purpose
from pos.domain.receipt import ReceiptFacts
from pos.till.basket import (
    Basket,
    Quote,
    account_basket,
    add_item,
    add_serial,
    choose_bills,
    give,
    items_on_sale,
    modes_for,
    order_of,
    pay_only_given,
    quote,
    remove_line,
    require_complete,
    set_quantity,
    take_back,
    walk_in_basket,
    ways_to_pay,
)
from pos.till.desk import Desk
from pos.till.enquiries import account_view, plan_payment
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    CASHIER,
    CHARGER_EAN,
    SUPERVISOR,
    FakeVouchers,
    atm,
    bank_cash,
    bill,
    card,
    cash,
    cheque,
    direct_debit,
    findings,
    iccid,
    imei,
    items_of,
    make_till,
    money,
    opened,
    reserve,
    rows,
    stock,
    tell,
    voucher,
)
from tests.builders.tries import examples

KWD = currency("KWD")


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    return desk


def basket_of(desk: Desk, account: str | None = "BA-1", *marked: str, part: str | None = None) -> Basket:
    """What a cashier has after finding the account: the marked bills, else the oldest one."""
    event_id = new_id(desk.clock, desk.randomness)
    if account is None:
        return walk_in_basket(desk, event_id)
    view = account_view(desk, CASHIER, account)
    return account_basket(desk, view, plan_payment(view, marked=marked, part=part), event_id)


def no_bills(basket: Basket) -> Basket:
    return choose_bills(basket, beside_items=True)


def given_to(desk: Desk, basket: Basket, *tenders: TenderOrder) -> Basket:
    for tender in tenders:
        basket = give(desk, CASHIER, basket, tender, decimal_marks=".")
    return basket


def codes(desk: Desk, basket: Basket, person: object = CASHIER) -> list[str]:
    return [mode.code for mode in modes_for(desk, person, basket)]  # type: ignore[arg-type]


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


# --- what is in it -------------------------------------------------------------------------------------------------


def test_an_empty_basket_is_for_the_account(desk: Desk) -> None:
    basket = basket_of(desk, "BA-3")

    assert (basket.is_empty, basket.to_pay) == (True, money("0"))
    assert basket.purposes == {Purpose.ACCOUNT}


def test_bills_and_items_add_up(desk: Desk) -> None:
    basket = add_item(desk, add_item(desk, basket_of(desk, "BA-1", "7782"), "CHARGER"), "SERVICE")

    assert (basket.to_pay, basket.sale, basket.tax) == (money("18.750"), money("6.250"), money("0.060"))
    assert basket.purposes == {Purpose.BILLS, Purpose.ITEMS}
    assert (basket.is_empty, basket.keeps_nothing) == (False, False)
    assert basket_of(desk, None).keeps_nothing


def test_the_same_item_again_is_one_more_of_it(desk: Desk) -> None:
    basket = basket_of(desk, None)
    for typed in ("CHARGER", CHARGER_EAN, "SERVICE", "charger"):
        basket = add_item(desk, basket, typed)

    assert [(line.item.item, line.quantity) for line in basket.lines] == [("CHARGER", 3), ("SERVICE", 1)]
    assert [line.item.item for line in remove_line(basket, 0).lines] == ["SERVICE"]


def test_what_is_not_on_sale_stays_out(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        add_item(desk, basket_of(desk, None), "NOTHING")

    assert code_of(refusal) == "unknown_item"


@pytest.mark.parametrize("quantity", [0, -1, 1000])
def test_a_quantity_is_from_1_to_999(desk: Desk, quantity: int) -> None:
    basket = add_item(desk, basket_of(desk, None), "SIM-01")

    with pytest.raises(Refused) as refusal:
        set_quantity(basket, 0, quantity)

    assert code_of(refusal) == "bad_quantity"
    assert set_quantity(basket, 0, 999).lines[0].missing == 999


def test_a_serial_is_scanned_for_each_piece(desk: Desk) -> None:
    basket = set_quantity(add_item(desk, basket_of(desk, None), "SIM-01"), 0, 2)
    assert basket.lines[0].missing == 2
    with pytest.raises(Refused) as refusal:
        require_complete(basket)
    assert code_of(refusal) == "serials_needed"

    basket = add_serial(add_serial(basket, 0, iccid(1)), 0, " ".join(iccid(2)))

    assert basket.lines[0].missing == 0
    require_complete(basket)
    with pytest.raises(Refused) as refusal:
        add_serial(basket, 0, iccid(3))
    assert code_of(refusal) == "serials_enough"
    assert set_quantity(basket, 0, 1).lines[0].serials == (iccid(1),)


@pytest.mark.parametrize(
    ("line", "serial", "code"),
    [
        (0, iccid(1), "serial_named_twice"),
        (1, iccid(1), "bad_serial"),
        (2, iccid(2), "serial_not_needed"),
        (1, "378282246310005", "card_number_refused"),
        (0, imei(1), "bad_serial"),
    ],
)
def test_a_serial_that_does_not_fit_is_told_at_the_scan(
    desk: Desk, line: int, serial: str, code: str
) -> None:
    basket = basket_of(desk, None)
    for item in ("SIM-01", "PHONE-01", "CHARGER"):
        basket = add_item(desk, basket, item)
    basket = set_quantity(add_serial(basket, 0, iccid(1)), 0, 2)

    with pytest.raises(Refused) as refusal:
        add_serial(basket, line, serial)

    assert code_of(refusal) == code


def test_items_pay_no_bill_that_was_not_marked(desk: Desk) -> None:
    basket = add_item(desk, basket_of(desk, "BA-1"), "CHARGER")

    assert choose_bills(basket).plan.parts == ()
    assert choose_bills(basket).to_pay == money("1.250")
    assert choose_bills(basket, marked=["7782"]).to_pay == money("13.750")
    assert choose_bills(basket, part="20").to_pay == money("21.250")
    assert choose_bills(basket_of(desk, "BA-1"), beside_items=True).is_empty
    assert choose_bills(basket_of(desk, None)).is_empty


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["CHARGER", "GIFT", "PHONE-01", "SERVICE", "SIM-01"]),
        ("sim-01", ["SIM-01"]),
        (CHARGER_EAN, ["CHARGER"]),
        ("charg", ["CHARGER"]),
        ("usb", ["CHARGER"]),
        ("unicode", ["PHONE-01"]),
        ("李", ["PHONE-01"]),
        ("prepaid sim", ["SIM-01"]),
        ("sim prepaid", ["SIM-01"]),
        ("prepaid phone", []),
        ("100%", []),
        ("_", []),
    ],
)
def test_items_are_found_by_code_bar_code_and_words(desk: Desk, text: str, found: list[str]) -> None:
    stock(desk, [replace(items_of("EUR")[0], item="ABROAD", name="Prepaid SIM abroad")])

    assert [item.item for item in items_on_sale(desk, text)] == found


# --- ways to pay ---------------------------------------------------------------------------------------------------

ALL = ["cash", "cheque", "debit_card", "credit_card"]
OF_BILLS = ["internal_voucher", "external_voucher", "atm"]


def test_only_ways_that_fit_are_offered(desk: Desk) -> None:
    bills, account = basket_of(desk, "BA-1"), basket_of(desk, "BA-3")
    items = add_item(desk, no_bills(bills), "CHARGER")

    assert codes(desk, bills) == [*ALL, *OF_BILLS]
    assert codes(desk, bills, SUPERVISOR) == [*ALL, "direct_debit", *OF_BILLS]
    assert codes(desk, account) == codes(desk, items) == codes(desk, account, SUPERVISOR) == ALL
    assert codes(desk, add_item(desk, bills, "CHARGER")) == [*ALL, *OF_BILLS]
    assert codes(desk, add_item(desk, basket_of(desk, None), "CHARGER")) == ALL
    dealers = [*ALL, "bank_cash", "bank_cheque", *OF_BILLS]
    assert codes(desk, basket_of(desk, "D-1")) == dealers
    assert codes(desk, add_item(desk, basket_of(desk, "D-1"), "CHARGER")) == dealers


def test_what_the_shop_switched_off_is_not_offered(desk: Desk) -> None:
    off = {code: replace(mode, available=code != "atm") for code, mode in desk.modes.by_code.items()}

    assert "atm" not in codes(replace(desk, modes=PaymentModes(off)), basket_of(desk, "BA-1"))


def test_where_no_way_fits_the_reason_is_told(desk: Desk) -> None:
    cards = [desk.modes["debit_card"], desk.modes["credit_card"]]
    bills = basket_of(desk, "BA-1")
    assert ways_to_pay(desk, CASHIER, bills, cards) == cards

    with pytest.raises(Refused) as refusal:
        ways_to_pay(desk, CASHIER, bills, [desk.modes["bank_cash"]])
    assert code_of(refusal) == "mode_not_for_payer"
    with pytest.raises(Refused) as refusal:
        ways_to_pay(desk, CASHIER, basket_of(desk, "BA-3"), [desk.modes["atm"]])
    assert code_of(refusal) == "mode_not_for_purpose"
    with pytest.raises(NotAuthorised):
        ways_to_pay(desk, CASHIER, bills, [desk.modes["direct_debit"]])


# --- laying tenders in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "tender", "code"),
    [
        ("BA-1", bank_cash("5"), "mode_not_for_payer"),
        ("BA-1", cash("0"), "amount_not_positive"),
        ("BA-1", cash("5,0"), "bad_amount"),
        ("BA-1", card("5", last4="11"), "bad_field"),
        ("BA-1", card("5", brand="4111 1111 1111 1111"), "card_number_refused"),
        ("BA-1", TenderOrder(mode="atm", amount="5", details={}), "field_missing"),
        ("BA-1", TenderOrder(mode="gold", amount="5", details={}), "unknown_mode"),
        ("BA-1", cheque("5", date="2028-11-22"), "cheque_post_dated"),
        ("BA-2", cheque("5"), "cheque_account_cash_only"),
        (None, atm("5"), "mode_not_for_payer"),
    ],
)
def test_a_tender_that_cannot_be_booked_is_not_laid_in(
    desk: Desk, account: str | None, tender: TenderOrder, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        given_to(desk, basket_of(desk, account), tender)

    assert code_of(refusal) == code


def test_a_cashier_lays_in_no_direct_debit(desk: Desk) -> None:
    with pytest.raises(NotAuthorised):
        given_to(desk, basket_of(desk, "BA-1"), direct_debit("5"))

    assert give(desk, SUPERVISOR, basket_of(desk, "BA-1"), direct_debit("5"), decimal_marks=".").given


def test_the_same_slip_is_laid_in_once(desk: Desk) -> None:
    basket = given_to(desk, basket_of(desk, "BA-1"), card("5"), voucher("1"))

    for twin in (card("6", rrn="123456789", mode="credit_card"), voucher("2", "loyal 2026 txwp")):
        with pytest.raises(Refused) as refusal:
            given_to(desk, basket, twin)
        assert code_of(refusal) == "named_twice"
    assert len(given_to(desk, basket, card("6", rrn="7"), voucher("2", "OTHER")).given) == 4


def test_what_is_missing_shrinks_and_grows(desk: Desk) -> None:
    basket = basket_of(desk, "BA-1")
    assert basket.rest == money("41.750")

    basket = given_to(desk, basket, card("20"), cash("5"))
    assert (basket.handed_over, basket.rest) == (money("25"), money("16.750"))
    assert take_back(basket).rest == money("21.750")
    assert take_back(take_back(take_back(basket))).given == ()

    full = given_to(desk, basket, cash("50"))
    assert full.rest == money("0")
    with pytest.raises(Refused) as refusal:
        given_to(desk, full, cash("1"))
    assert code_of(refusal) == "tender_not_needed"


def test_an_amount_with_the_shops_mark_is_ordered_with_a_point(desk: Desk) -> None:
    basket = give(desk, CASHIER, basket_of(desk, "BA-1"), cash("5,5"), decimal_marks=".,")

    assert order_of(basket, keep=False).tenders == [cash("5.500")]


# --- paying only what was given ------------------------------------------------------------------------------------


def test_pay_only_given_leaves_the_rest_of_the_bills_open(desk: Desk) -> None:
    basket = given_to(desk, basket_of(desk, "BA-1", "7781", "7782"), card("45"))

    part = pay_only_given(basket)

    assert [(one.bill_no, one.amount.plain()) for one in part.plan.parts] == [
        ("7781", "41.750"),
        ("7782", "3.250"),
    ]
    assert part.rest == money("0")
    receipt = take_payment(desk, CASHIER, order_of(part, keep=False)).receipt
    assert receipt.total == money("45")
    assert findings(desk) == []


def test_pay_only_given_pays_the_items_whole_first(desk: Desk) -> None:
    basket = add_item(desk, basket_of(desk, "BA-1", "7782"), "SERVICE")

    part = pay_only_given(given_to(desk, basket, cash("7")))

    assert [(one.bill_no, one.amount.plain()) for one in part.plan.parts] == [("7782", "2.000")]
    assert take_payment(desk, CASHIER, order_of(part, keep=False)).receipt.change == money("0")
    for too_little in ("4.999", "5"):
        with pytest.raises(Refused) as refusal:
            pay_only_given(given_to(desk, basket, cash(too_little)))
        assert code_of(refusal) == "items_are_paid_whole"


def test_pay_only_given_is_nothing_for_a_walk_in_buyer(desk: Desk) -> None:
    basket = add_item(desk, basket_of(desk, None), "SERVICE")

    with pytest.raises(Refused) as refusal:
        pay_only_given(given_to(desk, basket, cash("4")))

    assert code_of(refusal) == "items_are_paid_whole"


# --- the quote is what is booked -----------------------------------------------------------------------------------


def test_a_quote_says_what_is_missing_what_comes_back_and_what_is_kept(desk: Desk) -> None:
    basket = given_to(desk, basket_of(desk, "BA-1"), card("20"))

    def said(amount: str, mode: str = "cash", keep: bool = False) -> Quote:
        return quote(
            desk,
            basket,
            TenderOrder(mode=mode, amount=amount, details={}),
            keep=keep,
            decimal_marks=".",
        )

    none = money("0")
    assert said("21.749") == Quote(
        tendered=money("21.749"), rest=money("0.001"), change=none, credit=none, rounding=none
    )
    assert said("21.750") == Quote(
        tendered=money("21.750"), rest=none, change=none, credit=none, rounding=none
    )
    assert said("30") == Quote(
        tendered=money("30"), rest=none, change=money("8.250"), credit=none, rounding=none
    )
    assert said("30", keep=True) == Quote(
        tendered=money("30"), rest=none, change=none, credit=money("8.250"), rounding=none
    )
    assert said("30", "debit_card", keep=True).credit == money("8.250")
    with pytest.raises(Refused) as refusal:
        said("30", "debit_card")
    assert code_of(refusal) == "change_not_possible"


def test_a_walk_in_buyers_quote_keeps_nothing_even_where_asked_to(desk: Desk) -> None:
    basket = add_item(desk, basket_of(desk, None), "SERVICE")

    said = quote(desk, basket, cash("10"), keep=True, decimal_marks=".")

    assert (said.change, said.credit) == (money("5"), money("0"))


def test_a_bill_in_another_currency_does_not_stop_money_on_account(desk: Desk) -> None:
    tell(desk, bills=[bill("8801", money("77", "EUR"), of="BA-3")])
    basket = basket_of(desk, "BA-3")
    assert basket.is_empty

    said = quote(desk, basket, cash("10"), keep=True, decimal_marks=".")
    taken = take_payment(desk, CASHIER, order_of(given_to(desk, basket, cash("10")), keep=True))

    assert said.credit == taken.receipt.credit == money("10")


def test_what_costs_another_price_by_now_is_not_sold_at_the_one_that_was_shown(desk: Desk) -> None:
    basket = given_to(desk, add_item(desk, basket_of(desk, None), "SERVICE"), cash("5"))
    stock(desk, [replace(items_of("KWD")[3], price=money("4"))])

    with pytest.raises(Refused) as refusal:
        take_payment(desk, CASHIER, order_of(basket, keep=False))

    assert code_of(refusal) == "price_changed"


def test_a_cash_only_account_is_offered_no_cheque(desk: Desk) -> None:
    basket = basket_of(desk, "BA-2")

    assert "cheque" not in codes(desk, basket)
    with pytest.raises(Refused) as refusal:
        ways_to_pay(desk, CASHIER, basket, [desk.modes["cheque"]])
    assert code_of(refusal) == "cheque_account_cash_only"


tender_choice = st.tuples(
    st.sampled_from(["cash", "cash", "cheque", "debit_card", "atm", "internal_voucher"]),
    st.integers(1, 20_000),
)


def tender_of(mode: str, minor: int, place: int) -> TenderOrder:
    text = Money(minor, KWD).plain()
    make = {
        "cash": lambda: cash(text),
        "cheque": lambda: cheque(text, serial=f"{place:06d}"),
        "debit_card": lambda: card(text, rrn=f"{place + 1}"),
        "atm": lambda: atm(text, trace=f"{place + 1}"),
        "internal_voucher": lambda: voucher(text, f"LOYAL-{place}"),
    }
    return make[mode]()


def booked(desk: Desk, asked: PaymentOrder) -> tuple[ReceiptFacts | None, str]:
    """The receipt, or the code of the refusal."""
    try:
        return take_payment(desk, CASHIER, asked).receipt, ""
    except Refused as refusal:
        return None, refusal.code


@settings(max_examples=examples(1.6))
@example("D-1", set(), ["CHARGER"], [("cheque", 1)], False, ("cash", 0))
@given(
    account=st.sampled_from(["BA-1", "BA-1", "BA-3", "BA-5", "D-1", None]),
    marked=st.sets(st.sampled_from(["7781", "7782"])),
    items=st.lists(st.sampled_from(["CHARGER", "SERVICE", "GIFT"]), max_size=4),
    tenders=st.lists(tender_choice, min_size=1, max_size=4),
    keep=st.booleans(),
    finish=st.none() | st.tuples(st.sampled_from(["cash", "cash", "debit_card"]), st.integers(0, 2_000)),
)
def test_the_quote_says_exactly_what_is_booked(
    account: str | None,
    marked: set[str],
    items: list[str],
    tenders: list[tuple[str, int]],
    keep: bool,
    finish: tuple[str, int] | None,
) -> None:
    """``finish``: the last tender brings what is missing and that much more; else only what was given is paid."""
    desk = make_till()
    stock(desk)
    opened(desk)
    basket = basket_of(desk, account, *(marked if account == "BA-1" else ()))
    for item in items:
        basket = add_item(desk, basket, item)
    said: Quote | None = None
    why: list[str] = []
    for place, (mode, minor) in enumerate([*tenders, *([finish] if finish else [])]):
        last = place == len(tenders)
        tender = tender_of(mode, basket.rest.minor + minor if last else minor, place)
        try:
            said = quote(desk, basket, tender, keep=keep, decimal_marks=".")
            basket = given_to(desk, basket, tender)
        except Refused as refusal:
            said = None
            why.append(refusal.code)
    if finish is None and basket.rest.minor > 0 and basket.handed_over > basket.sale and basket.view:
        basket, said = pay_only_given(basket), None
        assert basket.rest == money("0")
    if not basket.given or basket.rest.minor > 0:
        return
    asked = order_of(basket, keep=keep)
    reserve(desk, asked, FakeVouchers())
    receipt, refused_as = booked(desk, asked)
    assert not {"store_rule_broken", "unknown_account", "more_than_open"} & {*why, refused_as}
    if receipt is None:
        assert said is None, f"it was quoted and then refused as {refused_as}"
        return
    rounding = receipt.rounding or money("0")
    assert receipt.total + receipt.change - rounding == basket.handed_over
    assert said is None or said.rounding == rounding
    assert [row["amount_minor"] for row in rows(desk, "sale_line")] == [
        line.amount.minor for line in basket.lines
    ]
    if said is not None:
        assert (said.change, said.credit) == (receipt.change, receipt.credit)
    assert findings(desk) == []
