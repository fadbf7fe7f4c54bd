"""The people of two tills at one central: who is disabled at one, or loses a role, is and does so at the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pos.domain.approval import ApprovalNeeded
from pos.domain.role import Person, Role
from pos.store.people import RosterEntry, put_person, roster_entry
from pos.till.approvals import approve
from pos.till.people import Changes, NewPerson, add_user, change_user
from pos.till.sign_in import sign_in
from sync.central.tills.people import list_people, set_active
from sync.central.wire.links import PERSON_CHANGE_PATH
from sync.teller import AGAIN_AFTER_S
from tests.builders.elsewhere import two_tills
from tests.builders.tills import ADMIN, NOW, PINS, findings, rows
from tests.builders.undoing import code_of
from tests.builders.wire import Fault, Request, Wire, make_wire

SECOND_ADMIN = Person(user="5002", name="Noor", roles=frozenset({Role.ADMIN}))


def done(wire: Wire, deed: Callable[[], Any]) -> None:
    """Done by one admin, approved by the other."""
    with wire.desk.till.transaction() as unit:
        if roster_entry(unit.connection, SECOND_ADMIN.user) is None:
            entry = RosterEntry(person=SECOND_ADMIN, pin_hash="none", active=True)
            put_person(unit.connection, entry, at=NOW)
    with pytest.raises(ApprovalNeeded) as refusal:
        deed()
    approve(wire.desk, SECOND_ADMIN, str(refusal.value.details["request"]))
    deed()


def change(wire: Wire, **changes: Any) -> None:
    done(wire, lambda: change_user(wire.desk, ADMIN, "2002", Changes(**changes)))


async def pulled(*wires: Wire) -> None:
    for wire in wires:
        assert (await wire.engine.pull()).problem is None


def entry_of(wire: Wire, user: str = "2002") -> tuple[bool, set[str]]:
    with wire.desk.till.read() as connection:
        entry = roster_entry(connection, user)
    assert entry is not None
    return entry.active, set(entry.person.roles)


def by_roster(wire: Wire) -> list[tuple[object, object]]:
    found = [row for row in rows(wire.desk, "audit") if row["act"] == "roster"]
    return [(row["subject"], row["reason_code"]) for row in found]


def posted(wire: Wire) -> list[Request]:
    """What was told of people."""
    return [one for one in wire.network.heads if one.method == "POST" and one.path == PERSON_CHANGE_PATH]


async def test_who_is_disabled_at_one_till_is_let_in_at_no_other_from_its_next_pull() -> None:
    here, there = await two_tills()
    await pulled(here, there)
    sign_in(there.desk, "2002", PINS["2002"])
    there.engine.sessions.seated("2002")

    change(here, active=False)
    await here.engine.push()
    assert entry_of(there)[0], "it has heard nothing yet"
    await pulled(there)

    assert entry_of(there)[0] is False
    assert code_of(lambda: sign_in(there.desk, "2002", PINS["2002"])) == "wrong_pin"
    assert there.engine.sessions.is_another(), "the screen locks"
    assert by_roster(there) == [("2002", "disabled")]
    assert (findings(here.desk), findings(there.desk)) == ([], [])


async def test_who_is_let_in_again_elsewhere_is_let_in_here_too() -> None:
    here, there = await two_tills()
    await pulled(here, there)
    change(here, active=False)
    await pulled(here, there)
    assert entry_of(there)[0] is False

    change(there, active=True)
    await pulled(there, here)

    assert (entry_of(here)[0], entry_of(there)[0]) == (True, True)
    assert sign_in(here.desk, "2002", PINS["2002"]).user == "2002"
    assert by_roster(here) == [("2002", "enabled")]


async def test_a_role_taken_elsewhere_is_taken_here_and_none_is_given() -> None:
    here, there = await two_tills()
    await pulled(here, there)
    change(here, roles=frozenset({Role.CASHIER}))
    await pulled(here, there)

    assert entry_of(here) == (True, {"cashier"})
    assert entry_of(there) == (True, set())
    assert by_roster(there) == [("2002", "roles_taken")]
    change(here, roles=frozenset({Role.SUPERVISOR}))
    await pulled(here, there)
    assert entry_of(there) == (True, set()), "two admins give roles at this till"


async def test_somebody_new_elsewhere_is_nobody_here() -> None:
    here, there = await two_tills()
    await pulled(here, there)
    order = NewPerson(user="1077", name="New", roles=frozenset({Role.CASHIER}))
    done(here, lambda: add_user(here.desk, ADMIN, order))

    await pulled(here, there)

    with there.desk.till.read() as connection:
        assert roster_entry(connection, "1077") is None
    with here.central.read() as connection:
        (shown,) = [one for one in list_people(connection) if one.user == "1077"]
    assert shown.places == (("T1", ("cashier",), True),)


async def test_central_by_hand_disables_and_lets_in_again_at_every_till() -> None:
    here, there = await two_tills()
    await pulled(here, there)
    with here.central.write() as connection:
        set_active(connection, "2002", active=False, at=here.clock.now())
    await pulled(here, there)
    assert (entry_of(here)[0], entry_of(there)[0]) == (False, False)

    with here.central.write() as connection:
        set_active(connection, "2002", active=True, at=here.clock.now())
    await pulled(here, there)

    assert (entry_of(here)[0], entry_of(there)[0]) == (True, True)


async def test_what_was_done_without_a_line_is_told_later_once_and_stands() -> None:
    here, there = await two_tills()
    await pulled(here, there)
    here.network.down()
    change(here, active=False)
    await here.engine.push()
    await here.engine.pull()
    here.restart()

    here.network.heal()
    await pulled(here, there, here)
    await there.engine.push()

    assert (entry_of(here)[0], entry_of(there)[0]) == (False, False)
    here.restart()
    await pulled(here)
    told = len(posted(here))
    here.restart()
    await pulled(here)
    await here.engine.push()
    with here.central.read() as connection:
        kept = connection.exec_driver_sql("SELECT act FROM person_change WHERE act <> 'known'").all()
    assert len(posted(here)) == told, "nothing is told again"
    assert [row[0] for row in kept] == ["change_user", "roster"], "what was done there is told as such"


async def test_a_foreign_server_is_told_of_nobody_and_changes_nobody() -> None:
    wire = await make_wire(own=False)
    change(wire, active=False)

    await pulled(wire)
    await wire.engine.push()

    assert [one.path for one in wire.network.heads if "person" in one.path] == []
    assert entry_of(wire)[0] is False


async def test_what_central_says_waits_until_it_has_heard_of_all_that_was_done_here() -> None:
    """A change made between telling and hearing is not undone by an answer that did not know of it."""
    here, there = await two_tills()
    await pulled(here, there)
    change(here, active=False)
    await here.engine.push()
    change(there, name="Siobhan")

    assert await there.engine._roster.take() == []
    assert entry_of(there)[0] is True
    await pulled(there)

    assert entry_of(there)[0] is False


async def test_a_change_that_cannot_be_told_is_told_later_and_not_at_every_moment() -> None:
    here, there = await two_tills()
    await pulled(here, there)
    here.network.fault_of = lambda request: (
        Fault.FAILED if request.url.path == PERSON_CHANGE_PATH else Fault.NONE
    )
    change(here, active=False)
    told = len(posted(here))
    for _ in range(3):
        await here.engine.push()
    assert len(posted(here)) == told + 1

    here.network.heal()
    here.clock.advance(seconds=AGAIN_AFTER_S)
    await here.engine.push()
    await pulled(there)

    assert entry_of(there)[0] is False
