"""Bill money at a dealer's till is the operator's: posted apart, counted apart, in no payment with the dealer's sales."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.errors import Refused
from pos.domain.payment_event import Overpayment
from pos.domain.posting import is_balanced, trust_counted_lines
from pos.domain.role import Person, Role
from pos.store.people import RosterEntry, put_person
from pos.till.basket import account_basket, give
from pos.till.cash_office import CountOrder, close_shift, count_shift
from pos.till.count_sheet import print_count_sheet
from pos.till.desk import Desk
from pos.till.enquiries import PayPlan, account_view
from pos.till.hand_over import accept_hand_over, hand_over
from pos.till.papers import show_receipt
from pos.till.shift_closed import ShiftClosed
from pos.till.z_report import accept_difference
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    card,
    cash,
    findings,
    make_till,
    money,
    notes,
    opened,
    pay,
    rows,
    sale,
    stock,
    take_currencies,
    wish,
)
from tests.till.books import refused

SELLER = Person(user="3007", name="Rami Haddad", roles=frozenset({Role.DEALER, Role.CASHIER}), dealer="D-1")


@pytest.fixture
def desk() -> Desk:
    """A dealer's own till, with a float of 20 that is the dealer's."""
    desk = make_till()
    stock(desk)
    opened(desk, person=SELLER)
    return desk


def balance(desk: Desk, ledger_account: str) -> int:
    return sum(
        int(str(line["debit_minor"])) - int(str(line["credit_minor"]))
        for line in rows(desk, "v_journal")
        if line["ledger_account"] == ledger_account
    )


def close(desk: Desk, cash_: str, trust: str | None, reason: str | None = None) -> ShiftClosed:
    count_shift(desk, SELLER, CountOrder(cash=cash_, trust=trust))
    return close_shift(desk, SELLER, reason)


def test_bill_money_at_a_dealers_till_is_apart_from_the_dealers_cash(desk: Desk) -> None:
    """Rule 60: trust money has its own purse; the dealer's purchases never touch it."""
    pay(desk, cash("60"), person=SELLER)  # bills of 54.250, the rest is change
    pay(desk, cash("5"), account="D-1", person=SELLER, lines=[sale("SERVICE")])
    pay(desk, cash("7"), account="BA-3", person=SELLER, overpayment=Overpayment.CREDIT)

    assert balance(desk, "trust_money") == 61_250
    assert balance(desk, "cash_in_till") == 25_000
    closed = close(desk, "25", "61.250")

    assert closed.trust is not None
    assert (closed.expected_cash, closed.over_short) == (money("25"), money("0"))
    assert (closed.trust.expected, closed.trust.counted, closed.trust.over_short) == (
        money("61.250"),
        money("61.250"),
        money("0"),
    )
    assert balance(desk, "cash_in_till") == 0
    assert balance(desk, "trust_money") == 61_250, "until it has a deposit of its own"
    (shift,) = rows(desk, "v_shift")
    assert (shift["expected_cash_minor"], shift["trust_expected_minor"]) == (25_000, 61_250)
    assert findings(desk) == []


def test_what_lacks_in_the_operators_purse_is_not_made_up_from_the_dealers(desk: Desk) -> None:
    pay(desk, cash("54.250"), person=SELLER)

    count_shift(desk, SELLER, CountOrder(cash="25", trust="49.250"))
    assert refused(desk, lambda: close_shift(desk, SELLER)).code == "count_differs"
    closed = close_shift(desk, SELLER, "mixed up")

    assert closed.trust is not None
    assert (closed.over_short, closed.trust.over_short) == (money("5"), money("-5"))
    assert balance(desk, "trust_money") == 49_250
    assert balance(desk, "cash_over_short") == 0
    assert balance(desk, "safe") == 5_000
    assert findings(desk) == []


def test_what_is_over_in_one_purse_makes_nothing_up_for_the_limit_of_who_signs(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, accept_minor=1_000))
    pay(desk, cash("54.250"), person=SELLER)
    assert close(desk, "25", "49.250", "mixed up").difference == money("0")

    refusal = refused(desk, lambda: accept_difference(desk, SUPERVISOR, 1, "Seen"))

    assert (refusal.code, refusal.details["amount"]) == ("over_limit", "10.000")
    assert accept_difference(desk, BACK_OFFICE, 1, "Seen").accepted_by == "4001"


def test_a_purse_that_was_not_counted_is_short(desk: Desk) -> None:
    pay(desk, cash("54.250"), person=SELLER)

    count_shift(desk, SELLER, CountOrder(cash="20"))
    assert refused(desk, lambda: close_shift(desk, SELLER)).code == "count_differs"
    closed = close_shift(desk, SELLER, "not counted")

    assert closed.trust is not None
    assert closed.trust.over_short == money("-54.250")
    assert findings(desk) == []


def test_bills_and_items_are_two_payments_at_a_dealers_till(desk: Desk) -> None:
    refusal = refused(
        desk,
        lambda: pay(desk, cash("50"), person=SELLER, allocate=[wish("7781")], lines=[sale("SERVICE")]),
    )

    assert refusal.code == "trust_money_apart"
    pay(desk, cash("41.750"), person=SELLER, allocate=[wish("7781")])
    pay(desk, cash("5"), person=SELLER, lines=[sale("SERVICE")])
    assert (balance(desk, "trust_money"), balance(desk, "cash_in_till")) == (41_750, 25_000)


def test_a_dealers_top_up_beside_a_purchase_is_all_the_dealers(desk: Desk) -> None:
    buy = [sale("SERVICE")]
    pay(desk, cash("8"), account="D-1", person=SELLER, lines=buy, overpayment=Overpayment.CREDIT)

    assert (balance(desk, "trust_money"), balance(desk, "cash_in_till")) == (0, 28_000)


def test_foreign_notes_are_no_bill_money_at_a_dealers_till(desk: Desk) -> None:
    """They would lie in the dealer's own foreign cash: the operator's purse has the shop's currency alone."""
    take_currencies(desk, {"USD": "0.30675"})
    bills = [wish("7781", "3.050")]
    of_bills = notes("10", "USD", "0.30675")

    refusal = refused(
        desk,
        lambda: pay(desk, of_bills, person=SELLER, allocate=bills, overpayment=Overpayment.CHANGE),
    )

    assert (refusal.code, refusal.details["currency"]) == ("trust_money_foreign", "KWD")
    both = [of_bills, cash("1")]
    assert refused(desk, lambda: pay(desk, *both, person=SELLER)).code == "trust_money_foreign"
    pay(desk, cash("3.050"), person=SELLER, allocate=bills)
    buy = [sale("SERVICE")]
    twenty = notes("20", "USD", "0.30675")
    pay(desk, twenty, person=SELLER, lines=buy, overpayment=Overpayment.CHANGE)
    pay(desk, twenty, account="D-1", person=SELLER, lines=buy, overpayment=Overpayment.CREDIT)
    assert (balance(desk, "trust_money"), balance(desk, "foreign_cash_in_till")) == (3_050, 12_270)
    assert findings(desk) == []


def test_foreign_notes_for_bills_are_refused_at_a_dealers_screen_too(desk: Desk) -> None:
    take_currencies(desk, {"USD": "0.30675"})
    view = account_view(desk, SELLER, "BA-1")
    plan = PayPlan(parts=(), to_pay=money("54.250"))
    basket = account_basket(desk, view, plan, "01a1fd8c-70d0-7e9e-b870-a3187c0b8988")

    with pytest.raises(Refused) as refusal:
        give(desk, SELLER, basket, notes("10", "USD", "0.30675"), decimal_marks=".")

    assert refusal.value.code == "trust_money_foreign"
    give(desk, CASHIER, basket, notes("10", "USD", "0.30675"), decimal_marks=".")


@pytest.mark.parametrize("apart", [True, False])
def test_an_operators_own_till_takes_foreign_notes_for_bills(apart: bool) -> None:
    desk = make_till()
    take_currencies(desk, {"USD": "0.30675"})
    person = CASHIER if apart else SELLER
    off = replace(desk.policy, dealers=replace(desk.policy.dealers, trust_apart=apart))
    desk = replace(desk, policy=off)
    opened(desk, person=person)

    pay(desk, notes("10", "USD", "0.30675"), person=person, overpayment=Overpayment.CREDIT)

    assert balance(desk, "foreign_cash_in_till") == 3_068
    assert findings(desk) == []


def test_a_card_slip_is_in_no_purse(desk: Desk) -> None:
    pay(desk, card("54.250"), person=SELLER)

    assert balance(desk, "trust_money") == 0
    assert close(desk, "20", None).trust is None


def test_an_operators_own_till_has_no_such_purse() -> None:
    desk = make_till()
    stock(desk)
    opened(desk)
    pay(desk, cash("60"), lines=[sale("SERVICE")], allocate=[wish("7781")], overpayment=Overpayment.CHANGE)

    assert balance(desk, "trust_money") == 0
    count_shift(desk, CASHIER, CountOrder(cash="66.750"))
    assert close_shift(desk, CASHIER).trust is None
    assert findings(desk) == []


def test_a_shop_may_leave_it_together(desk: Desk) -> None:
    off = replace(desk.policy, dealers=replace(desk.policy.dealers, trust_apart=False))
    desk = replace(desk, policy=off)

    pay(desk, cash("60"), person=SELLER, lines=[sale("SERVICE")], allocate=[wish("7781")])

    assert balance(desk, "trust_money") == 0


@pytest.mark.parametrize(
    ("trust", "code"), [("-1", "bad_amount"), ("x", "bad_amount"), ("1.0001", "amount_too_precise")]
)
def test_a_count_of_the_purse_that_is_none_is_refused(desk: Desk, trust: str, code: str) -> None:
    order = CountOrder(cash="20", trust=trust)

    assert refused(desk, lambda: count_shift(desk, SELLER, order)).code == code


@pytest.mark.parametrize("over_short", ["5", "-5", "0"])
def test_the_count_of_the_purse_balances(over_short: str) -> None:
    assert is_balanced(trust_counted_lines(money(over_short)))


def test_a_sheet_to_count_on_has_a_line_for_bill_money_where_it_is_kept_apart(desk: Desk) -> None:
    dealers, ours = print_count_sheet(desk, SELLER).number, print_count_sheet(desk, CASHIER).number

    lines = [
        render_text(compose(show_receipt(desk, SUPERVISOR, number), ORIGINAL)).splitlines()
        for number in (dealers, ours)
    ]
    asked = [any("Bill money" in line and "...." in line for line in sheet) for sheet in lines]
    assert asked == [True, False]


def test_bill_money_is_handed_over_in_the_envelope_and_not_in_the_drawer(desk: Desk) -> None:
    relief = replace(SELLER, user="3008", name="Lina Haddad")
    with desk.till.transaction() as unit:
        entry = RosterEntry(person=relief, pin_hash="", active=True, pin_is_first=False, pin_expires=None)
        put_person(unit.connection, entry, at=desk.clock.now())
    pay(desk, cash("5"), account="D-1", person=SELLER, lines=[sale("SERVICE")])
    pay(desk, cash("7"), account="BA-3", person=SELLER, overpayment=Overpayment.CREDIT)
    count_shift(desk, SELLER, CountOrder(cash="25", trust="6"))
    assert refused(desk, lambda: hand_over(desk, SELLER, "3008")).code == "count_differs"
    hand_over(desk, SELLER, "3008", "One is missing")

    done = accept_hand_over(desk, relief, "25")

    assert done.closed.trust is not None
    assert (done.closed.over_short, done.closed.trust.over_short) == (money("0"), money("-1"))
    text = render_text(compose(show_receipt(desk, SUPERVISOR, done.number), ORIGINAL))
    assert "Counted bill money                   6.000" in text
    pay(desk, cash("4"), account="BA-3", person=relief, overpayment=Overpayment.CREDIT)
    count_shift(desk, relief, CountOrder(cash="25", trust="4"))
    second = close_shift(desk, relief)
    assert second.trust is not None
    assert (second.over_short, second.trust.expected, second.trust.over_short) == (
        money("0"),
        money("4"),
        money("0"),
    )
    assert balance(desk, "trust_money") == 10_000
    assert findings(desk) == []
