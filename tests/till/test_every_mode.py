"""Every mode from every payer for every purpose: what the matrix allows is booked right, all else leaves no trace.

Source: domain.md section 0 and rules 47, 49, 50.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind, PaymentModes, Purpose
from pos.till.desk import Desk
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    CASHIER,
    SUPERVISOR,
    TODAY,
    atm,
    bank_cash,
    bank_cheque,
    card,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    direct_debit,
    findings,
    grant_limit,
    in_suspense,
    make_till,
    money,
    opened,
    order,
    pay,
    reserved_order,
    rows,
    sale,
    stock,
    voucher,
    wish,
)
from tests.till.books import refused

TENDERS: Mapping[str, Callable[[str], TenderOrder]] = {
    "cash": cash,
    "cheque": cheque,
    "debit_card": card,
    "credit_card": lambda amount: card(amount, mode="credit_card"),
    "bank_cash": bank_cash,
    "bank_cheque": bank_cheque,
    "direct_debit": direct_debit,
    "internal_voucher": voucher,
    "external_voucher": lambda amount: voucher(amount, issuer="SODEXO"),
    "atm": atm,
}
LEDGERS = {
    "cash": "cash_in_till",
    "cheque": "cheques_in_hand",
    "debit_card": "card_receivable",
    "credit_card": "card_receivable",
    "bank_cash": "bank_receipts_unverified",
    "bank_cheque": "bank_receipts_unverified",
    "direct_debit": "direct_debit_clearing",
    "internal_voucher": "loyalty_liability",
    "external_voucher": "issuer_receivable",
    "atm": "atm_clearing",
}
NOT_FINAL = {"cheque", "bank_cash", "bank_cheque", "direct_debit", "atm"}
BOTH = {"cash", "cheque", "debit_card", "credit_card"}
BILLS_ONLY = {"direct_debit", "internal_voucher", "external_voucher", "atm"}
OF_DEALERS = {"bank_cash", "bank_cheque", "internal_voucher", "external_voucher", "atm"}
ACCOUNTS = {PayerKind.SUBSCRIBER: "BA-1", PayerKind.DEALER: "D-1", PayerKind.WALK_IN: None}


def allowed(mode: str, payer: PayerKind, purpose: Purpose) -> bool:
    """The requirement's table, written out once more."""
    match payer:
        case PayerKind.SUBSCRIBER:
            return mode in BOTH or (mode in BILLS_ONLY and purpose is Purpose.BILLS)
        case PayerKind.DEALER:
            kept_apart = purpose in (Purpose.ADVANCE, Purpose.DEPOSIT, Purpose.SUSPENSE)
            if mode in ("bank_cash", "bank_cheque") and kept_apart:
                return False
            return mode in BOTH | OF_DEALERS and purpose is not Purpose.BILLS
        case PayerKind.WALK_IN:
            return mode in BOTH and purpose is Purpose.ITEMS


def asked_for(desk: Desk, mode: str, payer: PayerKind, purpose: Purpose) -> PaymentOrder:
    """5.000 in ``mode``: for bill 7781, for a service, on account in any way, or in suspense."""
    allocate = {
        Purpose.BILLS: [wish("7781", "5")],
        Purpose.ITEMS: [],
        Purpose.ACCOUNT: [wish(None, "5", ACCOUNTS[payer])],
        Purpose.ADVANCE: [wish(None, "5", ACCOUNTS[payer], keep_as=purpose)],
        Purpose.DEPOSIT: [wish(None, "5", ACCOUNTS[payer], keep_as=purpose)],
        Purpose.SUSPENSE: [in_suspense(amount="5")],
    }
    return order(
        desk,
        TENDERS[mode]("5"),
        account=ACCOUNTS[payer],
        payer=payer,
        allocate=allocate[purpose],
        lines=[sale("SERVICE")] if purpose is Purpose.ITEMS else [],
    )


@pytest.fixture
def desk() -> Desk:
    """A till where a supervisor, who may take every mode, has a shift."""
    desk = make_till()
    stock(desk)
    grant_limit(desk, "1000")
    opened(desk, person=SUPERVISOR)
    return desk


EVERY = list(itertools.product(TENDERS, PayerKind, Purpose))
TAKEN = [case for case in EVERY if allowed(*case)]


def test_the_cases_are_the_whole_table() -> None:
    assert len(EVERY) == 10 * 3 * 6
    assert len(TAKEN) == 4 * 6 + 4 + 4 * 5 + 3 * 5 + 2 * 2 + 4
    assert set(TENDERS) == set(make_till().modes.by_code)


@pytest.mark.parametrize(("mode", "payer", "purpose"), TAKEN)
def test_what_the_matrix_allows_is_booked(desk: Desk, mode: str, payer: PayerKind, purpose: Purpose) -> None:
    asked = reserved_order(desk, asked_for(desk, mode, payer, purpose), SUPERVISOR)

    taken = take_payment(desk, SUPERVISOR, asked)

    account = ACCOUNTS[payer] or "WALK-IN"
    credited = "SUSPENSE" if purpose is Purpose.SUSPENSE else account
    on_account = "dealer_account" if payer is PayerKind.DEALER else "customer_credit"
    against: dict[Purpose, tuple[str, str | None, int, int]] = {
        Purpose.BILLS: ("receivable", "BA-1", 0, 5_000),
        Purpose.ITEMS: ("item_revenue", None, 0, 5_000),
        Purpose.ACCOUNT: (on_account, account, 0, 5_000),
        Purpose.ADVANCE: ("customer_advance", account, 0, 5_000),
        Purpose.DEPOSIT: ("security_deposit", account, 0, 5_000),
        Purpose.SUSPENSE: ("suspense", "SUSPENSE", 0, 5_000),
    }
    entry = next(row for row in rows(desk, "journal_entry") if row["source_kind"] == "payment")
    assert [
        (row["ledger_account"], row["account"], row["debit_minor"], row["credit_minor"])
        for row in rows(desk, "journal_line")
        if row["entry_id"] == entry["entry_id"]
    ] == [(LEDGERS[mode], None, 5_000, 0), against[purpose]]
    assert taken.opens_drawer == (mode in ("cash", "cheque"))
    assert [(row["mode"], row["amount_minor"], row["change_minor"]) for row in rows(desk, "tender")] == [
        (mode, 5_000, 0)
    ]
    assert [row["account"] for row in rows(desk, "leg")] == [credited]
    assert len(rows(desk, "outbox")) == 1
    assert len(rows(desk, "instrument")) == (0 if mode in ("cash", "cheque") else 1)
    assert bool(taken.receipt.provisional) == (mode in NOT_FINAL)
    assert (taken.receipt.total, taken.receipt.payer_account) == (money("5"), account)
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("mode", "payer", "purpose"),
    [case for case in EVERY if not allowed(*case) and "voucher" not in case[0]],
)
def test_what_the_matrix_forbids_leaves_no_trace(
    desk: Desk, mode: str, payer: PayerKind, purpose: Purpose
) -> None:
    refusal = refused(desk, lambda: take_payment(desk, SUPERVISOR, asked_for(desk, mode, payer, purpose)))

    any_use = any(allowed(mode, payer, other) for other in Purpose)
    assert refusal.code == ("mode_not_for_purpose" if any_use else "mode_not_for_payer")


@pytest.mark.parametrize(
    ("mode", "payer", "purpose"), [case for case in EVERY if not allowed(*case) and "voucher" in case[0]]
)
def test_a_voucher_that_is_held_is_still_not_taken_for_what_it_may_not_pay(
    desk: Desk, mode: str, payer: PayerKind, purpose: Purpose
) -> None:
    asked = asked_for(desk, mode, payer, purpose)
    if any(allowed(mode, payer, other) for other in Purpose):
        reserved_order(desk, asked, SUPERVISOR)
        expected = "mode_not_for_purpose"
    else:
        expected = "mode_not_for_payer"
        with pytest.raises(Refused) as unheld:
            reserved_order(desk, asked, SUPERVISOR)
        assert unheld.value.code == expected

    assert refused(desk, lambda: take_payment(desk, SUPERVISOR, asked)).code == expected


@pytest.mark.parametrize("mode", TENDERS)
def test_a_mode_that_the_shop_switched_off_is_refused_from_everybody(desk: Desk, mode: str) -> None:
    switched = {code: replace(one, available=code != mode) for code, one in desk.modes.by_code.items()}
    shop = replace(desk, modes=PaymentModes(switched))

    for payer, purpose in itertools.product(PayerKind, Purpose):
        if allowed(mode, payer, purpose):
            asked = asked_for(shop, mode, payer, purpose)
            refusal = refused(shop, lambda asked=asked: take_payment(shop, SUPERVISOR, asked))  # type: ignore[misc]
            assert refusal.code == "mode_not_available"


# --- direct debit wants a supervisor -------------------------------------------------------------------------------


def test_a_cashier_may_not_key_a_direct_debit() -> None:
    desk = make_till()
    opened(desk)

    refusal = refused(desk, lambda: pay(desk, direct_debit("5"), allocate=[wish("7781")]))

    assert isinstance(refusal, NotAuthorised)
    assert (refusal.code, refusal.exit_code) == ("not_allowed", 4)
    assert "supervisor" in refusal.message


def test_a_cashier_may_not_key_one_beside_cash_either() -> None:
    desk = make_till()
    opened(desk)

    assert isinstance(refused(desk, lambda: pay(desk, cash("5"), direct_debit("5"))), NotAuthorised)


def test_a_supervisor_may_but_in_an_own_shift_only() -> None:
    desk = make_till()
    asked = order(desk, direct_debit("5"), allocate=[wish("7781")])
    assert refused(desk, lambda: take_payment(desk, SUPERVISOR, asked)).code == "no_open_shift"

    opened(desk)
    assert refused(desk, lambda: take_payment(desk, SUPERVISOR, asked)).code == "shift_of_other"
    count(desk, "20")
    closed(desk)
    opened(desk, person=SUPERVISOR)

    assert take_payment(desk, SUPERVISOR, asked).receipt.total == money("5")


# --- one paper is taken once ---------------------------------------------------------------------------------------

TWINS = [
    ("BA-1", card("5"), card("5", mode="credit_card", auth_code="a1b2c3", card_terminal="t7")),
    ("BA-1", card("5"), card("7", rrn="0123456789", last4="9999")),
    ("BA-1", card("5", rrn="ABC1", mode="credit_card"), card("5", rrn="abc1")),
    ("D-1", bank_cash("5"), bank_cash("5", reference="k7 20991")),
    ("D-1", bank_cash("5", reference="007"), bank_cheque("5.000", reference="7", bank="1", branch="42")),
    ("BA-1", atm("5"), atm("5", trace="4711", atm="atm-09")),
    ("D-1", atm("5"), atm("9", trace="04711")),
    ("BA-1", direct_debit("5"), direct_debit("5", reference="r 1", mandate="m1")),
]
NEIGHBOURS = [
    ("BA-1", card("5"), card("5", rrn="000123456780")),
    ("BA-1", card("5"), card("5", card_terminal="T8")),
    ("BA-1", card("5"), card("5", auth_code="A1B2C4")),
    ("D-1", bank_cash("5"), bank_cash("5.001")),
    ("D-1", bank_cash("5"), bank_cash("5", reference="K7-21057")),
    ("D-1", bank_cash("5"), bank_cash("5", date="2026-11-20")),
    ("D-1", bank_cash("5"), bank_cash("5", branch="043")),
    ("BA-1", atm("5"), atm("5", trace="004712")),
    ("BA-1", atm("5"), atm("5", date="2026-11-20")),
    ("BA-1", direct_debit("5"), direct_debit("5", date="2026-10-21")),
    ("BA-1", direct_debit("5"), direct_debit("5", mandate="M-2")),
]


@pytest.mark.parametrize(("account", "first", "second"), TWINS)
def test_the_same_paper_is_not_taken_twice(
    desk: Desk, account: str, first: TenderOrder, second: TenderOrder
) -> None:
    number = pay(desk, first, account=account, person=SUPERVISOR).receipt.receipt_number

    refusal = refused(desk, lambda: pay(desk, second, account=account, person=SUPERVISOR))

    assert (refusal.code, refusal.details["receipt"]) == ("taken_before", number)
    assert number in refusal.message


@pytest.mark.parametrize(("account", "first", "second"), TWINS)
def test_the_same_paper_is_not_in_one_payment_twice(
    desk: Desk, account: str, first: TenderOrder, second: TenderOrder
) -> None:
    refusal = refused(desk, lambda: pay(desk, first, second, account=account, person=SUPERVISOR))

    assert refusal.code == "named_twice"


@pytest.mark.parametrize(("account", "first", "second"), NEIGHBOURS)
def test_a_neighbour_of_a_paper_is_taken(
    desk: Desk, account: str, first: TenderOrder, second: TenderOrder
) -> None:
    asked = order(desk, first, second, account=account)

    take_payment(desk, SUPERVISOR, replace(asked, confirmed=("near_duplicate",)))

    assert len(rows(desk, "instrument")) == 2
    assert findings(desk) == []


def test_a_paper_that_was_refused_may_be_taken_later(desk: Desk) -> None:
    slip = card("5")
    refused(desk, lambda: pay(desk, slip, allocate=[wish("404")], person=SUPERVISOR))

    assert pay(desk, slip, person=SUPERVISOR).receipt.total == money("5")


def test_another_payers_card_slip_is_the_same_slip(desk: Desk) -> None:
    pay(desk, card("5"), person=SUPERVISOR)

    refusal = refused(desk, lambda: pay(desk, card("5"), account="D-1", person=SUPERVISOR))

    assert refusal.code == "taken_before"


# --- dates ---------------------------------------------------------------------------------------------------------

DATED = [("D-1", bank_cash), ("D-1", bank_cheque), ("BA-1", direct_debit), ("BA-1", atm)]


@pytest.mark.parametrize(("account", "make"), DATED)
def test_a_paper_of_tomorrow_is_refused(desk: Desk, account: str, make: Callable[..., TenderOrder]) -> None:
    # A bank counts the money of a cheque from a day to come; what else it did, it did by today.
    first = 15 if make is bank_cheque else 1
    for days in (first, 365):
        tender = make("5", date=(TODAY + timedelta(days=days)).isoformat())
        refusal = refused(desk, lambda: pay(desk, tender, account=account, person=SUPERVISOR))  # noqa: B023
        assert (refusal.code, refusal.details["field"]) == ("date_in_future", "date")


@pytest.mark.parametrize(("account", "make"), DATED)
@pytest.mark.parametrize("days_ago", [0, 1, 60])
def test_a_paper_of_today_or_before_is_taken(
    desk: Desk, account: str, make: Callable[..., TenderOrder], days_ago: int
) -> None:
    tender = make("5", date=(TODAY - timedelta(days=days_ago)).isoformat())

    assert pay(desk, tender, account=account, person=SUPERVISOR).receipt.total == money("5")


@pytest.mark.parametrize(("account", "make"), DATED)
def test_a_paper_of_long_ago_is_refused(desk: Desk, account: str, make: Callable[..., TenderOrder]) -> None:
    tender = make("5", date=(TODAY - timedelta(days=61)).isoformat())

    refusal = refused(desk, lambda: pay(desk, tender, account=account, person=SUPERVISOR))

    assert (refusal.code, refusal.details["field"]) == ("too_old", "date")


@pytest.mark.parametrize(("account", "make"), DATED)
def test_a_paper_of_the_new_day_is_taken_in_a_shift_that_runs_past_midnight(
    desk: Desk, account: str, make: Callable[..., TenderOrder]
) -> None:
    clock_of(desk).advance(days=1)
    tomorrow = (TODAY + timedelta(days=1)).isoformat()

    assert pay(desk, make("5", date=tomorrow), account=account, person=SUPERVISOR).receipt.total == money("5")
    assert rows(desk, "payment_event")[0]["business_date"] == TODAY.isoformat()


def test_a_clock_that_went_back_does_not_make_todays_paper_one_of_the_future(desk: Desk) -> None:
    clock_of(desk).advance(days=-3)

    assert pay(desk, atm("5"), person=SUPERVISOR).receipt.total == money("5")


def test_a_cheque_of_tomorrow_is_post_dated_not_in_the_future(desk: Desk) -> None:
    tomorrow = (TODAY + timedelta(days=1)).isoformat()

    refusal = refused(desk, lambda: pay(desk, cheque("5", date=tomorrow), person=SUPERVISOR))

    assert refusal.code == "cheque_post_dated"


# --- several modes in one payment ----------------------------------------------------------------------------------


def test_a_bill_is_paid_by_card_cheque_and_cash_with_change_from_the_cash(desk: Desk) -> None:
    taken = pay(desk, cash("30"), card("20"), cheque("10"), person=SUPERVISOR)

    assert [(line.mode, line.amount.plain()) for line in taken.receipt.tenders] == [
        ("debit_card", "20.000"),
        ("cheque", "10.000"),
        ("cash", "30.000"),
    ]
    assert taken.receipt.change == money("5.750")
    assert taken.receipt.provisional == ("Cheque 10.000: final when the cheque is cleared",)
    assert taken.opens_drawer
    assert [(row["mode"], row["change_minor"]) for row in rows(desk, "tender")] == [
        ("debit_card", 0),
        ("cheque", 0),
        ("cash", 5_750),
    ]


def test_a_card_over_the_bills_is_credit_and_never_change(desk: Desk) -> None:
    receipt = pay(desk, card("60"), person=SUPERVISOR).receipt

    assert (receipt.change, receipt.credit) == (money("0"), money("5.750"))
    refusal = refused(
        desk,
        lambda: pay(desk, card("60", rrn="9"), overpayment=Overpayment.CHANGE, person=SUPERVISOR),
    )
    assert refusal.code == "change_not_possible"


@pytest.mark.parametrize("make", [atm, direct_debit])
def test_what_pays_bills_only_may_not_be_more_than_they_are(
    desk: Desk, make: Callable[[str], TenderOrder]
) -> None:
    refusal = refused(desk, lambda: pay(desk, make("54.251"), person=SUPERVISOR))
    assert refusal.code == "mode_not_for_purpose"

    assert pay(desk, make("54.250"), person=SUPERVISOR).receipt.credit == money("0")


def test_slips_are_no_cash_at_the_closing(desk: Desk) -> None:
    pay(desk, card("20"), person=SUPERVISOR)
    pay(desk, atm("5"), person=SUPERVISOR)
    count(desk, "20", person=SUPERVISOR)

    done = closed(desk, person=SUPERVISOR)

    assert (done.expected_cash, done.over_short) == (money("20"), money("0"))
    assert {(part.mode, part.count, part.amount.plain()) for part in done.taken} == {
        ("debit_card", 1, "20.000"),
        ("atm", 1, "5.000"),
    }


def test_what_stands_on_the_slip_stands_on_the_receipt_and_no_more_of_the_card(desk: Desk) -> None:
    (line,) = pay(desk, card("5", expires="09/27"), person=SUPERVISOR).receipt.tenders

    assert dict(line.details) == {
        "auth_code": "A1B2C3",
        "last4": "1111",
        "brand": "VISA",
        "rrn": "000123456789",
        "card_terminal": "T7",
        "expires": "09/27",
    }


def test_money_that_came_in_a_shift_of_the_cashiers_is_not_the_supervisors() -> None:
    desk = make_till()
    opened(desk)

    refusal = refused(desk, lambda: pay(desk, card("5"), person=SUPERVISOR))

    assert (refusal.code, refusal.details["operator"]) == ("shift_of_other", CASHIER.user)
