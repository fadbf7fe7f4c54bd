"""The people of the roster: their PINs, and what an admin changes of them, never alone.

Source: reliability.md 5.1 and 5.2.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.pin import pin_problem
from pos.domain.role import Person, Role, named_roles, roles_problem
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.people import RosterEntry, put_person, roster, roster_entry, write_change
from pos.till.approvals import require_second
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look
from pos.till.pin_tries import clear_tries
from pos.till.sign_in import begin_session, recognise

CHANGE_PIN, ADD_USER, CHANGE_USER, RESET_PIN = "change_pin", "add_user", "change_user", "reset_pin"
FIRST_PIN_DIGITS = 8


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """Somebody who is to be added."""

    user: str
    name: str
    roles: frozenset[Role]
    dealer: str | None = None
    accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What of a person is to be another; None: as it is."""

    name: str | None = None
    roles: frozenset[Role] | None = None
    accounts: frozenset[str] | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChanged:
    """The person as it is now. ``first_pin`` is told once, to be handed over; nothing keeps it."""

    person: Person
    active: bool
    first_pin: str | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Somebody of the roster, as an admin sees them."""

    person: Person
    active: bool
    pin_is_first: bool


def people_here(desk: Desk, person: Person) -> list[Known]:
    """The roster, by user number. Raises NotAuthorised for whoever may not change it."""
    require_look(desk, CHANGE_USER, person)
    with desk.till.read() as connection:
        found = roster(connection)
    return [
        Known(person=entry.person, active=entry.active, pin_is_first=entry.pin_is_first) for entry in found
    ]


def add_user(desk: Desk, person: Person, order: NewPerson, *, memo: Memo | None = None) -> PersonChanged:
    """Add somebody, with a first PIN. An admin does, with another admin's approval.

    Raises NotAuthorised, ApprovalNeeded, or Refused ``user_exists``, ``roles_apart``, ``dealer_missing`` or what the
    cleaning of texts raises.
    """
    pin = first_pin(desk, order.user)

    def work(deed: Deed) -> PersonChanged:
        added = _checked(
            Person(
                user=order.user,
                name=clean_entry(order.name, field="Name", limit=200),
                roles=order.roles,
                dealer=order.dealer,
                accounts=order.accounts,
            )
        )
        deed.subject = added.user
        if roster_entry(deed.unit.connection, added.user) is not None:
            raise Refused("user_exists", f"There is a user {added.user} already.", user=added.user)
        require_second(deed, ADD_USER, asdict(order), f"add {_described(added)}")
        return _with_first_pin(deed, RosterEntry(person=added, pin_hash="", active=True), pin, ADD_USER)

    return perform(desk, person, ADD_USER, work, memo=memo, alone=True)


def change_user(
    desk: Desk, person: Person, user: str, changes: Changes, *, memo: Memo | None = None
) -> PersonChanged:
    """Change roles, name or accounts, disable or let in again: never of oneself. With another admin's approval.

    Raises NotAuthorised ``own_person``, ApprovalNeeded, or Refused ``unknown_user`` or ``roles_apart``.
    """

    def work(deed: Deed) -> PersonChanged:
        deed.subject = user
        entry = _of_another(deed, user)
        before = entry.person
        after = _checked(
            replace(
                before,
                name=before.name
                if changes.name is None
                else clean_entry(changes.name, field="Name", limit=200),
                roles=before.roles if changes.roles is None else changes.roles,
                accounts=before.accounts if changes.accounts is None else changes.accounts,
            )
        )
        require_second(deed, CHANGE_USER, {"user": user, **asdict(changes)}, _changed(after, changes))
        changed = replace(
            entry, person=after, active=entry.active if changes.active is None else changes.active
        )
        write_entry(deed, changed, CHANGE_USER)
        return PersonChanged(person=after, active=changed.active)

    return perform(desk, person, CHANGE_USER, work, memo=memo, alone=True)


def reset_pin(desk: Desk, person: Person, user: str, *, memo: Memo | None = None) -> PersonChanged:
    """Give another person a first PIN again; the wrong tries begin anew. With another admin's approval.

    Raises NotAuthorised ``own_person``, ApprovalNeeded, or Refused ``unknown_user``.
    """
    pin = first_pin(desk, user)

    def work(deed: Deed) -> PersonChanged:
        deed.subject = user
        entry = _of_another(deed, user)
        require_second(deed, RESET_PIN, {"user": user}, f"a first PIN for {_described(entry.person)}")
        clear_tries(deed.unit.connection, user)
        return _with_first_pin(deed, entry, pin, RESET_PIN)

    return perform(desk, person, RESET_PIN, work, memo=memo, alone=True)


def first_pin(desk: Desk, user: str) -> tuple[str, str]:
    """A PIN that nobody chose, and its hash."""
    digits = max(desk.policy.pins.min_digits, FIRST_PIN_DIGITS)
    while True:
        drawn = int.from_bytes(desk.randomness.token_bytes(16), "big")
        pin = f"{drawn % 10**digits:0{digits}}"
        problem = pin_problem(
            pin, user=user, min_digits=desk.policy.pins.min_digits, shop=desk.identity.shop.shop
        )
        if problem is None:
            return pin, desk.pin_hasher.hash(pin)


def _described(person: Person) -> str:
    return f"user {person.user}, {person.name}, as {named_roles(sorted(person.roles))}"


def _changed(after: Person, changes: Changes) -> str:
    parts = [f"user {after.user}:"]
    if changes.active is not None:
        parts.append("let in again" if changes.active else "disable")
    if changes.name is not None:
        parts.append(f"name {after.name}")
    if changes.roles is not None:
        parts.append(f"roles {named_roles(sorted(after.roles))}")
    if changes.accounts is not None:
        parts.append(f"own accounts {', '.join(sorted(after.accounts)) or 'none'}")
    return " ".join(parts)


def _with_first_pin(deed: Deed, entry: RosterEntry, pin: tuple[str, str], act: str) -> PersonChanged:
    expires = deed.at + deed.desk.policy.sessions.first_pin
    write_entry(deed, replace(entry, pin_hash=pin[1], pin_is_first=True, pin_expires=expires), act)
    return PersonChanged(person=entry.person, active=entry.active, first_pin=pin[0], expires=expires)


def _of_another(deed: Deed, user: str) -> RosterEntry:
    if user == deed.person.user:
        raise NotAuthorised("own_person", "Nobody changes what they may do themselves. Another admin does.")
    return known_person(deed, user)


def _checked(person: Person) -> Person:
    """Roles that go together, and a dealer for who is a dealer's. Raises Refused."""
    apart = roles_problem(person.roles)
    if apart is not None:
        raise Refused("roles_apart", f"Nobody may have these roles: {apart}.", field="roles")
    if (Role.DEALER in person.roles) is not (person.dealer is not None):
        raise Refused(
            "dealer_missing",
            "Who has the role dealer has a dealer's account, and nobody else.",
            field="dealer",
        )
    for account in (*person.accounts, *([person.dealer] if person.dealer else [])):
        clean_reference(account, field="Account", limit=40)
    return person


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
