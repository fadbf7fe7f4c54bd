"""A shift is handed over to another person, who accepts it (domain.md 1 and rules 30, 55; invariants 30 to 34)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from pos.domain.cash_move import MoveKind
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.payment_event import Overpayment
from pos.domain.role import Person
from pos.till.cash_moves import CashMoveOrder, move_cash
from pos.till.counted import SlipOrder
from pos.till.day import close_day, day_state
from pos.till.deposits import deposit_cheques
from pos.till.desk import Desk
from pos.till.hand_over import (
    HandOverAccepted,
    accept_hand_over,
    hand_over,
    offered_here,
    undo_hand_over,
)
from pos.till.papers import show_receipt
from pos.till.script import Script
from pos.till.take_payment import take_payment
from pos.till.z_report import accept_difference
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    DISABLED,
    OTHER_CASHIER,
    SUPERVISOR,
    card,
    cash,
    cheque,
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
    raw_connection,
    rows,
    take_currencies,
)
from tests.builders.undoing import balances
from tests.till.books import refused, spoil


@pytest.fixture
def desk() -> Desk:
    """The cashier's open shift: a float of 20 and 30 of bills paid in cash."""
    desk = make_till()
    opened(desk)
    pay(desk, cash("30"))
    return desk


def offered(
    desk: Desk, counted: str = "50", *, to: Person = OTHER_CASHIER, reason: str | None = None
) -> None:
    count(desk, counted)
    hand_over(desk, CASHIER, to.user, reason)


def accepted(desk: Desk, counted: str = "50", person: Person = OTHER_CASHIER) -> HandOverAccepted:
    return accept_hand_over(desk, person, counted)


def ledger(desk: Desk) -> dict[str, int]:
    found: dict[str, int] = {}
    for (name, _account), minor in balances(desk).items():
        found[str(name)] = found.get(str(name), 0) + minor
    return found


def paper(desk: Desk, number: str) -> str:
    return render_text(compose(show_receipt(desk, SUPERVISOR, number), ORIGINAL))


def test_one_shift_ends_with_its_z_report_and_the_others_begins_with_its_cash(desk: Desk) -> None:
    before = ledger(desk)
    offered(desk)
    clock_of(desk).advance(minutes=10)

    done = accepted(desk)

    first, second = rows(desk, "v_shift")
    assert (first["operator"], first["state"], first["counted_cash_minor"]) == ("1001", "closed", 50_000)
    assert (second["operator"], second["state"], second["float_minor"]) == ("1002", "open", 50_000)
    (report,) = rows(desk, "v_z_report")
    assert (report["operator"], report["shift_number"], report["difference_minor"]) == ("1001", 1, 0)
    assert done.closed.z_number == report["receipt_number"]
    assert ledger(desk) == before
    (told,) = rows(desk, "v_hand_over")
    assert (told["state"], told["ended_by"], told["receipt_number"]) == (
        "accepted",
        "1002",
        "S014-T1-A-HO-000001",
    )
    assert findings(desk) == []


def test_the_other_sells_on_and_closes_with_what_was_accepted_as_the_float(desk: Desk) -> None:
    offered(desk)
    accepted(desk)
    take_payment(desk, OTHER_CASHIER, order(desk, cash("5")))
    count(desk, "55", person=OTHER_CASHIER)

    done = closed(desk, person=OTHER_CASHIER)

    assert (done.number, done.float_, done.expected_cash, done.over_short) == (
        2,
        money("50"),
        money("55"),
        money("0"),
    )
    assert findings(desk) == []


def test_what_differs_is_the_first_persons_with_a_reason_and_another_signs_for_it(desk: Desk) -> None:
    count(desk, "49")
    assert refused(desk, lambda: hand_over(desk, CASHIER, "1002")).code == "count_differs"
    hand_over(desk, CASHIER, "1002", "A note is missing")

    accepted(desk, "49")

    first, second = rows(desk, "v_shift")
    assert (first["over_short_minor"], second["float_minor"]) == (-1_000, 49_000)
    (report,) = rows(desk, "v_z_report")
    assert (report["reason"], report["needs_acceptance"]) == ("A note is missing", 1)
    with pytest.raises(NotAuthorised):
        accept_difference(desk, CASHIER, 1, "Seen")
    assert accept_difference(desk, SUPERVISOR, 1, "Seen").operator == "1001"
    assert findings(desk) == []


def test_nothing_is_told_of_what_was_expected_before_it_is_accepted(desk: Desk) -> None:
    count(desk, "49")

    handed = hand_over(desk, CASHIER, "1002", "A note is missing")

    assert (handed.cash, handed.to, handed.shift_number) == (money("49"), "1002", 1)
    offer = offered_here(desk, OTHER_CASHIER)
    assert offer is not None
    assert offer.count.cash == money("49")


DONE_IN_IT: dict[str, Callable[[Desk, Person], object]] = {
    "pay": lambda desk, who: take_payment(desk, who, order(desk, cash("5"))),
    "count": lambda desk, who: count(desk, "50", person=who),
    "close": lambda desk, who: closed(desk, person=who),
    "pickup": lambda desk, who: move_cash(desk, who, CashMoveOrder(kind=MoveKind.PICKUP, amount="5")),
    "no_sale": lambda desk, who: move_cash(desk, who, CashMoveOrder(kind=MoveKind.NO_SALE, text="Change")),
    "hand_over": lambda desk, who: hand_over(desk, who, "2002"),
}


@pytest.mark.parametrize("done", DONE_IN_IT.values(), ids=DONE_IN_IT)
def test_nothing_is_done_in_a_shift_that_is_offered(
    desk: Desk, done: Callable[[Desk, Person], object]
) -> None:
    offered(desk)

    refusal = refused(desk, lambda: done(desk, CASHIER))

    assert (refusal.code, refusal.details["to"]) == ("shift_is_offered", "1002")
    with pytest.raises(Refused) as others:
        done(desk, OTHER_CASHIER)
    assert others.value.code == "shift_of_other"


def test_the_database_itself_keeps_an_offered_shift_still(desk: Desk) -> None:
    offered(desk)
    raw = raw_connection(desk.till.database)

    for table in ("payment_event", "cash_move", "shift_count", "correction"):
        (names,) = [
            [str(row[1]) for row in raw.execute(f"PRAGMA table_info({table})")],
        ]
        values = ", ".join("(SELECT shift_id FROM shift)" if name == "shift_id" else "NULL" for name in names)
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})")
    with pytest.raises(sqlite3.IntegrityError, match="handed over and waits"):
        raw.execute(
            "INSERT INTO shift_close SELECT shift_id, '2026-11-21T09:00:00.000000Z', operator, "
            "(SELECT count_id FROM shift_count), 0, 0, 0, 0, 0, NULL, '{}' FROM shift"
        )


def test_the_other_counts_too_and_accepts_no_other_sum(desk: Desk) -> None:
    offered(desk)

    refusal = refused(desk, lambda: accepted(desk, "49.500"))

    assert refusal.code == "hand_over_differs"
    assert refusal.message == (
        "You counted 49.500 KWD, but 50.000 KWD is handed over. Count it together; if it stays so, do not accept it."
    )


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (CASHIER, "own_shift"),
        (DEALER, "not_yours_to_accept"),
        (BACK_OFFICE, "not_allowed"),
        (ADMIN, "not_allowed"),
        (AUDITOR, "not_allowed"),
    ],
)
def test_only_the_one_who_is_named_accepts(desk: Desk, person: Person, code: str) -> None:
    offered(desk)

    assert refused(desk, lambda: accepted(desk, person=person)).code == code


def test_a_supervisor_accepts_in_the_place_of_who_forgot(desk: Desk) -> None:
    offered(desk)

    done = accepted(desk, person=SUPERVISOR)
    text = paper(desk, done.number)
    assert "In place of   1002" in text
    assert [row["operator"] for row in rows(desk, "shift")] == ["1001", "2002"]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (CASHIER, "own_shift"),
        (DISABLED, "unknown_receiver"),
        (ADMIN, "unknown_receiver"),
        (BACK_OFFICE, "unknown_receiver"),
    ],
)
def test_a_shift_is_offered_to_another_who_may_have_one(desk: Desk, to: Person, code: str) -> None:
    count(desk, "50")

    assert refused(desk, lambda: hand_over(desk, CASHIER, to.user)).code == code


def test_it_wants_a_count_of_the_drawer_as_it_is(desk: Desk) -> None:
    assert refused(desk, lambda: hand_over(desk, CASHIER, "1002")).code == "not_counted"
    count(desk, "50")
    pay(desk, cash("1"))
    assert refused(desk, lambda: hand_over(desk, CASHIER, "1002")).code == "count_is_old"


@pytest.mark.parametrize("person", [CASHIER, OTHER_CASHIER, SUPERVISOR])
def test_it_is_taken_back_or_refused_and_the_shift_goes_on(desk: Desk, person: Person) -> None:
    offered(desk)

    undone = undo_hand_over(desk, person, "Not here today")

    assert (undone.shift_number, undone.operator, undone.to) == (1, "1001", "1002")
    assert refused(desk, lambda: accepted(desk)).code == "nothing_offered"
    pay(desk, cash("5"))
    count(desk, "55")
    assert closed(desk).over_short == money("0")
    (told,) = rows(desk, "v_hand_over")
    assert (told["state"], told["ended_by"], told["undone_because"]) == (
        "undone",
        person.user,
        "Not here today",
    )
    assert findings(desk) == []


def test_nobody_else_undoes_it_and_never_without_a_reason(desk: Desk) -> None:
    offered(desk)

    assert refused(desk, lambda: undo_hand_over(desk, DEALER, "Why not")).code == "not_yours_to_undo"
    assert refused(desk, lambda: undo_hand_over(desk, CASHIER, " ")).code == "reason_missing"


def test_cheques_and_slips_are_counted_once_and_may_be_banked_at_once(desk: Desk) -> None:
    pay(desk, cheque("10", drawer="Lina"))
    pay(desk, card("4", "000000000901"))
    slips = [SlipOrder(mode="debit_card", count=1, amount="4")]
    count(desk, "50", cheques="10", cheque_count=1, slips=slips)
    hand_over(desk, CASHIER, "1002")

    done = accepted(desk)

    text = paper(desk, done.number)
    assert "In the envelope with the Z report" in text
    assert "Cheques counted: 1" in text
    assert "Slips counted, Debit card: 1" in text
    assert deposit_cheques(desk, BACK_OFFICE).slip.total == money("10")
    count(desk, "50", person=OTHER_CASHIER)
    assert closed(desk, person=OTHER_CASHIER).over_short == money("0")
    assert findings(desk) == []


def test_other_currencies_and_notes_that_are_no_good_leave_the_drawer_with_the_first_shift(
    desk: Desk,
) -> None:
    take_currencies(desk, {"USD": "0.30675"})
    pay(desk, notes("20"), account="BA-3", overpayment=Overpayment.CREDIT)
    count(desk, "45", foreign={"USD": "20"}, declared={"counterfeit": "5"})
    hand_over(desk, CASHIER, "1002")

    done = accepted(desk, "45")

    text = paper(desk, done.number)
    assert "Counted in USD" in text
    assert "Cash that is no good, counterfeit" in text
    count(desk, "45", person=OTHER_CASHIER)
    ended = closed(desk, person=OTHER_CASHIER)
    assert (ended.float_, ended.over_short, ended.foreign) == (money("45"), money("0"), ())
    assert ledger(desk).get("foreign_cash_in_till", 0) == 0
    assert findings(desk) == []


def test_notes_and_coins_are_the_float_of_the_new_shift(desk: Desk) -> None:
    count(desk, "50", pieces=[("20", 2), ("10", 1)])
    hand_over(desk, CASHIER, "1002")

    accepted(desk)

    assert [(row["value_minor"], row["pieces"]) for row in rows(desk, "shift_float_piece")] == [
        (10_000, 1),
        (20_000, 2),
    ]
    assert findings(desk) == []


def test_the_paper_is_for_both_sides_to_sign(desk: Desk) -> None:
    offered(desk)

    done = accepted(desk)

    text = paper(desk, done.number)
    for said in (
        "SHIFT HANDED OVER",
        "From user     1001",
        "To user       1002",
        "50.000",
        "Counted and accepted",
    ):
        assert said in text
    waiting = {row["receipt_number"] for row in rows(desk, "print_job")}
    assert {done.number, done.closed.z_number} <= waiting


def test_a_float_of_that_size_wants_no_third_person(desk: Desk) -> None:
    desk.policy = replace(desk.policy, shift=replace(desk.policy.shift, float_alone_minor=10_000))
    offered(desk)

    assert accepted(desk).opened.float_ == money("50")


def test_a_shift_that_waits_stops_the_close_of_the_day_and_says_for_whom(desk: Desk) -> None:
    offered(desk)

    state = day_state(desk, BACK_OFFICE)

    assert state is not None
    assert [(item.code, item.said, item.where) for item in state.stopped_by] == [
        ("shift_offered", "Shift 1 of user 1001 waits for user 1002", ". K . 1")
    ]
    accepted(desk)
    assert refused(desk, lambda: close_day(desk, BACK_OFFICE)).code == "day_not_ready"


def test_a_clock_that_is_behind_begins_no_shift(desk: Desk) -> None:
    offered(desk)
    clock_of(desk).advance(hours=-2)

    assert refused(desk, lambda: accepted(desk)).code == "clock_behind"


def test_a_script_hands_over_and_the_other_signs_in_and_accepts(desk: Desk) -> None:
    lines = [
        {"ref": "h1", "act": "count", "cash": {"amount": "50"}},
        {"ref": "h2", "act": "hand_over", "to": "1002"},
    ]
    first = Script(desk, CASHIER)
    for line in lines:
        told = first.run_line(json.dumps(line))
    assert (told["to"], told["shift"], told["cash"], told["currency"]) == ("1002", 1, "50.000", "KWD")

    line = {"ref": "h3", "act": "accept_hand_over", "cash": {"amount": "50"}}
    second = Script(desk, OTHER_CASHIER)
    done = second.run_line(json.dumps(line))

    assert (done["paper"], done["z_report"], done["from"]) == (
        "S014-T1-A-HO-000001",
        "S014-T1-A-Z-000001",
        "1001",
    )
    assert (done["number"], done["float"]) == (2, "50.000")
    assert second.run_line(json.dumps(line))["replayed"] is True
    assert first.run_line(json.dumps(lines[1]))["replayed"] is True


def test_a_script_refuses_what_is_offered(desk: Desk) -> None:
    offered(desk)

    line = {"ref": "h1", "act": "undo_hand_over", "reason": "The tray is 5 short"}
    told = Script(desk, OTHER_CASHIER).run_line(json.dumps(line))

    assert (told["shift"], told["of"], told["to"]) == (1, "1001", "1002")


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE shift SET float_minor = 49000 WHERE number = 2", "hand_over_ends_a_shift_and_begins_one"),
        ("UPDATE shift SET operator = '1001' WHERE number = 2", "hand_over_ends_a_shift_and_begins_one"),
        ("DELETE FROM receipt WHERE kind = 'hand_over'", "hand_over_has_its_paper"),
        ("DELETE FROM hand_over_accepted", "hand_over_has_its_paper"),
        ("DELETE FROM hand_over_accepted", "hand_over_ends_a_shift_and_begins_one"),
    ],
)
def test_the_check_of_the_books_names_a_hand_over_that_does_not_hold(
    desk: Desk, statement: str, check: str
) -> None:
    offered(desk)
    accepted(desk)

    spoil(desk, statement)

    assert check in {finding.check for finding in findings(desk)}
