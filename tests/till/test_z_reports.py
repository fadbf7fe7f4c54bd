"""Z reports: numbered, immutable, printed again, with totals that never fall; and who signs for a difference.

Domain.md 3.8; invariants 31, 33, 34.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pos.domain.cash_move import MoveKind
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.role import Person
from pos.till.cash_moves import CashMoveOrder, move_cash
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import void
from pos.till.desk import Desk
from pos.till.papers import reprint, show_receipt
from pos.till.script import Script
from pos.till.shift_closed import ShiftClosed
from pos.till.z_report import accept_at_the_seat, accept_difference, list_z_reports, x_report
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    PINS,
    SUPERVISOR,
    card,
    cash,
    cheque,
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
from tests.builders.undoing import approved
from tests.till.books import refused, spoil


@pytest.fixture
def desk() -> Desk:
    return make_till()


def shift_of(
    desk: Desk, *amounts: str, counted: str, reason: str | None = None, person: Person = CASHIER
) -> ShiftClosed:
    """A shift that takes these amounts in cash as credit."""
    opened(desk, person=person)
    for amount in amounts:
        pay(desk, cash(amount), account="BA-3", overpayment=Overpayment.CREDIT, person=person)
    count(desk, counted, person=person)
    return closed(desk, reason, person=person)


def paper(desk: Desk, number: str) -> list[list[str]]:
    text = render_text(compose(show_receipt(desk, SUPERVISOR, number), ORIGINAL), width=42)
    return [line.split() for line in text.splitlines()]


def test_a_close_writes_a_z_report_with_the_figures_of_its_shift(desk: Desk) -> None:
    opened(desk)
    pay(desk, cash("50"), cheque("10"))
    pay(desk, card("4"), account="BA-2")
    count(desk, "64.500", cheques="10", cheque_count=1)

    done = closed(desk, "A coin too many")

    said = paper(desk, done.z_number)
    assert done.z_number == "S014-T1-A-Z-000001"
    assert ["Payments:", "2", "58.250"] in said
    assert ["Debit", "card:", "1", "4.000"] in said
    assert ["Expected", "in", "cash", "64.250"] in said
    assert ["OVER", "0.250"] in said
    assert ["Cheques", "counted:", "1", "10.000"] in said
    assert ["Reason", "A", "coin", "too", "many"] in said
    assert [row["state"] for row in rows(desk, "print_job") if row["receipt_number"] == done.z_number] == [
        "waiting"
    ]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("counted", "said"), [("19.500", ["SHORT", "0.500"]), ("20", ["OVER", "/", "SHORT", "0.000"])]
)
def test_what_is_short_is_said_by_a_word_and_no_sign(desk: Desk, counted: str, said: list[str]) -> None:
    done = shift_of(desk, counted=counted, reason="A coin is missing")

    assert said in paper(desk, done.z_number)


def test_z_reports_are_numbered_without_a_gap_also_where_a_close_was_refused(desk: Desk) -> None:
    first = shift_of(desk, "5", counted="25")
    opened(desk)
    count(desk, "19")
    refused(desk, lambda: closed(desk))
    second = closed(desk, "A coin is missing")

    assert (first.z_number[-6:], second.z_number[-6:]) == ("000001", "000002")


def test_a_z_report_is_printed_again_marked_and_counted(desk: Desk) -> None:
    """Invariant 27: the same content, and DUPLICATE n."""
    number = shift_of(desk, "5", counted="25").z_number
    first = show_receipt(desk, SUPERVISOR, number)
    shift_of(desk, "7", counted="27")

    again = reprint(desk, SUPERVISOR, number, reason="For the file")

    assert again.facts == first
    assert again.copy.number == 1
    with pytest.raises(NotAuthorised):
        reprint(desk, CASHIER, number)


def test_a_z_report_never_changes_and_the_books_name_what_does(desk: Desk) -> None:
    number = shift_of(desk, "5", counted="25").z_number
    raw = raw_connection(desk.till.database)
    for statement in ("UPDATE z_report SET gross_minor = 0", "DELETE FROM z_report"):
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement)

    spoil(desk, "UPDATE z_report SET gross_minor = gross_minor - 1000")

    assert number in {one.where for one in findings(desk) if one.check == "z_totals_never_fall"}


def test_no_connection_writes_a_report_whose_totals_fall(desk: Desk) -> None:
    shift_of(desk, "5", counted="25")
    shift_of(desk, "5", counted="25")
    raw = raw_connection(desk.till.database)

    with pytest.raises(sqlite3.IntegrityError, match="the totals of a till never fall"):
        raw.execute(
            "INSERT INTO z_report SELECT 'other', 'other', currency, payments, gross_minor - 1, undone_minor, "
            "refunded_minor, duplicates, no_sales, 0, 0 FROM z_report LIMIT 1"
        )


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.integers(1, 400).map(lambda coins: coins * 5)),
        st.tuples(st.just("void"), st.just(0)),
        st.tuples(st.just("no_sale"), st.just(0)),
        st.tuples(st.just("pickup"), st.integers(1, 40).map(lambda coins: coins * 5)),
        st.tuples(st.just("reprint"), st.just(0)),
        st.tuples(st.just("close"), st.integers(-3, 3).map(lambda coins: coins * 5)),
    ),
    max_size=14,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deeds=DEEDS)
def test_whatever_a_day_holds_the_totals_never_fall_and_are_the_journals(
    deeds: list[tuple[str, int]],
) -> None:
    """Invariants 33 and 34: of each report against the one before, and against the ledger."""
    desk = make_till()
    expected, last = 20_000, ""
    opened(desk, person=SUPERVISOR)
    for what, minor in [*deeds, ("close", 0)]:
        match what:
            case "pay":
                amount = money(f"{minor / 1000:.3f}").plain()
                taken = pay(
                    desk, cash(amount), account="BA-3", overpayment=Overpayment.CREDIT, person=SUPERVISOR
                )
                expected, last = expected + minor, taken.receipt.receipt_number
            case "void" if last:
                undone = CorrectionOrder(receipt=last, reason="wrong_account")
                approved(desk, lambda undone=undone: void(desk, SUPERVISOR, undone), BACK_OFFICE)  # type: ignore[misc]
                event = next(row for row in rows(desk, "v_payment") if row["receipt_number"] == last)
                expected, last = expected - int(str(event["amount_minor"])), ""
            case "no_sale":
                move_cash(desk, SUPERVISOR, CashMoveOrder(kind=MoveKind.NO_SALE, text="Change"))
            case "pickup":
                order = CashMoveOrder(kind=MoveKind.PICKUP, amount=money(f"{minor / 1000:.3f}").plain())
                move_cash(desk, SUPERVISOR, order)
                expected -= minor
            case "reprint" if last:
                reprint(desk, SUPERVISOR, last)
            case "close":
                count(desk, money(f"{(expected + minor) / 1000:.3f}").plain(), person=SUPERVISOR)
                done = closed(desk, "As it is", person=SUPERVISOR)
                assert (done.expected_cash.minor, done.over_short.minor) == (expected, minor)
                opened(desk, person=SUPERVISOR)
                expected, last = 20_000, ""

    reports = rows(desk, "v_z_report")
    figures = ("payments", "gross_minor", "undone_minor", "refunded_minor", "duplicates", "no_sales")
    for earlier, later in pairwise(reports):
        assert all(int(str(later[name])) >= int(str(earlier[name])) for name in figures)
    journal = rows(desk, "v_journal")
    credited = sum(
        int(str(row["credit_minor"]))
        for row in journal
        if row["source_kind"] == "payment" and row["ledger_account"] == "customer_credit"
    )
    short = sum(
        int(str(row["credit_minor"])) - int(str(row["debit_minor"]))
        for row in journal
        if row["ledger_account"] == "cash_over_short"
    )
    assert reports[-1]["gross_minor"] == credited
    assert sum(int(str(row["difference_minor"])) for row in reports) == short
    assert findings(desk) == []


# --- who signs for a difference -------------------------------------------------------------------------------------


def test_what_lies_within_the_tolerance_needs_no_reason_and_no_signature(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, tolerance_minor=100))

    done = shift_of(desk, "5", counted="24.900")

    assert (done.over_short, done.needs_acceptance) == (money("-0.100"), False)
    assert {row["ledger_account"] for row in rows(desk, "v_journal") if row["debit_minor"] == 100} == {
        "cash_over_short"
    }


def test_one_coin_beyond_the_tolerance_needs_both(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, tolerance_minor=100))
    opened(desk)
    count(desk, "19.895")

    assert refused(desk, lambda: closed(desk)).code == "count_differs"
    assert closed(desk, "Coins").needs_acceptance


def test_another_person_signs_once_with_what_was_found_out(desk: Desk) -> None:
    shift_of(desk, "5", counted="24", reason="A note is missing")

    done = accept_difference(desk, SUPERVISOR, 1, "Found behind the drawer")

    assert (done.operator, done.difference, done.accepted_by) == ("1001", money("-1"), "2002")
    assert refused(desk, lambda: accept_difference(desk, BACK_OFFICE, 1, "Again")).code == "accepted_already"
    assert [row["accepted_by"] for row in rows(desk, "v_z_report")] == ["2002"]


def test_nobody_signs_for_the_own_shift_nor_without_a_word_nor_for_what_agrees(desk: Desk) -> None:
    shift_of(desk, "5", counted="24", reason="A note is missing", person=SUPERVISOR)
    shift_of(desk, "5", counted="25")

    assert refused(desk, lambda: accept_difference(desk, SUPERVISOR, 1, "Mine")).code == "own_shift"
    assert refused(desk, lambda: accept_difference(desk, BACK_OFFICE, 1, " ")).code == "reason_missing"
    assert refused(desk, lambda: accept_difference(desk, BACK_OFFICE, 2, "Fine")).code == "nothing_to_accept"
    assert refused(desk, lambda: accept_difference(desk, BACK_OFFICE, 9, "Fine")).code == "unknown_shift"
    assert refused(desk, lambda: accept_difference(desk, OTHER_CASHIER, 1, "Fine")).code == "not_allowed"


def test_a_supervisor_signs_up_to_the_shops_limit_and_the_back_office_beyond(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, accept_minor=1_000))
    shift_of(desk, "5", counted="23.995", reason="Notes are missing")

    assert refused(desk, lambda: accept_difference(desk, SUPERVISOR, 1, "Seen")).code == "over_limit"
    assert accept_difference(desk, BACK_OFFICE, 1, "Seen").accepted_by == "4001"


def test_who_signs_at_the_seat_proves_it_with_the_own_pin(desk: Desk) -> None:
    shift_of(desk, "5", counted="24", reason="A note is missing")

    with pytest.raises(NotAuthorised):
        accept_at_the_seat(desk, "2002", PINS["1001"], 1, "Seen")
    assert accept_at_the_seat(desk, "2002", PINS["2002"], 1, "Seen").accepted_by == "2002"


def test_a_script_closes_with_a_report_and_signs_for_it(desk: Desk) -> None:
    shift_of(desk, counted="19", reason="A note is missing")

    line = {"ref": "s1", "act": "accept_over_short", "shift": 1, "reason": "Found"}
    answer = Script(desk, SUPERVISOR).run_line(json.dumps(line))

    assert (answer["z_report"], answer["difference"], answer["of"]) == (
        "S014-T1-A-Z-000001",
        "-1.000",
        "1001",
    )


# --- who may see what -----------------------------------------------------------------------------------------------


def test_an_x_report_changes_nothing_and_is_not_for_who_counts(desk: Desk) -> None:
    """Invariant 31: nobody who counts a drawer learns what is expected in it."""
    opened(desk)
    pay(desk, cash("50"))
    before = rows(desk, "receipt")

    facts = x_report(desk, BACK_OFFICE)

    said = [line.split() for line in render_text(compose(facts, ORIGINAL), width=42).splitlines()]
    assert ["X", "REPORT"] in said
    assert ["Expected", "in", "cash", "70.000"] in said or ["Expected", "in", "cash", "69.250"] in said
    assert rows(desk, "receipt") == before
    for person in (CASHIER, SUPERVISOR):
        with pytest.raises(NotAuthorised):
            x_report(desk, person)
    assert x_report(desk, AUDITOR).total == facts.total


def test_there_is_no_x_report_without_an_open_shift(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        x_report(desk, BACK_OFFICE)

    assert refusal.value.code == "no_open_shift"


def test_a_cashier_lists_the_own_reports_alone(desk: Desk) -> None:
    shift_of(desk, "5", counted="25")
    shift_of(desk, "7", counted="27", person=OTHER_CASHIER)

    assert [one.shift_number for one in list_z_reports(desk, CASHIER)] == [1]
    assert [one.shift_number for one in list_z_reports(desk, SUPERVISOR)] == [2, 1]
