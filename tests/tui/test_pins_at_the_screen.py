"""A PIN that must be typed again, a first one that must be changed, and a session that is over: at the screen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pos.domain.role import Person, Role
from pos.domain.session import SessionPolicy
from pos.store.people import RosterEntry, put_person
from pos.till.cash_office import current_shift
from tests.builders.tills import NOW, clock_of, make_till, opened, rows
from tests.tui.counter import counter


async def test_closing_asks_for_the_pin_again_and_the_same_key_then_closes() -> None:
    desk = make_till()
    opened(desk)
    desk.policy = replace(desk.policy, sessions=SessionPolicy(fresh_acts=frozenset({"close_shift"})))
    async with counter(desk) as seat:
        await seat.press(".", "2")
        await seat.write("20")
        session = desk.sessions["1001"]
        typed = replace(session.pin_typed, monotonic_s=-400.0)
        desk.sessions["1001"] = replace(session, pin_typed=typed)
        await seat.press("enter", "enter", "enter")
        assert seat.screen == "PinScreen"
        assert "Type your PIN again" in seat.message

        await seat.write("000000")
        await seat.press("enter")
        assert "wrong" in seat.message
        await seat.write("135790")
        await seat.press("enter")
        assert seat.screen == "CloseShiftScreen"
        assert current_shift(desk) is not None
        await seat.press("enter")
        seat.app._each_second()
        await seat.settle()
        assert seat.screen == "ShiftClosedScreen"
    assert current_shift(desk) is None


async def test_leaving_the_question_for_the_pin_does_nothing() -> None:
    desk = make_till()
    desk.policy = replace(
        desk.policy, sessions=SessionPolicy(fresh_acts=frozenset({"open_shift"}), fresh_pin=timedelta(0))
    )
    async with counter(desk) as seat:
        await seat.press("enter")
        assert seat.screen == "PinScreen"
        await seat.press("escape")
        assert seat.screen == "OpenShiftScreen"
        assert "wants your PIN" in seat.message
    assert current_shift(desk) is None


async def test_a_first_pin_leads_to_the_choice_of_an_own_one() -> None:
    desk = make_till()
    opened(desk)
    person = Person(user="1077", name="Mia", roles=frozenset({Role.AUDITOR}))
    with desk.till.transaction() as unit:
        entry = RosterEntry(
            person=person, pin_hash=desk.pin_hasher.hash("440912"), active=True, pin_is_first=True
        )
        put_person(unit.connection, entry, at=NOW)
    async with counter(desk, user=None) as seat:
        await seat.write("1077")
        await seat.press("enter")
        await seat.write("440912")
        await seat.press("enter")
        assert seat.screen == "OwnPinScreen"

        for typed in ("440912", "123456", "123456", "907351", "907352", "907351", "907351"):
            await seat.write(typed)
            await seat.press("enter")
        assert seat.screen == "FindScreen"
        assert "907351" not in seat.text
    assert [row["act"] for row in rows(desk, "person_change")] == ["change_pin"]


async def test_a_session_that_is_over_locks_and_the_pin_begins_it_anew() -> None:
    desk = make_till()
    opened(desk)
    desk.policy = replace(desk.policy, sessions=SessionPolicy(lasts=timedelta(minutes=2)))
    async with counter(desk) as seat:
        clock_of(desk).advance(minutes=2)
        seat.app._each_second()
        await seat.settle()
        assert seat.screen == "LockScreen"
        assert "as long as one may" in seat.message

        await seat.write("135790")
        await seat.press("enter")
        assert seat.screen == "FindScreen"
        assert desk.sessions["1001"].began.monotonic_s >= 120


async def test_the_lock_and_the_way_out_are_audited() -> None:
    desk = make_till()
    opened(desk)
    async with counter(desk) as seat:
        await seat.press("ctrl+l")
        await seat.write("135790")
        await seat.press("enter")
        await seat.press(".", "7")
        await seat.settle()

    assert [row["act"] for row in rows(desk, "v_audit")][-4:] == ["sign_in", "lock", "unlock", "sign_out"]
