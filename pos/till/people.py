"""The people of the roster: their PINs, and what an admin changes of them, never alone.

Source: reliability.md 5.1 and 5.2.
"""

from __future__ import annotations

from dataclasses import replace

from pos.domain.errors import Refused
from pos.domain.pin import pin_problem
from pos.domain.role import Person
from pos.store.people import RosterEntry, put_person, roster_entry, write_change
from pos.till.desk import Deed, Desk, perform
from pos.till.sign_in import begin_session, recognise

CHANGE_PIN = "change_pin"


def change_pin(desk: Desk, person: Person, pin: str, new_pin: str) -> None:
    """The person chooses another PIN, and proves to be the one by the PIN that there is.

    Raises as ``sign_in``, and Refused ``bad_pin`` (too easy, or the old one).
    """
    recognise(desk, person.user, pin, act="confirm_pin")

    def work(deed: Deed) -> RosterEntry:
        deed.subject = person.user
        entry = known_person(deed, person.user)
        problem = pin_problem(
            new_pin, user=person.user, min_digits=desk.policy.pins.min_digits, shop=desk.identity.shop.shop
        )
        if problem is None and new_pin == pin:
            problem = "This is the PIN that you have."
        if problem is not None:
            raise Refused("bad_pin", problem, field="new_pin")
        own = replace(entry, pin_hash=hashed, pin_is_first=False, pin_expires=None)
        write_entry(deed, own, CHANGE_PIN)
        return own

    # Hashing takes as long as checking: not inside the transaction.
    hashed = desk.pin_hasher.hash(new_pin)
    begin_session(desk, perform(desk, person, CHANGE_PIN, work))


def known_person(deed: Deed, user: str) -> RosterEntry:
    """Raises Refused ``unknown_user``."""
    entry = roster_entry(deed.unit.connection, user)
    if entry is None:
        raise Refused("unknown_user", "There is no such user at this terminal.")
    return entry


def write_entry(deed: Deed, entry: RosterEntry, act: str) -> None:
    """The roster as it is from now on, and the change beside it for good."""
    put_person(deed.unit.connection, entry, at=deed.at)
    write_change(deed.unit, entry, act=act, deed_id=deed.deed_id, operator=deed.person.user, at=deed.at)
