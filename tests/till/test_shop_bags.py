"""Bags of cash between the tills of a shop: on the way with a paper, counted where they are accepted (domain.md 3.9)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pos.domain.errors import NotAuthorised
from pos.domain.payment_event import Overpayment
from pos.domain.shop_bag import BagAtCentral, BagPaper, SentState
from pos.domain.signals import SignalCode
from pos.store.cash_bags import loose_in_safe
from pos.store.other_tills import put_bags_to_come
from pos.store.shop_bags import note_arrival, note_refused, sent_bag
from pos.till.accepted_bags import AcceptOrder, BagAccepted, accept_bag, bags_accepted, undo_accept_bag
from pos.till.cash_bags import bag_cash
from pos.till.day import day_state
from pos.till.deposits import deposit_cheques
from pos.till.desk import Desk
from pos.till.other_tills import bags_on_the_way_here
from pos.till.papers import show_receipt
from pos.till.script import Script
from pos.till.shop_bags import BagOrder, bags_sent, in_transit, recall_bag, send_bag
from pos.till.signals import signals_of
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.receipts import ORIGINAL
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    NOW,
    SUPERVISOR,
    cash,
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
from tests.builders.undoing import approved, balances
from tests.till.books import refused, spoil
from tests.till.test_cash_bags import moved


@pytest.fixture
def sender() -> Desk:
    """A till with 100 in its safe."""
    desk = make_till()
    opened(desk)
    pay(desk, cash("100"), account="BA-3", overpayment=Overpayment.CREDIT)
    count(desk, "120")
    closed(desk)
    return desk


@pytest.fixture
def office() -> Desk:
    """Another till of the shop, without a network."""
    desk = make_till(seed="office")
    desk.identity = replace(desk.identity, terminal="T9")
    return desk


def sent(desk: Desk, bag: str = "B-7", amount: str = "80") -> BagPaper:
    return send_bag(desk, SUPERVISOR, BagOrder(bag=bag, amount=amount)).sent.paper


def off(paper: BagPaper, counted: str = "80", reason: str = "") -> AcceptOrder:
    """As somebody types it off the paper."""
    return AcceptOrder(
        paper=paper.number,
        bag=paper.bag,
        amount=paper.amount.plain(),
        check=paper.check,
        counted=counted,
        reason=reason,
    )


def accepted(desk: Desk, paper: BagPaper, counted: str = "80", reason: str = "") -> BagAccepted:
    return accept_bag(desk, SUPERVISOR, off(paper, counted, reason=reason))


def paper_of(desk: Desk, number: str) -> str:
    return render_text(compose(show_receipt(desk, BACK_OFFICE, number), ORIGINAL), 42)


def test_a_bag_leaves_the_safe_and_is_on_the_way(sender: Desk) -> None:
    before = balances(sender)
    bag_cash(sender, SUPERVISOR, "B-7", "80")

    done = send_bag(sender, SUPERVISOR, BagOrder(bag="b-7", contents="12 card slips")).sent

    assert moved(sender, before) == {"bags_in_transit": 80_000, "safe": -80_000}
    assert (done.state, done.paper.bag, done.paper.number) == (
        SentState.ON_THE_WAY,
        "B-7",
        "S014-T1-A-TB-000001",
    )
    assert [one.paper for one in bags_sent(sender, BACK_OFFICE)] == [done.paper]
    text = paper_of(sender, done.paper.number)
    for said in ("BAG TO ANOTHER TILL", "B-7", "80.000", "12 card slips", done.paper.check):
        assert said in text
    with sender.till.read() as connection:
        assert loose_in_safe(connection, sender.identity.currency) == money("20")
    assert findings(sender) == []


def test_a_bag_is_sealed_and_sent_in_one_deed(sender: Desk) -> None:
    paper = sent(sender)

    assert paper.amount == money("80")
    assert [row["state"] for row in rows(sender, "v_cash_bag")] == ["sent"]
    assert (
        refused(sender, lambda: deposit_cheques(sender, BACK_OFFICE, bags=["B-7"])).code == "bag_not_in_safe"
    )
    assert refused(sender, lambda: sent(sender, "B-8", "41")).code == "bag_over_safe"
    assert findings(sender) == []


def test_it_is_counted_into_the_safe_of_another_till_by_its_paper_alone(sender: Desk, office: Desk) -> None:
    paper, before = sent(sender), balances(office)

    done = accepted(office, paper).accepted

    assert moved(office, before) == {"safe": 80_000, "bags_in_transit": -80_000}
    assert [one.paper for one in bags_accepted(office, BACK_OFFICE)] == [paper]
    with office.till.read() as connection:
        assert loose_in_safe(connection, office.identity.currency) == money("80")
    assert "BAG ACCEPTED" in paper_of(office, done.number)
    assert findings(office) == []
    assert bag_cash(office, SUPERVISOR, "D-1", "80").amount == money("80"), "it goes to the bank from here"


@pytest.mark.parametrize(("counted", "over_short"), [("79.500", 500), ("80.250", -250), ("0", 80_000)])
def test_what_is_counted_otherwise_is_over_or_short_with_its_reason(
    sender: Desk, office: Desk, counted: str, over_short: int
) -> None:
    paper, before = sent(sender), balances(office)

    assert refused(office, lambda: accepted(office, paper, counted)).code == "bag_differs"
    done = accepted(office, paper, counted, reason="seal was broken")

    there = {"safe": 80_000 - over_short} if over_short != 80_000 else {}
    assert moved(office, before) == {"bags_in_transit": -80_000, "cash_over_short": over_short} | there
    assert done.accepted.reason == "seal was broken"
    assert "seal was broken" in paper_of(office, done.number)
    assert findings(office) == []


def test_a_cashier_accepts_what_differs_beyond_the_tolerance_with_a_second_person(
    sender: Desk, office: Desk
) -> None:
    office.policy = replace(office.policy, shift=replace(office.policy.shift, tolerance_minor=100))
    near, far = sent(sender, "B-7", "40"), sent(sender, "B-8", "20")

    assert accept_bag(office, CASHIER, off(near, "39.900", reason="a coin")).accepted.reason == "a coin"
    order = off(far, "15", reason="a note is missing")
    done = approved(office, lambda: accept_bag(office, CASHIER, order))

    assert done.accepted.over_short == money("-5")
    assert [row["approver"] for row in rows(office, "v_accepted_bag")] == [None, SUPERVISOR.user]
    assert findings(office) == []


@pytest.mark.parametrize(
    "typed",
    [
        {"paper": "S014-T1-A-TB-000002"},
        {"bag": "B-8"},
        {"amount": "81"},
        {"check": "AAAAA"},
        {"check": ""},
    ],
)
def test_what_is_typed_wrong_off_the_paper_does_not_go_with_its_check(
    sender: Desk, office: Desk, typed: dict[str, Any]
) -> None:
    paper = sent(sender)

    order = replace(off(paper), **typed)

    assert refused(office, lambda: accept_bag(office, SUPERVISOR, order)).code == "bag_check"


def test_the_check_is_typed_in_any_case(sender: Desk, office: Desk) -> None:
    paper = sent(sender)
    check = f" {paper.check[:2].lower()} {paper.check[2:]}"
    order = replace(off(paper), check=check, bag="b-7", paper=paper.number.lower())

    assert accept_bag(office, SUPERVISOR, order).accepted.paper == paper


@pytest.mark.parametrize(
    "terminal", ["counter.2", "KIOSK-AT-THE-NORTH-WING-OF-THE-MALL-BESIDE-THE-ENTRANCE-TO-LIFT-4"]
)
def test_a_bag_of_a_till_of_any_name_is_accepted_and_taken_back(
    sender: Desk, office: Desk, terminal: str
) -> None:
    sender.identity = replace(sender.identity, terminal=terminal)
    paper, back = sent(sender, "B-7", "40"), sent(sender, "B-8", "40")

    assert accepted(office, paper, "40").accepted.paper == paper
    undo = lambda: undo_accept_bag(office, SUPERVISOR, paper.number, "wrong bag")  # noqa: E731
    assert approved(office, undo, BACK_OFFICE).accepted.paper == paper
    recall = lambda: recall_bag(sender, SUPERVISOR, back.number, "no car")  # noqa: E731
    assert approved(sender, recall, BACK_OFFICE).sent.state is SentState.RECALLED
    assert findings(sender) == findings(office) == []


def test_a_bag_is_accepted_once_and_not_where_it_left(sender: Desk, office: Desk) -> None:
    paper = sent(sender)
    accepted(office, paper)

    assert refused(office, lambda: accepted(office, paper)).code == "bag_accepted"
    assert refused(sender, lambda: accepted(sender, paper)).code == "bag_is_own"


def test_a_bag_of_another_shop_is_not_accepted(office: Desk) -> None:
    paper = BagPaper(number="S099-T1-A-TB-000001", bag="B-7", amount=money("80"))

    assert refused(office, lambda: accepted(office, paper)).code == "bag_of_other_shop"


def test_a_bag_that_was_sent_in_training_is_not_accepted(office: Desk) -> None:
    paper = BagPaper(number="S014-T1-TRAINING-TB-000001", bag="B-7", amount=money("80"))

    assert refused(office, lambda: accepted(office, paper)).code == "bag_of_training"


def test_a_bag_that_was_sent_in_earnest_is_not_accepted_in_training(office: Desk) -> None:
    office.identity = replace(office.identity, training=True)
    paper = BagPaper(number="S014-T1-A-TB-000001", bag="B-7", amount=money("80"))

    refusal = refused(office, lambda: accepted(office, paper))

    assert (refusal.code, refusal.message) == (
        "bag_of_training",
        "This is training, and the paper is of a true bag: accept it at the till.",
    )


def test_a_shop_says_which_till_is_its_cash_office(sender: Desk, office: Desk) -> None:
    for desk in (sender, office):
        desk.policy = replace(desk.policy, cash_office="T9")
    third = make_till(seed="third")
    third.identity = replace(third.identity, terminal="T3")
    third.policy = replace(third.policy, cash_office="T9")
    paper = sent(sender)

    assert "For till" in paper_of(sender, paper.number)
    assert refused(third, lambda: accepted(third, paper)).code == "not_the_cash_office"
    assert refused(office, lambda: sent(office)).code == "cash_office_is_here"
    assert accepted(office, paper).accepted.paper == paper


def test_a_bag_that_nobody_accepted_comes_back_by_two_people(sender: Desk) -> None:
    before = balances(sender)
    bag_cash(sender, SUPERVISOR, "B-7", "80")
    paper = sent(sender, amount="")

    back = approved(sender, lambda: recall_bag(sender, SUPERVISOR, paper.number, "no car came"), BACK_OFFICE)

    assert back.sent.state is SentState.RECALLED
    assert moved(sender, before) == {}
    assert [row["state"] for row in rows(sender, "v_cash_bag")] == ["sealed"]
    again = refused(sender, lambda: recall_bag(sender, SUPERVISOR, paper.number, "again"))
    assert again.code == "bag_not_on_the_way"
    assert sent(sender, amount="").number == "S014-T1-A-TB-000003", "it may leave once more"
    assert findings(sender) == []


def test_an_acceptance_is_taken_back_by_two_people_and_may_come_again(sender: Desk, office: Desk) -> None:
    paper, before = sent(sender), balances(office)
    accepted(office, paper, "79", reason="a note is missing")

    done = approved(
        office, lambda: undo_accept_bag(office, SUPERVISOR, paper.number, "the other bag"), BACK_OFFICE
    )

    assert moved(office, before) == {}
    assert "ACCEPTED BAG TAKEN BACK" in paper_of(office, done.number)
    again = refused(office, lambda: undo_accept_bag(office, SUPERVISOR, paper.number, "again"))
    assert again.code == "bag_undone"
    assert accepted(office, paper).accepted.counted == money("80")
    assert findings(office) == []


def test_a_bag_whose_acceptance_was_taken_back_is_on_the_way_here_again(sender: Desk, office: Desk) -> None:
    paper = sent(sender)
    with office.cache.write() as connection:
        put_bags_to_come(connection, [replace(at_central(paper, "80"), state="on_the_way")])
    accepted(office, paper)
    assert bags_on_the_way_here(office, BACK_OFFICE) == []

    approved(office, lambda: undo_accept_bag(office, SUPERVISOR, paper.number, "too early"), BACK_OFFICE)

    assert bags_on_the_way_here(office, BACK_OFFICE) == [paper]


def test_a_cashier_sends_a_large_bag_with_a_second_person(sender: Desk) -> None:
    sender.policy = replace(
        sender.policy, cash_moves=replace(sender.policy.cash_moves, safe_alone_minor=30_000)
    )

    assert send_bag(sender, CASHIER, BagOrder(bag="B-7", amount="30")).sent.paper.amount == money("30")
    large = BagOrder(bag="B-8", amount="30.005")
    assert approved(sender, lambda: send_bag(sender, CASHIER, large)).sent.paper.bag == "B-8"
    with pytest.raises(NotAuthorised):
        recall_bag(sender, CASHIER, "S014-T1-A-TB-000001", "mine")


def test_a_number_may_be_used_again_once_its_bag_has_left(sender: Desk) -> None:
    first = sent(sender, amount="40")

    bag_cash(sender, SUPERVISOR, "B-7", "10")

    back: Callable[[], object] = lambda: recall_bag(sender, SUPERVISOR, first.number, "x")  # noqa: E731
    assert refused(sender, back).code == "bag_taken"
    assert sent(sender, amount="").amount == money("10")
    assert findings(sender) == []


def test_the_end_of_day_tells_of_bags_on_the_way_and_of_refused_ones(sender: Desk) -> None:
    sent(sender)
    clock_of(sender).advance(days=3)
    come = accepted(
        sender, BagPaper(number="S014-T5-A-TB-000004", bag="X-1", amount=money("20")), "20"
    ).accepted
    with sender.till.transaction() as unit:
        note_refused(unit, come.acceptance_id, "till T8 has it", at=NOW)

    state = day_state(sender, SUPERVISOR)

    assert state is not None
    told = {item.code: item for item in state.items}
    assert told["bags_on_the_way"].said == "Bags on the way to another till, the oldest for 3 d"
    assert (told["bags_on_the_way"].amount, told["bags_on_the_way"].stops) == (money("80"), False)
    assert (told["bags_refused"].count, told["bags_refused"].amount) == (1, money("20"))
    assert bags_accepted(sender, SUPERVISOR)[0].refused == "till T8 has it"


def test_the_account_of_bags_explains_itself(sender: Desk) -> None:
    sent(sender, "B-7", "40")
    there = sent(sender, "B-8", "30")
    clock_of(sender).advance(days=2)
    accepted(sender, BagPaper(number="S014-T5-A-TB-000004", bag="X-1", amount=money("20")), "20")
    with sender.till.transaction() as unit:
        arrived = sent_bag(unit.connection, there.number)
        assert arrived is not None
        note_arrival(unit, arrived.sending_id, at_central(there, "29"), at=NOW)

    found = in_transit(sender, BACK_OFFICE)

    assert [(bag.paper.bag, bag.days(clock_of(sender).now().date())) for bag in found.on_the_way] == [
        ("B-7", 2)
    ]
    assert (found.arrived, found.accepted, found.balance) == (money("30"), money("20"), money("50"))
    assert balances(sender)[("bags_in_transit", None)] == 50_000
    with pytest.raises(NotAuthorised):
        in_transit(sender, CASHIER)


def at_central(paper: BagPaper, counted: str) -> BagAtCentral:
    return BagAtCentral(
        paper=paper,
        terminal=paper.terminal,
        state="accepted",
        is_told=True,
        acceptance="A-1",
        accepted_by="T9",
        accepted_at="2026-11-21T18:00:00Z",
        counted=money(counted),
    )


def test_bags_that_differ_are_signals_of_who_sealed_and_of_who_counted_them(sender: Desk) -> None:
    accepted(
        sender, BagPaper(number="S014-T5-A-TB-000004", bag="X-1", amount=money("20")), "19", reason="torn"
    )
    paper = sent(sender)
    with sender.till.transaction() as unit:
        left = sent_bag(unit.connection, paper.number)
        assert left is not None
        note_arrival(unit, left.sending_id, at_central(paper, "79"), at=clock_of(sender).now())

    (found,) = [one for one in signals_of(sender, BACK_OFFICE).signals if one.code is SignalCode.BAGS]

    told = {(row.what, row.amount, row.note) for row in found.rows}
    assert told == {
        ("bag X-1 on S014-T5-A-TB-000004", money("-1"), "torn"),
        ("bag B-7 on S014-T1-A-TB-000002", money("-1"), "at till T9"),
    }


def test_notes_and_coins_stand_on_both_papers(sender: Desk, office: Desk) -> None:
    order = BagOrder(bag="B-7", amount="80", pieces=[("20", 3), ("10", 2)])
    paper = send_bag(sender, SUPERVISOR, order).sent.paper
    assert "3 x 20.000" in paper_of(sender, paper.number)

    counted = replace(off(paper), pieces=[("20", 4)])
    wrong = replace(off(paper), pieces=[("20", 3)])
    assert refused(office, lambda: accept_bag(office, SUPERVISOR, wrong)).code == "pieces_differ"
    done = accept_bag(office, SUPERVISOR, counted)

    assert "4 x 20.000" in paper_of(office, done.number)
    assert findings(sender) == findings(office) == []


def test_a_shop_that_counts_by_notes_and_coins_counts_its_bags_so(sender: Desk, office: Desk) -> None:
    office.policy = replace(office.policy, shift=replace(office.policy.shift, by_denomination=True))
    paper = sent(sender)

    assert refused(office, lambda: accepted(office, paper)).code == "pieces_missing"
    assert accept_bag(office, SUPERVISOR, replace(off(paper), pieces=[("20", 4)])).accepted.counted == money(
        "80"
    )


def test_scripts_send_and_accept(sender: Desk, office: Desk) -> None:
    line = {"ref": "s1", "act": "send_bag", "bag": "B-7", "amount": "80.000"}
    left = Script(sender, SUPERVISOR).run_line(json.dumps(line))
    same = Script(sender, SUPERVISOR).run_line(json.dumps(line))
    assert (left["paper"], left["state"], left["check"]) == (same["paper"], "on_the_way", same["check"])

    told = {key: left[key] for key in ("bag", "amount", "check")}
    come = {"ref": "a1", "act": "accept_bag", "paper": left["sent_with"], "counted": "80", **told}
    there = Script(office, SUPERVISOR).run_line(json.dumps(come))

    assert (there["state"], there["over_short"]) == ("accepted", "0.000")


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        (
            "UPDATE journal_line SET ledger_account = 'safe' WHERE ledger_account = 'bags_in_transit' AND debit_minor > 0",
            "sent_bag_is_posted",
        ),
        (
            "UPDATE journal_line SET ledger_account = 'safe' WHERE ledger_account = 'bags_in_transit' AND credit_minor > 0",
            "accepted_bag_is_posted",
        ),
        ("UPDATE bag_acceptance SET amount_minor = 1, reason = 'x'", "bags_in_transit_are_explained"),
        ("UPDATE receipt SET kind = 'payment' WHERE kind = 'bag_sent'", "bag_has_its_paper"),
        ("UPDATE cash_bag_event SET state = 'opened' WHERE state = 'sent'", "sent_bag_stands_as_it_left"),
    ],
)
def test_what_was_altered_behind_the_programs_back_is_named(sender: Desk, statement: str, check: str) -> None:
    sent(sender)
    other = BagPaper(number="S014-T5-A-TB-000004", bag="X-1", amount=money("20"))
    accepted(sender, other, "20")
    assert findings(sender) == []

    spoil(sender, statement)

    assert check in {found.check for found in findings(sender)}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO bag_recall SELECT sending_id, receipt_number, 'x', '', '', 0, '', NULL FROM bag_sending "
        "WHERE sending_id IN (SELECT sending_id FROM bag_recall)",
        "INSERT INTO bag_acceptance SELECT 'other', 'other', sent_paper, bag, amount_minor, counted_minor, currency, "
        "reason, business_date, at_utc, utc_offset_min, operator, approver FROM bag_acceptance",
        "INSERT INTO bag_sending SELECT 'other', 'other', bag_id, NULL, NULL, '', '', 0, '', NULL FROM bag_sending",
    ],
)
def test_the_database_itself_lets_a_bag_go_and_come_once(sender: Desk, statement: str) -> None:
    paper = sent(sender)
    approved(sender, lambda: recall_bag(sender, SUPERVISOR, paper.number, "x"), BACK_OFFICE)
    sent(sender, amount="")
    accepted(sender, BagPaper(number="S014-T5-A-TB-000004", bag="X-1", amount=money("20")), "20")

    with pytest.raises(sqlite3.IntegrityError):
        raw_connection(sender.till.database).execute(statement)
