"""Four eyes: approved by another person, for exactly that content, once, for five minutes (rule 33; invariant 45)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pos.domain.approval import OPEN_FOR, ApprovalNeeded, RequestState
from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.payment_mode import PayerKind
from pos.domain.role import Person, Role
from pos.store.people import RosterEntry, put_person
from pos.till.approvals import approve, approve_at_the_seat, decline, requests_now, who_approves
from pos.till.desk import Desk
from pos.till.people import Changes, NewPerson, PersonChanged, add_user, change_user, reset_pin
from pos.till.script import Script
from pos.till.sign_in import sign_in, sign_out
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    NOW,
    OTHER_CASHIER,
    PINS,
    SUPERVISOR,
    cash,
    clock_of,
    closed,
    count,
    dump,
    findings,
    in_suspense,
    make_till,
    money,
    opened,
    pay,
    resolved,
    rows,
)

KUMAR = replace(CASHIER, accounts=frozenset({"BA-1"}))
SECOND_ADMIN = Person(user="5002", name="Noor", roles=frozenset({Role.ADMIN}))


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    with desk.till.transaction() as unit:
        entry = RosterEntry(person=SECOND_ADMIN, pin_hash=desk.pin_hasher.hash("604813"), active=True)
        put_person(unit.connection, entry, at=NOW)
    opened(desk)
    return desk


def asked(desk: Desk, amount: str = "5", person: Person = KUMAR) -> str:
    """The request of a payment on the own account."""
    with pytest.raises(ApprovalNeeded) as refusal:
        pay(desk, cash(amount), person=person)
    return str(refusal.value.details["request"])


def code_of(call: Any) -> str:
    try:
        call()
    except DomainError as refusal:
        return refusal.code
    return "ok"


def test_another_person_approves_and_the_same_is_done_once(desk: Desk) -> None:
    """Rule 33: approver and requester are two people; the approval is used once."""
    request = asked(desk)
    approve(desk, SUPERVISOR, request)

    taken = pay(desk, cash("5"), person=KUMAR)

    assert taken.receipt.payer_account == "BA-1"
    (used,) = rows(desk, "approval_use")
    assert [row["deed_id"] for row in rows(desk, "audit") if row["act"] == "pay"][-1] == used["deed_id"]
    assert code_of(lambda: approve(desk, SUPERVISOR, request)) == "request_used"
    assert asked(desk) != request
    assert findings(desk) == []


def test_a_request_that_is_approved_twice_is_done_once(desk: Desk) -> None:
    """Rule 33: a second yes, of the same person or of another, is no second payment."""
    request = asked(desk)
    for approver in (SUPERVISOR, SUPERVISOR, BACK_OFFICE):
        approve(desk, approver, request)
    pay(desk, cash("5"), person=KUMAR)

    assert asked(desk) != request
    assert len(rows(desk, "approval_use")) == 1


def test_a_no_after_a_yes_counts(desk: Desk) -> None:
    request = asked(desk)
    approve(desk, SUPERVISOR, request)
    decline(desk, BACK_OFFICE, request, "The customer left")

    assert asked(desk) != request
    assert rows(desk, "approval_use") == []


@pytest.mark.parametrize("other", ["5.005", "4.995", "50"])
def test_another_amount_is_another_request(desk: Desk, other: str) -> None:
    """Rule 33: an approval binds to the exact amount."""
    request = asked(desk)
    approve(desk, SUPERVISOR, request)

    assert asked(desk, other) != request
    assert rows(desk, "approval_use") == []


def test_an_approval_is_for_who_asked(desk: Desk) -> None:
    """Rule 33."""
    approve(desk, SUPERVISOR, asked(desk))
    other = replace(OTHER_CASHIER, accounts=frozenset({"BA-1"}))

    assert code_of(lambda: pay(desk, cash("5"), person=other)) in {"approval_required", "shift_of_other"}
    assert rows(desk, "approval_use") == []


def test_the_same_asked_again_is_one_request(desk: Desk) -> None:
    assert asked(desk) == asked(desk) == "R-1"
    assert len(rows(desk, "approval_request")) == 1


def test_an_approval_expires(desk: Desk) -> None:
    """Rule 33: it expires after five minutes, whatever is done to the clock."""
    request = asked(desk)
    approve(desk, SUPERVISOR, request)
    clock_of(desk).advance(minutes=5)
    assert asked(desk) == request

    approve(desk, SUPERVISOR, request)
    clock_of(desk).set(clock_of(desk).now() - timedelta(hours=1))
    assert asked(desk) == request
    clock_of(desk).set(NOW + timedelta(minutes=5))

    approve(desk, SUPERVISOR, request)
    clock_of(desk).advance(minutes=4, seconds=59)
    pay(desk, cash("5"), person=KUMAR)


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (KUMAR, "not_allowed"),
        (replace(KUMAR, roles=frozenset({Role.SUPERVISOR})), "own_request"),
        (OTHER_CASHIER, "not_allowed"),
        (AUDITOR, "not_allowed"),
        (ADMIN, "not_yours_to_approve"),
        (replace(SUPERVISOR, accounts=frozenset({"BA-1"})), "own_request"),
        (SUPERVISOR, "ok"),
        (BACK_OFFICE, "ok"),
    ],
)
def test_who_may_approve(desk: Desk, person: Person, code: str) -> None:
    """Rule 33: never who asked, nor whose account it is; invariant 45."""
    request = asked(desk)

    assert code_of(lambda: approve(desk, person, request)) == code


def test_an_approver_who_is_disabled_meanwhile_approved_nothing(desk: Desk) -> None:
    """Invariant 45: both are active when it is done."""
    request = asked(desk)
    approve(desk, SUPERVISOR, request)
    with desk.till.transaction() as unit:
        put_person(unit.connection, RosterEntry(person=SUPERVISOR, pin_hash="x", active=False), at=NOW)

    assert asked(desk) == request


@pytest.mark.parametrize("request_id", ["R-404", "", "x" * 21, "'; drop"])
def test_what_nobody_asked_for_is_not_approved(desk: Desk, request_id: str) -> None:
    with pytest.raises(Refused):
        approve(desk, SUPERVISOR, request_id)


def test_money_in_suspense_over_the_cap_is_resolved_with_a_second_person(desk: Desk) -> None:
    """Rule 33: what one person may not do alone."""
    receipt = pay(
        desk, cash("5"), account=None, payer=PayerKind.SUBSCRIBER, allocate=[in_suspense()]
    ).receipt.receipt_number
    with pytest.raises(ApprovalNeeded) as refusal:
        resolved(desk, receipt, person=SUPERVISOR)
    approve(desk, BACK_OFFICE, str(refusal.value.details["request"]))

    assert resolved(desk, receipt, person=SUPERVISOR).amount == money("5")
    assert findings(desk) == []


# --- by the script ---------------------------------------------------------------------------------------------


def say(script: Script, **line: object) -> dict[str, Any]:
    return script.run_line(json.dumps(line))


def test_a_script_is_approved_at_the_seat_and_the_same_line_is_carried_out(desk: Desk) -> None:
    script = Script(desk, KUMAR)
    line: dict[str, object] = {
        "ref": "a1",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1"},
        "tenders": [{"mode": "cash", "amount": "5"}],
    }
    request = say(script, **line)["error"]["request"]

    wrong = say(script, ref="a2", act="approve", request=request, user="2002", pin="000000")
    own = say(script, ref="a3", act="approve", request=request)
    told = say(script, ref="a4", act="approve", request=request, user="2002", pin=PINS["2002"])

    assert wrong["error"]["code"] == "wrong_pin"
    assert own["error"]["code"] == "not_allowed"
    assert (told["ok"], told["request"], told["approved"], told["for"]) == (True, "R-1", "pay", "1001")
    assert say(script, **line)["ok"]
    assert say(script, **line)["replayed"]
    assert PINS["2002"] not in str(dump(desk, without=["person"]))


def test_a_script_adds_a_person_with_two_admins_and_tells_the_first_pin_once(desk: Desk) -> None:
    script = Script(desk, ADMIN)
    line: dict[str, object] = {
        "ref": "a1",
        "act": "add_user",
        "user": "1088",
        "name": "Mia",
        "roles": ["cashier"],
    }
    request = say(script, **line)["error"]["request"]
    say(script, ref="a2", act="approve", request=request, user="5002", pin="604813")

    told = say(script, **line)
    again = say(script, **line)

    pin = told["first_pin"]
    assert (told["user"], told["roles"], again["replayed"], "first_pin" in again) == (
        "1088",
        ["cashier"],
        True,
        False,
    )
    assert pin not in str(dump(desk, without=["person"]))
    assert sign_in(desk, "1088", pin).name == "Mia"
    assert desk.sessions["1088"].pin_is_first
    assert findings(desk) == []


# --- administration --------------------------------------------------------------------------------------------


def with_second(desk: Desk, deed: Any) -> Any:
    """Done by one admin, approved by the other."""
    with pytest.raises(ApprovalNeeded) as refusal:
        deed()
    approve(desk, SECOND_ADMIN, str(refusal.value.details["request"]))
    return deed()


def test_a_disabled_person_is_let_in_no_more(desk: Desk) -> None:
    with_second(desk, lambda: change_user(desk, ADMIN, "1001", Changes(active=False)))

    assert code_of(lambda: sign_in(desk, "1001", PINS["1001"])) == "wrong_pin"
    (change,) = rows(desk, "person_change")
    assert (change["user"], change["act"], change["active"], change["operator"]) == (
        "1001",
        "change_user",
        0,
        "5001",
    )


def test_a_pin_that_was_reset_is_a_first_one(desk: Desk) -> None:
    told: PersonChanged = with_second(desk, lambda: reset_pin(desk, ADMIN, "1001"))

    assert told.first_pin is not None
    assert code_of(lambda: sign_in(desk, "1001", PINS["1001"])) == "wrong_pin"
    sign_in(desk, "1001", told.first_pin)
    assert desk.sessions["1001"].pin_is_first


@pytest.mark.parametrize("deed", [change_user, reset_pin])
def test_nobody_changes_themselves(desk: Desk, deed: Any) -> None:
    with pytest.raises(NotAuthorised) as refusal:
        deed(
            desk, ADMIN, "5001", *([Changes(roles=frozenset({Role.AUDITOR}))] if deed is change_user else [])
        )

    assert refusal.value.code == "own_person"


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, BACK_OFFICE, AUDITOR])
def test_nobody_but_an_admin_administers(desk: Desk, person: Person) -> None:
    order = NewPerson(user="1088", name="Mia", roles=frozenset({Role.CASHIER}))

    assert code_of(lambda: add_user(desk, person, order)) == "not_allowed"


def test_a_supervisor_approves_no_administration(desk: Desk) -> None:
    with pytest.raises(ApprovalNeeded) as refusal:
        reset_pin(desk, ADMIN, "1001")
    request = str(refusal.value.details["request"])

    assert code_of(lambda: approve(desk, SUPERVISOR, request)) == "not_yours_to_approve"
    assert code_of(lambda: approve(desk, ADMIN, request)) == "own_request"


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (NewPerson(user="1001", name="Mia", roles=frozenset({Role.CASHIER})), "user_exists"),
        (NewPerson(user="1088", name="Mia", roles=frozenset({Role.CASHIER, Role.ADMIN})), "roles_apart"),
        (NewPerson(user="1088", name="Mia", roles=frozenset({Role.DEALER})), "dealer_missing"),
        (NewPerson(user="1088", name="Mia", roles=frozenset({Role.CASHIER}), dealer="D-1"), "dealer_missing"),
        (
            NewPerson(user="1088", name="4111 1111 1111 1111", roles=frozenset({Role.CASHIER})),
            "card_number_refused",
        ),
        (NewPerson(user="1088", name="O'Brien", roles=frozenset({Role.CASHIER})), "approval_required"),
    ],
)
def test_who_may_be_added(desk: Desk, order: NewPerson, code: str) -> None:
    assert code_of(lambda: add_user(desk, ADMIN, order)) == code
    assert [row for row in rows(desk, "person") if row["user"] == "1088"] == []


# --- at the seat, and no --------------------------------------------------------------------------------------------------


def test_at_the_seat_number_and_pin_approve_and_nobody_changes_seats(desk: Desk) -> None:
    request = asked(desk)

    approve_at_the_seat(desk, "2002", PINS["2002"], request)

    assert "2002" not in desk.sessions
    pay(desk, cash("5"), person=KUMAR)
    assert findings(desk) == []


def test_what_was_approved_can_be_done_at_the_same_instant(desk: Desk) -> None:
    clock_of(desk).advance(seconds=0.0009999)

    approve(desk, SUPERVISOR, asked(desk))

    pay(desk, cash("5"), person=KUMAR)


def test_whoever_signed_out_before_may_still_approve_at_the_seat(desk: Desk) -> None:
    sign_out(desk, sign_in(desk, "2002", PINS["2002"]))

    approve_at_the_seat(desk, "2002", PINS["2002"], asked(desk))


@pytest.mark.parametrize(
    ("user", "pin", "code"),
    [
        ("2002", "000000", "wrong_pin"),
        ("9999", "000000", "wrong_pin"),
        ("1001", PINS["1001"], "not_allowed"),
        ("5001", PINS["5001"], "not_yours_to_approve"),
    ],
)
def test_who_may_not_approve_does_not_at_the_seat(desk: Desk, user: str, pin: str, code: str) -> None:
    request = asked(desk)

    assert code_of(lambda: approve_at_the_seat(desk, user, pin, request)) == code
    assert rows(desk, "approval") == []
    assert rows(desk, "audit")[-1]["result"] == "denied"


def test_a_first_pin_approves_nothing(desk: Desk) -> None:
    told: PersonChanged = with_second(desk, lambda: reset_pin(desk, ADMIN, "2002"))
    request, pin = asked(desk), str(told.first_pin)

    assert code_of(lambda: approve_at_the_seat(desk, "2002", pin, request)) == "pin_is_first"
    assert rows(desk, "approval_request")[-1]["request_id"] == request
    asked(desk)
    assert ("approve", "denied") in {(row["act"], row["result"]) for row in rows(desk, "audit")}


def test_a_no_closes_the_request_and_the_next_asking_is_another(desk: Desk) -> None:
    """Rule 33."""
    request = asked(desk)

    decline(desk, SUPERVISOR, request, "Not at this hour")

    assert code_of(lambda: approve(desk, BACK_OFFICE, request)) == "request_declined"
    assert code_of(lambda: decline(desk, BACK_OFFICE, request, "Nor I")) == "request_declined"
    assert asked(desk) != request
    (no,) = [row for row in rows(desk, "audit") if row["act"] == "decline" and row["result"] == "ok"]
    assert (no["subject"], no["reason_code"], no["operator"]) == (request, "Not at this hour", "2002")
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("person", "reason", "code"),
    [
        (SUPERVISOR, " ", "reason_required"),
        (OTHER_CASHIER, "No", "not_allowed"),
        (ADMIN, "No", "not_yours_to_approve"),
    ],
)
def test_a_no_has_a_reason_and_comes_from_who_may_approve(
    desk: Desk, person: Person, reason: str, code: str
) -> None:
    request = asked(desk)

    assert code_of(lambda: decline(desk, person, request, reason)) == code
    assert rows(desk, "approval_declined") == []


def test_a_request_that_nobody_answers_lapses_after_a_day(desk: Desk) -> None:
    request = asked(desk)
    clock_of(desk).set(NOW + OPEN_FOR)

    assert code_of(lambda: approve(desk, SUPERVISOR, request)) == "request_lapsed"
    assert requests_now(desk, SUPERVISOR) == []
    assert asked(desk) != request


def test_each_sees_what_they_asked_for_or_may_approve(desk: Desk) -> None:
    request = asked(desk)
    with pytest.raises(ApprovalNeeded):
        reset_pin(desk, ADMIN, "1001")

    def seen(person: Person) -> list[str]:
        return [one.act for one in requests_now(desk, person)]

    assert seen(KUMAR) == seen(SUPERVISOR) == seen(BACK_OFFICE) == ["pay"]
    assert seen(ADMIN) == seen(SECOND_ADMIN) == ["reset_pin"]
    assert seen(OTHER_CASHIER) == seen(AUDITOR) == []
    (one,) = requests_now(desk, SUPERVISOR)
    assert (one.request_id, one.requester, one.state) == (request, "1001", RequestState.OPEN)
    assert one.what == "a payment of 5.000 KWD from BA-1, credited to BA-1 (own account BA-1)"


def test_the_list_says_what_became_of_a_request(desk: Desk) -> None:
    request = asked(desk)
    approve(desk, SUPERVISOR, request)
    assert [one.state for one in requests_now(desk, SUPERVISOR)] == [RequestState.APPROVED]
    clock_of(desk).advance(minutes=6)
    assert [one.state for one in requests_now(desk, SUPERVISOR)] == [RequestState.OPEN]
    approve(desk, SUPERVISOR, request)
    pay(desk, cash("5"), person=KUMAR)
    assert [one.state for one in requests_now(desk, KUMAR)] == [RequestState.DONE]
    decline(desk, SUPERVISOR, asked(desk), "No more today")
    assert [one.state for one in requests_now(desk, KUMAR)] == [RequestState.DECLINED, RequestState.DONE]


def test_the_refusal_says_who_may_approve(desk: Desk) -> None:
    with pytest.raises(ApprovalNeeded) as refusal:
        pay(desk, cash("5"), person=KUMAR)
    assert refusal.value.details["approvers"] == who_approves(desk, "pay") == ["supervisor", "back_office"]
    assert "Who may approve R-1: supervisor, back office." in refusal.value.message
    with pytest.raises(ApprovalNeeded) as refusal:
        reset_pin(desk, ADMIN, "1001")
    assert refusal.value.details["approvers"] == ["admin"]
    with pytest.raises(NotAuthorised, match=r"Who may: supervisor, back office\."):
        approve(desk, ADMIN, "R-1")


def test_who_took_money_into_suspense_does_not_approve_its_way_out(desk: Desk) -> None:
    """Rule 33: the approver is not the original cashier."""
    count(desk, "20")
    closed(desk)
    opened(desk, person=SUPERVISOR)
    receipt = pay(
        desk, cash("5"), allocate=[in_suspense("Envelope", "5")], person=SUPERVISOR
    ).receipt.receipt_number
    with pytest.raises(ApprovalNeeded) as refusal:
        resolved(desk, receipt, "BA-2", person=BACK_OFFICE)
    request = str(refusal.value.details["request"])

    assert code_of(lambda: approve(desk, SUPERVISOR, request)) == "own_deed"
