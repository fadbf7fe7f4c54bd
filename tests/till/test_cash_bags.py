"""Bags of cash on the way to the bank: sealed, on a slip with the cheques, counted again there (domain.md 3.9)."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from pos.domain.carrier import Carrier
from pos.domain.deposit import SlipState
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.role import Person
from pos.domain.signals import SignalCode
from pos.till.cash_bags import bag_cash, open_bag
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import cancel_deposit, deposit_cheques, deposit_slips, lodge_deposit
from pos.till.desk import Desk
from pos.till.papers import show_receipt
from pos.till.script import Script
from pos.till.signals import signals_of
from pos.till.what_to_bank import cheques_to_deposit
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    cash,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    pay,
    raw_connection,
    rows,
)
from tests.builders.undoing import balances
from tests.till.books import refused, spoil


@pytest.fixture
def desk() -> Desk:
    """A closed shift with a cheque of 12.500 and 100 in cash."""
    desk = make_till()
    opened(desk)
    pay(desk, cheque("12.500", "000124"))
    pay(desk, cash("100"), account="BA-3", overpayment=Overpayment.CREDIT)
    count(desk, "120", cheques="12.500", cheque_count=1)
    closed(desk)
    return desk


def seal(desk: Desk, number: str = "B-77", amount: str = "80") -> str:
    return bag_cash(desk, SUPERVISOR, number, amount).number


def lodged(desk: Desk, *numbers: str) -> str:
    slip = deposit_cheques(desk, BACK_OFFICE, bags=numbers or None).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 9")
    return slip


def moved(desk: Desk, before: dict[Any, int]) -> dict[str, int]:
    """What each ledger account has more than before."""
    now = balances(desk)
    changed = {key: now.get(key, 0) - before.get(key, 0) for key in now.keys() | before.keys()}
    return {str(key[0]): minor for key, minor in changed.items() if minor}


def test_cash_and_cheques_go_to_the_bank_on_one_slip(desk: Desk) -> None:
    """Domain.md 3.9: safe, cash in transit, bank; all that may go is on it unless somebody says otherwise."""
    before = balances(desk)
    seal(desk)
    assert moved(desk, before) == {}, "a sealed bag is still in the safe"
    assert [bag.number for bag in cheques_to_deposit(desk, BACK_OFFICE).bags] == ["B-77"]

    slip = deposit_cheques(desk, BACK_OFFICE).slip
    assert (slip.total, len(slip.cheques), len(slip.bags)) == (money("92.500"), 1, 1)
    lodge_deposit(desk, BACK_OFFICE, slip.number, "NBK 9")
    assert moved(desk, before) == {
        "cash_in_transit": 80_000,
        "safe": -80_000,
        "cheques_in_clearing": 12_500,
        "cheques_in_hand": -12_500,
    }
    done = confirm_deposit(desk, BACK_OFFICE, slip.number, CreditOrder(amount="92.5")).slip

    assert done.state is SlipState.CONFIRMED
    assert moved(desk, before) == {"bank": 92_500, "safe": -80_000, "cheques_in_hand": -12_500}
    assert [row["state"] for row in rows(desk, "v_cash_bag")] == ["credited"]
    assert findings(desk) == []


def test_the_paper_lists_the_bags(desk: Desk) -> None:
    seal(desk)
    slip = deposit_cheques(desk, BACK_OFFICE).slip.number

    text = render_text(compose(show_receipt(desk, BACK_OFFICE, slip), ORIGINAL), 42)

    assert "Cash in bag B-77" in text
    assert "Bags: 1" in text
    assert "92.500" in text


def test_a_carrier_signs_for_what_it_fetches(desk: Desk) -> None:
    seal(desk)
    slip = deposit_cheques(desk, BACK_OFFICE).slip.number
    told = Carrier(company="Gulf Armoured", person="badge 4471", seal="z-991")

    done = lodge_deposit(desk, BACK_OFFICE, slip, "GA 20/11", carrier=told).slip

    assert done.carrier == Carrier(
        company="Gulf Armoured", person="badge 4471", seal="Z-991", receipt="S014-T1-A-CR-000001"
    )
    assert [one.carrier for one in deposit_slips(desk, BACK_OFFICE)] == [done.carrier]
    (fetched,) = rows(desk, "v_deposit_carrier")
    assert (fetched["slip"], fetched["receipt_number"]) == (slip, "S014-T1-A-CR-000001")
    paper = render_text(compose(show_receipt(desk, BACK_OFFICE, "S014-T1-A-CR-000001"), ORIGINAL), 42)
    for said in (
        "HANDED TO THE CARRIER",
        "GA 20/11",
        "badge 4471",
        "Z-991",
        "Bag B-77",
        "Cheques: 1",
        "92.500",
    ):
        assert said in paper
    assert findings(desk) == []


@pytest.mark.parametrize(("company", "person"), [("", "badge 4471"), ("Gulf Armoured", " ")])
def test_a_carrier_is_a_company_and_a_person(desk: Desk, company: str, person: str) -> None:
    slip = deposit_cheques(desk, BACK_OFFICE).slip.number
    told = Carrier(company=company, person=person)

    assert (
        refused(desk, lambda: lodge_deposit(desk, BACK_OFFICE, slip, "GA 1", carrier=told)).code
        == "carrier_incomplete"
    )
    assert [one.state for one in deposit_slips(desk, BACK_OFFICE)] == [SlipState.MADE]


def test_a_script_says_who_fetched_a_deposit(desk: Desk) -> None:
    slip = deposit_cheques(desk, BACK_OFFICE).slip.number
    carrier = {"company": "Gulf Armoured", "person": "4471"}

    answer = say(desk, "l1", "lodge_deposit", slip=slip, reference="GA 1", carrier=carrier)

    told = {"company": "Gulf Armoured", "person": "4471", "seal": "", "receipt": "S014-T1-A-CR-000001"}
    assert answer["carrier"] == told
    assert answer["state"] == "lodged"


@pytest.mark.parametrize(("counted", "over_short"), [("79.750", 250), ("80.500", -500), ("0", 80_000)])
def test_what_the_bank_counts_otherwise_is_over_or_short_with_its_reason(
    desk: Desk, counted: str, over_short: int
) -> None:
    before = balances(desk)
    seal(desk)
    slip = lodged(desk, "B-77")
    told = CreditOrder(cheques=[("B-77", counted)])

    without = refused(desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip, told))
    assert (without.code, without.details["expected"]) == ("deposit_differs", "80.000")
    told = CreditOrder(cheques=[("b-77", counted)], reason="a note is missing, says the bank")
    confirm_deposit(desk, BACK_OFFICE, slip, told)

    bank = 80_000 - over_short
    there = {"bank": bank} if bank else {}
    assert moved(desk, before) == {"safe": -80_000, "cash_over_short": over_short} | there
    (bag,) = rows(desk, "v_cash_bag")
    assert (bag["credited_minor"], bag["reason"]) == (bank, "a note is missing, says the bank")
    assert findings(desk) == []


def test_a_bag_that_the_bank_does_not_name_stays_in_transit(desk: Desk) -> None:
    for number in ("B-1", "B-2"):
        seal(desk, number, "40")
    slip = lodged(desk, "B-1", "B-2")

    part = confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(cheques=[("B-1", "40")])).slip

    assert (part.state, part.still_to_come) == (SlipState.PART_CONFIRMED, money("40"))
    assert balances(desk)[("cash_in_transit", None)] == 40_000
    again = refused(
        desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(cheques=[("B-1", "40")]))
    )
    assert again.code == "bag_credited"
    assert findings(desk) == []


def test_a_slip_that_is_taken_back_leaves_its_bags_in_the_safe(desk: Desk) -> None:
    seal(desk)
    slip = deposit_cheques(desk, BACK_OFFICE, bags=["B-77"]).slip.number

    cancel_deposit(desk, BACK_OFFICE, slip, "wrong day")

    assert [row["state"] for row in rows(desk, "v_cash_bag")] == ["sealed"]
    open_bag(desk, BACK_OFFICE, "b-77", "counted wrongly")
    assert seal(desk) == "B-77", "and its number may be used again"
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "amount_not_positive"), ("0.001", "not_in_coins"), ("-5", "bad_amount"), ("x", "bad_amount")],
)
def test_a_bag_holds_money_that_there_is(desk: Desk, amount: str, code: str) -> None:
    assert refused(desk, lambda: seal(desk, "B-1", amount)).code == code


def test_a_bag_is_there_once(desk: Desk) -> None:
    seal(desk)
    assert refused(desk, lambda: seal(desk, "b-77", "5")).code == "bag_taken"
    slip = deposit_cheques(desk, BACK_OFFICE, bags=["B-77"]).slip.number
    for deed, code in (
        (lambda: deposit_cheques(desk, BACK_OFFICE, bags=["B-77"]), "bag_not_in_safe"),
        (lambda: open_bag(desk, BACK_OFFICE, "B-77", "why"), "bag_not_in_safe"),
        (lambda: open_bag(desk, BACK_OFFICE, "B-9", "why"), "unknown_bag"),
        (lambda: deposit_cheques(desk, BACK_OFFICE, bags=["B-9"]), "unknown_bag"),
    ):
        assert refused(desk, deed).code == code
    assert slip.startswith("S014-T1-A-DS-")


def test_a_cashier_seals_no_bag(desk: Desk) -> None:
    with pytest.raises(NotAuthorised):
        bag_cash(desk, CASHIER, "B-1", "5")


def test_a_bag_is_named_once(desk: Desk) -> None:
    seal(desk)
    with pytest.raises(Refused) as twice:
        deposit_cheques(desk, BACK_OFFICE, bags=["B-77", "b-77"])
    assert twice.value.code == "bag_named_twice"
    slip = lodged(desk, "B-77")
    told = CreditOrder(cheques=[("B-77", "80"), ("b-77", "80")])
    assert refused(desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip, told)).code == "bag_named_twice"


def test_a_slip_takes_so_many_bags(desk: Desk) -> None:
    for number in range(51):
        seal(desk, f"B-{number}", "1")
    numbers = [f"B-{number}" for number in range(51)]
    assert refused(desk, lambda: deposit_cheques(desk, BACK_OFFICE, bags=numbers)).code == "too_many_bags"


def test_bags_hold_no_more_than_the_safe_took_in(desk: Desk) -> None:
    """120 were counted into it and 20 had gone out of it as a float; what lies in a bag is not loose any more."""
    too_much = refused(desk, lambda: seal(desk, "B-1", "100.005"))
    assert (too_much.code, too_much.details["in_safe"]) == ("bag_over_safe", "100.000")
    seal(desk, "B-1", "60")
    seal(desk, "B-2", "40")
    assert refused(desk, lambda: seal(desk, "B-3", "0.005")).code == "bag_over_safe"

    open_bag(desk, BACK_OFFICE, "B-2", "counted wrongly")
    lodged(desk, "B-1")

    assert refused(desk, lambda: seal(desk, "B-3", "40.005")).details["in_safe"] == "40.000"
    opened(desk)
    assert seal(desk, "B-3", "40") == "B-3", "today's float is no part of yesterday's takings"
    assert findings(desk) == []


def test_a_bag_in_which_the_bank_counts_otherwise_is_worth_a_second_look(desk: Desk) -> None:
    """As a drawer over or short: it names who sealed it, and is not told to them."""
    for number in ("B-1", "B-2"):
        seal(desk, number, "40")
    slip = lodged(desk, "B-1", "B-2")
    counted = CreditOrder(cheques=[("B-1", "40"), ("B-2", "39")], reason="a note is missing")
    confirm_deposit(desk, BACK_OFFICE, slip, counted)

    report = signals_of(desk, AUDITOR)

    (signal,) = [one for one in report.signals if one.code is SignalCode.BAGS]
    assert (signal.people, signal.count, signal.said) == (("2002",), 1, "1 of 2 bags")
    (row,) = signal.rows
    assert (row.what, row.user, row.amount, row.note) == (
        f"bag B-2 on {slip}",
        "2002",
        money("-1"),
        "a note is missing",
    )
    assert all(one.code is not SignalCode.BAGS for one in signals_of(desk, SUPERVISOR).signals)


def say(desk: Desk, ref: str, act: str, *, by: Person = BACK_OFFICE, **told: object) -> dict[str, Any]:
    return Script(desk, by).run_line(json.dumps({"ref": ref, "act": act, **told}))


def test_a_script_seals_lodges_and_confirms_once_for_a_ref(desk: Desk) -> None:
    sealed = say(desk, "a1", "bag_cash", by=SUPERVISOR, bag="B-77", amount="80")
    assert (sealed["bag"], sealed["amount"], sealed["state"]) == ("B-77", "80.000", "sealed")
    assert say(desk, "a1", "bag_cash", by=SUPERVISOR, bag="B-77", amount="80")["replayed"]
    slip = say(desk, "a2", "deposit_cheques", bags=["B-77"])
    assert slip["bags"] == [{"bag": "B-77", "amount": "80.000", "state": "batched"}]
    say(desk, "a3", "lodge_deposit", slip=slip["slip"], reference="NBK 9")
    counted = [{"cheque": "B-77", "amount": "79.500"}]
    done = say(desk, "a4", "confirm_deposit", slip=slip["slip"], cheques=counted, reason="one note torn")
    assert done["state"] == "confirmed"
    say(desk, "a5", "bag_cash", bag="B-78", amount="5")
    assert say(desk, "a6", "open_bag", bag="B-78", reason="not needed")["state"] == "opened"
    assert findings(desk) == []


def test_who_sealed_a_bag_does_not_say_what_is_missing_in_it(desk: Desk) -> None:
    bag_cash(desk, BACK_OFFICE, "B-77", "80")
    slip = lodged(desk, "B-77")
    told = CreditOrder(cheques=[("B-77", "79")], reason="lost")

    assert refused(desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip, told)).code == "own_bag"
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(cheques=[("B-77", "80")]))


def test_a_cheque_and_a_bag_of_one_number_are_told_apart(desk: Desk) -> None:
    """Rule 42: what the bank credits is held against just what it names."""
    seal(desk, "000124", "12.500")
    slip = deposit_cheques(desk, BACK_OFFICE).slip
    lodge_deposit(desk, BACK_OFFICE, slip.number, "NBK 9")
    told = CreditOrder(cheques=[("000124", "12.500")])

    assert refused(desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip.number, told)).code == "which_cheque"
    by_id = CreditOrder(cheques=[(slip.cheques[0].cheque_id, "12.500")])
    assert confirm_deposit(desk, BACK_OFFICE, slip.number, by_id).slip.outstanding_bags != ()


def test_a_bag_is_found_whatever_the_clock_says(desk: Desk) -> None:
    seal(desk, "B-9", "5")
    open_bag(desk, BACK_OFFICE, "B-9", "wrong sum")
    clock_of(desk).advance(minutes=-5)
    seal(desk, "B-9", "6")

    assert open_bag(desk, BACK_OFFICE, "B-9", "again").amount == money("6")


@pytest.mark.parametrize("state", ["batched", "credited"])
def test_the_database_lets_no_bag_go_without_its_slip(desk: Desk, state: str) -> None:
    seal(desk)
    raw = raw_connection(desk.till.database)
    with pytest.raises(sqlite3.IntegrityError, match="a bag"):
        raw.execute(f"INSERT INTO cash_bag_event SELECT bag_id, 2, '{state}', 't', '1', NULL FROM cash_bag")
    raw.close()


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE cash_bag SET amount_minor = 70000", "deposit_slip_is_the_sum_of_what_is_on_it"),
        ("UPDATE cash_bag SET number = 'B-78'", "deposit_slip_lists_its_bags"),
        ("DELETE FROM cash_bag_event WHERE state = 'credited'", "bag_stands_as_its_slip_does"),
        ("UPDATE deposit_bag_credit SET credited_minor = 79000", "credited_money_is_posted"),
        ("DELETE FROM deposit_bag_credit", "deposit_is_credited_by_what_is_on_it"),
        (
            "UPDATE journal_line SET debit_minor = 1 WHERE ledger_account = 'cash_in_transit' AND debit_minor > 0",
            "lodged_money_is_posted",
        ),
    ],
)
def test_what_was_altered_behind_the_programs_back_is_named(desk: Desk, statement: str, check: str) -> None:
    seal(desk)
    confirm_deposit(desk, BACK_OFFICE, lodged(desk, "B-77"), CreditOrder(amount="80"))

    spoil(desk, statement)

    assert check in {finding.check for finding in findings(desk)}
