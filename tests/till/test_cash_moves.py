"""Cash in and out of an open drawer beside payments (domain.md 1; invariants 23 and 30)."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import Any

import pytest

from pos.domain.approval import ApprovalNeeded
from pos.domain.cash_move import MoveKind
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person
from pos.till.approvals import approve
from pos.till.cash_moves import CashMoved, CashMoveOrder, move_cash, undo_cash_move
from pos.till.desk import Desk
from pos.till.papers import show_receipt
from pos.till.script import Script
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    cash,
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
from tests.builders.undoing import approved, balances
from tests.till.books import refused, spoil


@pytest.fixture
def desk() -> Desk:
    """The supervisor's open shift: a float of 20 and 30 of bills paid in cash."""
    desk = make_till()
    desk.policy = replace(
        desk.policy, shift=replace(desk.policy.shift, denominations=(20_000, 10_000, 5_000, 500))
    )
    opened(desk, person=SUPERVISOR)
    pay(desk, cash("30"), person=SUPERVISOR)
    return desk


def move(
    desk: Desk,
    kind: str,
    amount: str = "10",
    person: Person = SUPERVISOR,
    *,
    reason: str | None = None,
    text: str | None = None,
) -> CashMoved:
    return move_cash(
        desk, person, CashMoveOrder(kind=MoveKind(kind), amount=amount, reason=reason, text=text)
    )


def ledger(desk: Desk) -> dict[str, int]:
    found: dict[str, int] = {}
    for (name, _account), minor in balances(desk).items():
        found[str(name)] = found.get(str(name), 0) + minor
    return found


@pytest.mark.parametrize(
    ("kind", "reason", "posted_to", "drawer"),
    [
        ("pickup", None, "safe", -10_000),
        ("loan", None, "safe", 10_000),
        ("paid_in", "found", "cash_over_short", 10_000),
        ("paid_out", "postage", "petty_expenses", -10_000),
    ],
)
def test_each_move_is_posted_against_the_drawer(
    desk: Desk, kind: str, reason: str | None, posted_to: str, drawer: int
) -> None:
    before = ledger(desk)

    moved = move_cash(
        desk, SUPERVISOR, CashMoveOrder(kind=MoveKind(kind), amount="10", reason=reason, text="For the shop")
    )

    after = ledger(desk)
    assert after["cash_in_till"] - before["cash_in_till"] == drawer
    assert after[posted_to] - before.get(posted_to, 0) == -drawer
    assert moved.move.number == "S014-T1-A-CM-000001"
    assert findings(desk) == []


def test_what_is_expected_is_the_float_with_everything_that_came_in_and_went_out(desk: Desk) -> None:
    """Invariant 30, with cash that was no payment."""
    move(desk, "pickup", "25")
    move(desk, "loan", "5")
    move(desk, "paid_in", "1.500", reason="found")
    move(desk, "paid_out", "0.750", reason="postage")
    count(desk, "30.750", person=SUPERVISOR)

    done = closed(desk, person=SUPERVISOR)

    assert (done.expected_cash, done.over_short) == (money("30.750"), money("0"))
    assert ledger(desk).get("cash_in_till", 0) == 0
    assert findings(desk) == []


def test_a_count_is_old_once_cash_was_moved_and_stays_good_when_the_drawer_was_only_opened(
    desk: Desk,
) -> None:
    count(desk, "50", person=SUPERVISOR)
    move(desk, "no_sale", text="Change for a customer")
    move(desk, "loan", "5")

    refusal = refused(desk, lambda: closed(desk, person=SUPERVISOR))

    assert refusal.code == "count_is_old"
    assert [row["payments_before"] for row in rows(desk, "shift_count")] == [1]


def test_a_pickup_of_more_than_the_drawer_holds_is_refused_without_saying_how_much_that_is(
    desk: Desk,
) -> None:
    refusal = refused(desk, lambda: move(desk, "pickup", "50.005"))

    assert (refusal.code, "50.000" in refusal.message) == ("drawer_short", False)


@pytest.mark.parametrize(
    ("kind", "amount", "reason", "code"),
    [
        ("pickup", "0", None, "amount_not_positive"),
        ("pickup", "1.001", None, "not_in_coins"),
        ("paid_out", "1", None, "unknown_reason"),
        ("paid_out", "1", "found", "unknown_reason"),
        ("paid_out", "1", "other", "reason_missing"),
        ("paid_in", "1", "postage", "unknown_reason"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    desk: Desk, kind: str, amount: str, reason: str | None, code: str
) -> None:
    refusal = refused(desk, lambda: move(desk, kind, amount, reason=reason))

    assert refusal.code == code


def test_a_cashier_hands_cash_to_the_safe_by_a_second_person_who_stands_on_the_paper() -> None:
    desk = make_till()
    opened(desk)

    moved = approved(desk, lambda: move(desk, "pickup", "15", CASHIER))

    facts = show_receipt(desk, CASHIER, str(moved.move.number))
    said = render_text(compose(facts, ORIGINAL), width=42)
    assert moved.approver == SUPERVISOR.user
    assert "PICKUP TO THE SAFE" in said
    assert "Approved by" in said
    assert said.index("Handed over (signature):") < said.index("Received for the safe (signature):")
    assert any(line.split() == ["TOTAL", "KWD", "15.000"] for line in said.splitlines())


def test_an_approval_of_one_amount_is_none_of_another() -> None:
    desk = make_till()
    opened(desk)
    with pytest.raises(ApprovalNeeded) as asked:
        move(desk, "pickup", "15", CASHIER)
    approve(desk, SUPERVISOR, str(asked.value.details["request"]))

    with pytest.raises(ApprovalNeeded):
        move(desk, "pickup", "15.005", CASHIER)


def test_up_to_the_shops_cap_a_cashier_needs_nobody() -> None:
    desk = make_till()
    opened(desk)
    desk.policy = replace(
        desk.policy, cash_moves=replace(desk.policy.cash_moves, safe_alone_minor=10_000, paid_alone_minor=500)
    )

    assert move(desk, "pickup", "10", CASHIER).approver is None
    with pytest.raises(ApprovalNeeded):
        move(desk, "pickup", "10.005", CASHIER)
    with pytest.raises(ApprovalNeeded):
        move(desk, "paid_out", "0.505", CASHIER, reason="postage")


def test_nobody_moves_cash_of_anothers_drawer_or_without_a_shift(desk: Desk) -> None:
    assert refused(desk, lambda: move(desk, "no_sale", "0", CASHIER, text="why")).code == "shift_of_other"
    count(desk, "50", person=SUPERVISOR)
    closed(desk, person=SUPERVISOR)

    assert refused(desk, lambda: move(desk, "loan", "1")).code == "no_open_shift"


@pytest.mark.parametrize("person", [BACK_OFFICE, AUDITOR])
def test_an_auditor_moves_nothing_and_the_back_office_has_no_drawer(desk: Desk, person: Person) -> None:
    with pytest.raises((NotAuthorised, Refused)):
        move(desk, "pickup", "1", person)

    assert rows(desk, "cash_move") == []


def test_a_drawer_opened_without_a_sale_is_counted_with_its_reason_and_moves_nothing() -> None:
    desk = make_till()
    opened(desk)
    assert refused(desk, lambda: move(desk, "no_sale", "0", CASHIER)).code == "reason_required"
    papers = len(rows(desk, "receipt"))

    move(desk, "no_sale", "0", CASHIER, text="Change for the bus")

    (row,) = rows(desk, "cash_move")
    assert (row["kind"], row["text"], row["amount_minor"]) == ("no_sale", "Change for the bus", 0)
    assert len(rows(desk, "receipt")) == papers
    assert rows(desk, "audit")[-1]["act"] == "no_sale"
    assert findings(desk) == []


def test_a_move_is_taken_back_once_by_a_linked_move_and_the_first_paper_says_so(desk: Desk) -> None:
    """Invariant 22: everything is as before, and two more rows tell it."""
    before = ledger(desk)
    number = str(move(desk, "paid_out", "10", reason="supplies", text="Paper").move.number)

    back = approved(desk, lambda: undo_cash_move(desk, SUPERVISOR, number, "Typed 10 for 1"), BACK_OFFICE)

    assert {name: minor for name, minor in ledger(desk).items() if minor} == {
        name: minor for name, minor in before.items() if minor
    }
    assert show_receipt(desk, SUPERVISOR, number).undone_by == back.move.number
    with pytest.raises(Refused) as again:
        undo_cash_move(desk, SUPERVISOR, number, "Again")
    assert again.value.code == "cash_move_undone"
    with pytest.raises(Refused) as of_the_undoing:
        undo_cash_move(desk, SUPERVISOR, str(back.move.number), "Again")
    assert of_the_undoing.value.code == "cash_move_undone"
    assert findings(desk) == []


def test_what_was_moved_in_a_counted_shift_stays(desk: Desk) -> None:
    number = str(move(desk, "loan", "5").move.number)
    count(desk, "55", person=SUPERVISOR)
    closed(desk, person=SUPERVISOR)
    opened(desk, person=SUPERVISOR)

    assert refused(desk, lambda: undo_cash_move(desk, SUPERVISOR, number, "x")).code == "cash_move_closed"
    assert refused(desk, lambda: undo_cash_move(desk, SUPERVISOR, "NONE", "x")).code == "unknown_cash_move"


def test_the_books_name_a_move_whose_amount_was_altered_from_outside(desk: Desk) -> None:
    moved = move(desk, "pickup", "10").move
    spoil(desk, "UPDATE cash_move SET amount_minor = 1000")

    assert moved.move_id in {one.where for one in findings(desk)}


def test_no_connection_moves_cash_in_a_closed_shift(desk: Desk) -> None:
    move(desk, "pickup", "10")
    count(desk, "40", person=SUPERVISOR)
    closed(desk, person=SUPERVISOR)
    raw = raw_connection(desk.till.database)

    with pytest.raises(sqlite3.IntegrityError, match="the shift is closed"):
        raw.execute(
            "INSERT INTO cash_move SELECT 'X', NULL, shift_id, 'no_sale', 0, currency, NULL, NULL, NULL, NULL, at_utc, "
            "utc_offset_min, operator, NULL FROM cash_move"
        )


def run(script: Script, **line: Any) -> dict[str, Any]:
    return script.run_line(json.dumps(line))


def test_a_script_moves_cash_and_takes_it_back(desk: Desk) -> None:
    script = Script(desk, SUPERVISOR)

    lent = run(script, ref="c1", act="loan", amount="5")
    out = run(script, ref="c2", act="paid_out", amount="1", reason="postage", text="Stamps")
    sale = run(script, ref="c3", act="no_sale", reason="Change")
    asked = run(script, ref="c4", act="undo_cash_move", move=out["paper"], reason="Wrong shop")

    assert (lent["paper"], lent["amount"], lent["currency"]) == ("S014-T1-A-CM-000001", "5.000", "KWD")
    assert (sale["paper"], sale["amount"]) == (None, "0.000")
    assert asked["error"]["code"] == "approval_required"
    approve(desk, BACK_OFFICE, asked["error"]["request"])
    again = run(script, ref="c4", act="undo_cash_move", move=out["paper"], reason="Wrong shop")
    assert (again["ok"], again["approver"], again["paper"]) == (True, "4001", "S014-T1-A-CM-000003")
    assert run(script, ref="c1", act="loan", amount="5")["replayed"] is True


# --- notes and coins --------------------------------------------------------------------------------------------------


def test_what_is_moved_may_be_told_by_notes_and_coins_which_stand_on_its_paper(desk: Desk) -> None:
    told = CashMoveOrder(kind=MoveKind.PICKUP, amount="25.500", pieces=[("20", 1), ("5", 1), ("0.500", 1)])

    moved = move_cash(desk, SUPERVISOR, told).move

    text = render_text(compose(show_receipt(desk, SUPERVISOR, moved.number or ""), ORIGINAL))
    assert "Notes and coins" in text
    assert "1 x 20.000" in text
    assert [(row["value_minor"], row["pieces"]) for row in rows(desk, "cash_move_piece")] == [
        (500, 1),
        (5_000, 1),
        (20_000, 1),
    ]
    undone = approved(
        desk, lambda: undo_cash_move(desk, SUPERVISOR, moved.number or "", "Wrong bundle"), BACK_OFFICE
    )
    assert len(rows(desk, "cash_move_piece")) == 6
    assert undone.move.amount == money("25.500")
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("pieces", "code"),
    [([("20", 1)], "pieces_differ"), ([("21", 1)], "unknown_denomination")],
)
def test_notes_and_coins_that_do_not_make_it_move_nothing(
    desk: Desk, pieces: list[tuple[str, int]], code: str
) -> None:
    told = CashMoveOrder(kind=MoveKind.PICKUP, amount="21", pieces=pieces)

    assert refused(desk, lambda: move_cash(desk, SUPERVISOR, told)).code == code


def test_a_script_tells_them_too(desk: Desk) -> None:
    line = {"ref": "p1", "act": "pickup", "amount": "20", "pieces": [{"value": "10", "pieces": 2}]}

    assert Script(desk, SUPERVISOR).run_line(json.dumps(line))["ok"]

    assert [row["pieces"] for row in rows(desk, "cash_move_piece")] == [2]
