"""Signing in with user number and PIN, the session that begins by it, and how it is locked and ended.

Source: reliability.md 5.2. An unknown user takes as long and reads the same as a wrong PIN.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.role import Person, roles_problem
from pos.domain.session import Session
from pos.store.people import RosterEntry, roster_entry
from pos.till.desk import Deed, Desk, audit_refusal, perform
from pos.till.pin_tries import (
    NOBODY,
    clear_terminal,
    clear_tries,
    count_beside,
    count_try,
    right_beside,
    wrong_pin,
)
from pos.till.roster_age import ROSTER_TOO_OLD, roster_left, roster_refusal

__all__ = ["NOBODY"]

SIGN_IN, CONFIRM_PIN, UNLOCK = "sign_in", "confirm_pin", "unlock"
LOCK, SIGN_OUT, SESSION_END = "lock", "sign_out", "session_end"


def unlock(desk: Desk, person: Person, pin: str) -> Person:
    """The person who sits here is back; a session that was over begins anew. Raises as ``sign_in``."""
    return recognise(desk, person.user, pin, act=UNLOCK, then=_freshen)


def lock(desk: Desk, person: Person, *, why: str | None = None) -> None:
    """The till is locked; ``why`` where it locked by itself. Only told: a lock never fails."""
    _tell(desk, person, LOCK, why)


def sign_out(desk: Desk, person: Person) -> None:
    """The person leaves the seat."""
    _tell(desk, person, SIGN_OUT, None)
    _end(desk, person)


def end_session(desk: Desk, person: Person, *, why: str) -> None:
    """The program ends it: its script is at its end, its time is over."""
    _tell(desk, person, SESSION_END, why)
    _end(desk, person)


def _end(desk: Desk, person: Person) -> None:
    session = desk.sessions.get(person.user)
    if session is not None:
        desk.sessions[person.user] = replace(session, ended=True)


def _tell(desk: Desk, person: Person, act: str, why: str | None) -> None:
    with suppress(DomainError):
        perform(desk, person, act, lambda _deed: None, reason=why)


def sign_in(desk: Desk, user: str, pin: str) -> Person:
    """The person of this user number and PIN, whose session begins.

    Raises NotAuthorised ``wrong_pin`` (also for unknown and disabled users), ``locked_out``, ``roles_apart``,
    ``pin_expired`` (a first PIN that nobody changed) or ``roster_too_old``, and Refused ``store_write_failed``. The PIN is
    never stored, logged or echoed.
    """
    return recognise(desk, user, pin, act=SIGN_IN, then=begin_session)


def confirm_pin(desk: Desk, person: Person, pin: str) -> Person:
    """The PIN typed again, for an act that wants it fresh. Raises as ``sign_in``."""
    return recognise(desk, person.user, pin, act=CONFIRM_PIN, then=_freshen)


def recognise(
    desk: Desk, user: str, pin: str, *, act: str, then: Callable[[Desk, RosterEntry], None] | None = None
) -> Person:
    """The person of this user number and PIN, the try being counted and audited as ``act``; ``then`` what follows.

    Raises as ``sign_in``.
    """
    made = count_try(desk, user, act)
    entry = made.entry
    right = desk.pin_hasher.matches(None if entry is None else entry.pin_hash, pin)
    refusal = made.locked or _refusal(desk, entry, right=right)
    if refusal is not None:
        audit_refusal(desk, made.person, act, made.deed_id, refusal)
        raise refusal
    assert entry is not None
    known = entry
    left = roster_left(desk)

    def work(deed: Deed) -> Person:
        if left is not None and left < timedelta(0):
            deed.reason_code = ROSTER_TOO_OLD
        clear_tries(deed.unit.connection, known.person.user)
        return known.person

    person = perform(desk, entry.person, act, work, deed_id=made.deed_id)
    if then is not None:
        then(desk, entry)
    return person


def _refusal(desk: Desk, entry: RosterEntry | None, *, right: bool) -> NotAuthorised | None:
    """Why the person is not let in, though not locked out."""
    if not right or entry is None or not entry.active:
        return wrong_pin()
    apart = roles_problem(entry.person.roles)
    if apart is not None:
        return NotAuthorised("roles_apart", f"Nobody may have your roles: {apart}.")
    if entry.pin_is_first and entry.pin_expires is not None and desk.clock.now() >= entry.pin_expires:
        return NotAuthorised(
            "pin_expired", "Your first PIN was not changed in time. Ask an admin for another."
        )
    return roster_refusal(desk, entry.person)


def begin_session(desk: Desk, entry: RosterEntry) -> None:
    """The person sits here from now on."""
    now = desk.moment
    desk.sessions[entry.person.user] = Session(
        person=entry.person, began=now, pin_typed=now, pin_is_first=entry.pin_is_first
    )


def _freshen(desk: Desk, entry: RosterEntry) -> None:
    """The PIN was typed again. A session that is over, or of other rights, begins anew by it."""
    session = desk.sessions.get(entry.person.user)
    if (
        session is None
        or session.is_over(desk.policy.sessions, desk.moment)
        or session.person != entry.person
    ):
        begin_session(desk, entry)
    else:
        desk.sessions[entry.person.user] = replace(session, pin_typed=desk.moment)


def is_over(desk: Desk, person: Person) -> bool:
    """Whether the person sits here, and has for as long as one may without signing in anew."""
    session = desk.sessions.get(person.user)
    return session is not None and not session.ended and session.is_over(desk.policy.sessions, desk.moment)


def check_beside(desk: Desk, user: str, pin: str) -> Person:
    """As ``sign_in``, on a home opened to be read: the try is counted beside the books, which take it in later."""
    made = count_beside(desk, user)
    entry = made.entry
    right = desk.pin_hasher.matches(None if entry is None else entry.pin_hash, pin)
    refusal = made.locked or _refusal(desk, entry, right=right)
    if refusal is not None:
        raise refusal
    assert entry is not None
    right_beside(desk, made)
    begin_session(desk, entry)
    return entry.person


def confirm_person(desk: Desk, person: Person, user: str) -> Person:
    """A supervisor has seen who ``user`` is: the wrong tries of that person, and of the terminal, begin anew, and for one
    shift the person is let in however long central has been silent.

    Raises NotAuthorised, Refused ``unknown_user`` or ``own_tries``.
    """

    def work(deed: Deed) -> Person:
        entry = roster_entry(deed.unit.connection, user) if re.fullmatch(r"[0-9]{1,12}", user) else None
        if entry is None:
            raise Refused("unknown_user", "There is no such user at this terminal.")
        if entry.person.user == person.user:
            raise Refused("own_tries", "Another supervisor must confirm who you are.")
        deed.subject = entry.person.user
        clear_tries(deed.unit.connection, entry.person.user)
        clear_terminal(deed.unit.connection)
        return entry.person

    return perform(desk, person, "confirm_person", work)
