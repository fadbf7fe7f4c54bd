"""What central says of the people is done here too, by nobody: the program writes it, audited as the roster's.

Only what narrows is taken over, and the end of being disabled: who was disabled anywhere is disabled here, and a role that
was taken away anywhere is taken here. Nobody appears here, and nobody is given a role here, but by two admins of this till:
a token that was stolen from one till must not make anybody more at another. Source: reliability.md 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pos.domain.ids import new_id
from pos.domain.ports import Clock, Randomness
from pos.domain.role import Role
from pos.store.people import RosterEntry, put_person, roster_entry, write_change
from pos.store.person_changes import last_place
from pos.store.unit_of_work import TillStore
from pos.till.desk import note_program

ROSTER = "roster"
CENTRAL = "central"
"""Who did it, in the changes of a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSaid:
    """What counts of a person at every till."""

    user: str
    active: bool
    roles_taken: frozenset[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterDesk:
    """What it is done with: no person sits at it."""

    till: TillStore
    terminal: str
    clock: Clock
    randomness: Randomness


def obey_roster(desk: RosterDesk, said: Sequence[PersonSaid], *, told_up_to: int) -> list[str] | None:
    """Do what central says, in one transaction; the users who are others by it.

    None, and nothing is done, where something was changed here that central had not heard of when it said this.
    """
    changed: list[str] = []
    with desk.till.transaction() as unit:
        if last_place(unit.connection) != told_up_to:
            return None
        for person in said:
            before = roster_entry(unit.connection, person.user)
            after = None if before is None else _as_said(before, person)
            if after is None or after == before:
                continue
            assert before is not None
            at, deed_id = desk.clock.now(), new_id(desk.clock, desk.randomness)
            put_person(unit.connection, after, at=at)
            write_change(unit, after, act=ROSTER, deed_id=deed_id, operator=CENTRAL, at=at)
            note_program(
                unit,
                at,
                terminal=desk.terminal,
                deed_id=deed_id,
                act=ROSTER,
                result="ok",
                subject=person.user,
                reason_code=_what(before, after),
            )
            changed.append(person.user)
    return changed


def _as_said(entry: RosterEntry, said: PersonSaid) -> RosterEntry:
    roles = entry.person.roles - said.roles_taken
    dealer = entry.person.dealer if Role.DEALER in roles else None
    return replace(entry, person=replace(entry.person, roles=roles, dealer=dealer), active=said.active)


def _what(before: RosterEntry, after: RosterEntry) -> str:
    if before.active and not after.active:
        return "disabled"
    return "enabled" if after.active and not before.active else "roles_taken"
