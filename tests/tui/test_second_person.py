"""A second person at the screen: at the seat of who asks, in the list of what waits, and among admins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.role import Person, Role
from pos.store.people import RosterEntry, put_person
from pos.till.approvals import requests_now
from pos.till.desk import Desk
from tests.builders.tills import CASHIER, NOW, PINS, SUPERVISOR, findings, make_till, opened, rows
from tests.tui.counter import Counter, counter

ADMIN_2 = "604813"


@pytest.fixture
def desk() -> Desk:
    """User 1001's own account is BA-1, and there is a second admin 5002."""
    desk = make_till()
    with desk.till.transaction() as unit:
        hashed = desk.pin_hasher.hash
        own = replace(CASHIER, accounts=frozenset({"BA-1"}))
        put_person(
            unit.connection, RosterEntry(person=own, pin_hash=hashed(PINS["1001"]), active=True), at=NOW
        )
        noor = Person(user="5002", name="Noor", roles=frozenset({Role.ADMIN}))
        put_person(unit.connection, RosterEntry(person=noor, pin_hash=hashed(ADMIN_2), active=True), at=NOW)
    opened(desk, person=own)
    return desk


async def ask_to_pay_own_bill(seat: Counter) -> None:
    await seat.open("BA-1")
    await seat.press("f5", "enter")
    assert seat.screen == "SecondPersonScreen"


async def test_the_own_bill_is_paid_once_somebody_beside_the_seat_approved(desk: Desk) -> None:
    async with counter(desk) as seat:
        await ask_to_pay_own_bill(seat)
        assert "a payment of" in seat.text
        assert "Asked by user 1001" in seat.text
        assert "Who may approve R-1: supervisor, back office." in seat.message

        await seat.second_person("2002", PINS["2002"])
        assert seat.screen == "FindScreen"
    assert len(rows(desk, "approval_use")) == 1
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("user", "pin", "said"),
    [
        ("2002", "000000", "wrong"),
        ("1001", PINS["1001"], "You may not do this. Who may: supervisor, back office, admin."),
    ],
)
async def test_a_wrong_pin_or_person_is_told_and_the_pin_is_wiped(
    desk: Desk, user: str, pin: str, said: str
) -> None:
    async with counter(desk) as seat:
        await ask_to_pay_own_bill(seat)
        await seat.second_person(user, pin)

        assert seat.screen == "SecondPersonScreen"
        assert said in seat.message
        assert pin not in seat.text
        await seat.second_person("2002", PINS["2002"])
        assert seat.screen == "FindScreen"


async def test_left_alone_the_request_waits_in_the_list_and_is_approved_there(desk: Desk) -> None:
    async with counter(desk) as seat:
        await ask_to_pay_own_bill(seat)
        await seat.press("escape")
        assert seat.message == "! Request R-1 waits for a second person: menu . . 9"
        assert seat.screen == "CashScreen"
    async with counter(desk, user="2002") as seat:
        await seat.press(".", ".", "9")
        assert seat.screen == "ApprovalsScreen"
        assert "Waiting for a second person: 1" in seat.text
        await seat.press("y")
        assert seat.screen == "ConfirmScreen"
        assert "Approve R-1, exactly as it stands, for five minutes?" in seat.text
        await seat.press("enter")
        assert seat.message.startswith("R-1 is approved until")
        assert "approved" in seat.text
    (request,) = requests_now(desk, SUPERVISOR)
    assert (str(request.state), request.answered_by) == ("approved", "2002")


async def test_a_no_is_told_with_its_reason(desk: Desk) -> None:
    async with counter(desk) as seat:
        await ask_to_pay_own_bill(seat)
        await seat.press("escape")
    async with counter(desk, user="4001") as seat:
        await seat.press(".", ".", "9", "n")
        await seat.write("Pay it at another till")
        await seat.press("enter")
        assert seat.message == "R-1 is declined; it would have to be asked for anew."
        await seat.press("y")
        assert seat.message == "! Request R-1 is declined already."
    (row,) = rows(desk, "approval_declined")
    assert (row["decliner"], row["reason"]) == ("4001", "Pay it at another till")


async def test_who_asked_cannot_approve_in_the_list(desk: Desk) -> None:
    async with counter(desk) as seat:
        await ask_to_pay_own_bill(seat)
        await seat.press("escape", "escape", "escape", ".", ".", "9")
        assert seat.screen == "ApprovalsScreen"
        await seat.press("y", "enter")
        assert seat.message == "! You may not do this. Who may: supervisor, back office, admin."
    assert rows(desk, "approval") == []


async def test_an_empty_list_says_so(desk: Desk) -> None:
    async with counter(desk, user="2002") as seat:
        await seat.press("escape", ".", ".", "9", "y")
        assert "Nobody asked for a second person." in seat.text
        assert seat.message == "! Nobody asked for a second person. Esc goes back."


# --- people ---------------------------------------------------------------------------------------------------------------


async def test_an_admin_adds_somebody_with_another_admin_beside(desk: Desk) -> None:
    async with counter(desk, user="5001") as seat:
        await seat.press(".", ".", "0", "a")
        await seat.fill("1088", "Zoë O'Brien", "cashier, supervisor", "")
        await seat.press("enter")
        assert seat.screen == "SecondPersonScreen"
        assert "add user 1088, Zoë O'Brien, as cashier, supervisor" in seat.text
        await seat.second_person("5002", ADMIN_2)
        assert seat.screen == "FirstPinScreen"
        pin = next(line.strip() for line in seat.text.splitlines() if line.strip().isdigit())
        await seat.press("enter")
        assert seat.screen == "PeopleScreen"
        assert pin not in seat.text
        assert "Zoë O'Brien" in seat.text
    async with counter(desk, user=None) as seat:
        await seat.second_person("1088", pin)
        assert seat.screen == "OwnPinScreen"


@pytest.mark.parametrize(
    ("typed", "said", "at"),
    [
        (("12", "Mia", "cashier", ""), "User number: 3 to 12 digits.", "user"),
        (("1001", "Mia", "cashier", ""), "There is a user 1001 already.", "user"),
        (("1088", "Mia", "king", ""), "Roles: cashier, supervisor, dealer", "roles"),
        (("1088", "Mia", "cashier, admin", ""), "Nobody may have these roles: the role admin", "roles"),
        (("1088", "Mia", "dealer", ""), "Who has the role dealer has a dealer's account", "dealer"),
    ],
)
async def test_what_is_wrong_with_a_person_is_told_at_its_field(
    desk: Desk, typed: tuple[str, ...], said: str, at: str
) -> None:
    async with counter(desk, user="5001") as seat:
        await seat.press(".", ".", "0", "a")
        await seat.fill(*typed)
        await seat.press("enter")

        assert seat.message.startswith(f"! {said}")
        assert seat.app.focused is not None
        assert seat.app.focused.id == f"person-{at}-box"
    assert rows(desk, "approval_request") == []


async def test_a_person_is_disabled_and_let_in_again(desk: Desk) -> None:
    async with counter(desk, user="5001") as seat:
        for label in ("DISABLED", ""):
            await seat.press(".", ".", "0", "d", "enter")
            await seat.second_person("5002", ADMIN_2)
            assert seat.message == "User 1001 is changed."
            line = next(line for line in seat.text.splitlines() if "1001" in line)
            assert ("DISABLED" in line) is bool(label)
            await seat.press("escape")
    assert [row["active"] for row in rows(desk, "person_change")] == [0, 1]


async def test_roles_and_a_first_pin_are_changed_from_the_list(desk: Desk) -> None:
    async with counter(desk, user="5001") as seat:
        await seat.press(".", ".", "0", "c")
        await seat.fill("")
        await seat.fill("cashier, supervisor")
        await seat.press("enter")
        assert "user 1001: roles cashier, supervisor" in seat.text
        await seat.second_person("5002", ADMIN_2)
        assert seat.message == "User 1001 is changed."
        await seat.press("r", "enter")
        await seat.second_person("5002", ADMIN_2)
        assert seat.screen == "FirstPinScreen"
    assert [row["act"] for row in rows(desk, "person_change")] == ["change_user", "reset_pin"]


async def test_nothing_changed_is_said(desk: Desk) -> None:
    async with counter(desk, user="5001") as seat:
        await seat.press(".", ".", "0", "c", "enter", "enter", "enter")
        assert seat.message == "! Nothing is another than before. Esc goes back."


@pytest.mark.parametrize("user", ["1001", "2002", "4001", "6001"])
async def test_nobody_but_an_admin_sees_the_people(desk: Desk, user: str) -> None:
    async with counter(desk, user=user) as seat:
        await seat.press("escape", ".", ".", "0")
        assert seat.message == "! You may not do this. Who may: admin."
        assert "O'Brien" not in "\n".join(seat.text.splitlines()[1:])


async def test_a_note_is_kept_from_the_menu(desk: Desk) -> None:
    async with counter(desk) as seat:
        await seat.press(".", "n", "enter", "enter")
        assert seat.message == "! Type what is to be kept."
        await seat.fill("The drawer sticks")
        await seat.press("enter")
        assert seat.message == "The note is kept with your name."
    assert rows(desk, "audit")[-1]["reason_code"] == "The drawer sticks"
