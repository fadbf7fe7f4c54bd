"""Signing in with user number and PIN: tries are counted before the check, and lock-outs survive a restart.

Source: reliability.md 5.2. An unknown user takes as long and reads the same as a wrong PIN.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta

from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.ids import new_id
from pos.domain.role import Person, roles_problem
from pos.store.people import PinTries, RosterEntry, pin_tries, roster_entry, set_pin_tries
from pos.store.unit_of_work import CommitFailed, WriteFailed
from pos.till.desk import Deed, Desk, audit_refusal, nothing_booked, perform

NOBODY = Person(user="-", name="", roles=frozenset())
"""Who is named in the audit when the user number is none of ours: what was typed might be a PIN."""


SIGN_IN, UNLOCK, LOCK, SIGN_OUT, SESSION_END = "sign_in", "unlock", "lock", "sign_out", "session_end"


def unlock(desk: Desk, person: Person, pin: str) -> Person:
    """The person who sits here is back. Raises as ``sign_in``."""
    return sign_in(desk, person.user, pin, act=UNLOCK)


def lock(desk: Desk, person: Person, *, why: str | None = None) -> None:
    """The till is locked; ``why`` where it locked by itself. Only told: a lock never fails."""
    _tell(desk, person, LOCK, why)


def sign_out(desk: Desk, person: Person) -> None:
    """The person leaves the seat."""
    _tell(desk, person, SIGN_OUT, None)


def end_session(desk: Desk, person: Person, *, why: str) -> None:
    """The program ends it: its script is at its end, its time is over."""
    _tell(desk, person, SESSION_END, why)


def _tell(desk: Desk, person: Person, act: str, why: str | None) -> None:
    with suppress(DomainError):
        perform(desk, person, act, lambda _deed: None, reason=why)


def sign_in(desk: Desk, user: str, pin: str, *, act: str = SIGN_IN) -> Person:
    """The person of this user number and PIN.

    Raises NotAuthorised ``wrong_pin`` (also for unknown and disabled users) or ``locked_out``, and Refused
    ``store_write_failed``. The PIN is never stored, logged or echoed.
    """
    subject = _subject(desk, user)
    locked = _count_try(desk, subject)
    entry = subject if isinstance(subject, RosterEntry) else None
    right = desk.pin_hasher.matches(None if entry is None else entry.pin_hash, pin)
    person = NOBODY if entry is None else entry.person
    if locked is not None:
        raise _refused(desk, person, act, locked)
    if not right or entry is None or not entry.active:
        raise _refused(desk, person, act, NotAuthorised("wrong_pin", "User number or PIN is wrong."))
    apart = roles_problem(entry.person.roles)
    if apart is not None:
        raise _refused(
            desk, person, act, NotAuthorised("roles_apart", f"Nobody may have your roles: {apart}.")
        )

    def work(deed: Deed) -> Person:
        clear = PinTries(failures=0, locked_until=None)
        set_pin_tries(deed.unit.connection, f"user:{entry.person.user}", clear)
        return entry.person

    return perform(desk, person, act, work)


def check_beside(desk: Desk, user: str, pin: str) -> Person:
    """As ``sign_in``, on a home opened to be read: the lock-outs hold, but nothing can be counted or audited."""
    subject = _subject(desk, user)
    entry = subject if isinstance(subject, RosterEntry) else None
    name = f"user:{entry.person.user}" if entry is not None else "terminal"
    with desk.till.read() as connection:
        tries = pin_tries(connection, name)
    if tries.failures >= desk.policy.pins.max_failures or (
        tries.locked_until is not None and desk.clock.now() < tries.locked_until
    ):
        raise NotAuthorised("locked_out", "Too many wrong tries.")
    right = desk.pin_hasher.matches(None if entry is None else entry.pin_hash, pin)
    if not right or entry is None or not entry.active:
        raise NotAuthorised("wrong_pin", "User number or PIN is wrong.")
    return entry.person


def confirm_person(desk: Desk, person: Person, user: str) -> Person:
    """A supervisor has seen who ``user`` is: the wrong tries of that person, and of the terminal, begin anew.

    Raises NotAuthorised, Refused ``unknown_user`` or ``own_tries``.
    """

    def work(deed: Deed) -> Person:
        entry = roster_entry(deed.unit.connection, user) if re.fullmatch(r"[0-9]{1,12}", user) else None
        if entry is None:
            raise Refused("unknown_user", "There is no such user at this terminal.")
        if entry.person.user == person.user:
            raise Refused("own_tries", "Another supervisor must confirm who you are.")
        deed.subject = entry.person.user
        for subject in (f"user:{entry.person.user}", "terminal"):
            set_pin_tries(deed.unit.connection, subject, PinTries(failures=0, locked_until=None))
        return entry.person

    return perform(desk, person, "confirm_person", work)


def _subject(desk: Desk, user: str) -> RosterEntry | str:
    """Whose tries are counted: the person's, or the terminal's where nobody has that number."""
    if re.fullmatch(r"[0-9]{1,12}", user) is None:
        return "terminal"
    with desk.till.read() as connection:
        return roster_entry(connection, user) or "terminal"


def _count_try(desk: Desk, subject: RosterEntry | str) -> NotAuthorised | None:
    """Count this try as wrong before it is checked; the refusal to give when tries are locked."""
    name = f"user:{subject.person.user}" if isinstance(subject, RosterEntry) else subject
    now = desk.clock.now()
    try:
        with desk.till.transaction() as unit:
            tries = pin_tries(unit.connection, name)
            if tries.locked_until is not None and now < tries.locked_until:
                minutes = -((now - tries.locked_until) // timedelta(minutes=1))
                return NotAuthorised("locked_out", f"Too many wrong tries. Try again in {minutes} min.")
            limits = desk.policy.pins
            if isinstance(subject, RosterEntry) and tries.failures >= limits.max_failures:
                return NotAuthorised(
                    "locked_out", "Too many wrong tries. Ask a supervisor to confirm who you are."
                )
            failures = tries.failures + 1
            set_pin_tries(
                unit.connection,
                name,
                PinTries(failures=failures, locked_until=_locked_until(desk, failures, now)),
            )
    except (WriteFailed, CommitFailed) as failure:
        # A try that cannot be counted is not made.
        raise nothing_booked(failure.reason) from failure
    return None


def _locked_until(desk: Desk, failures: int, now: datetime) -> datetime | None:
    over = failures - 5
    if over < 0:
        return None
    minutes = desk.policy.pins.lock_minutes
    return now + timedelta(minutes=minutes[min(over, len(minutes) - 1)])


def _refused(desk: Desk, person: Person, act: str, refusal: NotAuthorised) -> NotAuthorised:
    audit_refusal(desk, person, act, new_id(desk.clock, desk.randomness), refusal)
    return refusal
