"""Foreign notes at the till: taken at the rate of the list, booked apart, counted apart, closed at the day's rate."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.errors import Refused
from pos.domain.receipt import Copy
from pos.till.balances import ledger_balances
from pos.till.desk import Desk
from pos.till.papers import show_receipt
from pos.till.payment_order import TenderOrder
from pos.till.take_payment import take_payment
from receipts.compose import compose
from receipts.document import NotPrintable
from receipts.text import render_text
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    TODAY,
    cash,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    money,
    notes,
    opened,
    order,
    pay,
    rows,
    sale,
    stock,
    take_currencies,
)
from tests.till.books import refused, spoil


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    take_currencies(desk, {"USD": "0.30675", "EUR": "0.3355", "JPY": "0.002058"})
    opened(desk)
    return desk


def balances(desk: Desk) -> dict[str, str]:
    booked = ledger_balances(desk, BACK_OFFICE)
    return {row.ledger_account: row.balance.plain() for row in booked if row.balance}


def test_notes_are_taken_at_the_rate_of_the_list() -> None:
    """Rule 7: rate and source are frozen on tender and receipt, change is in the shop's currency."""
    desk = make_till()
    take_currencies(desk, {"USD": "0.30675"})
    opened(desk)
    taken = pay(desk, notes("200"), account="BA-1")

    (tender,) = rows(desk, "v_tender")
    assert (tender["amount_minor"], tender["change_minor"], tender["currency"]) == (61_350, 7_100, "KWD")
    assert (tender["foreign_minor"], tender["foreign_currency"]) == (20_000, "USD")
    assert (tender["rate"], tender["rate_source"]) == ("0.30675", "shop list 2026-11-21")
    assert (taken.receipt.total, taken.receipt.change) == (money("54.250"), money("7.100"))
    assert taken.opens_drawer
    assert balances(desk) == {
        "cash_in_till": "12.900",
        "foreign_cash_in_till": "61.350",
        "receivable": "-54.250",
        "safe": "-20.000",
    }
    assert findings(desk) == []


def test_the_receipt_says_what_came_and_at_which_rate(desk: Desk) -> None:
    """Rule 7: the frozen rate and its source are printed, also on a later copy."""
    number = pay(desk, notes("50")).receipt.receipt_number
    take_currencies(desk, {"USD": "0.9"})

    facts = show_receipt(desk, CASHIER, number)
    paper = " ".join(render_text(compose(facts, Copy())).split())

    assert "USD 50.00 at 0.30675 (shop list 2026-11-21) = 15.338" in paper
    assert facts.tenders[0].amount == money("15.338")


def test_two_currencies_and_own_cash_make_one_payment(desk: Desk) -> None:
    taken = pay(desk, notes("50"), notes("1000", "JPY"), cash("30"), account="BA-1")

    assert [str(one.foreign.amount) if one.foreign else "" for one in taken.receipt.tenders] == [
        "50.00 USD",
        "1000 JPY",
        "",
    ]
    # 15.338, 2.058 and 30.000 for bills of 54.250: all of it is kept, no coin goes back.
    assert (taken.receipt.total, taken.receipt.change) == (money("47.396"), money("0"))
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("tender", "code"),
    [
        (notes("50", "CHF"), "currency_not_taken"),
        (notes("50", "XXX"), "currency_not_taken"),
        (notes("50", "usd"), "currency_not_taken"),
        (notes("50", rate="0.3"), "rate_changed"),
        (notes("50", rate="x"), "bad_rate"),
        (notes("0.50"), "not_in_notes"),
        (notes("50.001"), "amount_too_precise"),
        (notes("0"), "amount_not_positive"),
        (TenderOrder(mode="cash", amount="5", details={}, rate="1"), "unknown_field"),
        (TenderOrder(mode="cash", amount="5", details={}, currency="KWD", rate="1"), "unknown_field"),
        (
            TenderOrder(
                mode="debit_card",
                amount="5",
                details={
                    "auth_code": "A1",
                    "last4": "1111",
                    "brand": "VISA",
                    "rrn": "1",
                    "card_terminal": "T7",
                },
                currency="USD",
            ),
            "currency_not_taken",
        ),
    ],
)
def test_what_is_not_taken_books_nothing(desk: Desk, tender: TenderOrder, code: str) -> None:
    asked = order(desk, tender)

    assert refused(desk, lambda: take_payment(desk, CASHIER, asked)).code == code


@pytest.mark.parametrize("rate", ["0.30675", "0.306750", None])
def test_the_rate_that_the_payer_was_told_is_taken_where_it_holds(desk: Desk, rate: str | None) -> None:
    assert pay(desk, notes("50", rate=rate)).receipt.tenders[0].amount == money("15.338")


def test_a_list_of_yesterday_takes_nothing(desk: Desk) -> None:
    clock_of(desk).advance(days=1)

    assert refused(desk, lambda: pay(desk, notes("50"))).code == "rate_stale"
    take_currencies(desk, {"USD": "0.31"}, valid_on=TODAY + timedelta(days=1))
    assert pay(desk, notes("50")).receipt.tenders[0].amount == money("15.500")


def test_the_shops_own_currency_may_be_named(desk: Desk) -> None:
    tender = TenderOrder(mode="cash", amount="41.750", details={}, currency="KWD")

    assert pay(desk, tender).receipt.tenders[0].foreign is None


def test_items_are_bought_with_foreign_notes_by_whoever_walks_in(desk: Desk) -> None:
    stock(desk)

    taken = pay(desk, notes("20"), account=None, lines=[sale("SERVICE")])

    assert (taken.receipt.total, taken.receipt.change) == (money("5.000"), money("1.135"))
    assert findings(desk) == []


def test_the_same_payment_sent_again_is_not_valued_anew(desk: Desk) -> None:
    asked = order(desk, notes("50"))
    first = take_payment(desk, CASHIER, asked)
    take_currencies(desk, {"USD": "0.4"})

    again = take_payment(desk, CASHIER, asked)

    assert again.replayed
    assert again.receipt == first.receipt


@pytest.mark.parametrize(
    ("shop", "code", "rate", "amount", "value"),
    [
        ("EUR", "JPY", "0.0057", "10000", "57.00"),
        ("JPY", "KWD", "487.5", "20", "9750"),
        ("JPY", "EUR", "162.345", "55", "8929"),
        ("EUR", "KWD", "2.98", "20", "59.60"),
    ],
)
def test_currency_never_mixed(shop: str, code: str, rate: str, amount: str, value: str) -> None:
    """Invariant 20: 0, 2 and 3 digits after the mark, in the shop's currency and in the payer's."""
    desk = make_till(currency=shop)
    take_currencies(desk, {code: rate})
    opened(desk)

    taken = pay(desk, notes(amount, code), account="D-1")

    assert taken.receipt.total == money(value, shop)
    assert {row["currency"] for row in rows(desk, "journal_line")} == {shop}
    count(desk, "20", foreign={code: amount})
    assert closed(desk).foreign[0].value == money(value, shop)
    assert findings(desk) == []


# --- the close ---------------------------------------------------------------------------------------------------


def test_the_close_counts_each_currency_by_itself(desk: Desk) -> None:
    """Invariant 30: expected cash is per currency; foreign notes have no part in the shop's own, their change has."""
    pay(desk, notes("200"))
    pay(desk, notes("100", "EUR"), account="D-1")
    count(desk, "12.900", foreign={"USD": "200", "EUR": "100"})

    done = closed(desk)

    assert (done.expected_cash, done.over_short) == (money("12.900"), money("0"))
    assert [(one.expected, one.counted) for one in done.foreign] == [
        (money("100", "EUR"), money("100", "EUR")),
        (money("200", "USD"), money("200", "USD")),
    ]
    assert balances(desk) == {
        "foreign_cash_safe": "94.900",
        "receivable": "-54.250",
        "dealer_account": "-33.550",
        "safe": "-7.100",
    }
    (shift,) = rows(desk, "v_shift")
    assert (shift["expected_cash_minor"], shift["counted_cash_minor"], shift["over_short_minor"]) == (
        12_900,
        12_900,
        0,
    )
    assert findings(desk) == []


@pytest.mark.parametrize(("rate", "gain"), [("0.31", "-0.650"), ("0.3", "1.350"), ("0.30675", None)])
def test_gain_or_loss_of_the_rate_is_posted_at_the_close(desk: Desk, rate: str, gain: str | None) -> None:
    """Rule 7: the rate of the day of the close values what is counted; the difference is no shortage."""
    pay(desk, notes("200"))
    clock_of(desk).advance(days=1)
    take_currencies(desk, {"USD": rate}, valid_on=TODAY + timedelta(days=1))
    count(desk, "12.900", foreign={"USD": "200"})

    done = closed(desk)

    assert done.foreign[0].over_short == money("0")
    assert balances(desk).get("exchange_difference") == gain
    assert "cash_over_short" not in balances(desk)
    assert done.foreign[0].source == "shop list 2026-11-22"
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("counted", "short"), [({"USD": "150"}, "-15.337"), ({}, "-61.350"), ({"USD": "201"}, "0.307")]
)
def test_over_short_booked(desk: Desk, counted: dict[str, str], short: str) -> None:
    """Invariant 33: a foreign note that is missing is a shortage at the day's rate, and wants a reason."""
    pay(desk, notes("200"))
    count(desk, "12.900", foreign=counted)

    with pytest.raises(Refused) as refusal:
        closed(desk)
    assert refusal.value.code == "count_differs"
    assert refusal.value.details == {}

    done = closed(desk, "a note is missing")
    assert (done.over_short, done.foreign[0].over_short) == (money("0"), money(short))
    assert money(balances(desk)["cash_over_short"]) == -money(short)
    assert findings(desk) == []


def test_notes_that_nobody_took_are_over(desk: Desk) -> None:
    count(desk, "20", foreign={"USD": "5"})

    done = closed(desk, "found under the tray")

    assert (done.foreign[0].expected, done.foreign[0].over_short) == (money("0", "USD"), money("1.534"))
    assert findings(desk) == []


def test_a_close_waits_for_no_list(desk: Desk) -> None:
    """The list is old, or lost the currency: the close takes the rate there is."""
    pay(desk, notes("200"))
    clock_of(desk).advance(days=3)
    take_currencies(desk, {"EUR": "0.3"})
    count(desk, "12.900", foreign={"USD": "200"})

    done = closed(desk)

    assert (done.foreign[0].rate, done.foreign[0].source) == ("0.30675", "shop list 2026-11-21")
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("foreign", "code"),
    [
        ({"CHF": "5"}, "currency_not_taken"),
        ({"KWD": "5"}, "currency_not_taken"),
        ({"USD": "-5"}, "bad_amount"),
        ({"JPY": "5.5"}, "amount_too_precise"),
    ],
)
def test_a_bad_foreign_count_is_not_kept(desk: Desk, foreign: dict[str, str], code: str) -> None:
    assert refused(desk, lambda: count(desk, "20", foreign=foreign)).code == code


def test_a_recount_takes_the_place_of_the_whole_count(desk: Desk) -> None:
    pay(desk, notes("200"))
    count(desk, "12.900", foreign={"USD": "150"})
    count(desk, "12.900", foreign={"USD": "200"})

    assert closed(desk).foreign[0].over_short == money("0")
    assert {row["counted_minor"] for row in rows(desk, "shift_count_foreign")} == {15_000, 20_000}


def test_blind_close_the_answer_to_a_count_names_no_currency(desk: Desk) -> None:
    pay(desk, notes("200"))

    told = count(desk, "1")

    assert {name for name in dir(told) if not name.startswith("_")} == {"shift_id", "number"}


def test_a_receipt_whose_notes_are_worth_something_else_is_not_printed(desk: Desk) -> None:
    facts = pay(desk, notes("200")).receipt
    (tender,) = facts.tenders
    assert tender.foreign is not None
    wrong = replace(facts, tenders=(replace(tender, foreign=replace(tender.foreign, rate="0.4")),))
    own = replace(tender.foreign, amount=money("200", "KWD"), rate="0.30675")
    as_own = replace(facts, tenders=(replace(tender, foreign=own),))

    for bad in (wrong, as_own):
        with pytest.raises(NotPrintable):
            compose(bad, Copy())


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("foreign_cash_is_worth_its_rate", "UPDATE tender SET foreign_minor = foreign_minor + 100"),
        ("foreign_cash_is_worth_its_rate", "UPDATE tender SET rate = '0.31'"),
        ("receipt_tenders_equal_store", "UPDATE tender SET rate_source = 'x'"),
        ("receipt_tenders_equal_store", "UPDATE tender SET foreign_minor = NULL, foreign_currency = NULL"),
        ("foreign_cash_is_booked", "UPDATE tender SET foreign_minor = NULL"),
        (
            "foreign_cash_is_booked",
            "UPDATE journal_line SET ledger_account = 'cash_in_till' WHERE ledger_account = 'foreign_cash_in_till'",
        ),
        ("expected_cash", "UPDATE shift_close SET expected_cash_minor = 1"),
        ("counted_cash", "UPDATE shift_close SET counted_cash_minor = 1"),
        ("expected_foreign_cash", "UPDATE shift_close_foreign SET expected_minor = 1"),
        ("expected_foreign_cash", "UPDATE shift_close_foreign SET booked_minor = booked_minor + 1"),
        ("counted_foreign_cash", "UPDATE shift_close_foreign SET counted_minor = 1"),
        ("counted_foreign_cash", "DELETE FROM shift_count_foreign"),
        ("foreign_cash_is_closed", "DELETE FROM shift_close_foreign"),
        ("foreign_cash_closes_at_its_rate", "UPDATE shift_close_foreign SET value_minor = value_minor + 1"),
        ("foreign_cash_closes_at_its_rate", "UPDATE shift_close_foreign SET rate = '0.9'"),
        ("value_of_foreign_cash_is_booked", "UPDATE shift_close_foreign SET value_minor = value_minor + 1"),
        ("exchange_of_foreign_cash_is_booked", "UPDATE shift_close_foreign SET exchange_minor = 1"),
        (
            "booked_of_foreign_cash_is_booked",
            "UPDATE shift_close_foreign SET booked_minor = booked_minor + 1",
        ),
        ("over_short_is_booked", "UPDATE shift_close_foreign SET over_short_minor = 1"),
        ("declared_cash_is_booked", "UPDATE shift_count_declared SET amount_minor = 1"),
        ("declared_cash_is_booked", "UPDATE shift_count_declared SET ledger_account = 'safe'"),
        ("chain_row_missing", "DELETE FROM shift_count_declared"),
    ],
)
def test_a_broken_promise_is_named(desk: Desk, check: str, statement: str) -> None:
    pay(desk, notes("200"))
    count(desk, "11.900", foreign={"USD": "200"}, declared={"damaged": "1"})
    closed(desk)

    spoil(desk, statement)

    assert check in {found.check for found in findings(desk)}
